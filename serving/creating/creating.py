"""Creating a customer, or attaching to one that is there, in one transaction in which nobody else creates.

What is created is a source record of the program's own source, and a run treats it like any other: it resolves it
again with everything that belongs to it. Until then it stands where this puts it, and can be found already.
"""

from __future__ import annotations

import datetime as dt
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa

from matching.identify.mint import mint_ids
from matching.realtime import GoldenMatch, Matcher
from matching.realtime.question import checked_entity, standard_of, texts_of
from models.config import Config
from models.config.created import PREFIX
from models.errors import ConfigError, KehuError
from models.store import Store
from models.store.serving_tables import api_record, tombstone
from models.store.tables import golden_record, membership
from models.vocabulary import record_id
from serving.access import Principal
from serving.creating.rows import Fresh, add_edges, add_record, publish_new
from serving.customers.keys import Key, crosswalk

PEOPLE = "people"
"""The program that people with accounts create as."""

CANDIDATES = 10
_LOCK = 7_231_944_118
"""Number of the lock that keeps two programs from creating the same customer at once, on PostgreSQL."""


@dataclass(frozen=True)
class Wanted:
    """A customer that somebody has. `source_key` is their own key; `known_as` a key of another source that it has.

    `create_anyway`: a new customer even where one that is there may be it.
    """

    entity_type: str
    values: Mapping[str, Any]
    source_key: str | None = None
    known_as: Key | None = None
    create_anyway: bool = False


@dataclass(frozen=True)
class Made:
    """What came of it: `created`, `attached` or `updated`; `problems` names attributes whose value cannot be used."""

    outcome: str
    golden_id: str
    source: str
    stream: str
    source_key: str
    problems: dict[str, str] = field(default_factory=dict)
    match: GoldenMatch | None = None


class Doubtful(KehuError):
    """A customer may be there already; `matches` are the golden records, the best first."""

    def __init__(self, matches: Sequence[GoldenMatch]):
        self.matches = list(matches)
        super().__init__("a customer like this may be there already")


def create(store: Store, config: Config, matcher: Matcher, who: Principal, wanted: Wanted) -> Made:
    """Create, attach or update. To be called inside `store.transaction()`, which it joins.

    The program's own key, or `known_as`, decides where it is known. Else the hub is searched: exactly one golden
    record that a run would join, and none that a steward would be asked about, is attached to; none at all makes a new
    one. Raises Doubtful for anything between, ConfigError for values that cannot be, ModelError where the hub has no
    model yet.
    """
    entity = checked_entity(wanted.entity_type)
    if entity not in config.entities():
        raise ConfigError(f"no source of this hub delivers a {entity}, so none is matched")
    texts = texts_of(config, entity, wanted.values)
    if not texts:
        raise ConfigError("a customer needs at least one value")
    consumer = who.consumer or PEOPLE
    source = PREFIX + consumer
    key = wanted.source_key or secrets.token_hex(8)
    number = record_id(source, entity, key)
    standard, problems = standard_of(config, entity, texts)
    multi = {name for name, a in config.attributes_of(entity).items() if a.multi}
    values = {name: found if name in multi else found[0] for name, found in texts.items()}
    fresh = Fresh(number, entity, source, key, consumer, values, standard, dt.datetime.now(dt.UTC))
    with store.database.write() as connection:
        _alone(store, connection)
        _not_erased(connection, number)
        held = store.created_record(number)
        home = connection.scalar(sa.select(membership.c.golden_id).where(membership.c.record_id == number))
        if held is not None and home is not None:
            _deliver(connection, fresh, str(home), held["reserved"])
            add_record(store, connection, matcher, fresh)
            return Made("updated", str(home), source, entity, key, problems)
        if wanted.known_as is not None:
            place, partner = _known(store, config, wanted.known_as, entity)
            _attach(store, connection, matcher, fresh, place)
            store.add_decisions([_said(who, entity, number, partner, wanted.known_as)])
            return Made("attached", place, source, entity, key, problems)
        matches = matcher.match(entity, wanted.values, limit=CANDIDATES).matches
        near = [m for m in matches if m.outcome != "unlikely"]
        if len(near) == 1 and near[0].outcome == "match":
            _attach(store, connection, matcher, fresh, near[0].golden_id)
            return Made("attached", near[0].golden_id, source, entity, key, problems, near[0])
        if near and not wanted.create_anyway:
            raise Doubtful(near)
        golden_id = mint_ids(1, None)[0] if held is None or not held["reserved"] else str(held["golden_id"])
        _deliver(connection, fresh, golden_id, True)
        add_record(store, connection, matcher, fresh)
        publish_new(store, connection, config, fresh, golden_id)
        return Made("created", golden_id, source, entity, key, problems)


def _alone(store: Store, connection: sa.Connection) -> None:
    """Nobody else creates until this transaction ends; on SQLite nobody else writes anyway."""
    if store.dialect == "postgresql":
        connection.execute(sa.text("SELECT pg_advisory_xact_lock(:number)"), {"number": _LOCK})


def _not_erased(connection: sa.Connection, number: int) -> None:
    c = tombstone.c
    if connection.scalar(sa.select(c.id).where(c.kind == "record", c.id == str(number))) is not None:
        raise ConfigError("this key belonged to a person who was erased; it is not taken again")


def _known(store: Store, config: Config, key: Key, entity: str) -> tuple[str, int]:
    """The golden record and the number of the record that a key of another source means."""
    rows = [r for r in crosswalk(store, config, [key])[key] if r["golden_id"] and r["entity_type"] == entity]
    if len(rows) != 1:
        said = "is known in several streams; name one" if rows else f"leads to no {entity}"
        raise ConfigError(f"the key {key.source}:{key.source_key} {said}")
    return str(rows[0]["golden_id"]), record_id(key.source, rows[0]["stream"], key.source_key)


def _said(who: Principal, entity: str, number: int, partner: int, key: Key) -> dict[str, Any]:
    """The program's word that its record is the one of another source's key, which holds until a steward undoes it."""
    low, high = sorted((number, partner))
    reason = f"delivered as {key.source}:{key.source_key}"
    about = {"kind": "pair", "verdict": "match", "entity_type": entity, "left_id": low, "right_id": high}
    return {**about, "by": who.name, "reason": reason}


def _deliver(connection: sa.Connection, fresh: Fresh, golden_id: str, reserved: bool) -> None:
    """Keep what was delivered; the run reads it as the program's source."""
    connection.execute(sa.delete(api_record).where(api_record.c.record_id == fresh.record_id))
    row = fresh.delivered() | {"golden_id": golden_id, "reserved": reserved, "deleted": False}
    connection.execute(sa.insert(api_record).values(**row))


def _attach(store: Store, connection: sa.Connection, matcher: Matcher, fresh: Fresh, golden_id: str) -> None:
    _deliver(connection, fresh, golden_id, False)
    add_record(store, connection, matcher, fresh)
    members = list(connection.scalars(sa.select(membership.c.record_id).where(membership.c.golden_id == golden_id)))
    add_edges(connection, fresh, matcher.edges(fresh.entity_type, fresh.record_id, fresh.standard, members))
    connection.execute(
        sa.insert(membership).values(record_id=fresh.record_id, golden_id=golden_id, run_id=fresh.run_id)
    )
    g = golden_record.c
    connection.execute(sa.update(golden_record).where(g.golden_id == golden_id).values(records=g.records + 1))
