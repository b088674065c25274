"""What answers about records need again and again: the compiled match model of the published state, features, names.

Compiling a model takes longer than a decision may, so it is kept per store and configuration until another one is used.
"""

from __future__ import annotations

import threading
import weakref
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import orjson

from matching.cluster import components
from matching.in_use import rules_in_use
from matching.realtime.contacts import ContactRoles
from matching.realtime.features import Features
from matching.realtime.rules import Rules
from models.config import Config
from models.config.created import with_created
from models.store import Store
from models.store.lookup import looking

_RECORD = ["entity_type", "source", "stream", "source_key", "source_time", "deleted", "version", "standard", "payload"]


class Bench:
    """Of one store and configuration; safe to use from several threads. Get it from `bench_of`."""

    def __init__(self, store: Store, config: Config):
        self._store = weakref.ref(store)
        self._config = config
        self._with_created: tuple[list[tuple[str, str]], Config] = ([], config)
        self._in_use = rules_in_use(store, config)

    @property
    def config(self) -> Config:
        """The configuration, with the sources of what programs created."""
        streams = self.store.created_streams()
        known, config = self._with_created
        if known != streams:  # one object as long as nothing changes, since compiled models are kept by it
            config = with_created(self._config, streams)
            self._with_created = (streams, config)
        return config

    @property
    def store(self) -> Store:
        """The store."""
        found = self._store()
        assert found is not None
        return found

    def rules(self, entity: str) -> Rules | None:
        """The match model that the published state rests on, compiled; None before the first run."""
        return self._in_use.of(self.store, entity)

    def features(self, entity: str, records: Iterable[int]) -> dict[int, Features]:
        """The feature columns of records as the published state has them; deleted ones are left out."""
        with looking(self.store.database) as lookup:
            rules = self._in_use.within(lookup, entity)
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


def warm() -> None:
    """Load what a decision computes with, so that the first who decides need not wait for it."""
    components(np.array([1]), np.array([2]))


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
