"""Features: the standard columns as matching sees them, with contact values split by whom they stand for.

Two steps, since contact values are profiled in between: `prepare` derives columns from a record alone, `build_features`
adds `<contact>_own` and `<contact>_shared`. Values that identify nobody are in neither list.
"""

from __future__ import annotations

import re
from collections.abc import Collection

import duckdb

from matching.model.conditions import quoted
from matching.profile import Profile, effective_sql
from matching.words import COMMON_WORDS, PARTICLES
from models.match_model import Declaration

# One number is written with and without its country; nine digits and the extension tell numbers apart all the same.
_TAILS = (
    "nullif(list_distinct(list_transform(phones, lambda p: "
    "right(regexp_replace(split_part(p, ';', 1), '\\D', '', 'g'), 9) || "
    "CASE WHEN contains(p, ';') THEN ';' || split_part(p, ';', 2) ELSE '' END)), []) AS phone_tails"
)
_BASE_TAILS = (
    "nullif(list_distinct(list_transform(phone_bases, lambda p: right(regexp_replace(p, '\\D', '', 'g'), 9))), []) "
    "AS base_tails"
)
_HAN = r"'\p{Han}'"
_VALID_ID = "CASE WHEN coalesce(national_id_ok, FALSE) AND national_id_kind = 'resident' THEN national_id END"

# The street without the place behind it, which some sources write into the same line.
_STREET = (
    f"CASE WHEN NOT regexp_matches(address_norm, {_HAN}) THEN nullif(regexp_replace(coalesce(road, address_ascii), "
    "'[^a-z]', '', 'g'), '') END AS street_latin"
)


def _bones(name: str) -> str:
    """Consonants of a name in Latin letters: what transcriptions from other scripts have in common."""
    letters = f"replace(replace(replace(lower({name}_ascii), 'x', 'ks'), 'ph', 'f'), 'ck', 'k')"
    bones = f"regexp_replace({letters}, '[^bcdfgjklmnpqrstvz]', '', 'g')"
    for letter in "bcdfgjklmnpqrstvz":
        bones = f"replace({bones}, '{letter * 2}', '{letter}')"
    return f"CASE WHEN NOT regexp_matches({name}, {_HAN}) AND length({bones}) >= 2 THEN {bones} END AS {name}_bones"


# What may be a surname: every longer word of a Latin name but the given name, without particles.
_SURNAMES = (
    f"CASE WHEN NOT regexp_matches(surname, {_HAN}) THEN nullif(list_distinct(list_filter(list_append("
    "string_split(name_ascii, ' '), surname_ascii), lambda w: length(w) > 3 AND w <> coalesce(given_ascii, '') "
    f"AND NOT list_contains({list(PARTICLES)}, w))), []) END AS surnames"
)

# Where a company is found, for telling a house of many companies from a company's own.
_DOORS = (
    "CASE WHEN road_key IS NOT NULL AND road_no IS NOT NULL THEN "
    "[concat_ws('|', coalesce(left(city_code, 4), city_norm, ''), road_key, road_no)] END AS doors"
)

_PREPARED = {
    "organization": (
        "nullif(list_distinct(list_filter(list_append(coalesce(email_domains, []), web_domain), "
        "lambda d: d IS NOT NULL)), []) AS domains",
        _BASE_TAILS,
        _STREET,
        _DOORS,
        # Spellings are compared within one script: a company that writes itself in two is still one owner.
        "CASE WHEN name_script = 'latin' THEN 'latin ' || array_to_string(name_tokens, ' ') "
        "ELSE 'other ' || name_ascii END AS owner_name",
    ),
    "person": (
        _TAILS,
        # A given name in both its forms: "smith bob/robert".
        "nullif(concat_ws(' ', surname_ascii, CASE WHEN given_root <> given_ascii THEN concat(given_ascii, '/', "
        "given_root) ELSE given_ascii END), '') AS owner_name",
        _STREET,
        f"{_VALID_ID} AS valid_id",
        # Length, and where letters stand: what tells a passport's number from a tax payer's.
        "regexp_replace(regexp_replace(national_id, '[0-9]', '0', 'g'), '[^0]', 'A', 'g') AS id_shape",
        # A Chinese resident id holds the date of birth (GB 11643-1999, places 7 to 14).
        f"coalesce(birth_digits, substr({_VALID_ID}, 7, 8)) AS born",
        f"CASE WHEN NOT regexp_matches(given, {_HAN}) THEN given_ascii END AS given_latin",
        f"CASE WHEN NOT regexp_matches(surname, {_HAN}) THEN surname_ascii END AS surname_latin",
        f"CASE WHEN regexp_matches(given, {_HAN}) THEN given END AS given_han",
        f"CASE WHEN length(given) > 1 OR regexp_matches(given, {_HAN}) THEN given END AS given_long",
        # I behind a given name is an initial, or the first of his name: not the second.
        "coalesce(name_suffix, CASE WHEN middle = 'i' THEN 'i' END) AS generation",
        _SURNAMES,
        "string_split(name_ascii, ' ') AS name_words",
        _bones("given"),
        _bones("surname"),
    ),
}

_STEM = "name_script IN ('han', 'mixed')"
_STEM_TEXT = "concat(name_region, name_core, name_industry)"

_COMMON = list(COMMON_WORDS)

# Hard rules ask "both known and different"; a company without a branch is known to be no branch.
_FEATURES = {
    "organization": (
        f"list_filter(alt_cores, lambda c: regexp_matches(c, {_HAN}))[1] AS han_core",
        f"list_filter(alt_cores, lambda c: NOT regexp_matches(c, {_HAN}))[1] AS latin_core",
        f"nullif(list_distinct(string_split(list_filter(alt_cores, lambda c: regexp_matches(c, {_HAN}))[1], '')), []) "
        "AS core_chars",
        f"CASE WHEN {_STEM} THEN list_distinct(string_split({_STEM_TEXT}, '')) END AS stem_chars",
        # A stem with one character of its trade name left out: what two spellings share that differ in one character.
        f"CASE WHEN {_STEM} AND length(name_core) <= 10 THEN list_distinct(list_append(list_transform("
        "range(1, length(name_core) + 1), lambda i: concat(name_region, left(name_core, i - 1), "
        f"substr(name_core, i + 1), name_industry)), {_STEM_TEXT})) END AS stem_gaps",
        "CASE WHEN name_script = 'latin' THEN alt_ascii[-1] ELSE name_ascii END AS sound_key",
        "CASE WHEN name_script = 'latin' THEN name_tokens END AS words",
        f"CASE WHEN name_script = 'latin' THEN nullif(list_filter(name_tokens, lambda w: NOT list_contains("
        f"list_concat(string_split(coalesce(name_industry, ''), ' '), {_COMMON}), w)), []) END AS core_words",
        f"CASE WHEN name_script = 'latin' THEN nullif(list_filter(name_tokens, lambda w: length(w) > 1 "
        f"AND NOT list_contains(list_concat(list_append(string_split(coalesce(name_industry, ''), ' '), "
        f"coalesce(name_industry, '')), {_COMMON}), w)), []) "
        "END AS key_tokens",
        "CASE WHEN name_script = 'latin' THEN replace(name_industry, 'group ', '') END AS latin_trade",
        "CASE WHEN coalesce(tax_id_ok, FALSE) THEN tax_id END AS valid_tax_id",
        "CASE WHEN name_norm IS NOT NULL THEN coalesce(branch, '-') END AS branch_mark",
        "CASE WHEN is_sole_trader THEN 'sole trader' WHEN org_form LIKE '%partnership%' THEN 'partnership' "
        "WHEN org_form IS NOT NULL THEN 'company' END AS owner_kind",
        "CASE WHEN right(name_region_code, 2) <> '00' THEN name_region_code END AS name_district",
        f"CASE WHEN {_STEM} THEN name_industry END AS trade",
        f"CASE WHEN {_STEM} THEN list_distinct(string_split(name_industry, '')) END AS trade_chars",
        "nullif(list_distinct(list_filter([left(city_code, 4), CASE WHEN right(name_region_code, 4) <> '0000' THEN "
        "left(name_region_code, 4) END, CASE WHEN city_code IS NULL THEN city_norm END], "
        "lambda c: c IS NOT NULL)), []) AS cities",
        "nullif(list_distinct(list_filter([left(province_code, 2), left(name_region_code, 2), CASE WHEN province_code "
        "IS NULL THEN province_norm END], lambda c: c IS NOT NULL)), []) AS provinces",
    ),
}


def prepare(con: duckdb.DuckDBPyConnection, entity_type: str, standard: str, target: str = "prepared") -> None:
    """Creates the table `target`: the table `standard` with what is derived from each record alone."""
    extra = "".join(", " + column for column in _PREPARED.get(entity_type, ()))
    con.execute(f"CREATE OR REPLACE TABLE {target} AS SELECT *{extra} FROM {standard}")


def build_features(
    con: duckdb.DuckDBPyConnection, declaration: Declaration, prepared: str, profile: Profile, target: str = "features"
) -> None:
    """Creates the table `target` from the table `prepared`: record_id and what the declaration reads."""
    con.register("profile_rows", profile.table)
    # What nothing reads is left behind: the table is the largest of a run.
    needed = {"record_id", *declaration.columns()}
    have = [row[0] for row in con.execute(f"DESCRIBE {prepared}").fetchall() if row[0] in needed]
    joins, columns = [], []
    for i, kind in enumerate(declaration.contacts):
        con.execute(f"CREATE OR REPLACE TEMP TABLE contact_{i} AS {effective_sql(con, kind, prepared, 'profile_rows')}")
        joins.append(f"LEFT JOIN contact_{i} c{i} ON c{i}.record_id = s.record_id")
        for suffix in ("_own", "_shared"):
            columns.append(f"c{i}.{quoted(kind.column + suffix)}")
    columns += _FEATURES.get(declaration.entity_type, ())
    kept = ", ".join("s." + quoted(c) for c in have)
    extra = "".join(", " + c for c in columns)
    con.execute(f"CREATE OR REPLACE TABLE {target} AS SELECT {kept}{extra} FROM {prepared} s {' '.join(joins)}")
    con.unregister("profile_rows")
    for i in range(len(declaration.contacts)):
        con.execute(f"DROP TABLE IF EXISTS contact_{i}")


def plain_features(
    entity_type: str, wanted: Collection[str], standard: Collection[str], source: str
) -> tuple[list[str], str]:
    """The columns `wanted`, none of which asks whom contact values stand for, made of no more than they need.

    Returns the needed ones of the columns `standard`, and SQL giving record_id and `wanted` of a table `source` of
    record_id and these.
    """
    derived, prepared = (dict(map(_named, parts.get(entity_type, ()))) for parts in (_FEATURES, _PREPARED))
    told = {name: derived[name] if name in derived else quoted(name) for name in sorted(wanted)}
    needed = _words(told.values())
    first = {name: sql for name, sql in prepared.items() if name in needed}
    needed |= _words(first.values())
    inner = "".join(f", {sql} AS {quoted(name)}" for name, sql in first.items())
    outer = "".join(f", {sql} AS {quoted(name)}" for name, sql in told.items())
    names = [name for name in standard if name in needed and name != "record_id"]
    return names, f"SELECT record_id{outer} FROM (SELECT *{inner} FROM {source})"


def _named(column: str) -> tuple[str, str]:
    """Name and SQL of a derived column."""
    sql, _, name = column.rpartition(" AS ")
    return name, sql


def _words(sql: Collection[str]) -> set[str]:
    """The words of SQL, among which are the columns that it reads."""
    return {word for one in sql for word in re.findall(r"\w+", one)}
