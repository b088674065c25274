"""A declared condition as DuckDB SQL over a pair (`"column_l"`, `"column_r"`) and as a Python function of two records.

Both say the same for every pair of values: an absent value makes a condition false, never unknown.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from rapidfuzz.distance import JaroWinkler, Levenshtein

Record = Mapping[str, Any]
Test = Callable[[Record, Record], bool]


def quoted(name: str, side: str = "") -> str:
    """A column name as an SQL identifier, with the suffix of a side of a pair (`_l`, `_r`)."""
    return '"' + (name + side).replace('"', '""') + '"'


def to_sql(condition: Any) -> str:
    """The SQL of a condition; may be NULL only where a value is absent, which `CASE WHEN` reads as false."""
    kind = condition.kind
    if kind == "else":
        return "TRUE"
    if kind == "all":
        # CASE looks at a part only where those before it hold; AND would compute all of them for every pair.
        *first, last = (to_sql(part) for part in condition.of)
        sql = last
        for part in reversed(first):
            sql = f"(CASE WHEN {part} THEN {sql} ELSE FALSE END)"
        return sql
    if kind == "any":
        return "(CASE " + " ".join(f"WHEN {to_sql(part)} THEN TRUE" for part in condition.of) + " ELSE FALSE END)"
    if kind == "not":
        return f"(NOT coalesce({to_sql(condition.of)}, FALSE))"
    if kind == "missing":
        sides = (" AND ".join(f"{quoted(c, s)} IS NULL" for c in condition.columns) for s in ("_l", "_r"))
        return "(" + " OR ".join(f"({side})" for side in sides) + ")"
    left, right = quoted(condition.column, "_l"), quoted(condition.column, "_r")
    if kind == "exact":
        return f"{left} = {right}"
    if kind == "crossed":
        other_l, other_r = quoted(condition.other, "_l"), quoted(condition.other, "_r")
        return f"(coalesce({left} = {other_r}, FALSE) OR coalesce({other_l} = {right}, FALSE))"
    if kind == "overlap":
        return f"list_has_any({left}, {right})"
    if kind == "jaccard":
        shared = f"len(list_intersect({left}, {right}))"
        return f"({shared} >= {condition.at_least!r} * (len({left}) + len({right}) - {shared}))"
    if kind == "contained":
        least = f"least(len({left}), len({right}))"
        return f"({least} >= {condition.at_least} AND len(list_intersect({left}, {right})) = {least})"
    if kind == "jaro_winkler":
        return f"jaro_winkler_similarity({left}, {right}) > {condition.above!r}"
    if kind == "levenshtein":
        gap = f"abs(length({left}) - length({right})) <= {condition.at_most}"
        return f"({gap} AND levenshtein({left}, {right}) <= {condition.at_most})"
    if kind == "prefix":
        n = condition.length
        return f"(length({left}) >= {n} AND length({right}) >= {n} AND left({left}, {n}) = left({right}, {n}))"
    if kind == "starts_with":
        short = f"least(length({left}), length({right}))"
        return f"({short} >= {condition.at_least} AND (starts_with({left}, {right}) OR starts_with({right}, {left})))"
    raise ValueError(f"no SQL for a condition of kind {kind!r}")


def to_python(condition: Any) -> Test:
    """The condition as a function of two records (mappings of standard columns; absent keys are absent values)."""
    kind = condition.kind
    if kind == "else":
        return lambda a, b: True
    if kind in ("all", "any"):
        parts = [to_python(part) for part in condition.of]
        if kind == "all":
            return lambda a, b: all(part(a, b) for part in parts)
        return lambda a, b: any(part(a, b) for part in parts)
    if kind == "not":
        inner = to_python(condition.of)
        return lambda a, b: not inner(a, b)
    if kind == "missing":
        columns = list(condition.columns)
        return lambda a, b: any(all(side.get(c) is None for c in columns) for side in (a, b))
    if kind == "crossed":
        one, two = condition.column, condition.other
        return lambda a, b: _same(a.get(one), b.get(two)) or _same(a.get(two), b.get(one))
    return _on_column(condition)


def _same(left: Any, right: Any) -> bool:
    return left is not None and left == right


def _on_column(condition: Any) -> Test:
    kind, column = condition.kind, condition.column

    def both(test: Callable[[Any, Any], bool]) -> Test:
        def check(a: Record, b: Record) -> bool:
            left, right = a.get(column), b.get(column)
            return left is not None and right is not None and test(left, right)

        return check

    if kind == "exact":
        return both(lambda x, y: bool(x == y))
    if kind == "overlap":
        return both(lambda x, y: not set(x).isdisjoint(y))
    if kind == "jaccard":
        share = condition.at_least

        def jaccard(x: list[str], y: list[str]) -> bool:
            shared = len(set(x) & set(y))
            return bool(shared >= share * (len(x) + len(y) - shared))

        return both(jaccard)
    if kind == "contained":
        least = condition.at_least
        return both(lambda x, y: min(len(x), len(y)) >= least and len(set(x) & set(y)) == min(len(x), len(y)))
    if kind == "jaro_winkler":
        above = condition.above
        return both(lambda x, y: JaroWinkler.similarity(x, y) > above)
    if kind == "levenshtein":
        most = condition.at_most
        return both(lambda x, y: Levenshtein.distance(x, y, score_cutoff=most) <= most)
    if kind == "prefix":
        n = condition.length
        return both(lambda x, y: len(x) >= n and len(y) >= n and x[:n] == y[:n])
    if kind == "starts_with":
        short = condition.at_least
        return both(lambda x, y: min(len(x), len(y)) >= short and (x.startswith(y) or y.startswith(x)))
    raise ValueError(f"no function for a condition of kind {kind!r}")
