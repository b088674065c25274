"""What a merge would make: which id survives, and which value of each attribute wins and why. Changes nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import orjson
import pyarrow as pa

from connectors.mapping import remap
from matching.standardise import schema_of
from matching.steering import steer
from matching.survive import expand_provenance, ranks_for, rules_for, survive
from models.config import Config
from models.config.created import with_created
from models.store import Store
from models.store.columns import parse_json_rows
from models.vocabulary import Sensitivity


@dataclass(frozen=True)
class PreviewRow:
    """An attribute of the golden record that would be: `value` with where it comes from, and each one's value now.

    `now` holds the values of the golden records in the order of `MergePreview.golden_ids`; `why` is as
    `expand_provenance` gives it: rule, winner, losers.
    """

    attribute: str
    sensitivity: Sensitivity
    value: Any
    now: list[Any]
    changes: bool
    why: dict[str, Any]


@dataclass(frozen=True)
class MergePreview:
    """A test merge. `golden_ids`: what would be joined, the survivor first; the others would become its aliases.

    `records` counts the source records that it would hold.
    """

    golden_ids: list[str]
    survivor: str
    aliases: list[str]
    records: int
    rows: list[PreviewRow]


def merge_preview(store: Store, config: Config, golden_ids: Sequence[str]) -> MergePreview | None:
    """What joining golden records of one entity type would give; None where fewer than two of them live."""
    with store.snapshot():
        rows = store.golden_by_id(sorted(set(golden_ids))).to_pylist()
        living = [row for row in rows if row["status"] == "active"]
        if len(living) < 2:
            return None
        entity = living[0]["entity_type"]
        # The id that was created first survives; ids sort by the time of their making.
        ids = sorted(row["golden_id"] for row in living)
        numbers = store.members_of(ids)["record_id"]
        columns = ["source", "stream", "source_key", "source_time", "payload", "standard"]
        held = store.records_by_id(numbers, columns)
    config = with_created(config, store.created_streams())
    members = remap(config, held.drop_columns(["standard"]), entity=entity).drop_columns(["payload"])
    members = members.append_column("golden_id", pa.array([ids[0]] * len(members)))
    schema = pa.schema([f for f in schema_of(config, entity) if f.name != "record_id"])
    standard = parse_json_rows(held.select(["record_id", "standard"]), "standard", schema)
    numbers = held["record_id"]
    rows, about = store.value_decisions(entity, numbers)
    steering = steer(
        config, entity, rows.to_pylist(), about, dict.fromkeys(numbers.to_pylist(), ids[0]), standard.schema
    )
    members, standard = steering.join(members, standard)
    rules, ranks = rules_for(config, entity), ranks_for(config)
    (made,) = steering.without_own(survive(members, standard, rules, ranks, overrides=steering.overrides)).to_pylist()
    blocks: dict[str, list[str]] = {}
    known = config.attributes_of(entity)
    for name, attribute in known.items():
        if attribute.block:
            blocks.setdefault(attribute.block, []).append(name)
    values = orjson.loads(made["values"])
    why = expand_provenance(made["provenance"], values, blocks)
    now = {row["golden_id"]: orjson.loads(row["values"]) for row in living}
    told = []
    for name, attribute in known.items():
        mine = [now[golden].get(name) for golden in ids]
        if name in values or any(one is not None for one in mine):
            changed = any(one != values.get(name) for one in mine)
            told.append(PreviewRow(name, attribute.sensitivity, values.get(name), mine, changed, why.get(name, {})))
    return MergePreview(ids, ids[0], ids[1:], len(held), told)
