"""Organisation names of any script: one entry point, and what a parsed name consists of.

Chinese names are read by `org_han`, all others by `org_latin`; this module decides which, rejects names that
identify nobody, and derives the ASCII form.
"""

from __future__ import annotations

from matching.standardise.junk import folded_junk
from matching.standardise.org_han import parse_han
from matching.standardise.org_latin import parse_latin
from matching.standardise.text import fold, has_han
from matching.standardise.values import OrgName


def parse_org_name(raw: str) -> OrgName:
    """Parses one organisation name; never raises."""
    text = fold(raw)
    reason = folded_junk(text)
    if reason:
        return OrgName(raw, reason=reason)
    parsed = parse_han(raw, text) if has_han(text) else parse_latin(raw, text)
    if parsed.core is None and parsed.reason is None:
        return OrgName(raw, reason="no name left after removing notes")
    return parsed
