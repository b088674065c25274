"""The tables that an evaluation works on, in a DuckDB of its own: records with their standard values, who they are of.

`touchpoint`, `vehicle`, `relation` hold records that are evaluated (`own`) and those that these are compared with;
`home` says in which golden record a party's record is; `gold` holds golden records. What to load is said in `scope`.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from lifecycle.contracts import Contracts
from lifecycle.standard import ENTITIES, pc, types_of
from models.config import Config
from models.duck import small_database
from models.store import Store
from models.vocabulary import PARTY_TYPES

Forms = Mapping[str, Callable[[str], bool]]
"""Form of a value → whether a text has it."""

IDENTITY = ("source", "stream", "source_key", "source_time")
_DUCK = {"double": "DOUBLE", "date32[day]": "DATE", "int64": "BIGINT", "string": "VARCHAR"}
STRUCTURE = ("party_ids", "contact_ids", "refers_ids", "refers_n", "from_ids", "to_ids", "vin_id", "reasons")


@dataclass
class Work:
    """One evaluation under way."""

    con: duckdb.DuckDBPyConnection
    store: Store
    config: Config
    contracts: Contracts
    folder: Path
    today: dt.date
    forms: Forms
    full: bool = False
    restated: bool = False
    """The run's files hold the standard values of every record, since the mapping changed."""
    seconds: dict[str, float] = field(default_factory=dict)

    def sql(self, text: str, *values: Any) -> duckdb.DuckDBPyConnection:
        """Run a statement."""
        return self.con.execute(text, list(values))

    def rows(self, text: str, *values: Any) -> list[tuple[Any, ...]]:
        """The rows of a query."""
        return self.con.execute(text, list(values)).fetchall()

    def number(self, text: str, *values: Any) -> int:
        """The single number that a query gives, 0 for none."""
        return int(self.rows(text, *values)[0][0] or 0)

    def ids(self, text: str, *values: Any) -> Any:
        """The first column of a query as an array."""
        return self.arrow(text, *values).column(0).combine_chunks()

    def arrow(self, text: str, *values: Any) -> Any:
        """The result of a query in Arrow."""
        return self.con.sql(text, params=list(values)).to_arrow_table()

    @contextmanager
    def table(self, name: str, rows: Any) -> Iterator[str]:
        """Let statements of the block see an Arrow table under a name."""
        self.con.register(name, rows)
        try:
            yield name
        finally:
            self.con.unregister(name)

    def file(self, kind: str, entity: str) -> str | None:
        """A file of the run as a table of DuckDB, None where there is none."""
        path = self.folder / f"{kind}_{entity}.parquet"
        return f"read_parquet({text(str(path))})" if path.exists() else None

    def columns(self, kind: str, entity: str) -> list[str]:
        """The columns of a file of the run."""
        return list(pq.read_schema(self.folder / f"{kind}_{entity}.parquet").names)

    def kinds(self, what: Callable[[Any], bool]) -> str:
        """The kinds of touchpoints for which something holds, as a list in SQL."""
        names = [name for name, kind in self.contracts.touchpoints.items() if what(kind)]
        return f"({', '.join(map(text, names))})" if names else "('')"

    @property
    def day(self) -> str:
        """Today, in SQL."""
        return f"DATE '{self.today.isoformat()}'"


def text(value: str) -> str:
    """A text in SQL."""
    return "'" + value.replace("'", "''") + "'"


@contextmanager
def working(
    store: Store,
    config: Config,
    contracts: Contracts,
    folder: Path,
    today: dt.date,
    forms: Forms,
    *,
    large: bool,
    small: bool = False,
) -> Iterator[Work]:
    """A work with an empty database within the configured memory, which spills into the run's folder.

    A `large` one lives in a file, where tables are compressed; any other is quicker in memory, a `small` one in the
    engine that every small work shares.
    """
    out = folder / "lifecycle"
    out.mkdir(parents=True, exist_ok=True)
    path = out / "work.duckdb"
    with small_database() if small else _engine(config, folder, path if large else None) as con:
        yield Work(con, store, config, contracts, folder, today, forms)


@contextmanager
def _engine(config: Config, folder: Path, path: Path | None) -> Iterator[duckdb.DuckDBPyConnection]:
    if path is not None:
        path.unlink(missing_ok=True)
    con = duckdb.connect(str(path) if path is not None else ":memory:")
    try:
        con.execute(f"SET memory_limit = '{config.memory_limit}'")
        con.execute("SET temp_directory = ?", [str(folder / "spill")])
        con.execute("SET preserve_insertion_order = false")
        if config.threads:
            con.execute(f"SET threads = {int(config.threads)}")
        yield con
    finally:
        con.close()
        if path is not None:
            path.unlink(missing_ok=True)


def create(work: Work) -> None:
    """Create the empty tables, and what the run says of membership and golden records."""
    for entity in ENTITIES:
        columns = ", ".join(f'"{_column(n)}" {_type(kind)}' for n, kind in types_of(work.config, entity).items())
        work.sql(
            f"CREATE TABLE raw_{entity} (record_id BIGINT, source VARCHAR, stream VARCHAR, source_key VARCHAR, "
            f"recorded DATE, {columns})"
        )
        if (changes := work.file("changes", entity)) is not None:
            work.sql(f"CREATE VIEW changed_{entity} AS SELECT * FROM {changes} WHERE change <> 'late'")
        else:
            work.sql(f"CREATE VIEW changed_{entity} AS SELECT NULL::BIGINT record_id, '' AS change WHERE false")
    files = [file for entity in PARTY_TYPES if (file := work.file("membership", entity)) is not None]
    union = " UNION ALL ".join(f"SELECT record_id, golden_id FROM {file}" for file in files)
    nothing = "SELECT NULL::BIGINT AS record_id, NULL::VARCHAR AS golden_id WHERE false"
    work.sql(f"CREATE TABLE moved_home AS {union or nothing}")
    work.sql("CREATE TABLE home (record_id BIGINT, golden_id VARCHAR)")
    _rekeys(work)
    names = sorted({f"a_{name}" for entity in PARTY_TYPES for name in work.config.attributes_of(entity)})
    columns = ", ".join(f'"{name}" {_golden_type(work.config, name[2:])}' for name in names)
    work.sql(f"CREATE TABLE gold (golden_id VARCHAR, entity_type VARCHAR, {columns})")


def _rekeys(work: Work) -> None:
    """Creates `successor`: record → the record as which it goes on, however often its key changed."""
    known = work.store.record_keys().to_pylist()
    newest = {row["old_id"]: row["new_id"] for row in sorted(known, key=lambda row: row["run_id"])}
    for entity in (*PARTY_TYPES, *ENTITIES):
        if (file := work.file("changes", entity)) and "rekeyed_to" in work.columns("changes", entity):
            newest.update(work.rows(f"SELECT record_id, rekeyed_to FROM {file} WHERE rekeyed_to IS NOT NULL"))
    final: dict[int, int] = {}
    for old in newest:
        at, seen = old, {old}
        while (further := newest.get(at)) is not None and further not in seen:
            seen.add(further)
            at = further
        if at != old:
            final[old] = at
    rows = pa.table({"old_id": pa.array(list(final), pa.int64()), "new_id": pa.array(list(final.values()), pa.int64())})
    with work.table("rekey_rows", rows):
        work.sql("CREATE TABLE successor AS SELECT * FROM rekey_rows")


def load_all(work: Work, entity: str) -> None:
    """Put every current record of an entity type into `raw_<entity>`."""
    columns = [*IDENTITY, *([] if work.restated else ["standard"])]
    _fresh(work, entity, "")
    for batch in work.store.record_batches(entity, columns):
        _stored(work, entity, batch)


def load_some(work: Work, ids: Any) -> None:
    """Put those of the records that are touchpoints, vehicles or relations into their tables, unless they are there."""
    with work.table("wanted_rows", pa.table({"id": ids})):
        there = " UNION ALL ".join(f"SELECT record_id FROM raw_{entity}" for entity in ENTITIES)
        work.sql(
            "CREATE OR REPLACE TEMP TABLE wanted AS SELECT DISTINCT id AS record_id FROM wanted_rows "
            f"WHERE id IS NOT NULL AND id NOT IN ({there})"
        )
    wanted = work.ids("SELECT record_id FROM wanted")
    if not len(wanted):
        return
    found = work.store.records_by_id(wanted, [*IDENTITY, "standard", "deleted", "entity_type"])
    found = found.filter(pc.invert(pc.fill_null(found["deleted"], False)))
    for entity in ENTITIES:
        _fresh(work, entity, "SEMI JOIN wanted USING (record_id)")
        mine = found.filter(pc.equal(found["entity_type"], entity))
        if mine.num_rows:
            _stored(work, entity, mine)


_IDENTITY = "record_id, source, stream, source_key, recorded"


def _recorded(work: Work) -> str:
    return f"CAST(timezone({text(work.config.lifecycle.timezone)}, source_time) AS DATE) AS recorded"


def _restated(work: Work, entity: str) -> tuple[str, str]:
    """The columns of `raw_<entity>` beyond the identity, and the same out of the run's file `s`."""
    kinds = types_of(work.config, entity)
    have = work.columns("standard", entity)
    columns = ", ".join(f'"{_column(n)}"' for n in kinds)
    return columns, ", ".join(f's."{n}"' if n in have else f"NULL::{_type(kind)}" for n, kind in kinds.items())


def _fresh(work: Work, entity: str, wanted: str) -> None:
    """The records that the run changes."""
    standard = work.file("standard", entity)
    if standard is None or work.file("changes", entity) is None:
        return
    columns, values = _restated(work, entity)
    work.sql(
        f"INSERT INTO raw_{entity} ({_IDENTITY}, {columns}) SELECT c.record_id, c.source, c.stream, c.source_key, "
        f"c.recorded, {values} FROM (SELECT record_id, source, stream, source_key, {_recorded(work)} "
        f"FROM changed_{entity} WHERE change <> 'delete') c JOIN {standard} s USING (record_id) {wanted}"
    )


def _stored(work: Work, entity: str, rows: Any) -> None:
    """Records as the store holds them, without those that the run changes."""
    kinds = types_of(work.config, entity)
    with work.table("stored", rows):
        rest = f"(SELECT *, {_recorded(work)} FROM stored ANTI JOIN changed_{entity} USING (record_id))"
        standard = work.file("standard", entity)
        if work.restated:
            if standard is None:
                return
            columns, values = _restated(work, entity)
            work.sql(
                f"INSERT INTO raw_{entity} ({_IDENTITY}, {columns}) SELECT c.record_id, c.source, c.stream, "
                f"c.source_key, c.recorded, {values} FROM {rest} c JOIN {standard} s USING (record_id)"
            )
            return
        structure = ", ".join(f'"{n}" {_type(kind)}' for n, kind in kinds.items())
        shape = "{" + ", ".join(f'"{n}": {_json_type(kind)}' for n, kind in kinds.items()) + "}"
        columns = ", ".join(f'"{_column(n)}"' for n in kinds)
        unpacked = ", ".join(f'v."{n}"' for n in kinds)
        work.sql(
            f"INSERT INTO raw_{entity} ({_IDENTITY}, {columns}) SELECT {_IDENTITY}, {unpacked} FROM "
            f"(SELECT *, TRY_CAST(from_json(standard, ?) AS STRUCT({structure})) AS v FROM {rest})",
            shape,
        )


def load_homes(work: Work, ids: Any | None = None) -> None:
    """Put into `home` in which golden record parties' records are after the run: of all, or of `ids`."""
    if ids is None:
        stored = work.store.memberships().select(["record_id", "golden_id"])
        wanted = ""
    else:
        with work.table("wanted_rows", pa.table({"id": ids})):
            work.sql(
                "CREATE OR REPLACE TEMP TABLE wanted AS SELECT DISTINCT record_id FROM (SELECT id AS record_id FROM "
                "wanted_rows UNION ALL SELECT new_id FROM successor WHERE old_id IN (SELECT id FROM wanted_rows)) "
                "WHERE record_id IS NOT NULL AND record_id NOT IN (SELECT record_id FROM home)"
            )
        stored = work.store.memberships(work.ids("SELECT record_id FROM wanted")).select(["record_id", "golden_id"])
        wanted = "AND record_id IN (SELECT record_id FROM wanted)"
    with work.table("stored", stored):
        work.sql(
            f"INSERT INTO home SELECT record_id, golden_id FROM moved_home WHERE golden_id IS NOT NULL {wanted} "
            "UNION ALL SELECT record_id, golden_id FROM stored ANTI JOIN moved_home USING (record_id)"
        )
    # A key that was given up leads to the record that goes on.
    work.sql(
        "INSERT INTO home SELECT s.old_id, h.golden_id FROM successor s JOIN home h ON h.record_id = s.new_id "
        "ANTI JOIN home o ON o.record_id = s.old_id"
    )


def load_golden(work: Work, golden_ids: Any | None = None) -> None:
    """Put golden records into `gold` as they are after the run: all, or those of the ids."""
    for entity in PARTY_TYPES:
        names = list(work.config.attributes_of(entity))
        file = work.file("golden", entity)
        run = f"{file}" if file else "(SELECT NULL::VARCHAR AS golden_id, '' AS action, '' AS \"values\" WHERE false)"
        shape = "{" + ", ".join(f'"{n}": "JSON"' for n in names) + "}"
        structure = ", ".join(f'"{n}" JSON' for n in names)
        columns = ", ".join(f'"a_{n}"' for n in names)
        values = ", ".join(_golden_value(work.config, n) for n in names)
        wanted = "" if golden_ids is None else "AND golden_id IN (SELECT golden_id FROM wanted_golden)"

        def insert(source: str, entity: str = entity, values: str = values, columns: str = columns,
                   structure: str = structure, shape: str = shape) -> None:  # fmt: skip
            work.sql(
                f"INSERT INTO gold (golden_id, entity_type, {columns}) SELECT golden_id, {text(entity)}, {values} "
                f'FROM (SELECT golden_id, TRY_CAST(from_json("values", ?) AS STRUCT({structure})) AS v '
                f"FROM {source})",
                shape,
            )

        if golden_ids is not None:
            with work.table("golden_rows", pa.table({"golden_id": golden_ids})):
                work.sql("CREATE OR REPLACE TEMP TABLE wanted_golden AS SELECT DISTINCT golden_id FROM golden_rows")
        living = "action NOT IN ('retired', 'merged')"
        insert(f'(SELECT golden_id, "values" FROM {run} WHERE {living} {wanted})')
        if golden_ids is None:
            stored: Iterable[Any] = work.store.golden_batches(entity)
        else:
            rows = work.store.golden_by_id(golden_ids)
            here = [
                kind == entity and status == "active"
                for kind, status in zip(rows["entity_type"].to_pylist(), rows["status"].to_pylist(), strict=True)
            ]
            stored = [rows.filter(pa.array(here, pa.bool_()))]
        for batch in stored:
            with work.table("stored", batch.select(["golden_id", "values"])):
                insert(f'(SELECT golden_id, "values" FROM stored ANTI JOIN {run} r USING (golden_id))')


def _golden_value(config: Config, name: str) -> str:
    item = f'v."{name}"'
    if _golden_type(config, name) == "VARCHAR[]":
        return (
            f"CASE WHEN json_type({item}) = 'ARRAY' THEN from_json({item}, '[\"VARCHAR\"]') "
            f"WHEN json_type({item}) <> 'NULL' THEN [{item} ->> '$'] END"
        )
    return f"nullif({item} ->> '$', '')"


def _golden_type(config: Config, name: str) -> str:
    found = [config.attributes_of(entity).get(name) for entity in PARTY_TYPES]
    return "VARCHAR[]" if any(attribute is not None and attribute.multi for attribute in found) else "VARCHAR"


def _column(name: str) -> str:
    """Attributes stand behind `a_`, so that none has the name of a column of the record itself."""
    return name if name in STRUCTURE else f"a_{name}"


def _type(kind: pa.DataType) -> str:
    return f"{_type(kind.value_type)}[]" if pa.types.is_list(kind) else _DUCK[str(kind)]


def _json_type(kind: pa.DataType) -> str:
    return f"[{_json_type(kind.value_type)}]" if pa.types.is_list(kind) else f'"{_type(kind)}"'


def array_of(values: Iterable[int]) -> Any:
    """Record ids as an Arrow array."""
    return pa.array(np.fromiter(values, np.int64))
