"""Puts the 360 document of one customer together from its facts; the parts are in the neighbouring modules."""

from __future__ import annotations

import datetime as dt
import zoneinfo
from collections.abc import Callable, Mapping
from typing import Any

import orjson

from lifecycle.contracts import Contracts
from lifecycle.view360 import company, people, quality, sales, vehicles
from lifecycle.view360.document import Customer360, Identity, SourceRecord, StageStep, Standing, Value
from lifecycle.view360.gather import Facts, gather, name_of
from models.config import Config
from models.store import Store
from models.store.customer_lookup import CustomerLookup, looking_at_customers

Provenance = Callable[[Any, Any], Mapping[str, Mapping[str, Any]]]
"""Provenance as stored, and the golden values → what it says of every attribute."""
TIMELINE = 1_000
"""The latest touchpoints that stand in the document."""


def customer_360(
    store: Store, config: Config, contracts: Contracts, golden_id: str, provenance: Provenance
) -> Customer360 | None:
    """The 360 view of a golden record, or of the one that an id leads to today; None for an unknown id."""
    with looking_at_customers(store.database) as look:
        survivor = store.resolve_id(golden_id)
        golden = look.golden([survivor]).get(survivor) if survivor else None
        if golden is None:
            return None
        facts = gather(look, config, contracts, golden, _today(look, config), look.last_run())
    return document_of(facts, golden_id, provenance)


def find_customer(store: Store, source: str, source_key: str) -> list[tuple[str, str, str]]:
    """golden_id, entity_type, stream of the party records that have this key in a source."""
    with looking_at_customers(store.database) as look:
        return look.golden_of_key(source, source_key)


def _today(look: CustomerLookup, config: Config) -> dt.date:
    """The day for which findings were evaluated last, so that the page and they speak of one day."""
    if (day := look.lifecycle_day()) is not None:
        return dt.date.fromisoformat(day)
    return config.lifecycle.today or dt.datetime.now(zoneinfo.ZoneInfo(config.lifecycle.timezone)).date()


def document_of(facts: Facts, asked_for: str, provenance: Provenance) -> Customer360:
    """The document that follows from facts."""
    events = sales.events(facts)
    fleet = vehicles.fleet(facts)
    service = vehicles.service(facts, fleet)
    hierarchy = company.hierarchy(facts)
    own = next(node.own for node in hierarchy.nodes if node.is_self)
    contacts = people.buying_centre(facts)
    return Customer360(
        golden_id=facts.golden.golden_id,
        asked_for=asked_for,
        run_id=facts.run_id,
        today=facts.today.isoformat(),
        currency=facts.contracts.currency,
        identity=_identity(facts, provenance),
        standing=_standing(facts),
        totals=own,
        dimensions=company.dimensions(facts),
        segment=company.segment(facts),
        hierarchy=hierarchy,
        buying_centre=contacts,
        team=people.team(facts),
        closeness=people.closeness(facts, contacts),
        plan=sales.plan(facts),
        needs=sales.needs(facts),
        phases=sales.phases(facts),
        timeline=events[-TIMELINE:][::-1],
        timeline_total=len(events),
        vehicles=fleet,
        service=service,
        competitors=sales.competitors(facts),
        tenders=sales.tenders(facts),
        pipeline=sales.pipeline(facts),
        replacements=vehicles.replacements(facts, fleet),
        health=quality.health(facts, fleet),
        quality=quality.quality(facts, provenance),
        findings=quality.findings(facts),
    )


def _identity(facts: Facts, provenance: Provenance) -> Identity:
    golden = facts.golden
    told = provenance(orjson.dumps(golden.provenance), golden.values)
    values = []
    for name in facts.config.attributes_of(golden.entity_type):
        value = golden.values.get(name)
        if value in (None, "", []):
            continue
        said = told.get(name, {})
        first = (said.get("values") or [said])[0]
        shown = value if isinstance(value, list) else str(value)
        others = int(said.get("lost") or len(said.get("losers") or ()))
        values.append(
            Value(
                attribute=name,
                value=shown,
                source=first.get("source"),
                source_key=first.get("key"),
                rule=said.get("rule"),
                others=others,
            )
        )
    records = [
        SourceRecord(source=r.source, stream=r.stream, source_key=r.source_key, source_time=r.source_time)
        for r in sorted(facts.mine, key=lambda r: (r.source, r.stream, r.source_key))
    ]
    return Identity(
        golden_id=golden.golden_id,
        entity_type=golden.entity_type,
        name=name_of(golden),
        version=golden.version,
        recorded_at=golden.recorded_at,
        values=values,
        records=records,
    )


def _standing(facts: Facts) -> Standing:
    state = facts.state
    last = state.get("last_contact")
    steps = [StageStep(stage=s, entered=a, exited=b) for what, _, s, a, b in facts.stages if what == "customer"]
    return Standing(
        stage=state.get("stage"),
        stage_since=state.get("stage_since"),
        kind=state.get("kind"),
        existing_since=state.get("existing_since"),
        account_owner=state.get("owner"),
        last_contact=last,
        days_since_contact=(facts.today - dt.date.fromisoformat(last)).days if last else None,
        history=steps,
    )
