"""The customers that have a history: their records in the three systems, complete and easily recognised.

What makes matching hard is the affair of the other customers of the demo world; here a finding must be nobody's fault
but the gap's.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta

from worlds.contact import address_line, phone_text
from worlds.demo_systems import ACCOUNTS, COMPANIES, CONTACTS, CUSTOMERS, OWNERS
from worlds.dice import Dice
from worlds.life.ledger import Customer
from worlds.organization import Organization
from worlds.organizations import OrganizationMaker
from worlds.persons import Person, PersonMaker
from worlds.systems import System

Add = Callable[[System, dict[str, str], str, str], str]
"""(system, record, day of entry, entity) → the key that the record gets."""
SALESPEOPLE = ("周敏", "陈立", "赵海燕", "孙伟", "林晓东", "Anna Weber", "吴静", "何志强")
ROLES = ("decision maker", "influencer", "user", "gatekeeper", "buyer")
TITLES = ("总经理", "采购经理", "车队队长", "财务经理", "运营总监", "调度主管")
_AFFINITY = ("supporter", "supporter", "neutral", "neutral", "critic")
STORIES = ("prospect", "lead", "opportunity", "quote", "order", "delivery", "in_service", "renewal", "lost", "dormant")
_WEIGHTS = (10, 20, 34, 44, 52, 60, 86, 91, 96, 100)


@dataclass
class Founder:
    """Founds customers: draws the company, its people and its story, and enters them into the systems."""

    rng: Dice
    companies: OrganizationMaker
    people: PersonMaker
    today: date
    add: Add

    def customer(self, story: str = "", segment: str = "", company: Organization | None = None) -> Customer:
        """A customer with its records; what is not given is drawn."""
        rng = self.rng
        o = company or self.companies.lone()
        story = story or rng.weighted(STORIES, _WEIGHTS)
        if not segment:
            draw = rng.random()
            segment = "fleet" if draw < 0.3 else "key" if draw < 0.37 and story == "in_service" else "ordinary"
        owner = rng.pick(SALESPEOPLE)
        seller = owner if rng.random() < 0.6 else rng.pick(SALESPEOPLE)
        c = Customer(f"O{o.entity:06d}", o, story, segment, owner, seller)
        self.enter(c)
        return c

    def enter(self, c: Customer) -> None:
        """Enter the customer into the systems that a customer of its story is in."""
        rng, story = self.rng, c.story
        if story == "prospect" or rng.random() < 0.6:
            c.lead = self.add(COMPANIES, self._company(c), self._day(300, 720), c.entity)
        if story != "prospect":
            for _ in range(2 if rng.random() < 0.12 else 1):
                c.accounts.append(self.add(ACCOUNTS, self._account(c), self._day(30, 700), c.entity))
            self.staff(c, 2 + rng.below(3 if c.segment != "key" else 4))
        if story in ("delivery", "in_service", "renewal", "dormant", "dealer"):
            c.service = self.add(CUSTOMERS, self._service(c), self._day(30, 400), c.entity)
            if story != "dealer":
                for _ in range(rng.between(0, 3)):
                    p = self.people.one("han", c.company.city, male=True, age=(26, 56))
                    c.drivers.append(self.add(OWNERS, self._driver(p), self._day(30, 400), f"P{p.entity:06d}"))

    def staff(self, c: Customer, many: int) -> None:
        """People of the customer, the first of whom decides."""
        rng = self.rng
        for i in range(many):
            p = self.people.one("han" if c.company.country == "CN" else "latin", c.company.city, age=(28, 58))
            name = p.surname + p.given if p.country == "CN" else f"{p.given} {p.surname}"
            record = {
                "organization_key": c.accounts[0],
                "full_name": name,
                "gender": ("男" if p.male else "女") if p.country == "CN" else ("M" if p.male else "F"),
                "phone": phone_text(rng, p.mobile, p.city, 0, 0.05),
                "email": p.email,
                "job_title": TITLES[0] if i == 0 else TITLES[1 + (i + rng.below(2)) % 5],
                "buying_role": ROLES[min(i, 4)],
                "influence": str(5 if i == 0 else rng.between(1, 5)),
                "affinity": rng.pick(_AFFINITY),
                "city": p.city.name,
            }
            c.contacts.append(self.add(CONTACTS, record, self._day(20, 600), f"P{p.entity:06d}"))

    def _day(self, low: int, high: int) -> str:
        return (self.today - timedelta(days=self.rng.between(low, high))).isoformat()

    def _account(self, c: Customer) -> dict[str, str]:
        o, rng = c.company, self.rng
        return {
            "name": o.name, "name_en": o.name_en if rng.random() < 0.4 else "", "tax_id": o.tax_id,
            "address_line": address_line(rng, o.address, "full"), "city": o.city.name,
            "phone": phone_text(rng, o.phones[0], o.city, 0, 0.1), "email": o.emails[0] if o.emails else "",
            "website": f"www.{o.domain}" if o.domain else "", "industry": o.industry, "employees": str(o.employees),
            "account_owner": c.owner, "segment": c.segment,
        }  # fmt: skip

    def _service(self, c: Customer) -> dict[str, str]:
        o, rng = c.company, self.rng
        return {
            "name": o.name, "tax_id": o.tax_id, "phone": phone_text(rng, o.phones[0], o.city, 0, 0.05),
            "city": o.city.full, "district": o.address.district,
            "address_line": address_line(rng, o.address, "local"),
            "fleet_size": str({"ordinary": 4, "fleet": 22, "key": 90}.get(c.segment, 5) + rng.below(9)),
        }  # fmt: skip

    def _company(self, c: Customer) -> dict[str, str]:
        o, rng = c.company, self.rng
        return {
            "name": o.name, "website": f"https://www.{o.domain}/" if o.domain else "",
            "email": o.emails[0] if o.emails else "", "phone": phone_text(rng, o.phones[0], o.city, 0, 0.2),
            "city": o.city.name, "industry": o.industry,
        }  # fmt: skip

    def _driver(self, p: Person) -> dict[str, str]:
        return {
            "full_name": p.surname + p.given, "birth_date": f"{p.born:%Y%m%d}", "national_id": p.national_id,
            "phone": phone_text(self.rng, p.mobile, p.city, 0, 0.0), "city": p.city.name,
            "address_line": address_line(self.rng, p.address, "full"),
        }  # fmt: skip
