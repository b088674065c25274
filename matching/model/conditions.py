"""A declared condition: DuckDB SQL over a pair (`"column_l"`, `"column_r"`), and Python over two records.

Both say the same for every pair of values: an absent value makes a condition false, never unknown.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from functools import lru_cache
from types import CodeType
from typing import Any

from rapidfuzz.distance import JaroWinkler, Levenshtein

Test = Callable[[Mapping[str, Any], Mapping[str, Any]], bool]
SET_SUFFIX = "set\x00"
"""Ends the name of a list column whose values are wanted as a set."""


class Record(dict[str, Any]):
    """Feature columns of a record; what is absent is None."""

    __slots__ = ()

    def __missing__(self, name: str) -> Any:
        """None for an absent column; for a list column and `SET_SUFFIX` its values as a set, made once."""
        found = None
        if name.endswith(SET_SUFFIX):
            values = self[name.removesuffix(SET_SUFFIX)]
            found = None if values is None else frozenset(values)
        self[name] = found
        return found


def as_record(values: Mapping[str, Any]) -> Record:
    """The mapping itself where it is a record, else a record of its values."""
    return values if isinstance(values, Record) else Record(values)


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


def to_expression(condition: Any, apart: Collection[str] = ()) -> str:
    """The condition as a Python expression over the records `a` and `b`, for `evaluated`.

    `apart` names list columns in which the two share no value, as is known beforehand.
    """
    kind = condition.kind
    if kind == "else":
        return "True"
    if kind in ("all", "any"):
        word = " and " if kind == "all" else " or "
        return "(" + word.join(to_expression(part, apart) for part in condition.of) + ")"
    if kind == "not":
        return f"(not {to_expression(condition.of, apart)})"
    if kind == "overlap" and condition.column in apart:
        return "False"
    if kind == "missing":
        sides = (" and ".join(f"{side}[{c!r}] is None" for c in condition.columns) for side in "ab")
        return "(" + " or ".join(f"({side})" for side in sides) + ")"
    if kind == "crossed":
        one, two = condition.column, condition.other
        return f"({_equal(one, two)} or {_equal(two, one)})"
    column = condition.column
    if kind == "exact":
        return _equal(column, column)
    test = _on_lists(condition) or _on_texts(condition)
    listed = kind in ("overlap", "jaccard", "contained")
    x = f"a[{column + SET_SUFFIX!r}]" if listed else f"a[{column!r}]"
    return f"((x := {x}) is not None and (y := b[{column!r}]) is not None and {test})"


def to_bound(condition: Any, *, sure: bool, apart: Collection[str] = ()) -> str:
    """A Python expression over the record `a` alone: whether the condition holds for `a` and any other (`sure`), or
    may hold for `a` and some other; `apart` as for `to_expression`.
    """
    kind = condition.kind
    if kind == "else":
        return "True"
    if kind in ("all", "any"):
        word = " and " if kind == "all" else " or "
        return "(" + word.join(to_bound(part, sure=sure, apart=apart) for part in condition.of) + ")"
    if kind == "not":
        return f"(not {to_bound(condition.of, sure=not sure, apart=apart)})"
    if kind == "overlap" and condition.column in apart:
        return "False"
    if kind == "missing":
        return "(" + " and ".join(f"a[{c!r}] is None" for c in condition.columns) + ")" if sure else "True"
    if sure:
        return "False"
    columns = (condition.column, condition.other) if kind == "crossed" else (condition.column,)
    return "(" + " or ".join(f"a[{c!r}] is not None" for c in columns) + ")"


def evaluated(source: str) -> dict[str, Any]:
    """The names that Python source built of `to_expression` defines."""
    names: dict[str, Any] = {"jaro_winkler": JaroWinkler.similarity, "levenshtein": Levenshtein.distance}
    exec(_code(source), names)  # made of a checked declaration; names stand in quotes
    return names


@lru_cache(maxsize=512)
def _code(source: str) -> CodeType:
    """Compiled once: a program that runs often makes the same model ready again and again."""
    return compile(source, "<declaration>", "exec")


def to_python(condition: Any) -> Test:
    """The condition as a function of two records (mappings of standard columns; absent keys are absent values)."""
    test = evaluated(f"def test(a, b):\n    return {to_expression(condition)}\n")["test"]
    return lambda a, b: bool(test(as_record(a), as_record(b)))


def _equal(left: str, right: str) -> str:
    return f"((x := a[{left!r}]) is not None and x == b[{right!r}])"


def _on_lists(condition: Any) -> str | None:
    """Of the set `x` and the list `y`; a list counts its values twice where they stand in it twice, as DuckDB does."""
    kind, column = condition.kind, condition.column
    if kind == "overlap":
        return "not x.isdisjoint(y)"
    if kind == "jaccard":
        together = f"len(a[{column!r}]) + len(y)"
        return f"(n := len(x.intersection(y))) >= {condition.at_least!r} * ({together} - n)"
    if kind == "contained":
        least = f"(n := min(len(a[{column!r}]), len(y)))"
        return f"{least} >= {condition.at_least!r} and len(x.intersection(y)) == n"
    return None


def _on_texts(condition: Any) -> str:
    kind = condition.kind
    if kind == "jaro_winkler":
        return f"jaro_winkler(x, y) > {condition.above!r}"
    if kind == "levenshtein":
        return f"levenshtein(x, y, score_cutoff={condition.at_most!r}) <= {condition.at_most!r}"
    if kind == "prefix":
        n = condition.length
        return f"len(x) >= {n!r} and len(y) >= {n!r} and x[:{n!r}] == y[:{n!r}]"
    if kind == "starts_with":
        return f"min(len(x), len(y)) >= {condition.at_least!r} and (x.startswith(y) or y.startswith(x))"
    raise ValueError(f"no expression for a condition of kind {kind!r}")
