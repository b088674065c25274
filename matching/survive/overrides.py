"""What stewards said about values: pins and ignores, as SQL over the members they name.

Only finds whom they concern; what a pin or an ignore does to the order is said in `candidates`.
"""

from __future__ import annotations

from matching.survive.fields import identifier, literal
from matching.survive.rules import FieldRule, Unit

# A row of `overrides` names a record, a golden record, a value, or several of them; what is null holds for all.
_NAMED = (
    "o.record_id = u.record_id AND (o.golden_id IS NULL OR o.golden_id = u.golden_id)",
    "o.record_id IS NULL AND o.golden_id = u.golden_id",
    "o.record_id IS NULL AND o.golden_id IS NULL AND o.value IS NOT NULL",
)


def concerned(rules: list[FieldRule], table: str) -> str:
    """SQL of the g of every member in `table` that some override concerns."""
    found = [_joined(rule, table, "u.g", where) for rule in rules for where in _NAMED]
    return f"SELECT DISTINCT g FROM ({' UNION ALL '.join(found)})"


def marks(unit: Unit) -> str:
    """SQL of what stewards said about a unit: g, i, value, ignored, pinned, pinned_at (seconds; of the newest pin).

    In a block, which wins as a whole, one field's mark holds for all. Of several values each is marked by itself.
    """
    found = []
    for field in unit.fields:
        value = "u.value" if field.multi else "NULL::VARCHAR"
        picked = f'u.g, u.i, {value} AS value, o.action, o."at"'
        found += [_joined(field, "multi", picked, where) for where in _NAMED]
    return (
        "SELECT g, i, value, bool_or(action = 'ignore') AS ignored, bool_or(action = 'pin') AS pinned, "
        "coalesce(epoch(CAST(max(\"at\") FILTER (action = 'pin') AS TIMESTAMPTZ)), 0)::BIGINT AS pinned_at "
        f"FROM ({' UNION ALL '.join(found)}) GROUP BY ALL"
    )


def _joined(rule: FieldRule, table: str, picked: str, where: str) -> str:
    shown, compared, raw = (f"u.{identifier(f'{letter}:{rule.attribute}')}" for letter in "vcr")
    if rule.multi:
        table = f"(SELECT *, unnest({identifier(f'v:{rule.attribute}')}) AS value FROM {table})"
        same = "(o.value IS NULL OR o.value = u.value)"
    else:
        same = f"(o.value IS NULL OR o.value IN ({shown}, {raw}, {compared}) OR lower(o.value) = {compared})"
    return (
        f"SELECT {picked} FROM {table} u JOIN overrides o "
        f"ON {where} AND o.attribute = {literal(rule.attribute)} AND {same}"
    )
