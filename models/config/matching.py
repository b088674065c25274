"""What a configuration may change about matching; the model itself is declared in matching and kept in the store."""

from __future__ import annotations

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from models.config.base import Strict


class EntityMatching(Strict):
    """Matching of one entity type; what is absent is taken from the declaration of its match model."""

    auto: float | None = None
    """Match weight (base-2 logarithm of the Bayes factor) from which records merge without a person."""
    review: float | None = None
    """Match weight from which a pair becomes a task for a steward."""
    block_cap: int | None = Field(default=None, ge=2)
    """Largest number of records sharing one match key whose pairs are still compared."""
    max_cluster: int | None = Field(default=None, ge=2)
    """Largest number of records in one golden record that is built without a person."""
    merge_branches: bool = False
    """Let a branch and its company become one golden record (organizations)."""

    @model_validator(mode="after")
    def _ordered(self) -> EntityMatching:
        if self.auto is not None and self.review is not None and self.review > self.auto:
            raise PydanticCustomError("kehu", "review must not be above auto")
        return self


class MatchingOptions(Strict):
    """Matching options by the entity types that are matched."""

    organization: EntityMatching = EntityMatching()
    person: EntityMatching = EntityMatching()
