"""The demo world: a maker of commercial vehicles, its customers in three systems, and what changes from day to day.

`generate` writes the first delivery, `generate_next_day` the following ones into the same folder. A day is built in
memory from (size, seed) by playing all days up to it, so nothing but `world.json` is remembered between the calls.
"""

import csv
import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path

from worlds import lexicon_han as han
from worlds.demo_cast import cast
from worlds.demo_files import (
    Broken,
    Table,
    write_csv,
    write_database,
    write_demo_configuration,
    write_json_lines,
    write_quarantine,
)
from worlds.demo_systems import ACCOUNTS, CONTACTS, ORGANIZATION_SYSTEMS, PEOPLE, PERSON_SYSTEMS, SYSTEMS
from worlds.dice import Dice
from worlds.files import TRUTH_COLUMNS, WorldFiles
from worlds.generate import Desk
from worlds.life import story
from worlds.life.ledger import Ledger
from worlds.life.parties import SALESPEOPLE, Founder
from worlds.organization import FamilyMix, Organization
from worlds.organizations import OrganizationMaker
from worlds.persons import PeopleMix, Person, PersonMaker
from worlds.systems import Layout, Noise, System
from worlds.writing import Record

FAMILIES = FamilyMix(group=0.07, branches=0.08, same_trade_name=0.08, agent=0.015, latin=0.12, sole_trader=0.14)
PEOPLE_MIX = PeopleMix(household=0.3, same_name=0.1, office=0.0, namesakes=0.03, latin=0.06)
NOISE = Noise(typo=0.03, homophone=0.03, traditional=0.02, new_phone=0.06, no_evidence=0.01, placeholder=0.015)
FIRST_DAY = date(2026, 9, 1)
PARTY_SYSTEMS = (*ORGANIZATION_SYSTEMS, *PERSON_SYSTEMS)
_FEWEST = 30  # companies that are hard to tell apart, even in the smallest world
_CAMPAIGNS = ("2026春季新能源重卡", "冷链专项", "老客户置换", "汉诺威车展", "物流博览会")


@dataclass(slots=True)
class _World:
    """The state of all systems on one day; `truth` holds the entity of every sound row that is not deleted."""

    rng: Dice
    companies: OrganizationMaker
    people: PersonMaker
    tables: dict[tuple[str, str], Table]
    truth: dict[tuple[str, str, str], str] = field(default_factory=dict)
    counts: dict[tuple[str, str], int] = field(default_factory=dict)
    known: list[Organization] = field(default_factory=list)
    accounts: dict[str, str] = field(default_factory=dict)
    records: int = 0
    first: date = FIRST_DAY
    life: Ledger = field(init=False)
    founder: Founder = field(init=False)
    storied: set[tuple[str, str, str]] = field(default_factory=set)
    """Records of customers with a history, which chance leaves alone."""

    def __post_init__(self) -> None:
        self.life = Ledger(self.rng, self.first, {stream: table for (_, stream), table in self.tables.items()})

        def add(system: System, record: Record, day: str, entity: str) -> str:
            day = max(day, self.life.today.isoformat()) if self.life.today > self.first else day
            key = _add(self, system, record, f"{day} {self.rng.between(8, 19):02d}:{self.rng.below(60):02d}:00", entity)
            self.storied.add((system.source, system.stream, key))
            return key

        self.founder = Founder(self.rng, self.companies, self.people, self.first, add)


def generate(folder: Path, size: int = 3_000, seed: int = 1, today: date = FIRST_DAY) -> WorldFiles:
    """Write the first day, `today`: about `size` records of parties (more, as families are kept whole), and files.

    `sales_crm.db`, `service/*.csv` (GB18030), `marketing/*.ndjson`, `kehu.yaml`, `truth.csv` (source, source_key,
    entity_id), `expected_findings.csv` (the columns of `worlds.life.ledger.Expected`), `expected_quarantine.csv`
    (source, stream, source_key, field, reason) and `world.json`. Touchpoints, vehicles and relations come on top.
    """
    return _write(folder, size, seed, 1, today)


def generate_next_day(folder: Path) -> WorldFiles:
    """Replace the deliveries in `folder` by those of the day after: about 2 % new, 3 % changed and 1 % deleted rows.

    The database marks deleted rows and gives changed rows a new `modified_on`; the files are whole snapshots.
    Raises FileNotFoundError when `generate` was not called for this folder.
    """
    told = json.loads((folder / "world.json").read_text(encoding="utf-8"))
    first = date.fromisoformat(told["first"])
    return _write(folder, int(told["size"]), int(told["seed"]), int(told["day"]) + 1, first)


def _write(folder: Path, size: int, seed: int, day: int, first: date) -> WorldFiles:
    world = _build(size, seed, first)
    for d in range(2, day + 1):
        _advance(world, d)
    folder.mkdir(parents=True, exist_ok=True)
    tables = world.life.tables
    write_database(folder / "sales_crm.db", [t for t in tables.values() if t.system.source == "sales_crm"])
    broken: list[Broken] = []
    for table in tables.values():
        if table.system.source == "service":
            broken += write_csv(folder / "service", table, broken=table.system in PARTY_SYSTEMS)
        elif table.system.source == "marketing":
            write_json_lines(folder / "marketing" / table.system.file.format(stream=table.system.stream), table)
    write_quarantine(folder / "expected_quarantine.csv", broken)
    story.write_expected(world.life, folder / "expected_findings.csv")
    truth = {at: entity for at, entity in world.truth.items() if _there(world, at)}
    with open(folder / "truth.csv", "w", encoding="utf-8", newline="") as f:
        writer = csv.writer(f, lineterminator="\n")
        writer.writerow(TRUTH_COLUMNS)
        writer.writerows((source, key, entity) for (source, _, key), entity in truth.items())
    told = {"world": "demo", "size": size, "seed": seed, "day": day, "first": first.isoformat()}
    (folder / "world.json").write_text(json.dumps(told) + "\n", encoding="utf-8")
    config = write_demo_configuration(folder, world.life.today)
    return WorldFiles(folder, config, folder / "truth.csv", len(truth), len(set(truth.values())))


def _there(world: _World, at: tuple[str, str, str]) -> bool:
    row = world.tables[at[0], at[1]].rows.get(at[2])
    return row is not None and not row.get("deleted")


# --- the first day


def _build(size: int, seed: int, first: date) -> _World:
    rng = Dice(f"{seed}:demo")
    tables = {(s.source, s.stream): Table(s, {}) for s in SYSTEMS}
    world = _World(rng, OrganizationMaker(rng, FAMILIES), PersonMaker(rng, PEOPLE_MIX), tables, first=first)
    known: dict[str, str] = {}  # the records of the company with which the story begins
    for system, record, entity in cast():
        key = _add(world, system, dict(record), record["updated"], entity)
        if system is ACCOUNTS:
            world.accounts[entity] = key
        if entity in ("CAST-SHUNDA", "CAST-LIU"):
            known.setdefault(system.stream, key)
            world.storied.add((system.source, system.stream, key))
    account = tables["sales_crm", "accounts"].rows[known["accounts"]]
    company = story.company_in(world.founder, account["city"], account["tax_id"], account["name"])
    story.found(world.life, world.founder, size, known, company)
    while world.records < size or len(world.known) < _FEWEST:
        _new_customers(world, first)
    for table in world.life.tables.values():  # the order of the rows tells nothing
        rows = list(table.rows.items())
        rng.shuffle(rows)
        table.rows = dict(rows)
    return world


def _desks(world: _World) -> tuple[Desk, Desk]:
    copies = (0.42, 0.32, 0.19, 0.05, 0.02)
    return (
        Desk(Layout(ORGANIZATION_SYSTEMS, NOISE, copies), "organization", world.rng),
        Desk(Layout(PERSON_SYSTEMS, NOISE, copies), "person", world.rng),
    )


def _new_customers(world: _World, today: date) -> None:
    """Two families of companies with the people who work there, then a household of owner-drivers."""
    companies, people = _desks(world)
    family = [*world.companies.family(), *world.companies.family()]
    for o in family:
        _add_all(world, companies.organization(o), f"O{o.entity:06d}", today, company=o)
    world.known += family
    for o in family:
        account = world.accounts.get(f"O{o.entity:06d}", "")
        for p in _staff(world, o):
            _add_all(world, people.person(p), f"P{p.entity:06d}", today, account, o)
    for p in world.people.family():
        _add_all(world, people.person(p), f"P{p.entity:06d}", today)


def _staff(world: _World, o: Organization) -> list[Person]:
    """The contacts of a company: its switchboard as office phone, its domain in their mail."""
    rng = world.rng
    if o.sole_trader:
        return []
    out = []
    for _ in range(rng.pick((0, 0, 1, 1, 1, 2, 3))):
        p = world.people.one("han" if o.country == "CN" else "latin", o.city, age=(24, 60))
        p.office_phone, p.extension = o.phones[0], rng.between(800, 899)
        p.office_mail = o.emails[0] if o.emails else ""
        if o.domain and rng.random() < 0.7:
            name = "".join(han.pinyin(p.surname)) if p.country == "CN" else p.surname
            p.work_mail = f"{name.lower().replace(' ', '')}{rng.below(99)}@{o.domain}"
        out.append(p)
    return out


def _add_all(
    world: _World,
    records: Iterable[tuple[System, Record, str]],
    entity: str,
    today: date,
    account: str = "",
    company: Organization | None = None,
) -> None:
    for system, record, updated in records:
        if account and system is CONTACTS:
            record["organization_key"] = account
        if company and system is ACCOUNTS and company.parent >= 0:
            record["parent_key"] = world.accounts.get(f"O{company.parent:06d}", "")
        if company and system is PEOPLE and world.rng.random() < 0.6:
            record["_company"] = company.short
        # After the first day whatever is new was written today: a cursor over the time of change must find it.
        written = today if today > world.first else min(date.fromisoformat(updated[:10]), today)
        key = _add(world, system, record, f"{written.isoformat()} {updated[11:19]}", entity)
        if system is ACCOUNTS:
            world.accounts.setdefault(entity, key)


def _add(world: _World, system: System, record: Record, updated: str, entity: str) -> str:
    """Give the record its key and the columns that only this world has, and put it into its table; returns the key."""
    rng = world.rng
    at = (system.source, system.stream)
    world.counts[at] = n = world.counts.get(at, 0) + 1
    key = f"{system.prefix}{n * 765_433 % 999_983:06d}"  # modulo a prime: no key twice, no order to learn from
    columns = set(system.columns.values())
    if system is ACCOUNTS:
        record.setdefault("account_owner", rng.pick(SALESPEOPLE))
        staff = int(record.get("employees", "0") or 0)
        record.setdefault("segment", "key" if staff > 150 or rng.random() < 0.05 else "ordinary")
        record["_credit_limit"] = f"{rng.between(1, 400) * 5000}.00"
    if system is CONTACTS:
        record.setdefault("organization_key", world.accounts.get(record.pop("_account", ""), ""))
        if rng.random() < 0.5:
            record.setdefault("buying_role", rng.pick(("decision maker", "influencer", "user", "gatekeeper", "buyer")))
            record.setdefault("influence", str(rng.between(1, 6)))
    if "fleet_size" in columns and rng.random() < 0.6:
        record.setdefault("fleet_size", str(int(rng.lognormvariate(2.2, 1.1)) + 1))
    if "_dealer" in columns:
        record["_dealer"] = f"D{rng.between(1, 60):03d}"
    if "_plate" in columns and rng.random() < 0.6:
        record.setdefault("_plate", f"鲁{rng.pick('ABCHQ')}{rng.between(10_000, 99_999)}")
    if "consent" in columns and rng.random() < 0.7:
        record.setdefault("consent", "true" if rng.random() < 0.8 else "false")
    if "_campaign" in columns and rng.random() < 0.8:
        record["_campaign"] = rng.pick(_CAMPAIGNS)
    world.tables[at].rows[key] = {**record, "updated": _time(system, updated)}
    if entity:
        world.truth[system.source, system.stream, key] = entity
    world.records += 1
    return key


def _time(system: System, text: str) -> str:
    """The time as the system writes it: marketing with an offset, the others in local time."""
    return f"{text.replace(' ', 'T')}+08:00" if system.source == "marketing" else text


# --- the following days


def _advance(world: _World, day: int) -> None:
    """Play one more day: deletions, changes, new records of known companies, new customers."""
    rng, today = world.rng, world.first + timedelta(days=day - 1)
    world.life.today = world.founder.today = today
    for (source, stream), table in list(world.tables.items()):
        for key in list(table.rows):
            if table.rows[key].get("deleted") or (source, stream, key) in world.storied:
                continue
            draw = rng.random()
            if draw < 0.01:
                _delete(world, table, key, today)
            elif draw < 0.04:
                _change(world, table, table.rows[key], today)
    companies, _ = _desks(world)
    goal = world.records + max(4, world.records // 50)
    for _ in range(max(1, world.records // 200)):
        o = rng.pick(world.known)
        _add_all(world, companies.organization(o)[:1], f"O{o.entity:06d}", today, company=o)
    while world.records < goal:
        _new_customers(world, today)
    story.pass_day(world.life, world.founder, day)


def _delete(world: _World, table: Table, key: str, today: date) -> None:
    s = table.system
    if s.deleted:
        table.rows[key] |= {"deleted": "1", "updated": f"{today.isoformat()} 18:00:00"}
    else:
        del table.rows[key]
    world.truth.pop((s.source, s.stream, key), None)


def _change(world: _World, table: Table, row: dict[str, str], today: date) -> None:
    """A new phone, a filled gap or a corrected address, written today."""
    rng = world.rng
    row["updated"] = _time(table.system, f"{today.isoformat()} {rng.between(8, 19):02d}:{rng.below(60):02d}:00")
    draw = rng.random()
    if draw < 0.4:
        row["phone"] = f"1{rng.pick(('38', '39', '50', '86'))}{rng.below(100_000_000):08d}"
    elif draw < 0.6 and "account_owner" in row:
        row["account_owner"] = rng.pick(SALESPEOPLE)
    elif draw < 0.8 and row.get("address_line"):
        row["address_line"] += f"{rng.between(1, 20)}层"
    else:
        row["city"] = row.get("city", "").removesuffix("市")
