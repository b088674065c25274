"""From distinct raw values to standard columns, subject by subject (name, address, contact, ids).

A subject takes tuples of raw values and yields tuples of standard values in a fixed column order, plus reasons.
`table` calls it with distinct tuples only; a process-wide bounded cache remembers results by raw values.
"""

from __future__ import annotations

import gc
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import pyarrow as pa

from matching.standardise.addresses import parse_address
from matching.standardise.contacts import parse_email, parse_web_domain, split_emails
from matching.standardise.dates import parse_date
from matching.standardise.ids import check_national_id, check_tax_id, compact, uscc_org_code
from matching.standardise.junk import junk_reason
from matching.standardise.org_names import parse_org_name
from matching.standardise.person_names import parse_person_name
from matching.standardise.phones import is_plain, parse_phone, split_phones
from matching.standardise.schema import standard_schema
from matching.standardise.text import fold, has_han, plain_latin

# Values of a list attribute travel through dictionary encoding as one string with this separator.
LIST_SEPARATOR = "\x1f"
_CACHE_LIMIT = 50_000

Key = tuple[str | None, ...]
Row = tuple[Any, ...]


@dataclass(frozen=True)
class Subject:
    """One group of columns computed together. `inputs`: raw attributes; `outputs`: standard columns, then reasons.

    `extra` outputs serve other subjects and are not written.
    """

    name: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    parse: Callable[[Key], Row]
    extra: tuple[str, ...] = ()


def _fragment(reasons: dict[str, str]) -> str | None:
    """JSON members without braces, so that subjects can be joined per record."""
    if not reasons:
        return None
    return ",".join(f"{json.dumps(k)}:{json.dumps(v, ensure_ascii=False)}" for k, v in sorted(reasons.items()))


def _organization(key: Key) -> Row:
    name, name_en, short = key
    if name is not None and name_en is None and short is None:
        main = parse_org_name(name)
        if main.core is None:
            return (*(None,) * 16, _fragment({"name": main.reason or ""}))
        reasons: dict[str, str] = {}
        cores = [main.core, *main.alt_cores]
        keys = [main.ascii, *main.alt_ascii]
        china = main.script in ("han", "mixed") or main.region_code is not None
    else:
        parsed = [(a, parse_org_name(v)) for a, v in (("name", name), ("name_en", name_en), ("short_name", short)) if v]
        reasons = {a: p.reason for a, p in parsed if p.reason}
        usable = [p for _, p in parsed if p.core]
        if not usable:
            return (*(None,) * 16, _fragment(reasons))
        main = usable[0]
        cores = list(dict.fromkeys([c for p in usable for c in (p.core, *p.alt_cores) if c]))
        keys = list(dict.fromkeys([k for p in usable for k in (p.ascii, *p.alt_ascii)]))
        china = any(p.script in ("han", "mixed") or p.region_code for p in usable)
    return (
        main.norm, main.core, main.region, main.region_code, main.industry, main.form, main.branch, main.sole_trader,
        main.status, main.script, main.ascii, main.stem_ascii, list(main.tokens), cores, [k for k in keys if k],
        "CN" if china else None, _fragment(reasons),
    )  # fmt: skip


def _person(key: Key) -> Row:
    full, given, family = key
    p = parse_person_name(full, given, family)
    reasons = {"full_name" if full else "family_name": p.reason} if p.reason else {}
    hint = None
    if p.script in ("han", "mixed"):
        hint = "CN"
    elif p.script == "latin" and p.surname_ascii and not _pinyin_like(p.surname_ascii):
        hint = "XX"
    present = p.surname is not None or p.given is not None
    return (
        p.full_norm, p.surname, p.given, p.middle, p.suffix, p.title, p.is_partial if present else None,
        p.script if present else None, p.ascii, p.surname_ascii, p.given_ascii, p.given_root, hint, _fragment(reasons),
    )  # fmt: skip


def _pinyin_like(word: str) -> bool:
    from matching.standardise.person_latin import is_pinyin

    return is_pinyin(word)


def _address(key: Key) -> Row:
    line, district, city, province, postal, country = key
    a = parse_address(line, district, city, province, postal, country)
    reasons = {"address_line": a.reason} if a.reason else {}
    if line and not a.reason and a.norm is None:
        reasons["address_line"] = "no address recognised"
    return (
        a.country, a.province_code, a.city_code, a.district_code, a.province, a.city, a.district, a.postal_code,
        a.road,
        a.road_key, a.road_no, a.unit, a.norm, a.ascii, list(a.tokens) or None, _fragment(reasons),
    )  # fmt: skip


def _phone(key: Key) -> Row:
    raw, region = key
    if raw is None:
        return None, None, None
    values: dict[str, None] = {}
    bases: dict[str, None] = {}
    reasons: list[str] = []
    for field in raw.split(LIST_SEPARATOR):
        for part in ((field,) if is_plain(field) else split_phones(field)) if field else ():
            phone = parse_phone(part, region)
            if phone.value and phone.base:
                values[phone.value] = None
                bases[phone.base] = None
            elif phone.reason:
                reasons.append(phone.reason)
    reason = {"phone": "; ".join(dict.fromkeys(reasons))} if reasons else {}
    return list(values) or None, list(bases) or None, _fragment(reason)


def _email(key: Key) -> Row:
    values: dict[str, None] = {}
    roles: dict[str, None] = {}
    domains: dict[str, None] = {}
    reasons: list[str] = []
    for field in (key[0] or "").split(LIST_SEPARATOR):
        for part in split_emails(field) if field else ():
            email = parse_email(part)
            if email.value:
                values[email.value] = None
                if email.role:
                    roles[email.value] = None
                if email.domain and not email.free:
                    domains[email.domain] = None
            elif email.reason:
                reasons.append(email.reason)
    reason = {"email": "; ".join(dict.fromkeys(reasons))} if reasons else {}
    return list(values) or None, list(roles) or None, list(domains) or None, _fragment(reason)


def _website(key: Key) -> Row:
    domain = parse_web_domain(key[0] or "")
    return domain.value, _fragment({"website": domain.reason} if domain.reason else {})


def _tax_id(key: Key) -> Row:
    check = check_tax_id(key[0] or "")
    inner = uscc_org_code(check.value) if check.ok and check.kind == "uscc" and check.value else None
    if check.kind == "other" and check.ok and check.value and len(check.value) == 15:
        inner = check.value[6:]
    kind = check.kind if check.value else None
    ok = check.ok if check.value else None
    reasons = {"tax_id": check.reason} if check.reason and check.reason != "no known check" else {}
    return check.value, ok, kind, inner, _fragment(reasons)


def _registration(key: Key) -> Row:
    raw = key[0] or ""
    reason = junk_reason(raw)
    value = None if reason else compact(raw) or None
    if value and (len(set(value)) == 1):
        value, reason = None, "filler digits"
    return value, _fragment({"registration_id": reason} if reason else {})


def _birth(key: Key) -> Row:
    raw, country = key
    if raw is None:
        return None, None, None, None, None
    found = parse_date(raw or "", country)
    reasons = {"birth_date": found.reason} if found.reason else {}
    return found.iso, found.swapped, found.digits, found.year, _fragment(reasons)


_GENDERS = {
    "m": "m", "male": "m", "man": "m", "mr": "m", "boy": "m", "男": "m", "男性": "m", "先生": "m", "1": "m",
    "masculine": "m",
    "f": "f", "female": "f", "woman": "f", "w": "f", "mrs": "f", "ms": "f", "miss": "f", "girl": "f", "女": "f",
    "女性": "f",
    "女士": "f", "小姐": "f", "2": "f", "weiblich": "f", "maennlich": "m", "homme": "m", "femme": "f",
}  # fmt: skip


def _gender(key: Key) -> Row:
    raw = key[0] or ""
    text = plain_latin(fold(raw)).lower().strip(" .")
    value = _GENDERS.get(text)
    if value or junk_reason(raw) or text in ("u", "unknown", "o", "other", "x", "未知", "9", "0", "3"):
        return value, None
    return None, _fragment({"gender": "not a gender"})


def _national(key: Key) -> Row:
    check = check_national_id(key[0] or "")
    reasons = {"national_id": check.reason} if check.reason and check.reason != "no known check" else {}
    value = check.value
    return value, check.ok if value else None, check.kind if value else None, _fragment(reasons)


def _organization_key(key: Key) -> Row:
    raw = key[0] or ""
    return (None if junk_reason(raw) else fold(raw) or None), None


_JOB_WORDS = {
    "vp": "vice president", "svp": "senior vice president", "evp": "executive vice president",
    "ceo": "chief executive officer",
    "cfo": "chief financial officer", "cto": "chief technology officer", "coo": "chief operating officer",
    "cio": "chief information officer",
    "cmo": "chief marketing officer", "mgr": "manager", "dir": "director", "asst": "assistant", "sr": "senior",
    "jr": "junior",
    "eng": "engineer", "md": "managing director", "gm": "general manager", "exec": "executive",
    "admin": "administrator",
}  # fmt: skip


def _job(key: Key) -> Row:
    raw = key[0] or ""
    if junk_reason(raw):
        return None, None
    text = fold(raw)
    if has_han(text):
        return "".join(text.lower().split()) or None, None
    words = "".join(c if c.isalnum() else " " for c in plain_latin(text).lower()).split()
    return " ".join(_JOB_WORDS.get(w, w) for w in words) or None, None


REASON = "_reason"
_ORG_NAME_COLUMNS = (
    "name_norm", "name_core", "name_region", "name_region_code", "name_industry", "org_form", "branch",
    "is_sole_trader",
    "name_status", "name_script", "name_ascii", "stem_ascii", "name_tokens", "alt_cores", "alt_ascii",
)  # fmt: skip
_PERSON_NAME_COLUMNS = (
    "full_norm", "surname", "given", "middle", "name_suffix", "title", "is_partial", "name_script", "name_ascii",
    "surname_ascii", "given_ascii", "given_root",
)  # fmt: skip
_ADDRESS_INPUTS = ("address_line", "district", "city", "province", "postal_code", "country")
_ADDRESS_COLUMNS = (
    "country", "province_code", "city_code", "district_code", "province_norm", "city_norm", "district_norm",
    "postal_code",
    "road", "road_key", "road_no", "unit", "address_norm", "address_ascii", "address_tokens",
)  # fmt: skip

NAME_SUBJECTS = {
    "organization": Subject(
        "organization", ("name", "name_en", "short_name"), _ORG_NAME_COLUMNS, _organization, ("_hint",)
    ),
    "person": Subject("person", ("full_name", "given_name", "family_name"), _PERSON_NAME_COLUMNS, _person, ("_hint",)),
}
ADDRESS = Subject("address", _ADDRESS_INPUTS, _ADDRESS_COLUMNS, _address)
PHONE = Subject("phone", ("phone", "_region"), ("phones", "phone_bases"), _phone)
BIRTH = Subject(
    "birth", ("birth_date", "country"), ("birth_date", "birth_date_swapped", "birth_digits", "birth_year"), _birth
)
_EMAIL = Subject("email", ("email",), ("emails", "role_emails", "email_domains"), _email)
_WEBSITE = Subject("website", ("website",), ("web_domain",), _website)
SINGLE_SUBJECTS = {
    "organization": (
        _EMAIL,
        _WEBSITE,
        Subject("tax_id", ("tax_id",), ("tax_id", "tax_id_ok", "tax_id_kind", "org_code9"), _tax_id),
        Subject("registration_id", ("registration_id",), ("registration_id",), _registration),
    ),
    "person": (
        _EMAIL,
        _WEBSITE,
        Subject("gender", ("gender",), ("gender",), _gender),
        Subject("national_id", ("national_id",), ("national_id", "national_id_ok", "national_id_kind"), _national),
        Subject("organization_key", ("organization_key",), ("organization_key",), _organization_key),
        Subject("job_title", ("job_title",), ("job_title_norm",), _job),
    ),
}
_ALL = {
    s.name: s
    for s in (
        *NAME_SUBJECTS.values(),
        ADDRESS,
        PHONE,
        BIRTH,
        *SINGLE_SUBJECTS["organization"],
        *SINGLE_SUBJECTS["person"],
    )
}
_CACHES: dict[str, dict[Key, Row]] = {}


@cache
def column_types() -> dict[str, pa.DataType]:
    """Arrow type of every standard column of any entity."""
    return {f.name: f.type for entity in ("organization", "person") for f in standard_schema(entity)}


def build(subject_name: str, keys: Sequence[Key], *, remember: bool = True) -> pa.RecordBatch:
    """Standard columns of distinct raw values, one row per key, in their order; `_reason` holds JSON members.

    `remember`: results are kept for the next call, within bounds.
    """
    subject = _ALL[subject_name]
    cache = _CACHES.setdefault(subject_name, {})
    if remember and len(cache) + len(keys) > _CACHE_LIMIT:
        cache.clear()
    rows: list[Row] = []
    parse = subject.parse
    empty: Row = (None,) * (len(subject.outputs) + len(subject.extra) + 1)
    collecting = gc.isenabled()
    # Nothing here makes cycles; without the collector walking over the growing rows it takes a quarter less time.
    gc.disable()
    try:
        for key in keys:
            row = cache.get(key)
            if row is None:
                row = parse(key) if any(key) else empty
                if remember:
                    cache[key] = row
            rows.append(row)
    finally:
        if collecting:
            gc.enable()
    types = column_types()
    names = (*subject.outputs, *subject.extra, REASON)
    columns = list(zip(*rows, strict=True)) if rows else [()] * len(names)
    arrays = [pa.array(values, types.get(name, pa.string())) for name, values in zip(names, columns, strict=True)]
    return pa.RecordBatch.from_arrays(arrays, names=list(names))
