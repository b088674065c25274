"""Every message has its Chinese, and what it is filled with; numbers and times have the form of the language."""

from __future__ import annotations

import datetime as dt
import re
from pathlib import Path

import pytest
from babel.messages.extract import extract_from_dir

from serving.access import RIGHTS
from serving.web import words
from serving.web.languages import CATALOGUES, Speech, catalogue, choose

ROOT = Path(__file__).parents[4]
KEYWORDS = {"_": None, "N_": None, "say": None, "speech": None, "several": (1, 2)}
METHODS = [("**.py", "python"), ("**.html", "jinja2")]
PLACES = re.compile(r"%\((\w+)\)s")


def messages() -> set[str]:
    """What the pages say, in English; of two numbers the singular."""
    found = set()
    for folder in ("serving/web",):
        for _, _, message, _, _ in extract_from_dir(ROOT / folder, METHODS, keywords=KEYWORDS):
            found.add(message if isinstance(message, str) else message[0])
    return found | set(words.TERMS.values()) | set(words.ATTRIBUTES.values())


def chinese() -> dict[str, str]:
    return {
        m.id if isinstance(m.id, str) else m.id[0]: m.string if isinstance(m.string, str) else m.string[0]
        for path in CATALOGUES.glob("zh*.po")
        for m in catalogue(path)
        if m.id
    }


def test_every_message_has_its_chinese() -> None:
    known = chinese()
    said = messages()
    assert len(said) > 400
    assert sorted(m for m in said if not known.get(m)) == []


def test_a_translation_has_the_same_places_to_be_filled() -> None:
    wrong = {m: s for m, s in chinese().items() if set(PLACES.findall(m)) != set(PLACES.findall(s))}
    assert wrong == {}


@pytest.mark.parametrize("language", ["zh", "en"])
def test_numbers_and_times_have_their_form(language: str) -> None:
    speech = Speech(language, "Asia/Shanghai")
    at = dt.datetime(2026, 3, 4, 20, 30, tzinfo=dt.UTC)
    assert speech.number(1234567.891, 2) == "1,234,567.89"
    assert speech.percent(0.98765) == "98.8%"
    assert speech.moment(at) == "2026-03-05 04:30"
    assert speech.day(at) == {"zh": "2026年3月5日", "en": "Mar 5, 2026"}[language]
    assert speech.ago(at, at + dt.timedelta(days=2)) == {"zh": "2天", "en": "2 days"}[language]
    lasted = [speech.duration(seconds) for seconds in (4.25, 162, 7500, 190_000)]
    english = ["4.2 s", "2 min 42 s", "2 h 5 min", "2 d 4 h"]
    assert lasted == {"zh": ["4.2秒", "2分42秒", "2小时5分", "2天4小时"], "en": english}[language]
    assert speech.midnight(dt.date(2026, 3, 5)).astimezone(dt.UTC).hour == 16
    assert speech.number(None) == speech.day(None) == speech.moment(None) == speech.ago("?") == "—"


@pytest.mark.parametrize(
    ("wishes", "accepted", "language"),
    [
        (("zh", "en"), "en", "zh"),
        ((None, "fr"), "zh-TW,zh;q=0.9,en;q=0.8", "zh"),
        ((None, None), "de-DE,de;q=0.9,en;q=0.8", "en"),
        ((None, None), "en;q=0.5,zh-CN;q=0.9", "zh"),
        ((None, None), "en;q=x,;;", "en"),
        ((None, None), "", "en"),
    ],
)
def test_the_language_is_the_readers(wishes: tuple[str | None, ...], accepted: str, language: str) -> None:
    assert choose(*wishes, accepted=accepted) == language


def test_rights_are_told_in_both_languages() -> None:
    known = chinese()
    assert [text for text in RIGHTS.values() if text not in known] == []
