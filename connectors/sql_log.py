"""Changes of a PostgreSQL table from its write-ahead log, through a logical replication slot: deletions included.

The log only says which keys were touched; the rows are read from the table as any other reading does, so that a value
has one form however it came. The slot moves on when a run was published: a reading that is lost is made again.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa

from models.errors import SourceError

Fault = Callable[..., SourceError]
_KEYS = re.compile(r"^(smallint|integer|bigint|text|uuid|character( varying)?(\(\d+\))?)$")
_PLAIN = re.compile(r"[^a-z0-9_]+")


@dataclass(frozen=True)
class Log:
    """A table's log: the slot that remembers how far it was read, and the publication that lets the table into it."""

    slot: str
    publication: str
    schema: str
    table: str

    @property
    def name(self) -> str:
        """The table as messages name it."""
        return f"{self.schema}.{self.table}"


@dataclass
class Touched:
    """Keys that were touched, as PostgreSQL writes them, in the order of their first touch."""

    keys: dict[tuple[str, ...], None] = field(default_factory=dict)
    truncated: bool = False


def log_of(
    connection: sa.Connection, source: str, stream: str, table: str | None, slot: str | None, publication: str
) -> Log:
    """The log of a stream's table; the slot is named after the stream unless it has a name."""
    schema, _, name = (table or stream).rpartition(".")
    found = schema or str(connection.scalar(sa.text("SELECT current_schema()")))
    plain = _PLAIN.sub("_", f"kehu_{source}_{stream}".lower())[:63]
    return Log(slot or plain, publication, found, name)


def obstacles(connection: sa.Connection, log: Log, key: list[str]) -> list[str]:
    """What keeps the log from being read, each as a sentence that says what to do."""
    found = []
    level = connection.scalar(sa.text("SELECT setting FROM pg_settings WHERE name = 'wal_level'"))
    if level != "logical":
        found.append(f"wal_level is '{level}'; set it to logical and restart the server")
    may = connection.scalar(sa.text("SELECT rolreplication OR rolsuper FROM pg_roles WHERE rolname = current_user"))
    if not may:
        found.append("the user may not read the log; ALTER ROLE … REPLICATION lets it")
    identity = _identity(connection, log)
    if missing := [column for column in key if column not in identity]:
        held = ", ".join(identity) or "nothing"
        found.append(
            f"the log of {log.name} names deleted rows by {held}, and not by {', '.join(missing)}; "
            f"ALTER TABLE {log.name} REPLICA IDENTITY FULL makes it name all columns"
        )
    kinds = _kinds(connection, log.name, key)
    if odd := [f"{column} ({kind})" for column, kind in kinds.items() if not _KEYS.match(kind)]:
        found.append(
            f"keys of these types are written otherwise in the log: {', '.join(odd)}; read with a cursor instead"
        )
    return found


def begin(connection: sa.Connection, log: Log, fault: Fault) -> str:
    """Let the table into the publication, make the slot anew, and give the place in the log that it starts from."""
    quote = connection.dialect.identifier_preparer.quote
    published = sa.text("SELECT 1 FROM pg_publication WHERE pubname = :name")
    tables = sa.text("SELECT 1 FROM pg_publication_tables WHERE pubname = :name AND schemaname = :s AND tablename = :t")
    target = f"{quote(log.schema)}.{quote(log.table)}"
    statement = f"CREATE PUBLICATION {quote(log.publication)} FOR TABLE {target}"
    if connection.scalar(published, {"name": log.publication}):
        statement = f"ALTER PUBLICATION {quote(log.publication)} ADD TABLE {target}"
    if not connection.scalar(tables, {"name": log.publication, "s": log.schema, "t": log.table}):
        try:
            connection.execute(sa.text(statement))
        except sa.exc.DBAPIError as error:
            raise fault(
                f"{log.name} is not in the publication, and {str(error.orig).strip()}: run {statement}"
            ) from None
    if exists(connection, log):
        connection.execute(sa.text("SELECT pg_drop_replication_slot(:slot)"), {"slot": log.slot})
    made = sa.text("SELECT lsn::text FROM pg_create_logical_replication_slot(:slot, 'pgoutput')")
    return str(connection.scalar(made, {"slot": log.slot}))


def exists(connection: sa.Connection, log: Log) -> bool:
    """Whether the slot is there and still holds the log that it remembers."""
    query = sa.text("SELECT coalesce(wal_status, 'lost') FROM pg_replication_slots WHERE slot_name = :slot")
    return connection.scalar(query, {"slot": log.slot}) is not None


def usable(connection: sa.Connection, log: Log) -> bool:
    """Whether the log can be read from where the slot stands; a slot that held too much was cut off by the server."""
    query = sa.text(
        "SELECT 1 FROM pg_replication_slots WHERE slot_name = :slot AND plugin = 'pgoutput' "
        "AND database = current_database() AND coalesce(wal_status, 'lost') <> 'lost'"
    )
    return connection.scalar(query, {"slot": log.slot}) is not None


def touched(connection: sa.Connection, log: Log, after: str, key: list[str]) -> tuple[Touched, str]:
    """The keys that were touched after a place in the log, and the place that it was read to.

    What lies before `after` was published, and is let go of.
    """
    stands = "SELECT confirmed_flush_lsn < CAST(:lsn AS pg_lsn) FROM pg_replication_slots WHERE slot_name = :slot"
    if connection.scalar(sa.text(stands), {"slot": log.slot, "lsn": after}):
        connection.execute(
            sa.text("SELECT pg_replication_slot_advance(:slot, CAST(:lsn AS pg_lsn))"), {"slot": log.slot, "lsn": after}
        )
    # What is not flushed yet is not decoded either; it comes with the next reading.
    upto = str(connection.scalar(sa.text("SELECT pg_current_wal_flush_lsn()::text")))
    query = (
        "SELECT data FROM pg_logical_slot_peek_binary_changes(%(slot)s, %(upto)s::pg_lsn, NULL, "
        "'proto_version', '1', 'publication_names', %(publication)s)"
    )
    found, reader = Touched(), _Reader(log, key)
    driver: Any = connection.connection.driver_connection
    # A cursor of the server: what was touched since the last run may be much.
    with driver.transaction(), driver.cursor(name="kehu_log") as cursor:
        cursor.itersize = 10_000
        cursor.execute(query, {"slot": log.slot, "upto": upto, "publication": log.publication})
        for (data,) in cursor:
            reader.read(bytes(data), found)
    return found, upto


def rows_with(connection: sa.Connection, table: str, key: list[str], keys: list[tuple[str, ...]]) -> str:
    """What stands behind FROM for the rows of a table that have one of these keys; index look-ups, not a scan."""
    quote = connection.dialect.identifier_preparer.quote
    arrays = []
    for place in range(len(key)):
        texts = ", ".join(_literal(connection, one[place]) for one in keys)
        arrays.append(f"ARRAY[{texts}]::text[]")
    kinds = _kinds(connection, table, key)
    names = ", ".join(f"k{place}" for place in range(len(key)))
    same = " AND ".join(f"t.{quote(column)} = w.k{place}::{kinds[column]}" for place, column in enumerate(key))
    return f"(SELECT t.* FROM {table} t JOIN unnest({', '.join(arrays)}) AS w({names}) ON {same}) touched"


def _literal(connection: sa.Connection, text: str) -> str:
    return str(sa.literal(text).compile(dialect=connection.dialect, compile_kwargs={"literal_binds": True}))


def _kinds(connection: sa.Connection, table: str, key: list[str]) -> dict[str, str]:
    query = sa.text(
        "SELECT attname, format_type(atttypid, atttypmod) FROM pg_attribute "
        "WHERE attrelid = CAST(:name AS regclass) AND attname = ANY(:key)"
    )
    return {str(name): str(kind) for name, kind in connection.execute(query, {"name": table, "key": key})}


def _identity(connection: sa.Connection, log: Log) -> list[str]:
    """The columns by which the log names rows that were deleted."""
    quote = connection.dialect.identifier_preparer.quote
    name = {"name": f"{quote(log.schema)}.{quote(log.table)}"}
    table = "attrelid = CAST(:name AS regclass)"
    identity = sa.text("SELECT relreplident::text FROM pg_class WHERE oid = CAST(:name AS regclass)")
    kind = connection.scalar(identity, name)
    columns = f"SELECT attname FROM pg_attribute a WHERE {table} AND attnum > 0 AND NOT attisdropped"
    if kind == "f":
        return [str(row[0]) for row in connection.execute(sa.text(columns), name)]
    if kind == "n":
        return []
    index = "indisprimary" if kind == "d" else "indisreplident"
    query = sa.text(
        f"{columns} AND attnum = ANY(SELECT unnest(indkey) FROM pg_index WHERE indrelid = a.attrelid AND {index})"
    )
    return [str(row[0]) for row in connection.execute(query, name)]


class _Reader:
    """Messages of pgoutput, version 1 (PostgreSQL documentation, "Logical Replication Message Formats")."""

    def __init__(self, log: Log, key: list[str]):
        self.log, self.key = log, key
        self.places: dict[int, list[int] | None] = {}
        """Relation → where the key's columns stand; None for another table."""

    def read(self, message: bytes, found: Touched) -> None:
        kind = message[:1]
        if kind == b"R":
            self._relation(message)
        elif kind == b"I":
            self._tuple(message, 6, self._number(message), found)
        elif kind == b"U":
            places = self._number(message)
            place = 5
            if message[place : place + 1] in (b"K", b"O"):
                place = self._tuple(message, place + 1, places, found)
            self._tuple(message, place + 1, places, found)
        elif kind == b"D":
            self._tuple(message, 6, self._number(message), found)
        elif kind == b"T":
            count = struct.unpack_from(">i", message, 1)[0]
            relations = struct.unpack_from(f">{count}i", message, 6)
            found.truncated = found.truncated or any(self.places.get(r) is not None for r in relations)

    def _number(self, message: bytes) -> list[int] | None:
        return self.places.get(struct.unpack_from(">i", message, 1)[0])

    def _relation(self, message: bytes) -> None:
        number = struct.unpack_from(">i", message, 1)[0]
        schema, place = _text(message, 5)
        table, place = _text(message, place)
        count = struct.unpack_from(">h", message, place + 1)[0]
        place += 3
        names = []
        for _ in range(count):
            name, place = _text(message, place + 1)
            names.append(name)
            place += 8
        mine = (schema or "pg_catalog", table) == (self.log.schema, self.log.table)
        self.places[number] = [names.index(column) for column in self.key] if mine else None

    def _tuple(self, message: bytes, place: int, wanted: list[int] | None, found: Touched) -> int:
        """Take the key of a row whose values start here; returns where they end."""
        count = struct.unpack_from(">h", message, place)[0]
        place += 2
        values: list[str | None] = []
        for _ in range(count):
            kind = message[place : place + 1]
            place += 1
            if kind == b"t":
                length = struct.unpack_from(">i", message, place)[0]
                values.append(message[place + 4 : place + 4 + length].decode())
                place += 4 + length
            else:
                values.append(None)
        if wanted is not None:
            key = [values[one] for one in wanted]
            if all(part is not None for part in key):
                found.keys[tuple(str(part) for part in key)] = None
        return place


def _text(message: bytes, place: int) -> tuple[str, int]:
    end = message.index(b"\0", place)
    return message[place:end].decode(), end + 1


def parts(keys: dict[tuple[str, ...], None], size: int) -> Iterator[list[tuple[str, ...]]]:
    """The keys in lists of at most so many."""
    found: list[Any] = list(keys)
    for start in range(0, len(found), size):
        yield found[start : start + size]
