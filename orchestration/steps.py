"""The steps of a run, each one call of a plain function with what it needs, and its counts left in the run's folder.

No Dagster here, so that assets and tests take the same steps; no rule either: those are in connectors and matching.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import resource
import sys
from collections.abc import Callable
from functools import partial
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import sqlalchemy as sa

from connectors.changes import detect_changes
from connectors.landing import Landed, land
from connectors.mapping import remap
from connectors.replay import replay
from lifecycle.standard import ENTITIES
from matching.standardise import PARSER_VERSION
from models.config import Source, Stream
from models.config.created import PREFIX
from models.match_model import PublishedModel
from models.store import RunOutcome, StreamState
from models.store import tables as t
from models.vocabulary import PARTY_TYPES
from orchestration import laws
from orchestration.forgetting import delete_removed, forget, take_out
from orchestration.hub_run import HubRun, clear_landing
from orchestration.lifecycle import findings_that_differ, lifecycle_outcome
from orchestration.standing import standing, why_full
from orchestration.writing_back import renew_corrections, retain

FAILED = ("failed", "refused")
"""States of a delivery that the hub does not take; what it holds of the stream stays as it is."""


def land_stream(run: HubRun, source: Source, stream: Stream) -> Landed:
    """Read one stream into the workspace. A fault of the source is an answer, not an exception."""
    if run.replay is not None:
        return _replayed(run, source, stream)
    with run.phase("land", f"{source.name}.{stream.name}"):
        before = run.store.stream_state(source.name, stream.name)
        more: dict[str, Any] = {"period": run.period} if run.period else {}
        landed = land(
            source,
            stream,
            state=before["state"] if before else None,
            workspace=run.config.workspace,
            run_id=run.run_id,
            base=run.config.base,
            **more,
        )
        run.write(f"landed/{source.name}/{stream.name}", dataclasses.asdict(landed))
    return landed


def _replayed(run: HubRun, source: Source, stream: Stream) -> Landed:
    """The landed batch that is taken again; the other streams of the source stay as they are."""
    assert run.replay is not None
    wanted, batch = run.replay
    if stream.name != wanted:
        return Landed(source.name, stream.name, stream.entity, "unchanged")
    with run.phase("land", f"{source.name}.{stream.name}: batch {batch} again"):
        landed = replay(run.config.workspace, source, stream, batch)
        run.write(f"landed/{source.name}/{stream.name}", dataclasses.asdict(landed))
    return landed


def landed_streams(run: HubRun) -> list[Landed]:
    """What the streams of this run delivered, in the order of the configuration."""
    found = {(value["source"], value["stream"]): Landed(**value) for value in run.read_all("landed")}
    order = [(source.name, stream.name) for source, stream in run.config.streams()]
    return [found[name] for name in order if name in found]


def land_created(run: HubRun) -> None:
    """Land what programs created through the interface, in whichever job."""
    for source in run.config.sources:
        if source.name.startswith(PREFIX) and str(source.connector.get("path", "")).startswith(
            str(run.config.workspace)
        ):
            for stream in source.streams:
                if run.replay is None and run.read(f"landed/{source.name}/{stream.name}") is None:
                    land_stream(run, source, stream)


def detect(run: HubRun) -> None:
    """Compare what landed with the hub; the changed records and the quarantined rows are files of the run then."""
    land_created(run)
    with run.phase("changes"):
        taken = [landed for landed in landed_streams(run) if landed.status not in FAILED]
        report = detect_changes(run.store, run.config, taken, run.folder)
        if out := take_out(run, report):
            run.tell("changes", f"{out:,} records of erased persons are taken out")
        removed = delete_removed(run)
        run.write("removed", removed)
        run.write("changes", [dataclasses.asdict(stream) for stream in report.streams])


def plan(run: HubRun) -> dict[str, Any]:
    """Which entity types to resolve, and whether wholly: `entities`, `full`, `reason`, `standing`, `decisions_upto`.

    An entity type is resolved when records of it changed or a decision was made since the last run.
    """
    plan = run.read("plan")
    if plan is not None:
        run.full = plan["full"]
        return dict(plan)
    with run.phase("changes"):
        last = run.store.last_run()
        now = standing(run.config, run.store)
        held = {f"{state['source']}.{state['stream']}" for state in run.store.stream_states()}
        reason = why_full((last["metrics"] or {}).get("standing") if last else None, now, held)
        run.full = run.full or reason is not None
        upto = int((last or {}).get("decisions_upto") or 0)
        decisions = run.store.decisions(after=upto)
        decided = set(decisions["entity_type"].to_pylist())
        entities = [
            entity
            for entity in party_types(run)
            if rows(run, "changes", entity)
            or (_is_known(run, entity) and (run.full or entity in decided or None in decided))
        ]
        plan = {
            "entities": entities,
            "full": run.full,
            "reason": reason,
            "standing": now,
            "decisions_upto": max([upto, *(int(number) for number in decisions["id"].to_pylist() if number)]),
        }
        run.write("plan", plan)
    if reason is not None:
        run.tell("changes", f"everything is resolved: {reason}")
    return plan


def _is_known(run: HubRun, entity: str) -> bool:
    query = sa.select(t.source_record.c.record_id).where(t.source_record.c.entity_type == entity).limit(1)
    return bool(run.store.fetch_arrow(query).num_rows)


def party_types(run: HubRun) -> list[str]:
    """The entity types of the configuration that become golden records."""
    return [entity for entity in run.config.entities() if entity in PARTY_TYPES]


def standardise(run: HubRun, entity: str) -> int:
    """Bring changed records (in a full run all) into standard form; returns how many."""
    if entity not in plan(run)["entities"]:
        return 0
    from matching.resolve import standardise_entity

    with run.phase("standardise", entity):
        report = standardise_entity(
            run.store,
            run.config,
            entity,
            run.folder,
            raw=_raw(run, entity),
            full=run.full,
            progress=_progress(run, "standardise", entity),
        )
    return int(report["rows"])


def resolve(run: HubRun, entity: str) -> dict[str, Any]:
    """Resolve one entity type; returns its EntityResult as a dictionary, empty when there was nothing to do."""
    if entity not in plan(run)["entities"]:
        return {}
    from matching.resolve import resolve_entity

    with run.phase("resolve", entity, timed=False):
        result = resolve_entity(
            run.store,
            run.config,
            entity,
            run.folder,
            run_id=run.run_id,
            raw=_raw(run, entity),
            full=run.full,
            progress=_progress(run, None, entity),
        )
        found = dataclasses.asdict(result)
        run.write(f"entities/{entity}", found)
    run.add_seconds(result.seconds)
    for message in result.messages:
        run.tell("resolve", f"{entity}: {message}")
    return found


def train(run: HubRun, entity: str, *, with_decisions: bool = False) -> dict[str, Any]:
    """Train and publish a match model on all records of an entity type: entity_type, model_id, records.

    Taught by stewards' verdicts (`verdicts` of them) it is kept as a draft.
    """
    from matching.compare import labelled_pairs
    from matching.model.verdicts import taught
    from matching.realtime.rules import rules_of
    from matching.resolve import standardise_entity
    from matching.training import train_entity

    counts: dict[str, Any] = {}

    def teach(model: PublishedModel) -> PublishedModel:
        labelled = labelled_pairs(run.store, rules_of(run.config, entity, model.model_dump()), entity)
        counts["verdicts"] = len(labelled)
        return taught(model, labelled, model_id=model.model_id)

    with run.phase("standardise", entity):
        standardise_entity(
            run.store,
            run.config,
            entity,
            run.folder,
            raw=_raw(run, entity),
            full=True,
            progress=_progress(run, "standardise", entity),
        )
    with run.phase("train", entity):
        model = train_entity(
            run.store,
            run.config,
            entity,
            run.folder,
            progress=_progress(run, "train", entity),
            teach=teach if with_decisions else None,
        )
    return {"entity_type": entity, "model_id": model.model_id, "records": model.records, **counts}


def compare(run: HubRun, model_id: str, against: str) -> dict[str, Any]:
    """Resolve everything with another model, keep what publishing it would change, and return that."""
    from matching.compare import compare_model
    from matching.training import model_of

    model = model_of(run.store, model_id)
    folder = run.folder / "compare"
    folder.mkdir(parents=True)
    entity = model.entity_type
    with run.phase("compare", model_id):
        found = compare_model(
            run.store,
            run.config,
            model,
            against,
            folder,
            raw=_raw(run, entity),
            progress=_progress(run, "compare", entity),
        )
    run.store.add_comparison(model_id, against, found)
    run.store.finish_run(run.run_id, "compared", metrics={"model_id": model_id}, phases=run.seconds)
    run.ended = True
    return found


def _raw(run: HubRun, entity: str) -> Callable[[pa.Table], pa.Table]:
    """How stored records get their canonical raw values back under the present mapping."""
    return partial(remap, run.config, entity=entity)


def verify(run: HubRun) -> list[dict[str, Any]]:
    """Compare the published state with a resolution of all records: entity, what, count, examples."""
    from matching.verify import findings_differ, verify_entity

    found: list[dict[str, Any]] = []
    for entity in party_types(run):
        folder = run.folder / "verify" / entity
        folder.mkdir(parents=True)
        with run.phase("verify", entity):
            differences = verify_entity(
                run.store, run.config, entity, folder, raw=_raw(run, entity), progress=_progress(run, "verify", entity)
            )
        found += [difference.as_dict() for difference in differences]
    folder = run.folder / "verify" / "lifecycle"
    folder.mkdir(parents=True)
    with run.phase("verify", "lifecycle"):
        difference = findings_differ(findings_that_differ(run, folder))
    found += [] if difference is None else [difference.as_dict()]
    run.write("verified", found)
    run.store.finish_run(run.run_id, "verified", metrics={"differences": found}, phases=run.seconds)
    run.ended = True
    return found


def check_before(run: HubRun, entity: str, *, max_cluster: int) -> list[laws.Verdict]:
    """The laws on what one entity type is about to publish."""
    with run.phase("check", entity):
        return laws.before_publishing(run.store, run.folder, entity, max_cluster=max_cluster)


def _blocking(run_id: str, resolved: list[dict[str, Any]], before: dict[str, Any] | None) -> dict[str, str]:
    """Entity type → the last run that resolved all its records, and knows what each blocking rule yielded."""
    held: dict[str, str] = ((before or {}).get("metrics") or {}).get("blocking") or {}
    return held | {row["entity"]: run_id for row in resolved if row.get("blocks")}


def publish(run: HubRun) -> dict[str, int]:
    """Make the run the hub's state, in one transaction; returns rows written by step."""
    now = plan(run)
    run.write("events_before", laws.last_event(run.store))
    before = run.store.last_run()
    resolved = run.read_all("entities")
    # The models that this very run trained are what the state rests on from now on.
    metrics = {
        "standing": standing(run.config, run.store),
        "full": run.full,
        "sources": deliveries(run),
        "entities": [{k: v for k, v in row.items() if v or k != "blocks"} for row in resolved],
        "blocking": _blocking(run.run_id, resolved, before),
    }
    decided, _ = run.store.decided_since(before["run_id"] if before else None)
    with run.phase("publish"):
        states = stream_states(run)
        outcome = RunOutcome(
            run_id=run.run_id,
            folder=run.folder,
            entities=tuple(dict.fromkeys([*now["entities"], *changed_types(run), *restated_types(run)])),
            full=run.full,
            stream_states=tuple(states),
            metrics=metrics,
            phases=dict(run.seconds),
            decisions_upto=now["decisions_upto"],
            parser_version=PARSER_VERSION,
            memory_limit=run.config.memory_limit,
            lifecycle=lifecycle_outcome(run),
        )
        counts = run.store.publish(outcome, lambda step: run.tell("publish", step))
        run.ended = True
        run.write("published", counts)
    with run.phase("forget"):
        forget(run)
        if gone := retain(run):
            run.tell("forget", f"{gone:,} rows are older than retention rules keep them")
    with run.phase("corrections"):
        run.write("corrections", renew_corrections(run, decided))
    clear_landing(run.config, {(s["source"], s["stream"], str(s["batch_id"])) for s in run.store.stream_states()})
    return counts


def check_after(run: HubRun) -> list[laws.Verdict]:
    """The laws in the published store."""
    with run.phase("check"):
        events = laws.events_without_gap(run.store, run.read("events_before"), run.read("published")["events"])
        parties = tuple(party_types(run))
        everything = run.full or sum(rows(run, "changes", entity) for entity in parties) > laws.MANY
        verdicts = [*laws.after_publishing(run.store, run.folder, parties, full=everything), events]
        run.write("laws", [dataclasses.asdict(verdict) for verdict in verdicts])
    return verdicts


def stream_states(run: HubRun) -> list[StreamState]:
    """Where each stream stands that was read in this run; the others stay where they stood."""
    states = []
    for landed in landed_streams(run):
        if landed.status == "landed" and landed.batch_dir is not None:
            batch = run.config.workspace / landed.batch_dir
            now = dt.datetime.now(dt.UTC)
            schema = landed.new_state.get("schema", {})
            delivery = {"schema": schema, "rows": landed.rows, "batch_id": batch.name, "delivered_at": now}
        elif landed.status == "unchanged" and (before := run.store.stream_state(landed.source, landed.stream)):
            # Looking may have taught the connector a quicker way to see next time that nothing changed.
            delivery = {name: before[name] for name in ("schema", "rows", "batch_id", "delivered_at")}
        else:
            continue
        states.append(StreamState(landed.source, landed.stream, landed.entity, landed.new_state, **delivery))
    for gone in run.read("removed") or []:  # should it be configured again, everything is read
        now = dt.datetime.now(dt.UTC)
        states.append(StreamState(gone["source"], gone["stream"], gone["entity"], {}, {}, 0, None, now))
    return states


def changed_types(run: HubRun) -> list[str]:
    """Entity types of which the run holds changes, those that are not resolved included."""
    return [entity for entity in run.config.entities() if rows(run, "changes", entity)]


def restated_types(run: HubRun) -> list[str]:
    """Entity types that hang on parties of which the run holds standard values."""
    return [entity for entity in ENTITIES if rows(run, "standard", entity)]


def rows(run: HubRun, kind: str, entity: str) -> int:
    """Rows of a file of the run, 0 when there is none."""
    path = run.folder / f"{kind}_{entity}.parquet"
    return int(pq.read_metadata(path).num_rows) if path.exists() else 0


def source_rows(run: HubRun) -> list[dict[str, Any]]:
    """One dictionary per stream of this run: source, stream, status, rows, the counts of its changes, error.

    `late` rows became history only; `kept` records would have been deleted had every row been readable.
    """
    counts = {(c["source"], c["stream"]): c for c in run.read("changes") or []}
    found = []
    for landed in landed_streams(run):
        of = counts.get((landed.source, landed.stream), {})
        row = {"source": landed.source, "stream": landed.stream, "status": landed.status, "rows": landed.rows}
        found.append(row | {name: of.get(name, 0) for name in _COUNTS} | {"error": landed.error})
    return found


def deliveries(run: HubRun) -> list[dict[str, Any]]:
    """`source_rows` as a run keeps them: with mode, seconds, drift and batch, and the period or batch of the past."""
    found = []
    for row, landed in zip(source_rows(run), landed_streams(run), strict=True):
        told = {"mode": landed.mode, "seconds": round(landed.seconds, 3), "drift": landed.drift[:_DRIFT]}
        batch = landed.batch_dir.rpartition("/")[2] if landed.batch_dir else None
        found.append(row | told | {"batch": batch, "period": landed.period, "replayed": landed.replayed})
    return found


_DRIFT = 50
_COUNTS = ("inserted", "updated", "deleted", "unchanged", "quarantined", "late", "kept")


def peak_rss_mb() -> float:
    """The most memory that this process ever held, in MiB."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return round(peak / (1024 * 1024 if sys.platform == "darwin" else 1024), 1)


def _progress(run: HubRun, phase: str | None, entity: str) -> Callable[[str, int, int], None]:
    def tell(what: str, done: int, total: int) -> None:
        run.tell(phase or what, entity if phase is None else f"{entity} {what}", done=done, total=total)

    return tell
