"""Asks a source what it offers, and writes the `streams:` of the configuration that would read it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import yaml

from connectors.protocol import Discovered
from connectors.registry import connector_for
from connectors.suggest import propose
from models.config import Config, nearest
from models.errors import ConfigError

_PARTS = ("fields", "constants", "codes", "refers", "options")
"""Members of a stream with members of their own."""


def discover(config: Config, name: str, streams: Iterable[str] = ()) -> list[Discovered]:
    """The streams that a source offers, or those named of them.

    Raises ConfigError for a source or stream that is not there, and SourceError when the source cannot be asked.
    """
    source = config.source(name)
    found = connector_for(source, config.base).discover()
    names = [stream.name for stream in found]
    for wanted in streams:
        if wanted not in names:
            close = nearest(wanted, names)
            others = "" if close else f"; there are {', '.join(names) or 'none'}"
            raise ConfigError(f"{name} offers no stream '{wanted}'{others}", nearest=close)
    chosen = set(streams)
    return [stream for stream in found if not chosen or stream.name in chosen]


def block_of(found: Iterable[Discovered]) -> str:
    """The `streams:` block as YAML, to be put under the source. What a person must fill in is said in comments."""
    lines = ["streams:"]
    for stream in found:
        proposed = propose(stream)
        for name in ("key", "fields"):
            if not proposed[name]:
                lines.append(f"  # {stream.name}: nothing looks like its {name}; fill it in, or leave the stream out")
        head = {k: v for k, v in proposed.items() if k not in _PARTS}
        lines += _item(head)
        for name in _PARTS:
            if name in proposed:
                lines.append(f"    {name}:" if proposed[name] else f"    {name}: {{}}")
                lines += [f"      {line}" for line in _yaml(proposed[name])]
        used = {c for value in proposed["fields"].values() for c in ([value] if isinstance(value, str) else value)}
        used |= {proposed.get(role) for role in ("updated_at", "deleted")} | set(_list(proposed["key"]))
        if rest := [column for column in stream.columns if column not in used]:
            lines.append(f"    # kept, but filling no attribute: {', '.join(rest)}")
    return "\n".join(lines) + "\n"


def _item(values: dict[str, Any]) -> list[str]:
    lines = _yaml(values)
    return [f"  - {lines[0]}", *(f"    {line}" for line in lines[1:])]


def _yaml(values: dict[str, Any]) -> list[str]:
    """One line per member; what is nested stands in brackets."""
    return [f"{_inline(name)}: {_inline(value)}" for name, value in values.items()]


def _inline(value: Any) -> str:
    text = yaml.safe_dump(value, allow_unicode=True, sort_keys=False, default_flow_style=True, width=10_000)
    return text.removesuffix("...\n").strip()


def _list(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value
