"""The books of the demo's lifecycle: rows by stream, customers with their rows, and what is expected to be found.

A change is written down together with what stood there before, so that a gap can be mended on a later day.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta

from worlds.demo_files import Table
from worlds.dice import Dice
from worlds.life.streams import BY_NAME
from worlds.organization import Organization

Place = tuple[str, str]
"""(stream, key) of a row."""


@dataclass(frozen=True, slots=True)
class Expected:
    """A finding that must follow from a planted gap.

    `source`, `stream` and `source_key` name the record it is on, '' for findings on a customer as a whole; `party` is a
    record of the customer as SOURCE:KEY, '' where the record belongs to no known customer.
    """

    rule: str
    source: str
    stream: str
    source_key: str
    field: str
    party: str


@dataclass
class Customer:
    """A company with a history: its keys in the three systems, who looks after it, its rows by stream."""

    entity: str
    company: Organization
    story: str
    segment: str
    owner: str
    seller: str
    accounts: list[str] = field(default_factory=list)
    service: str = ""
    lead: str = ""
    contacts: list[str] = field(default_factory=list)
    drivers: list[str] = field(default_factory=list)
    rows: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    gap: str = ""
    gap_day: int = 0
    expected: list[Expected] = field(default_factory=list)
    before: dict[Place, dict[str, str] | None] = field(default_factory=dict)
    """Rows that the gap changed, as they were; None for rows that it added."""
    kept: set[str] = field(default_factory=set)
    """Streams to which nothing is added while the gap is there, since that would mend it."""


class Ledger:
    """All rows of the lifecycle on one day. `tables` also holds those of the parties, by stream."""

    def __init__(self, rng: Dice, today: date, parties: dict[str, Table]) -> None:
        self.rng, self.today, self.first = rng, today, today
        self.tables: dict[str, Table] = {name: Table(told.system, {}) for name, told in BY_NAME.items()} | parties
        self.customers: list[Customer] = []
        self.dealers: list[Customer] = []
        self._counts: dict[str, int] = defaultdict(int)

    def ago(self, days: int) -> str:
        """The day so many days before today, as ISO text; negative for days to come."""
        return (self.today - timedelta(days=days)).isoformat()

    def age(self, day: str) -> int:
        """How many days ago a day was; negative for days to come."""
        return (self.today - date.fromisoformat(day)).days

    def add(self, customer: Customer, stream: str, row: dict[str, str], written: str = "") -> str:
        """Put a row into a stream and return its key; `written` is the day of its entry, by default the latest in it.

        After the first day whatever is new was written today: a cursor over the time of change must find it.
        """
        table = self.tables[stream]
        self._counts[stream] = n = self._counts[stream] + 1
        key = f"{table.system.prefix}{n * 765_433 % 9_999_991:07d}"
        if self.today > self.first:
            written = self.today.isoformat()
        elif not written:
            days = [
                row.get(name, "")
                for name in ("occurred_at", "closed_at", "valid_from", "delivered_on")
                if row.get(name, "") <= self.today.isoformat()
            ]
            written = max(days, default="") or self.ago(self.rng.between(1, 20))
        self.tables[stream].rows[key] = {k: v for k, v in row.items() if v} | {"updated": self.time(stream, written)}
        customer.rows[stream].append(key)
        return key

    def time(self, stream: str, day: str) -> str:
        """A time on a day as the stream's system writes it."""
        clock = f"{self.rng.between(8, 19):02d}:{self.rng.below(60):02d}:00"
        return f"{day}T{clock}+08:00" if self.tables[stream].system.source == "marketing" else f"{day} {clock}"

    def row(self, stream: str, key: str) -> dict[str, str]:
        """A row."""
        return self.tables[stream].rows[key]

    def of(self, customer: Customer, stream: str, **like: str) -> Iterator[tuple[str, dict[str, str]]]:
        """The rows of a customer in a stream that hold these values."""
        rows = self.tables[stream].rows
        for key in customer.rows[stream]:
            row = rows.get(key)
            if row is not None and not row.get("deleted") and all(row.get(k, "") == v for k, v in like.items()):
                yield key, row

    def change(self, stream: str, key: str, **values: str) -> None:
        """Write values into a row today; '' empties a field."""
        row = self.tables[stream].rows[key]
        row.update(values)
        for name in [name for name, value in values.items() if not value]:
            del row[name]
        row["updated"] = self.time(stream, self.today.isoformat())

    # --- gaps

    def spoil(self, customer: Customer, stream: str, key: str, **values: str) -> None:
        """Change a row so that a gap is there; its time of change stays within its own story."""
        row = self.tables[stream].rows[key]
        customer.before.setdefault((stream, key), dict(row))
        row.update(values)
        for name in [name for name, value in values.items() if not value]:
            del row[name]

    def plant(self, customer: Customer, stream: str, row: dict[str, str], written: str = "") -> str:
        """Add a row that should not be there."""
        key = self.add(customer, stream, row, written)
        customer.before[stream, key] = None
        return key

    def drop(self, customer: Customer, stream: str, key: str) -> None:
        """Take a row away that should be there."""
        customer.before[stream, key] = self.tables[stream].rows.pop(key)

    def touch(self, customer: Customer) -> None:
        """Say that everything a gap changed was written today."""
        now = self.today.isoformat()
        for stream, key in list(customer.before):
            row = self.tables[stream].rows.get(key)
            if row is None:  # taken away on a later day: the CRM keeps the row and marks it
                before = customer.before[stream, key]
                if before is not None and self.tables[stream].system.deleted:
                    self.tables[stream].rows[key] = before | {"deleted": "1", "updated": self.time(stream, now)}
            else:
                row["updated"] = self.time(stream, now)

    def mend(self, customer: Customer) -> None:
        """Put everything back as it was before the gap, written today."""
        now = self.today.isoformat()
        for (stream, key), row in customer.before.items():
            table = self.tables[stream]
            if row is not None:
                table.rows[key] = row | {"updated": self.time(stream, now)}
            elif table.system.deleted:
                table.rows[key] |= {"deleted": "1", "updated": self.time(stream, now)}
            else:
                del table.rows[key]
        customer.before, customer.expected, customer.kept, customer.gap = {}, [], set(), ""

    def expect(self, customer: Customer, rule: str, stream: str = "", key: str = "", field: str = "") -> None:
        """Note a finding that must follow."""
        source = self.tables[stream].system.source if stream else ""
        party = f"sales_crm:{customer.accounts[0]}" if customer.accounts else f"marketing:{customer.lead}"
        if stream == "vehicles":  # each row speaks of its own holder
            party = f"{source}:{self.row(stream, key)['party_key']}"
        customer.expected.append(Expected(rule, source, stream, key, field, party))
