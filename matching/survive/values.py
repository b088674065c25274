"""One attribute of one member in Python: what `fields` says in SQL, and texts as DuckDB writes them.

Used where members are few; see `rowwise`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from matching.survive.candidates import EXCLUDED, INVALID, VALID
from matching.survive.fields import JUNK, NOTHING, PLACEHOLDER, form_of, has_reasons
from matching.survive.rules import FieldRule

Row = dict[str, Any]
_ESCAPES = {c: f"\\u00{c:02X}" for c in range(32)} | {
    8: "\\b", 9: "\\t", 10: "\\n", 12: "\\f", 13: "\\r", 34: '\\"', 92: "\\\\",
}  # fmt: skip


@dataclass
class Value:
    """One attribute of one member: what is shown, what is compared, and why it may not count."""

    shown: Any = None
    compared: str | None = None
    delivered: Any = None
    why: str | None = None


def read_value(rule: FieldRule, row: Row, standard: Row, reasons: Row, columns: frozenset[str]) -> Value:
    """An attribute of one member, from its row, its standard row and reasons; `columns` are the standard ones."""
    name, form = rule.attribute, form_of(rule)
    if form is not None and form.compared not in columns:
        form = None
    found = standard.get(form.compared) if form is not None else None
    reason = reasons.get(name) if has_reasons(rule) else None
    if rule.multi:
        raw = row[name] or None
        if raw is None:
            return Value()
        once = list(dict.fromkeys(one for one in raw if one)) or None
        if form is None:
            return Value(once, None, raw)
        why = (reason or "not recognised") if not found else None
        return Value(found or once, None, raw, why)
    raw_text = None if row[name] is None else str(row[name]) or None
    if raw_text is None:
        return Value()
    compared, shown, why = lower(raw_text), raw_text, reason
    if form is not None:
        compared = found if found is not None else compared
        if form.shown:
            shown = found if found is not None else raw_text
            why = why or ("not recognised" if found is None else None)
        if why is None and form.checked in columns and standard.get(str(form.checked)) is False:
            why = "check failed"
    if why is None and not has_reasons(rule) and len(raw_text) < 8 and lower(raw_text) in NOTHING:
        why = PLACEHOLDER
    return Value(shown, compared, raw_text, why)


def is_junk(why: str | None) -> bool:
    """Does this reason say that the value identifies nobody?"""
    return why is not None and set(why.split("; ")) <= set(JUNK)


def state_of(why: str | None) -> int:
    """The place of a value in the order, by its reason."""
    return VALID if why is None else EXCLUDED if is_junk(why) else INVALID


def lower(text: str) -> str:
    """Lower case as DuckDB makes it: character by character."""
    return text.lower() if text.isascii() else "".join("i" if c == "\u0130" else c.lower() for c in text)


def quoted(text: str) -> str:
    """A JSON string as DuckDB writes it."""
    return '"' + text.translate(_ESCAPES) + '"'
