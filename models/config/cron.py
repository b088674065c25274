"""Whether a text is a cron expression of five fields, and when it is due next."""

from __future__ import annotations

import datetime as dt

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_MACROS = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
}
_YEARS = 5
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


def next_due(expression: str, after: dt.datetime) -> dt.datetime | None:
    """The first minute after a moment at which a sound expression is due, in the moment's zone.

    None when there is none within five years, as for the 30th of February. As cron has it, a day counts when the day of
    the month or the weekday fits, where both are restricted.
    """
    text = expression.strip().lower()
    parts = _MACROS.get(text, text).split()
    minutes, hours, days, months, weekdays = (
        {value for item in part.split(",") for value in _values(item, low, high, names)}
        for part, (_, low, high, names) in zip(parts, _FIELDS, strict=True)
    )
    weekdays = {day % 7 for day in weekdays}
    either = not parts[2].startswith("*") and not parts[4].startswith("*")
    start = after.replace(second=0, microsecond=0) + dt.timedelta(minutes=1)
    for ahead in range(_YEARS * 366):
        day = start.date() + dt.timedelta(days=ahead)
        fits = (day.day in days, day.isoweekday() % 7 in weekdays)
        if day.month not in months or not (any(fits) if either else all(fits)):
            continue
        for hour in sorted(hours):
            for minute in sorted(minutes):
                found = dt.datetime.combine(day, dt.time(hour, minute), after.tzinfo)
                if found >= start:
                    return found
    return None


def _values(item: str, low: int, high: int, names: tuple[str, ...]) -> range:
    span, _, step = item.partition("/")
    if span == "*":
        return range(low, high + 1, int(step or 1))
    start, dash, end = span.partition("-")
    first, last = _number(start, low, names) or 0, _number(end if dash else start, low, names) or 0
    return range(first, (high if step and not dash else last) + 1, int(step or 1))


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
