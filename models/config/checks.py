"""Mistakes that need more than one place of the file: names used twice, unknown attributes, files that are not there.

Works on the plain document, so that it speaks even where another part of the file is already wrong.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from models.config.mistakes import Mistake, nearest, unknown
from models.vocabulary import ENTITY_TYPES, PARTY_TYPES, REFERENCES, attributes

# Names that the work tables and exports use beside the attributes.
_RESERVED = {
    *("record_id", "source", "stream", "source_key", "change", "content_hash", "source_time", "payload", "version"),
    *("golden_id", "entity_type", "cluster", "reasons", "valid_from", "recorded_at"),
}


def cross_checks(document: dict[str, Any], base: Path) -> Iterator[Mistake]:
    """Every mistake of this kind; `base` is the folder that relative paths start from."""
    sources = _mappings(document.get("sources"))
    if not sources and document.get("sources") in (None, []):
        yield Mistake(("sources",), "names no source")
    yield from _twice(sources, ("sources",), "sources")
    for i, source in sources:
        if "streams" not in source and isinstance(source.get("name"), str) and "connector" in source:
            said = f"is required; 'kehu discover {source['name']}' prints what the source offers, to be put here"
            yield Mistake(("sources", i, "streams"), said)
        streams = _mappings(source.get("streams"))
        yield from _twice(streams, ("sources", i, "streams"), "streams")
        for j, stream in streams:
            yield from _stream(document, source, stream, ("sources", i, "streams", j), base)
    yield from _removed(document, sources)
    yield from _added(document)
    yield from _survivorship(document, [str(source.get("name")) for _, source in sources])


def _twice(items: list[tuple[int, dict[str, Any]]], loc: tuple[str | int, ...], noun: str) -> Iterator[Mistake]:
    first: dict[str, tuple[int, str]] = {}
    for i, item in items:
        name = item.get("name")
        if not isinstance(name, str):
            continue
        # Folders and asset names tell neither case nor '-' and '_' apart everywhere.
        before = first.setdefault(name.casefold().replace("-", "_"), (i, name))
        if before[0] != i:
            same = f"two {noun} are named '{name}'"
            differ = f"'{name}' and '{before[1]}' are too alike to name two {noun}"
            yield Mistake(
                (*loc, i, "name"), f"{same if before[1] == name else differ}; the other is {noun}[{before[0]}]"
            )


def _removed(document: dict[str, Any], sources: list[tuple[int, dict[str, Any]]]) -> Iterator[Mistake]:
    configured = {str(source.get("name")) for _, source in sources}
    for _, source in sources:
        configured |= {f"{source.get('name')}.{stream.get('name')}" for _, stream in _mappings(source.get("streams"))}
    removed = document.get("removed")
    for i, name in enumerate(removed if isinstance(removed, list) else ()):
        if name in configured:
            yield Mistake(("removed", i), f"'{name}' is configured as well; take it out of one of the two places")


def _stream(
    document: dict[str, Any], source: dict[str, Any], stream: dict[str, Any], loc: tuple[str | int, ...], base: Path
) -> Iterator[Mistake]:
    entity, fields, rekey = stream.get("entity"), stream.get("fields"), stream.get("rekey")
    if entity in ENTITY_TYPES and isinstance(fields, dict):
        valid = [*attributes(entity), *_spec(document, entity)]
        for name in fields:
            if name not in valid:
                yield Mistake((*loc, "fields", name), *unknown("attribute", name, valid))
        yield from _constants(stream, valid, loc)
        yield from _refers(document, source, stream, loc)
    if isinstance(rekey, str) and not (base / rekey).is_file():
        yield Mistake((*loc, "rekey"), f"file not found: {base / rekey}")


def _constants(stream: dict[str, Any], valid: list[str], loc: tuple[str | int, ...]) -> Iterator[Mistake]:
    fields, constants, codes = stream["fields"], stream.get("constants"), stream.get("codes")
    for name in constants if isinstance(constants, dict) else ():
        if name not in valid:
            yield Mistake((*loc, "constants", name), *unknown("attribute", name, valid))
        elif name in fields:
            yield Mistake((*loc, "constants", name), "is mapped to a column already; it cannot be constant too")
    for name in codes if isinstance(codes, dict) else ():
        if name not in fields:
            yield Mistake((*loc, "codes", name), *unknown("attribute", name, fields))


def _refers(
    document: dict[str, Any], source: dict[str, Any], stream: dict[str, Any], loc: tuple[str | int, ...]
) -> Iterator[Mistake]:
    refers, may = stream.get("refers"), REFERENCES[stream["entity"]]
    for name, given in refers.items() if isinstance(refers, dict) else ():
        if name not in may:
            yield Mistake((*loc, "refers", name), *unknown("reference", name, may))
            continue
        streams = _streams_of_types(document, source, may[name])
        for wanted in given if isinstance(given, list) else [given]:
            if isinstance(wanted, str) and wanted not in streams:
                kinds = " or ".join(may[name])
                said = unknown(f"stream of entity {kinds}", wanted, streams)
                yield Mistake((*loc, "refers", name), f"'{wanted}': {said[0]}", said[1])


def _streams_of_types(document: dict[str, Any], own: dict[str, Any], types: tuple[str, ...]) -> list[str]:
    """The streams of these entity types as `refers` names them: of the same source by their name alone."""
    found = []
    for _, source in _mappings(document.get("sources")):
        for _, stream in _mappings(source.get("streams")):
            if stream.get("entity") in types:
                found += [str(stream.get("name"))] if source is own else []
                found.append(f"{source.get('name')}.{stream.get('name')}")
    return found


def _added(document: dict[str, Any]) -> Iterator[Mistake]:
    for entity in ENTITY_TYPES:
        for name, spec in _spec(document, entity).items():
            loc = ("attributes", entity, name)
            if name in attributes(entity):
                yield Mistake(loc, f"is already an attribute of {entity}")
            elif name in _RESERVED:
                yield Mistake(loc, "is a reserved name")
            elif not (name.isidentifier() and name.isascii() and name == name.lower() and name[0] != "_"):
                yield Mistake(loc, "an attribute's name is made of a-z, digits and '_', and starts with a letter")
            compared = spec.get("comparison") if isinstance(spec, dict) else None
            if entity not in PARTY_TYPES and compared in ("exact", "similar"):
                yield Mistake((*loc, "comparison"), f"no {entity} is matched; leave it out")


def _survivorship(document: dict[str, Any], sources: list[str]) -> Iterator[Mistake]:
    section = document.get("survivorship")
    for entity, rules in section.items() if isinstance(section, dict) else ():
        if entity not in ENTITY_TYPES or not isinstance(rules, dict):
            continue
        canonical = attributes(entity)
        blocks = {a.block for a in canonical.values() if a.block}
        single = [name for name, a in canonical.items() if not a.block]
        valid = [*single, *sorted(blocks), *_spec(document, entity)]
        for name, rule in rules.items():
            loc = ("survivorship", entity, name)
            if name in canonical and (block := canonical[name].block):
                yield Mistake(loc, f"wins together with its block; give the rule to '{block}'")
            elif name not in valid:
                yield Mistake(loc, *unknown("attribute", name, valid))
            trust = rule.get("trust") if isinstance(rule, dict) else None
            for source in trust if isinstance(trust, dict) else ():
                if source not in sources:
                    yield Mistake((*loc, "trust", source), "unknown source", nearest(source, sources))


def _spec(document: dict[str, Any], entity: str) -> dict[str, Any]:
    section = document.get("attributes")
    added = section.get(entity) if isinstance(section, dict) else None
    return added if isinstance(added, dict) else {}


def _mappings(value: Any) -> list[tuple[int, dict[str, Any]]]:
    """The items of a list that are mappings, with their places."""
    return [(i, item) for i, item in enumerate(value) if isinstance(item, dict)] if isinstance(value, list) else []
