"""Quick reads of few rows, for answers that somebody waits for: prepared statements, plain tuples, one published state.

Bulk reads, in Arrow, are in `reading`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import orjson

from models.store.database import Database
from models.store.looks import Ask, for_psycopg


class Member(NamedTuple):
    """A source record with the golden record that it is in, and its standard values as JSON."""

    golden_id: str
    record_id: int
    source: str
    stream: str
    source_key: str
    standard: str | None


class Near(NamedTuple):
    """What `Lookup.near` reads of the records under match keys."""

    blocks: list[list[int]]
    standards: list[tuple[int, str]]
    roles: list[tuple[str, str, str]]


class Held(NamedTuple):
    """A source record as the hub holds it."""

    entity_type: str
    source: str
    stream: str
    source_key: str
    deleted: bool
    standard: str | None


_LAST_RUN = "SELECT run_id FROM run WHERE status = 'published' ORDER BY run_id DESC LIMIT 1"


@contextmanager
def looking(database: Database, ahead: Ask | None = None) -> Iterator[Lookup]:
    """Lookups that all see one published state; inside a snapshot or transaction of this thread, that one's.

    What will be asked in any case, as `near_query` words it, may be asked ahead, and is answered from that then.
    """
    sqlite = database.dialect == "sqlite"
    if database.is_held():
        with database.read() as connection:
            yield Lookup(connection.connection.driver_connection, sqlite)
        return
    # Without SQLAlchemy's own beginning and ending, which takes as long as the reads.
    with database.clear_errors():
        if not sqlite:
            with database.looks.snapshot(_LAST_RUN, ahead) as found:
                yield Lookup(found.driver, sqlite, [found.first], [(ahead, found.ahead)] if ahead is not None else [])
            return
        pooled = database.engine.raw_connection()
        file: Any = pooled.driver_connection
        try:
            file.execute("BEGIN")
            yield Lookup(file, sqlite)
        finally:
            try:
                file.rollback()
            finally:
                pooled.close()


@dataclass(frozen=True)
class Lookup:
    """Reads through a driver's own connection, which must be inside a transaction.

    To a server each statement is a way there and back, which takes as long as a look-up: what is known to be needed
    together is asked for at once.
    """

    _driver: Any
    _sqlite: bool
    _last_run: list[str | None] = field(default_factory=list)
    _ahead: list[tuple[Ask, list[Any]]] = field(default_factory=list)

    def last_run(self) -> str | None:
        """The run whose state is published."""
        if not self._last_run:
            rows = self._rows(_LAST_RUN)
            self._last_run.append(rows[0][0] if rows else None)
        return self._last_run[0]

    def metrics(self, run_id: str) -> dict[str, Any]:
        """What a run left word of when it was published."""
        rows = self._rows("SELECT metrics FROM run WHERE run_id = ?", run_id)
        found: dict[str, Any] = orjson.loads(rows[0][0]) if rows and rows[0][0] else {}
        return found

    def model(self, entity_type: str, model_id: str | None) -> tuple[str, dict[str, Any]] | None:
        """Id and document of a match model; without an id, of the one that is published."""
        which = "model_id = ?" if model_id else "entity_type = ? AND status = 'published'"
        rows = self._rows(f"SELECT model_id, document FROM match_model WHERE {which}", model_id or entity_type)
        return (rows[0][0], orjson.loads(rows[0][1])) if rows else None

    def record(self, record_id: int) -> Held | None:
        """One source record."""
        columns = "entity_type, source, stream, source_key, deleted, standard"
        rows = self._rows(f"SELECT {columns} FROM source_record WHERE record_id = ?", record_id)
        return Held(*rows[0]) if rows else None

    def blocks(self, keys: Sequence[int], caps: Sequence[int]) -> list[list[int]]:
        """Per match key the records under it, but no more than its cap and one."""
        if self._sqlite:
            query = "SELECT record_id FROM match_key WHERE key = ? LIMIT ?"
            run = self._driver.execute
            return [[r for (r,) in run(query, (k, n + 1)).fetchall()] for k, n in zip(keys, caps, strict=True)]
        found: dict[int, list[int]] = {key: [] for key in keys}
        for key, record in self._rows(
            "SELECT k.key, m.record_id FROM unnest(?::bigint[], ?::bigint[]) AS k(key, cap) CROSS JOIN LATERAL "
            "(SELECT record_id FROM match_key WHERE match_key.key = k.key LIMIT k.cap + 1) m",
            list(keys),
            list(caps),
        ):
            found[key].append(record)
        return [found[key] for key in keys]

    def near(
        self,
        keys: Sequence[int],
        caps: Sequence[int],
        most: Sequence[int],
        entity_type: str,
        values: Mapping[str, Sequence[str]],
    ) -> Near:
        """`blocks`, the `standards` of the records in those of at most `most` records, and `contact_roles` at once."""
        if self._sqlite:
            blocks = self.blocks(keys, caps)
            wanted = {record for block, n in zip(blocks, most, strict=True) if len(block) <= n for record in block}
            return Near(blocks, self.standards(sorted(wanted)), self.contact_roles(entity_type, values))
        by_key: dict[int, list[int]] = {key: [] for key in keys}
        found = Near([by_key[key] for key in keys], [], [])
        query = near_query(keys, caps, most, entity_type, values)
        known = [rows for asked, rows in self._ahead if asked == query]
        for key, record, first, value, role in known[0] if known else self._asked(query):
            if key is not None:
                by_key[key].append(record)
            elif record is not None:
                found.standards.append((record, first))
            else:
                found.roles.append((first, value, role))
        return found

    def standards(self, ids: Sequence[int]) -> list[tuple[int, str]]:
        """record_id and standard values (JSON) of those of the records that are not deleted."""
        return self._rows(
            f"SELECT record_id, standard FROM source_record WHERE record_id {self._among()} AND NOT deleted "
            "AND standard IS NOT NULL",
            self._list(ids),
        )

    def homes(self, ids: Sequence[int]) -> tuple[list[Member], dict[str, dict[str, Any]]]:
        """All members of the golden records that these records are in, and the values of those by their ids."""
        members = "m.golden_id, m.record_id, r.source, r.stream, r.source_key, r.standard FROM membership m"
        records = "JOIN source_record r ON r.record_id = m.record_id"
        if self._sqlite:
            homes = f"(SELECT golden_id FROM membership WHERE record_id {self._among()})"
            given = self._list(ids)
            rows = self._rows(f"SELECT {members} {records} WHERE m.golden_id IN {homes}", given)
            values = self._rows(f'SELECT golden_id, "values" FROM golden_record WHERE golden_id IN {homes}', given)
        else:
            both = self._rows(
                "WITH h AS MATERIALIZED (SELECT DISTINCT golden_id FROM membership WHERE record_id = ANY(?::bigint[])) "
                f"SELECT {members} JOIN h USING (golden_id) {records} UNION ALL "
                'SELECT golden_id, NULL, NULL, NULL, NULL, "values" FROM golden_record JOIN h USING (golden_id)',
                list(ids),
            )
            rows = [row for row in both if row[1] is not None]
            values = [(row[0], row[5]) for row in both if row[1] is None]
        return sorted(Member(*row) for row in rows), {golden_id: orjson.loads(text) for golden_id, text in values}

    def contact_roles(self, entity_type: str, values: Mapping[str, Sequence[str]]) -> list[tuple[str, str, str]]:
        """kind, value, role of those of the contact values (by kind) that are not simply somebody's own."""
        columns = "SELECT kind, value, role FROM contact_profile"
        if self._sqlite:
            query = f"{columns} WHERE entity_type = ? AND kind = ? AND value {self._among()} AND role <> 'own'"
            return [
                row for kind, some in values.items() for row in self._rows(query, entity_type, kind, self._list(some))
            ]
        wanted = [(kind, value) for kind, some in values.items() for value in some]
        return self._rows(
            f"{columns} JOIN unnest(?::text[], ?::text[]) AS w(kind, value) USING (kind, value) "
            "WHERE entity_type = ? AND role <> 'own'",
            [kind for kind, _ in wanted],
            [value for _, value in wanted],
            entity_type,
        )

    def decided(self, ids: Sequence[int]) -> list[dict[str, Any]]:
        """The decisions on pairs and splits about any of the records that hold, oldest first.

        Of each entity_type, kind, left_id, right_id, verdict and detail (JSON).
        """
        names = ("entity_type", "kind", "left_id", "right_id", "verdict", "detail")
        # What needs a second person's approval counts since it has that.
        approved = "SELECT max(p.id) FROM decision p WHERE p.approves = d.id AND p.verdict = 'approve'"
        rows = self._rows(
            f"SELECT {', '.join(names)} FROM decision d WHERE id IN "
            f"(SELECT decision_id FROM decision_record WHERE record_id {self._among()}) "
            "AND kind IN ('pair', 'split') AND undoes IS NULL "
            "AND NOT EXISTS (SELECT 1 FROM decision u WHERE u.undoes = d.id) "
            f"AND (approval IS NULL OR ({approved}) IS NOT NULL) ORDER BY coalesce(({approved}), id), id",
            self._list(ids),
        )
        return [dict(zip(names, row, strict=True)) for row in rows]

    def _among(self, kind: str = "bigint") -> str:
        return "IN (SELECT value FROM json_each(?))" if self._sqlite else f"= ANY(?::{kind}[])"

    def _list(self, values: Sequence[Any]) -> Any:
        # One bound value whatever their number, so that the statement is prepared once.
        return orjson.dumps(values).decode() if self._sqlite else list(values)

    def _rows(self, query: str, *values: Any) -> list[Any]:
        if self._sqlite:
            found: list[Any] = self._driver.execute(query, values).fetchall()
            return found
        return self._asked((query, values))

    def _asked(self, query: Ask) -> list[Any]:
        with self._driver.cursor(binary=True) as cursor:
            found: list[Any] = cursor.execute(for_psycopg(query[0]), query[1], prepare=True).fetchall()
            return found


def near_query(
    keys: Sequence[int],
    caps: Sequence[int],
    most: Sequence[int],
    entity_type: str,
    values: Mapping[str, Sequence[str]],
) -> Ask:
    """What `Lookup.near` asks of PostgreSQL."""
    named = [(kind, value) for kind, some in values.items() for value in some]
    kinds, texts = [kind for kind, _ in named], [value for _, value in named]
    return _NEAR, (list(keys), list(caps), list(most), kinds, texts, entity_type)


_NEAR = (
    "WITH b AS MATERIALIZED (SELECT k.key, k.most, m.record_id FROM unnest(?::bigint[], ?::bigint[], "
    "?::bigint[]) AS k(key, cap, most) CROSS JOIN LATERAL (SELECT record_id FROM match_key WHERE "
    "match_key.key = k.key LIMIT k.cap + 1) m) "
    "SELECT key, record_id, NULL::text, NULL::text, NULL::text FROM b UNION ALL "
    "SELECT NULL, record_id, standard, NULL, NULL FROM source_record WHERE record_id = ANY(ARRAY(SELECT "
    "DISTINCT record_id FROM (SELECT record_id, most, count(*) OVER (PARTITION BY key) AS n FROM b) s "
    "WHERE n <= most)) AND NOT deleted AND standard IS NOT NULL UNION ALL "
    "SELECT NULL, NULL, kind, value, role FROM contact_profile JOIN unnest(?::text[], ?::text[]) AS w(kind, "
    "value) USING (kind, value) WHERE entity_type = ? AND role <> 'own'"
)
