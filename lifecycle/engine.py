"""The evaluation as a whole: from a run's files and the store to the files that publishing takes.

`evaluate` serves a whole run and a single decision of a steward alike: it reads what the run is about to change from
its folder, everything else from the store, and writes `lifecycle/*.parquet` into the folder.
"""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import sqlalchemy as sa
import xxhash

from lifecycle.contracts import Contracts, bound_rules
from lifecycle.contracts.bound import BoundRule
from lifecycle.customers import describe_customers
from lifecycle.findings import blocking, document_of, waive, write_findings
from lifecycle.packed import pack
from lifecycle.prepare import prepare
from lifecycle.rules import carry_out
from lifecycle.scope import WHOLE_LEAST, WHOLE_SHARE, Touched, load_everything, load_scope, touched
from lifecycle.stages import ALL, derive_stages
from lifecycle.tally import pack_tally, tally
from lifecycle.totals import write_totals
from lifecycle.work import Forms, Work, text, working
from models.config import Config
from models.store import LifecycleOutcome, Store
from models.store import lifecycle_tables as lt
from models.store import tables as t
from models.vocabulary import PARTY_TYPES

LARGE_ROWS = 1_000_000
SMALL_ROWS = 5_000
ENGINE = 5
"""Raised when the evaluation itself changes, so that everything is evaluated again."""


@dataclass(frozen=True)
class Plan:
    """How much of the lifecycle a run has to do: take every record in anew, evaluate every customer, and since when.

    `before` is the run whose state is there; `reason` says in words why everything is evaluated. With `decided` (golden
    records, records) only what these changed is evaluated, and the totals of `before` are corrected by it.
    """

    everything: bool
    full: bool
    reason: str | None = None
    before: str | None = None
    standing: Mapping[str, Any] = field(default_factory=dict)
    decided: tuple[set[str], set[int]] | None = None


@dataclass
class Result:
    """What an evaluation found. `outcome` is None when nothing was touched, and nothing is to be published then.

    `findings` counts what was opened, reopened, kept and closed; `blocking` are new findings that forbid publishing.
    """

    outcome: LifecycleOutcome | None
    full: bool = False
    customers: int = 0
    findings: dict[str, int] = field(default_factory=dict)
    blocking: list[str] = field(default_factory=list)
    measures: dict[str, float] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)


def today_of(config: Config, now: dt.datetime | None = None) -> dt.date:
    """The day of a run: the configured one, or that of the moment (default: this one) in the company's time zone."""
    import zoneinfo

    if config.lifecycle.today is not None:
        return config.lifecycle.today
    moment = now or dt.datetime.now(dt.UTC)
    return moment.astimezone(zoneinfo.ZoneInfo(config.lifecycle.timezone)).date()


def plan_lifecycle(store: Store, config: Config, contracts: Contracts, today: dt.date, *, full: bool = False) -> Plan:
    """What the published state rests on, and so how much of it a run may keep."""
    before, standing = _standing(store)
    now = _mapping(config)
    everything = before is None or standing.get("mapping") != now
    reason = "it was asked for" if full else None
    if before is None:
        reason = "the lifecycle is new"
    elif standing.get("mapping") != now:
        reason = "the configuration of sources changed"
    elif standing.get("engine") != ENGINE:
        reason = "this version evaluates differently"
    elif standing.get("contracts") != contracts.hash:
        reason = "the contracts changed"
    elif str(standing.get("today", "")) > today.isoformat():
        reason = "the day is before that of the last run"
    return Plan(everything, reason is not None, reason, before, standing)


def evaluate(
    store: Store,
    config: Config,
    contracts: Contracts,
    folder: Path,
    *,
    run_id: str,
    today: dt.date,
    forms: Forms,
    plan: Plan | None = None,
) -> Result:
    """Evaluate whom the run's files touch (by the plan, everybody), and write what is to be published.

    Reads `changes_…`, `standard_…`, `membership_…`, `golden_…` of the run and `lifecycle/links…`, each if it is there,
    and the store as it is before the run is published.
    """
    plan = plan or plan_lifecycle(store, config, contracts, today)
    rules = bound_rules(contracts)
    sizes = {"large": _is_large(store, folder, plan), "small": not plan.full and _changed(folder) <= SMALL_ROWS}
    with working(store, config, contracts, folder, today, forms, **sizes) as work:
        with _timed(work, "load"):
            scope = _load(work, plan)
        if scope is not None and not scope.golden and not scope.records:
            return Result(None, seconds=work.seconds)
        with _timed(work, "stages"):
            prepare(work)
            derive_stages(work)
            describe_customers(work)
        with _timed(work, "rules"):
            carry_out(work, rules)
        with _timed(work, "findings"):
            counts = write_findings(work, rules, run_id, scope)
            waive(work)
        with _timed(work, "matrix"):
            _duplicates(work)
            tally(work)
            golden = None if scope is None else pa.array(sorted(scope.golden), pa.string())
            named = run_id if plan.decided is None else str(plan.before)
            measures = write_totals(work, rules, named, None if scope is None else plan.before, golden)
        with _timed(work, "state"):
            customers = _write_state(work, run_id, plan)
        return _result(work, plan, rules, scope, counts, measures, customers)


def _is_large(store: Store, folder: Path, plan: Plan) -> bool:
    """Whether so much is evaluated that it should not stand in memory uncompressed."""
    rows = _changed(folder)
    if plan.full and rows < LARGE_ROWS:
        held = sa.select(sa.func.count().label("n")).select_from(t.source_record)
        rows += store.fetch_arrow(held.where(t.source_record.c.entity_type.is_not(None)))["n"][0].as_py()
    return rows >= LARGE_ROWS


def _changed(folder: Path) -> int:
    return sum(int(pq.read_metadata(path).num_rows) for path in folder.glob("changes_*.parquet"))


def _result(
    work: Work, plan: Plan, rules: list[BoundRule], scope: Touched | None, counts: dict[str, int],
    measures: dict[str, float], customers: int,
) -> Result:  # fmt: skip
    actions = work.store.fetch_arrow(sa.select(sa.func.max(lt.finding_action.c.id).label("id")))["id"][0].as_py()
    orphans = work.rows(f"SELECT min(day) FROM stale WHERE no IS NULL AND record_id IS NOT NULL AND day > {work.day}")
    kept = plan.standing.get("orphans") if scope is not None else None
    day = min(filter(None, [orphans[0][0] and orphans[0][0].isoformat(), _later(kept, work.today)]), default=None)
    contracts = work.contracts
    outcome = LifecycleOutcome(
        contracts=document_of(contracts),
        contracts_hash=contracts.hash,
        full=work.full,
        relinked=plan.everything,
        standing={
            "engine": ENGINE,
            "mapping": _mapping(work.config),
            "contracts": contracts.hash,
            "today": work.today.isoformat(),
            "orphans": day,
            "actions": int(actions or 0),
        },
    )
    return Result(outcome, work.full, customers, counts, blocking(work, rules), measures, work.seconds)


def _later(day: str | None, today: dt.date) -> str | None:
    return day if day is not None and day > today.isoformat() else None


def _load(work: Work, plan: Plan) -> Touched | None:
    """Load what is evaluated; the touched ones, or None when all are."""
    from lifecycle.work import create

    work.full, work.restated = plan.full, plan.everything
    create(work)
    if not work.full:
        orphans = plan.standing.get("orphans")
        found = touched(
            work,
            after_action=int(plan.standing.get("actions") or 0),
            orphans_are_stale=orphans is not None and orphans <= work.today.isoformat(),
            since=plan.before,
            decided=plan.decided,
        )
        few = plan.decided is not None or len(found.golden) < WHOLE_LEAST
        if few or len(found.golden) < WHOLE_SHARE * _customers(work.store):
            load_scope(work, found)
            return found
        for table in ("raw_touchpoint", "raw_vehicle", "raw_relation", "home"):
            work.sql(f"DELETE FROM {table}")
        work.full = True
    load_everything(work)
    return None


def _customers(store: Store) -> int:
    count = store.fetch_arrow(sa.select(sa.func.count().label("n")).select_from(lt.customer_state))
    return int(count["n"][0].as_py())


def _duplicates(work: Work) -> None:
    """Creates `duplicate` (no, source, n): how many records each customer has in one source."""
    names = ["record_id", "source"]
    changed = [
        f"SELECT record_id, source, change = 'delete' AS deleted FROM {file} WHERE change <> 'late'"
        for entity in PARTY_TYPES
        if (file := work.file("changes", entity)) is not None
    ]
    nothing = "SELECT 0::BIGINT AS record_id, NULL::VARCHAR AS source, false AS deleted WHERE false"
    work.sql(f"CREATE TEMP TABLE source_of AS {' UNION ALL '.join(changed) or nothing}")
    members = "SELECT h.record_id FROM home h JOIN number n USING (golden_id) SEMI JOIN cust USING (no)"
    empty = pa.schema([("record_id", pa.int64()), ("source", pa.string())]).empty_table()
    if work.full:
        batches = [b for entity in PARTY_TYPES for b in work.store.record_batches(entity, ["source"])]
        rows = pa.Table.from_batches([batch.select(names) for batch in batches]) if batches else empty
    else:
        held = work.store.records_by_id(work.ids(members), ["source", "deleted"])
        rows = held.filter(pc.invert(held["deleted"])).select(names)
    with work.table("stored", rows):
        work.sql("INSERT INTO source_of SELECT *, false FROM stored ANTI JOIN source_of USING (record_id)")
    # A key that was given up has a home too, that of the record that goes on; it counts where it is in use again.
    work.sql(
        "CREATE TEMP TABLE duplicate AS SELECT n.no, s.source, count(*) AS n FROM home h JOIN number n "
        "USING (golden_id) SEMI JOIN cust USING (no) JOIN source_of s USING (record_id) WHERE NOT s.deleted "
        "GROUP BY n.no, s.source HAVING count(*) > 1"
    )


def _write_state(work: Work, run_id: str, plan: Plan) -> int:
    """Write `customers` and `scope`; returns how many customers."""
    out = work.folder / "lifecycle"
    pack_tally(work)
    _pack_history(work)
    profile = (
        "to_json(struct_pack(orders := s.orders, opportunities := s.opportunities, vehicles := s.vehicles, covered := "
        "s.covered, contacts := s.contacts, touchpoints := s.touchpoints, complaints := s.complaints, first := "
        "s.first_touchpoint, last_order := s.last_order, last_service := s.last_service, health := "
        "s.health_parts::JSON))::VARCHAR"
    )
    _copy(
        work,
        f"""SELECT s.golden_id, s.entity_type, s.stage, CAST(s.since AS VARCHAR) AS stage_since, s.kind,
            CAST(s.existing_since AS VARCHAR) AS existing_since, s.segment, CAST(s.segment_since AS VARCHAR) AS
                segment_since,
            s.owner, s.health, CAST(s.last_contact AS VARCHAR) AS last_contact, s.revenue, s.pipeline,
            coalesce(f.n, 0) AS findings, f.stake, CAST(x.day AS VARCHAR) AS stale_on, p.parent_id, {profile}
                AS profile,
            coalesce(t.document, '{{}}') AS tally, coalesce(y.document, '[]') AS history
        FROM state s
            LEFT JOIN (SELECT no, count(*) AS n, sum(stake) AS stake FROM counting GROUP BY no) f USING (no)
            LEFT JOIN (SELECT no, min(day) AS day FROM stale WHERE day > {work.day} GROUP BY no) x USING (no)
            LEFT JOIN (SELECT m.no, min(e.target_id) AS parent_id FROM parent e JOIN place m ON m.record_id =
                e.record_id
                JOIN place o ON o.record_id = e.target_id WHERE o.no <> m.no GROUP BY m.no) p USING (no)
            LEFT JOIN tallied t USING (no) LEFT JOIN history y USING (no)""",
        str(out / "customers.parquet"),
    )
    if plan.before is not None:
        _write_health(work, run_id)
    if not work.full:
        _copy(work, "SELECT golden_id FROM scope", str(out / "scope.parquet"))
    return work.number("SELECT count(*) FROM state")


def _write_health(work: Work, run_id: str) -> None:
    """Write `health`: whose score is another than before the run; of newcomers there is nothing to say."""
    c = lt.customer_state.c
    if work.full:
        old = work.store.fetch_arrow(sa.select(c.golden_id, c.health))
    else:
        old = work.store.customer_states(work.ids("SELECT golden_id FROM scope"), ["golden_id", "health"])
    with work.table("old_health", old):
        _copy(
            work,
            f"SELECT golden_id, {text(run_id)} AS run_id, {text(work.today.isoformat())} AS day, o.health AS before, "
            "s.health AS after FROM state s JOIN old_health o USING (golden_id) "
            "WHERE s.health IS DISTINCT FROM o.health",
            str(work.folder / "lifecycle" / "health.parquet"),
        )


def _pack_history(work: Work) -> None:
    """Creates `history` (no, document): subject, its id, stage and the day it was entered; a stage ends with the next.

    Subjects are the customer (c, 0), opportunities (o, record id) and vehicles (v, number of the VIN).
    """
    names = ", ".join(text(stage) for stage in ALL)
    each = f"'[\"' || subject || '\",' || subject_id || ',\"' || ([{names}])[rank + 1] || '\",\"' || entered || '\"]'"
    rows = (
        "SELECT no, 'c' AS subject, 0::BIGINT AS subject_id, rank, entered FROM path WHERE {range} UNION ALL "
        "SELECT no, subject, subject_id, rank, entered FROM subject_path WHERE {range}"
    )
    order = "no, subject, subject_id, entered, rank"
    pack(work, "history", f"SELECT no, {each} AS part FROM ({rows}) SEMI JOIN state USING (no) ORDER BY {order}", "[]")


def _copy(work: Work, query: str, path: str) -> None:
    work.sql(f"COPY ({query}) TO {text(path)} (FORMAT parquet, COMPRESSION zstd)")


def _standing(store: Store) -> tuple[str | None, Mapping[str, Any]]:
    """The last run that published something of the lifecycle, and what it rested on."""
    with store.database.read() as connection:
        before = connection.scalar(sa.select(sa.func.max(lt.lifecycle_measure.c.run_id)))
    found = store.run(before) if before else None
    standing = ((found or {}).get("metrics") or {}).get("lifecycle")
    return (before, standing) if standing else (None, {})


def _mapping(config: Config) -> str:
    """A hash of how records are read and linked."""
    streams = [(source.name, stream.model_dump(mode="json", include=_READ)) for source, stream in config.streams()]
    added = {
        entity: {n: s.model_dump(mode="json") for n, s in config.added(entity).items()} for entity in config.entities()
    }
    said = streams, added, config.lifecycle.timezone
    return xxhash.xxh3_64_hexdigest(orjson.dumps(said, option=orjson.OPT_SORT_KEYS))


_READ = {"name", "entity", "key", "fields", "constants", "codes", "refers", "date_format"}


@contextmanager
def _timed(work: Work, name: str) -> Iterator[None]:
    began = time.perf_counter()
    yield
    work.seconds[name] = work.seconds.get(name, 0.0) + time.perf_counter() - began
