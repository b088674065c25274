"""Golden values for golden records: who wins, field by field, and what has lost.

Set-based: DuckDB over Arrow, partition by partition. Which records belong together is decided before, versions and
events after (`diff`).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence

import duckdb
import pyarrow as pa
import xxhash

from matching.survive.base import Input, load_partition, register
from matching.survive.candidates import candidates
from matching.survive.render import GOLDEN, render
from matching.survive.rules import FieldRule, SourceRank
from matching.survive.singles import singles

PARTITION_ROWS = 250_000
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
) -> pa.Table:
    """Golden values of the golden records that `members` holds completely.

    members: record_id int64, golden_id, source, stream, source_key, source_time (timestamp or null), and the raw
        canonical attributes: text, or list of text where the rule says `multi`. A missing attribute counts as null.
    standard: record_id and the standard columns of the entity type; None where it has none.
    rules: one per attribute; golden values come in their order.
    sources: rank of each source; one that is missing has priority 50 and full trust.
    overrides: record_id int64 | null, golden_id | null, attribute, value | null, action (`pin` or `ignore`), at
        (timestamp | null): what stewards said. What is null holds for all; at least one of record, golden record and
        value is given. The newest pin wins over every rule; what is ignored never wins.
    as_of: the moment from which the rule `trust` counts age. By default the newest source time of the golden record
        itself, so that the values depend on its own members alone and a run over a part gives the same as a full one.
    memory_limit, threads, temp_directory: as for DuckDB; `partition_rows` members are worked on at a time.

    Returns golden_id, values (JSON object of the values there are), provenance (JSON, see `expand_provenance`),
    records int64, valid_from (newest source time of a winning record, UTC microseconds, or null), content_hash int64
    (of the values), ordered by golden_id within each partition.

    Raises ConfigError for contradictory rules.
    """
    settings: dict[str, str | int] = {"memory_limit": memory_limit, "TimeZone": "UTC"}
    if threads:
        settings["threads"] = threads
    if temp_directory:
        settings["temp_directory"] = temp_directory
    with duckdb.connect() as con:
        for name, value in settings.items():
            con.execute(f"SET {name} = '{value}'")
        data = register(con, members, standard, rules, sources, overrides, partition_rows)
        parts = [_partition(con, data, number, as_of) for number in range(data.partitions)]
    return _hashed(pa.concat_tables(parts))


def _partition(con: duckdb.DuckDBPyConnection, data: Input, number: int, as_of: dt.datetime | None) -> pa.Table:
    load_partition(con, data, number)
    alone = con.sql(singles(data)).to_arrow_table().cast(GOLDEN)
    gold = con.sql("SELECT golden_id, g, n FROM gold WHERE many ORDER BY g").to_arrow_table()
    if not len(gold):
        return alone.sort_by("golden_id")
    moment = "m.newest"
    if as_of is not None:
        con.execute("SET VARIABLE as_of = CAST(? AS TIMESTAMPTZ)", [as_of])
        moment = "getvariable('as_of')"
    found = " UNION ALL ".join(
        f"SELECT g, u, k, p, i, v, w, n FROM ({candidates(data, unit, as_of=moment)})" for unit in data.units
    )
    query = f"SELECT g, u, k, i, v, to_json(w)::VARCHAR AS w, n FROM ({found}) ORDER BY g, u, k, p, v"
    rows = con.sql(query).to_arrow_table()
    people = con.sql(
        "SELECT g, i, to_json([record_id::VARCHAR, source, stream, source_key])::VARCHAR AS record, source_time "
        "FROM multi ORDER BY g, i"
    ).to_arrow_table()
    return pa.concat_tables([alone, render(rows, people, gold, data.units)]).sort_by("golden_id")


def _hashed(golden: pa.Table) -> pa.Table:
    digest = xxhash.xxh3_64_intdigest
    hashes = [digest(text) & _MASK63 for text in golden["values"].cast(pa.binary()).to_pylist()]
    return golden.append_column("content_hash", pa.array(hashes, pa.int64()))


