"""Organisation names of any script: one entry point, and what a parsed name consists of.

Chinese names are read by `org_han`, all others by `org_latin`; this module decides which, rejects names that
identify nobody, and derives the ASCII form.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from matching.standardise.junk import folded_junk
from matching.standardise.text import fold, has_han


@dataclass(frozen=True, slots=True)
class OrgName:
    """A parsed organisation name; every part is null when absent, `reason` says why there is no usable name.

    core: the trade name (字号), or a Latin name without legal form and stop words. region: divisions in the name
    without suffixes, region_code their most exact GB/T 2260 code. branch: place and kind of a dependent part.
    """

    raw: str
    norm: str | None = None
    core: str | None = None
    region: str | None = None
    region_code: str | None = None
    industry: str | None = None
    form: str | None = None
    branch: str | None = None
    sole_trader: bool = False
    status: str | None = None
    script: str | None = None
    ascii: str | None = None
    tokens: tuple[str, ...] = ()
    alt_cores: tuple[str, ...] = field(default=())
    alt_ascii: tuple[str, ...] = field(default=())
    reason: str | None = None


def parse_org_name(raw: str) -> OrgName:
    """Parses one organisation name; never raises."""
    from matching.standardise.org_han import parse_han
    from matching.standardise.org_latin import parse_latin

    text = fold(raw)
    reason = folded_junk(text)
    if reason:
        return OrgName(raw, reason=reason)
    parsed = parse_han(raw, text) if has_han(text) else parse_latin(raw, text)
    if parsed.core is None and parsed.reason is None:
        return OrgName(raw, reason="no name left after removing notes")
    return parsed
