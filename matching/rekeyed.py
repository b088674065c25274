"""Records that go on under another key: to golden ids and decisions they are the records that they were.

Who goes on as whom was found with the changes (`rekeyed_to`); the store moves what it holds when the run is published.
Until then the past of a record stands under its old number, and is read here under the new one.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from matching.identify import Identities
from matching.inputs import read_work

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Rekeyed:
    """The records of a run that go on under another key: `old[i]` as `new[i]`, `old` ascending and each once."""

    old: Ints
    new: Ints

    def __len__(self) -> int:
        return len(self.old)

    def as_dict(self) -> dict[int, int]:
        """The new number of each old one."""
        return dict(zip(self.old.tolist(), self.new.tolist(), strict=True))

    def of(self, records: Ints) -> Ints:
        """The numbers under which these records go on; those that stay as they are keep theirs."""
        if not len(self):
            return records
        at = np.searchsorted(self.old, records).clip(max=len(self) - 1)
        return np.where(self.old[at] == records, self.new[at], records)


def rekeyed(folder: Path, entity: str) -> Rekeyed:
    """Who goes on as whom in this run."""
    changed = read_work(folder, "changes", entity, ["record_id", "rekeyed_to"])
    if changed is None or "rekeyed_to" not in changed.column_names:
        return Rekeyed(np.zeros(0, np.int64), np.zeros(0, np.int64))
    moved = changed.filter(pc.is_valid(changed["rekeyed_to"])).sort_by("record_id")
    return Rekeyed(_ints(moved["record_id"]), _ints(moved["rekeyed_to"]))


@dataclass(frozen=True)
class Carried:
    """What identification is given: every table under the new numbers.

    Where several records became one, that one can stand in one golden record only. The others stay among its records
    as `guests` under their old numbers, so that their golden ids meet and the rules of identity decide.
    """

    clusters: pa.Table
    current: pa.Table
    history: pa.Table
    order: pa.Table
    guests: Ints
    left: Ints
    """Old numbers that are a golden record's members up to now."""


def carry(pairs: Rekeyed, clusters: pa.Table, current: pa.Table, history: pa.Table, order: pa.Table) -> Carried:
    """Read the past of records under the numbers that they go on with; those whose new row is not there stay gone."""
    living = _ints(clusters["record_id"])
    there = np.isin(pairs.new, living)
    pairs = Rekeyed(pairs.old[there], pairs.new[there])
    member = _ints(current["record_id"])
    target = pairs.of(member)
    left = member[target != member]
    # The record's own membership goes first, then that of the smallest old number.
    sequence = np.lexsort((member, target != member, target))
    again = np.zeros(len(member), np.bool_)
    again[sequence[1:]] = target[sequence[1:]] == target[sequence[:-1]]
    guests, hosts = member[again], target[again]
    if len(guests):
        by_record = np.argsort(living, kind="stable")
        labels = _ints(clusters["cluster"])[by_record][np.searchsorted(living[by_record], hosts)]
        more = pa.table({"record_id": pa.array(guests), "cluster": pa.array(labels)})
        clusters = pa.concat_tables([clusters.select(more.column_names), more])
    older = _ints(order["record_id"])
    inherited = pairs.of(older)
    moved = pa.table({"record_id": pa.array(inherited), "first_run": order["first_run"]}).filter(
        pa.array(inherited != older)
    )
    oldest = pa.concat_tables([order.select(moved.column_names).cast(moved.schema), moved])
    oldest = oldest.group_by("record_id").aggregate([("first_run", "min")])
    return Carried(
        clusters,
        _under(current, np.where(again, member, target)),
        _under(history, pairs.of(_ints(history["record_id"]))),
        oldest.rename_columns({"first_run_min": "first_run"}),
        np.sort(guests),
        left,
    )


def settle(found: Identities, carried: Carried, pairs: Rekeyed) -> Identities:
    """The answer of identification as the store takes it: who is gone under the old number, and is there under the new.

    The store tells of a record that stays in its golden record that it was there all the while.
    """
    members = _without(found.members, carried.guests)
    moved = _without(found.membership, np.concatenate([carried.guests, carried.left]))
    named = np.setdiff1d(pairs.of(carried.left), _ints(moved["record_id"]))
    fresh = members.filter(pc.is_in(members["record_id"], value_set=pa.array(named)))
    gone = pa.table({"record_id": pa.array(carried.left), "golden_id": pa.nulls(len(carried.left), pa.string())})
    membership = pa.concat_tables([moved, fresh, gone.cast(moved.schema)])
    golden = found.golden
    if len(carried.guests):
        counted = members.group_by("golden_id").aggregate([("record_id", "count")])
        place = pc.index_in(golden["golden_id"], value_set=counted["golden_id"].combine_chunks())
        records = pc.fill_null(counted["record_id_count"].combine_chunks().take(place), 0)
        golden = golden.set_column(golden.column_names.index("records"), "records", records)
    return dataclasses.replace(found, members=members, membership=membership, golden=golden)


def _under(table: pa.Table, numbers: Ints) -> pa.Table:
    return table.set_column(table.column_names.index("record_id"), "record_id", pa.array(numbers, pa.int64()))


def _without(table: pa.Table, records: Ints) -> pa.Table:
    return table.filter(pc.invert(pc.is_in(table["record_id"], value_set=pa.array(records, pa.int64()))))


def _ints(column: Any) -> Ints:
    values: Ints = column.cast(pa.int64()).to_numpy().astype(np.int64, copy=False)
    return values
