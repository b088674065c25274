"""Whether a text is a cron expression of five fields; when it fires next is the scheduler's business."""

from __future__ import annotations

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_MACROS = ("@hourly", "@daily", "@midnight", "@weekly", "@monthly", "@yearly", "@annually")
_FIELDS: tuple[tuple[str, int, int, tuple[str, ...]], ...] = (
    ("minute", 0, 59, ()),
    ("hour", 0, 23, ()),
    ("day of month", 1, 31, ()),
    ("month", 1, 12, _MONTHS),
    ("day of week", 0, 7, _DAYS),
)


def cron_mistake(expression: str) -> str | None:
    """What is wrong with the expression, in one sentence, or None when it is sound."""
    text = expression.strip().lower()
    if text.startswith("@"):
        return None if text in _MACROS else f"'{expression}' is none of {', '.join(_MACROS)}"
    parts = text.split()
    if len(parts) != len(_FIELDS):
        return f"a cron expression has five fields (minute hour day month weekday), '{expression}' has {len(parts)}"
    for part, (name, low, high, names) in zip(parts, _FIELDS, strict=True):
        for item in part.split(","):
            if not _item_ok(item, low, high, names):
                return f"'{part}' is no {name} ({low}-{high})"
    return None


def _item_ok(item: str, low: int, high: int, names: tuple[str, ...]) -> bool:
    span, slash, step = item.partition("/")
    if slash and not (step.isdecimal() and int(step) > 0):
        return False
    if span == "*":
        return True
    start, dash, end = span.partition("-")
    first, last = _number(start, low, names), _number(end if dash else start, low, names)
    return first is not None and last is not None and low <= first <= last <= high


def _number(text: str, low: int, names: tuple[str, ...]) -> int | None:
    if text in names:
        return names.index(text) + low
    return int(text) if text.isdecimal() and text.isascii() else None
