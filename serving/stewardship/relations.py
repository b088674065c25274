"""How a golden record hangs together with others: who works for whom, who belongs to whom, declared relations.

Read from the links that the lifecycle resolves (`record_link`); empty until a run has resolved them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import orjson
import sqlalchemy as sa

from models.store import Store
from models.store import lifecycle_tables as lt
from serving.asking import shown_name
from serving.stewardship.bench import Bench
from serving.stewardship.raw import raw_values

_BETWEEN = {lt.ORGANIZATION: "works for", lt.PARENT: "belongs to"}
_ENDS = {lt.FROM: "from", lt.TO: "to"}


@dataclass(frozen=True)
class Relation:
    """`type` as it was declared, or `works for` and `belongs to`; `outward` reads from this golden record to the other.

    `record` is the source record that says so; `role`, `valid_from` and `valid_to` are those of a declared relation.
    """

    type: str
    direction: Literal["outward", "inward"]
    golden_id: str
    name: str
    record: str
    role: str | None = None
    valid_from: str | None = None
    valid_to: str | None = None


def relations_of(bench: Bench, members: Sequence[int]) -> list[Relation]:
    """The relations of the golden record that these records are the members of."""
    store, link = bench.store, lt.record_link.c
    mine = set(members)
    query = sa.select(link.record_id, link.target_id, link.kind)
    ends = query.where(link.target_id.in_(members), link.kind.in_([*_BETWEEN, *_ENDS]))
    # Said so that the index of the links of parties serves it; other links are looked up by their targets alone.
    own = query.where(link.record_id.in_(members), link.kind >= sa.literal_column("10"), link.kind.in_(list(_BETWEEN)))
    with store.database.read() as connection:
        rows = {tuple(row) for part in (ends, own) for row in connection.execute(part)}
        declared = sorted({record for record, _, kind in rows if kind in _ENDS})
    both = _ends_of(store, bench, declared)
    found: list[tuple[str, Literal["outward", "inward"], int, int]] = []
    for record, target, kind in sorted(rows):
        if kind in _BETWEEN:
            outward = record in mine
            found.append((_BETWEEN[kind], "outward" if outward else "inward", target if outward else record, record))
        elif len(both.get(record, {})) == 2:
            outward = kind == lt.FROM
            found.append(("", "outward" if outward else "inward", both[record][lt.TO if outward else lt.FROM], record))
    return _told(store, bench, found)


def _ends_of(store: Store, bench: Bench, relations: list[int]) -> dict[int, dict[int, int]]:
    """Records of relations → the party at either end: of the records that a key may name, the first that is one."""
    named = {
        record: {lt.FROM: row["standard"].get("from_ids") or [], lt.TO: row["standard"].get("to_ids") or []}
        for record, row in bench.records(relations).items()
    }
    asked = sorted({number for ends in named.values() for ids in ends.values() for number in ids})
    known = set(store.memberships(asked)["record_id"].to_pylist()) if asked else set()
    found: dict[int, dict[int, int]] = {}
    for record, ends in named.items():
        for kind, ids in ends.items():
            if (end := next((number for number in ids if number in known), None)) is not None:
                found.setdefault(record, {})[kind] = end
    return found


def _told(
    store: Store, bench: Bench, found: list[tuple[str, Literal["outward", "inward"], int, int]]
) -> list[Relation]:
    others = bench.records(sorted({other for _, _, other, _ in found}))
    says = bench.records(sorted({record for *_, record in found}))
    raw = raw_values(bench, sorted({record for kind, *_, record in found if not kind}))
    homes = sorted({row["golden_id"] for row in others.values() if row["golden_id"]})
    names = {row["golden_id"]: shown_name(orjson.loads(row["values"])) for row in store.golden_by_id(homes).to_pylist()}
    told: dict[Relation, None] = {}
    for kind, direction, other, record in found:
        golden_id = others.get(other, {}).get("golden_id")
        if golden_id is None:
            continue
        values = raw.get(record, {})
        told.setdefault(
            Relation(
                kind or str(values.get("type", "relation")),
                direction,
                golden_id,
                names.get(golden_id) or golden_id,
                says[record]["name"],
                *(values.get(name) for name in ("role", "valid_from", "valid_to")),
            )
        )
    return list(told)
