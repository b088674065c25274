"""Decisions taking effect: at once, or, where a run is under way, when that run has ended.

A run computes from what it read when it began; what it publishes must not undo what was decided meanwhile. So while
a run is under way a decision is only written down, and is applied by whoever comes next: the end of that run, another
decision, or the next run. None is lost, none applied twice with another result.
"""

from __future__ import annotations

import datetime as dt
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field

from matching.atonce import Few, resolve_few
from matching.in_use import rules_in_use
from matching.inputs import Raw
from models.config import Config
from models.store import Store
from models.store.apply import Applied
from models.vocabulary import PARTY_TYPES

RawOf = Callable[[str], Raw]
"""Entity type → how stored records get their canonical raw values back."""


@dataclass(frozen=True)
class Effect:
    """What decisions changed: golden ids of the records that were looked at, before and now, events, tasks."""

    run_id: str
    before: dict[int, str] = field(default_factory=dict)
    golden: dict[int, str] = field(default_factory=dict)
    events: list[int] = field(default_factory=list)
    opened: list[str] = field(default_factory=list)
    closed: list[str] = field(default_factory=list)


def take_effect(store: Store, config: Config, raw_of: RawOf) -> Effect | None:
    """Apply every decision that did not take effect yet. Call it inside `store.transaction()`.

    None while a run is under way (that run's end applies them), before the first run, and where nothing waits.
    """
    if store.run_under_way() is not None or store.last_run() is None:
        return None
    after = store.applied_upto()
    last = store.last_decision()
    if last <= after:
        return None
    found: list[Few] = []
    for entity in PARTY_TYPES:
        records = store.decided_records(entity, after=after)
        rules = rules_in_use(store, config).of(store, entity) if records else None
        if rules is not None:
            found.append(resolve_few(store, config, rules, records, raw=raw_of(entity)))
    if not found:
        return None
    touched = [record for few in found for record in few.touched]
    before = store.memberships(touched)
    homes = dict(zip(before["record_id"].to_pylist(), before["golden_id"].to_pylist(), strict=True))
    run_id = _run_id(store)
    written = store.apply(run_id, [_applied(few) for few in found], decisions_upto=last, ranking=config.ranking())
    now = {record: golden for few in found for record, golden in few.members.items()}
    return Effect(run_id, homes, now, written.events, written.opened, written.closed)


def catch_up(store: Store, config: Config, raw_of: RawOf) -> Effect | None:
    """Apply, in a transaction of its own, what was decided while a run was under way; None where nothing waits."""
    if store.last_decision() <= store.applied_upto():
        return None
    with store.deciding():
        return take_effect(store, config, raw_of)


def _applied(few: Few) -> Applied:
    found = few.found
    return Applied(
        few.entity, few.touched, found.membership, few.golden, found.aliases, found.lineage, few.events, few.tasks
    )


def _run_id(store: Store) -> str:
    """An id as runs have it, which sorts behind every run that began before, also behind one of a clock ahead."""
    now = dt.datetime.now(dt.UTC).replace(tzinfo=None)
    if newest := store.newest_run_id():
        try:
            last = dt.datetime.strptime(newest[:18] + "000", "%Y%m%dT%H%M%S%f")
        except ValueError:
            last = now  # not an id that a run of this program made
        now = max(now, last + dt.timedelta(milliseconds=1))
    return f"{now:%Y%m%dT%H%M%S}{now.microsecond // 1000:03d}-{secrets.token_hex(3)}"
