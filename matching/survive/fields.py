"""Each attribute as SQL over a member record: the value shown, the value compared, and why it may not count.

A value with a reason is invalid and loses to any valid one; one that identifies nobody ("n/a", a test value) never
becomes a golden value. Which of several values wins is not decided here.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence

from matching.survive.rules import FieldRule, Form

# The standardisers' words for a value that identifies nobody (tested to be theirs; not imported, to load quickly).
PLACEHOLDER = "placeholder"
JUNK = (PLACEHOLDER, "test value", "filler digits")
IGNORED = "ignored"
# In attributes that no standardiser reads. Words such as "none" or "unknown" are left: there they may be meant.
NOTHING = ("-", "--", "---", ".", "?", "n/a", "#n/a", "null", "<null>", "(null)", "nan")


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
REASONED = frozenset(
    "name name_en short_name tax_id registration_id website full_name family_name birth_date gender national_id "
    "address_line phone email".split()
)


def form_of(rule: FieldRule) -> Form | None:
    """The form of an attribute, None where no standardiser reads it."""
    return rule.form or FORMS.get(rule.attribute)


def has_reasons(rule: FieldRule) -> bool:
    """Does a standardiser say why a value of this attribute cannot be used?"""
    return rule.form is not None or rule.attribute in REASONED


def identifier(name: str) -> str:
    """A column name, quoted for SQL."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """A text constant of our own (never data) for SQL."""
    return "'" + text.replace("'", "''") + "'"


def json_key(name: str) -> str:
    """`"name":` as an SQL text constant."""
    return literal(json.dumps(name, ensure_ascii=False) + ":")


def view(rules: Sequence[FieldRule], available: Collection[str], table: str, *, keys: str, compared: bool) -> str:
    """SQL of `keys` and the columns of every attribute, from a table that has "m:A", "s:…" and "e:A" (see `base`).

    "v:A" is the value shown and "w:A" the reason or null; for several values "v:A" is their list and "w:A" holds for
    all of them. With `compared`, and for the rule `most_frequent`, "c:A" is the form in which single values are
    compared and "r:A" the value as delivered. `available` are the columns of the table.
    """
    inner, outer = [keys], [keys]
    for rule in rules:
        name, form = rule.attribute, form_of(rule)
        if form is not None and f"s:{form.compared}" not in available:
            form = None
        inner.append(f"{_delivered(rule)} AS {identifier(f'r:{name}')}")
        if form is not None:
            column = identifier(f"s:{form.compared}")
            found = f"nullif(CAST({column} AS VARCHAR[]), [])" if rule.multi else f"CAST({column} AS VARCHAR)"
            inner.append(f"{found} AS {identifier(f'f:{name}')}")
            if f"s:{form.checked}" in available:
                inner.append(f"{identifier(f's:{form.checked}')} AS {identifier(f'o:{name}')}")
        inner.append(f"{identifier(f'e:{name}') if f'e:{name}' in available else 'NULL::VARCHAR'} AS {_reason(name)}")
        made = (
            _several(name, form)
            if rule.multi
            else _single(rule, form, f"s:{form.checked}" in available if form else False)
        )
        letters = "vwcr" if compared or rule.rule == "most_frequent" else "vw"
        outer += [f"{made[x]} AS {identifier(f'{x}:{name}')}" for x in letters if x in made]
    return f"SELECT {', '.join(outer)} FROM (SELECT {', '.join(inner)} FROM {table})"


def _delivered(rule: FieldRule) -> str:
    column = identifier(f"m:{rule.attribute}")
    return f"nullif(CAST({column} AS VARCHAR[]), [])" if rule.multi else f"nullif(CAST({column} AS VARCHAR), '')"


def _reason(name: str) -> str:
    return identifier(f"e:{name}")


def _single(rule: FieldRule, form: Form | None, checked: bool) -> dict[str, str]:
    name = rule.attribute
    raw, found, check = (identifier(f"{letter}:{name}") for letter in "rfo")
    cases = [f"WHEN {raw} IS NULL THEN NULL", f"WHEN {_reason(name)} IS NOT NULL THEN {_reason(name)}"]
    shown, compared = raw, f"lower({raw})"
    if form is not None:
        compared = f"CASE WHEN {raw} IS NOT NULL THEN coalesce({found}, lower({raw})) END"
        if form.shown:
            shown = f"CASE WHEN {raw} IS NOT NULL THEN coalesce({found}, {raw}) END"
            cases.append(f"WHEN {found} IS NULL THEN 'not recognised'")
        if checked:
            cases.append(f"WHEN {check} = false THEN 'check failed'")
    if not has_reasons(rule):
        nothing = ", ".join(map(literal, NOTHING))
        cases.append(f"WHEN length({raw}) < 8 AND lower({raw}) IN ({nothing}) THEN {literal(PLACEHOLDER)}")
    return {"v": shown, "w": f"CASE {' '.join(cases)} END", "c": compared, "r": raw}


def _several(name: str, form: Form | None) -> dict[str, str]:
    raw, found = identifier(f"r:{name}"), identifier(f"f:{name}")
    # A list that was delivered may name a value twice; the standard one does not.
    once = f"nullif(list_filter({raw}, lambda x, i: x <> '' AND list_position({raw}, x) = i), [])"
    if form is None:
        return {"v": once, "w": "NULL::VARCHAR", "r": raw}
    return {
        "v": f"CASE WHEN {raw} IS NULL THEN NULL WHEN {found} IS NOT NULL THEN {found} ELSE {once} END",
        "w": f"CASE WHEN {found} IS NULL AND {raw} IS NOT NULL THEN coalesce({_reason(name)}, 'not recognised') END",
        "r": raw,
    }


def is_junk(reason: str) -> str:
    """SQL: does this reason say that the value identifies nobody?"""
    words = ", ".join(map(literal, JUNK))
    return f"({reason} IS NOT NULL AND list_has_all([{words}], string_split({reason}, '; ')))"
