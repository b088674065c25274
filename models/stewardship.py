"""Words of stewardship that store, matching and serving share: kinds of tasks and decisions, verdicts, roles.

Says what there is; what a decision does to clusters and values is matching's work, who may make one is serving's.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal

PairVerdict = Literal["match", "no_match", "unsure"]
ValueVerdict = Literal["pin", "ignore", "edit"]
Role = Literal["viewer", "steward", "lead_steward", "engineer", "admin", "consumer"]

PAIR, SPLIT, VALUE, APPROVAL = "pair", "split", "value", "approval"
"""Kinds of decisions: about two records; about all records of a golden record; about a value; about a decision."""

MACHINE_KINDS = (
    "grey_pair",
    "refused_merge",
    "weak_bridge",
    "oversized",
    "conflict",
    "two_customers",
    "reopened",
)
"""Kinds of tasks that runs find; a task that is not found any more is closed."""
STEWARD_KINDS = ("approval", "change_request", "finding")
"""Kinds of tasks that somebody opened and that are closed by what somebody does."""
TASK_KINDS = (*MACHINE_KINDS, *STEWARD_KINDS)

OPEN_STATES = ("open", "unsure")
"""States of a task that waits: for anybody, or for somebody who knows more than the one who looked."""

STEWARD_SOURCE = "steward"
"""The source that a steward's own values are of."""


@dataclass(frozen=True)
class Ranking:
    """What makes a task worth more than another: by segment (tier) and by lifecycle stage of its customer, as factors.

    A segment or stage that is not named counts 1.
    """

    segments: Mapping[str, float] = field(default_factory=lambda: MappingProxyType({}))
    stages: Mapping[str, float] = field(default_factory=lambda: DEFAULT_STAGES)


DEFAULT_STAGES: Mapping[str, float] = MappingProxyType(
    {"opportunity": 2.0, "quote": 3.0, "order": 4.0, "delivery": 3.0, "in_service": 2.0, "renewal": 3.0, "lost": 0.5}
)
