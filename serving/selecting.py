"""Who gets which rows and values of an export: masking by sensitivity, consent to a purpose, changes since a cursor.

Everything is decided row by row while the table is read, in the statement itself or in the batch, so that memory does
not grow with the hub.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson
import pyarrow as pa
import pyarrow.compute as pc
import sqlalchemy as sa

from models.errors import ConfigError
from models.store.tables import event, golden_record
from models.vocabulary import PARTY_TYPES
from serving.access import Masking, Principal
from serving.access.rights import SENSITIVITIES
from serving.export import Export, batches, exports
from serving.privacy.consent import agreed, without_consent
from serving.quarantine import is_whole_row
from serving.writers import writer_for

if TYPE_CHECKING:
    from models.config import Config
    from models.store import Store

SINCE = ("golden", "provenance", "events", "aliases")
"""Exports that can be had since a number of the feed."""

RIGHTS_OF: dict[str, str | None] = {
    **dict.fromkeys(("golden", "crosswalk", "aliases", "provenance", "events")),
    **dict.fromkeys(("customer_360", "stage_history", "touchpoint", "vehicle", "relation"), "customers.read"),
    **dict.fromkeys(("findings", "matrix", "measures"), "findings.read"),
    **dict.fromkeys(("tasks", "decisions", "pairs"), "tasks.read"),
    "quarantine": "sources.read",
}
"""Every export with the right that a program needs for it besides `exports.make`."""

_PLAIN = frozenset({"crosswalk", "aliases", "pairs", "stage_history", "matrix", "measures"})
"""Exports without values of attributes."""

_WORK = frozenset({"tasks", "decisions", "pairs", "quarantine"})
"""Exports of what the hub's own people work with; they are for no other purpose, so nobody was asked about one."""

_ABOUT = {"touchpoint": ("golden_id", "contact_id"), "vehicle": ("golden_id",), "relation": ("golden_id", "from_id")}
"""Exports of records, and the columns that name whom a record is about."""


@dataclass(frozen=True)
class Selection:
    """Who asks, for which purpose and channel of consent, and since which event; None leaves nothing out."""

    who: Principal
    purpose: str | None = None
    channel: str | None = None
    since: int | None = None


class Selected:
    """One export as somebody may have it."""

    def __init__(self, store: Store, config: Config, name: str, selection: Selection):
        """Raises ConfigError where the export cannot be had since a number, or for a purpose."""
        self._store, self._name, self._selection = store, name, selection
        self._masking = Masking(config)
        chosen = exports(config)[name]
        if selection.since is not None and name not in SINCE:
            raise ConfigError(f"'{name}' cannot be had since a number; {', '.join(SINCE)} can")
        if selection.purpose is not None and name in _WORK:
            raise ConfigError(f"'{name}' cannot be had for a purpose: it holds what stewards and engineers work with")
        self._export = replace(chosen, statement=_narrowed(store, name, chosen, selection))

    @property
    def schema(self) -> pa.Schema:
        """The columns, masked ones too."""
        return self._export.schema

    def count(self) -> int:
        """How many rows the store gives; `provenance` and `stage_history` make several of each."""
        counted = sa.select(sa.func.count()).select_from(self._export.statement.order_by(None).subquery())
        with self._store.database.read() as connection:
            return int(connection.scalar(counted) or 0)

    def batches(self) -> Iterator[pa.RecordBatch]:
        """The rows, masked."""
        for batch in batches(self._store, self._export):
            yield self._masked(self._about_whom_may_be_told(batch))

    def personal(self) -> list[str]:
        """Which attributes or columns that are not public the reader sees, for the audit log."""
        who, masking = self._selection.who, self._masking
        if self._name in _PLAIN:
            return []
        if self._name == "golden":
            names = self.schema.names[2:]
            return sorted(
                {
                    n
                    for n in names
                    for e in PARTY_TYPES
                    if masking.sees(who, e, n) and masking.sensitivity(e, n) != "public"
                }
            )
        return sorted(who.sees - {"public"})

    def _about_whom_may_be_told(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """Without the records that are about a person who was erased, or has not agreed to the purpose."""
        if self._name not in _ABOUT:
            return batch
        columns = [batch.column(name) for name in _ABOUT[self._name]]
        ids = sorted({golden_id for column in columns for golden_id in column.to_pylist() if golden_id is not None})
        kept_out = self._store.erased_among(ids)
        if (purpose := self._selection.purpose) is not None:
            persons = self._store.persons_among(ids)
            kept_out |= without_consent(self._store, sorted(persons), purpose, self._selection.channel)
        if not kept_out:
            return batch
        unwanted = pa.array(sorted(kept_out), pa.string())
        for name in _ABOUT[self._name]:
            batch = batch.filter(pc.invert(pc.is_in(batch.column(name), unwanted)))
        return batch

    def _masked(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        if self._name in _PLAIN or self._selection.who.sees.issuperset(SENSITIVITIES):
            return batch
        if self._name == "golden":
            return self._golden(batch)
        who, masking = self._selection.who, self._masking
        rows = batch.to_pylist()
        for row in rows:
            _mask_row(self._name, row, who, masking)
        return pa.RecordBatch.from_pylist(rows, batch.schema)

    def _golden(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        masking, who = self._masking, self._selection.who
        types = batch.column("entity_type").to_pylist()
        columns = []
        for name, column in zip(batch.schema.names, batch.columns, strict=True):
            sees = {entity: masking.sees(who, entity, name) for entity in PARTY_TYPES}
            if name not in ("golden_id", "entity_type") and not all(sees.values()):
                allowed = pa.array([sees.get(entity, False) for entity in types], pa.bool_())
                column = pc.if_else(allowed, column, pa.scalar(None, column.type))
            columns.append(column)
        return pa.record_batch(columns, schema=batch.schema)


def export_to(
    store: Store,
    config: Config,
    name: str,
    path: Path,
    selection: Selection | None = None,
    told: Callable[[int], None] | None = None,
) -> int:
    """Write one export to a file and return its number of rows; `told` is given how many stand in it so far.

    The format follows the ending: .csv (UTF-8, lists joined by ' | '), .parquet (zstd), .ndjson or .jsonl. The file
    appears when it is whole. Raises ConfigError for another ending or a folder that is not there.
    """
    selected = Selected(store, config, name, selection or Selection(Principal.system()))
    rows = 0
    with writer_for(path, selected.schema) as write:
        for batch in selected.batches():
            write(batch)
            rows += batch.num_rows
            if told is not None:
                told(rows)
    return rows


def _narrowed(store: Store, name: str, chosen: Export, selection: Selection) -> sa.Select[Any]:
    statement = chosen.statement
    columns = statement.selected_columns
    if selection.since is not None:
        if name == "events":
            statement = statement.where(event.c.seq > selection.since)
        else:
            about = columns["alias_id" if name == "aliases" else "golden_id"]
            changed = sa.select(event.c.golden_id).where(event.c.seq > selection.since)
            statement = statement.where(about.in_(changed))
    if selection.purpose is not None and "golden_id" in columns:
        statement = statement.where(_may_have(store, columns["golden_id"], selection))
    return statement


def _may_have(store: Store, golden_id: Any, selection: Selection) -> sa.ColumnElement[bool]:
    """That a golden record is no person, or one who agreed to the purpose."""
    assert selection.purpose is not None
    g = golden_record.alias("asked")
    refused = sa.exists().where(
        g.c.golden_id == golden_id,
        g.c.entity_type == "person",
        sa.not_(agreed(store.dialect, g, selection.purpose, selection.channel)),
    )
    return sa.or_(golden_id.is_(None), sa.not_(refused))


def _mask_row(name: str, row: dict[str, Any], who: Principal, masking: Masking) -> None:
    """Empty, in place, what of a row is not for the reader."""
    match name:
        case "provenance":
            if not masking.sees(who, row["entity_type"], row["attribute"]):
                row["value"] = row["losers"] = None
        case "events":
            for side in ("before", "after"):
                values = orjson.loads(row[side]) if row[side] else None
                if isinstance(values, dict):
                    row[side] = orjson.dumps(masking.split(who, row["entity_type"], values)[0]).decode()
        case "customer_360":
            if row["entity_type"] == "person":
                for column, attribute in (("name", "full_name"), ("city", "city"), ("province", "province")):
                    if not masking.sees(who, "person", attribute):
                        row[column] = None
        case "vehicle" | "touchpoint" | "relation":
            for attribute in masking.hidden(who, name):
                if attribute in row:
                    row[attribute] = None
        case "findings":
            entities = masking.entity_types(row["source"], row["stream"])
            if not all(masking.sees(who, entity, str(row["field"])) for entity in entities):
                row["value"] = None
        case "quarantine":
            # A column that no attribute is mapped to may hold anything, and the reason may repeat the value.
            of = masking.columns(row["source"], row["stream"]).get(str(row["field"]))
            entities = masking.entity_types(row["source"], row["stream"])
            known = (
                of is not None and not is_whole_row(row) and all(masking.sees(who, entity, of) for entity in entities)
            )
            if not known and not who.sees.issuperset(SENSITIVITIES):
                row["value"] = row["reason"] = None
        case _:  # what people wrote may name anybody
            if "personal" not in who.sees and "reason" in row:
                row["reason"] = None
