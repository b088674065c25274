"""Consent per person, purpose and channel: a log that is only appended to, and who must be withheld because of it.

Consent belongs to source records and so follows a person through merges and splits: a golden record has the newest
entry among its records. Where there is none, the attribute `consent` that the sources deliver holds for every purpose.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any

import orjson
import sqlalchemy as sa

from models.errors import ConfigError
from models.store import Store
from models.store.audits import audit_entry
from models.store.erasing import add_event
from models.store.serving_tables import consent
from models.store.tables import audit, golden_record, membership

ANY = "*"
_YES = frozenset({"true", "yes", "y", "1", "granted", "given", "opt-in", "opt_in", "同意", "是"})
_PURPOSE = 63


def record_consent(
    store: Store,
    golden_id: str,
    purpose: str,
    *,
    given: bool,
    by: str,
    channel: str = ANY,
    evidence: str | None = None,
    at: dt.datetime | None = None,
) -> int:
    """Write down that a person agreed (or took it back), for a purpose and a channel; returns the entry's number.

    The feed tells it with an event `consent`, in the same transaction. Raises ConfigError for who is no living person.
    """
    if not purpose or len(purpose) > _PURPOSE:
        raise ConfigError("a purpose is a word of at most 63 letters")
    now = dt.datetime.now(dt.UTC)
    with store.transaction() as connection:
        g, m = golden_record.c, membership.c
        row = connection.execute(sa.select(g.entity_type, g.status).where(g.golden_id == golden_id)).first()
        if row is None or row.entity_type != "person" or row.status != "active":
            raise ConfigError(f"{golden_id} is no living person")
        records = connection.scalars(sa.select(m.record_id).where(m.golden_id == golden_id).order_by(m.record_id)).all()
        entry = {"purpose": purpose, "channel": channel, "given": given, "at": at or now, "by": by}
        rows = [{"record_id": record, "evidence": evidence, **entry} for record in records]
        connection.execute(sa.insert(consent), rows)
        number = int(connection.scalar(sa.select(sa.func.max(consent.c.id))) or 0)
        detail = {"purpose": purpose, "channel": channel, "given": given}
        said = audit_entry(by, "consent", object_type="customer", object_id=golden_id, detail=detail)
        connection.execute(sa.insert(audit), [{**said, "at": now}])
        add_event(connection, "consent", "person", golden_id)
    return number


def consent_of(store: Store, golden_id: str) -> dict[str, Any]:
    """A person's consent: `now` (purpose, channel, given, since) and `history` (every entry, the newest first).

    `delivered` is what the sources say in the attribute `consent`.
    """
    c, m, g = consent.c, membership.c, golden_record.c
    query = (
        sa.select(c.purpose, c.channel, c.given, c.at, c.by, c.evidence)
        .join_from(membership, consent, c.record_id == m.record_id)
        .where(m.golden_id == golden_id)
        .order_by(c.at.desc(), c.id.desc())
    )
    with store.database.read() as connection:
        rows = [dict(row) for row in connection.execute(query).mappings()]
        values = connection.scalar(sa.select(g["values"]).where(g.golden_id == golden_id))
    history: list[dict[str, Any]] = []
    for row in rows:
        if row not in history:  # the same entry on each record of the person
            history.append(row)
    now: dict[tuple[str, str], dict[str, Any]] = {}
    for row in history:
        place = (row["purpose"], row["channel"])
        now.setdefault(place, {n: row[n] for n in ("purpose", "channel", "given")} | {"since": row["at"]})
    delivered = orjson.loads(values).get("consent") if values else None
    return {"golden_id": golden_id, "delivered": delivered, "now": list(now.values()), "history": history}


def without_consent(store: Store, golden_ids: Sequence[str], purpose: str, channel: str | None = None) -> set[str]:
    """Those of the persons who have not agreed to a purpose (on a channel, where one is named).

    The newest entry of the purpose decides, whichever of its channels fit; without an entry, what the sources deliver.
    """
    ids = list(golden_ids)
    c, m, g = consent.c, membership.c, golden_record.c
    agreed: dict[str, bool] = {}
    with store.database.read() as connection:
        for start in range(0, len(ids), 500):
            some = ids[start : start + 500]
            delivered = sa.select(g.golden_id, g["values"]).where(g.golden_id.in_(some), g.entity_type == "person")
            for golden_id, values in connection.execute(delivered):
                agreed[golden_id] = _yes(orjson.loads(values).get("consent"))
            entries = (
                sa.select(m.golden_id, c.given)
                .join_from(membership, consent, c.record_id == m.record_id)
                .where(m.golden_id.in_(some), c.purpose == purpose)
                .order_by(c.at, c.id)
            )
            if channel is not None:
                entries = entries.where(c.channel.in_((channel, ANY)))
            for golden_id, given in connection.execute(entries):
                agreed[golden_id] = bool(given)
    return {golden_id for golden_id in ids if not agreed.get(golden_id, False)}


def agreed(dialect: str, person: sa.FromClause, purpose: str, channel: str | None = None) -> sa.ColumnElement[bool]:
    """`without_consent` as a condition on rows of golden records: that the person agreed.

    The newest entry of the purpose decides, whichever of its channels fit; without one, what the sources deliver.
    """
    c, m = consent.c, membership.c
    newest = (
        sa.select(c.given)
        .join_from(membership, consent, c.record_id == m.record_id)
        .where(m.golden_id == person.c.golden_id, c.purpose == purpose)
        .order_by(c.at.desc(), c.id.desc())
        .limit(1)
    )
    if channel is not None:
        newest = newest.where(c.channel.in_((channel, ANY)))
    values = person.c["values"]
    said: sa.ColumnElement[Any]
    if dialect == "sqlite":
        said = sa.cast(sa.func.json_extract(values, "$.consent"), sa.Text)
    else:
        said = sa.cast(values, sa.JSON)["consent"].as_string()
    delivered = sa.func.lower(sa.func.trim(said)).in_(sorted(_YES))
    return sa.func.coalesce(newest.correlate(person).scalar_subquery(), delivered, sa.false())


def _yes(value: Any) -> bool:
    if isinstance(value, list):
        return bool(value) and all(_yes(one) for one in value)
    return str(value).strip().casefold() in _YES if value is not None else False
