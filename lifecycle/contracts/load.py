"""From the path of `lifecycle.yaml`, or the pack that comes with Kehu, to Contracts, or to every mistake at once."""

from __future__ import annotations

from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from lifecycle.contracts.document import Attributes, Contracts, cross_checks
from lifecycle.contracts.guard import expression_mistakes
from lifecycle.contracts.rules import KINDS
from models.config import Config
from models.config.document import parse
from models.config.mistakes import Mistake, at, key_of, translate, unknown
from models.errors import ConfigError, ConfigErrors
from models.vocabulary import ENTITY_TYPES

PACK = "commercial_vehicles.yaml"


def pack_text() -> str:
    """The bundled contracts for makers and dealers of commercial vehicles, as they are copied into a new project."""
    return files("lifecycle.contracts").joinpath("packs", PACK).read_text(encoding="utf-8")


def load_contracts(config: Config) -> Contracts:
    """The contracts that a configuration names, or the bundled ones. Raises ConfigErrors with every mistake."""
    attributes = {entity: tuple(config.attributes_of(entity)) for entity in ENTITY_TYPES}
    path = config.lifecycle.contracts
    if path is None:
        return parse_contracts(pack_text(), PACK, attributes)
    try:
        text = Path(path).read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise ConfigError(f"file not found: {path}", file=str(config.file), key="lifecycle.contracts") from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"cannot be read as UTF-8 text: {error}", file=str(path)) from None
    return parse_contracts(text, str(path), attributes)


def parse_contracts(text: str, shown: str, attributes: Attributes) -> Contracts:
    """Contracts out of a text. `attributes` are the names that rules may use, by entity type. Raises ConfigErrors."""
    return _parsed(text, shown, tuple((entity, tuple(names)) for entity, names in attributes.items()))


@lru_cache(maxsize=4)
def _parsed(text: str, shown: str, names: tuple[tuple[str, tuple[str, ...]], ...]) -> Contracts:
    """A run asks several times, a server with every page; contracts are never changed once they are read."""
    attributes = dict(names)
    document = parse(text, shown)
    mistakes = list(cross_checks(document, attributes))
    contracts = None
    try:
        contracts = Contracts.model_validate(document)
    except ValidationError as error:
        mistakes += [_plain(mistake, document) for mistake in translate(error, Contracts, document)]
    if contracts is not None:
        mistakes += expression_mistakes(contracts, attributes)
    if mistakes or contracts is None:
        first: dict[str, Mistake] = {}
        for mistake in mistakes:
            first.setdefault(key_of(mistake.loc), mistake)
        raise ConfigErrors([mistake.error(shown) for mistake in first.values()])
    return contracts


def _plain(mistake: Mistake, document: dict[str, Any]) -> Mistake:
    """Without the kind of rule that pydantic puts into the place of a mistake; unknown names with the nearest."""
    loc = mistake.loc
    if len(loc) < 4 or (loc[0], loc[2]) != ("stages", "rules"):
        return mistake
    if len(loc) == 4:
        kind = (at(document, loc) or {}).get("kind") if isinstance(at(document, loc), dict) else None
        if kind is None:
            return Mistake((*loc, "kind"), "is required")
        return Mistake((*loc, "kind"), *unknown("kind of rule", str(kind), KINDS))
    place = (*loc[:4], *loc[5:])
    if mistake.message.startswith("unknown key"):
        fields = KINDS[str(loc[4])].model_fields
        return Mistake(place, *unknown("key", str(loc[-1]), [field.alias or name for name, field in fields.items()]))
    return Mistake(place, mistake.message, mistake.nearest)
