"""An assignment told as tables: membership, golden ids, aliases, lineage and drafts of events.

No rule is applied here except where an alias leads; who gets which id is decided in `assign`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from matching.identify.outcome import ALIASES, EVENTS, GOLDEN, LINEAGE, MEMBERS, MEMBERSHIP, Identities
from matching.identify.rules import Assignment
from matching.identify.scope import NONE, Ints, Scope


def describe(scope: Scope, outcome: Assignment, minted: pa.StringArray) -> Identities:
    """The tables of an assignment; `minted` are the new ids, in the order in which the assignment numbers them."""
    ids = pa.concat_arrays([scope.ids, minted])
    now = outcome.golden[scope.part]
    moved = now != scope.before
    alias_rows, alias_events = _aliases(scope, outcome)
    return Identities(
        members=pa.Table.from_arrays([pa.array(scope.records), _take(ids, now)], schema=MEMBERS),
        membership=pa.Table.from_arrays(
            [
                pa.array(np.r_[scope.records[moved], scope.deleted]),
                pa.concat_arrays([_take(ids, now[moved]), pa.nulls(len(scope.deleted), pa.string())]),
            ],
            schema=MEMBERSHIP,
        ),
        golden=_golden(scope, outcome, ids),
        aliases=pa.Table.from_arrays(
            [_take(ids, alias_rows[0]), _take(ids, alias_rows[1]), _words(alias_rows[2], ("remove", "add"))],
            schema=ALIASES,
        ),
        lineage=_lineage(scope, outcome, ids),
        events=_events(scope, outcome, ids, alias_events),
    )


def _take(ids: pa.StringArray, codes: Ints) -> pa.Array[Any]:
    return ids.take(pa.array(codes, pa.int64(), mask=codes == NONE))


def _words(codes: Ints, words: tuple[str, ...]) -> pa.StringArray:
    return pa.array(words, pa.string()).take(pa.array(codes, pa.int64()))


_ACTIONS = ("created", "kept", "merged", "retired", "revived")
_CREATED, _KEPT, _MERGED, _RETIRED, _REVIVED = range(5)


def _golden(scope: Scope, outcome: Assignment, ids: pa.StringArray) -> pa.Table:
    action = np.full(len(ids), NONE, dtype=np.int64)
    action[len(scope.ids) :] = _CREATED
    successor = outcome.successor[scope.living]
    action[scope.living] = np.where(successor == NONE, _RETIRED, np.where(successor == scope.living, _KEPT, _MERGED))
    action[outcome.revived] = _REVIVED
    records = np.zeros(len(ids), np.int64)
    records[outcome.golden] = scope.part_size
    told = np.flatnonzero(action != NONE)
    return pa.Table.from_arrays(
        [_take(ids, told), _words(action[told], _ACTIONS), pa.array(records[told])], schema=GOLDEN
    )


def _lineage(scope: Scope, outcome: Assignment, ids: pa.StringArray) -> pa.Table:
    overlap = scope.current
    child = outcome.golden[overlap.part]
    other = child != overlap.golden
    split = outcome.home[overlap.golden] != overlap.part
    children = np.r_[child[other], outcome.successor[outcome.joined]]
    parents = np.r_[overlap.golden[other], outcome.joined]
    kinds = np.r_[split[other].astype(np.int64), np.zeros(len(outcome.joined), np.int64)]
    sequence = np.lexsort((kinds, parents, children))
    return pa.Table.from_arrays(
        [
            _take(ids, children[sequence]),
            _take(ids, parents[sequence]),
            _words(kinds[sequence], ("merge", "split")),
        ],
        schema=LINEAGE,
    )


def _aliases(scope: Scope, outcome: Assignment) -> tuple[tuple[Ints, Ints, Ints], tuple[Ints, Ints, Ints]]:
    """Rows (alias, target, 1 add / 0 remove) and events (alias, old target or itself, new target).

    An alias follows its target. Where the target was split, the alias goes with most of its own former members.
    """
    settled = scope.living[outcome.successor[scope.living] != NONE]
    losers = settled[outcome.successor[settled] != settled]
    target = scope.target.copy()
    followed = outcome.successor[target] if len(target) else target
    target = np.where(followed == NONE, target, followed)
    target = _with_own_members(scope, outcome, target)

    back = np.isin(scope.alias, outcome.revived)
    turned = ~back & (target != scope.target)
    new = np.r_[losers, outcome.joined]
    alias = np.r_[scope.alias[back], scope.alias[turned], new]
    goal = np.r_[scope.target[back], target[turned], outcome.successor[new]]
    add = np.r_[np.zeros(int(back.sum()), np.int64), np.ones(int(turned.sum()) + len(new), np.int64)]
    sequence = np.argsort(alias, kind="stable")
    event_alias = np.r_[scope.alias[turned], new]
    event_before = np.r_[scope.target[turned], new]
    event_after = np.r_[target[turned], outcome.successor[new]]
    by_alias = np.argsort(event_alias, kind="stable")
    return (
        (alias[sequence], goal[sequence], add[sequence]),
        (event_alias[by_alias], event_before[by_alias], event_after[by_alias]),
    )


def _with_own_members(scope: Scope, outcome: Assignment, target: Ints) -> Ints:
    if not len(scope.alias) or not len(scope.former.part):
        return target
    parts_of = np.bincount(scope.current.golden, minlength=len(scope.ids))
    former = scope.former
    sequence = np.lexsort((former.age, -former.weight, former.golden))
    golden = former.golden[sequence]
    first = sequence[np.r_[True, golden[1:] != golden[:-1]]]
    main = np.full(len(scope.ids), NONE, dtype=np.int64)
    main[former.golden[first]] = outcome.golden[former.part[first]]
    goes = (parts_of[scope.target] > 1) & (main[scope.alias] != NONE)
    return np.where(goes, main[scope.alias], target)


def _events(scope: Scope, outcome: Assignment, ids: pa.StringArray, alias: tuple[Ints, Ints, Ints]) -> pa.Table:
    known = len(scope.ids)
    born = np.r_[outcome.revived, known + np.arange(outcome.created)]
    successor = outcome.successor[scope.living]
    retired = scope.living[successor == NONE]
    lost = (successor != NONE) & (successor != scope.living)
    merged = np.unique(successor[lost])
    # The survivor stands among the ids before the merge unless it was dead until now.
    into = np.isin(successor, merged)
    merge_rows = np.searchsorted(merged, successor[into])

    overlap = scope.current
    split = np.flatnonzero(np.bincount(overlap.golden, minlength=known) > 1)
    of_split = np.isin(overlap.golden, split)
    split_rows = np.searchsorted(split, overlap.golden[of_split])

    none = np.zeros(0, np.int64)
    pieces = [
        _piece("created", ids, born, (none, none), (np.arange(len(born)), born)),
        _piece("merged", ids, merged, (merge_rows, scope.living[into]), (np.arange(len(merged)), merged)),
        _piece(
            "split",
            ids,
            split,
            (np.arange(len(split)), split),
            (split_rows, outcome.golden[overlap.part[of_split]]),
        ),
        _piece("retired", ids, retired, (np.arange(len(retired)), retired), (none, none)),
        _piece("alias", ids, alias[0], (np.arange(len(alias[0])), alias[1]), (np.arange(len(alias[0])), alias[2])),
    ]
    return pa.concat_tables([pa.Table.from_arrays(piece, schema=EVENTS) for piece in pieces])


def _piece(
    kind: str, ids: pa.StringArray, golden: Ints, before: tuple[Ints, Ints], after: tuple[Ints, Ints]
) -> list[pa.Array[Any]]:
    rows = len(golden)
    return [pa.repeat(pa.scalar(kind), rows), _take(ids, golden), _lists(ids, rows, *before), _lists(ids, rows, *after)]


def _lists(ids: pa.StringArray, rows: int, row: Ints, codes: Ints) -> pa.Array[Any]:
    """One list of ids per row, from pairs (row, id); ids ascending, that is, oldest first."""
    sequence = np.lexsort((codes, row))
    offsets = np.r_[0, np.cumsum(np.bincount(row, minlength=rows))].astype(np.int32)
    return pa.ListArray.from_arrays(pa.array(offsets), _take(ids, codes[sequence]))
