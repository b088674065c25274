"""Where each golden value comes from: the stored form, and the form for people and exports.

Stored, records are named once and fields point to them by number:

    {"records": {"0": ["<record_id>", "<source>", "<stream>", "<key>"], …},
     "fields": {"<attribute>": {"rule": "…", "from": 0, "lost": [[1, "…"], [2]], "more": 3},
                "<attribute of several values>": {"rule": "…", "values": [[<record>, <how many have it>]], "lost": …},
                "@<block>": {"rule": "…", "from": 0, "lost": [[1, {"<attribute>": "…"}]]}}}

A loser is [record] where its value is the winner's, [record, value], or [record, value or null, reason] where it was
invalid or ignored; after 20 only their number follows (`more`). Without `fields`, all values are record 0's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from models.vocabulary import ENTITY_TYPES, attributes

ONLY = "only"


def _blocks() -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for entity in ENTITY_TYPES:
        for attribute in attributes(entity).values():
            if attribute.block and attribute.name not in found.setdefault(attribute.block, []):
                found[attribute.block].append(attribute.name)
    return found


BLOCKS = _blocks()


def expand_provenance(
    provenance: str | bytes, values: str | bytes | Mapping[str, Any], blocks: Mapping[str, Sequence[str]] = BLOCKS
) -> dict[str, dict[str, Any]]:
    """The provenance of every attribute, written out.

    Per attribute: `rule` (`only` where the golden record has one member), the winner's `record` (id as text), `source`,
    `stream`, `key`, and `losers`: a list of {record, source, stream, key, value[, reason]}; `lost` counts them all. An
    attribute with several values has instead of one winner `values`: [{value, record, source, stream, key, records}],
    where `records` says how many members have the value. An attribute that only losers have is there too, without a
    winner, or, in a block, with the block's. `blocks` names the attributes of each block.
    """
    told = orjson.loads(provenance)
    golden = values if isinstance(values, Mapping) else orjson.loads(values)
    records = {
        int(number): dict(zip(("record", "source", "stream", "key"), named, strict=True))
        for number, named in told.get("records", {}).items()
    }
    if "fields" not in told:
        return {name: _alone(value, records[0]) for name, value in golden.items()} if records else {}
    found: dict[str, dict[str, Any]] = {}
    for name, field in told["fields"].items():
        if name.startswith("@"):
            found |= _block(field, golden, records, blocks.get(name[1:], ()))
        else:
            found[name] = _field(field, golden.get(name), records)
    return found


def _alone(value: Any, record: Mapping[str, str]) -> dict[str, Any]:
    if isinstance(value, list):
        return {"rule": ONLY, "values": [{"value": one, **record, "records": 1} for one in value]}
    return {"rule": ONLY, **record}


def _field(field: Mapping[str, Any], value: Any, records: Mapping[int, Mapping[str, str]]) -> dict[str, Any]:
    found: dict[str, Any] = {"rule": field["rule"]}
    if "values" in field:
        found["values"] = [
            {"value": one, **records[number], "records": count}
            for one, (number, count) in zip(value, field["values"], strict=True)
        ]
    elif "from" in field:
        found |= records[field["from"]]
    losers = [_loser(entry, value, records) for entry in field.get("lost", ())]
    return _with_losers(found, losers, field)


def _block(
    field: Mapping[str, Any], golden: Mapping[str, Any], records: Mapping[int, Mapping[str, str]], names: Sequence[str]
) -> dict[str, dict[str, Any]]:
    won = {name: golden[name] for name in names if name in golden} if "from" in field else {}
    lost = [_loser(entry, won, records) for entry in field.get("lost", ())]
    found = {}
    for name in names:
        losers = [{**entry, "value": entry["value"][name]} for entry in lost if name in entry["value"]]
        if name in won or losers:
            winner = records[field["from"]] if "from" in field else {}
            found[name] = _with_losers({"rule": field["rule"], **winner}, losers, field)
    return found


def _loser(entry: Sequence[Any], winner: Any, records: Mapping[int, Mapping[str, str]]) -> dict[str, Any]:
    value = entry[1] if len(entry) > 1 and entry[1] is not None else winner
    reason = {"reason": entry[2]} if len(entry) > 2 else {}
    return {**records[entry[0]], "value": value, **reason}


def _with_losers(found: dict[str, Any], losers: list[dict[str, Any]], field: Mapping[str, Any]) -> dict[str, Any]:
    if losers:
        found |= {"losers": losers, "lost": len(losers) + int(field.get("more", 0))}
    return found
