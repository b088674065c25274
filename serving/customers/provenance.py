"""Where each value of a golden record comes from, and which values lost, as somebody may see it."""

from __future__ import annotations

from typing import Any

from matching.survive import expand_provenance
from serving.customers.asker import Asker
from serving.customers.golden import Golden


def provenance(asker: Asker, golden: Golden) -> dict[str, Any]:
    """Per attribute that they see: value, rule, winner and losers; what they do not see is named in `masked`."""
    told = expand_provenance(golden.provenance or "{}", golden.values)
    held = {name: golden.values.get(name, [w["value"] for w in t.get("losers", ())]) for name, t in told.items()}
    shown, masked = asker.shown(golden.golden_id, golden.entity_type, held)
    fields = {
        name: {"value": golden.values.get(name), **{k: _plain(v) for k, v in told[name].items() if k != "record"}}
        for name in shown
    }
    return {"golden_id": golden.golden_id, "version": golden.version, "fields": fields, "masked": masked}


def _plain(value: Any) -> Any:
    """Without the hub's own numbers of records, which nobody outside knows."""
    if isinstance(value, list):
        return [{k: v for k, v in entry.items() if k != "record"} for entry in value]
    return value
