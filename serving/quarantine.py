"""Reads the quarantine: how many rows were set aside for which reason, the newest of them, the row as delivered."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import orjson
import sqlalchemy as sa

from models.store.tables import quarantine

if TYPE_CHECKING:
    from models.config import Config
    from models.store import Store


TWICE = "key twice in one delivery with different content"


_WHOLE_ROW = (TWICE, "bytes that are not ")
"""How the reasons begin of entries that name a column and hold the text of the whole row."""


def is_whole_row(entry: Mapping[str, Any]) -> bool:
    """Whether the value of an entry is the whole row, which may hold anything of a person, and not a column's alone."""
    return not entry["field"] or str(entry["reason"]).startswith(_WHOLE_ROW)


def general_reason(store: Store) -> sa.ColumnElement[str]:
    """Why a row was set aside, without the file and the line it stood in or the row that was kept instead."""
    reason = quarantine.c.reason
    place = (sa.func.instr if store.dialect == "sqlite" else sa.func.strpos)(reason, " (")
    placed = sa.or_(reason.like("% (%, row %)"), reason.like("% (%, line %)"))
    return sa.case(
        (reason.like("no JSON: %"), "no JSON"),
        (reason.like(f"{TWICE}; row %"), TWICE),
        (placed, sa.func.substr(reason, 1, place - 1)),
        else_=reason,
    )


def quarantined(
    store: Store, *, run_id: str | None = None, source: str | None = None, limit: int = 20
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """(groups, rows): counts by source, stream and reason, the largest first; and up to `limit` rows, newest first.

    `run_id` may be "latest": the newest run that set anything aside. The reasons of groups are general: without the
    place, which differs from row to row.
    """
    q = quarantine.c
    with store.database.read() as connection:
        if run_id == "latest":
            run_id = connection.scalar(sa.select(q.run_id).order_by(q.id.desc()).limit(1))
        wanted = [column == value for column, value in ((q.run_id, run_id), (q.source, source)) if value is not None]
        number = sa.func.count().label("rows")
        g = sa.select(q.source, q.stream, general_reason(store).label("reason")).where(*wanted).subquery().c
        groups = connection.execute(
            sa.select(g.source, g.stream, g.reason, number)
            .group_by(g.source, g.stream, g.reason)
            .order_by(number.desc(), g.source, g.stream, g.reason)
        ).mappings()
        rows = connection.execute(
            sa.select(q.run_id, q.source, q.stream, q.source_key, q.row, q.field, q.value, q.reason, q.at)
            .where(*wanted)
            .order_by(q.id.desc())
            .limit(limit)
        ).mappings()
        return [dict(g) for g in groups], [dict(r) for r in rows]


def raw_row(config: Config, entry: Mapping[str, Any]) -> dict[str, Any] | None:
    """The row as it was delivered that an entry of the quarantine is about, by column; None once its batch is gone.

    Batches lie in the workspace, which may be emptied between runs. A row that could not be read at all has its text in
    the entry itself.
    """
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    if entry["row"] is None:
        return None
    folder = config.workspace / "landing" / entry["source"] / entry["stream"]
    for manifest in sorted(folder.glob("*/manifest.json"), reverse=True):
        try:
            if orjson.loads(manifest.read_bytes()).get("run_id") != entry["run_id"]:
                continue
            for part in sorted(manifest.parent.glob("part-*.parquet")):
                found = pq.read_table(part, filters=pc.field("_row") == entry["row"])
                if found.num_rows:
                    row: dict[str, Any] = found.drop_columns(["_row"]).to_pylist()[0]
                    return row
        except (OSError, ValueError):
            continue  # emptied while we looked
    return None
