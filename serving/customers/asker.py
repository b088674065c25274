"""Whoever asks, together with what is asked and what they have seen so far, which goes into the audit log."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from models.config import Config
from models.store import Store
from serving.access import AccessLog, Masking, Principal


@dataclass
class Asker:
    """Somebody who asks something of a hub. Made for one question and used by one thread."""

    store: Store
    config: Config
    who: Principal
    masking: Masking
    log: AccessLog
    _seen: dict[str, set[str]] = field(default_factory=dict)

    def shown(self, golden_id: str, entity_type: str, values: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
        """What of a customer's values they see, and the names of what is masked; what is personal is remembered."""
        shown, masked, personal = self.masking.split(self.who, entity_type, values)
        self.saw(golden_id, personal)
        return shown, masked

    def row(
        self, golden_id: str, entity_type: str, source: str, stream: str, payload: Mapping[str, Any]
    ) -> tuple[dict[str, Any], list[str]]:
        """`shown` for a row as delivered."""
        shown, masked, personal = self.masking.payload(self.who, entity_type, source, stream, payload)
        self.saw(golden_id, personal)
        return shown, masked

    def saw(self, golden_id: str, attributes: list[str]) -> None:
        """Remember that personal attributes of a customer are in the answer."""
        if attributes:
            self._seen.setdefault(golden_id, set()).update(attributes)

    def account_for(self, action: str) -> None:
        """Write down what was seen; to be called before the answer goes out. Raises OSError where that fails."""
        if len(self._seen) == 1:
            for golden_id, attributes in self._seen.items():
                self.log.read(self.who, action, object_id=golden_id, attributes=attributes)
        elif self._seen:
            names = set().union(*self._seen.values())
            self.log.read(self.who, action, attributes=names, customers=sorted(self._seen))
        self._seen.clear()
