"""Golden values for golden records: who wins, field by field, and what has lost.

Set-based: DuckDB over Arrow, partition by partition. Which records belong together is decided before, versions and
events after (`diff`).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence

import duckdb
import numpy as np
import pyarrow as pa
import xxhash

from matching.survive.arrow import Column, Ints, at, ints, pc
from matching.survive.base import Input, read
from matching.survive.candidates import Plan, candidates
from matching.survive.fields import view
from matching.survive.overrides import concerned
from matching.survive.render import GOLDEN, render
from matching.survive.rowwise import survive_few
from matching.survive.rules import FieldRule, SourceRank
from matching.survive.singles import singles
from models.errors import KehuError

PARTITION_ROWS = 250_000
FEW = 1_000
_NOBODY = "SELECT 0::BIGINT AS g, 0 AS u, 0::BIGINT AS k, 0 AS p, 0::BIGINT AS i, '' AS v, '' AS w, 1 AS n WHERE false"
_MASK63 = (1 << 63) - 1


def survive(
    members: pa.Table,
    standard: pa.Table | None,
    rules: Sequence[FieldRule],
    sources: Mapping[str, SourceRank],
    *,
    overrides: pa.Table | None = None,
    as_of: dt.datetime | None = None,
    memory_limit: str = "2GB",
    threads: int | None = None,
    temp_directory: str | None = None,
    partition_rows: int = PARTITION_ROWS,
    few: int = FEW,
) -> pa.Table:
    """Golden values of the golden records that `members` holds completely.

    members: record_id int64, golden_id, source, stream, source_key, source_time (timestamp or null), and the raw
        canonical attributes as delivered, trimmed: text, or list of text where the rule says `multi`. A missing
        attribute counts as null.
    standard: record_id and the standard columns of the entity type; None where it has none.
    rules: one per attribute; golden values come in their order.
    sources: rank of each source; one that is missing has priority 50 and full trust.
    overrides: record_id int64 | null, golden_id | null, attribute, value | null, action (`pin` or `ignore`), at
        (timestamp | null): what stewards said. What is null holds for all; at least one of record, golden record and
        value is given. The newest pin wins over every rule; what is ignored never wins.
    as_of: the moment from which the rule `trust` counts age. By default the newest source time of the golden record
        itself, so that the values depend on its own members alone and a run over a part gives the same as a full one.
    memory_limit, threads, temp_directory: as for DuckDB; `partition_rows` members are worked on at a time; up to `few`
        members are worked on without DuckDB, with the same result.

    Returns golden_id, values (JSON object of the values there are), provenance (JSON, see `expand_provenance`),
    records int64, valid_from (newest source time of a winning record, UTC microseconds, or null), content_hash int64
    (of the values), in no particular order.

    Raises ConfigError for contradictory rules, KehuError for a member without a golden id.
    """
    if members["golden_id"].null_count:
        raise KehuError("survivorship: a member has no golden id")
    if len(members) <= few:
        return _hashed(survive_few(members, standard, rules, sources, overrides, as_of))
    settings: dict[str, str | int] = {"memory_limit": memory_limit, "TimeZone": "UTC"}
    if threads:
        settings["threads"] = threads
    if temp_directory:
        settings["temp_directory"] = temp_directory
    with duckdb.connect() as con:
        for name, value in settings.items():
            con.execute(f"SET {name} = '{value}'")
        data = read(con, members, standard, rules, sources)
        plan = Plan(data.rules, _steered(con, overrides), "m.newest" if as_of is None else _moment(con, as_of))
        parts = [
            part
            for alone, together in data.partitions(partition_rows)
            for part in _partition(
                con, data, plan, alone, data.order.slice(together.start, together.stop - together.start)
            )
        ]
    return _hashed(pa.concat_tables([GOLDEN.empty_table(), *parts]))


def _steered(con: duckdb.DuckDBPyConnection, overrides: pa.Table | None) -> frozenset[str]:
    if overrides is None or not len(overrides):
        return frozenset()
    con.register("overrides", overrides)
    return frozenset(str(name) for name in overrides["attribute"].unique().to_pylist())


def _moment(con: duckdb.DuckDBPyConnection, as_of: dt.datetime) -> str:
    con.execute("SET VARIABLE as_of = CAST(? AS TIMESTAMPTZ)", [as_of])
    return "getvariable('as_of')"


def _partition(
    con: duckdb.DuckDBPyConnection, data: Input, plan: Plan, alone: Ints, order: pa.Table
) -> Iterator[pa.Table]:
    if plan.steered:
        alone, order = _with_steered(con, data, plan, alone, order)
    if len(alone):
        _show(con, "single", data.rows(alone, with_ids=bool(plan.steered)), data, plan)
        found = con.sql(singles(data.rules)).to_arrow_table()
        columns = [data.ids.take(found["g"]), *found.columns[1:]]
        yield pa.Table.from_arrays(columns, names=GOLDEN.names).cast(GOLDEN)
    if len(order):
        rows = data.rows(ints(order["position"]), with_ids=bool(plan.steered))
        for name in ("i", "late", "newest"):
            rows = rows.append_column(name, order[name])
        _show(con, "multi", rows, data, plan)
        union = " UNION ALL ".join(candidates(plan, unit) for unit in data.units)
        picked = "SELECT g, u, k, p, i, v, to_json(w)::VARCHAR AS w, n"
        found = con.sql(f"{picked} FROM ({union or _NOBODY})").to_arrow_table()
        people = con.sql(
            "SELECT g, i, to_json([record_id::VARCHAR, source, stream, source_key])::VARCHAR AS record, source_time "
            "FROM multi ORDER BY g, i"
        ).to_arrow_table()
        yield render(found, people, data.ids, data.units)


def _with_steered(
    con: duckdb.DuckDBPyConnection, data: Input, plan: Plan, alone: Ints, order: pa.Table
) -> tuple[Ints, pa.Table]:
    """Members that are alone but concerned by an override take the long way too."""
    rules = [rule for rule in data.rules if rule.attribute in plan.steered]
    if not rules or not len(alone):
        return alone, order
    _show(con, "single", data.rows(alone, with_ids=bool(plan.steered)), data, plan)
    moved = np.isin(data.g[alone], ints(con.sql(concerned(rules, "single")).to_arrow_table()["g"]))
    positions = alone[moved]
    first = pa.array(np.zeros(len(positions), np.int64))
    newest = data.columns["source_time"].take(at(positions)).cast(order.schema.field("newest").type)
    added = {"position": at(positions), "i": first, "late": pc.add(first, pa.scalar(1)), "newest": newest}
    both = pa.concat_tables([order, pa.table(added).cast(order.schema)])
    by_golden: Column = at(np.lexsort((ints(both["i"]), data.g[ints(both["position"])])))
    return alone[~moved], both.take(by_golden)


def _show(con: duckdb.DuckDBPyConnection, name: str, rows: pa.Table, data: Input, plan: Plan) -> None:
    """Make a view of these members with all attributes: computed column by column where it is read."""
    con.register(f"{name}_rows", rows)
    keys = ", ".join(column for column in rows.column_names if ":" not in column)
    sql = view(data.rules, data.available, f"{name}_rows", keys=keys, compared=bool(plan.steered))
    con.execute(f"CREATE OR REPLACE TEMP VIEW {name} AS {sql}")


def _hashed(golden: pa.Table) -> pa.Table:
    digest = xxhash.xxh3_64_intdigest
    texts: Column = golden["values"].cast(pa.binary())
    hashes = [digest(text) & _MASK63 for text in texts.to_pylist()]
    return golden.append_column("content_hash", pa.array(hashes, pa.int64()))
