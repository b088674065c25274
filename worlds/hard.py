"""The hard world: everything that makes matching hard, at once, and in both scripts.

Persons: households with one phone and address, father and son of one name, twins, namesakes, offices with one
switchboard and info@ mail, nicknames, initials, a third of the identity numbers missing, typing errors. Organizations:
branches, groups, one trade name in two cities, agents' phones and addresses, short names, English names, moved and
renamed companies.
"""

from pathlib import Path

from worlds.files import WorldFiles
from worlds.generate import World
from worlds.generate import generate as _generate
from worlds.organization import FamilyMix
from worlds.persons import PeopleMix
from worlds.systems import Layout, Noise, organization_systems, person_systems

# Identity numbers: 74 % in sales and service, 52 % in marketing, about a third missing over all.
_NOISE = Noise(
    typo=0.07,
    homophone=0.05,
    traditional=0.03,
    id_typo=0.03,
    phone_typo=0.05,
    email_typo=0.03,
    birth_typo=0.05,
    birth_swapped=0.02,
    new_phone=0.12,
    no_evidence=0.03,
)
_SYSTEMS = (*organization_systems(0.52), *person_systems(0.74))
WORLD = World("hard", FamilyMix(), PeopleMix(household=0.34, same_name=0.2, twins=0.08), Layout(_SYSTEMS, _NOISE))


def generate(folder: Path, size: int = 10_000, seed: int = 1, kind: str | None = None) -> WorldFiles:
    """Write the hard world with `size` records; of one `kind`, or half organizations and half persons."""
    return _generate(WORLD, folder, size, seed, kind)
