"""Runs and what is written beside them: the lock, the run's own row, publishing, match models."""

from __future__ import annotations

import datetime as dt
import os
import socket
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import orjson
import sqlalchemy as sa

from models.errors import StoreError
from models.stewardship import Ranking
from models.store import bulk, lock, publish
from models.store import tables as t
from models.store.apply import FOLLOWED, RUN_KINDS, Applied, Written, apply
from models.store.apply import STATUS as APPLIED
from models.store.database import Database
from models.store.outcome import RunOutcome


class Runs:
    """The writing half of a store."""

    database: Database
    _still_held: Callable[[], None]

    @contextmanager
    def lock(self, run_id: str, *, wait: float = 0.0) -> Iterator[None]:
        """Be the only run of this hub for as long as the block lasts; waits up to `wait` seconds for another to end.

        A run that died with the lock is marked as failed. Raises LockError naming who holds the hub.
        """
        with lock.hold(self.database, wait=wait, holder=lambda: lock.describe(self.database)) as still:
            with self.database.write() as connection:
                lock.sign(connection, run_id)
                _fail_dead(connection)
            self._still_held = still
            try:
                yield
            finally:
                self._still_held = _nothing

    def start_run(self, run_id: str, *, kind: str = "incremental") -> None:
        """Write the row of a run that begins (`kind`: full or incremental), visible to everybody at once."""
        values = {"run_id": run_id, "kind": kind, "status": "running", "started_at": _now()}
        with self.database.write() as connection:
            lock.in_turn(connection)  # decisions that are being applied come before the run, or see it
            connection.execute(sa.insert(t.run).values(**values, pid=os.getpid(), host=socket.gethostname()))

    def finish_run(
        self,
        run_id: str,
        status: str = "failed",
        *,
        error: str | None = None,
        metrics: Mapping[str, Any] | None = None,
        phases: Mapping[str, float] | None = None,
    ) -> None:
        """End a run that is not published. `publish` ends the others itself."""
        with self.database.write() as connection:
            connection.execute(
                sa.update(t.run)
                .where((t.run.c.run_id == run_id) & (t.run.c.status == "running"))
                .values(status=status, finished_at=_now(), error=error, metrics=_json(metrics))
            )
            if phases:
                rows = [{"run_id": run_id, "phase": name, "seconds": seconds} for name, seconds in phases.items()]
                connection.execute(sa.insert(t.run_phase), rows)

    def publish(self, outcome: RunOutcome, on_step: Callable[[str], None] | None = None) -> dict[str, int]:
        """Make a run's outcome the state of the hub, in one transaction. Returns rows written by step.

        `on_step` is called with the name of each step (`STEPS`) before it is taken; what it raises undoes everything.
        Raises StoreError and leaves the old state when anything fails.
        """
        self._still_held()
        first = outcome.is_large() and self.database.is_empty(t.source_record)
        with self.database.write_much() if first else self.database.write(roomy=True) as connection:
            counts = publish.publish(connection, outcome, on_step or _ignore)
            self._still_held()
        self._settle(sum(counts.values()))
        return counts

    def _settle(self, rows: int) -> None:
        """After publishing: fold the log into the file; after much, let the planner know the new sizes."""
        self.database.fold()
        if rows < bulk.FETCH_ROWS or self.database.dialect == "sqlite":
            return
        with self.database.clear_errors(), self.database.engine.connect() as connection:
            connection.execution_options(isolation_level="AUTOCOMMIT").exec_driver_sql("ANALYZE")

    @contextmanager
    def deciding(self) -> Iterator[sa.Connection]:
        """A `transaction` for decisions: they come one after the other, and none while a run begins."""
        with self.database.transaction() as connection:
            lock.in_turn(connection)
            yield connection

    def run_under_way(self) -> str | None:
        """The run that is under way, as others see it. One whose process died is marked as failed.

        Call it inside `deciding`, so that none can begin until the transaction ends.
        """
        with self.database.read() as connection:
            running = connection.scalar(sa.select(t.run.c.run_id).where(t.run.c.status == "running").limit(1))
        if running is None or lock.is_held(self.database):
            return running
        with self.database.write() as connection:
            _fail_dead(connection)
        return None

    def apply(
        self, run_id: str, found: Sequence[Applied], *, decisions_upto: int, ranking: Ranking | None = None
    ) -> Written:
        """Make what decisions change the state of the hub; part of the transaction that is open."""
        with self.database.write() as connection:
            return apply(connection, run_id, found, decisions_upto=decisions_upto, ranking=ranking or Ranking())

    def applied_upto(self) -> int:
        """The newest decision that the state of the hub rests on."""
        r = t.run.c
        newest = sa.select(sa.func.max(r.decisions_upto))
        with self.database.read() as connection:  # one look into the index per status
            found = [connection.scalar(newest.where(r.status == one)) for one in ("published", APPLIED, FOLLOWED)]
        return max((int(number) for number in found if number is not None), default=0)

    def decided_since(self, run_id: str | None) -> tuple[set[str], set[int]]:
        """Golden records that decisions changed after a run, and records that they moved."""
        r = t.run.c
        return self._decided(r.status.in_((APPLIED, FOLLOWED)), r.run_id > (run_id or ""))

    def is_running(self) -> bool:
        """Whether a run is under way, or died under way and nobody noticed yet."""
        with self.database.read() as connection:
            return connection.scalar(sa.select(t.run.c.run_id).where(t.run.c.status == "running").limit(1)) is not None

    def to_follow(self, since: str) -> tuple[list[str], set[str], set[int]]:
        """The decisions that took effect after a run and that the lifecycle does not follow yet: ids of their rows,
        golden records that they changed, records that they moved.
        """
        r = t.run.c
        waiting = (r.status == APPLIED, r.run_id > since)
        with self.database.read() as connection:
            rows = list(connection.scalars(sa.select(r.run_id).where(*waiting).order_by(r.run_id)))
        return (rows, *self._decided(*waiting)) if rows else ([], set(), set())

    def follow(self, decisions: Sequence[str], before: str, outcome: RunOutcome | None) -> None:
        """Make what decisions change of the lifecycle the state of the hub, in one transaction with their mark.

        `before` is the run whose totals are corrected; without `outcome` nothing changes.
        """
        r = t.run.c
        with self.database.write() as connection:
            if outcome is not None:
                publish.publish_followed(connection, outcome, before)
            marked = sa.update(t.run).where(r.run_id.in_(list(decisions)), r.status == APPLIED)
            connection.execute(marked.values(status=FOLLOWED))

    def _decided(self, *which: sa.ColumnElement[bool]) -> tuple[set[str], set[int]]:
        query = sa.select(t.run.c.metrics).where(*which)
        golden: set[str] = set()
        records: set[int] = set()
        with self.database.read() as connection:
            for text in connection.scalars(query):
                told = orjson.loads(text)
                golden.update(told.get("golden", ()))
                records.update(told.get("records", ()))
        return golden, records

    def newest_run_id(self) -> str | None:
        """The greatest id of a run or an applied decision."""
        with self.database.read() as connection:
            newest: str | None = connection.scalar(sa.select(sa.func.max(t.run.c.run_id)))
        return newest

    def last_run(self, status: str | None = "published") -> dict[str, Any] | None:
        """The latest run of a status (None: of any) as a dictionary, metrics as a dictionary too."""
        r = t.run.c
        query = sa.select(t.run).order_by(r.started_at.desc(), r.run_id.desc()).limit(1)
        # Those of a status are few; decisions, which stand in the table too, are many.
        wanted = r.kind.in_(RUN_KINDS) if status is None else r.status == status
        return next(iter(self._rows(query.where(wanted))), None)

    def run(self, run_id: str) -> dict[str, Any] | None:
        """One run as a dictionary, with `phases` (name → seconds)."""
        found = next(iter(self._rows(sa.select(t.run).where(t.run.c.run_id == run_id))), None)
        if found is not None:
            phases = self._rows(sa.select(t.run_phase).where(t.run_phase.c.run_id == run_id))
            found["phases"] = {row["phase"]: row["seconds"] for row in phases}
        return found

    def stream_state(self, source: str, stream: str) -> dict[str, Any] | None:
        """Where a stream stands: state and schema (dictionaries), rows, batch_id, delivered_at, run_id; None if new."""
        c = t.stream_state.c
        query = sa.select(t.stream_state).where((c.source == source) & (c.stream == stream))
        return next(iter(self._rows(query)), None)

    def stream_states(self) -> list[dict[str, Any]]:
        """`stream_state` of every stream that was ever published."""
        return self._rows(sa.select(t.stream_state).order_by(t.stream_state.c.source, t.stream_state.c.stream))

    def save_model(
        self, model_id: str, entity_type: str, document: Mapping[str, Any] | str, *, publish: bool = True
    ) -> None:
        """Keep a match model. A published one takes the place of the one before, which is kept as retired.

        Models do not change: an id that is there is refused. Raises StoreError.
        """
        text = document if isinstance(document, str) else orjson.dumps(dict(document), default=str).decode()
        now, m = _now(), t.match_model.c
        with self.database.write() as connection:
            if connection.scalar(sa.select(m.model_id).where(m.model_id == model_id)) is not None:
                raise StoreError(f"there is a match model {model_id} already, and models do not change")
            if publish:
                self._retire(connection, entity_type)
            connection.execute(
                sa.insert(t.match_model).values(
                    model_id=model_id,
                    entity_type=entity_type,
                    status="published" if publish else "draft",
                    document=text,
                    created_at=now,
                    published_at=now if publish else None,
                )
            )

    def publish_model(self, model_id: str) -> None:
        """Make a draft, or a retired model, the one in use for its entity type. Raises StoreError if it is unknown."""
        m = t.match_model.c
        with self.database.write() as connection:
            entity = connection.scalar(sa.select(m.entity_type).where(m.model_id == model_id))
            if entity is None:
                raise StoreError(f"there is no match model {model_id}")
            self._retire(connection, entity)
            values = {"status": "published", "published_at": _now()}
            connection.execute(sa.update(t.match_model).where(m.model_id == model_id).values(**values))

    def _retire(self, connection: sa.Connection, entity_type: str) -> None:
        m = t.match_model.c
        where = (m.entity_type == entity_type) & (m.status == "published")
        connection.execute(sa.update(t.match_model).where(where).values(status="retired"))

    def load_published_model(self, entity_type: str) -> dict[str, Any] | None:
        """The match model in use: model_id, document (dictionary), published_at; None if none was published."""
        m = t.match_model.c
        query = sa.select(t.match_model).where((m.entity_type == entity_type) & (m.status == "published"))
        return next(iter(self._rows(query)), None)

    def load_model(self, model_id: str) -> dict[str, Any] | None:
        """The document of a match model, whatever its status; None if there is none of this id."""
        found = next(iter(self._rows(sa.select(t.match_model).where(t.match_model.c.model_id == model_id))), None)
        return found["document"] if found else None

    def list_models(self, entity_type: str | None = None) -> list[dict[str, Any]]:
        """Every match model without its document, oldest first."""
        columns = [column for column in t.match_model.c if column.name != "document"]
        query = sa.select(*columns).order_by(t.match_model.c.created_at, t.match_model.c.model_id)
        return self._rows(query if entity_type is None else query.where(t.match_model.c.entity_type == entity_type))

    def add_comparison(self, model_id: str, against: str, document: Mapping[str, Any]) -> None:
        """Keep what publishing a model would change against another; an earlier comparison of the two is replaced."""
        c = t.model_comparison.c
        with self.database.write() as connection:
            connection.execute(sa.delete(t.model_comparison).where(c.model_id == model_id, c.against == against))
            row = {"model_id": model_id, "against": against, "at": _now(), "document": _json(document)}
            connection.execute(sa.insert(t.model_comparison).values(**row))

    def comparison(self, model_id: str, against: str) -> dict[str, Any] | None:
        """A comparison that was kept: model_id, against, at, document (dictionary); None if there is none."""
        c = t.model_comparison.c
        query = sa.select(t.model_comparison).where(c.model_id == model_id, c.against == against)
        return next(iter(self._rows(query)), None)

    def _rows(self, query: sa.Select[Any]) -> list[dict[str, Any]]:
        with self.database.read() as connection:
            rows = [dict(row) for row in connection.execute(query).mappings()]
        for row in rows:
            for name in _JSON_COLUMNS & row.keys():
                row[name] = None if row[name] is None else orjson.loads(row[name])
        return rows


_JSON_COLUMNS = {"metrics", "state", "schema", "document"}


def _fail_dead(connection: sa.Connection) -> None:
    """Mark runs as failed whose processes ended; nobody else holds the lock."""
    values = {"status": "failed", "finished_at": _now(), "error": "the process ended before the run was published"}
    connection.execute(sa.update(t.run).where(t.run.c.status == "running").values(**values))


def _json(value: Mapping[str, Any] | None) -> str | None:
    return None if value is None else orjson.dumps(dict(value), default=str).decode()


def _now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)


def _nothing() -> None:
    """No lock is held, so none can be lost."""


def _ignore(step: str) -> None:
    """Nobody watches the steps."""
