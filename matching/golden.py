"""From clusters to golden records: ids, values, what changed, and its events, as work files of the run.

Set-based over the golden records in scope; a scope is closed: with one member of a golden record it has all.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import sqlalchemy as sa

from matching.identify import Identities, identify
from matching.inputs import Raw, raw_members, work_file
from matching.rekeyed import carry, rekeyed, settle
from matching.reopen import Reopening, value_evidence, value_reopenings
from matching.said import NOWHERE, Moved, Pair, said_of
from matching.steering import anchor_of, steer
from matching.survive import diff_golden, golden_events, ranks_for, rules_for, survive
from matching.tasks import add_tasks
from models.config import Config
from models.store import Store
from models.store import tables as t

_MEMBERSHIP = pa.schema([("record_id", pa.int64()), ("golden_id", pa.string()), ("from_run", pa.string())])
_HISTORY = pa.schema([("record_id", pa.int64()), ("golden_id", pa.string()), ("to_run", pa.string())])
_ALIASES = pa.schema([("alias_id", pa.string()), ("golden_id", pa.string())])
_ORDER = pa.schema([("record_id", pa.int64()), ("first_run", pa.string())])


@dataclass(frozen=True)
class Past:
    """What golden ids the records in scope had, in the tables that `identify` asks for."""

    current: pa.Table
    history: pa.Table
    aliases: pa.Table
    order: pa.Table

    def among(self, ids: Any) -> Past:
        """The same, but without the present golden ids of other records."""
        return replace(self, current=self.current.filter(pc.is_in(self.current["record_id"], value_set=ids)))


@dataclass(frozen=True)
class Outcome:
    """Counts of what a run does to golden records."""

    golden: int
    created: int
    merged: int
    split: int
    retired: int


def whole_past(store: Store, entity: str) -> Past:
    """The past of every record of an entity type."""
    m, h, a, r = t.membership.c, t.membership_history.c, t.golden_alias.c, t.source_record.c
    ours = sa.select(r.record_id).where(r.entity_type == entity)
    current = sa.select(m.record_id, m.golden_id, m.run_id.label("from_run")).where(m.record_id.in_(ours))
    living = sa.exists().where(m.golden_id == h.golden_id)
    history = sa.select(h.record_id, h.golden_id, h.to_run).where(h.record_id.in_(ours), ~living)
    aliases = sa.select(a.alias_id, a.golden_id)
    order = sa.select(r.record_id, r.first_run).where(r.entity_type == entity)
    return Past(
        store.fetch_arrow(current, schema=_MEMBERSHIP),
        store.fetch_arrow(history, schema=_HISTORY),
        store.fetch_arrow(aliases, schema=_ALIASES),
        store.fetch_arrow(order, schema=_ORDER),
    )


def past_of(store: Store, records: pa.Array[pa.Int64Scalar]) -> Past:
    """The past of some records, with all members of the golden records they are in."""
    with store.snapshot():
        homes = pc.unique(store.memberships(records)["golden_id"])
        current = store.members_of(homes)
        history = store.dead_histories(records, homes)
        dead = pc.unique(history["golden_id"])
        named = pa.concat_arrays([_flat(homes), _flat(dead)])
        aliases = store.aliases_touching(named)
        members = pc.unique(pa.concat_arrays([_flat(current["record_id"]), _flat(records)]))
        order = store.first_runs(members)
    return Past(
        current.select(_MEMBERSHIP.names),
        history.select(_HISTORY.names),
        aliases.select(_ALIASES.names),
        order.select(_ORDER.names),
    )


def _flat(column: Any) -> pa.Array[Any]:
    return column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column


def write_golden(
    store: Store,
    config: Config,
    entity: str,
    folder: Path,
    clusters: pa.Table,
    past: Past,
    standard: pa.Table,
    raw: Raw,
    *,
    everything: bool,
) -> tuple[Identities, Outcome]:
    """Writes membership, aliases, lineage, golden and events of the clusters (record_id, cluster).

    `standard` holds the standard columns of the records in `clusters`; `everything` says that these are all there are.
    """
    found = _identified(folder, entity, clusters, past)
    ids = None if everything else clusters["record_id"].combine_chunks()
    members = raw_members(store, folder, entity, raw, ids)
    moved = rekeyed(folder, entity)
    changed, events, reopened = golden_tables(
        store,
        config,
        entity,
        found,
        members,
        standard,
        lambda others: raw_members(store, folder, entity, raw, others),
        folder=folder,
        everything=everything,
        moved=moved.as_dict(),
    )
    add_tasks(folder, entity, reopened)
    written = {
        "membership": found.membership,
        "aliases": found.aliases,
        "lineage": found.lineage,
        "golden": changed,
        "events": events,
    }
    for kind, table in written.items():
        pq.write_table(table, work_file(folder, kind, entity), compression="zstd")
    tally = pc.value_counts(found.golden["action"].combine_chunks()).to_pylist()
    counts = {entry["values"]: int(entry["counts"]) for entry in tally}
    splits = pc.count_distinct(found.lineage.filter(pc.field("kind") == "split")["parent_id"]).as_py()
    living = sum(counts.get(a, 0) for a in ("created", "kept", "revived"))
    return found, Outcome(
        living, counts.get("created", 0), counts.get("merged", 0), int(splits or 0), counts.get("retired", 0)
    )


def golden_tables(
    store: Store,
    config: Config,
    entity: str,
    found: Identities,
    members: pa.Table,
    standard: pa.Table,
    elsewhere: Callable[[pa.Array[Any]], pa.Table],
    *,
    folder: Path | None = None,
    everything: bool = False,
    moved: Moved = NOWHERE,
) -> tuple[pa.Table, pa.Table, list[Reopening]]:
    """What changes in golden records, the events that tell of it (as `diff_golden` and `golden_events` give them), and
    the decisions about values that somebody must look at again.

    `members`: identity and raw columns of the records in `found`; `elsewhere` reads those of other living records,
    which a decision may be about as well. `folder` takes what does not fit into memory.
    """
    members = _with_golden(members, found.members)
    ids = found.members["record_id"].combine_chunks()
    rows, about = store.value_decisions(entity, None if everything else _with_former(ids, moved))
    golden_of = _homes(found.members, rows, about, moved)
    words = rows.to_pylist()
    # A record that is not looked at may be the one that has the decision, in a golden record that is not looked at.
    homes = golden_of if everything else _homes_elsewhere(store, found, rows, about, moved) | golden_of
    here = set(found.members["golden_id"].to_pylist())
    anchors = {anchor for word in words if (anchor := anchor_of(word, moved)) is not None}
    apart = _told_apart(store, entity, anchors - homes.keys(), moved)
    steering = steer(config, entity, words, about, homes, standard.schema, moved, here, apart)
    delivered = _raw_of(members, golden_of)
    if not everything and (others := _about(words, moved) - delivered.keys()):
        delivered |= _raw_of(elsewhere(pa.array(sorted(others), pa.int64())), others)
    reopened = value_reopenings(words, delivered, moved)
    members, standard = steering.join(members, standard)
    new = survive(
        members,
        standard,
        rules_for(config, entity),
        ranks_for(config),
        overrides=steering.overrides,
        memory_limit=config.memory_limit,
        threads=config.threads,
        temp_directory=None if folder is None else str(folder / "spill"),
    )
    new = steering.without_own(new)
    if everything:
        old = store.golden(entity, only_active=False)
    else:
        concerned = pc.unique(
            pa.concat_tables([found.golden.select(["golden_id"]), found.events.select(["golden_id"])])["golden_id"]
        )
        old = store.golden_by_id(concerned)
    # The sources' time alone is no change.
    changed = diff_golden(old.drop_columns(["valid_from"]), new, found.golden)
    return changed, golden_events(changed, found.events, old), reopened


def _told_apart(store: Store, entity: str, gone: set[int], moved: Moved) -> set[Pair]:
    """The pairs that stewards told apart of which one end is among some records that live no more."""
    if not gone:
        return set()
    former = [old for old, new in moved.items() if new in gone]
    rows = store.decisions_about(sorted({*gone, *former}), evidence=False).to_pylist()
    return said_of(rows, entity, moved).no_match


def _about(words: list[dict[str, Any]], moved: Moved) -> set[int]:
    """The records whose values decisions rest on."""
    return {record for row in words for record in value_evidence(row, moved)}


def _raw_of(members: pa.Table, records: Collection[int]) -> dict[int, dict[str, Any]]:
    """The raw values of some members."""
    if not records or not members.num_rows:
        return {}
    wanted = members.filter(pc.is_in(members["record_id"], value_set=pa.array(sorted(records), pa.int64())))
    return {row["record_id"]: row for row in wanted.to_pylist()}


def _with_former(ids: pa.Array[pa.Int64Scalar], moved: Moved) -> pa.Array[Any]:
    """Records, and the numbers that they had before this run."""
    if not moved:
        return ids
    living = set(ids.to_pylist())
    return pa.array([*living, *(old for old, new in moved.items() if new in living)], pa.int64())


def _homes(members: pa.Table, rows: pa.Table, about: dict[int, list[int]], moved: Moved) -> dict[int, str]:
    """The golden id of every living record that a decision about values is about."""
    named = _named(rows, about, moved)
    if not named:
        return {}
    wanted = members.filter(pc.is_in(members["record_id"], value_set=pa.array(sorted(named), pa.int64())))
    return dict(zip(wanted["record_id"].to_pylist(), wanted["golden_id"].to_pylist(), strict=True))


def _homes_elsewhere(
    store: Store, found: Identities, rows: pa.Table, about: dict[int, list[int]], moved: Moved
) -> dict[int, str]:
    """`_homes` of records beyond those that are looked at: they stay where they are."""
    gone = found.membership.filter(pc.is_null(found.membership["golden_id"]))["record_id"].to_pylist()
    others = _named(rows, about, moved) - set(found.members["record_id"].to_pylist()) - set(gone)
    if not others:
        return {}
    held = store.memberships(sorted(others))
    return dict(zip(held["record_id"].to_pylist(), held["golden_id"].to_pylist(), strict=True))


def _named(rows: pa.Table, about: dict[int, list[int]], moved: Moved) -> set[int]:
    """The records that decisions about values are about, under their newest numbers."""
    named = {moved.get(n, n) for records in about.values() for n in records}
    return named | {moved.get(n, n) for n in rows["left_id"].to_pylist() if n is not None}


def _identified(folder: Path, entity: str, clusters: pa.Table, past: Past) -> Identities:
    pairs = rekeyed(folder, entity)
    if not len(pairs):
        return identify(clusters, past.current, past.history, past.aliases, past.order)
    told = carry(pairs, clusters, past.current, past.history, past.order)
    found = identify(told.clusters, told.current, told.history, past.aliases, told.order)
    return settle(found, told, pairs)


def _with_golden(members: pa.Table, ids: pa.Table) -> pa.Table:
    """Adds the golden id of each member; a record that came while the run was under way is left to the next one."""
    place = pc.index_in(members["record_id"], value_set=ids["record_id"].combine_chunks())
    if place.null_count:
        members, place = members.filter(pc.is_valid(place)), place.drop_null()
    return members.append_column("golden_id", ids["golden_id"].combine_chunks().take(place))
