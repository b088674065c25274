"""What answers about records need again and again: the compiled match model of the published state, features, names.

Compiling a model takes longer than a decision may, so it is kept per store and configuration until another one is used.
"""

from __future__ import annotations

import threading
import weakref
from collections.abc import Iterable, Sequence
from typing import Any

import orjson

from matching.realtime.contacts import ContactRoles
from matching.realtime.features import Features
from matching.realtime.rules import Rules, rules_of
from models.config import Config
from models.store import Store
from models.store.lookup import Lookup, looking

_RECORD = ["entity_type", "source", "stream", "source_key", "source_time", "deleted", "version", "standard", "payload"]


class Bench:
    """Of one store and configuration; safe to use from several threads. Get it from `bench_of`."""

    def __init__(self, store: Store, config: Config):
        self._store = weakref.ref(store)
        self.config = config
        self._lock = threading.Lock()
        self._standing: tuple[str, dict[str, Any]] | None = None
        self._rules: dict[str, Rules] = {}

    @property
    def store(self) -> Store:
        """The store."""
        found = self._store()
        assert found is not None
        return found

    def rules(self, entity: str) -> Rules | None:
        """The match model that the published state rests on, compiled; None before the first run."""
        with looking(self.store.database) as lookup:
            return self._rules_in(lookup, entity)

    def _rules_in(self, lookup: Lookup, entity: str) -> Rules | None:
        run_id = lookup.last_run()
        if run_id is None:
            return None
        if self._standing is None or self._standing[0] != run_id:
            self._standing = run_id, lookup.metrics(run_id).get("standing") or {}
        model_id = self._standing[1].get("models", {}).get(entity)
        rules = self._rules.get(entity)
        if rules is not None and rules.model.model_id == model_id:
            return rules
        with self._lock:
            found = lookup.model(entity, model_id)
            if found is None:
                return None
            rules = self._rules[entity] = rules_of(self.config, entity, found[1])
            return rules

    def features(self, entity: str, records: Iterable[int]) -> dict[int, Features]:
        """The feature columns of records as the published state has them; deleted ones are left out."""
        with looking(self.store.database) as lookup:
            rules = self._rules_in(lookup, entity)
            if rules is None:
                return {}
            roles = ContactRoles(rules)
            wanted = sorted(set(records))
            found = {r: rules.features(orjson.loads(text), roles) for r, text in lookup.standards(wanted)}
            roles.learn(lookup, found.values())
            return found

    def records(self, ids: Sequence[int]) -> dict[int, dict[str, Any]]:
        """Source records by id, `name` (SOURCE.STREAM:KEY) and `golden_id` among what they have; unknown ones left out.

        `standard` and `payload` are objects.
        """
        store = self.store
        with store.snapshot():
            rows = store.records_by_id(list(ids), _RECORD).to_pylist()
            homes = store.memberships(list(ids)).to_pylist()
        golden = {row["record_id"]: row["golden_id"] for row in homes}
        for row in rows:
            row["name"] = f"{row['source']}.{row['stream']}:{row['source_key']}"
            row["golden_id"] = golden.get(row["record_id"])
            for column in ("standard", "payload"):
                row[column] = orjson.loads(row[column]) if row[column] else {}
        return {row["record_id"]: row for row in rows}


_BENCHES: weakref.WeakKeyDictionary[Store, dict[int, Bench]] = weakref.WeakKeyDictionary()
_MAKING = threading.Lock()


def bench_of(store: Store, config: Config) -> Bench:
    """The bench of a store under a configuration, made once."""
    with _MAKING:
        benches = _BENCHES.setdefault(store, {})
        found = benches.get(id(config))
        if found is None or found.config is not config:
            found = benches[id(config)] = Bench(store, config)
        return found
