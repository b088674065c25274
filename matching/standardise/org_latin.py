"""Organisation names in Latin letters (and other alphabets by sound): form, region, stop words, core tokens.

Legal forms are taken off at the end only, so that a firm whose name begins with "AG" or "SF" keeps it. Generic words
(school, restaurant, group) stay in the tokens: they tell a school from the café of the same name.
"""

from __future__ import annotations

import re
from functools import cache

from matching.standardise.divisions import division, romanised_regions
from matching.standardise.person_latin import is_pinyin
from matching.standardise.text import ascii_key, bare_latin, script_of, squeeze, to_ascii
from matching.standardise.values import OrgName
from matching.standardise.wordlists import list_groups, list_lines, list_words

_STOP = frozenset("the a an of and for at in on by to".split())
_SLASH_FORM_RE = re.compile(r"\b(?:a/s|s/a|k/s)\b")
_BROKEN_QUOTE_RE = re.compile(r"(?<=[A-Za-z])\?(?=s\b|[A-Za-z])", re.IGNORECASE)
_ACRONYM_RE = re.compile(r"\b(?:[A-Za-z]\.\s?){2,}(?:[A-Za-z]\b)?")
_BRACKET_RE = re.compile(r"[(\[]([^()\[\]]{2,30})[)\]]")
_DOMAIN_RE = re.compile(r"\.(?=(?:com|net|org|io|cn)\b)", re.IGNORECASE)
_WORD_RE = re.compile(r"[0-9a-z]+")
_STATUS_RE = re.compile(
    r"[(\[]\s*(?:in |now |permanently )?(closed|dissolved|inactive|liquidation|bankrupt|insolvent|duplicate|do "
    r"not use|deregistered|"
    r"deleted|defunct|old|obsolete|moved|cancelled|in liquidation)\b[^)\]]*[)\]]|\*+\s*(do not use|inactive|"
    r"closed|duplicate)\s*\**",
    re.IGNORECASE,
)
_STATUS = {
    "dissolved": "deregistered", "deregistered": "deregistered", "defunct": "deregistered", "liquidation": "insolvent",
    "in liquidation": "insolvent", "bankrupt": "insolvent", "insolvent": "insolvent", "duplicate": "duplicate",
    "moved": "moved",
    "closed": "closed", "cancelled": "deregistered",
}  # fmt: skip
_ALSO_RE = re.compile(
    r"\b(?:d\s?/\s?b\s?/\s?a|dba|a\s?/\s?k\s?/\s?a|aka|t\s?/\s?a|trading as|doing business as|also known as|"
    r"formerly|f\s?/\s?k\s?/\s?a|fka|née)\b[:\s]*",
    re.IGNORECASE,
)
_ALSO_WORDS = frozenset("d/b/a dba a/k/a aka t/a trading doing also formerly f/k/a fka née".split())
_STATUS_MARKS = frozenset("([*")
_BRANCH_KINDS = frozenset("branch depot niederlassung filiale succursale sucursal agency".split())
_TWO_WORD_PLACES = frozenset(
    "new los san las saint st fort el la hong kansas salt santa great greater north south east west".split()
)


@cache
def _forms() -> dict[tuple[str, ...], str]:
    forms: dict[tuple[str, ...], str] = {}
    for line in list_lines("legal_forms"):
        code, _, words = line.partition(":")
        for form in words.split("|"):
            forms.setdefault(tuple(form.split()), code)
    return forms


@cache
def _form_sizes() -> dict[str, tuple[int, ...]]:
    """Last word of a legal form → how many words the forms that end so have, most first."""
    sizes: dict[str, set[int]] = {}
    for form in _forms():
        sizes.setdefault(form[-1], set()).add(len(form))
    return {word: tuple(sorted(found, reverse=True)) for word, found in sizes.items()}


@cache
def _region_edges() -> tuple[frozenset[str], frozenset[str]]:
    """First and last words of the romanised regions."""
    return frozenset(key[0] for key in romanised_regions()), frozenset(key[-1] for key in romanised_regions())


@cache
def _abbreviations() -> dict[str, str]:
    """Abbreviation or variant → the word it is written as."""
    return list_groups("abbreviations")


@cache
def _trade() -> frozenset[str]:
    return frozenset(list_words("trade_latin"))


def words_of(text: str) -> list[str]:
    """Words of a Latin name: apostrophes closed up, acronyms joined, & and + as 'and', lower case ASCII."""
    if "?" in text:
        text = _BROKEN_QUOTE_RE.sub("'", text)
    if "." in text:
        text = _DOMAIN_RE.sub(" ", text)
        text = _ACRONYM_RE.sub(lambda m: m.group().replace(".", "").replace(" ", "") + " ", text)
    text = to_ascii(text.replace("'", ""))
    if "/" in text:
        text = _SLASH_FORM_RE.sub(lambda m: m.group().replace("/", ""), text)
    return _WORD_RE.findall(text.replace("&", " and ").replace("+", " and "))


def _join_letters(words: list[str]) -> list[str]:
    """Single letters in a row are one acronym: a p moller → ap moller."""
    if not words or min(map(len, words)) > 1:
        return words
    out: list[str] = []
    run: list[str] = []
    for word in (*words, ""):
        if len(word) == 1 and word.isalpha():
            run.append(word)
            continue
        if len(run) > 1:
            out.append("".join(run))
        else:
            out += run
        run = []
        if word:
            out.append(word)
    return out


def parse_latin(raw: str, text: str) -> OrgName:
    """Parses a folded name without Chinese characters."""
    script = script_of(text)
    status: str | None = None
    found = _STATUS_RE.search(text) if not _STATUS_MARKS.isdisjoint(text) else None
    if found:
        word = (found.group(1) or found.group(2) or "").lower()
        status = _STATUS.get(word, "disabled")
        text = squeeze(_STATUS_RE.sub(" ", text))
    parts = [text]
    if not _ALSO_WORDS.isdisjoint(text.lower().replace(":", " ").replace("(", " ").split()):
        parts = [p for p in (squeeze(p).strip(" ,;-()") for p in _ALSO_RE.split(text)) if p]
    first = _parse_part(parts[0]) if parts else None
    if first is None:
        return OrgName(raw, script=script, status=status, reason="no name left after removing notes")
    norm, core, form, region, code, industry, branch, tokens, stem = first
    alt = [p[1] for p in map(_parse_part, parts[1:]) if p is not None and p[1] != core]
    key = ascii_key(core)
    bare = _parse_part(bare_latin(parts[0])) if not parts[0].isascii() else None
    keys = [ascii_key(a) for a in alt]
    keys.append(ascii_key(bare[1]) if bare else None)
    if industry:
        brand = core.removesuffix(industry).strip()
        if len(brand) >= 4 and (code or (len(brand) >= 6 and all(map(is_pinyin, brand.split())))):
            # The trade name alone, as its pinyin would be read from the Chinese name.
            keys.append(ascii_key(brand))
    alt_ascii = tuple(dict.fromkeys(k for k in keys if k and k != key))
    return OrgName(
        raw,
        norm,
        core,
        region,
        code,
        industry,
        form,
        branch,
        False,
        status,
        script,
        key,
        stem,
        tokens,
        tuple(dict.fromkeys(alt)),
        alt_ascii,
    )


_Part = tuple[str, str, str | None, str | None, str | None, str | None, str | None, tuple[str, ...], str]


def _parse_part(text: str) -> _Part | None:
    bracketed = _bracket_region(text) if "(" in text or "[" in text else None
    if bracketed:
        text = _BRACKET_RE.sub(" ", text, count=1)
    words = words_of(text)
    if not words:
        return None
    words, branch = _take_branch(text, words)
    if words and words[0] == "the" and len(words) > 1:
        words = words[1:]
    if len(words) > 1 and words[-1] == "the":
        words = words[:-1]
    words, form = _take_forms(words)
    words = _join_letters(words)
    if len(words) > 2:
        words, form = _take_forms(words) if form is None else (words, form)
    short = _abbreviations()
    full = [short.get(w, w) for w in words]
    norm = " ".join(full) + (f" {branch}" if branch else "")
    region, code, rest = _take_region(full, company=form is not None)
    if bracketed and not code:
        code = bracketed
        place = division(code)
        region = place.stem if place else None
    core_words = [w for w in rest if w not in _STOP]
    while len(core_words) > 1 and core_words[-1] in ("group", "holding"):
        core_words.pop()
    if not core_words:
        core_words = full
    if len(core_words) > 3:
        # Agency and site typed one after the other repeat words: each is said once.
        core_words = list(dict.fromkeys(core_words))
    if code and form == "limited":
        # Co., Ltd. translates 有限公司 and 股份有限公司 alike: it says nothing about which.
        form = None
    core = " ".join(core_words)
    industry_words: list[str] = []
    for word in reversed(core_words[1:]):
        if word not in _trade():
            break
        industry_words.insert(0, word)
    tokens = tuple(sorted({w for w in full if w not in _STOP} or set(full)))
    # A region in brackets stands first in the stem, as it does in a Chinese name.
    stem = (to_ascii(region) if bracketed and region else "") + "".join(full)
    return norm, core, form, region, code, " ".join(industry_words) or None, branch, tokens, stem


def _take_branch(text: str, words: list[str]) -> tuple[list[str], str | None]:
    """Separates a branch: what a dash or a branch's kind sets apart behind the legal form, or place and kind."""
    head, dash, tail = text.partition(" - ")
    if dash and tail:
        before = words_of(head)
        if _take_forms(before)[1] is not None:
            return before, " ".join(words_of(tail)) or None
    if len(words) < 3 or words[-1] not in _BRANCH_KINDS:
        return words, None
    for end in range(len(words) - 1, max(1, len(words) - 6), -1):
        if _take_forms(words[:end])[1] is not None:
            return words[:end], " ".join(words[end:])
    size = 3 if len(words) > 4 and words[-3] in _TWO_WORD_PLACES else 2
    return (words[:-size], " ".join(words[-size:])) if len(words) > size + 1 else (words, None)


def _bracket_region(text: str) -> str | None:
    """Code of a romanised Chinese region in the first brackets of a name: Widget (Kunshan) Co., Ltd."""
    found = _BRACKET_RE.search(text)
    return romanised_regions().get(tuple(words_of(found.group(1)))) or None if found else None


def _take_forms(words: list[str]) -> tuple[list[str], str | None]:
    forms, sizes = _forms(), _form_sizes()
    form: str | None = None
    while len(words) > 1:
        for size in sizes.get(words[-1], ()):
            code = forms.get(tuple(words[-size:])) if size < len(words) else None
            if code is not None:
                # The last word says the form; what stands before it (Co. in Co., Ltd.) belongs to it.
                form = form or code
                words = words[:-size]
                break
        else:
            if words[-1] in ("and", "of") and form:
                words = words[:-1]
                continue
            break
    return words, form


def _take_region(words: list[str], *, company: bool) -> tuple[str | None, str | None, list[str]]:
    """Chinese region at the start or end of the words: (stem in Chinese, code, words without it).

    A short or ambiguous romanisation is believed only of a company: "Ali Baba" is no shop in Ngari.
    """
    regions = romanised_regions()
    code: str | None = None
    rest = list(words)

    def known(key: tuple[str, ...]) -> bool:
        return key in regions and (company or len("".join(key)) >= 7)

    heads, tails = _region_edges()
    for size in (2, 1) if words and words[0] in heads else ():
        if len(words) > size and known(tuple(words[:size])):
            code, rest = regions[tuple(words[:size])], words[size:]
            break
    if len(rest) > 2 and code is not None and rest[0] in ("city", "province", "provincial"):
        rest = rest[1:]
    if company and len(rest) > 1 and rest[-1] in tails:
        for size in (2, 1):
            if len(rest) > size and known(tuple(rest[-size:])):
                code = code or regions[tuple(rest[-size:])]
                rest = rest[:-size]
                break
    found = division(code) if code else None
    return (found.stem if found else None), code or None, rest
