"""A downstream system: it reads the change feed, keeps what docs/events.md tells it to keep, and compares.

The fold itself is the code that stands in the documentation.
"""

from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path
from typing import Any

from models.store import Store

DOCS = Path(__file__).resolve().parents[2] / "docs" / "events.md"


@cache
def documented() -> dict[str, Any]:
    """The names that the Python of docs/events.md defines."""
    (code,) = re.findall(r"```python\n(.*?)```", DOCS.read_text(encoding="utf-8"), re.DOTALL)
    names: dict[str, Any] = {}
    exec(compile(code, str(DOCS), "exec"), names)
    return names


class Consumer:
    """What a consumer knows who has read every event up to `seq`."""

    def __init__(self) -> None:
        self.seq = 0
        self.golden: dict[str, dict[str, Any]] = {}
        self.aliases: dict[str, str] = {}

    def read(self, store: Store) -> list[dict[str, Any]]:
        """Fold every further event into what is known; their numbers must have no gap. Returns them."""
        events = store.events_after(self.seq, 1_000_000).to_pylist()
        for event in events:
            assert event["seq"] == self.seq + 1, f"after event {self.seq} comes {event['seq']}"
            self.seq = event["seq"]
            texts = ("before", "after", "attributes")
            parts = {name: json.loads(event[name]) if event[name] else None for name in texts}
            documented()["apply"](self.golden, self.aliases, {**event, **parts})
        return events

    def compare(self, store: Store) -> None:
        """What is known must be what the store holds: living golden records with their values, and aliases."""
        held, aliases = published(store)
        for known, there in ((self.golden, held), (self.aliases, aliases)):
            odd = {i: (known.get(i), there.get(i)) for i in {*known, *there} if known.get(i) != there.get(i)}
            assert not odd, f"the consumer knows one thing, the store holds another: {odd}"


def published(store: Store) -> tuple[dict[str, dict[str, Any]], dict[str, str]]:
    """The golden records that are there (id → version and values), and where each alias leads."""
    with store.snapshot():
        rows = [row for entity in ("organization", "person") for row in store.golden(entity).to_pylist()]
        named = store.aliases().to_pylist()
    golden = {row["golden_id"]: {"version": row["version"], "values": json.loads(row["values"])} for row in rows}
    return golden, {row["alias_id"]: row["golden_id"] for row in named}
