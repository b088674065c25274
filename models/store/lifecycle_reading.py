"""The lifecycle's tables: links, states of customers, findings, and what people did with them, which is added here."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import orjson
import pyarrow as pa
import sqlalchemy as sa

from models.store import lifecycle_tables as lt
from models.store import tables as t
from models.store.database import Database
from models.store.reading import Reading

if TYPE_CHECKING:
    from models.store.among import Ids, Texts


class LifecycleReading(Reading):
    """The part of a store that knows the lifecycle."""

    database: Database

    def links_to(self, ids: Ids) -> pa.Table:
        """target_id, record_id, kind of everything that hangs on these records (or numbers of VINs)."""
        return self._by_ids(sa.select(lt.record_link), lt.record_link.c.target_id, ids)

    def links_of_parties(self, ids: Ids | None = None) -> pa.Table:
        """target_id, record_id, kind of what these parties hang on: employers and parents; of all without `ids`."""
        link = lt.record_link.c
        query = sa.select(lt.record_link).where(link.kind >= lt.ORGANIZATION)
        return self.fetch_arrow(query) if ids is None else self._by_ids(query, link.record_id, ids)

    def customer_states(self, golden_ids: Texts, columns: Sequence[str] | None = None) -> pa.Table:
        """The states of these customers."""
        c = lt.customer_state.c
        chosen = [c[name] for name in columns] if columns else list(c)
        return self._by_ids(sa.select(*chosen), c.golden_id, golden_ids)

    def stale_customers(self, today: str) -> list[str]:
        """Customers of whom something changes by this day without any delivery."""
        c = lt.customer_state.c
        found: list[str] = self.fetch_arrow(sa.select(c.golden_id).where(c.stale_on <= today))["golden_id"].to_pylist()
        return found

    def findings_of(self, golden_ids: Texts) -> pa.Table:
        """Every finding of these customers, closed ones too."""
        return self._by_ids(sa.select(lt.finding), lt.finding.c.golden_id, golden_ids)

    def findings_by_id(self, ids: Ids) -> pa.Table:
        """Findings by their numbers."""
        return self._by_ids(sa.select(lt.finding), lt.finding.c.finding_id, ids)

    def findings_without_customer(self, records: Ids | None = None) -> pa.Table:
        """Findings on these records (or on all) that are of no known customer."""
        f = lt.finding.c
        query = sa.select(lt.finding).where(f.golden_id.is_(None))
        return self.fetch_arrow(query) if records is None else self._by_ids(query, f.record_id, records)

    def all_findings(self) -> pa.Table:
        """Every finding there ever was."""
        return self.fetch_arrow(sa.select(lt.finding))

    def finding_actions(self, finding_ids: Ids | None = None, *, after: int = 0) -> pa.Table:
        """What people did with findings, in the order in which they did it, from the number above `after` on."""
        query = sa.select(lt.finding_action).where(lt.finding_action.c.id > after)
        if finding_ids is None:
            return self.fetch_arrow(query.order_by(lt.finding_action.c.id))
        return self._by_ids(query, lt.finding_action.c.finding_id, finding_ids).sort_by("id")

    def matrix(self, run_id: str) -> pa.Table:
        """The matrix as it was after a run."""
        return self.fetch_arrow(sa.select(lt.matrix_cell).where(lt.matrix_cell.c.run_id == run_id))

    def measures(self, run_id: str) -> pa.Table:
        """The measures as they were after a run."""
        return self.fetch_arrow(sa.select(lt.lifecycle_measure).where(lt.lifecycle_measure.c.run_id == run_id))

    def record_keys(self, run_id: str | None = None) -> pa.Table:
        """run_id, old_id, new_id of every record that went on under another key."""
        k = t.record_rekey.c
        query: sa.Select[Any] = sa.select(k.run_id, k.old_id, k.new_id)
        return self.fetch_arrow(query if run_id is None else query.where(k.run_id == run_id))

    def waivers(self, finding_ids: Ids | None = None) -> dict[int, str | None]:
        """Finding → the last day of the waiver that somebody gave and nobody took back; None: without an end.

        A waiver whose last day has passed is still named.
        """
        last = {
            row["finding_id"]: row for row in self.finding_actions(finding_ids).to_pylist() if row["action"] in _ENDS
        }
        return {number: row["until"] for number, row in last.items() if row["action"] == "waive"}

    def lifecycle_run(self) -> str | None:
        """The last run that evaluated the lifecycle; None where none did."""
        with self.database.read() as connection:
            found: str | None = connection.scalar(sa.select(sa.func.max(lt.lifecycle_measure.c.run_id)))
        return found

    def lifecycle_day(self) -> str | None:
        """The day up to which the published findings were looked at."""
        run_id = self.lifecycle_run()
        with self.database.read() as connection:
            metrics = connection.scalar(sa.select(t.run.c.metrics).where(t.run.c.run_id == run_id)) if run_id else None
        found: str | None = (orjson.loads(metrics).get("lifecycle") or {}).get("today") if metrics else None
        return found

    def add_finding_actions(self, actions: Sequence[Mapping[str, Any]]) -> int:
        """Append what somebody did with findings, all or nothing; returns how many entries.

        Each holds finding_id, action (waive, unwaive, hand_back), by, and what applies of reason, until (an ISO day),
        target; `at` defaults to now.
        """
        rows = [
            {"reason": None, "until": None, "target": None, "at": dt.datetime.now(dt.UTC), **action}
            for action in actions
        ]
        if rows:
            with self.database.write() as connection:
                connection.execute(sa.insert(lt.finding_action), rows)
        return len(rows)


_ENDS = ("waive", "unwaive")
