"""Person names in Latin letters: order, titles, suffixes, initials, nicknames, and names written in pinyin.

Names of other alphabets are read by sound. A nickname gets the given name it most likely stands for as `given_root`;
the nickname itself stays in `given`.
"""

from __future__ import annotations

import re
from functools import cache, lru_cache

from matching.standardise.text import ascii_key, script_of, squeeze, to_ascii
from matching.standardise.values import PersonName
from matching.standardise.wordlists import list_groups, list_words

_TITLES = frozenset(
    """mr mrs ms miss mx dr prof professor sir dame lord lady rev reverend fr father sr sra srta herr frau hr mme mlle
    monsieur madame
    madam dott dottssa ing dipl-ing dipl doctor capt captain col colonel maj major lt sgt general gen adm admiral hon
    judge mag messrs mister phd md mba cpa esq esquire rn dds dvm jd obe cbe mbe kbe qc kc bart baronet""".split()
)
_AFTER = frozenset(
    "phd md mba cpa esq esquire rn dds dvm jd obe cbe mbe kbe qc kc bt bart baronet ma bsc msc dphil mp".split()
)
_SUFFIXES = {
    "jr": "jr", "junior": "jr", "jnr": "jr", "sr": "sr", "senior": "sr", "snr": "sr", "i": "i", "ii": "ii",
    "iii": "iii",
    "iv": "iv", "2nd": "ii", "3rd": "iii", "4th": "iv", "v": "v",
}  # fmt: skip
_PARTICLES = frozenset(
    "de del della di da do dos das du la le van von der den ter ten zu zur zum vom af av bin ibn al el abu ben "
    "mac mc st saint san santa "
    "dela delos y e o' 't".split()
)
_WORD_RE = re.compile(r"[^\W_]+(?:['-][^\W_]+)*\.?")
_NICK_RE = re.compile(r"[\"(]([^\")]{2,20})[\")]")
# A peerage behind a comma is no part of the name; elsewhere only its words are dropped.
_PEERS = "baron|earl|duke|viscount|marquess|marquis|baronet|count|countess|baroness|duchess"
_PEER_RE = re.compile(
    rf",\s+(?:the\s+)?(?:\d+(?:st|nd|rd|th)\s+)?(?:{_PEERS}|lord|bt)\b.*$|(?<=\w )(?:the |of |and )+|"
    rf"(?<=\w )(?:(?:\d+(?:st|nd|rd|th) )?(?:{_PEERS})|\d+(?:st|th))(?= )"
)
_HAN_SYLLABLE = (
    "(?:(?:zh|ch|sh|[bpmfdtnlgkhjqxrzcsyw])?(?:iang|iong|uang|ang|eng|ing|ong|ian|iao|uai|uan|ai|an|ao|ei|en|"
    "er|ia|ie|in|iu|ou|ua|ue|"
    "ui|un|uo|ve|a|e|i|o|u|v))"
)
_PINYIN_RE = re.compile(f"{_HAN_SYLLABLE}{{1,3}}")
# Far more often a family name than a part of a given name.
_FREQUENT_SURNAMES = frozenset(
    """wang li zhang liu chen yang zhao huang zhou wu xu sun zhu gao guo luo liang song zheng xie han tang feng deng
    cao peng zeng cai pan du dai su lu jiang ding ren shen yao zhong cui tan liao fan shi jia xia fu zou xiong meng
    qin qiu hou
    xue lei duan hao kong shao mao ouyang sima zhuge""".split()
)


@cache
def _pinyin_surnames() -> frozenset[str]:
    """Surnames of mainland China in pinyin."""
    return frozenset(list_words("surnames_pinyin"))


@cache
def _nickname_roots() -> dict[str, str]:
    """Nickname → the given name it stands for; the own table wins, the package's unambiguous rows fill the rest."""
    roots: dict[str, str] = {}
    from nicknames import NickNamer

    listed = NickNamer().nickname_lookup  # made anew with each look at it
    canonicals: dict[str, list[str]] = {}
    for canonical, nicks in listed.items():
        for nick in nicks:
            canonicals.setdefault(nick, []).append(canonical)
    for nick, known in canonicals.items():
        if len(known) == 1 and nick not in listed and _is_short_form(nick, known[0]):
            roots[nick] = known[0]
    own = list_groups("nicknames")
    roots.update(own)
    roots.update({canonical: canonical for canonical in own.values()})
    # A root may itself stand for another one (bobby → bob → robert).
    for nick, root in list(roots.items()):
        seen = {nick}
        while root in roots and roots[root] != root and root not in seen:
            seen.add(root)
            root = roots[root]
        roots[nick] = root
    return roots


def _is_short_form(nick: str, name: str) -> bool:
    """Whether a listed nickname looks like one; names of their own (Noah for Manoah) do not."""
    if nick in _OWN_NAMES:
        return False
    return name.startswith(nick) or (nick[0] == name[0] and nick.endswith(("ie", "y", "i")))


_OWN_NAMES = frozenset(
    "amy joy ivy roy fay honey wood west day brandy little rusty ash hop ham wash glory evangeline".split()
)


def nickname_root(given: str) -> str:
    """The given name a nickname stands for, or the name itself (ASCII, lower case)."""
    roots = _nickname_roots()
    found = roots.get(given)
    if found is None and given.endswith("ie"):
        # Peggie and Peggy are one name.
        found = roots.get(given[:-2] + "y")
    return found or given


def parse_latin(raw: str, full: str | None, given: str | None, family: str | None) -> PersonName:
    """Parses a folded name without Chinese characters from its full form or its parts."""
    script = script_of(full or f"{given or ''} {family or ''}")
    if script == "other":
        full, given, family = (to_ascii(t) if t else t for t in (full, given, family))
    suffix: str | None = None
    title: str | None = None
    if given is None and family is None:
        text = full or ""
        nick = _NICK_RE.search(text)
        text = _PEER_RE.sub("", _NICK_RE.sub(" ", text.casefold()))
        head, comma, tail = text.partition(",")
        if comma and all(w in _SUFFIXES or w in _AFTER for w in _words(tail)):
            text, comma = f"{head} {tail}", ""
        if comma:
            first, suffix, title = _take_affixes(_words(tail), last=False)
            last, suffix2, title2 = _take_affixes(_words(head))
            suffix, title = suffix or suffix2, title or title2
            if not first:
                return _from_words(raw, last, suffix, title, script)
            return _build(raw, first, last, suffix, title, script)
        words, suffix, title = _take_affixes(_words(text))
        if not words and nick:
            words = _words(nick.group(1))
        return _from_words(raw, words, suffix, title, script)
    family_text = (family or "").casefold()
    given_text = (given or "").casefold()
    if "," in family_text and not given_text:
        return parse_latin(raw, family, None, None)
    last, suffix, title = _take_affixes(_words(family_text))
    first, suffix2, title2 = _take_affixes(_words(_NICK_RE.sub(" ", given_text)), last=False)
    suffix, title = suffix or suffix2, title or title2
    if last and first and first != last:
        if len(first) > len(last) and first[-len(last) :] == last:
            first = first[: -len(last)]
        elif len(first) > len(last) and first[: len(last)] == last:
            first = first[len(last) :]
        elif len(last) > len(first) and last[: len(first)] == first:
            last = last[len(first) :]
    if full and (not last or not first):
        whole = parse_latin(raw, full, None, None)
        have = " ".join(first or last)
        if whole.given and whole.surname and have and have in (whole.full_norm or ""):
            return whole
    if not last and len(first) > 1:
        return _from_words(raw, first, suffix, title, script)
    return _build(raw, first, last, suffix, title, script)


def _words(text: str) -> list[str]:
    words = []
    for word in _WORD_RE.findall(text.casefold()):
        words.append(word.rstrip("."))
    return words


def _take_affixes(words: list[str], *, last: bool = True) -> tuple[list[str], str | None, str | None]:
    """Takes titles and suffixes off; a single I or V is an initial unless it stands behind a family name."""
    title = suffix = None
    while len(words) > 1 and words[0] in _TITLES:
        title = title or words[0]
        words = words[1:]
    while len(words) > 1:
        tail = words[-1]
        if tail in _AFTER:
            title = title or tail
        elif tail in _SUFFIXES and suffix is None and (tail not in ("i", "v") or (last and len(words) > 2)):
            suffix = _SUFFIXES[tail]
        else:
            break
        words = words[:-1]
    return words, suffix, title


@lru_cache(maxsize=50_000)
def is_pinyin(word: str) -> bool:
    """Whether a Latin word can be Mandarin pinyin of one to three syllables."""
    return _PINYIN_RE.fullmatch(word) is not None


def _from_words(raw: str, words: list[str], suffix: str | None, title: str | None, script: str) -> PersonName:
    """Splits words in writing order into given and family name."""
    if not words:
        return PersonName(raw, script=script, title=title)
    if len(words) == 1:
        if title:
            return _build(raw, [], words, suffix, title, script)
        return _build(raw, words, [], suffix, title, script)
    if len(words) == 2 and all(is_pinyin(w.replace("-", "").replace("'", "")) for w in words):
        first, second = (w in _pinyin_surnames() for w in words)
        if (first and not second) or (words[0] in _FREQUENT_SURNAMES and words[1] not in _FREQUENT_SURNAMES):
            return _build(raw, words[1:], words[:1], suffix, title, script)
    if (
        len(words) == 3
        and all(map(is_pinyin, words))
        and words[2] in _FREQUENT_SURNAMES
        and (words[0] not in _FREQUENT_SURNAMES)
    ):
        return _build(raw, ["".join(words[:2])], words[2:], suffix, title, script)
    if len(words) == 3 and words[0] in _pinyin_surnames() and all(map(is_pinyin, words)):
        return _build(raw, ["".join(words[1:])], words[:1], suffix, title, script)
    start = len(words) - 1
    while start > 1 and words[start - 1] in _PARTICLES:
        start -= 1
    return _build(raw, words[:start], words[start:], suffix, title, script)


def _build(
    raw: str, first: list[str], last: list[str], suffix: str | None, title: str | None, script: str
) -> PersonName:
    if len(first) >= 2 and last and last[0] in _pinyin_surnames() and all(is_pinyin(w) and len(w) > 1 for w in first):
        first = ["".join(first)]
    elif len(first) == 1 and last and last[0] in _pinyin_surnames() and "-" in first[0]:
        parts = first[0].split("-")
        first = ["".join(parts)] if all(map(is_pinyin, parts)) else first
    given = first[0] if first else None
    middle = " ".join(first[1:]) or None
    surname = " ".join(last) or None
    surname_key = _key("".join(last)) if last else None
    given_key = _key(given) if given else None
    tokens = sorted(k for k in (_key(w) for w in (*first, *last)) if k)
    full = squeeze(" ".join(p for p in (given, middle, surname) if p))
    partial = not surname or not given
    root = nickname_root(given_key) if given_key else None
    return PersonName(
        raw, full or None, surname, given, middle, suffix, title, partial, script, " ".join(tokens) or None,
        surname_key, given_key, root,
    )  # fmt: skip


_KEY_FIX = {"lv": "lu", "lyu": "lu", "lue": "lu", "nv": "nu"}


@lru_cache(maxsize=50_000)
def _key(word: str) -> str | None:
    key = ascii_key(word) or ""
    return _KEY_FIX.get(key, key) or None
