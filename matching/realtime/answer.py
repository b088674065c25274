"""What matching one record answers: golden records in their order, each with its weight and the reasons for it."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any, Literal

Outcome = Literal["match", "review", "refused", "unlikely"]


@dataclass(frozen=True, slots=True)
class SourceRecord:
    """A source record by its names."""

    source: str
    stream: str
    source_key: str


@dataclass(frozen=True, slots=True)
class MatchReason:
    """What one comparison adds to a match weight, in bits, and how much of that a rare value gave (`rarity`).

    `given` and `held` are the standard values that it compared, column → value: of the record that was asked about, and
    of the record in the hub. They may be personal data: leave them out for those who may not see them.
    """

    comparison: str
    level: str
    weight: float
    rarity: float
    given: dict[str, Any]
    held: dict[str, Any]


@dataclass(frozen=True, slots=True)
class GoldenMatch:
    """A golden record that the record may be of.

    `weight` is the match weight in bits of the member that fits best (`best`), prior included, `probability` what it
    means, `reasons` how it comes about, the heaviest first. `outcome` says what a run would do: `match` (join it),
    `review` (ask a steward), `refused` (`why` names the rule or decision that keeps them apart) or `unlikely`.
    `members` counts the source records of the golden record, `values` are its published values; `own` is true where
    the record that was asked about is a member itself.
    """

    golden_id: str
    weight: float
    probability: float
    outcome: Outcome
    why: str | None
    best: SourceRecord
    members: int
    own: bool
    values: dict[str, Any]
    reasons: list[MatchReason]


@dataclass(frozen=True, slots=True)
class CutBlock:
    """A match key whose block was not compared, because more than `cap` records share it."""

    rule: str
    values: tuple[str, ...]
    cap: int


@dataclass(frozen=True, slots=True)
class MatchAnswer:
    """The answer to one question: `matches`, the best first.

    `run_id` and `model_id` name the published state and the match model that it rests on; `candidates` counts the
    records that were compared; `cut` names the blocks that were not; `problems` says per attribute why its value could
    not be used, `notes` what else is worth knowing.
    """

    entity_type: str
    run_id: str
    model_id: str
    candidates: int
    matches: list[GoldenMatch] = field(default_factory=list)
    cut: list[CutBlock] = field(default_factory=list)
    problems: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def as_dict(self) -> dict[str, Any]:
        """As plain dictionaries and lists, ready for JSON."""
        return asdict(self)
