"""The input of identification as numbers: parts, golden ids and their overlaps.

Parts are the clusters, numbered by their smallest record. Golden ids are numbered in the order of their text, which
for UUIDv7 is the order of their making, so "created first" is "smaller number". No rule is applied here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from models.errors import StoreError

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
NONE = -1


@dataclass(frozen=True)
class Overlap:
    """How many records a part shares with an id: parallel arrays; `age` is the rank of the oldest shared record."""

    part: Ints
    golden: Ints
    weight: Ints
    age: Ints


@dataclass(frozen=True)
class Scope:
    """Everything the rules need. `records`, `part`, `before` are parallel, ordered by record id.

    `before` is the id of each living record up to now (NONE for a new one), `since` the rank of the run that gave it
    (NONE where unknown); `deleted` are the records that are gone. `alias`, `target` are the alias rows; `former` are
    overlaps with ids that are dead, by id `former_size` their size and `died` the rank of the run in which they died.
    """

    ids: pa.StringArray
    records: Ints
    part: Ints
    before: Ints
    since: Ints
    part_size: Ints
    deleted: Ints
    living: Ints
    current: Overlap
    former: Overlap
    former_size: Ints
    died: Ints
    alias: Ints
    target: Ints


def build_scope(
    clusters: pa.Table, current: pa.Table, history: pa.Table | None, aliases: pa.Table | None, order: pa.Table | None
) -> Scope:
    """Number parts and ids and count their overlaps. Raises StoreError where a record or an alias occurs twice."""
    ids = _all_ids(current, history, aliases)
    records, part = _parts(clusters)
    age = _ages(records, order)

    member_records, member_ids = _int64(current["record_id"]), _codes(current["golden_id"], ids)
    sequence = np.argsort(member_records, kind="stable")
    member_records, member_ids = member_records[sequence], member_ids[sequence]
    if (member_records[1:] == member_records[:-1]).any():
        raise StoreError("a record has two golden ids")
    found, place = _locate(records, member_records)
    before = np.full(len(records), NONE, dtype=np.int64)
    before[found] = member_ids[place[found]]
    still_there, _ = _locate(member_records, records)
    living = np.flatnonzero(np.bincount(member_ids, minlength=len(ids)))

    alias, target = _alias_rows(aliases, ids)
    if np.intersect1d(alias, living).size:
        raise StoreError("an id is both an alias and the id of a record")
    known = before != NONE
    from_run, to_run = _runs(current, history)
    since = np.full(len(records), NONE, dtype=np.int64)
    since[found] = from_run[sequence][place[found]]
    former, former_size, died = _former(history, to_run, ids, living, records, part, age)
    return Scope(
        ids=ids,
        records=records,
        part=part,
        before=before,
        since=since,
        part_size=np.bincount(part).astype(np.int64) if len(part) else np.zeros(0, np.int64),
        deleted=member_records[~still_there],
        living=living,
        current=_overlap(part[known], before[known], age[known], len(ids)),
        former=former,
        former_size=former_size,
        died=died,
        alias=alias,
        target=target,
    )


def _all_ids(current: pa.Table, history: pa.Table | None, aliases: pa.Table | None) -> pa.StringArray:
    columns = [current["golden_id"]]
    if history is not None:
        columns.append(history["golden_id"])
    if aliases is not None:
        columns += [aliases["alias_id"], aliases["golden_id"]]
    chunks = [chunk.cast(pa.string()) for column in columns for chunk in column.chunks]
    ids = pa.chunked_array(chunks, pa.string()).unique()
    return cast(pa.StringArray, ids.take(pc.sort_indices(ids)))


def _codes(column: pa.ChunkedArray[Any], ids: pa.StringArray) -> Ints:
    if len(column) == 0:
        return np.zeros(0, np.int64)
    coded: Ints = pc.index_in(column.cast(pa.string()), value_set=ids).to_numpy().astype(np.int64)
    return coded


def _int64(column: pa.ChunkedArray[Any]) -> Ints:
    values: Ints = column.cast(pa.int64()).to_numpy().astype(np.int64, copy=False)
    return values


def _parts(clusters: pa.Table) -> tuple[Ints, Ints]:
    records, label = _int64(clusters["record_id"]), _int64(clusters["cluster"])
    sequence = np.argsort(records, kind="stable")
    records, label = records[sequence], label[sequence]
    if (records[1:] == records[:-1]).any():
        raise StoreError("a record is in two clusters")
    _, first, inverse = np.unique(label, return_index=True, return_inverse=True)
    number = np.empty(len(first), np.int64)
    number[np.argsort(first, kind="stable")] = np.arange(len(first))
    return records, number[inverse]


def _ages(records: Ints, order: pa.Table | None) -> Ints:
    """The rank of each record by (first_run, record_id); by record id alone where no first run is known."""
    if order is None or "first_run" not in order.column_names:
        return np.arange(len(records), dtype=np.int64)
    ordered = pa.Table.from_arrays([order["record_id"], order["first_run"]], names=["record_id", "first_run"]).sort_by(
        [("first_run", "ascending"), ("record_id", "ascending")]
    )
    listed = _int64(ordered["record_id"])
    by_record = np.argsort(listed, kind="stable")
    found, place = _locate(records, listed[by_record])
    run_rank = np.full(len(records), len(listed), dtype=np.int64)
    run_rank[found] = by_record[place[found]]
    age = np.empty(len(records), np.int64)
    age[np.lexsort((records, run_rank))] = np.arange(len(records))
    return age


def _locate(wanted: Ints, in_sorted: Ints) -> tuple[Bools, Ints]:
    if len(in_sorted) == 0:
        return np.zeros(len(wanted), np.bool_), np.zeros(len(wanted), np.int64)
    place = np.minimum(np.searchsorted(in_sorted, wanted), len(in_sorted) - 1)
    return in_sorted[place] == wanted, place


def _overlap(part: Ints, golden: Ints, age: Ints, ids: int) -> Overlap:
    key = part * max(ids, 1) + golden
    sequence = np.lexsort((age, key))
    key, age = key[sequence], age[sequence]
    start = np.flatnonzero(np.r_[True, key[1:] != key[:-1]]) if len(key) else np.zeros(0, np.int64)
    weight = np.diff(np.r_[start, len(key)]).astype(np.int64)
    return Overlap(key[start] // max(ids, 1), key[start] % max(ids, 1), weight, age[start])


def _alias_rows(aliases: pa.Table | None, ids: pa.StringArray) -> tuple[Ints, Ints]:
    if aliases is None:
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    alias, target = _codes(aliases["alias_id"], ids), _codes(aliases["golden_id"], ids)
    if len(np.unique(alias)) != len(alias):
        raise StoreError("an alias leads to two golden ids")
    sequence = np.argsort(alias)
    return alias[sequence], target[sequence]


def _runs(current: pa.Table, history: pa.Table | None) -> tuple[Ints, Ints]:
    """The runs in which memberships began and ended, as ranks on one scale; NONE where the tables do not say."""
    unknown = [np.full(len(rows) if rows is not None else 0, NONE, np.int64) for rows in (current, history)]
    columns = [
        rows[name]
        for rows, name in ((current, "from_run"), (history, "to_run"))
        if rows is not None and name in rows.column_names
    ]
    if not columns or history is None or "to_run" not in history.column_names:
        return unknown[0], unknown[1]
    # An empty result of a query may come without types.
    kind = next((column.type for column in columns if not pa.types.is_null(column.type)), pa.int64())
    runs = pa.chunked_array([chunk.cast(kind) for column in columns for chunk in column.chunks], kind)
    ranks = pc.rank(runs, sort_keys="ascending", tiebreaker="dense").to_numpy().astype(np.int64)
    ended = len(ranks) - len(history)
    return (ranks[:ended] if len(columns) == 2 else unknown[0]), ranks[ended:]


def _former(
    history: pa.Table | None, ended: Ints, ids: pa.StringArray, living: Ints, records: Ints, part: Ints, age: Ints
) -> tuple[Overlap, Ints, Ints]:
    """Overlaps of parts with dead ids; by id, how many records it had when it died, and when that was.

    Where `history` says when a membership ended, only the last members of an id count: those who left earlier, by a
    split or a deletion, are not what the id stood for when it became an alias.
    """
    nothing = np.zeros(0, np.int64)
    size, died = np.zeros(len(ids), np.int64), np.full(len(ids), NONE, dtype=np.int64)
    if history is None or len(history) == 0:
        return Overlap(nothing, nothing, nothing, nothing), size, died
    record, golden = _int64(history["record_id"]), _codes(history["golden_id"], ids)
    dead = np.ones(len(ids), np.bool_)
    dead[living] = False
    np.maximum.at(died, golden, ended)
    keep = dead[golden] & (ended == died[golden])
    rows = np.unique(np.stack([record[keep], golden[keep]]), axis=1)
    record, golden = rows[0], rows[1]
    size += np.bincount(golden, minlength=len(ids))
    found, place = _locate(record, records)
    place = place[found]
    return _overlap(part[place], golden[found], age[place], len(ids)), size, died
