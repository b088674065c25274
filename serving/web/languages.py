"""Chinese and English: which one a reader gets, its messages, and how numbers and times are written in it."""

from __future__ import annotations

import datetime as dt
import functools
import gettext
import io
import zoneinfo
from dataclasses import dataclass
from pathlib import Path

from babel import Locale, dates, numbers
from babel.core import negotiate_locale
from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

LANGUAGES = {"zh": "中文", "en": "English"}
CATALOGUES = Path(__file__).parent / "translations"
_LOCALES = {"zh": Locale("zh", script="Hans", territory="CN"), "en": Locale("en")}


@dataclass(frozen=True)
class Signs:
    """What a language writes between words: in a list, between clauses, before what follows, around an aside."""

    comma: str = ", "
    pause: str = ", "
    semicolon: str = "; "
    colon: str = ": "
    aside: str = " ({})"


_SIGNS = {"en": Signs(), "zh": Signs("、", "，", "；", "：", "（{}）")}


def N_(message: str) -> str:  # noqa: N802  (the name by which extraction knows it)
    """Mark a message that is translated where it is shown."""
    return message


_SECONDS, _MINUTES = N_("%(s)s s"), N_("%(m)s min %(s)s s")
_HOURS, _DAYS = N_("%(h)s h %(m)s min"), N_("%(d)s d %(h)s h")


def choose(*wishes: str | None, accepted: str = "") -> str:
    """The language: the first wish that there is a catalogue of, else what the browser accepts, else English."""
    for wish in wishes:
        if wish in LANGUAGES:
            return str(wish)
    ranked: list[tuple[float, str]] = []
    for part in accepted.split(","):
        tag, _, quality = part.strip().partition(";q=")
        try:
            ranked.append((-float(quality or 1), tag.replace("-", "_")))
        except ValueError:
            continue
    tags = [tag for _, tag in sorted(ranked, key=lambda x: x[0])]
    found = negotiate_locale([t.split("_")[0].lower() for t in tags], list(LANGUAGES))
    return found or "en"


@functools.cache
def translations(language: str) -> gettext.NullTranslations:
    """The messages of a language, of all its catalogues (`zh.po`, `zh_….po`); English is that of the messages."""
    found = gettext.NullTranslations()
    for path in sorted(CATALOGUES.glob(f"{language}*.po"), reverse=True):
        compiled = io.BytesIO()
        write_mo(compiled, catalogue(path))
        compiled.seek(0)
        mine = gettext.GNUTranslations(compiled)
        mine.add_fallback(found)
        found = mine
    return found


def catalogue(path: Path) -> Catalog:
    """A catalogue as it was written; the language is the start of its name."""
    with path.open("rb") as file:
        return read_po(file, locale=path.stem.split("_")[0])


class Speech:
    """One language in the time zone of the company: messages, numbers, times."""

    def __init__(self, language: str, timezone: str = "UTC"):
        self.language = language
        self.locale = _LOCALES[language]
        self.signs = _SIGNS[language]
        self._zone = zoneinfo.ZoneInfo(timezone)
        self._messages = translations(language)

    def __call__(self, message: str, **values: object) -> str:
        """A message in this language, with values put in where it says `%(name)s`."""
        said = self._messages.gettext(message) if message else ""
        return said % values if values else said

    def several(self, one: str, many: str, n: int, **values: object) -> str:
        """The form of a message that fits a number, which it may show as `%(n)s`."""
        return self._messages.ngettext(one, many, n) % {"n": self.number(n), **values}

    def number(self, value: float | None, digits: int | None = None) -> str:
        """A number with its separators; `digits` behind the point."""
        if value is None:
            return "—"
        if digits is None:
            return numbers.format_decimal(value, locale=self.locale)
        return numbers.format_decimal(value, "#,##0" + ("." + "0" * digits if digits else ""), locale=self.locale)

    def percent(self, share: float | None, digits: int = 1) -> str:
        """A share of one in percent."""
        if share is None:
            return "—"
        return numbers.format_percent(share, "#,##0" + ("." + "0" * digits if digits else "") + "%", locale=self.locale)

    def local(self, at: dt.datetime) -> dt.datetime:
        """A moment in the company's time zone."""
        return at.astimezone(self._zone)

    def midnight(self, day: dt.date) -> dt.datetime:
        """When a day begins in the company's time zone."""
        return dt.datetime.combine(day, dt.time(), self._zone)

    def moment(self, at: dt.datetime | str | None, *, seconds: bool = False) -> str:
        """A day and time in the company's time zone."""
        found = _parsed(at)
        if found is None:
            return "—"
        return self.local(found).strftime("%Y-%m-%d %H:%M:%S" if seconds else "%Y-%m-%d %H:%M")

    def day(self, at: dt.datetime | dt.date | str | None) -> str:
        """A day in full, in the form of the language."""
        if at is None or at == "":
            return "—"
        found = _parsed(at) if isinstance(at, str | dt.datetime) else at
        if found is None:
            return str(at)
        value = self.local(found).date() if isinstance(found, dt.datetime) else found
        return dates.format_date(value, "medium", locale=self.locale)

    def ago(self, at: dt.datetime | str | None, now: dt.datetime | None = None) -> str:
        """How long a moment lies back (or ahead), in one short word: 2 d."""
        found = _parsed(at)
        if found is None:
            return "—"
        gone = (now or dt.datetime.now(dt.UTC)) - found
        said: str = dates.format_timedelta(
            gone, granularity="minute", threshold=1.2, format="short", locale=self.locale
        )
        return said

    def duration(self, seconds: float | None) -> str:
        """A stretch of time, in its two largest units."""
        if seconds is None:
            return "—"
        if seconds < 60:
            return self(_SECONDS, s=self.number(seconds, 1))
        minutes, hours = int(seconds // 60), int(seconds // 3600)
        if not hours:
            return self(_MINUTES, m=minutes, s=int(seconds % 60))
        if hours < 48:
            return self(_HOURS, h=hours, m=minutes % 60)
        return self(_DAYS, d=self.number(hours // 24), h=hours % 24)


def _parsed(at: dt.datetime | str | None) -> dt.datetime | None:
    if isinstance(at, str):
        try:
            at = dt.datetime.fromisoformat(at)
        except ValueError:
            return None
    return at.replace(tzinfo=dt.UTC) if at is not None and at.tzinfo is None else at
