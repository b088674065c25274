"""The decision log of a store: what people said, appended to and never changed.

What a decision does to clusters and values is matching's work; who may make one is serving's.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import orjson
import pyarrow as pa
import pyarrow.compute as pc
import sqlalchemy as sa

from models.errors import StoreError
from models.stewardship import APPROVAL, VALUE
from models.store import bulk
from models.store import tables as t
from models.store.among import among, ids_array
from models.store.database import Database

if TYPE_CHECKING:
    from models.store.among import Ids

_JSON = ("evidence", "detail")


class Decisions:
    """The half of a store that keeps what people decided."""

    database: Database

    def add_decisions(self, decisions: Sequence[Mapping[str, Any]]) -> list[int]:
        """Append decisions to the log, all or none, and return their ids.

        Each holds kind, verdict, by, and what applies of entity_type, left_id, right_id, reason, at, evidence (any
        JSON), model_id, undoes, detail (any JSON), approval, approves, and `records`: further records that it is
        about. `at` defaults to now.
        """
        ids: list[int] = []
        with self.database.write() as connection:
            for given in decisions:
                if unknown := set(given) - ({*t.decision.c.keys(), "records"} - {"id"}):
                    raise StoreError(f"a decision has no {', '.join(sorted(unknown))}")
                values = {**given, "at": given.get("at") or dt.datetime.now(dt.UTC)}
                about = {*values.pop("records", ()), values.get("left_id"), values.get("right_id")} - {None}
                for name in _JSON:
                    if values.get(name) is not None and not isinstance(values[name], str):
                        values[name] = orjson.dumps(values[name], default=str).decode()
                key = connection.execute(sa.insert(t.decision).values(**values)).inserted_primary_key
                assert key is not None
                ids.append(int(key[0]))
                if about:
                    rows = [{"record_id": record, "decision_id": ids[-1]} for record in sorted(about)]
                    connection.execute(sa.insert(t.decision_record), rows)
        return ids

    def decisions(self, *, after: int = 0, active_only: bool = False, evidence: bool = True) -> pa.Table:
        """The log in its order, all columns, from the id above `after` on; without `evidence` that column is left out.

        With `active_only` the undone ones and the entries that undid them are left out, and so are approvals and what
        nobody approved yet; what was approved stands where its approval does.
        """
        query = _columns(evidence).where(t.decision.c.id > after)
        query = query.where(_holds()).order_by(_place(), t.decision.c.id) if active_only else query.order_by("id")
        with self.database.read() as connection:
            return pa.Table.from_batches(list(bulk.fetch(connection, query)))

    def decisions_about(self, records: Ids, *, active_only: bool = True, evidence: bool = True) -> pa.Table:
        """`decisions` about any of these records, each once, in order."""
        values = ids_array(records)
        with self.database.read() as connection, among(connection, t.decision_record.c.record_id, values) as condition:
            named = sa.select(t.decision_record.c.decision_id).where(condition)
            query = _columns(evidence).where(t.decision.c.id.in_(named)).order_by(_place(), t.decision.c.id)
            query = query.where(_holds()) if active_only else query
            return pa.Table.from_batches(list(bulk.fetch(connection, query, large=False)))

    def decision(self, number: int) -> dict[str, Any] | None:
        """One entry of the log (evidence and detail as objects), with `holds`, and the entries about it.

        `undone_by` and `settled_by` name the entries that undid, and approved or rejected it; `settled` says which.
        """
        if not 0 < number < 2**63:
            return None
        d, later = t.decision, t.decision.alias()
        with self.database.read() as connection:
            row = connection.execute(sa.select(d, _holds().label("holds")).where(d.c.id == number)).mappings().first()
            if row is None:
                return None
            undone = connection.scalar(sa.select(later.c.id).where(later.c.undoes == number).limit(1))
            settled = connection.execute(
                sa.select(later.c.id, later.c.verdict).where(later.c.approves == number).order_by(later.c.id).limit(1)
            ).first()
        found = dict(row)
        for name in _JSON:
            found[name] = None if found[name] is None else orjson.loads(found[name])
        found["holds"] = bool(found["holds"])
        found["undone_by"] = undone
        found["settled_by"], found["settled"] = (settled.id, settled.verdict) if settled else (None, None)
        return found

    def records_of_decision(self, number: int) -> list[int]:
        """The records that an entry is about, smallest first."""
        about = t.decision_record.c
        with self.database.read() as connection:
            query = sa.select(about.record_id).where(about.decision_id == number).order_by(about.record_id)
            return [int(record) for record in connection.scalars(query)]

    def value_decisions(self, entity_type: str, records: Ids | None = None) -> tuple[pa.Table, dict[int, list[int]]]:
        """Decisions about values that hold, in order, and the records that each is about.

        All of an entity type, or those about any of `records`.
        """
        d = t.decision.c
        with self.database.snapshot():
            if records is None:
                query = sa.select(t.decision).where(_holds(), d.kind == VALUE, d.entity_type == entity_type)
                with self.database.read() as connection:
                    ordered = query.order_by(_place(), d.id)
                    rows = pa.Table.from_batches(list(bulk.fetch(connection, ordered, large=False)))
            else:
                rows = self.decisions_about(records)
                rows = rows.filter(pc.and_(pc.equal(rows["kind"], VALUE), pc.equal(rows["entity_type"], entity_type)))
            return rows, self.records_of_decisions(rows["id"])

    def records_of_decisions(self, numbers: Ids) -> dict[int, list[int]]:
        """The records that entries are about, by entry."""
        found: dict[int, list[int]] = {}
        values, r = ids_array(numbers), t.decision_record.c
        if len(values):
            with self.database.read() as connection, among(connection, r.decision_id, values) as condition:
                query = sa.select(r.decision_id, r.record_id).where(condition).order_by(r.decision_id, r.record_id)
                for number, record in connection.execute(query):
                    found.setdefault(number, []).append(record)
        return found

    def decided_records(self, entity_type: str, *, after: int = 0) -> list[int]:
        """Every record that entries above `after` are about, undone ones and those that undid them included."""
        about, d = t.decision_record.c, t.decision.c
        query = sa.select(about.record_id).distinct().join(t.decision, d.id == about.decision_id)
        query = query.where(d.id > after, d.entity_type == entity_type).order_by(about.record_id)
        with self.database.read() as connection:
            return [int(record) for record in connection.scalars(query)]

    def last_decision(self) -> int:
        """The number of the newest entry, 0 when there is none."""
        with self.database.read() as connection:
            return int(connection.scalar(sa.select(sa.func.max(t.decision.c.id))) or 0)


def _columns(evidence: bool) -> sa.Select[Any]:
    if evidence:
        return sa.select(t.decision)
    return sa.select(*(column for column in t.decision.c if column.name != "evidence"))


def _holds() -> sa.ColumnElement[bool]:
    """Whether a decision holds: it is one, nobody undid it, and who had to approve it did."""
    d, undoing, approving = t.decision.c, t.decision.alias(), t.decision.alias()
    undone = sa.exists().where(undoing.c.undoes == d.id)
    approved = sa.exists().where(approving.c.approves == d.id, approving.c.verdict == "approve")
    return sa.and_(d.undoes.is_(None), d.kind != APPROVAL, ~undone, sa.or_(d.approval.is_(None), approved))


def _place() -> sa.ColumnElement[int]:
    """Since when a decision counts: since it was made, or approved."""
    approving = t.decision.alias()
    since = sa.select(sa.func.max(approving.c.id)).where(
        approving.c.approves == t.decision.c.id, approving.c.verdict == "approve"
    )
    return sa.func.coalesce(since.scalar_subquery(), t.decision.c.id)
