"""The compiled match models that the published state rests on, kept per store: compiling takes longer than using."""

from __future__ import annotations

import threading
import weakref
from typing import TYPE_CHECKING, Any

from models.config import Config
from models.store import Store
from models.store.lookup import Lookup, looking

if TYPE_CHECKING:
    from matching.realtime.rules import Rules


class RulesInUse:
    """Of one store and configuration; safe to use from several threads. Get it from `rules_in_use`."""

    def __init__(self, config: Config):
        self.config = config
        self._lock = threading.Lock()
        self._standing: tuple[str, dict[str, Any]] | None = None
        self._rules: dict[str, Rules] = {}

    def of(self, store: Store, entity: str) -> Rules | None:
        """The rules of an entity type; None before the first run, and where it has too few records for a model."""
        with looking(store.database) as lookup:
            return self.within(lookup, entity)

    def within(self, lookup: Lookup, entity: str) -> Rules | None:
        """`of`, in the published state that is being looked at."""
        run_id = lookup.last_run()
        if run_id is None:
            return None
        model_id = self.standing(lookup, run_id).get("models", {}).get(entity)
        rules = self._rules.get(entity)
        if rules is not None and rules.model.model_id == model_id:
            return rules
        from matching.realtime.rules import rules_of  # `matching.realtime` asks for this module

        with self._lock:
            found = lookup.model(entity, model_id)
            if found is None:
                return None
            from matching.realtime.rules import rules_of  # whose package asks for the rules in use itself

            rules = self._rules[entity] = rules_of(self.config, entity, found[1])
            return rules

    def last(self, entity: str) -> Rules | None:
        """Those of the last question about an entity type, which may hold no longer; None before the first."""
        return self._rules.get(entity)

    def standing(self, lookup: Lookup, run_id: str) -> dict[str, Any]:
        """What the state that a run published rests on."""
        known = self._standing
        if known is None or known[0] != run_id:
            known = self._standing = run_id, lookup.metrics(run_id).get("standing") or {}
        return known[1]


_KNOWN: weakref.WeakKeyDictionary[Store, list[RulesInUse]] = weakref.WeakKeyDictionary()
_MAKING = threading.Lock()


def rules_in_use(store: Store, config: Config) -> RulesInUse:
    """The rules of a store under a configuration, made once."""
    with _MAKING:
        known = _KNOWN.setdefault(store, [])
        for one in known:
            if one.config is config:
                return one
        known.append(RulesInUse(config))
        del known[:-4]
        return known[-1]
