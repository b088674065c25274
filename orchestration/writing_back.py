"""What a run does for the sources themselves: corrections of those with `write_back`, and retention of all."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import orjson
import pyarrow.parquet as pq
import sqlalchemy as sa

from matching.survive.corrections import lost_values
from models.config import Source
from models.store.tables import golden_record
from orchestration.hub_run import HubRun

_PARTS = 500


def renew_corrections(run: HubRun, decided: set[str]) -> dict[str, int]:
    """After publishing: bring the corrections of sources with `write_back` up to date. Returns how many changed how.

    Looks at the golden records that the run changed and those that decisions changed since the run before (`decided`);
    at all of a source's where they were never looked for.
    """
    done: dict[str, int] = {}
    sources = [source for source in run.config.sources if source.write_back]
    if not sources:
        return done
    changed = sorted(decided | _changed(run))
    for source in sources:
        parts = _parts(changed) if run.store.has_corrections(source.name) else _all(run)
        for ids in parts:
            found, looked_at = _found(run, source, ids)
            for name, count in run.store.renew_corrections(source.name, run.run_id, looked_at, found).items():
                done[name] = done.get(name, 0) + count
    return done


def retain(run: HubRun) -> int:
    """Let go of what retention rules do not keep; written to the audit log. Returns rows."""
    gone = [one for one in run.store.retain(run.config) if one["rows"]]
    for one in gone:
        detail = {"what": one["what"], "before": one["before"], "rows": one["rows"], "run_id": run.run_id}
        run.store.add_audit("system", "retention", object_type="source", object_id=one["source"], detail=detail)
    return sum(one["rows"] for one in gone)


def _changed(run: HubRun) -> set[str]:
    """The golden records in the files of the run, those of which only the provenance changed too."""
    found: set[str] = set()
    for entity in run.config.entities():
        path = run.folder / f"golden_{entity}.parquet"
        if path.exists():
            found.update(pq.read_table(path, columns=["golden_id"])["golden_id"].to_pylist())
    return found


def _all(run: HubRun) -> Iterator[list[str]]:
    """The ids of all golden records, part by part; one part at least."""
    after, ids = "", list[str]()
    while True:
        g = golden_record.c
        query = sa.select(g.golden_id).where(g.golden_id > after, g.records > 1).order_by(g.golden_id).limit(_PARTS)
        with run.store.database.read() as connection:
            ids = list(connection.scalars(query))
        yield ids
        if len(ids) < _PARTS:
            return
        after = ids[-1]


def _parts(ids: Sequence[str]) -> Iterator[list[str]]:
    return (list(ids[start : start + _PARTS]) for start in range(0, len(ids), _PARTS))


def _found(run: HubRun, source: Source, ids: list[str]) -> tuple[list[dict[str, Any]], list[str]]:
    g = golden_record.c
    quoted = orjson.dumps(source.name).decode()
    query = sa.select(g.golden_id, g.entity_type, g["values"], g.provenance)
    query = query.where(g.golden_id.in_(ids), g.status == "active", g.provenance.contains(quoted, autoescape=True))
    found: list[dict[str, Any]] = []
    with run.store.database.read() as connection:
        for golden_id, entity, values, provenance in connection.execute(query).all():
            named, told = {"golden_id": golden_id, "entity_type": entity}, (orjson.loads(values), provenance)
            found += [named | one for one in lost_values(run.config, entity, *told, source.name)]
    return found, ids
