"""Survivorship for few members, one golden record after the other, without a database.

Says the same as the set-based way (`candidates`, `singles`, `render`), text for text (tested on generated members);
it is there because planning a query takes longer than a handful of golden records.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import orjson
import pyarrow as pa

from matching.survive.arrow import TIME, Column
from matching.survive.base import filled_units
from matching.survive.candidates import EXCLUDED, INVALID, PINNED, VALID
from matching.survive.fields import IGNORED, form_of
from matching.survive.render import GOLDEN, MOST_LOSERS, MOST_VALUES
from matching.survive.rules import FULL_TRUST, FieldRule, SourceRank, Unit, units_of
from matching.survive.values import Row, Value, is_junk, lower, quoted, read_value, state_of

_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


@dataclass
class _Candidate:
    member: int
    value: str
    compared: str | None
    state: int
    criterion: tuple[int, int]
    why: str | None
    place: int = 0
    count: int = 1

    @property
    def order(self) -> tuple[int, tuple[int, int], int, int]:
        """Smallest first."""
        return self.state, self.criterion, self.member, self.place


@dataclass
class _Member:
    row: Row
    time: int | None
    late: int = 0
    values: dict[str, Value] = field(default_factory=dict)


def survive_few(
    members: pa.Table,
    standard: pa.Table | None,
    rules: Sequence[FieldRule],
    sources: Mapping[str, SourceRank],
    overrides: pa.Table | None,
    as_of: dt.datetime | None,
) -> pa.Table:
    """As `survive`, without the hash."""
    units = filled_units(units_of(rules), members)
    known: dict[int, Row] = {}
    if standard is not None:
        forms = [form for unit in units for field in unit.fields if (form := form_of(field))]
        wanted = {name for form in forms for name in (form.compared, form.checked)} | {"record_id", "reasons"}
        picked = standard.select([name for name in standard.column_names if name in wanted])
        known = {row["record_id"]: row for row in picked.to_pylist()}
    groups: dict[str, list[_Member]] = {}
    times = _microseconds(members)
    for row, time in zip(members.to_pylist(), times, strict=True):
        groups.setdefault(row["golden_id"], []).append(_Member(row, time))
    steering = overrides.to_pylist() if overrides is not None else []
    moment = None if as_of is None else (as_of - _EPOCH) // dt.timedelta(microseconds=1)
    found = [
        _Golden(group, known, standard, units, sources, steering, moment).told(golden)
        for golden, group in sorted(groups.items())
    ]
    columns: list[Column] = list(zip(*found, strict=True)) if found else [()] * len(GOLDEN)
    return pa.Table.from_arrays(
        [
            pa.array(column, pa.int64() if f.type == TIME else f.type).cast(f.type)
            for column, f in zip(columns, GOLDEN, strict=True)
        ],
        schema=GOLDEN,
    )


def _microseconds(members: pa.Table) -> list[int | None]:
    if "source_time" not in members.column_names:
        return [None] * len(members)
    times: list[int | None] = members["source_time"].cast(TIME).cast(pa.int64()).to_pylist()
    return times


class _Golden:
    """One golden record: its members in order, and what wins."""

    def __init__(
        self,
        members: list[_Member],
        known: Mapping[int, Row],
        standard: pa.Table | None,
        units: Sequence[Unit],
        sources: Mapping[str, SourceRank],
        overrides: Sequence[Row],
        moment: int | None,
    ) -> None:
        self.units, self.sources = units, sources
        ranked = sorted(members, key=self._fixed_order)
        self.members = ranked
        times = [m.time for m in ranked if m.time is not None]
        self.moment = moment if moment is not None else max(times, default=None)
        columns = frozenset(standard.column_names) if standard is not None else frozenset()
        for m in ranked:
            m.late = 1 + sum(t > m.time for t in times) if m.time is not None else 1 + len(times)
            row = known.get(m.row["record_id"], {})
            reasons = orjson.loads(row["reasons"]) if row.get("reasons") else {}
            for unit in units:
                for rule in unit.fields:
                    m.values[rule.attribute] = read_value(rule, m.row, row, reasons, columns)
        self.overrides = [o for o in overrides if self._may_concern(o)]

    def _fixed_order(self, m: _Member) -> tuple[int, bool, int, str, str, str, int]:
        row = m.row
        priority = self.sources.get(row["source"], SourceRank()).priority
        return (
            priority, m.time is None, -(m.time or 0), row["source"], row["stream"], row["source_key"], row["record_id"],
        )  # fmt: skip

    def _may_concern(self, o: Row) -> bool:
        ids = {m.row["record_id"] for m in self.members}
        if o["record_id"] is not None:
            return o["record_id"] in ids and o["golden_id"] in (None, self.members[0].row["golden_id"])
        return o["golden_id"] == self.members[0].row["golden_id"] or (o["golden_id"] is None and o["value"] is not None)

    def told(self, golden: str) -> tuple[str, str, str, int, int | None]:
        """golden_id, values, provenance, records, valid_from."""
        values, fields, used, winners = [], [], set(), set()
        steered = False
        for unit in self.units:
            candidates = self._candidates(unit)
            steered = steered or any(c.state == PINNED or c.why == IGNORED for c in candidates)
            if not candidates:
                continue
            shown, lost = _divided(unit, candidates)
            winners |= {c.member for c in shown}
            used |= {c.member for c in shown} | {c.member for c in lost[:MOST_LOSERS]}
            if shown:
                values.append(_shown(unit, shown))
            fields.append(_field(unit, shown, lost))
        body = ",".join(values)
        records = ",".join(f'"{i}":{self._record(i)}' for i in sorted(used))
        provenance = '{"records":{' + records + '},"fields":{' + ",".join(fields) + "}}"
        if len(self.members) == 1 and not steered:
            provenance = '{"records":{"0":' + self._record(0) + "}}" if body else "{}"
        times = [t for i in winners if (t := self.members[i].time) is not None]
        return golden, "{" + body + "}", provenance, len(self.members), max(times, default=None)

    def _record(self, i: int) -> str:
        row = self.members[i].row
        return (
            "[" + ",".join(map(quoted, (str(row["record_id"]), row["source"], row["stream"], row["source_key"]))) + "]"
        )

    def _candidates(self, unit: Unit) -> list[_Candidate]:
        if unit.is_block:
            found = self._block(unit)
        elif unit.rule.multi:
            return self._several(unit)
        else:
            found = self._single(unit)
        if unit.rule.rule == "most_frequent":
            for c in found:
                if c.state != PINNED:
                    same = [
                        d
                        for d in found
                        if (d.compared, d.state, d.criterion[0]) == (c.compared, c.state, c.criterion[0])
                    ]
                    c.criterion = (c.criterion[0], -len(same))
        return sorted(found, key=lambda c: c.order)

    def _single(self, unit: Unit) -> list[_Candidate]:
        found = []
        for i, m in enumerate(self.members):
            value = m.values[unit.rule.attribute]
            if value.shown is not None:
                criterion = self._criterion(unit, m, len(value.shown), self._filled(m), value.why is not None)
                c = _Candidate(i, quoted(value.shown), value.compared, state_of(value.why), (0, criterion), value.why)
                found.append(self._steer(c, unit, m, None))
        return found

    def _several(self, unit: Unit) -> list[_Candidate]:
        best: dict[str, _Candidate] = {}
        for i, m in enumerate(self.members):
            value = m.values[unit.rule.attribute]
            for place, one in enumerate(value.shown or ()):
                criterion = self._criterion(unit, m, len(one), self._filled(m), value.why is not None)
                c = _Candidate(i, quoted(one), one, state_of(value.why), (0, criterion), value.why, place)
                c = self._steer(c, unit, m, one)
                before = best.get(one)
                if before is not None:
                    c, other = sorted((before, c), key=lambda c: c.order)
                    c.count += other.count
                best[one] = c
        if unit.rule.rule == "most_frequent":
            for c in best.values():
                if c.state != PINNED:
                    c.criterion = (0, -c.count)
        return sorted(best.values(), key=lambda c: c.order)

    def _block(self, unit: Unit) -> list[_Candidate]:
        names = [f.attribute for f in unit.fields]
        usable = [
            {name: v for name in names if (v := m.values[name]).shown is not None and not is_junk(v.why)}
            for m in self.members
        ]
        valid = {name for fields in usable for name, v in fields.items() if v.why is None}
        found = []
        for i, (m, fields) in enumerate(zip(self.members, usable, strict=True)):
            if not fields:
                continue
            good = sum(v.why is None for v in fields.values())
            bad = sum(v.why is not None and name in valid for name, v in fields.items())
            why = "invalid fields" if bad or not good else None
            length = sum(len(v.shown) for v in fields.values())
            text = ",".join(f"{quoted(name)}:{quoted(v.shown)}" for name, v in fields.items())
            same = "\x1f".join(
                (fields[f.attribute].compared or "") if f.attribute in fields else "" for f in unit.fields
            )
            criterion = self._criterion(unit, m, length, good, bad > 0)
            c = _Candidate(i, text, same, INVALID if why else VALID, (bad, criterion), why)
            found.append(self._steer(c, unit, m, None))
        return found

    def _filled(self, m: _Member) -> int:
        return sum(v.shown is not None and v.why is None for v in m.values.values())

    def _criterion(self, unit: Unit, m: _Member, length: int, filled: int, invalid: bool) -> int:
        rule, source = unit.rule, m.row["source"]
        rank = self.sources.get(source, SourceRank())
        if rule.rule == "source_priority":
            return rule.priorities.get(source, rank.priority) if rule.priorities else 0
        if rule.rule == "most_recent":
            return m.late
        if rule.rule == "longest":
            return -length
        if rule.rule == "most_complete":
            return -filled
        if rule.rule == "most_frequent":
            return 0
        trust = rule.trust.get(source) or rank.trust or FULL_TRUST
        x = 1.0
        if m.time is not None and self.moment is not None:
            x = max(0.0, min(1.0, (self.moment - m.time) / (trust.decay_days * 86400000000.0)))
        curves = {"slow_initial_rapid_later": x * x, "rapid_initial_slow_later": 1 - (1 - x) * (1 - x)}
        left = trust.max - (trust.max - trust.min) * curves.get(trust.curve, x)
        if invalid:
            left = left - left * rule.downgrade / 100
        return math.floor((100 - left) * 1000000 + 0.5)

    def _steer(self, c: _Candidate, unit: Unit, m: _Member, value: str | None) -> _Candidate:
        """A steward's word before the rules': the newest pin first, ignored last."""
        names = {f.attribute for f in unit.fields}
        heard = [o for o in self.overrides if o["attribute"] in names and _names(o, m, value)]
        pins = [o for o in heard if o["action"] == "pin"]
        if any(o["action"] == "ignore" for o in heard):
            c.state, c.why = EXCLUDED, IGNORED
        elif pins:
            newest = max((o["at"] for o in pins if o.get("at") is not None), default=None)
            seconds = 0 if newest is None else _rounded_seconds(newest)
            c.state, c.criterion = PINNED, (0, -seconds)
        return c


def _rounded_seconds(at: dt.datetime) -> int:
    aware = at if at.tzinfo is not None else at.replace(tzinfo=dt.UTC)
    return math.floor((aware - _EPOCH) / dt.timedelta(seconds=1))


def _names(o: Row, m: _Member, value: str | None) -> bool:
    """Does this override name the member (and, of several values, this one)?"""
    if o["record_id"] is not None and o["record_id"] != m.row["record_id"]:
        return False
    if o["value"] is None:
        return True
    if value is not None:
        return bool(o["value"] == value)
    known = m.values[o["attribute"]]
    return o["value"] in (known.shown, known.delivered, known.compared) or lower(o["value"]) == known.compared


def _divided(unit: Unit, candidates: list[_Candidate]) -> tuple[list[_Candidate], list[_Candidate]]:
    worst = INVALID if candidates[0].state == INVALID else VALID
    most = MOST_VALUES if unit.rule.multi else 1
    shown = [c for c in candidates[:most] if c.state <= worst]
    return shown, candidates[len(shown) :]


def _shown(unit: Unit, shown: list[_Candidate]) -> str:
    text = ",".join(c.value for c in shown)
    if unit.is_block:
        return text
    return f"{quoted(unit.name)}:[{text}]" if unit.rule.multi else f"{quoted(unit.name)}:{text}"


def _field(unit: Unit, shown: list[_Candidate], lost: list[_Candidate]) -> str:
    parts = [f'"rule":"{unit.rule.rule}"']
    if unit.rule.multi:
        if shown:
            parts.append('"values":[' + ",".join(f"[{c.member},{c.count}]" for c in shown) + "]")
    elif shown:
        parts.append(f'"from":{shown[0].member}')
    if lost:
        parts.append('"lost":[' + ",".join(_loser(unit, c, shown) for c in lost[:MOST_LOSERS]) + "]")
    if len(lost) > MOST_LOSERS:
        parts.append(f'"more":{len(lost) - MOST_LOSERS}')
    return f"{quoted(('@' if unit.is_block else '') + unit.name)}:{{{','.join(parts)}}}"


def _loser(unit: Unit, c: _Candidate, shown: list[_Candidate]) -> str:
    same = bool(shown) and not unit.rule.multi and c.value == shown[0].value
    value = "{" + c.value + "}" if unit.is_block else c.value
    if same and c.why is None:
        return f"[{c.member}]"
    reason = "" if c.why is None else "," + quoted(c.why)
    return f"[{c.member},{'null' if same else value}{reason}]"
