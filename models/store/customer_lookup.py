"""Quick reads around one customer: its records, what hangs on them, where it stands, its findings; by indexes only.

What a customer looks like is put together in `lifecycle.view360`.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import orjson
import pyarrow as pa

from models.store.database import Database, moment
from models.store.lifecycle_tables import SUBJECTS
from models.store.lookup import Lookup

STAGE_HISTORY = pa.schema(
    [("golden_id", pa.string()), ("subject", pa.string()), ("subject_id", pa.int64()), ("seq", pa.int64()),
     ("stage", pa.string()), ("entered", pa.string()), ("exited", pa.string())]
)  # fmt: skip
"""The histories of customers as a flat table; `subject` is one of SUBJECTS, a last stage has no end."""


class Record(NamedTuple):
    """A source record that is not deleted; `standard` holds its standard values."""

    record_id: int
    entity_type: str
    source: str
    stream: str
    source_key: str
    source_time: str | None
    standard: dict[str, Any]


class Golden(NamedTuple):
    """A golden record that is in force."""

    golden_id: str
    entity_type: str
    version: int
    records: int
    recorded_at: str
    values: dict[str, Any]
    provenance: dict[str, Any]


class Link(NamedTuple):
    """`record_id` hangs on `target_id`, a record or the number of a VIN; `kind` is one of `lifecycle_tables`."""

    target_id: int
    record_id: int
    kind: int


_STATE = (
    "golden_id", "entity_type", "stage", "stage_since", "kind", "existing_since", "segment", "segment_since", "owner",
    "health", "last_contact", "revenue", "pipeline", "findings", "stake", "parent_id", "profile",
)  # fmt: skip
_FINDING = (
    "finding_id", "rule", "dimension", "about", "stage", "golden_id", "record_id", "source", "stream", "source_key",
    "field", "value", "severity", "owner", "owner_role", "stake", "since", "status", "first_seen", "opened_on",
    "closed_on", "reopened",
)  # fmt: skip


def _time(value: Any) -> str | None:
    """A time as the interface gives it, whatever the database: ISO 8601 in UTC, with a Z."""
    found = moment(value)
    return None if found is None else found.astimezone(dt.UTC).isoformat().replace("+00:00", "Z")


@contextmanager
def looking_at_customers(database: Database) -> Iterator[CustomerLookup]:
    """Lookups that all see one published state."""
    with database.snapshot(), database.read() as connection:
        yield CustomerLookup(connection.connection.driver_connection, database.dialect == "sqlite")


class CustomerLookup(Lookup):
    """Reads around customers; what is not there is left out of the answer."""

    def golden(self, golden_ids: Sequence[str]) -> dict[str, Golden]:
        """Golden records in force, by their ids."""
        rows = self._rows(
            'SELECT golden_id, entity_type, version, records, recorded_at, "values", provenance FROM golden_record '
            f"WHERE golden_id {self._among('text')} AND status = 'active'",
            self._list(golden_ids),
        )
        return {r[0]: Golden(r[0], r[1], r[2], r[3], _time(r[4]) or "", _json(r[5]), _json(r[6])) for r in rows}

    def golden_of_key(self, source: str, source_key: str) -> list[tuple[str, str, str]]:
        """golden_id, entity_type, stream of the party records with a source's key."""
        return self._rows(
            "SELECT m.golden_id, r.entity_type, r.stream FROM source_record r JOIN membership m "
            "ON m.record_id = r.record_id WHERE r.source = ? AND r.source_key = ? ORDER BY r.entity_type, r.stream",
            source,
            source_key,
        )

    def members(self, golden_ids: Sequence[str]) -> list[tuple[str, int]]:
        """(golden_id, record_id) of the records in golden records."""
        return self._rows(
            f"SELECT golden_id, record_id FROM membership WHERE golden_id {self._among('text')} ORDER BY record_id",
            self._list(golden_ids),
        )

    def golden_ids(self, record_ids: Sequence[int]) -> dict[int, str]:
        """Record → the golden record it is in."""
        return dict(
            self._rows(
                f"SELECT record_id, golden_id FROM membership WHERE record_id {self._among()}",
                self._list(record_ids),
            )
        )

    def records(self, record_ids: Sequence[int]) -> list[Record]:
        """Records that are not deleted, in the order of their ids."""
        rows = self._rows(
            "SELECT record_id, entity_type, source, stream, source_key, source_time, standard FROM source_record "
            f"WHERE record_id {self._among()} AND NOT deleted ORDER BY record_id",
            self._list(record_ids),
        )
        return [
            Record(number, entity, source, stream, key, _time(time), _json(standard))
            for number, entity, source, stream, key, time, standard in rows
        ]

    def links_to(self, target_ids: Sequence[int]) -> list[Link]:
        """Everything that hangs on records or numbers of VINs."""
        query = f"SELECT target_id, record_id, kind FROM record_link WHERE target_id {self._among()}"
        return [Link(*row) for row in self._rows(query, self._list(target_ids))]

    def states(self, golden_ids: Sequence[str]) -> dict[str, dict[str, Any]]:
        """Where customers stand, by golden id."""
        rows = self._rows(
            f"SELECT {', '.join(_STATE)} FROM customer_state WHERE golden_id {self._among('text')}",
            self._list(golden_ids),
        )
        found = (dict(zip(_STATE, row, strict=True)) for row in rows)
        return {state["golden_id"]: state | {"profile": _json(state["profile"])} for state in found}

    def stages(self, golden_id: str) -> list[tuple[str, int, str, str, str | None]]:
        """(subject, subject_id, stage, entered, exited) of a customer, its opportunities and vehicles, in order."""
        rows = self._rows("SELECT history FROM customer_state WHERE golden_id = ?", golden_id)
        return unpacked(rows[0][0]) if rows else []

    def health_changes(self, golden_id: str) -> list[tuple[str, float | None, float | None]]:
        """(day, score before, score after) of every change of a customer's health, in order."""
        return self._rows(
            "SELECT day, before, after FROM health_change WHERE golden_id = ? ORDER BY day, run_id", golden_id
        )

    def open_findings(self, golden_id: str) -> list[dict[str, Any]]:
        """The open findings of a customer, the gravest first; `waived_until` where somebody waived one."""
        rows = self._rows(
            f"SELECT {', '.join(_FINDING)} FROM finding WHERE golden_id = ? AND status = 'open' ORDER BY "
            "CASE severity WHEN 'error' THEN 0 WHEN 'warning' THEN 1 ELSE 2 END, since, finding_id",
            golden_id,
        )
        return [dict(zip(_FINDING, row, strict=True)) for row in rows]

    def waivers(self, finding_ids: Sequence[int]) -> dict[int, str | None]:
        """Finding → the last day of its waiver (None for ever), of those whose latest word was a waiver."""
        rows = self._rows(
            f"SELECT finding_id, action, until FROM finding_action WHERE finding_id {self._among()} "
            "AND action IN ('waive', 'unwaive') ORDER BY id",
            self._list(finding_ids),
        )
        last = {finding_id: (action, until) for finding_id, action, until in rows}
        return {finding_id: until for finding_id, (action, until) in last.items() if action == "waive"}

    def lifecycle_day(self) -> str | None:
        """The day for which the lifecycle was evaluated last, as ISO text; None where it never was."""
        run = self._rows("SELECT max(run_id) FROM lifecycle_measure")
        if not run or run[0][0] is None:
            return None
        told = self.metrics(run[0][0]).get("lifecycle") or {}
        return told.get("today")


def _json(value: Any) -> dict[str, Any]:
    if value is None:
        return {}
    found: dict[str, Any] = value if isinstance(value, dict) else orjson.loads(value)
    return found


def unpacked(history: str | None) -> list[tuple[str, int, str, str, str | None]]:
    """A `customer_state.history` as (subject, subject_id, stage, entered, exited), in order."""
    rows = orjson.loads(history) if history else []
    following = [*rows, (None, None, None, None)][1:]
    return [
        (SUBJECTS[subject], number, stage, entered, after[3] if after[:2] == [subject, number] else None)
        for (subject, number, stage, entered), after in zip(rows, following, strict=True)
    ]


def numbered(history: str | None) -> list[tuple[str, int, int, str, str, str | None]]:
    """The same as rows of STAGE_HISTORY without the customer: each subject's stages are numbered from 1."""
    found: list[tuple[str, int, int, str, str, str | None]] = []
    for subject, subject_id, stage, entered, exited in unpacked(history):
        number = found[-1][2] + 1 if found and found[-1][:2] == (subject, subject_id) else 1
        found.append((subject, subject_id, number, stage, entered, exited))
    return found
