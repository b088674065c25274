"""Person names in Latin letters: order, titles, suffixes, initials, nicknames, and names written in pinyin.

Names of other alphabets are read by sound. A nickname gets the given name it most likely stands for as `given_root`;
the nickname itself stays in `given`.
"""

from __future__ import annotations

import re
from functools import cache

from matching.standardise.person_names import PersonName
from matching.standardise.text import script_of, squeeze, to_ascii

_TITLES = frozenset(
    """mr mrs ms miss mx dr prof professor sir dame lord lady rev reverend fr father sr sra srta herr frau hr fr. mme mlle m. monsieur madame
    madam dott dottssa ing dipl-ing dipl doctor capt captain col colonel maj major lt sgt general gen adm admiral hon
    judge mag messrs mister phd md mba cpa esq esquire rn dds dvm jd obe cbe mbe kbe qc kc bart baronet""".split()
)
_AFTER = frozenset("phd md mba cpa esq esquire rn dds dvm jd obe cbe mbe kbe qc kc bt bart baronet ma bsc msc dphil mp".split())
_SUFFIXES = {
    "jr": "jr", "junior": "jr", "jnr": "jr", "sr": "sr", "senior": "sr", "snr": "sr", "i": "i", "ii": "ii", "iii": "iii",
    "iv": "iv", "2nd": "ii", "3rd": "iii", "4th": "iv", "v": "v",
}  # fmt: skip
_PARTICLES = frozenset(
    "de del della di da do dos das du la le van von der den ter ten zu zur zum vom af av bin ibn al el abu ben mac mc st saint san santa "
    "dela delos y e o' 't".split()
)
_WORD_RE = re.compile(r"[^\W_]+(?:['-][^\W_]+)*\.?")
_NICK_RE = re.compile(r"[\"(]([^\")]{2,20})[\")]")
_PEER_RE = re.compile(
    r",?\s+(?:the\s+)?(?:\d+(?:st|nd|rd|th)\s+)?(?:baron|earl|duke|viscount|marquess|marquis|baronet|count|countess|baroness|lord|bt)\b.*$"
)
_HAN_SYLLABLE = (
    "(?:(?:zh|ch|sh|[bpmfdtnlgkhjqxrzcsyw])?(?:iang|iong|uang|ang|eng|ing|ong|ian|iao|uai|uan|ai|an|ao|ei|en|er|ia|ie|in|iu|ou|ua|ue|"
    "ui|un|uo|ve|a|e|i|o|u|v))"
)
_PINYIN_RE = re.compile(f"{_HAN_SYLLABLE}{{1,3}}")
# Surnames of mainland China in pinyin that are not common Western given or family names.
_PINYIN_SURNAMES = frozenset(
    """wang li zhang liu chen yang huang zhao wu zhou xu sun ma zhu hu guo he lin gao luo zheng liang xie song tang deng
    han feng cao peng zeng xiao tian dong pan yuan cai jiang yu du ye cheng wei su lu ding ren yao shen zhong cui tan fan
    liao wang shi jin jia xia fu fang zou xiong bai meng qin qiu hou yin xue yan lei long duan hao kong shao mao chang wan gu
    lai wu he yi mo gong niu zhuang bao kang wen qi ni pang zhan tao ou ouyang sima shangguan zhuge ximen linghu murong
    dongfang huangfu gongsun situ yuwen zhangsun helian shan zha dai ge lyu lv jian ji nie geng chu chi min xing pu qiao
    sang sha shu tong tu xi xian xin xiang yun zang zhai zhen zhi zu zuo cen ba bi bian bu che cong dou e fei gan ge guan guang
    gui hong hua huan hui huo ju ke kuang lan lang lao lian lou man miao mu na nan ning pei ping quan ran rao rong ruan rui""".split()
)


@cache
def _nickname_roots() -> dict[str, str]:
    """Nickname → the given name it stands for; the own table wins, the package's unambiguous rows fill the rest."""
    roots: dict[str, str] = {}
    from nicknames import NickNamer

    namer = NickNamer()
    canonicals: dict[str, list[str]] = {}
    for canonical, nicks in namer.nickname_lookup.items():
        for nick in nicks:
            canonicals.setdefault(nick, []).append(canonical)
    for nick, names in canonicals.items():
        if len(names) == 1 and nick not in namer.nickname_lookup:
            roots[nick] = names[0]
    for line in _OWN_ROOTS.strip().splitlines():
        canonical, _, nicks = line.partition(":")
        for nick in nicks.split():
            roots[nick] = canonical
    for canonical in {line.partition(":")[0] for line in _OWN_ROOTS.strip().splitlines()}:
        roots[canonical] = canonical
    # A root may itself stand for another one (bobby → bob → robert).
    for nick, root in list(roots.items()):
        seen = {nick}
        while root in roots and roots[root] != root and root not in seen:
            seen.add(root)
            root = roots[root]
        roots[nick] = root
    return roots


_OWN_ROOTS = """
robert:bob bobby bobbie rob robbie robby bert
william:bill billy billie will willie willy wm liam
richard:dick rick ricky rich richie dickie rik
james:jim jimmy jimmie jamie jas
john:jack johnny johnnie jno jon
joseph:joe joey jos
thomas:tom tommy thos
charles:charlie charley chuck chas
edward:ed eddie eddy ned ted teddy edw
henry:harry hank hal
michael:mike mick mickey micky mikey
elizabeth:liz lizzie lizzy beth betty betsy eliza libby elisabeth lisbeth elspeth bess bessie
margaret:maggie meg peggy marge margie greta madge
katherine:kate katie kathy cathy kitty catherine kathryn katharine cathryn kath kat kay catharine
mary:molly polly mollie mamie
patricia:patty pattie trish tricia
patrick:paddy
andrew:andy drew
anthony:tony ant
daniel:dan danny
david:dave davy davey
donald:don donny donnie
frederick:fred freddy freddie fredric frederic
george:georgie geo georg
gerald:gerry
gregory:greg gregg
jeffrey:jeff geoff geoffrey jeffery
jennifer:jen jenny jennie
jessica:jess jessie
jonathan:jonny jonathon
joshua:josh
kenneth:ken kenny
lawrence:larry laurence lawrie
leonard:len lenny
matthew:matt
nicholas:nick nicky nicolas
pamela:pam
peter:pete
philip:phil phillip
raymond:ray
rebecca:becky becca rebekah
ronald:ronnie ron ronny
samuel:sam sammy
sandra:sandy
stephen:steve steven stevie
susan:sue susie suzie suzy susanne suzanne susannah
theodore:theo
timothy:tim timmy
victoria:vicky vicki tori
vincent:vince vinny
walter:walt wally
zachary:zach zack zak
alexander:alex alec sandy sasha lex
alexandra:sandra alexa
benjamin:ben benny benjie
christopher:chris kit topher
christina:tina christine chrissy
deborah:deb debbie debby debra
dorothy:dot dottie dolly
eleanor:ellie nell nellie elinor
emily:em emmy
eugene:gene
francis:frank frankie
frances:fran fanny francie
gabriel:gabe
harold:harry
isabella:bella izzy isabel isabelle
jacob:jake
judith:judy judi
martha:marty mattie patsy
maximilian:max
nathaniel:nate nathan nat
rachel:rach
reginald:reg reggie
rosemary:rosie
sarah:sally sadie sara
terence:terry terrence
abigail:abby gail abbie
albert:al
alfred:alf alfie
arthur:art artie
barbara:barb babs barbie
bernard:bernie
caroline:carrie carolyn
cynthia:cindy
douglas:doug
ernest:ernie
florence:flo flossie
gertrude:gertie trudy
helen:nellie lena
jacqueline:jackie jacqui
louis:lou louie lewis
louise:lou
mildred:millie
morris:morrie
mohammed:mhd mohamed muhammad mohammad muhammed mohamad mohd
virginia:ginny
wilhelm:willi
johannes:hans
"""


def nickname_root(given: str) -> str:
    """The given name a nickname stands for, or the name itself (ASCII, lower case)."""
    return _nickname_roots().get(given, given)


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
        if comma:
            first, suffix, title = _take_affixes(_words(tail))
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
    first, suffix2, title2 = _take_affixes(_words(_NICK_RE.sub(" ", given_text)), last=not last)
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
    title = suffix = None
    while len(words) > 1 and words[0] in _TITLES:
        title = title or words[0]
        words = words[1:]
    while len(words) > 1:
        tail = words[-1]
        if tail in _AFTER:
            title = title or tail
        elif tail in _SUFFIXES and (tail not in ("i", "v") or not last or len(words) > 2) and suffix is None:
            suffix = _SUFFIXES[tail]
        else:
            break
        words = words[:-1]
    return words, suffix, title


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
        first, second = (w in _PINYIN_SURNAMES for w in words)
        if first and not second:
            return _build(raw, words[1:], words[:1], suffix, title, script)
    if len(words) == 3 and words[0] in _PINYIN_SURNAMES and all(map(is_pinyin, words)):
        return _build(raw, ["".join(words[1:])], words[:1], suffix, title, script)
    start = len(words) - 1
    while start > 1 and words[start - 1] in _PARTICLES:
        start -= 1
    return _build(raw, words[:start], words[start:], suffix, title, script)


def _build(
    raw: str, first: list[str], last: list[str], suffix: str | None, title: str | None, script: str
) -> PersonName:
    if len(first) >= 2 and last and last[0] in _PINYIN_SURNAMES and all(is_pinyin(w) and len(w) > 1 for w in first):
        first = ["".join(first)]
    elif len(first) == 1 and last and last[0] in _PINYIN_SURNAMES and "-" in first[0]:
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
        raw, full or None, surname, given, middle, suffix, title, partial, script, " ".join(tokens) or None, surname_key,
        given_key, root,
    )  # fmt: skip


_KEY_FIX = {"lv": "lu", "lyu": "lu", "lue": "lu", "nv": "nu"}


def _key(word: str) -> str | None:
    key = re.sub(r"[^a-z0-9]", "", to_ascii(word))
    return _KEY_FIX.get(key, key) or None
