"""Every value that could become a golden one, with a number that orders it: the smallest wins.

One select per unit over view `multi` (see `golden`), all of one shape: g, u (unit), k (order), p (place in the member's
list), i (member), v (the value as JSON), c (what is compared), w (why it may not count), n (records that have it).
The winners are picked in `render`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from matching.survive.fields import identifier, is_junk, json_key
from matching.survive.overrides import marks
from matching.survive.rules import DEFAULT_PRIORITY, FieldRule, Unit

# k = state·2^60 + criterion·2^20 + member. A criterion is a count, a length, a rank or a trust in millionths, turned
# so that less is better; invalid values of a block come after valid ones by the number of fields that are wrong.
PINNED, VALID, INVALID, EXCLUDED = range(4)
STATE, CRITERION, MOST = 1 << 60, 1 << 20, 1 << 30

_AGE = (
    "CASE WHEN m.source_time IS NULL THEN 1.0 ELSE greatest(0.0, least(1.0, "
    "(epoch_us({as_of}) - epoch_us(m.source_time))::DOUBLE / (r.days * 86400000000.0))) END"
)
_CURVES = (
    "CASE r.curve WHEN 'slow_initial_rapid_later' THEN {x} * {x} "
    "WHEN 'rapid_initial_slow_later' THEN 1 - (1 - {x}) * (1 - {x}) ELSE {x} END"
)


@dataclass(frozen=True)
class Plan:
    """What all units share: the rules, the attributes that stewards steer, SQL of the moment from which age counts."""

    rules: Sequence[FieldRule]
    steered: frozenset[str] = frozenset()
    as_of: str = "m.newest"


def candidates(plan: Plan, unit: Unit) -> str:
    """SQL of a unit's candidates."""
    if unit.is_block:
        return _block(plan, unit)
    return _list(plan, unit) if unit.rule.multi else _single(plan, unit)


def _criterion(plan: Plan, unit: Unit, length: str, filled: str, invalid: str) -> str:
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
        x = f"({_AGE.format(as_of=plan.as_of)})"
        trust = f"(coalesce(r.max, 100) - (coalesce(r.max, 100) - coalesce(r.min, 100)) * ({_CURVES.format(x=x)}))"
        lowered = f"CASE WHEN {invalid} THEN {trust} - {trust} * {float(rule.downgrade)!r} / 100 ELSE {trust} END"
        return f"CAST(floor((100 - coalesce({lowered}, 100)) * 1000000 + 0.5) AS BIGINT)"
    return "0"  # most_frequent: counted where equal values are brought together


def _tables(plan: Plan, unit: Unit, relation: str = "multi", on: str = "") -> str:
    """SQL of the members with the ranks of their sources for this unit and the steward's marks on it, if any."""
    ranks, marked = "", ""
    if unit.rule.rule == "trust" or unit.rule.priorities:
        ranks = f"LEFT JOIN ranks r ON r.unit = {unit.number} AND r.source = m.source"
    if _steered(plan, unit):
        marked = f"LEFT JOIN ({marks(unit)}) o ON o.g = m.g AND o.i = m.i {on}"
    return f"{relation} m {ranks} {marked}"


def _steered(plan: Plan, unit: Unit) -> bool:
    return not plan.steered.isdisjoint(field.attribute for field in unit.fields)


def _marked(plan: Plan, unit: Unit, state: str, why: str, criterion: str) -> tuple[str, str, str]:
    """State, reason and criterion with the steward's word before the rules': the newest pin first, ignored last."""
    if not _steered(plan, unit):
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


def _single(plan: Plan, unit: Unit) -> str:
    name = unit.rule.attribute
    value, compared, why = (f"m.{identifier(f'{letter}:{name}')}" for letter in "vcw")
    compared = compared if unit.rule.rule == "most_frequent" else "NULL"
    criterion = _criterion(plan, unit, f"length({value})", _filled(plan), f"{why} IS NOT NULL")
    state, why, criterion = _marked(plan, unit, _state(why), why, criterion)
    inner = (
        f"SELECT m.g, {unit.number} AS u, {_key(state, criterion, 'm.i')} AS k, 0 AS p, m.i, "
        f"to_json({value})::VARCHAR AS v, {compared} AS c, {why} AS w, 1 AS n "
        f"FROM {_tables(plan, unit)} WHERE {value} IS NOT NULL"
    )
    return _count_equal(unit, inner)


def _filled(plan: Plan) -> str:
    """SQL of the number of attributes that a member has, for `most_complete` outside of blocks."""
    return " + ".join(
        f"(m.{identifier(f'v:{f.attribute}')} IS NOT NULL AND m.{identifier(f'w:{f.attribute}')} IS NULL)::BIGINT"
        for f in plan.rules
    )


def _list(plan: Plan, unit: Unit) -> str:
    """Each distinct value once, by its best member; equal values of other members are counted, not lost."""
    name = unit.rule.attribute
    why = f"m.{identifier(f'w:{name}')}"
    criterion = _criterion(plan, unit, "length(m.value)", _filled(plan), f"{why} IS NOT NULL")
    state, why, criterion = _marked(plan, unit, _state(why), why, criterion)
    values = identifier(f"v:{name}")
    unnested = f"(SELECT *, unnest({values}) AS value, generate_subscripts({values}, 1) AS p FROM multi)"
    tables = _tables(plan, unit, unnested, "AND o.value = m.value")
    inner = f"SELECT m.g, {_key(state, criterion, 'm.i')} AS k, m.p, m.value, {why} AS w FROM {tables}"
    order = "min(k)"
    if unit.rule.rule == "most_frequent":
        order += f" + ({MOST} - count(*)) * {CRITERION} * (min(k) // {STATE} <> {PINNED})::BIGINT"
    return (
        f"SELECT g, {unit.number} AS u, {order} AS k, arg_min(p, k) AS p, min(k) & {CRITERION - 1} AS i, "
        "to_json(value)::VARCHAR AS v, value AS c, arg_min(w, k) AS w, count(*) AS n "
        f"FROM ({inner}) GROUP BY g, value"
    )


def _block(plan: Plan, unit: Unit) -> str:
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
        f"SELECT g, i, source, source_time, late, newest, concat_ws(',', {', '.join(shown)}) AS v, {same_fields} AS c, "
        f"{' | '.join(valid)} AS valid, {' | '.join(invalid)} AS invalid, {' + '.join(filled)} AS filled, "
        f"{' + '.join(length)} AS length FROM multi"
    )
    judged = (
        f"(WITH f AS MATERIALIZED (SELECT * FROM ({fields}) WHERE v <> '') "
        "SELECT f.*, coalesce(bit_count(f.invalid & a.valid), 0)::BIGINT AS bad FROM f LEFT JOIN ("
        "SELECT g, bit_or(valid) AS valid FROM f WHERE g IN (SELECT g FROM f WHERE invalid <> 0) GROUP BY g"
        ") a ON a.g = f.g AND f.invalid <> 0)"
    )
    state = f"CASE WHEN m.bad = 0 AND m.valid <> 0 THEN {VALID} ELSE {INVALID} END"
    why = "CASE WHEN m.bad > 0 OR m.valid = 0 THEN 'invalid fields' END"
    criterion = f"(m.bad << 32) + {_criterion(plan, unit, 'm.length', 'm.filled', 'm.bad > 0')}"
    state, why, criterion = _marked(plan, unit, state, why, criterion)
    inner = (
        f"SELECT m.g, {unit.number} AS u, {_key(state, criterion, 'm.i')} AS k, 0 AS p, m.i, m.v, m.c, {why} AS w, "
        f"1 AS n FROM {_tables(plan, unit, judged)}"
    )
    return _count_equal(unit, inner)
