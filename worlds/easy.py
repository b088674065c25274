"""The easy world: large, moderately spoilt, for benchmarks of size.

Entities are mostly alone (few families, few shared phones); half of the records carry their true id; the variety of
names grows with the size. Sales data come as Parquet, the other two systems as CSV.
"""

from dataclasses import replace
from pathlib import Path

from worlds.files import WorldFiles
from worlds.generate import World
from worlds.generate import generate as _generate
from worlds.organization import FamilyMix
from worlds.persons import PeopleMix
from worlds.systems import Layout, Noise, organization_systems, person_systems

_NOISE = Noise(
    typo=0.02,
    homophone=0.015,
    traditional=0.01,
    full_width=0.02,
    id_typo=0.005,
    phone_typo=0.01,
    email_typo=0.01,
    birth_typo=0.01,
    birth_swapped=0.005,
    nickname=0.05,
    initial=0.01,
    new_phone=0.04,
    no_evidence=0.005,
    placeholder=0.005,
)
_FULL = {"full": 0.88, "variant": 0.12}
_SYSTEMS = tuple(
    replace(
        s,
        file="{stream}.parquet" if s.source == "sales_crm" else s.file,
        names=_FULL if s.entity == "organization" else {"full": 0.95, "nickname": 0.05},
    )
    for s in (*organization_systems(0.6, 1.1), *person_systems(0.6, 1.1))
)
WORLD = World(
    "easy",
    FamilyMix(
        group=0.02,
        branches=0.02,
        same_trade_name=0.02,
        agent=0.003,
        sole_trader=0.03,
        renamed=0.005,
        moved=0.05,
        popular=0.08,
    ),
    PeopleMix(household=0.08, same_name=0.02, twins=0.01, office=0.02, namesakes=0.005, moved=0.05, new_surname=0.01),
    Layout(_SYSTEMS, _NOISE, (0.45, 0.30, 0.25)),
)


def generate(folder: Path, size: int = 100_000, seed: int = 1, kind: str | None = None) -> WorldFiles:
    """Write the easy world with `size` records; of one `kind`, or half organizations and half persons."""
    return _generate(WORLD, folder, size, seed, kind)
