"""Whom a customer belongs to and who belongs to it, and what that adds up to.

Companies and their subsidiaries, persons and where they work, and relations that sources deliver as records.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import orjson
import sqlalchemy as sa

from models.store.lifecycle_tables import FROM, ORGANIZATION, PARENT, TO, customer_state, record_link
from models.store.tables import membership, source_record
from models.vocabulary import record_id
from serving.customers.asker import Asker
from serving.customers.golden import many

MOST_NODES = 10_000
"""Golden records that one roll-up goes over; a tree that is larger is said to be cut."""

_MOST_SHOWN = 500
_NAMES = ("name", "full_name")


def relations(asker: Asker, golden_id: str) -> dict[str, Any]:
    """Parents, subsidiaries, contacts, employers and other relations, each by golden id with a name and its type.

    A list that is longer than 500 is cut, and `cut` names it.
    """
    mine = _records_of(asker, [golden_id])
    found = {
        "parents": _linked(asker, mine, PARENT, up=True),
        "subsidiaries": _linked(asker, mine, PARENT, up=False),
        "employers": _linked(asker, mine, ORGANIZATION, up=True),
        "contacts": _linked(asker, mine, ORGANIZATION, up=False),
    }
    for ids in found.values():
        ids.discard(golden_id)
    other = _other(asker, mine, golden_id)
    shown = {name: sorted(ids)[:_MOST_SHOWN] for name, ids in found.items()}
    named = _named(asker, [i for ids in shown.values() for i in ids] + [r["golden_id"] for r in other])
    return {
        "golden_id": golden_id,
        **{name: [named[i] for i in ids if i in named] for name, ids in shown.items()},
        "other": [{**r, **named.get(r["golden_id"], {})} for r in other],
        "cut": sorted(name for name, ids in found.items() if len(ids) > _MOST_SHOWN),
    }


def roll_up(asker: Asker, golden_id: str) -> dict[str, Any]:
    """Revenue, pipeline, open findings and customers: of one's own, and with every subsidiary below.

    `depth` is how many levels there are; `cut` is true where the tree has more than 10,000 members.
    """
    seen, level, depth = {golden_id}, {golden_id}, 0
    while level and len(seen) < MOST_NODES:
        below = _linked(asker, _records_of(asker, sorted(level)), PARENT, up=False) - seen
        seen |= below
        depth += bool(below)
        level = below
    ids = sorted(seen)[:MOST_NODES] if len(seen) > MOST_NODES else sorted(seen)
    return {
        "golden_id": golden_id,
        "own": _totals(asker, [golden_id]),
        "with_subsidiaries": _totals(asker, ids),
        "depth": depth,
        "cut": len(seen) > MOST_NODES,
    }


def _totals(asker: Asker, ids: Sequence[str]) -> dict[str, Any]:
    c = customer_state.c
    total: dict[str, Any] = {"customers": len(ids), "revenue": 0.0, "pipeline": 0.0, "findings": 0}
    with asker.store.database.read() as connection:
        for some in _parts(ids):
            sums = sa.select(sa.func.sum(c.revenue), sa.func.sum(c.pipeline), sa.func.sum(c.findings))
            row = connection.execute(sums.where(c.golden_id.in_(some))).one()
            for name, value in zip(("revenue", "pipeline", "findings"), row, strict=True):
                total[name] += value or 0
    return {**total, "findings": int(total["findings"])}


def _linked(asker: Asker, records: Sequence[int], kind: int, *, up: bool) -> set[str]:
    """The golden records at the other end of links of these records: what they hang on (up), or what hangs on them."""
    link, m, r = record_link.c, membership.c, source_record.c
    here, there = (link.record_id, link.target_id) if up else (link.target_id, link.record_id)
    query = (
        sa.select(m.golden_id)
        .select_from(record_link.join(membership, m.record_id == there).join(source_record, r.record_id == there))
        .where(link.kind == kind, r.deleted.is_(False))
    )
    found: set[str] = set()
    with asker.store.database.read() as connection:
        for some in _parts(records):
            found.update(connection.scalars(query.where(here.in_(some))))
    return found


def _other(asker: Asker, records: Sequence[int], golden_id: str) -> list[dict[str, Any]]:
    """Relations that sources deliver as records of their own, with the golden record at the other end."""
    link, r = record_link.c, source_record.c
    query = (
        sa.select(link.kind, r.source, r.stream, r.source_key, r.payload)
        .join_from(record_link, source_record, r.record_id == link.record_id)
        .where(link.kind.in_((FROM, TO)), r.deleted.is_(False))
        .order_by(r.source, r.stream, r.source_key)
        .limit(_MOST_SHOWN)
    )
    found = []
    with asker.store.database.read() as connection:
        for some in _parts(records):
            for row in connection.execute(query.where(link.target_id.in_(some))).mappings():
                far = "to_key" if row["kind"] == FROM else "from_key"
                values = _attributes(asker, row["source"], row["stream"], orjson.loads(row["payload"] or "{}"))
                partner = _golden_of(asker, row["source"], row["stream"], far, values.get(far))
                if partner is not None and partner != golden_id:
                    told = {n: values.get(n) for n in ("type", "role", "valid_from", "valid_to")}
                    names = {n: row[n] for n in ("source", "stream", "source_key")}
                    direction = "outgoing" if row["kind"] == FROM else "incoming"
                    found.append({"golden_id": partner, "direction": direction, **told, **names})
    return found[:_MOST_SHOWN]


def _attributes(asker: Asker, source: str, stream: str, payload: dict[str, Any]) -> dict[str, Any]:
    """A delivered row by canonical attributes, constants included."""
    try:
        declared = asker.config.source(source).stream(stream)
    except KeyError:
        return {}
    found: dict[str, Any] = dict(declared.constants)
    for name, columns in declared.field_columns.items():
        value = next((payload[c] for c in columns if payload.get(c) not in (None, "")), None)
        found[name] = declared.codes.get(name, {}).get(str(value), value)
    return found


def _golden_of(asker: Asker, source: str, stream: str, attribute: str, key: Any) -> str | None:
    """The golden record of the record that a delivered key means."""
    if key in (None, ""):
        return None
    try:
        owner = asker.config.source(source)
        targets = asker.config.targets(owner, owner.stream(stream), attribute)
    except KeyError:
        return None
    m = membership.c
    with asker.store.database.read() as connection:
        for place, declared in targets:
            number = record_id(place.name, declared.name, str(key))
            if (found := connection.scalar(sa.select(m.golden_id).where(m.record_id == number))) is not None:
                return str(found)
    return None


def _records_of(asker: Asker, golden_ids: Sequence[str]) -> list[int]:
    m = membership.c
    found: list[int] = []
    with asker.store.database.read() as connection:
        for some in _parts(golden_ids):
            found += connection.scalars(sa.select(m.record_id).where(m.golden_id.in_(some)))
    return found


def _named(asker: Asker, golden_ids: Iterable[str]) -> dict[str, dict[str, Any]]:
    """Golden id → id, entity type and name, where they may see the name."""
    found = {}
    for golden_id, golden in many(asker.store, list(dict.fromkeys(golden_ids))).items():
        names = {n: golden.values[n] for n in _NAMES if n in golden.values}
        shown, _ = asker.shown(golden_id, golden.entity_type, names)
        found[golden_id] = {
            "golden_id": golden_id,
            "entity_type": golden.entity_type,
            "name": next(iter(shown.values()), None),
        }
    return found


def _parts(values: Sequence[Any], size: int = 500) -> Iterable[list[Any]]:
    return (list(values[i : i + size]) for i in range(0, len(values), size))
