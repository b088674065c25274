"""The keys that a source changed, old and new, so that a record goes on instead of one dying and one being born.

Reads the file and works out which records go on as which; what that means to golden records is matching's affair.
"""

from __future__ import annotations

import csv
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa

from connectors.arrow import Bools, Ints
from connectors.batch import QUARANTINE
from connectors.held import NO_TIME, Held
from models.config import Source, Stream
from models.errors import SourceError

HEADER = ["old_key", "new_key"]
_CHAIN = 50  # renamings in a row that are followed; a ring of them has no end


@dataclass
class Rekey:
    """A stream's rekey file: parallel lists of old and new keys, and the lines that say nothing usable."""

    old: list[str] = field(default_factory=list)
    new: list[str] = field(default_factory=list)
    bad: pa.Table = field(default_factory=QUARANTINE.empty_table)


def read_rekey(source: Source, stream: Stream) -> Rekey:
    """The stream's rekey file, a CSV with the header `old_key,new_key`; empty without a file.

    Lines that do not hold two keys, or give an old key a second new one, are in `bad`, as rows of quarantine. Raises
    SourceError when the file cannot be read or has another header.
    """
    if stream.rekey is None:
        return Rekey()
    try:
        with stream.rekey.open(encoding="utf-8-sig", newline="") as file:
            lines = csv.reader(file)
            header = [cell.strip() for cell in next(lines, [])]
            if header != HEADER:
                raise _fault(source, stream, f"the first line is {','.join(header)!r}, not '{','.join(HEADER)}'")
            named: dict[str, tuple[str, int]] = {}
            bad = []
            for cells in lines:
                row = [cell.strip() for cell in cells]
                if not any(row):
                    continue
                if len(row) != 2 or not all(row):
                    bad.append((row, lines.line_num, "does not hold an old key and a new key"))
                    continue
                before = named.setdefault(row[0], (row[1], lines.line_num))
                if before[0] != row[1]:
                    bad.append(
                        (row, lines.line_num, f"line {before[1]} gives this old key another new key; that holds")
                    )
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise _fault(source, stream, str(error)) from error
    pairs = [(old, new) for old, (new, _) in named.items() if old != new]
    table = pa.Table.from_pylist(
        [
            {
                "source": source.name,
                "stream": stream.name,
                "source_key": row[0] or None,
                "row": line,
                "field": "rekey",
                "value": ",".join(row),
                "reason": f"rekey file {stream.rekey.name}, line {line}: {reason}",
            }
            for row, line, reason in bad
        ],
        schema=QUARANTINE,
    )
    return Rekey([old for old, _ in pairs], [new for _, new in pairs], table)


def _fault(source: Source, stream: Stream, words: str) -> SourceError:
    return SourceError(f"rekey file {stream.rekey}: {words}", source=source.name, stream=stream.name, retryable=False)


class Renumbered:
    """Which records go on under another key: `gone[i]` as `takers[i]`, record ids, `gone` ascending and each once.

    `superseded` are delivered records whose rows are older than those under their new keys; `again` those whose rows
    say nothing new if their content is that which the hub held when the key changed.
    """

    def __init__(self, old: Ints, new: Ints, rows: Ints):
        """`old` and `new` are the pairs of the rekey file, `rows` the delivered rows, all as record ids."""
        order = np.argsort(old, kind="stable")
        self.old, self.new, self.rows = old[order], new[order], rows
        self.target = self._end(np.isin(self.new, rows))
        self.came = np.isin(self.target, rows) & (self.target != self.old)
        self.gone, self.takers, self.superseded, self.again = (np.empty(0, np.int64) for _ in range(4))

    def _end(self, arrived: Bools) -> Ints:
        """Where each pair leads: along the file from key to key until one has arrived."""
        target, ends = self.new.copy(), arrived.copy()
        for _ in range(_CHAIN if len(self.old) else 0):
            at = np.searchsorted(self.old, target).clip(max=len(self.old) - 1)
            onward = np.flatnonzero(~ends & (self.old[at] == target))
            if not len(onward):
                break
            target[onward], ends[onward] = self.new[at[onward]], arrived[at[onward]]
        return target

    def wanted(self, gone: Ints) -> Ints:
        """Records that must be looked up besides the delivered ones and those told `gone`."""
        back = np.isin(self.old, np.concatenate([self.rows, gone]))
        return np.concatenate([self.old[self.came], self.new[back], self.target[back]])

    def decide(
        self,
        held: Held,
        times: Ints,
        flags: Bools,
        besides: Ints,
        gone: Ints,
        *,
        whole: bool,
        given_up: Callable[[Ints], Ints],
    ) -> list[str]:
        """Find out who goes on as whom, by what the hub holds; returns remarks for people.

        `times` and `flags` (tombstones) are parallel to the rows, `besides` and `gone` other ids that the delivery says
        are there, or deleted; `given_up` says which records went on under another key before, and did not come back.

        A record goes on when a row came under its new key, and none under the old one. Where the delivery is the
        `whole` state, a renumbering that it knows nothing of is taken back; elsewhere a row under an old key is a late
        one unless it is newer than what came under the new key.
        """
        if not len(self.old):
            return []
        where, known = held.find(self.old)
        alive = known & ~held.deleted[where]
        last = self._end(_alive(held, self.new))
        stays = np.isin(last, besides) if whole else np.isin(self.old, np.concatenate([self.rows[flags], gone]))
        stays &= _alive(held, last) & (last != self.old) & ~self.came
        target = np.where(stays, last, self.target)
        there = self.came | stays
        # Where the source deleted the old key before the new one came, the record goes on all the same, once.
        ended = self.came & known & ~alive & ~held.find(self.target)[1]
        ahead = (there & alive) | ended
        if ahead.any():
            # A line of the file is carried out once; who has the old key now is somebody else.
            ahead &= ~np.isin(self.old, given_up(self.old[ahead]))
        if whole:
            present = np.concatenate([self.rows[~flags], besides])
            back = np.isin(self.old, self.rows[~flags]) & known & ~alive & _alive(held, last)
            back &= ~np.isin(last, present)
        else:
            follows = np.where(self.came, self.target, last)
            newest = np.maximum(_times(self.rows, times, follows), held.times[held.find(follows)[0]])
            self._old_rows(_times(self.rows, times, self.old), newest, self.came | _alive(held, last))
            ahead &= ~_later(held.times[where], newest)
            present = np.concatenate([self.rows[~flags & ~np.isin(self.rows, self.superseded)], besides])
            back = np.zeros(len(self.old), bool)
        spoken = np.isin(self.old, present)
        ahead &= ~spoken
        self.gone, first = np.unique(np.concatenate([self.old[ahead], last[back]]), return_index=True)
        self.takers = np.concatenate([target[ahead], self.old[back]])[first]
        fresh = ~held.find(self.target)[1] & ~np.isin(self.target, self.takers)
        return _remarks(
            unknown=self.came & ~known & ~np.isin(self.old, self.rows) & fresh,
            beside=self.came & spoken,
            lost=alive & ~spoken & ~np.isin(self.old, self.gone) & ~_alive(held, last) if whole else np.zeros(1, bool),
        )

    def _old_rows(self, times: Ints, newest: Ints, there: Bools) -> None:
        """Which delivered rows under old keys are late, given the times of what came under the new ones."""
        delivered = np.isin(self.old, self.rows) & there
        dated = (times != NO_TIME) & (newest != NO_TIME)
        self.superseded = self.old[delivered & np.where(dated, times <= newest, self.came)]
        self.again = self.old[delivered & ~dated & ~self.came]


def _alive(held: Held, ids: Ints) -> Bools:
    where, known = held.find(ids)
    found: Bools = known & ~held.deleted[where]
    return found


def _times(rows: Ints, times: Ints, ids: Ints) -> Ints:
    """The delivered times of records, `NO_TIME` for those that were not delivered."""
    order = np.argsort(rows, kind="stable")
    at = order[np.searchsorted(rows, ids, sorter=order).clip(max=len(rows) - 1)] if len(rows) else np.zeros(0, np.int64)
    return np.where(rows[at] == ids, times[at], NO_TIME) if len(rows) else np.full(len(ids), NO_TIME)


def _later(one: Ints, other: Ints) -> Bools:
    found: Bools = (one != NO_TIME) & (other != NO_TIME) & (one > other)
    return found


def _remarks(**found: Bools) -> list[str]:
    words = {
        "unknown": "the hub never held {} old {} of the rekey file, so what came under the new one is new",
        "beside": "{} old {} of the rekey file came beside the new one and stay records of their own",
        "lost": "{} old {} of the rekey file went, but nothing came under the new one",
    }
    counts = {what: int(rows.sum()) for what, rows in found.items()}
    return [words[what].format(f"{n:,}", "key" if n == 1 else "keys") for what, n in counts.items() if n]
