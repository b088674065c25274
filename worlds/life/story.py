"""Puts the demo's lifecycle together: who the customers are, what they lived through, which gaps there are."""

from __future__ import annotations

import csv
from dataclasses import astuple, fields
from pathlib import Path

from worlds.life import days, history
from worlds.life.gaps import GAPS, plant
from worlds.life.ledger import Customer, Expected, Ledger
from worlds.life.parties import SALESPEOPLE, Founder
from worlds.organization import Organization
from worlds.places import cities

COLUMNS = tuple(f.name for f in fields(Expected))
"""Columns of the file of expected findings."""
_PER_CUSTOMER = 16  # records of parties, of all customers, for each customer with a history


def found(life: Ledger, founder: Founder, size: int, keys: dict[str, str], company: Organization | None = None) -> None:
    """Found customers for a world of about `size` records, tell their histories, and plant every gap at least once.

    `keys` are those under which the first customer is in the systems already, by stream; `company` is what it is.
    """
    rng = life.rng
    for _ in range(12):
        life.dealers.append(founder.customer("dealer", "ordinary"))
    if company is not None:
        _known(life, founder, keys, company)
    for _ in range(max(1, size // 700)):
        _group(life, founder)
    for name, gap in GAPS.items():
        c = _new(life, founder, gap.story, gap.segment)
        plant(life, c, name, 1)
    for _ in range(size // 120):
        name = rng.pick(list(GAPS))
        plant(life, _new(life, founder, GAPS[name].story, GAPS[name].segment), name, 1)
    while len(life.customers) < size // _PER_CUSTOMER + 40:
        _new(life, founder)


def pass_day(life: Ledger, founder: Founder, day: int) -> None:
    """Play one more day, new customers included."""
    days.pass_day(life, day)
    for _ in range(max(1, len(life.customers) // 150)):
        _new(life, founder, "lead" if life.rng.random() < 0.6 else "prospect", "ordinary")


def write_expected(life: Ledger, path: Path) -> int:
    """Write the findings that must be found, and no others; returns their number."""
    rows = sorted(astuple(e) for c in life.customers for e in c.expected)
    with open(path, "w", encoding="utf-8", newline="") as f:
        writer = csv.writer(f, lineterminator="\n")
        writer.writerow(COLUMNS)
        writer.writerows(rows)
    return len(rows)


def _new(
    life: Ledger, founder: Founder, story: str = "", segment: str = "", company: Organization | None = None
) -> Customer:
    c = founder.customer(story, segment, company)
    history.live(life, c)
    life.customers.append(c)
    return c


def _group(life: Ledger, founder: Founder) -> None:
    """A group, its companies and branches, each a customer of its own."""
    accounts: dict[int, str] = {}
    for o in founder.companies.group():
        head = o.parent < 0
        story = "in_service" if head else life.rng.pick(("in_service", "delivery", "opportunity", "quote", "lost"))
        c = founder.customer(story, "key" if head else "ordinary", o)
        if not head:
            for key in c.accounts:
                life.row("accounts", key)["parent_key"] = accounts[o.parent]
        accounts[o.entity] = c.accounts[0]
        history.live(life, c)
        life.customers.append(c)


def _known(life: Ledger, founder: Founder, keys: dict[str, str], company: Organization) -> None:
    """The customer that the demo's story begins with: a key account with all its people and vehicles."""
    c = Customer("CAST-SHUNDA", company, "in_service", "key", SALESPEOPLE[0], SALESPEOPLE[1])
    c.accounts, c.service, c.lead = [keys["accounts"]], keys["customers"], keys["companies"]
    c.contacts = [keys["contacts"]]
    life.row("contacts", keys["contacts"])["affinity"] = "supporter"
    founder.staff(c, 3)
    history.live(life, c)
    life.customers.append(c)


def company_in(founder: Founder, city: str, tax_id: str, name: str) -> Organization:
    """The facts of a company that is in the systems already."""
    o = founder.companies.lone()
    o.city = next(place for place in cities("han")[0] if place.name == city)
    o.tax_id, o.name, o.country = tax_id, name, "CN"
    return o
