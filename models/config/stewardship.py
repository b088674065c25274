"""What `kehu.yaml` says of stewardship: when a second person is needed, what tasks are worth, tables of overrides."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field

from models.config.base import Strict


class FourEyes(Strict):
    """Decisions that take effect only when a second person approves them; by default none does."""

    merge_segments: list[str] = Field(default_factory=list)
    """A match of records whose golden records are of one of these segments (tiers)."""
    merge_records: int | None = Field(default=None, ge=2)
    """A match that makes a golden record of at least so many source records."""
    splits: bool = False
    """Every split of a golden record."""
    edits: list[str] = Field(default_factory=list)
    """Attributes whose golden value is set, pinned or ignored; `*` stands for all."""


class TaskValues(Strict):
    """How much a task counts by its customer, as factors; what is not named counts 1."""

    segments: dict[str, float] = Field(default_factory=dict)
    """Segment (tier) → factor."""
    stages: dict[str, float] | None = None
    """Lifecycle stage → factor; by default customers with open business count more."""


class OverrideFiles(Strict):
    """Tables of what always holds, as CSV files beside the configuration; stewards' own decisions go before them."""

    always_match: Path | None = None
    """Pairs of records that are one customer: columns left, right (SOURCE.STREAM:KEY)."""
    never_match: Path | None = None
    """Pairs of records that are not: columns left, right."""
    ignore_values: Path | None = None
    """Values that identify nobody and never win: columns entity_type, attribute, value."""
    aliases: Path | None = None
    """Other names of organizations, read as the name beside them when records are matched: columns alias, name."""


class StewardshipOptions(Strict):
    """Four eyes, the value of tasks, and tables of overrides."""

    four_eyes: FourEyes = FourEyes()
    """Decisions that need a second person."""
    values: TaskValues = TaskValues()
    """What makes a task worth more than another."""
    overrides: OverrideFiles = OverrideFiles()
    """Tables of pairs, values and names."""
