"""Survivorship: which source value becomes the golden one, field by field, with its provenance.

Not here: which records belong together (clusters), which id they bear (identify).
"""

from matching.survive.golden import survive
from matching.survive.rules import FieldRule, SourceRank, ranks_for, rules_for

__all__ = ["FieldRule", "SourceRank", "ranks_for", "rules_for", "survive"]
