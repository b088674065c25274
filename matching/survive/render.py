"""Golden values and their provenance from ordered candidates.

The candidates are sorted by golden record, unit and order, so that groups are runs of rows: everything is done on
whole columns, with NumPy for the positions and Arrow for the texts. The form of the texts is described in
`provenance`.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from matching.survive.candidates import INVALID, STATE, VALID
from matching.survive.rules import Unit

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
Text = Any  # an Arrow array of strings, or one string for all rows
MOST_VALUES = 20
MOST_LOSERS = 20
TIME = pa.timestamp("us", "UTC")
GOLDEN = pa.schema(
    [
        pa.field("golden_id", pa.string()),
        pa.field("values", pa.string()),
        pa.field("provenance", pa.string()),
        pa.field("records", pa.int64()),
        pa.field("valid_from", TIME),
    ]
)
_NEVER = np.iinfo(np.int64).min


def render(candidates: pa.Table, members: pa.Table, ids: pa.StringArray, units: Sequence[Unit]) -> pa.Table:
    """The golden records that have members, with the columns of `GOLDEN`.

    candidates: g, u, k, p, i, v, w, n in any order; members: g, i, record (JSON text), source_time (or null) in the
    order of g, i; ids: golden id by g.
    """
    groups = _Groups(candidates, units)
    member_g = _ints(members["g"])
    number, first, size = np.unique(member_g, return_index=True, return_counts=True)
    owner = np.searchsorted(number, groups.g)
    row_of = first[owner] + groups.i

    winning = groups.shown
    has_value = np.bincount(groups.of[winning], minlength=groups.count) > 0
    values = _join(groups.values(has_value), owner[groups.start[has_value]], len(number))
    fields = _join(groups.provenance(), owner[groups.start], len(number))

    told = np.zeros(len(members), np.bool_)
    told[row_of[winning | groups.told]] = True
    listed = members.filter(pa.array(told))
    entries = _text('"', listed["i"], '":', listed["record"])
    records = _join(entries, np.searchsorted(number, member_g[told]), len(number))

    newest = np.full(len(number), _NEVER)
    at = _ints(members["source_time"].cast(pa.int64()).fill_null(_NEVER))
    np.maximum.at(newest, owner[winning], at[row_of[winning]])
    columns = [
        ids.take(pa.array(number)),
        _text("{", values, "}"),
        _text('{"records":{', records, '},"fields":{', fields, "}}"),
        pa.array(size),
        pa.array(newest, mask=newest == _NEVER).cast(TIME),
    ]
    return pa.Table.from_arrays(columns, schema=GOLDEN)


class _Groups:
    """Candidates by group (golden record and unit): which are shown, which have lost, and how that is told."""

    def __init__(self, rows: pa.Table, units: Sequence[Unit]) -> None:
        g, unit, k = (_ints(rows[name]) for name in ("g", "u", "k"))
        order = np.lexsort((_ints(rows["p"]), k, g * len(units) + unit))
        self.g, unit, state = g[order], unit[order], k[order] // STATE
        self.i, self.n = _ints(rows["i"])[order], _ints(rows["n"])[order]
        self.v, self.w = (_column(rows[name]).take(pa.array(order)) for name in "vw")
        new = (self.g[1:] != self.g[:-1]) | (unit[1:] != unit[:-1])
        self.start = np.flatnonzero(np.r_[True, new]) if len(unit) else np.zeros(0, np.int64)
        self.count = len(self.start)
        self.of = np.repeat(np.arange(self.count), np.diff(np.r_[self.start, len(unit)]))
        self.unit = unit[self.start]
        self.units = units
        self.several = np.array([u.rule.multi for u in units], np.bool_)[unit]
        position = np.arange(len(unit)) - self.start[self.of]
        # Several values: all valid ones, or, where none is, the invalid ones; one value: the first.
        worst = np.where(state[self.start] == INVALID, INVALID, VALID)[self.of]
        self.shown = (state <= worst) & (position < np.where(self.several, MOST_VALUES, 1))
        self.shown &= (state <= INVALID)
        shown = np.bincount(self.of[self.shown], minlength=self.count)
        self.lost = np.diff(np.r_[self.start, len(unit)]) - shown
        self.told = ~self.shown & (position - shown[self.of] < MOST_LOSERS)

    def values(self, chosen: Bools) -> Text:
        """`"attribute":value` of each chosen group; a block's fields."""
        heads = [
            "" if u.is_block else f"{json.dumps(u.name, ensure_ascii=False)}:{'[' if u.rule.multi else ''}"
            for u in self.units
        ]
        tails = ["]" if u.rule.multi else "" for u in self.units]
        texts = _filter(_join(_filter(self.v, self.shown), self.of[self.shown], self.count), chosen)
        unit = self.unit[chosen]
        return _text(_each(heads, unit), texts, _each(tails, unit))

    def provenance(self) -> Text:
        """`"attribute":{…}` of each group."""
        heads = [
            f"{json.dumps(('@' if u.is_block else '') + u.name, ensure_ascii=False)}:{{\"rule\":\"{u.rule.rule}\""
            for u in self.units
        ]
        single = ~self.several
        member = pc.cast(pa.array(self.i), pa.string())
        winner = pc.if_else(pa.array(single), member, _text("[", member, ",", pa.array(self.n), "]"))
        winners = _join(_filter(winner, self.shown), self.of[self.shown], self.count)
        wrapped = pc.if_else(
            pa.array(self.several[self.start]), _text(',"values":[', winners, "]"), _text(',"from":', winners)
        )
        won = np.bincount(self.of[self.shown], minlength=self.count) > 0
        more = self.lost - np.minimum(self.lost, MOST_LOSERS)
        return _text(
            _each(heads, self.unit),
            pc.if_else(pa.array(won), wrapped, ""),
            pc.if_else(pa.array(self.lost > 0), _text(',"lost":[', self._losers(), "]"), ""),
            pc.if_else(pa.array(more > 0), _text(',"more":', pa.array(more)), ""),
            "}",
        )

    def _losers(self) -> Text:
        """By group `[member]` where the value is the winner's, `[member,value]` or `[member,value,reason]`."""
        rows = np.flatnonzero(self.told)
        first = self.start[self.of[rows]]
        value, why = self.v.take(pa.array(rows)), self.w.take(pa.array(rows))
        same = pc.equal(value, self.v.take(pa.array(first)))
        same = pc.and_(same, pa.array(self.shown[first] & ~self.several[rows]))
        block = np.array([u.is_block for u in self.units], np.bool_)[self.unit[self.of[rows]]]
        value = pc.if_else(pa.array(block), _text("{", value, "}"), value)
        unsaid = pc.and_(same, pc.is_null(why))
        value = pc.if_else(unsaid, "", pc.if_else(same, ",null", _text(",", value)))
        reason = pc.if_else(pc.is_null(why), "", _text(",", why))
        return _join(_text("[", pa.array(self.i[rows]), value, reason, "]"), self.of[rows], self.count)


def _ints(column: Any) -> Ints:
    values: Ints = column.to_numpy().astype(np.int64, copy=False)
    return values


def _column(column: Any) -> Text:
    return pa.concat_arrays([chunk.cast(pa.string()) for chunk in column.chunks]) if column.num_chunks else pa.array(
        [], pa.string()
    )


def _text(*parts: Text) -> Text:
    """Texts put together row by row; a null counts as empty."""
    texts = [part if isinstance(part, str) else part.cast(pa.string()) for part in parts]
    return pc.binary_join_element_wise(*texts, "", null_handling="replace", null_replacement="")


def _each(words: Sequence[str], numbers: Ints) -> Text:
    return pa.array(words, pa.string()).take(pa.array(numbers, pa.int64()))


def _filter(texts: Text, mask: Bools) -> Text:
    return texts.filter(pa.array(mask))


def _join(texts: Text, group: Ints, count: int) -> Text:
    """The texts of each group, in their order, with commas between; '' for a group without. `group` ascends."""
    if isinstance(texts, pa.ChunkedArray):
        texts = texts.combine_chunks()
    offsets = np.r_[0, np.cumsum(np.bincount(group, minlength=count))].astype(np.int32)
    return pc.binary_join(pa.ListArray.from_arrays(pa.array(offsets), texts), ",")
