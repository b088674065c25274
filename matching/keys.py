"""Match keys: the blocking rules of a declaration as 63-bit numbers, the same in batch, incremental runs and real time.

A key is MD5 over entity type, rule and the values of its parts, so that DuckDB and Python agree on it in every version.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING, Any, NamedTuple

from matching.model.conditions import as_record, quoted
from models.match_model import BlockingRule, Declaration, KeyPart

if TYPE_CHECKING:
    import duckdb

_SEPARATOR = "\x1f"


@dataclass(frozen=True)
class BlockCount:
    """What one blocking rule yields: keys, records, pairs below the cap, and what the cap cut off."""

    rule: str
    keys: int
    records: int
    pairs: int
    largest: int
    blocks_cut: int
    pairs_cut: int


def _part_sql(part: KeyPart, is_list: bool) -> str:
    return f"unnest({quoted(part.column)})" if is_list else quoted(part.column)


def rule_sql(declaration: Declaration, number: int, source: str, lists: set[str]) -> str:
    """SQL giving (record_id, rule, key) of one blocking rule over the table `source`; `lists` are its list columns."""
    rule = declaration.blocking[number]
    names = [f"p{i}" for i in range(len(rule.parts))]
    inner = ", ".join(f"{_part_sql(p, p.column in lists)} AS {n}" for p, n in zip(rule.parts, names, strict=True))
    cut = [f"left({n}, {p.first})" if p.first else n for p, n in zip(rule.parts, names, strict=True)]
    present = [
        f"{n} IS NOT NULL" + (f" AND length({n}) >= {p.first}" if p.first else "")
        for p, n in zip(rule.parts, names, strict=True)
    ]
    label = f"{declaration.entity_type}{_SEPARATOR}{rule.name}".replace("'", "''")
    text = f"concat_ws(chr(31), '{label}', {', '.join(cut)})"
    return (
        f"SELECT DISTINCT record_id, {number}::UTINYINT AS rule, (md5_number_lower({text}) >> 1)::BIGINT AS key "
        f"FROM (SELECT record_id, {inner} FROM {source}) WHERE {' AND '.join(present)}"
    )


def build_keys(con: duckdb.DuckDBPyConnection, declaration: Declaration, source: str, target: str = "keys") -> None:
    """Creates the table `target` (key BIGINT, record_id BIGINT, rule UTINYINT) from the feature table `source`."""
    lists = {row[0] for row in con.execute(f"DESCRIBE {source}").fetchall() if str(row[1]).endswith("[]")}
    con.execute(f"CREATE OR REPLACE TABLE {target} (key BIGINT, record_id BIGINT, rule UTINYINT)")
    for number in range(len(declaration.blocking)):
        con.execute(
            f"INSERT INTO {target} SELECT key, record_id, rule FROM ({rule_sql(declaration, number, source, lists)})"
        )


def block_cap(declaration: Declaration, rule: BlockingRule) -> int:
    """The largest number of records that a block of `rule` may have and still be compared."""
    return rule.cap or declaration.block_cap


def count_blocks(con: duckdb.DuckDBPyConnection, declaration: Declaration, keys: str = "keys") -> list[BlockCount]:
    """What each rule will yield, counted before any pair is made, and the table `sizes_<keys>` of shared keys."""
    caps = " ".join(f"WHEN {i} THEN {block_cap(declaration, r)}" for i, r in enumerate(declaration.blocking))
    con.execute(
        f"CREATE OR REPLACE TEMP TABLE sizes_{keys} AS SELECT rule, key, count(*) AS n, CASE rule {caps} END AS cap "
        f"FROM {keys} GROUP BY rule, key HAVING count(*) > 1"
    )
    rows = con.execute(
        f"SELECT rule, count(*), sum(n), coalesce(sum(n * (n - 1) // 2) FILTER (n <= cap), 0), max(n), "
        f"count(*) FILTER (n > cap), coalesce(sum(n * (n - 1) // 2) FILTER (n > cap), 0) "
        f"FROM sizes_{keys} GROUP BY rule"
    ).fetchall()
    found = {r[0]: r for r in rows}
    out = []
    for i, rule in enumerate(declaration.blocking):
        r = found.get(i, (i, 0, 0, 0, 0, 0, 0))
        out.append(BlockCount(rule.name, *(int(x) for x in r[1:])))
    return out


def candidate_pairs(
    con: duckdb.DuckDBPyConnection, target: str = "pairs", keys: str = "keys", delta: str | None = None
) -> int:
    """Creates `target` (left_id < right_id, distinct) from the counted blocks; with `delta` only pairs that touch it.

    `delta` is a table with a column record_id. Returns the number of pairs.
    """
    touching = ""
    if delta:
        touching = (
            f" AND (a.record_id IN (SELECT record_id FROM {delta}) OR b.record_id IN (SELECT record_id FROM {delta}))"
        )
    con.execute(
        f"CREATE OR REPLACE TABLE {target} AS WITH usable AS ("
        f"  SELECT k.key, k.record_id FROM {keys} k JOIN sizes_{keys} s ON s.key = k.key AND s.rule = k.rule"
        f"  WHERE s.n <= s.cap)"
        f" SELECT DISTINCT a.record_id AS left_id, b.record_id AS right_id FROM usable a JOIN usable b"
        f" ON a.key = b.key AND a.record_id < b.record_id{touching}"
    )
    return int(con.execute(f"SELECT count(*) FROM {target}").fetchall()[0][0])


class RecordKey(NamedTuple):
    """A match key of a record: the number of its rule, the key, and the values that it is made of."""

    rule: int
    key: int
    values: tuple[str, ...]


def key_of(declaration: Declaration, rule: BlockingRule, values: Iterable[str]) -> int:
    """The match key of the values of a rule's parts."""
    text = _SEPARATOR.join((declaration.entity_type, rule.name, *values))
    return int.from_bytes(hashlib.md5(text.encode(), usedforsecurity=False).digest()[8:], "little") >> 1


def record_keys(declaration: Declaration, record: Mapping[str, Any]) -> Iterator[RecordKey]:
    """The match keys of one record, equal to what `build_keys` gives for it; each once."""
    columns = as_record(record)
    for number, rule in enumerate(declaration.blocking):
        choices: list[list[str]] = []
        for part in rule.parts:
            value = columns[part.column]
            values = [_text(v) for v in (value if isinstance(value, list) else [value]) if v is not None]
            choices.append([v[: part.first] for v in values if len(v) >= part.first] if part.first else values)
        for combination in dict.fromkeys(product(*choices)):
            yield RecordKey(number, key_of(declaration, rule, combination), combination)


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
