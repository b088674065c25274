"""Every value that could become a golden one, with a number that orders it: the smallest wins.

One select per unit over table `multi` (see `base`), all of one shape: g, u (unit), k (order), p (place in the member's
list), i (member), v (the value as JSON), c (what is compared), w (why it may not count), n (records that have it).
The winners are picked in `render`.
"""

from __future__ import annotations

from matching.survive.base import Input, same_value
from matching.survive.fields import identifier, is_junk, json_key, literal
from matching.survive.rules import DEFAULT_PRIORITY, Unit

# k = state·2^60 + criterion·2^20 + member. A criterion is a count, a length, a rank or a trust in millionths, turned
# so that less is better; invalid values of a block come after valid ones by the number of fields that are wrong.
PINNED, VALID, INVALID, EXCLUDED = range(4)
STATE, CRITERION, MOST = 1 << 60, 1 << 20, 1 << 30

_AGE = (
    "CASE WHEN m.source_time IS NULL THEN 1.0 ELSE "
    "greatest(0.0, least(1.0, epoch({as_of} - m.source_time) / 86400.0 / r.days)) END"
)
_CURVES = (
    "CASE r.curve WHEN 'slow_initial_rapid_later' THEN {x} * {x} "
    "WHEN 'rapid_initial_slow_later' THEN 1 - (1 - {x}) * (1 - {x}) ELSE {x} END"
)


def candidates(data: Input, unit: Unit, *, as_of: str) -> str:
    """SQL of a unit's candidates; `as_of` is SQL of the moment from which age is counted."""
    if unit.is_block:
        return _block(data, unit, as_of)
    return _list(data, unit, as_of) if unit.rule.multi else _single(data, unit, as_of)


def _criterion(unit: Unit, length: str, filled: str, invalid: str, as_of: str) -> str:
    """SQL of the number by which the rule orders values; less is better."""
    rule = unit.rule
    if rule.rule == "source_priority":
        return f"(coalesce(r.priority, {DEFAULT_PRIORITY}) + {MOST})" if rule.priorities else "0"
    if rule.rule == "most_recent":
        return "m.late"
    if rule.rule == "longest":
        return f"({MOST} - {length})"
    if rule.rule == "most_complete":
        return f"({MOST} - ({filled}))"
    if rule.rule == "trust":
        x = f"({_AGE.format(as_of=as_of)})"
        trust = f"(coalesce(r.max, 100) - (coalesce(r.max, 100) - coalesce(r.min, 100)) * ({_CURVES.format(x=x)}))"
        lowered = f"CASE WHEN {invalid} THEN {trust} - {trust} * {float(rule.downgrade)!r} / 100 ELSE {trust} END"
        return f"CAST(round((100 - coalesce({lowered}, 100)) * 1000000) AS BIGINT)"
    return "0"  # most_frequent: counted where equal values are brought together


def _tables(data: Input, unit: Unit, relation: str = "multi", on: str = "") -> str:
    """SQL of the members with the ranks of their sources for this unit and the steward's marks on it, if any."""
    ranks, marks = "", ""
    if unit.rule.rule == "trust" or unit.rule.priorities:
        ranks = f"LEFT JOIN ranks r ON r.unit = {unit.number} AND r.source = m.source"
    if _steered(data, unit):
        marks = f"LEFT JOIN ({_marks(unit)}) o ON o.g = m.g AND o.i = m.i {on}"
    return f"{relation} m {ranks} {marks}"


def _steered(data: Input, unit: Unit) -> bool:
    return not data.overrides.isdisjoint(field.attribute for field in unit.fields)


def _marks(unit: Unit) -> str:
    """SQL of what stewards said about a unit: per member whether it is ignored, and the time of its newest pin.

    In a block, which wins as a whole, one field's mark holds for all. Of several values each is marked by itself.
    """
    found = []
    for field in unit.fields:
        attribute = f"o.attribute = {literal(field.attribute)}"
        value = "u.value" if field.multi else "NULL"
        table = f"(SELECT *, unnest({identifier(f'v:{field.attribute}')}) AS value FROM multi)" if field.multi else "multi"
        same = "(o.value IS NULL OR o.value = u.value)" if field.multi else same_value(field, "u")
        for where in (
            "o.record_id = u.record_id AND (o.golden_id IS NULL OR o.golden_id = u.golden_id)",
            "o.record_id IS NULL AND o.golden_id = u.golden_id",
            "o.record_id IS NULL AND o.golden_id IS NULL AND o.value IS NOT NULL",
        ):
            found.append(
                f'SELECT u.g, u.i, {value} AS value, o.action, o."at" FROM {table} u '
                f"JOIN overrides o ON {where} AND {attribute} AND {same}"
            )
    return (
        "SELECT g, i, value, bool_or(action = 'ignore') AS ignored, bool_or(action = 'pin') AS pinned, "
        "coalesce(epoch(CAST(max(\"at\") FILTER (action = 'pin') AS TIMESTAMPTZ)), 0)::BIGINT AS pinned_at "
        f"FROM ({' UNION ALL '.join(found)}) GROUP BY ALL"
    )


def _marked(data: Input, unit: Unit, state: str, why: str, criterion: str) -> tuple[str, str, str]:
    """State, reason and criterion with the steward's word before the rules': the newest pin first, ignored last."""
    if not _steered(data, unit):
        return state, why, criterion
    return (
        f"CASE WHEN o.ignored THEN {EXCLUDED} WHEN o.pinned THEN {PINNED} ELSE {state} END",
        f"CASE WHEN o.ignored THEN 'ignored' ELSE {why} END",
        f"CASE WHEN o.pinned AND NOT o.ignored THEN {1 << 39} - o.pinned_at ELSE {criterion} END",
    )


def _key(state: str, criterion: str, member: str) -> str:
    return f"({state})::BIGINT * {STATE} + ({criterion})::BIGINT * {CRITERION} + {member}"


def _state(why: str) -> str:
    return f"CASE WHEN {why} IS NULL THEN {VALID} WHEN {is_junk(why)} THEN {EXCLUDED} ELSE {INVALID} END"


def _count_equal(unit: Unit, inner: str) -> str:
    """For `most_frequent`: the number of members with the same value and state becomes the criterion."""
    if unit.rule.rule != "most_frequent":
        return inner
    return (
        f"SELECT * REPLACE (k + ({MOST} - count(*) OVER (PARTITION BY g, c, k // {STATE})) * {CRITERION} * "
        f"(k // {STATE} <> {PINNED})::BIGINT AS k) FROM ({inner})"
    )


def _single(data: Input, unit: Unit, as_of: str) -> str:
    name = unit.rule.attribute
    value, compared, why = (f"m.{identifier(f'{letter}:{name}')}" for letter in "vcw")
    compared = compared if unit.rule.rule == "most_frequent" else "NULL"
    criterion = _criterion(unit, f"length({value})", _filled(data), f"{why} IS NOT NULL", as_of)
    state, why, criterion = _marked(data, unit, _state(why), why, criterion)
    inner = (
        f"SELECT m.g, {unit.number} AS u, {_key(state, criterion, 'm.i')} AS k, 0 AS p, m.i, to_json({value})::VARCHAR AS v, "
        f"{compared} AS c, {why} AS w, 1 AS n FROM {_tables(data, unit)} WHERE {value} IS NOT NULL"
    )
    return _count_equal(unit, inner)


def _filled(data: Input) -> str:
    """SQL of the number of attributes that a member has, for `most_complete` outside of blocks."""
    return " + ".join(
        f"(m.{identifier(f'v:{f.attribute}')} IS NOT NULL AND m.{identifier(f'w:{f.attribute}')} IS NULL)::BIGINT"
        for f in data.rules
    )


def _list(data: Input, unit: Unit, as_of: str) -> str:
    """Each distinct value once, by its best member; equal values of other members are counted, not lost."""
    name = unit.rule.attribute
    why = f"m.{identifier(f'w:{name}')}"
    criterion = _criterion(unit, "length(m.value)", _filled(data), f"{why} IS NOT NULL", as_of)
    state, why, criterion = _marked(data, unit, _state(why), why, criterion)
    values = identifier(f"v:{name}")
    unnested = f"(SELECT *, unnest({values}) AS value, generate_subscripts({values}, 1) AS p FROM multi)"
    tables = _tables(data, unit, unnested, "AND o.value = m.value")
    inner = f"SELECT m.g, {_key(state, criterion, 'm.i')} AS k, m.p, m.i, m.value, {why} AS w FROM {tables}"
    order = "min(k)"
    if unit.rule.rule == "most_frequent":
        order += f" + ({MOST} - count(DISTINCT i)) * {CRITERION} * (min(k) // {STATE} <> {PINNED})::BIGINT"
    return (
        f"SELECT g, {unit.number} AS u, {order} AS k, arg_min(p, (k, p)) AS p, arg_min(i, (k, p)) AS i, "
        "to_json(value)::VARCHAR AS v, value AS c, arg_min(w, (k, p)) AS w, count(DISTINCT i) AS n "
        f"FROM ({inner}) GROUP BY g, value"
    )


def _block(data: Input, unit: Unit, as_of: str) -> str:
    """One candidate per member: all its fields of the block, without those that identify nobody.

    A member loses for each field that is invalid with it and valid with another, so that no invalid value wins over a
    valid one though fields are never mixed.
    """
    shown, compared, valid, invalid, filled, length = [], [], [], [], [], []
    for bit, field in enumerate(unit.fields):
        value, same, why = (identifier(f"{letter}:{field.attribute}") for letter in "vcw")
        usable = f"({value} IS NOT NULL AND NOT {is_junk(why)})"
        good = f"({value} IS NOT NULL AND {why} IS NULL)"
        shown.append(f"CASE WHEN {usable} THEN {json_key(field.attribute)} || to_json({value}) END")
        compared.append(f"CASE WHEN {usable} THEN coalesce({same}, '') ELSE '' END")
        valid.append(f"({good}::BIGINT << {bit})")
        invalid.append(f"(({usable} AND NOT {good})::BIGINT << {bit})")
        filled.append(f"{good}::BIGINT")
        length.append(f"CASE WHEN {usable} THEN length({value}) ELSE 0 END")
    same_fields = f"concat_ws(chr(31), {', '.join(compared)})" if unit.rule.rule == "most_frequent" else "NULL"
    fields = (
        f"SELECT *, concat_ws(',', {', '.join(shown)}) AS v, {same_fields} AS c, "
        f"{' | '.join(valid)} AS valid, {' | '.join(invalid)} AS invalid, {' + '.join(filled)} AS filled, "
        f"{' + '.join(length)} AS length FROM multi"
    )
    judged = (
        "(SELECT *, bit_count(invalid & bit_or(valid) OVER (PARTITION BY g))::BIGINT AS bad "
        f"FROM ({fields}) WHERE v <> '')"
    )
    state = f"CASE WHEN m.bad = 0 AND m.valid <> 0 THEN {VALID} ELSE {INVALID} END"
    why = "CASE WHEN m.bad > 0 OR m.valid = 0 THEN 'invalid fields' END"
    criterion = f"(m.bad << 32) + {_criterion(unit, 'm.length', 'm.filled', 'm.bad > 0', as_of)}"
    state, why, criterion = _marked(data, unit, state, why, criterion)
    inner = (
        f"SELECT m.g, {unit.number} AS u, {_key(state, criterion, 'm.i')} AS k, 0 AS p, m.i, m.v, m.c, {why} AS w, "
        f"1 AS n FROM {_tables(data, unit, judged)}"
    )
    return _count_equal(unit, inner)
