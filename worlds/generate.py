"""The loop shared by the generated worlds: make entities, write their records, keep nearly all of them recognisable."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import accumulate
from pathlib import Path
from random import Random

from worlds import writing
from worlds.contact import phone_text
from worlds.files import WorldFiles, WorldWriter, source_configuration, write_configuration
from worlds.organizations import FamilyMix, Organization, OrganizationMaker
from worlds.persons import PeopleMix, Person, PersonMaker
from worlds.systems import Layout, System
from worlds.writing import Record

KINDS = ("organization", "person")


@dataclass(frozen=True, slots=True)
class World:
    """A world to generate: its name, the mixes of entities and the layouts of the systems."""

    name: str
    families: FamilyMix
    people: PeopleMix
    layout: Layout


def generate(world: World, folder: Path, size: int, seed: int, kind: str | None = None) -> WorldFiles:
    """Write `size` source records into `folder`; of one `kind` (organization, person), or half and half."""
    kinds = (kind,) if kind else KINDS
    systems = tuple(s for s in world.layout.systems if s.entity in kinds)
    writer = WorldWriter(folder, systems, Random(f"{seed}:{world.name}:order"), size)
    entities = 0
    with writer:
        for i, k in enumerate(kinds):
            rng = Random(f"{seed}:{world.name}:{k}")
            goal = size * (i + 1) // len(kinds)
            entities += (
                _organizations(world, rng, writer, goal) if k == "organization" else _persons(world, rng, writer, goal)
            )
    config = write_configuration(
        folder, source_configuration(systems), f"# A generated world ({world.name}, {size} records, seed {seed}).\n"
    )
    return WorldFiles(folder, config, folder / "truth.csv", writer.records, entities)


def _organizations(world: World, rng: Random, writer: WorldWriter, goal: int) -> int:
    maker = OrganizationMaker(rng, world.families)
    desk = _Desk(world.layout, "organization", rng)
    while writer.records < goal:
        for o in maker.family():
            for system, row, updated in desk.organization(o):
                if writer.records < goal:
                    writer.add(system, row, updated, f"O{o.entity:07d}")
    return maker.entities


def _persons(world: World, rng: Random, writer: WorldWriter, goal: int) -> int:
    maker = PersonMaker(rng, world.people)
    desk = _Desk(world.layout, "person", rng)
    while writer.records < goal:
        for p in maker.family():
            for system, row, updated in desk.person(p):
                if writer.records < goal:
                    writer.add(system, row, updated, f"P{p.entity:07d}")
    return maker.entities


class _Desk:
    """Writes all records of one entity, and repairs those that nobody could recognise."""

    def __init__(self, layout: Layout, entity: str, rng: Random) -> None:
        self.systems, self.noise, self.rng = layout.of(entity), layout.noise, rng
        self._shares = tuple(accumulate(s.share for s in self.systems))
        self._copies = tuple(accumulate(layout.copies))

    def _visits(self) -> list[tuple[System, date]]:
        rng = self.rng
        n = rng.choices(range(1, len(self._copies) + 1), cum_weights=self._copies)[0]
        return [
            (
                rng.choices(self.systems, cum_weights=self._shares)[0],
                date(2022, 1, 1) + timedelta(days=rng.randrange(1760)),
            )
            for _ in range(n)
        ]

    def organization(self, o: Organization) -> list[tuple[System, Record, str]]:
        """The records of a company: (system, record, updated)."""

        def mend(system: System, row: Record, evidence: set[str]) -> None:
            if "tax_id" in system.columns.values() and o.tax_id and self.rng.random() < 0.3:
                row["tax_id"] = o.tax_id
                evidence.add("tax_id")
            else:
                row["phone"] = phone_text(self.rng, o.phones[0], o.city, 0, system.international)
                row["name"] = writing.organization_name(self.rng, o, "full")
                evidence |= {"phone", "name"}

        def write(system: System, old: bool) -> tuple[Record, set[str]]:
            return writing.organization(self.rng, o, system, self.noise, old)

        return self._records(
            write, mend, writing.organization_recognisable, o.old_address is not None or bool(o.old_name)
        )

    def person(self, p: Person) -> list[tuple[System, Record, str]]:
        """The records of a person: (system, record, updated)."""

        def mend(system: System, row: Record, evidence: set[str]) -> None:
            row["phone"] = phone_text(self.rng, p.mobile, p.city, 0, system.international)
            evidence.add("mobile")

        def write(system: System, old: bool) -> tuple[Record, set[str]]:
            return writing.person(self.rng, p, system, self.noise, old)

        return self._records(write, mend, writing.person_recognisable, p.old_address is not None or bool(p.old_surname))

    def _records(
        self,
        write: Callable[[System, bool], tuple[Record, set[str]]],
        mend: Callable[[System, Record, set[str]], None],
        recognisable: Callable[[set[str], set[str]], bool],
        changed: bool,
    ) -> list[tuple[System, Record, str]]:
        rng = self.rng
        change = date(2022, 1, 1) + timedelta(days=rng.randrange(300, 1500))
        out: list[tuple[System, Record, str]] = []
        seen: list[set[str]] = []
        for system, day in self._visits():
            row, evidence = write(system, changed and day < change)
            if seen and rng.random() >= self.noise.no_evidence and not any(recognisable(evidence, e) for e in seen):
                mend(system, row, evidence)
                if not any(recognisable(evidence, e) for e in seen):
                    first = rng.randrange(len(out))
                    mend(out[first][0], out[first][1], seen[first])
                    mend(system, row, evidence)
            seen.append(evidence)
            out.append((system, row, f"{day.isoformat()}T{rng.randrange(8, 19):02d}:{rng.randrange(60):02d}:00+08:00"))
        return out
