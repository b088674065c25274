"""The first customers of the demo world, written by hand: small stories that a reader can follow through the hub.

A logistics company that three systems know under three names, its branch, an independent company of the same trade name
in another province, an owner-driver with his son behind the same phone, a manager known by his salutation. The records
are in `words/demo_cast.json`; an entity of '' means that nobody could say who it is, so the truth does not tell.
"""

import json
from datetime import date
from importlib.resources import files

from worlds.demo_systems import SYSTEMS
from worlds.dice import Dice
from worlds.identifiers import credit_code, resident_id
from worlds.systems import System

Scene = tuple[System, dict[str, str], str]  # a record of a system, and the entity it tells of


def cast() -> list[Scene]:
    """The hand-written records, in the order of the story. Ids are valid, and the same in every demo."""
    rng = Dice("demo:cast")
    ids = {
        "$company": credit_code(rng, "370102"),
        "$branch": credit_code(rng, "370202"),
        "$namesake": credit_code(rng, "410105"),
        "$father": resident_id(rng, "371302", date(1972, 3, 8), True),
        "$son": resident_id(rng, "371302", date(1998, 11, 21), True),
    }
    systems = {f"{s.source}.{s.stream}": s for s in SYSTEMS}
    scenes = json.loads(files("worlds.words").joinpath("demo_cast.json").read_text(encoding="utf-8"))
    return [(systems[x["system"]], {k: ids.get(v, v) for k, v in x["record"].items()}, x["entity"]) for x in scenes]
