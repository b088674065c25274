"""The canonical raw values of source records, as the present mapping reads them out of what was delivered."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pyarrow as pa

from connectors.mapping import remap
from serving.stewardship.bench import Bench

_KEPT = ("record_id", "source", "stream", "payload")


def raw_values(bench: Bench, records: Sequence[int]) -> dict[int, dict[str, Any]]:
    """Record → attribute → text, or list of text; attributes without a value and unknown records are left out."""
    rows = bench.store.records_by_id(list(records), ["entity_type", "source", "stream", "payload"])
    found: dict[int, dict[str, Any]] = {}
    for entity in set(rows["entity_type"].to_pylist()):
        mine = rows.filter(pa.compute.equal(rows["entity_type"], entity)).drop_columns(["entity_type"])
        for row in remap(bench.config, mine, entity=entity).to_pylist():
            found[row["record_id"]] = {k: v for k, v in row.items() if k not in _KEPT and v not in (None, [])}
    return found
