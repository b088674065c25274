"""Each attribute as SQL over a member record: the value shown, the value compared, and why it may not count.

A value with a reason is invalid and loses to any valid one; one that identifies nobody ("n/a", a test value) never
becomes a golden value. Which of several values wins is not decided here.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from matching.survive.rules import FieldRule

# The standardisers' words for a value that identifies nobody (tested to be theirs; not imported, to load quickly).
PLACEHOLDER = "placeholder"
JUNK = (PLACEHOLDER, "test value", "filler digits")
IGNORED = "ignored"
# In attributes that no standardiser reads. Words such as "none" or "unknown" are left: there they may be meant.
_NOTHING = ("-", "--", "---", ".", "?", "n/a", "#n/a", "null", "<null>", "(null)", "nan")


@dataclass(frozen=True)
class Form:
    """The standard columns behind an attribute: the form compared, the check, and whether the form is also shown."""

    compared: str
    checked: str | None = None
    shown: bool = False


# Names, addresses and texts are shown as delivered; identifiers, dates and codes in their standard form.
FORMS = {
    "name": Form("name_norm"),
    "tax_id": Form("tax_id", "tax_id_ok", True),
    "registration_id": Form("registration_id", shown=True),
    "website": Form("web_domain"),
    "full_name": Form("full_norm"),
    "given_name": Form("given"),
    "family_name": Form("surname"),
    "gender": Form("gender", shown=True),
    "birth_date": Form("birth_date", shown=True),
    "national_id": Form("national_id", "national_id_ok", True),
    "job_title": Form("job_title_norm"),
    "organization_key": Form("organization_key"),
    "address_line": Form("address_norm"),
    "district": Form("district_norm"),
    "city": Form("city_norm"),
    "province": Form("province_norm"),
    "postal_code": Form("postal_code"),
    "country": Form("country"),
    "phone": Form("phones", shown=True),
    "email": Form("emails", shown=True),
}
# Attributes whose standardiser says why a value cannot be used.
_REASONED = frozenset(
    "name name_en short_name tax_id registration_id website full_name family_name birth_date gender national_id "
    "address_line phone email".split()
)


def identifier(name: str) -> str:
    """A column name, quoted for SQL."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """A text constant of our own (never data) for SQL."""
    return "'" + text.replace("'", "''") + "'"


def json_key(name: str) -> str:
    """`"name":` as an SQL text constant."""
    return literal(json.dumps(name, ensure_ascii=False) + ":")


def columns(rule: FieldRule, standard: Collection[str], *, compared: bool = False) -> str:
    """SQL of the columns of one attribute, over the columns that `sources_of` gives.

    "v:A" is the value shown and "w:A" the reason or null; for several values "v:A" is their list and "w:A" holds for
    all of them. With `compared`, "c:A" is the form in which single values are compared and "r:A" the value as
    delivered. `standard` are the columns of the standard table.
    """
    found = _several(rule, standard) if rule.multi else _single(rule, standard)
    if not compared:
        found = {letter: found[letter] for letter in "vw"}
    return ", ".join(f"{sql} AS {identifier(f'{letter}:{rule.attribute}')}" for letter, sql in found.items())


def sources_of(rule: FieldRule, standard: Collection[str]) -> list[str]:
    """SQL of what `columns` reads, over m (members) and s (standard): "r:A", and where there is one "f:A" and "o:A"."""
    name, form = rule.attribute, _form(rule, standard)
    column = f"m.{identifier(name)}"
    if rule.multi:
        raw = f"nullif(list_filter(list_transform(CAST({column} AS VARCHAR[]), lambda x: trim(x)), lambda x: x <> ''), [])"
    else:
        raw = f"nullif(trim(CAST({column} AS VARCHAR)), '')"
    found = [f"{raw} AS {identifier(f'r:{name}')}"]
    if form is not None:
        standard_form = f"s.{identifier(form.compared)}"
        cast = f"nullif(CAST({standard_form} AS VARCHAR[]), [])" if rule.multi else f"CAST({standard_form} AS VARCHAR)"
        found.append(f"{cast} AS {identifier(f'f:{name}')}")
        if form.checked in standard:
            found.append(f"s.{identifier(str(form.checked))} AS {identifier(f'o:{name}')}")
    return found


def _form(rule: FieldRule, standard: Collection[str]) -> Form | None:
    form = FORMS.get(rule.attribute)
    return form if form is not None and form.compared in standard else None


def _reason(name: str, standard: Collection[str]) -> str | None:
    return f"reason.{identifier(name)}" if "reasons" in standard and name in _REASONED else None


def _single(rule: FieldRule, standard: Collection[str]) -> dict[str, str]:
    name, form = rule.attribute, _form(rule, standard)
    raw, found, check = (identifier(f"{letter}:{name}") for letter in "rfo")
    reason = _reason(name, standard)
    cases = [f"WHEN {raw} IS NULL THEN NULL"]
    if reason is not None:
        cases.append(f"WHEN {reason} IS NOT NULL THEN {reason}")
    shown, compared = raw, f"lower({raw})"
    if form is not None:
        compared = f"CASE WHEN {raw} IS NOT NULL THEN coalesce({found}, lower({raw})) END"
        if form.shown:
            shown = f"CASE WHEN {raw} IS NOT NULL THEN coalesce({found}, {raw}) END"
            cases.append(f"WHEN {found} IS NULL THEN 'not recognised'")
        if form.checked in standard:
            cases.append(f"WHEN {check} = false THEN 'check failed'")
    if name not in _REASONED:
        nothing = ", ".join(map(literal, _NOTHING))
        cases.append(f"WHEN length({raw}) < 8 AND lower({raw}) IN ({nothing}) THEN {literal(PLACEHOLDER)}")
    why = f"CASE {' '.join(cases)} END" if len(cases) > 1 else "NULL::VARCHAR"
    return {"v": shown, "w": why, "c": compared, "r": raw}


def _several(rule: FieldRule, standard: Collection[str]) -> dict[str, str]:
    name = rule.attribute
    raw, found = identifier(f"r:{name}"), identifier(f"f:{name}")
    if _form(rule, standard) is None:
        return {"v": raw, "w": "NULL::VARCHAR", "r": raw}
    reason = f"coalesce({_reason(name, standard) or 'NULL'}, 'not recognised')"
    return {
        "v": f"coalesce({found}, {raw})",
        "w": f"CASE WHEN {found} IS NULL AND {raw} IS NOT NULL THEN {reason} END",
        "r": raw,
    }


def reasons(rules: Sequence[FieldRule], standard: Collection[str]) -> str:
    """SQL of a struct, attribute → reason, over the standard table; null where that has no reasons."""
    wanted = [rule.attribute for rule in rules if rule.attribute in _REASONED]
    if "reasons" not in standard or not wanted:
        return "NULL"
    shape = json.dumps(dict.fromkeys(wanted, "VARCHAR"))
    return f"json_transform(reasons, {literal(shape)})"


def is_junk(reason: str) -> str:
    """SQL: does this reason say that the value identifies nobody?"""
    words = ", ".join(map(literal, JUNK))
    return f"({reason} IS NOT NULL AND list_has_all([{words}], string_split({reason}, '; ')))"
