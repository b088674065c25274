"""The loop shared by the generated worlds: make entities, write their records, keep nearly all of them recognisable."""

import gc
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import accumulate
from multiprocessing import get_context
from pathlib import Path

from worlds import writing
from worlds.contact import phone_text
from worlds.dice import Dice
from worlds.files import WorldFiles, WorldWriter, join_truth, source_configuration, write_configuration
from worlds.organization import FamilyMix, Organization
from worlds.organizations import OrganizationMaker
from worlds.persons import PeopleMix, Person, PersonMaker
from worlds.systems import Layout, System
from worlds.writing import Record

KINDS = ("organization", "person")
_PARALLEL = 200_000  # records from which a second process is worth its start


@dataclass(frozen=True, slots=True)
class World:
    """A world to generate: its name, the mixes of entities and the layouts of the systems."""

    name: str
    families: FamilyMix
    people: PeopleMix
    layout: Layout


def generate(world: World, folder: Path, size: int, seed: int, kind: str | None = None) -> WorldFiles:
    """Write `size` source records into `folder`; of one `kind` (organization, person), or half and half."""
    if kind:
        parts = [_Part(world, folder, kind, size, seed)]
    else:
        parts = [
            _Part(world, folder, "organization", size // 2, seed),
            _Part(world, folder, "person", size - size // 2, seed),
        ]
    if len(parts) > 1 and size >= _PARALLEL:
        with ProcessPoolExecutor(len(parts), get_context("spawn")) as pool:
            entities = sum(pool.map(_write_part, parts))
    else:
        entities = sum(map(_write_part, parts))
    truth = join_truth(folder, [p.truth for p in parts])
    systems = [s for s in world.layout.systems if s.entity in {p.kind for p in parts}]
    head = f"# A generated world ({world.name}, {size} records, seed {seed}).\n"
    return WorldFiles(folder, write_configuration(folder, source_configuration(systems), head), truth, size, entities)


@dataclass(frozen=True, slots=True)
class _Part:
    """The records of one entity type; parts do not know of each other, so that they may be written at the same time."""

    world: World
    folder: Path
    kind: str
    size: int
    seed: int

    @property
    def truth(self) -> str:
        return f"truth-{self.kind}.csv"


def _write_part(part: _Part) -> int:
    """Write the part and return the number of its entities."""
    world, rng = part.world, Dice(f"{part.seed}:{part.world.name}:{part.kind}")
    desk = Desk(world.layout, part.kind, rng)
    order = Dice(f"{part.seed}:{world.name}:{part.kind}:order")
    with _no_cycles(), WorldWriter(part.folder, world.layout.of(part.kind), order, part.size, part.truth) as writer:
        if part.kind == "organization":
            companies = OrganizationMaker(rng, world.families)
            while writer.records < part.size:
                for o in companies.family():
                    writer.add_all(desk.organization(o), f"O{o.entity:07d}")
            return companies.entities
        people = PersonMaker(rng, world.people)
        while writer.records < part.size:
            for p in people.family():
                writer.add_all(desk.person(p), f"P{p.entity:07d}")
        return people.entities


@contextmanager
def _no_cycles() -> Iterator[None]:
    """No cycle collection inside: the generator makes millions of small objects and no reference cycles."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()


class Desk:
    """Writes all records of one entity, and repairs those that nobody could recognise."""

    def __init__(self, layout: Layout, entity: str, rng: Dice) -> None:
        self.systems, self.noise, self.rng = layout.of(entity), layout.noise, rng
        self._shares = tuple(accumulate(s.share for s in self.systems))
        self._copies = tuple(accumulate(layout.copies))

    def _visits(self) -> list[tuple[System, date]]:
        rng = self.rng
        n = rng.weighted(range(1, len(self._copies) + 1), self._copies)
        return [
            (
                rng.weighted(self.systems, self._shares),
                date(2022, 1, 1) + timedelta(days=rng.below(1760)),
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
        change = date(2022, 1, 1) + timedelta(days=rng.between(300, 1500))
        out: list[tuple[System, Record, str]] = []
        seen: list[set[str]] = []
        for system, day in self._visits():
            row, evidence = write(system, changed and day < change)
            if seen and rng.random() >= self.noise.no_evidence and not any(recognisable(evidence, e) for e in seen):
                mend(system, row, evidence)
                if not any(recognisable(evidence, e) for e in seen):
                    first = rng.below(len(out))
                    mend(out[first][0], out[first][1], seen[first])
                    mend(system, row, evidence)
            seen.append(evidence)
            out.append((system, row, f"{day.isoformat()}T{rng.between(8, 19):02d}:{rng.below(60):02d}:00+08:00"))
        return out
