"""Person names of any script: one entry point, and what a parsed name consists of.

Chinese names are read by `person_han`, others by `person_latin`. Partial names (王总, Mr Smith without a given name)
are usable for display and weak evidence, and say so in `is_partial`.
"""

from __future__ import annotations

from matching.standardise.junk import junk_reason
from matching.standardise.person_han import parse_han
from matching.standardise.person_latin import parse_latin
from matching.standardise.text import fold, has_han
from matching.standardise.values import PersonName


def parse_person_name(full: str | None, given: str | None = None, family: str | None = None) -> PersonName:
    """Parses a person's name from its full form and, where delivered, its parts; never raises.

    Parts win over the full form; a part that repeats the full name (given "Jane Doe", family "Doe") is cut down.
    """
    raw = full or " ".join(p for p in (given, family) if p)
    reason = None
    if full is not None:
        reason = junk_reason(full)
        full = None if reason else fold(full)
    if given is not None:
        given = None if junk_reason(given, name_part=True) else fold(given)
    if family is not None:
        family = None if junk_reason(family, name_part=True) else fold(family)
    if not full and not given and not family:
        return PersonName(raw, reason=reason or "no name")
    text = full or f"{family or ''}{given or ''}"
    han = has_han(text)
    if full and not han and (has_han(given or "") or has_han(family or "")):
        han, full = True, None
    parsed = parse_han(raw, full, given, family) if han else parse_latin(raw, full, given, family)
    if parsed.surname is None and parsed.given is None and parsed.reason is None:
        return PersonName(raw, script=parsed.script, reason="no name left after removing notes")
    return parsed
