"""Events after a number, filtered and masked for whoever asks: in order, without a gap, each at least once.

A filter leaves events out, but the number to go on from covers them: nobody reads them again, and none is overlooked.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
import sqlalchemy as sa

from models.config import nearest
from models.errors import ConfigError, KehuError
from models.store import Store
from models.store.tables import counter, event, golden_record, membership, membership_history, source_record
from serving.customers import Asker
from serving.naming import known_source, seen_attribute

TYPES = ("created", "changed", "merged", "split", "retired", "alias", "consent", "erased")
"""Types of events; docs/events.md says what each means."""

SCANNED = 5_000
"""Events that one call looks through at most, so that a filter that fits nothing costs no more than that."""


class CursorGone(KehuError):
    """The feed was never at this number, or does not go back to it any more."""


@dataclass(frozen=True)
class FeedFilter:
    """Which events are wanted; what is not given does not matter.

    `attribute`: that differ in it, or bring it. `source`: about customers that have or had a record of this source.
    Both let every event `erased` through.
    """

    types: frozenset[str] = frozenset()
    entity_type: str | None = None
    attribute: str | None = None
    source: str | None = None

    @classmethod
    def of(cls, words: Mapping[str, Any]) -> FeedFilter:
        """From what `words` gave."""
        return cls(
            frozenset(words.get("types") or ()), words.get("entity_type"), words.get("attribute"), words.get("source")
        )

    def words(self) -> dict[str, Any]:
        """As JSON keeps it."""
        plain = {"entity_type": self.entity_type, "attribute": self.attribute, "source": self.source}
        return {"types": sorted(self.types), **plain}


def check_filter(asker: Asker, wanted: FeedFilter) -> None:
    """Raises ConfigError for a type, attribute or source that there is not, or that whoever asks does not see."""
    if unknown := wanted.types - set(TYPES):
        one = sorted(unknown)[0]
        raise ConfigError(f"there is no type '{one}'; there are {', '.join(TYPES)}", nearest=nearest(one, TYPES))
    if wanted.attribute is not None:
        seen_attribute(asker.masking, asker.who, wanted.attribute)
    if wanted.source is not None:
        known_source(asker.config, asker.store, wanted.source)


def last_event(store: Store) -> int:
    """The number of the newest event that is published; 0 when there is none."""
    with store.database.read() as connection:
        return int(connection.scalar(sa.select(counter.c.value).where(counter.c.name == "event")) or 0)


def read_feed(asker: Asker, after: int, wanted: FeedFilter, limit: int, channel: str | None = None) -> dict[str, Any]:
    """Up to `limit` events after a number: `events`, `next` to go on from, `last` published, `more` to come at once.

    `channel`: for a program with a purpose, on which persons must have agreed.

    Raises CursorGone for a number that the feed cannot go on from. To be called inside a snapshot.
    """
    last = last_event(asker.store)
    if after > last:
        raise CursorGone(f"the feed is at {last}, it was never at {after}; take a snapshot and go on from its cursor")
    with asker.store.database.read() as connection:
        query = sa.select(event).where(event.c.seq > after).order_by(event.c.seq).limit(SCANNED)
        rows = [dict(row) for row in connection.execute(query).mappings()]
    if last > after and (not rows or rows[0]["seq"] != after + 1):
        raise CursorGone(f"the feed does not go back to {after} any more; take a snapshot and go on from its cursor")
    ours = _of_source(asker, rows, wanted.source) if wanted.source else None
    found: list[dict[str, Any]] = []
    upto = after
    persons = {str(row["golden_id"]) for row in rows if row["entity_type"] == "person"}
    withheld = withheld_persons(asker, rows, channel) | asker.store.erased_among(persons)
    for row in rows:
        if len(found) == limit:
            break
        upto = int(row["seq"])
        if _wanted(row, wanted, ours):
            found.append(_told(asker, row, row["golden_id"] in withheld))
    return {"events": found, "next": upto, "last": last, "more": upto < last}


def _wanted(row: Mapping[str, Any], wanted: FeedFilter, ours: set[str] | None) -> bool:
    if wanted.types and row["type"] not in wanted.types:
        return False
    if wanted.entity_type is not None and row["entity_type"] != wanted.entity_type:
        return False
    if row["type"] == "erased":
        return True  # whose records and values they were is not known any more, and whoever holds them must hear of it
    if ours is not None and row["golden_id"] not in ours:
        return False
    if wanted.attribute is not None:
        named = _json(row["attributes"]) or [*(_values(row["after"]) or ()), *(_values(row["before"]) or ())]
        return wanted.attribute in named
    return True


def _told(asker: Asker, row: Mapping[str, Any], withheld: bool) -> dict[str, Any]:
    found = {name: row[name] for name in ("seq", "type", "entity_type", "golden_id", "version", "run_id", "at")}
    masked: set[str] = set()
    for name in ("before", "after"):
        side = _json(row[name])
        if isinstance(side, dict):
            if withheld:
                side = None
            else:
                side, hidden = asker.shown(row["golden_id"], row["entity_type"], side)
                masked |= set(hidden)
        found[name] = side
    return {**found, "attributes": _json(row["attributes"]), "masked": sorted(masked), "withheld": withheld}


def withheld_persons(asker: Asker, rows: Sequence[Mapping[str, Any]], channel: str | None = None) -> set[str]:
    """The persons among rows who have not agreed to what the program uses their data for (on a channel)."""
    if asker.who.purpose is None:
        return set()
    from serving.privacy.consent import without_consent

    persons = {str(row["golden_id"]) for row in rows if row["entity_type"] == "person"}
    return without_consent(asker.store, sorted(persons), asker.who.purpose, channel)


def _of_source(asker: Asker, rows: Iterable[Mapping[str, Any]], source: str) -> set[str]:
    """The golden records among events that have a record of a source, or had one."""
    ids = sorted({str(row["golden_id"]) for row in rows})
    r = source_record.c
    found: set[str] = set()
    with asker.store.database.read() as connection:
        for start in range(0, len(ids), 500):
            some = ids[start : start + 500]
            for table in (membership, membership_history):
                query = sa.select(table.c.golden_id).join_from(table, source_record, r.record_id == table.c.record_id)
                found.update(connection.scalars(query.where(table.c.golden_id.in_(some), r.source == source)))
    return found


def _values(text: str | None) -> dict[str, Any] | None:
    value = _json(text)
    return value if isinstance(value, dict) else None


def _json(text: str | None) -> Any:
    return None if text is None else orjson.loads(text)


def snapshot_rows(store: Store, entity_type: str | None = None) -> int:
    """How many living golden records a snapshot would hold."""
    query = sa.select(sa.func.count()).select_from(golden_record).where(golden_record.c.status == "active")
    if entity_type is not None:
        query = query.where(golden_record.c.entity_type == entity_type)
    with store.database.read() as connection:
        return int(connection.scalar(query) or 0)
