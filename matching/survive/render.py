"""Golden values and their provenance from ordered candidates.

The candidates are sorted by golden record, unit and order, so that groups are runs of rows: everything is done on
whole columns, with NumPy for the positions and Arrow for the texts. The form of the texts is described in
`provenance`.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from matching.survive.arrow import TEXT, TIME, Bools, Column, Ints, at, ints, joined, pc, schema, whole
from matching.survive.candidates import INVALID, STATE, VALID
from matching.survive.rules import Unit

MOST_VALUES = 20
MOST_LOSERS = 20
GOLDEN = schema(golden_id=TEXT, values=TEXT, provenance=TEXT, records=pa.int64(), valid_from=TIME)
_NEVER = np.iinfo(np.int64).min


def render(candidates: pa.Table, members: pa.Table, ids: Column, units: Sequence[Unit]) -> pa.Table:
    """The golden records that have members, with the columns of `GOLDEN`.

    candidates: g, u, k, p, i, v, w, n in any order; members: g, i, record (JSON text), source_time (or null) in the
    order of g, i; ids: golden id by g.
    """
    groups = _Groups(candidates, units)
    member_g = ints(members["g"])
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
    entries = joined('"', listed["i"], '":', listed["record"])
    records = _join(entries, np.searchsorted(number, member_g[told]), len(number))

    newest = np.full(len(number), _NEVER)
    moment = ints(pc.fill_null(members["source_time"].cast(pa.int64()), int(_NEVER)))
    np.maximum.at(newest, owner[winning], moment[row_of[winning]])
    columns = [
        ids.take(at(number)),
        joined("{", values, "}"),
        joined('{"records":{', records, '},"fields":{', fields, "}}"),
        pa.array(size),
        pa.array(newest, mask=newest == _NEVER).cast(TIME),
    ]
    return pa.Table.from_arrays(columns, schema=GOLDEN)


class _Groups:
    """Candidates by group (golden record and unit): which are shown, which have lost, and how that is told."""

    def __init__(self, rows: pa.Table, units: Sequence[Unit]) -> None:
        g, unit, k = (ints(rows[name]) for name in ("g", "u", "k"))
        order = np.lexsort((ints(rows["p"]), k, g * len(units) + unit))
        self.g, unit, state = g[order], unit[order], k[order] // STATE
        self.i, self.n = ints(rows["i"])[order], ints(rows["n"])[order]
        self.v, self.w = (whole(rows[name]).take(at(order)) for name in "vw")
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
        self.shown &= state <= INVALID
        shown = np.bincount(self.of[self.shown], minlength=self.count)
        self.lost = np.diff(np.r_[self.start, len(unit)]) - shown
        self.told = ~self.shown & (position - shown[self.of] < MOST_LOSERS)

    def values(self, chosen: Bools) -> Column:
        """`"attribute":value` of each chosen group; a block's fields."""
        heads = [
            "" if u.is_block else f"{json.dumps(u.name, ensure_ascii=False)}:{'[' if u.rule.multi else ''}"
            for u in self.units
        ]
        tails = ["]" if u.rule.multi else "" for u in self.units]
        texts = _filter(_join(_filter(self.v, self.shown), self.of[self.shown], self.count), chosen)
        unit = self.unit[chosen]
        return joined(_each(heads, unit), texts, _each(tails, unit))

    def provenance(self) -> Column:
        """`"attribute":{…}` of each group."""
        heads = [
            f'{json.dumps(("@" if u.is_block else "") + u.name, ensure_ascii=False)}:{{"rule":"{u.rule.rule}"'
            for u in self.units
        ]
        single = ~self.several
        member = pc.cast(pa.array(self.i), pa.string())
        winner = pc.if_else(pa.array(single), member, joined("[", member, ",", pa.array(self.n), "]"))
        winners = _join(_filter(winner, self.shown), self.of[self.shown], self.count)
        wrapped = pc.if_else(
            pa.array(self.several[self.start]), joined(',"values":[', winners, "]"), joined(',"from":', winners)
        )
        won = np.bincount(self.of[self.shown], minlength=self.count) > 0
        more = self.lost - np.minimum(self.lost, MOST_LOSERS)
        return joined(
            _each(heads, self.unit),
            pc.if_else(pa.array(won), wrapped, ""),
            pc.if_else(pa.array(self.lost > 0), joined(',"lost":[', self._losers(), "]"), ""),
            pc.if_else(pa.array(more > 0), joined(',"more":', pa.array(more)), ""),
            "}",
        )

    def _losers(self) -> Column:
        """By group `[member]` where the value is the winner's, `[member,value]` or `[member,value,reason]`."""
        rows = np.flatnonzero(self.told)
        first = self.start[self.of[rows]]
        value, why = self.v.take(at(rows)), self.w.take(at(rows))
        same = pc.equal(value, self.v.take(at(first)))
        same = pc.and_(same, pa.array(self.shown[first] & ~self.several[rows]))
        block = np.array([u.is_block for u in self.units], np.bool_)[self.unit[self.of[rows]]]
        value = pc.if_else(pa.array(block), joined("{", value, "}"), value)
        unsaid = pc.and_(same, pc.is_null(why))
        value = pc.if_else(unsaid, "", pc.if_else(same, ",null", joined(",", value)))
        reason = pc.if_else(pc.is_null(why), "", joined(",", why))
        return _join(joined("[", pa.array(self.i[rows]), value, reason, "]"), self.of[rows], self.count)


def _each(words: Sequence[str], numbers: Ints) -> Column:
    return pa.array(words, pa.string()).take(at(numbers))


def _filter(texts: Column, mask: Bools) -> Column:
    return texts.filter(pa.array(mask))


def _join(texts: Column, group: Ints, count: int) -> Column:
    """The texts of each group, in their order, with commas between; '' for a group without. `group` ascends."""
    offsets = np.r_[0, np.cumsum(np.bincount(group, minlength=count))].astype(np.int32)
    return pc.binary_join(pa.ListArray.from_arrays(pa.array(offsets), whole(texts)), ",")
