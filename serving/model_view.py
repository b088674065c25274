"""Reads the published matching models and lays one out for people; training them is matching's work."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import orjson
import sqlalchemy as sa

from models.config import nearest
from models.errors import ConfigError
from models.match_model import PublishedModel
from models.store.tables import match_model

if TYPE_CHECKING:
    from models.store import Store


def get_model(store: Store, name: str) -> dict[str, Any]:
    """The document of a model, by its id or by the entity type it is in use for. Raises ConfigError."""
    m = match_model.c
    with store.database.read() as connection:
        document = connection.scalar(
            sa.select(m.document)
            .where(sa.or_(m.model_id == name, sa.and_(m.entity_type == name, m.status == "published")))
            .order_by(m.published_at.desc())
            .limit(1)
        )
        if document is None:
            known = list(connection.scalars(sa.select(m.model_id).union(sa.select(m.entity_type))))
            there = f"there are {', '.join(sorted(known))}" if known else "none is published yet"
            raise ConfigError(
                f"no model or entity type in use is named '{name}'; {there}", nearest=nearest(name, known)
            )
    found: dict[str, Any] = orjson.loads(document)
    return found


def describe_model(document: dict[str, Any]) -> tuple[list[str], list[tuple[Any, ...]]]:
    """(lines, rows): what the model is, and (comparison, level, m, u, match weight in bits, origin) of each level."""
    model = PublishedModel.model_validate(document)
    declared = model.declaration
    lines = [
        f"{model.model_id}: {model.entity_type}, trained {model.created_at} on {model.records:,} records",
        f"two records drawn at random match with probability {model.prior:.3g} "
        f"({math.log2(model.prior / (1 - model.prior)):.2f} bits)",
        f"merged from {declared.auto:g} bits, shown to a steward from {declared.review:g} bits",
        "candidates share one of: "
        + "; ".join(
            f"{rule.name} ({', '.join(p.column + (f'[:{p.first}]' if p.first else '') for p in rule.parts)})"
            for rule in declared.blocking
        ),
    ]
    rows: list[tuple[Any, ...]] = [
        (comparison.name, level.label, trained.m, trained.u, math.log2(trained.m / trained.u), trained.origin)
        for comparison in declared.comparisons
        for level, trained in zip(comparison.levels, model.levels.get(comparison.name, []), strict=False)
        if trained is not None and trained.m > 0 and trained.u > 0
    ]
    return lines, rows
