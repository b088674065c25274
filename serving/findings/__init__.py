"""Findings for people: searched, acted on, and handed back to the systems that they come from.

The pages, the command line and the lists are served by these functions alone.
"""

from serving.findings.acting import ACT, RIGHT, act
from serving.findings.lists import KINDS, SHOWN, hand_back, in_words, write
from serving.findings.searching import (
    FindingError,
    FindingFilter,
    count_findings,
    find_findings,
    finding_with_history,
    told_finding,
    types_of_records,
    words_of_findings,
)

__all__ = [
    "ACT",
    "KINDS",
    "RIGHT",
    "SHOWN",
    "FindingError",
    "FindingFilter",
    "act",
    "count_findings",
    "find_findings",
    "finding_with_history",
    "hand_back",
    "in_words",
    "told_finding",
    "types_of_records",
    "words_of_findings",
    "write",
]
