"""One record matched at once gets what a run gives it: the same weights, to 1e-9, with the same golden records."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pytest

from matching import batch
from matching.defaults import DEFAULTS
from matching.features import build_features, prepare
from matching.keys import build_keys, candidate_pairs, count_blocks
from matching.model.splink_model import add_term_frequencies, score_pairs
from matching.profile import profile_contacts
from matching.realtime import Matcher
from matching.scoring import score_known
from matching.standardise import schema_of, standardise, standardise_added
from models.match_model import PublishedModel
from models.store import Store
from models.store.columns import parse_json_column
from tests.unit.matching.hub import Hub
from tests.unit.matching.sample import Row, world

TOLERANCE = 1e-9
SIZE, ASKED = 500, 12
FLOOR = -60.0
CAP = 4


def cell(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False) if isinstance(value, list) else value or ""


def filled(folder: Path, url: str, entity: str, records: list[Row], **more: Any) -> Hub:
    columns = [c for c in dict.fromkeys(name for record in records for name in record) if c != "record_id"]
    hub = Hub(folder, url, entity, " ".join(columns), **more)
    hub.put({str(r["record_id"]): {c: cell(r.get(c)) for c in columns} for r in records})
    hub.run()
    return hub


def homes_of(store: Store) -> dict[int, str]:
    return {row["record_id"]: row["golden_id"] for row in store.memberships().to_pylist()}


def best_of_each(homes: dict[int, str], weights: dict[int, float]) -> dict[str, float]:
    """Golden id → the best weight of its records."""
    found: dict[str, float] = {}
    for record, weight in weights.items():
        found[homes[record]] = max(weight, found.get(homes[record], weight))
    return found


class Batch:
    """A resolution of everything a hub holds and one record more, as a run does it."""

    def __init__(self, hub: Hub) -> None:
        self.hub, self.schema = hub, schema_of(hub.config, hub.entity)
        rest = pa.schema([field for field in self.schema if field.name != "record_id"])
        with hub.store() as store:
            held = store.records(hub.entity, ["standard"])
            document = store.load_published_model(hub.entity)
            assert document is not None
            self.model = PublishedModel.model_validate(document["document"])
        self.held = parse_json_column(held, "standard", rest).select(self.schema.names)

    def weights(self, raw: Row, *, splink: bool) -> dict[int, float]:
        con, declared = duckdb.connect(), self.model.declaration
        one = pa.table({c: [v] for c, v in raw.items() if v is not None} | {"record_id": pa.array([1], pa.int64())})
        fresh = standardise_added(self.hub.config, self.hub.entity, one, standardise(self.hub.entity, one, threads=1))
        con.register("standard", pa.concat_tables([self.held, fresh.select(self.schema.names).cast(self.schema)]))
        prepare(con, self.hub.entity, "standard")
        build_features(con, declared, "prepared", profile_contacts(con, declared, "prepared"))
        build_keys(con, declared, "features")
        count_blocks(con, declared)
        con.execute("CREATE TABLE asked AS SELECT 1::BIGINT AS record_id")
        candidate_pairs(con, delta="asked")
        add_term_frequencies(con, self.model, "features", "known")
        (score_pairs if splink else score_known)(con, self.model, "known", "pairs", "scored")
        found = con.execute("SELECT left_id + right_id - 1, weight FROM scored").fetchall()
        con.close()
        return dict(found)


@pytest.mark.parametrize("entity", ["organization", "person"])
def test_a_record_that_is_new_is_weighed_as_a_run_with_it_would_weigh_it(
    entity: str, tmp_path: Path, sqlite_template: Path, quick: None
) -> None:
    records = list(world("hard", entity, SIZE)[0])
    random.Random(7).shuffle(records)
    asked, held = records[:ASKED], records[ASKED:]
    # Few records in a block, so that some blocks are cut.
    caps = {entity: {"block_cap": CAP}}
    hub = filled(tmp_path, f"sqlite:///{tmp_path / 'hub.db'}", entity, held, matching=caps)
    whole = Batch(hub)
    whole.model = whole.model.model_copy(
        update={"declaration": whole.model.declaration.model_copy(update={"block_cap": CAP})}
    )
    met = cut = 0
    with hub.store() as store:
        homes = homes_of(store)
        matcher = Matcher(store, hub.config)
        for i, record in enumerate(asked):
            raw = {name: value for name, value in record.items() if name != "record_id" and value is not None}
            answer = matcher.match(entity, raw, limit=10_000, at_least=FLOOR)
            expected = best_of_each(homes, whole.weights(raw, splink=i == 0))
            found = {match.golden_id: match.weight for match in answer.matches}
            assert found == pytest.approx({g: w for g, w in expected.items() if w >= FLOOR}, abs=TOLERANCE)
            assert [m.weight for m in answer.matches] == sorted((m.weight for m in answer.matches), reverse=True)
            met, cut = met + len(found), cut + len(answer.cut)
    assert met > ASKED and cut > 0


@pytest.mark.parametrize("entity", ["organization", "person"])
def test_a_record_of_the_hub_finds_the_edges_that_the_run_found(
    entity: str, tmp_path: Path, store_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batch, "score_pairs", score_known)
    hub = filled(tmp_path, store_url, entity, list(world("hard", entity, 300, 2)[0]))
    with hub.store() as store:
        edges = store.edges(entity).to_pylist()
        near: dict[int, dict[int, float]] = {}
        for row in edges:
            near.setdefault(row["left_id"], {})[row["right_id"]] = row["weight"]
            near.setdefault(row["right_id"], {})[row["left_id"]] = row["weight"]
        homes = homes_of(store)
        matcher = Matcher(store, hub.config)
        for key in hub.rows:
            answer = matcher.match_source("crm", key, limit=10_000, at_least=DEFAULTS[entity].review)
            expected = best_of_each(homes, near.get(hub.id(key), {}))
            assert {m.golden_id: m.weight for m in answer.matches} == pytest.approx(expected, abs=TOLERANCE)
            assert {m.golden_id for m in answer.matches if m.own} == expected.keys() & {homes[hub.id(key)]}
    assert len(edges) > 100


def test_nothing_heavy_is_loaded() -> None:
    code = (
        "import sys; from matching.realtime import Matcher; from models.store import open_store; "
        "print([m for m in ('dagster', 'duckdb', 'splink', 'pandas', 'scipy') if m in sys.modules])"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ended.stdout.strip() == "[]"
