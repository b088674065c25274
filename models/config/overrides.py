"""The tables of overrides that a configuration names, read and checked: mistakes are told with their file and line."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import xxhash

from models.config.mistakes import nearest
from models.errors import ConfigError, ConfigErrors
from models.vocabulary import PARTY_TYPES, record_id

if TYPE_CHECKING:
    from models.config.root import Config

Pair = tuple[int, int]
MISTAKES_SHOWN = 20


@dataclass(frozen=True)
class Overrides:
    """What the tables say. `match` and `no_match`: entity type → pairs of record ids, the smaller first. `ignored`:
    (entity type, attribute) → values in lower case. `aliases`: name in lower case → the name that it stands for.

    `digest` changes when a file does.
    """

    match: dict[str, set[Pair]] = field(default_factory=dict)
    no_match: dict[str, set[Pair]] = field(default_factory=dict)
    ignored: dict[tuple[str, str], dict[str, str]] = field(default_factory=dict)
    aliases: dict[str, str] = field(default_factory=dict)
    digest: str = ""


NO_OVERRIDES = Overrides()


def read_overrides(config: Config) -> Overrides:
    """Read the tables that a configuration names. Raises ConfigErrors naming each wrong line."""
    files = config.stewardship.overrides
    paths = {name: getattr(files, name) for name in ("always_match", "never_match", "ignore_values", "aliases")}
    if not any(paths.values()):
        return NO_OVERRIDES
    mistakes: list[ConfigError] = []
    match: dict[str, set[Pair]] = {}
    no_match: dict[str, set[Pair]] = {}
    ignored: dict[tuple[str, str], dict[str, str]] = {}
    aliases: dict[str, str] = {}
    for name, into in (("always_match", match), ("never_match", no_match)):
        for line, (left, right) in _rows(paths[name], name, ("left", "right"), mistakes):
            found = _pair(config, left, right)
            if isinstance(found, str):
                mistakes.append(_mistake(paths[name], name, line, found))
            else:
                entity, pair = found
                into.setdefault(entity, set()).add(pair)
    for entity, pairs in match.items():
        if both := pairs & no_match.get(entity, set()):
            said = f"{len(both)} pairs stand in always_match and in never_match"
            mistakes.append(_mistake(paths["never_match"], "never_match", None, said))
    columns = ("entity_type", "attribute", "value")
    for line, (entity, attribute, value) in _rows(paths["ignore_values"], "ignore_values", columns, mistakes):
        known = list(config.attributes_of(entity)) if entity in PARTY_TYPES else []
        if entity not in PARTY_TYPES:
            near, said = nearest(entity, PARTY_TYPES), f"there is no entity type '{entity}'"
        elif attribute not in known:
            near, said = nearest(attribute, known), f"{entity} has no attribute '{attribute}'"
        else:
            ignored.setdefault((entity, attribute), {})[value.lower()] = value
            continue
        hint = f" (did you mean '{near}'?)" if near else ""
        mistakes.append(_mistake(paths["ignore_values"], "ignore_values", line, said + hint))
    for line, (alias, stands_for) in _rows(paths["aliases"], "aliases", ("alias", "name"), mistakes):
        if alias.lower() == stands_for.lower():
            mistakes.append(_mistake(paths["aliases"], "aliases", line, f"'{alias}' stands for itself"))
        elif aliases.setdefault(alias.lower(), stands_for) != stands_for:
            said = f"'{alias}' stands for '{aliases[alias.lower()]}' and for '{stands_for}'"
            mistakes.append(_mistake(paths["aliases"], "aliases", line, said))
    if mistakes:
        raise ConfigErrors(mistakes[:MISTAKES_SHOWN])
    digest = xxhash.xxh3_64_hexdigest(b"\x00".join(p.read_bytes() if p else b"-" for p in paths.values()))
    return Overrides(match, no_match, ignored, aliases, digest)


def _rows(
    path: Path | None, key: str, columns: tuple[str, ...], mistakes: list[ConfigError]
) -> Iterator[tuple[int, tuple[str, ...]]]:
    """Line number and trimmed cells of each row of a table; what cannot be read is added to the mistakes."""
    if path is None:
        return
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file)
            absent = [column for column in columns if column not in (reader.fieldnames or ())]
            if absent:
                mistakes.append(_mistake(path, key, 1, f"lacks the columns {', '.join(absent)}"))
                return
            for row in reader:
                cells = tuple((row[column] or "").strip() for column in columns)
                if all(cells):
                    yield reader.line_num, cells
                elif any(cells):
                    empty = [column for column, cell in zip(columns, cells, strict=True) if not cell]
                    mistakes.append(_mistake(path, key, reader.line_num, f"{', '.join(empty)} is empty"))
    except FileNotFoundError:
        mistakes.append(_mistake(path, key, None, "there is no such file"))
    except (UnicodeDecodeError, csv.Error, OSError) as error:
        mistakes.append(_mistake(path, key, None, f"not readable as CSV in UTF-8: {error}"))


def _mistake(path: Path | None, key: str, line: int | None, said: str) -> ConfigError:
    where = f"line {line}: " if line else ""
    return ConfigError(f"{where}{said}", file=str(path), key=f"stewardship.overrides.{key}")


def _pair(config: Config, left: str, right: str) -> tuple[str, Pair] | str:
    """Entity type and ids of two records named SOURCE.STREAM:KEY, or what is wrong with the names."""
    sides = [_record(config, name) for name in (left, right)]
    for side in sides:
        if isinstance(side, str):
            return side
    (one, first), (other, second) = (side for side in sides if not isinstance(side, str))
    if one != other:
        return f"{left} is of type {one}, {right} of type {other}"
    if first == second:
        return f"{left} stands on both sides"
    return one, (min(first, second), max(first, second))


def _record(config: Config, name: str) -> tuple[str, int] | str:
    place, colon, key = name.partition(":")
    source_name, _, stream_name = place.partition(".")
    if not colon or not key:
        return f"'{name}' is no record; one is named SOURCE.STREAM:KEY"
    names = [source.name for source in config.sources]
    if source_name not in names:
        near = nearest(source_name, names)
        return f"no source is named '{source_name}'" + (f" (did you mean '{near}'?)" if near else "")
    streams = {s.name: s for s in config.source(source_name).streams if s.entity in PARTY_TYPES}
    if not stream_name and len(streams) == 1:
        stream_name = next(iter(streams))
    if stream_name not in streams:
        near = nearest(stream_name, streams)
        said = f"source {source_name} has no stream '{stream_name}'" if stream_name else f"name the stream of '{name}'"
        return said + (f" (did you mean '{near}'?)" if near else "")
    return streams[stream_name].entity, record_id(source_name, stream_name, key)
