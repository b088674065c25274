"""Survivorship: which source value becomes the golden one, field by field, with its provenance, and what that changes.

Not here: which records belong together (clusters), which id they bear (identify).
"""

from matching.survive.diff import diff_golden, golden_events
from matching.survive.golden import survive
from matching.survive.provenance import expand_provenance
from matching.survive.rules import FieldRule, SourceRank, ranks_for, rules_for

__all__ = [
    "FieldRule",
    "SourceRank",
    "diff_golden",
    "expand_provenance",
    "golden_events",
    "ranks_for",
    "rules_for",
    "survive",
]
