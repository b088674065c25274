"""Forgetting persons: tombstones that keep them out, the removal of everything the store holds of them, and a scan.

Tombstones name numbers and golden ids, which say nothing about anybody. `scrub` removes everything else: records and
versions, golden records and history, values in events, tasks, decisions. It works at once where no run is under way,
else at the end of that run.
"""

from __future__ import annotations

import datetime as dt
import secrets
from collections.abc import Collection, Iterable, Sequence
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.compute as pc
import sqlalchemy as sa

from models.store import tables as t
from models.store import totals
from models.store.database import Database
from models.store.lifecycle_tables import finding, finding_action, finding_change, record_link
from models.store.needles import Needles
from models.store.serving_tables import idempotency, tombstone

_PARTS = 500


class Erasing:
    """The half of a store that forgets."""

    database: Database

    def add_tombstones(self, records: Iterable[int], golden_ids: Iterable[str], *, erasure: str, by: str) -> None:
        """Keep records out from now on, and let golden ids lead nowhere any more."""
        now = dt.datetime.now(dt.UTC)
        named = {("record", str(number)) for number in records} | {("golden", one) for one in golden_ids}
        c = tombstone.c
        with self.database.write() as connection:
            for kind, one in sorted(named):
                if connection.scalar(sa.select(c.id).where(c.kind == kind, c.id == one)) is None:
                    row = {"kind": kind, "id": one, "erasure": erasure, "at": now, "by": by}
                    connection.execute(sa.insert(tombstone).values(**row))

    def clear_quarantine(self, needles: Sequence[str]) -> int:
        """Remove quarantined rows, and answers kept for repeated requests, that hold one of the texts."""
        q = t.quarantine.c
        wanted = [q.value.contains(needle, autoescape=True) for needle in needles if needle]
        wanted += [q.source_key == needle for needle in needles if needle]
        count = 0
        with self.database.write() as connection:
            for some in _parts(wanted):
                count += connection.execute(sa.delete(t.quarantine).where(sa.or_(*some))).rowcount
            answers = [idempotency.c.body.contains(needle, autoescape=True) for needle in needles if needle]
            for some in _parts(answers):
                count += connection.execute(sa.delete(idempotency).where(sa.or_(*some))).rowcount
        return count

    def forget_frequencies(self, needles: Sequence[str]) -> int:
        """Take values that only an erased person had out of the term frequencies of match models.

        The one thing that ever changes in a model: nobody else has these values, so no stored weight rests on them.
        """
        wanted, m, count = set(needles), t.match_model.c, 0
        with self.database.write() as connection:
            for some in _parts(sorted(needle for needle in wanted if needle)):
                holding = sa.or_(*(m.document.contains(orjson.dumps(one).decode(), autoescape=True) for one in some))
                for row in connection.execute(sa.select(m.model_id, m.document).where(holding)).all():
                    document = orjson.loads(row.document)
                    for table in (document.get("term_frequencies") or {}).values():
                        for one in wanted & table.keys():
                            del table[one]
                            count += 1
                    text = orjson.dumps(document).decode()
                    connection.execute(sa.update(t.match_model).where(m.model_id == row.model_id).values(document=text))
        return count

    def erased_among(self, golden_ids: Iterable[str]) -> set[str]:
        """Those of the golden ids that were erased."""
        c, found = tombstone.c, set[str]()
        with self.database.read() as connection:
            for some in _parts(sorted(set(golden_ids))):
                found.update(connection.scalars(sa.select(c.id).where(c.kind == "golden", c.id.in_(some))))
        return found

    def persons_among(self, golden_ids: Iterable[str]) -> set[str]:
        """Those of the golden ids that are persons."""
        g, found = t.golden_record.c, set[str]()
        with self.database.read() as connection:
            for some in _parts(sorted(set(golden_ids))):
                where = sa.and_(g.entity_type == "person", g.golden_id.in_(some))
                found.update(connection.scalars(sa.select(g.golden_id).where(where)))
        return found

    def tombstoned(self, kind: str = "record") -> set[str]:
        """The ids (as text) of what was erased: `record` or `golden`."""
        with self.database.read() as connection:
            return set(connection.scalars(sa.select(tombstone.c.id).where(tombstone.c.kind == kind)))

    def is_erased(self, golden_id: str) -> bool:
        """Whether a golden record was erased."""
        c = tombstone.c
        with self.database.read() as connection:
            return connection.scalar(sa.select(c.id).where(c.kind == "golden", c.id == golden_id)) is not None

    def held_by_others(self, texts: Iterable[str], records: Sequence[int]) -> set[str]:
        """Those of the texts that stand in what any other record delivered, or in its standard values.

        Reads all records once, whatever the number of texts, and no further than until each was found.
        """
        wanted, own, r = Needles(texts), pa.array(list(records), pa.int64()), t.source_record.c
        found: set[str] = set()
        for batch in self.fetch_batches(sa.select(r.record_id, r.payload, r.standard)):  # type: ignore[attr-defined]  # of Store
            if not wanted:
                break
            others = batch.filter(pc.invert(pc.is_in(batch.column("record_id").cast(pa.int64()), own)))
            if fresh := wanted.among(others.column("payload")) | wanted.among(others.column("standard")):
                found |= fresh
                wanted = Needles(wanted.written.keys() - fresh)
        return found

    def scrub(self) -> dict[str, int]:
        """Remove everything that is left of erased persons. No run may be under way but one that has published.

        A record that shares a golden record with one that was not erased stays until a run has parted them. Returns
        rows by table, empty when there was nothing. The feed tells each golden record with an event `erased`. On SQLite
        what is removed is written over, and the log is emptied.
        """
        records = [int(one) for one in self.tombstoned("record")]
        golden = sorted(self.tombstoned("golden"))
        if not records and not golden:
            return {}
        with self.database.write() as connection:
            if self.database.dialect == "sqlite":
                connection.exec_driver_sql("PRAGMA secure_delete = ON")
            shared = _shared(connection, records)
            living = {int(n) for n in _found(connection, t.source_record.c.record_id, records, _LIVING)}
            in_shared = set(_found(connection, t.membership.c.golden_id, shared, column=t.membership.c.record_id))
            gone = sorted(set(records) - (living & in_shared))
            touched = _around(connection, gone)
            done = _Scrubbing(connection).everything(gone, [one for one in golden if one not in shared])
            if any(done.values()):
                _note_run(connection, touched)
        if any(done.values()):
            self._write_over()
        return {name: count for name, count in done.items() if count}

    def scan(
        self, needles: Sequence[str], numbers: Sequence[str] = (), *, referring: Collection[str] = ()
    ) -> list[dict[str, Any]]:
        """Where in the store any of these texts still stands: table, column, rows. The proof of an erasure.

        `numbers` are looked for too, but not in the tables of `referring`. Reads everything once, whatever their count.
        """
        texts, everything, hits = Needles(needles), Needles([*needles, *numbers]), list[dict[str, Any]]()
        for table in t.metadata.sorted_tables:
            wanted = texts if table.name in referring else everything
            columns = [column for column in table.columns if isinstance(column.type, sa.Text)]
            if not wanted or not columns:
                continue
            rows = dict.fromkeys((column.name for column in columns), 0)
            for batch in self.fetch_batches(sa.select(*columns)):  # type: ignore[attr-defined]  # of Store
                for name in rows:
                    rows[name] += len(wanted.rows(batch.column(name)))
            hits += [{"table": table.name, "column": name, "rows": n} for name, n in rows.items() if n]
        return hits

    def _write_over(self) -> None:
        with self.database.clear_errors(), self.database.engine.connect() as connection:
            auto = connection.execution_options(isolation_level="AUTOCOMMIT")
            if self.database.dialect == "sqlite":
                auto.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
            else:
                auto.exec_driver_sql("VACUUM")


def _shared(connection: sa.Connection, records: Sequence[int]) -> list[str]:
    """Golden records that hold one of the records, and another one besides."""
    m = t.membership.c
    homes = _found(connection, m.record_id, records, column=m.golden_id)
    erased = set(records)
    found = []
    for some in _parts(homes):
        for record, golden in connection.execute(sa.select(m.record_id, m.golden_id).where(m.golden_id.in_(some))):
            if record not in erased:
                found.append(golden)
    return sorted(set(found))


def _around(connection: sa.Connection, records: Sequence[int]) -> list[str]:
    """Golden records of whose lifecycle these records are a part: the next run looks at them again."""
    link, m = record_link.c, t.membership.c
    targets = _found(connection, link.record_id, records, column=link.target_id)
    others = {*targets, *_found(connection, link.target_id, records, column=link.record_id)} - set(records)
    # A touchpoint hangs on its customer, which is one step further.
    further = _found(connection, link.record_id, sorted(others), column=link.target_id)
    around = sorted({*others, *further} - set(records))
    own = set(_found(connection, m.record_id, records, column=m.golden_id))
    return sorted(set(_found(connection, m.record_id, around, column=m.golden_id)) - own)


def _note_run(connection: sa.Connection, touched: Sequence[str]) -> None:
    """A row in `run`, as decisions that took effect between runs have one; it says what the next run looks at again."""
    at = dt.datetime.now(dt.UTC).replace(microsecond=0)
    number = f"{at:%Y%m%dT%H%M%S}999-{secrets.token_hex(3)}"
    metrics = orjson.dumps({"golden": list(touched), "records": []}).decode()
    row = {"run_id": number, "kind": "erasure", "status": "applied", "started_at": at, "finished_at": at}
    connection.execute(sa.insert(t.run).values(**row, metrics=metrics))


_LIVING = t.source_record.c.deleted.is_(False)
_KEPT_WHOLE = {"tombstone", "decision", "decision_record", "event", "task", "audit", "finding"}
"""Tables that are not simply emptied of rows about a record or golden record."""


class _Scrubbing:
    """One scrub under way, in its transaction."""

    def __init__(self, connection: sa.Connection):
        self.connection = connection
        self.done: dict[str, int] = {}

    def everything(self, records: Sequence[int], golden: Sequence[str]) -> dict[str, int]:
        names = self._names(records)
        contacts = self._contacts(records)
        self._quarantine(names)
        self._tasks(records)
        self._decisions(records)
        self._findings(records, golden)
        fresh = set(_found(self.connection, t.golden_record.c.golden_id, golden))
        self._events(golden)
        for table in t.metadata.sorted_tables:
            if table.name in _KEPT_WHOLE:
                continue
            for name in ("record_id", "left_id", "right_id", "old_id", "new_id", "target_id"):
                if name in table.c and isinstance(table.c[name].type, sa.BigInteger):
                    self._delete(table, table.c[name], records)
            for name in ("golden_id", "alias_id", "child_id", "parent_id"):
                if name in table.c and isinstance(table.c[name].type, sa.Text):
                    self._delete(table, table.c[name], golden)
        self._delete(record_link, record_link.c.target_id, records)
        self._audits("customer", golden)
        for one in golden:
            where = idempotency.c.body.contains(one, autoescape=True)
            self._count("idempotency", self.connection.execute(sa.delete(idempotency).where(where)).rowcount)
        self._profiles(contacts)
        totals.forget(self.connection)
        for one in sorted(fresh):
            add_event(self.connection, "erased", "person", one)
        return self.done

    def _count(self, name: str, rows: int) -> None:
        self.done[name] = self.done.get(name, 0) + rows

    def _delete(self, table: sa.Table, column: sa.Column[Any], values: Sequence[Any]) -> None:
        for some in _parts(values):
            self._count(table.name, self.connection.execute(sa.delete(table).where(column.in_(some))).rowcount)

    def _names(self, records: Sequence[int]) -> list[tuple[str, str, str]]:
        r, found = t.source_record.c, []
        for some in _parts(records):
            query = sa.select(r.source, r.stream, r.source_key).where(r.record_id.in_(some))
            found += [tuple(row) for row in self.connection.execute(query)]
        return found

    def _contacts(self, records: Sequence[int]) -> set[str]:
        """Texts among the standard values that may stand in profiles of contacts."""
        r, found = t.source_record.c, set[str]()
        for some in _parts(records):
            for text in self.connection.scalars(sa.select(r.standard).where(r.record_id.in_(some))):
                for value in orjson.loads(text or "{}").values():
                    found.update(v for v in (value if isinstance(value, list) else [value]) if isinstance(v, str))
        return found

    def _quarantine(self, names: Sequence[tuple[str, str, str]]) -> None:
        q = t.quarantine.c
        for source, stream, key in names:
            where = sa.and_(q.source == source, q.stream == stream, q.source_key == key)
            self._count("quarantine", self.connection.execute(sa.delete(t.quarantine).where(where)).rowcount)

    def _tasks(self, records: Sequence[int]) -> None:
        keys = _found(self.connection, t.task_record.c.record_id, records, column=t.task_record.c.task_key)
        for table in (t.task_comment, t.task_record, t.task):
            self._delete(table, table.c.task_key, keys)
        self._audits("task", keys)
        for key in keys:  # comments, in answers kept for repeated requests
            where = idempotency.c.body.contains(key, autoescape=True)
            self._count("idempotency", self.connection.execute(sa.delete(idempotency).where(where)).rowcount)

    def _decisions(self, records: Sequence[int]) -> None:
        """The log is only ever appended to, so what was said stays, but not what it was said about."""
        ids = _found(self.connection, t.decision_record.c.record_id, records, column=t.decision_record.c.decision_id)
        for some in _parts(ids):
            blank = {"evidence": None, "detail": None, "reason": None}
            where = t.decision.c.id.in_(some)
            self._count(
                "decision", self.connection.execute(sa.update(t.decision).where(where).values(**blank)).rowcount
            )
        self._audits("decision", [str(number) for number in ids])

    def _findings(self, records: Sequence[int], golden: Sequence[str]) -> None:
        ids = {*_found(self.connection, finding.c.record_id, records, column=finding.c.finding_id)}
        ids |= {*_found(self.connection, finding.c.golden_id, golden, column=finding.c.finding_id)}
        for table in (finding_action, finding_change, finding):
            self._delete(table, table.c.finding_id, sorted(ids))

    def _events(self, golden: Sequence[str]) -> None:
        """Events keep their numbers, without values."""
        for some in _parts(golden):
            for side in ("before", "after"):
                column = t.event.c[side]
                where = sa.and_(t.event.c.golden_id.in_(some), column.startswith("{"), column != "{}")
                changed = sa.update(t.event).where(where).values({side: "{}"})
                self._count("event", self.connection.execute(changed).rowcount)

    def _audits(self, kind: str, ids: Sequence[str]) -> None:
        a = t.audit.c
        for some in _parts(ids):
            where = sa.and_(a.object_type == kind, a.object_id.in_(some), a.detail.is_not(None), a.action != "erase")
            changed = sa.update(t.audit).where(where).values(detail=None)
            self._count("audit", self.connection.execute(changed).rowcount)

    def _profiles(self, contacts: set[str]) -> None:
        p, r = t.contact_profile.c, t.source_record.c
        held = set(_found(self.connection, p.value, sorted(contacts), column=p.value))
        alone = {orjson.dumps(value).decode(): value for value in held}
        every = sa.select(r.standard).where(r.standard.is_not(None)).execution_options(yield_per=_PARTS)
        with self.connection.execute(every) as rows:  # once, whatever the number of values
            for text in rows.scalars():
                for quoted in [quoted for quoted in alone if quoted in text]:
                    del alone[quoted]
                if not alone:
                    break
        self._delete(t.contact_profile, p.value, sorted(alone.values()))


def add_event(connection: sa.Connection, kind: str, entity_type: str, golden_id: str) -> int:
    """Append an event that no run publishes, inside a write transaction; returns its number.

    The counter's row stays locked until the transaction ends, so that no number is missing or seen early.
    """
    name = t.counter.c.name == "event"
    moved = sa.update(t.counter).where(name).values(value=t.counter.c.value + 1)
    if not connection.execute(moved).rowcount:
        connection.execute(sa.insert(t.counter).values(name="event", value=1))
    seq = int(connection.scalar(sa.select(t.counter.c.value).where(name)) or 0)
    row = {"seq": seq, "type": kind, "entity_type": entity_type, "golden_id": golden_id, "run_id": ""}
    connection.execute(sa.insert(t.event).values(**row, at=dt.datetime.now(dt.UTC)))
    return seq


def _found(
    connection: sa.Connection,
    by: sa.Column[Any],
    values: Sequence[Any],
    condition: sa.ColumnElement[bool] | None = None,
    *,
    column: sa.Column[Any] | None = None,
) -> list[Any]:
    """The distinct values of a column in rows where `by` is among the values, in order."""
    wanted = by if column is None else column
    found: set[Any] = set()
    for some in _parts(values):
        query = sa.select(wanted).where(by.in_(some)).distinct()
        found.update(connection.scalars(query if condition is None else query.where(condition)))
    return sorted(found)


def _parts(values: Sequence[Any]) -> Iterable[list[Any]]:
    return (list(values[i : i + _PARTS]) for i in range(0, len(values), _PARTS))
