"""Publishing steps for golden records and what follows from them: history, aliases, tasks, events, contact profiles."""

from __future__ import annotations

import sqlalchemy as sa

from models.errors import StoreError
from models.stewardship import MACHINE_KINDS
from models.store import bulk, totals
from models.store import tables as t
from models.store.columns import quoted
from models.store.publication import IDS, TEXTS, Publication, parquet
from models.store.ranking import rank_tasks

# A retired golden record keeps its last values, so that readers of the id still learn who it was.
_KEPT = ("values", "provenance", "valid_from")
# An `updated` golden record says the same with other provenance: no new version.
_SUPERSEDING = "action NOT IN ('created', 'updated')"

_STILL_OPEN = "CASE WHEN task.status IN ('open', 'unsure') THEN {old} ELSE {new} END"
TASK_RULES = {
    "opened_run": _STILL_OPEN,
    "opened_at": _STILL_OPEN,
    "decision_id": "CASE WHEN task.status IN ('open', 'unsure') THEN coalesce({new}, {old}) ELSE {new} END",
    # Somebody looked and could not tell: that stays until somebody can.
    "status": "CASE WHEN task.status = 'unsure' THEN 'unsure' ELSE {new} END",
}
MACHINE_TASKS = "kind IN (" + ", ".join(f"'{kind}'" for kind in MACHINE_KINDS) + ")"


def publish_golden(work: Publication) -> int:
    """Add golden records, replace those whose values changed (the version before becomes history), refresh the rest."""
    count = 0
    for entity in work.outcome.entities:
        golden = work.file("golden", entity)
        if golden is None:
            continue
        source = parquet(golden)
        columns = (
            "golden_id, ? AS entity_type, version, "
            "CASE WHEN action IN ('retired', 'merged') THEN 'retired' ELSE 'active' END AS status, records, "
            'valid_from, CAST(? AS TIMESTAMPTZ) AS recorded_at, ? AS run_id, "values", provenance'
        )
        params = (entity, work.at, work.outcome.run_id)
        created = f"SELECT {columns} FROM {source} WHERE action = 'created' ORDER BY golden_id"
        added = bulk.insert(work.connection, t.golden_record, work.batches(created, *params))
        work.add("golden", added)
        count += added
        if superseding := work.number(f"SELECT count(*) FROM {source} WHERE {_SUPERSEDING}"):
            _keep_versions(work, source)
            changed = f"SELECT {columns} FROM {source} WHERE {_SUPERSEDING} ORDER BY golden_id"
            work.add("golden", -_active(work))
            count += _change(work, source, work.batches(changed, *params), superseding)
            work.add("golden", _active(work))
        if refreshing := work.number(f"SELECT count(*) FROM {source} WHERE action = 'updated'"):
            # Its number, its times and its run are those of the version, which stays.
            columns = 'golden_id, records, "values", provenance'
            fresh = f"SELECT {columns} FROM {source} WHERE action = 'updated' ORDER BY golden_id"
            count += _change(work, source, work.batches(fresh), refreshing)
    return count


def _keep_versions(work: Publication, source: str) -> None:
    """The present versions of golden records that are about to be replaced become history."""
    names = ", ".join(quoted(column.name) for column in t.golden_record.c)
    work.stage_texts(f"SELECT golden_id FROM {source} WHERE {_SUPERSEDING}")
    work.sql(
        f"INSERT INTO golden_version ({names}, recorded_to) SELECT {names}, :at FROM golden_record "
        f"WHERE golden_id IN {TEXTS}",
        at=work.at,
    )


def _active(work: Publication) -> int:
    """How many of the staged golden records have members."""
    query = f"SELECT count(*) FROM golden_record WHERE golden_id IN {TEXTS} AND status = 'active'"
    return int(work.connection.scalar(sa.text(query)) or 0)


def _change(work: Publication, source: str, rows: bulk.Batches, expected: int) -> int:
    """Write over golden records that are there. Raises StoreError when one is not."""
    found = bulk.update(work.connection, t.golden_record, rows, _KEPT)
    if found != expected:
        raise StoreError(f"{source}: changes golden records that the hub does not hold ({found} of {expected} found)")
    return found


def publish_aliases(work: Publication) -> int:
    """Point former ids at their survivors, take back aliases of ids that live again, and note the lineage."""
    count = 0
    for entity in work.outcome.entities:
        if aliases := work.file("aliases", entity):
            work.stage_texts(f"SELECT alias_id FROM {parquet(aliases)} WHERE action = 'remove'")
            work.sql(f"DELETE FROM golden_alias WHERE alias_id IN {TEXTS}")
            rows = work.batches(
                "SELECT alias_id, golden_id, ? AS run_id, CAST(? AS TIMESTAMPTZ) AS recorded_at "
                f"FROM {parquet(aliases)} WHERE action = 'add' ORDER BY alias_id",
                work.outcome.run_id,
                work.at,
            )
            count += bulk.upsert(work.connection, t.golden_alias, rows)
        if lineage := work.file("lineage", entity):
            query = f"SELECT DISTINCT child_id, parent_id, kind, ? AS run_id FROM {parquet(lineage)}"
            bulk.upsert(work.connection, t.golden_lineage, work.batches(query, work.outcome.run_id))
    return count


def publish_tasks(work: Publication) -> int:
    """Open the tasks that the run found, and close those of the records solved again that it did not find any more."""
    count = 0
    for entity in work.outcome.entities:
        tasks = work.file("tasks", entity)
        source = parquet(tasks) if tasks else "(SELECT NULL::VARCHAR AS task_key WHERE false)"
        work.stage_texts(f"SELECT task_key FROM {source}")
        scope = ""
        if not work.outcome.full:
            if not work.stage_touched(entity) and tasks is None:
                continue
            staged = work.file("touched", entity) is not None
            scope = (
                f"AND task_key IN (SELECT task_key FROM task_record WHERE record_id IN {IDS})"
                if staged
                else "AND 1 = 0"
            )
        work.sql(
            "UPDATE task SET status = 'closed', closed_run = :run, closed_at = :at WHERE status IN ('open', 'unsure') "
            f"AND {MACHINE_TASKS} AND entity_type = :entity {scope} AND task_key NOT IN {TEXTS}",
            run=work.outcome.run_id,
            at=work.at,
            entity=entity,
        )
        if tasks is None:
            continue
        decision = "decision_id" if "decision_id" in work.columns(tasks) else "NULL::BIGINT AS decision_id"
        rows = work.batches(
            "SELECT task_key, kind, ? AS entity_type, left_id, right_id, records, weight, probability, reason, "
            f"{decision}, 'open' AS status, ? AS opened_run, CAST(? AS TIMESTAMPTZ) AS opened_at, "
            f"NULL::VARCHAR AS closed_run, NULL::TIMESTAMPTZ AS closed_at FROM {source} ORDER BY task_key",
            entity,
            work.outcome.run_id,
            work.at,
        )
        count += bulk.upsert(work.connection, t.task, rows, TASK_RULES)
        members = (
            "SELECT DISTINCT unnest(list_concat(from_json(records, '[\"BIGINT\"]'), [left_id, right_id])) "
            f"AS record_id, task_key FROM {source}"
        )
        links = work.batches(f"SELECT record_id, task_key FROM ({members}) WHERE record_id IS NOT NULL ORDER BY ALL")
        bulk.upsert(work.connection, t.task_record, links)
    return count


def rank_found_tasks(work: Publication) -> int:
    """Give the tasks of the records that were solved again their priority; it rests on golden records and states."""
    count = 0
    for entity in work.outcome.entities:
        tasks = work.file("tasks", entity)
        if tasks is not None:
            keys = [row[0] for row in work.duck.execute(f"SELECT task_key FROM {parquet(tasks)}").fetchall()]
            count += rank_tasks(work.connection, work.outcome.ranking, keys)
    return count


def publish_events(work: Publication) -> int:
    """Events get their numbers here, inside the transaction, so that no number is ever missing or seen early."""
    files = [(entity, path) for entity in work.outcome.entities if (path := work.file("events", entity))]
    _settle_totals(work)
    total = sum(work.number(f"SELECT count(*) FROM {parquet(path)}") for _, path in files)
    if not total:
        return 0
    last = _advance(work, "event", total) - total
    for entity, path in files:
        rows = work.batches(
            'SELECT ? + row_number() OVER () AS seq, "type", ? AS entity_type, golden_id, version, "before", "after", '
            f"attributes, ? AS run_id, CAST(? AS TIMESTAMPTZ) AS at FROM {parquet(path)}",
            last,
            entity,
            work.outcome.run_id,
            work.at,
        )
        last += bulk.insert(work.connection, t.event, rows)
    return total


def _settle_totals(work: Publication) -> None:
    if work.outcome.full:  # everything was looked at: what is kept is counted anew
        totals.forget(work.connection)
    else:
        for name, by in work.more.items():
            totals.move(work.connection, name, by)


def _advance(work: Publication, name: str, by: int) -> int:
    """Move a counter on and return where it stands; its row is locked until the transaction ends."""
    if not work.sql("UPDATE counter SET value = value + :by WHERE name = :name", by=by, name=name):
        work.sql("INSERT INTO counter (name, value) VALUES (:name, :by)", by=by, name=name)
    return int(work.connection.scalar(sa.select(t.counter.c.value).where(t.counter.c.name == name)) or 0)


def publish_profiles(work: Publication) -> int:
    """Keep which contact values belong to a person, a household, an office, or nobody."""
    count = 0
    for entity in work.outcome.entities:
        if profile := work.file("profile", entity):
            if work.outcome.full:
                work.connection.execute(sa.delete(t.contact_profile).where(t.contact_profile.c.entity_type == entity))
            rows = work.batches(
                "SELECT ? AS entity_type, kind, value, role, records, detail, ? AS run_id "
                f"FROM {parquet(profile)} ORDER BY ALL",
                entity,
                work.outcome.run_id,
            )
            count += bulk.upsert(work.connection, t.contact_profile, rows)
    return count
