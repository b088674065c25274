"""Golden records of one member, wholly in SQL: everything usable that the record says.

Gives the same values as the long way through `candidates` and `render` would (tested).
"""

from __future__ import annotations

from collections.abc import Sequence

from matching.survive.fields import identifier, is_junk, json_key
from matching.survive.render import MOST_VALUES
from matching.survive.rules import FieldRule


def singles(rules: Sequence[FieldRule]) -> str:
    """SQL of g, values, provenance, records, valid_from over view `single`, in its order."""
    body = f"concat_ws(',', {', '.join(map(_fragment, rules)) or 'NULL'})"
    record = "to_json([record_id::VARCHAR, source, stream, source_key])"
    return (
        "SELECT g, '{' || body || '}' AS \"values\", "
        f"CASE WHEN body = '' THEN '{{}}' ELSE '{{\"records\":{{\"0\":' || {record} || '}}}}' END AS provenance, "
        "1::BIGINT AS records, CASE WHEN body <> '' THEN source_time END AS valid_from "
        f"FROM (SELECT *, {body} AS body FROM single)"
    )


def _fragment(rule: FieldRule) -> str:
    value, why = (identifier(f"{letter}:{rule.attribute}") for letter in "vw")
    shown = value
    if rule.multi:
        several = value
        if rule.rule == "longest":
            keyed = f"list_transform({value}, lambda x, i: {{'n': -length(x), 'i': i, 'x': x}})"
            several = f"list_transform(list_sort({keyed}), lambda y: y.x)"
        shown = f"CASE WHEN len({value}) = 1 THEN {value} ELSE ({several})[1:{MOST_VALUES}] END"
    return (
        f"CASE WHEN {value} IS NOT NULL AND NOT {is_junk(why)} THEN {json_key(rule.attribute)} || to_json({shown}) END"
    )
