"""Golden records of one member, wholly in SQL: everything usable that the record says.

Gives the same values as the long way through `candidates` and `render` would (tested).
"""

from __future__ import annotations

from matching.survive.base import Input
from matching.survive.fields import identifier, is_junk, json_key
from matching.survive.rules import FieldRule
from matching.survive.render import MOST_VALUES


def singles(data: Input) -> str:
    """SQL of golden_id, values, provenance, records, valid_from."""
    fragments = [_fragment(field) for unit in data.units for field in unit.fields]
    body = f"concat_ws(',', {', '.join(fragments)})"
    records = "to_json([record_id::VARCHAR, source, stream, source_key])"
    return (
        "SELECT golden_id, '{' || body || '}' AS \"values\", "
        f"CASE WHEN body = '' THEN '{{}}' ELSE '{{\"records\":{{\"0\":' || {records} || '}}}}' END AS provenance, "
        "1::BIGINT AS records, CASE WHEN body <> '' THEN source_time END AS valid_from "
        f"FROM (SELECT *, {body} AS body FROM ({data.joined('NOT p.many')}))"
    )


def _fragment(rule: FieldRule) -> str:
    value, why = (identifier(f"{letter}:{rule.attribute}") for letter in "vw")
    shown = value
    if rule.multi:
        several = f"list_filter({value}, lambda x, i: list_position({value}, x) = i)"
        if rule.rule == "longest":
            keyed = f"list_transform({several}, lambda x, i: {{'n': -length(x), 'i': i, 'x': x}})"
            several = f"list_transform(list_sort({keyed}), lambda y: y.x)"
        shown = f"CASE WHEN len({value}) = 1 THEN {value} ELSE ({several})[1:{MOST_VALUES}] END"
    return f"CASE WHEN {value} IS NOT NULL AND NOT {is_junk(why)} THEN {json_key(rule.attribute)} || to_json({shown}) END"
