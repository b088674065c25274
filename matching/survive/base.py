"""The members of golden records, put in order and handed to DuckDB partition by partition.

Reads the input and numbers golden records and members; the values are compared in `candidates`. Rows are picked by
position, not joined, so that a partition costs what it holds.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import duckdb
import numpy as np
import orjson
import pyarrow as pa

from matching.survive.arrow import TIME, Column, Ints, at, coded, ints, pc
from matching.survive.fields import form_of, has_reasons
from matching.survive.rules import DEFAULT_PRIORITY, FULL_TRUST, FieldRule, SourceRank, Unit, units_of

KEYS = ("record_id", "source", "stream", "source_key", "source_time")


@dataclass(frozen=True)
class Input:
    """What survivorship works on; `available` are the columns of the tables that `rows` makes.

    ids: golden ids, ascending; `g` numbers them. alone: positions of members that are alone; together: positions of
    the others, by g and i, with `i`, `late` and `newest` in `order`.
    """

    units: Sequence[Unit]
    columns: Mapping[str, Column]
    standard: Mapping[str, Column]
    standard_row: Ints
    ids: Column
    g: Ints
    alone: Ints
    together: Ints
    order: pa.Table

    @property
    def rules(self) -> list[FieldRule]:
        """The rules of all attributes that some member has."""
        return [field for unit in self.units for field in unit.fields]

    @property
    def available(self) -> frozenset[str]:
        """Names of the columns that `rows` gives."""
        return frozenset((*self.columns, *self.standard))

    def rows(self, positions: Ints, *, with_ids: bool = False) -> pa.Table:
        """The members at these positions: g, the keys, "m:A" as delivered, "s:…" standard columns, "e:A" reasons."""
        taken: dict[str, Column] = {"g": pa.array(self.g[positions])}
        if with_ids:
            taken["golden_id"] = self.ids.take(taken["g"])
        taken |= {name: column.take(at(positions)) for name, column in self.columns.items()}
        if self.standard:
            row = at(self.standard_row[positions])
            taken |= {name: column.take(row) for name, column in self.standard.items()}
        return pa.table(taken)

    def partitions(self, most: int) -> Iterator[tuple[Ints, slice]]:
        """Positions of members that are alone, and a slice of `together`, of about `most` members at a time."""
        size = np.bincount(self.g, minlength=len(self.ids))
        cuts = np.searchsorted(np.cumsum(size), np.arange(most, len(self.g) + most, most))
        alone_g, together_g = self.g[self.alone], self.g[self.together]
        low = 0
        for high in (cuts + 1).tolist():
            if low >= len(self.ids):
                return
            a, b = np.searchsorted(alone_g, [low, high])
            c, d = np.searchsorted(together_g, [low, high])
            yield self.alone[a:b], slice(int(c), int(d))
            low = high


def read(
    con: duckdb.DuckDBPyConnection,
    members: pa.Table,
    standard: pa.Table | None,
    rules: Sequence[FieldRule],
    sources: Mapping[str, SourceRank],
) -> Input:
    """Number golden records by their ids, and their members in the fixed order that breaks every tie.

    That order is: source priority, newest source time, source, stream, key. Registers `ranks` with DuckDB.
    """
    units = filled_units(units_of(rules), members)
    con.register("ranks", _ranks(units, sources))
    ids, g = _numbered(members["golden_id"])
    size = np.bincount(g, minlength=len(ids))
    time = members["source_time"].cast(TIME) if "source_time" in members.column_names else pa.nulls(len(members), TIME)
    alone = np.flatnonzero(size[g] == 1)
    order = _order(con, members, time, g, np.flatnonzero(size[g] > 1))
    columns = {name: members[name] for name in KEYS if name != "source_time"} | {"source_time": time}
    fields = [field for unit in units for field in unit.fields]
    columns |= {f"m:{field.attribute}": members[field.attribute] for field in fields}
    values, row = _standard(standard, fields, members["record_id"])
    together: Ints = order["position"].to_numpy()
    return Input(units, columns, values, row, ids, g, alone[np.argsort(g[alone])], together, order)


def filled_units(units: Sequence[Unit], members: pa.Table) -> list[Unit]:
    """The units without the attributes that no member has: they cost nothing then. Their order stays."""
    filled = {name for name in members.column_names if members[name].null_count < len(members)}
    left = [(unit, tuple(field for field in unit.fields if field.attribute in filled)) for unit in units]
    return [replace(unit, number=i, fields=fields) for i, (unit, fields) in enumerate(x for x in left if x[1])]


def _numbered(golden: Column) -> tuple[Column, Ints]:
    distinct, number = coded(golden)
    sequence = ints(pc.sort_indices(distinct))
    rank = np.empty(len(sequence), np.int64)
    rank[sequence] = np.arange(len(sequence))
    return distinct.take(at(sequence)), rank[number]


def _order(con: duckdb.DuckDBPyConnection, members: pa.Table, time: Column, g: Ints, positions: Ints) -> pa.Table:
    """position, i, late, newest of the members that are not alone, by g and i.

    `late` ranks the members of a golden record by source time alone, the newest first; `newest` is its newest time.
    """
    picked = at(positions)
    names = ("source", "stream", "source_key", "record_id")
    taken = {"position": picked, "g": pa.array(g[positions]), "time": time.take(picked)}
    con.register("unordered", pa.table(taken | {name: members[name].take(picked) for name in names}))
    found: pa.Table = con.sql(
        "SELECT position, CAST(row_number() OVER w - 1 AS BIGINT) AS i, "
        "CAST(rank() OVER (PARTITION BY g ORDER BY time DESC NULLS LAST) AS BIGINT) AS late, "
        "max(time) OVER (PARTITION BY g) AS newest FROM unordered u "
        "LEFT JOIN ranks r ON r.unit = -1 AND r.source = u.source WINDOW w AS (PARTITION BY g ORDER BY "
        f"coalesce(r.priority, {DEFAULT_PRIORITY}), time DESC NULLS LAST, u.source, stream, source_key, record_id) "
        "ORDER BY g, i"
    ).to_arrow_table()
    return found


def _standard(standard: pa.Table | None, rules: Sequence[FieldRule], records: Column) -> tuple[dict[str, Column], Ints]:
    """The standard columns that survivorship reads, reasons by attribute, and each member's row (−1: none)."""
    if standard is None:
        return {}, np.zeros(0, np.int64)
    forms = [form for rule in rules if (form := form_of(rule))]
    wanted = {name for form in forms for name in (form.compared, form.checked) if name in standard.column_names}
    found: dict[str, Column] = {f"s:{name}": standard[name] for name in sorted(str(name) for name in wanted)}
    if "reasons" in standard.column_names:
        found |= _reasons(standard["reasons"], [rule.attribute for rule in rules if has_reasons(rule)])
    known, asked = ints(standard["record_id"]), ints(records)
    if not len(known):
        return found, np.full(len(asked), -1)
    sequence = np.argsort(known, kind="stable")
    row = sequence[np.minimum(np.searchsorted(known[sequence], asked), len(known) - 1)]
    return found, np.where(known[row] == asked, row, -1)


def _reasons(reasons: Column, attributes: Sequence[str]) -> dict[str, Column]:
    """By "e:A" the reason of each attribute. The same few objects occur again and again, so each is read once."""
    distinct, number = coded(reasons)
    objects = [orjson.loads(text) for text in distinct.to_pylist()]
    found = {}
    for name in attributes:
        texts = pa.array([one.get(name) for one in objects], pa.string())
        if texts.null_count < len(texts):
            found[f"e:{name}"] = texts.take(at(number))
    return found


def _ranks(units: Sequence[Unit], sources: Mapping[str, SourceRank]) -> pa.Table:
    """A row per unit and source, and with unit −1 per source: priority, and the numbers of the trust rule."""
    rows: list[tuple[int, str, int, float, float, float, str]] = []
    for unit in (None, *units):
        own = unit.rule if unit is not None else FieldRule("")
        for name in sorted({*sources, *own.priorities, *own.trust}):
            rank = sources.get(name, SourceRank())
            trust = own.trust.get(name) or rank.trust or FULL_TRUST
            priority = own.priorities.get(name, rank.priority)
            number = unit.number if unit is not None else -1
            rows.append((number, name, priority, trust.max, trust.min, trust.decay_days, trust.curve))
    kinds = {
        "unit": pa.int64(),
        "source": pa.string(),
        "priority": pa.int64(),
        "max": pa.float64(),
        "min": pa.float64(),
        "days": pa.float64(),
        "curve": pa.string(),
    }
    return pa.table({name: pa.array([row[i] for row in rows], kind) for i, (name, kind) in enumerate(kinds.items())})
