"""Match models in the store: which one is in use, training another one, and whether a hub has outgrown its own."""

from __future__ import annotations

import datetime as dt
import json
import secrets
from collections import deque
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

from matching.batch import Work, load_features, working
from matching.declared import declared
from matching.inputs import Progress, standard_table
from matching.model.train import TrainingReport, train
from matching.standardise import PARSER_VERSION
from models.config import Config
from models.errors import ModelError
from models.match_model import PublishedModel
from models.store import Store

FEW_RECORDS = 50
OUTGROWN = 5
"""A model of a hub this many times smaller is better trained anew."""
_LAST_MODELS: deque[PublishedModel] = deque(maxlen=4)
"""Published models never change and are large: a process that runs often reads each once."""
_LIBRARIES = ("splink", "duckdb", "rapidfuzz", "phonenumbers", "pypinyin")


def train_entity(
    store: Store,
    config: Config,
    entity: str,
    folder: Path,
    *,
    progress: Progress | None = None,
    teach: Callable[[PublishedModel], PublishedModel] | None = None,
) -> PublishedModel:
    """Trains a model on the run's standard records (see `standardise_entity`, `full`) and publishes it.

    With `teach`, which may change the model, it is kept as a draft. Raises ModelError where no sensible model can be
    trained.
    """
    with working(config, entity, declared(config, entity), folder, progress) as work:
        load_features(work, standard_table(store, entity, folder, work.schema, complete=True))
        with work.phase("train"):
            model, _ = train_now(store, work, publish=teach is None)
    if teach is not None:
        model = teach(model)
        store.save_model(model.model_id, entity, json.loads(model.model_dump_json()), publish=False)
    return model


def published_model(store: Store, entity: str) -> PublishedModel | None:
    """The model in use for an entity type."""
    named = {row["model_id"] for row in store.list_models(entity) if row["status"] == "published"}
    for model in tuple(_LAST_MODELS):
        if model.model_id in named:
            return model
    found = store.load_published_model(entity)
    if found is None:
        return None
    _LAST_MODELS.append(PublishedModel.model_validate(found["document"]))
    return _LAST_MODELS[-1]


def model_of(store: Store, model_id: str) -> PublishedModel:
    """A match model by its id, drafts and retired ones too. Raises ModelError."""
    found = store.load_model(model_id)
    if found is None:
        raise ModelError(f"there is no match model {model_id}")
    return PublishedModel.model_validate(found)


def train_now(store: Store, work: Work, *, publish: bool = True) -> tuple[PublishedModel, TrainingReport]:
    """Train a model on the table `features` of `work`, and keep it; unless `publish` is false, as the one in use."""
    now = dt.datetime.now(dt.UTC)
    model_id = f"{work.entity}-{now:%Y%m%d%H%M%S}-{secrets.token_hex(3)}"
    versions = {name: version(name) for name in _LIBRARIES}
    model, report = train(
        work.con,
        work.declaration,
        "features",
        model_id=model_id,
        parser_version=PARSER_VERSION,
        versions=versions,
        now=now,
    )
    if publish:
        store.save_model(model_id, work.entity, json.loads(model.model_dump_json()), publish=True)
    return model, report


def words_on(model: PublishedModel, report: TrainingReport) -> list[str]:
    """What to tell of a model that a run trained because there was none."""
    told = [
        f"no model was published yet: trained {model.model_id} without labels on {report.records:,} records "
        f"(about {report.expected_matches:,.0f} matching pairs expected)"
    ]
    if report.records < FEW_RECORDS:
        told.append(f"{report.records} records are few to learn from; run 'kehu train' when there are more")
    return told


def outgrown(trained: int, held: int) -> list[str]:
    """What to say where a hub of `held` records uses a model that was trained on `trained` of them, if anything.

    Two strangers resemble each other at a rate per pair, and pairs grow with the square of the records: the prior of a
    small hub is too high in a large one, so that precision falls slowly.
    """
    if held < OUTGROWN * max(trained, FEW_RECORDS):
        return []
    return [
        f"the model was trained on {trained:,} records, and there are {held:,} now: more strangers resemble each other "
        "among more records, and 'kehu train' learns how many"
    ]
