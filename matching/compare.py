"""What publishing a match model would change: every record is resolved with it, and nothing is published.

Golden ids that move, golden values that flip, tasks that open and close, precision and recall on verdicts.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import orjson

from matching.inputs import Progress, Raw, read_work
from matching.model.verdicts import Labelled, agreement
from matching.realtime.contacts import ContactRoles
from matching.realtime.rules import Rules, rules_of
from matching.resolve import resolve_entity, standardise_entity
from matching.said import said_of
from matching.verify import waiting_tasks
from models.config import Config
from models.errors import ModelError
from models.match_model import PublishedModel
from models.store import Store
from models.store.lookup import looking

_SHOWN = 20


def compare_model(
    store: Store,
    config: Config,
    model: PublishedModel,
    against: str,
    folder: Path,
    *,
    raw: Raw,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Resolve every current record with `model` into `folder` (empty), and compare that with the published state.

    Returns model_id, against, entity_type, records, `ids` (records that move to another golden id, golden records that
    are created, merged, retired or revived), `values` (attribute → golden values that flip) with `examples`, `tasks`
    (kind → opened, closed), and `verdicts` (`before` and `after`: precision and recall at `auto` and `review`).
    """
    entity = model.entity_type
    with store.snapshot():
        standardise_entity(store, config, entity, folder, raw=raw, full=True, progress=progress)
        resolve_entity(
            store, config, entity, folder, run_id="compare", raw=raw, full=True, progress=progress, model=model
        )
        held = store.load_model(against)
        if held is None:
            raise ModelError(f"there is no match model {against}")
        sides = {"before": rules_of(config, entity, held), "after": rules_of(config, entity, model.model_dump())}
        verdicts = {side: _rates(store, rules, entity) for side, rules in sides.items()}
        moved = read_work(folder, "membership", entity)
        golden = read_work(folder, "golden", entity)
        tasks = read_work(folder, "tasks", entity, ["task_key", "kind"])
        waiting = waiting_tasks(store, entity)
        now = dict(zip(waiting["task_key"].to_pylist(), waiting["kind"].to_pylist(), strict=True))
    then = {} if tasks is None else dict(zip(tasks["task_key"].to_pylist(), tasks["kind"].to_pylist(), strict=True))
    rows = [] if golden is None else golden.select(["golden_id", "action", "before", "after", "attributes"]).to_pylist()
    flipped = [row for row in rows if row["action"] == "changed"]
    return {
        "model_id": model.model_id,
        "against": against,
        "entity_type": entity,
        "records": model.records,
        "ids": {"moved": 0 if moved is None else len(moved), **Counter(row["action"] for row in rows)},
        "values": dict(Counter(name for row in flipped for name in orjson.loads(row["attributes"]))),
        "examples": [
            {**row, **{side: orjson.loads(row[side]) for side in ("before", "after")}, "attributes": None}
            for row in flipped[:_SHOWN]
        ],
        "tasks": {
            "opened": dict(Counter(kind for key, kind in then.items() if key not in now)),
            "closed": dict(Counter(kind for key, kind in now.items() if key not in then)),
        },
        "verdicts": verdicts,
    }


def labelled_pairs(store: Store, rules: Rules, entity: str) -> list[Labelled]:
    """The pairs of living records that stewards decided about, as a model sees them."""
    rows = [r for r in store.decisions(active_only=True, evidence=False).to_pylist() if r["kind"] == "pair"]
    said = said_of(rows, entity)
    with looking(store.database) as lookup:
        roles = ContactRoles(rules)
        features = {r: rules.features(orjson.loads(s), roles) for r, s in lookup.standards(sorted(said.records()))}
        roles.learn(lookup, features.values())
    return [
        Labelled(features[left], features[right], match)
        for pairs, match in ((said.match, True), (said.no_match, False))
        for left, right in sorted(pairs)
        if left in features and right in features
    ]


def _rates(store: Store, rules: Rules, entity: str) -> dict[str, Any]:
    labelled = labelled_pairs(store, rules, entity)
    weighed = [(rules.compiled.weight(one.left, one.right), one.match) for one in labelled]
    limits = {"auto": rules.declaration.auto, "review": rules.declaration.review}
    return {name: agreement(weighed, limit).as_dict() for name, limit in limits.items()}
