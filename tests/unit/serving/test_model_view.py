from __future__ import annotations

import math

import pytest

from models.errors import ConfigError
from models.match_model import (
    BlockingRule,
    Comparison,
    Declaration,
    Else,
    Exact,
    KeyPart,
    Level,
    Missing,
    PublishedModel,
    TrainedLevel,
)
from models.store import Store
from serving.model_view import describe_model, get_model


def model(model_id: str, entity: str = "organization") -> PublishedModel:
    comparison = Comparison(
        name="tax id",
        levels=[
            Level(label="missing", when=Missing(columns=["tax_id"])),
            Level(label="equal", when=Exact(column="tax_id")),
            Level(label="else", when=Else()),
        ],
        columns=["tax_id"],
    )
    return PublishedModel(
        model_id=model_id,
        entity_type=entity,
        declaration=Declaration(
            entity_type=entity,
            comparisons=[comparison],
            blocking=[BlockingRule(name="name", parts=[KeyPart(column="name_core", first=2), KeyPart(column="city")])],
            auto=9.0,
            review=2.0,
        ),
        parser_version="1",
        versions={},
        records=1000,
        prior=0.001,
        levels={
            "tax id": [
                None,
                TrainedLevel(m=0.9, u=0.0001, origin="data"),
                TrainedLevel(m=0.1, u=0.9999, origin="prior"),
            ]
        },
        term_frequencies={},
        rare={},
        created_at="2025-01-01T00:00:00+00:00",
    )


def test_a_model_is_found_by_its_id_and_by_the_entity_type_it_is_in_use_for(store: Store) -> None:
    for name in ("m1", "m2"):
        store.save_model(name, "organization", model(name).model_dump(mode="json"))
    assert get_model(store, "m1")["model_id"] == "m1"
    assert get_model(store, "organization")["model_id"] == "m2"
    with pytest.raises(ConfigError, match="did you mean 'organization'"):
        get_model(store, "organisation")


def test_a_hub_without_models_says_so(store: Store) -> None:
    with pytest.raises(ConfigError, match="none is published yet"):
        get_model(store, "person")


def test_a_model_is_laid_out_with_the_weight_of_each_level() -> None:
    lines, rows = describe_model(model("m1").model_dump(mode="json"))
    assert "m1: organization" in lines[0]
    assert "9 bits" in lines[2] and "2 bits" in lines[2]
    assert "name (name_core[:2], city)" in lines[3]
    assert [(r[0], r[1], r[5]) for r in rows] == [("tax id", "equal", "data"), ("tax id", "else", "prior")]
    assert rows[0][4] == pytest.approx(math.log2(9000))
