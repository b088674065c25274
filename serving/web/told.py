"""Sentences that the rest of the program makes, with values in them, and how the pages translate them."""

from __future__ import annotations

import re

from serving.web import words
from serving.web.languages import N_, Speech
from serving.web.told_sources import SENTENCES as OF_SOURCES

_SENTENCES = (
    N_("%(by)s decided this already: %(word)s"),
    N_("%(by)s decided this meanwhile: %(word)s"),
    N_("%(by)s is working on this task"),
    N_("%(by)s said %(word)s; since then %(what)s changed"),
    N_("%(by)s said %(word)s; by now the records agree so well that they would be merged"),
    N_("%(by)s decided about %(attribute)s; since then a source delivers another value"),
    N_("%(n)s records hang together; only what is most alike was merged"),
    N_("'%(value)s' is no %(attribute)s: %(reason)s"),
    N_("a steward's match joins what a rule keeps apart: %(reason)s"),
    N_("only with a match one record goes over alone"),
    N_("the golden records contradict each other: %(what)s"),
    N_("the two ids are of one golden record"),
    N_("a person and an organization are never one customer"),
    N_("name two records"),
    N_("a task of kind %(word)s is not about a pair of records"),
    N_("decision %(n)s needs no approval"),
    N_("decision %(n)s was settled already, by %(by)s"),
    N_("decision %(n)s was undone already, by %(by)s"),
    N_("entry %(n)s is no decision that can be undone; decide again instead"),
    N_("finding %(n)s is closed already"),
    N_("golden record %(id)s is retired"),
    N_("golden record %(id)s is known since %(when)s UTC only"),
    N_("no record of the golden record delivers '%(value)s' as %(attribute)s"),
    N_("not a date or number: %(reason)s"),
    N_("nothing is called '%(value)s' that is done to a task"),
    N_("record %(n)s is not part of the golden record"),
    N_("the golden record changed meanwhile (version %(now)s, you saw %(seen)s)"),
    N_("the hub holds no record %(n)s"),
    N_("the record delivers no %(attribute)s"),
    N_("the record does not deliver '%(value)s' as %(attribute)s"),
    N_("there is no decision %(n)s"),
    N_("there is no filter '%(value)s'; there are %(names)s"),
    N_("there is no finding %(n)s"),
    N_("there is no golden record %(id)s"),
    N_("there is no match model '%(id)s'%(hint)s"),
    N_("there is no order '%(value)s'; there are %(names)s"),
    N_("there is no task '%(id)s'"),
    N_("there is no verdict '%(value)s'; there are match, no_match, unsure"),
    N_("there is no %(what)s '%(value)s'; there are %(names)s"),
    N_("%(when)s has passed already"),
    N_("finding %(n)s is not waived"),
    N_("%(path)s: the folder does not exist"),
    N_("'%(value)s' is no day; one is written like 2026-12-31"),
    N_("%(entity)s has no attribute '%(attribute)s'%(hint)s"),
    N_("%(one)s is of type %(entity)s, %(other)s is not"),
    N_("%(id)s is the model in use; name another one to compare it with"),
    N_("%(id)s was not compared with %(other)s yet; 'kehu model diff %(again)s' does it"),
    N_("%(id)s is in use already"),
    N_("no model of %(entity)s was in use before the present one"),
    N_("one steward said match, another no match, about records that hang together"),
    N_("two of its records have next to nothing in common"),
    N_("only one pair of records joins two groups"),
    N_("the other records of the two clusters disagree"),
    # What a run says of its models.
    N_(
        "no model was published yet: trained %(id)s without labels on %(n)s records "
        "(about %(pairs)s matching pairs expected)"
    ),
    N_("%(n)s records are few to learn from; run 'kehu train' when there are more"),
    N_("fewer than two records: nothing to match"),
    N_("compared from the next 'kehu train' on: %(what)s"),
    N_(
        "the model was trained on %(n)s records, and there are %(held)s now: more strangers resemble each other among "
        "more records, and 'kehu train' learns how many"
    ),
    N_("blocks larger than block_cap were not compared: %(rules)s"),
    N_("two valid tax ids"),
    N_("a branch and its company"),
    N_("a sole trader and a company"),
    N_("two dates of birth in one household"),
    N_("two suffixes, as of father and son"),
    N_("equal, in equal names"),
    N_("number of sister companies"),
    N_("another one, of one age in one household"),
    N_("another one, of one surname and age"),
    N_("initials"),
    N_("two cities, and nothing but a name in common"),
    N_("alike, in one household"),
    N_("in the given name's place"),
    N_("in the given name's place, in one household"),
    N_("initial, in one household"),
    N_("nearly equal, in one household"),
    N_("nothing but a place to compare"),
    N_("one of two surnames"),
)
_ROWS = (
    N_("a number that is none; the row is kept without it"),
    N_("character outside the alphabet"),
    N_("check character does not fit"),
    N_("check digit does not fit"),
    N_("check digits do not fit"),
    N_("date does not exist"),
    N_("date of birth does not exist"),
    N_("date of birth out of range"),
    N_("day and month missing"),
    N_("day missing"),
    N_("default date of a system"),
    N_("filler digits"),
    N_("free-mail provider"),
    N_("malformed address"),
    N_("malformed domain"),
    N_("no address"),
    N_("no digits"),
    N_("no domain"),
    N_("no known check"),
    N_("no name left after removing notes"),
    N_("no name"),
    N_("no registrable domain"),
    N_("no rule for this country"),
    N_("not 18 digits"),
    N_("not a date"),
    N_("number damaged by a spreadsheet"),
    N_("region is not numeric"),
    N_("test value"),
    N_("too long"),
    N_("too short"),
    N_("unknown province"),
    N_("year out of range"),
    N_("is in the table of ignored values"),
    N_("placeholder"),
    N_("not a number"),
    N_("not recognised"),
    N_("not a gender"),
    N_("no address recognised"),
    N_("a legal form without a name"),
    N_("%(n)s characters instead of %(m)s"),
)
"""Why values do not count."""
_OF_ACCOUNTS = (
    N_("%(provider)s did not vouch for you (%(why)s). Try again."),
    N_("%(provider)s says that it is %(there)s, not %(here)s"),
    N_("%(provider)s cannot be reached; try again later"),
    N_("This sign-in was begun elsewhere, or too long ago. Try again."),
    N_("This account is disabled."),
    N_("You are known, but none of your groups may use this hub."),
    N_("There is an account '%(name)s' already that is not yours; ask an administrator."),
    N_("There is an administrator already; ask for an account of your own."),
    N_("The name of an account has up to 64 letters, without blanks, / : < > and quotes."),
    N_("'%(name)s' cannot be the name of an account: up to 64 letters, no blanks, no / : < > quotes"),
    N_("there is an account '%(name)s' already"),
    N_("there is no account '%(name)s'%(hint)s"),
    N_("there is no role '%(name)s', only %(names)s"),
    N_("'%(name)s' is the last administrator; make another one first"),
)
"""Why somebody is not signed in, or an account not made."""
_IN_FILE = {"row": N_("%(file)s, row %(n)s"), "line": N_("%(file)s, line %(n)s")}
_FILE = re.compile(r"(?P<file>.*), (?P<what>row|line) (?P<n>\d+)", re.DOTALL)
_SEVERAL = re.compile(r"; (?=column ')")
"""Between sentences of one failure: each column that is missing has its own."""
_PLACE = re.compile(r"%\\?\((\w+)\\?\)s")


def _pattern(sentence: str) -> re.Pattern[str]:
    return re.compile(_PLACE.sub(lambda m: f"(?P<{m[1]}>.*)", re.escape(sentence)), re.DOTALL)


_PATTERNS = tuple((_pattern(one), one) for one in (*_SENTENCES, *OF_SOURCES, *_OF_ACCOUNTS, *_ROWS) if "%(" in one)


def told(speech: Speech, text: str) -> str:
    """A sentence of the program in the language of the reader; itself where nothing is known of it."""
    if not text or (said := speech(text)) != text:
        return said if text else ""
    if len(parts := _SEVERAL.split(text)) > 1:
        return ("；" if speech.language == "zh" else "; ").join(told(speech, part) for part in parts)
    for pattern, sentence in _PATTERNS:
        if found := pattern.fullmatch(text):
            return speech(sentence, **{n: _value(speech, n, v) for n, v in found.groupdict().items()})
    reasons = text.split("; ")  # of a list of values, each has its own
    return speech.signs.semicolon.join(told(speech, one) for one in reasons) if len(reasons) > 1 else text


def _value(speech: Speech, place: str, value: str) -> str:
    """What stands in a place of a sentence: words of the program in the reader's language, values as they are."""
    if place == "place" and (found := _FILE.fullmatch(value)):
        return speech(_IN_FILE[found["what"]], file=found["file"], n=found["n"])
    if place in ("word", "entity"):
        return speech(words.TERMS.get(value.replace(" ", "_"), value))
    if place in ("attribute", "what"):
        names = [speech(words.ATTRIBUTES.get(name, name)) for name in value.split(", ")]
        return speech.signs.comma.join(names)
    return speech(value) if place in ("reason", "kind", "other") else value
