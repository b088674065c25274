"""What is true of one company of a generated world, and in which shares companies come. `organizations` makes them."""

from dataclasses import dataclass

from worlds.contact import Address
from worlds.places import City


@dataclass(slots=True)
class Organization:
    """One legal entity. Phones: international digits; `domain`: '' for firms with free mail; `parent`: entity or -1."""

    entity: int
    country: str
    city: City
    name: str
    name_en: str
    short: str
    core: str
    industry: str
    tax_id: str
    phones: list[str]
    emails: list[str]
    domain: str
    address: Address
    employees: int
    sole_trader: bool = False
    branch: str = ""
    parent: int = -1
    head: str = ""
    old_name: str = ""
    old_address: Address | None = None
    trade: str = ""
    form: str = ""


@dataclass(frozen=True, slots=True)
class FamilyMix:
    """Shares of the family kinds (the rest are lone companies), of Latin families, of sole traders among the lone."""

    group: float = 0.10
    branches: float = 0.08
    same_trade_name: float = 0.12
    agent: float = 0.04
    latin: float = 0.35
    sole_trader: float = 0.06
    renamed: float = 0.03
    moved: float = 0.12
    popular: float = 0.30
