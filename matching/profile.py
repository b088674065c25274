"""Contact profiles: whom a phone number, mailbox or domain stands for, decided before anything is matched.

A value used by few owners is theirs; by more, it belongs to a household, an office or an agent and is only a weak hint;
by many, it identifies nobody. Owners are told apart with some tolerance for spelling, so that one customer written in
five ways does not look like five.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyarrow as pa
from rapidfuzz import fuzz, process
from rapidfuzz.distance import Levenshtein

from matching.model.conditions import quoted
from models.match_model import ContactKind, Declaration

if TYPE_CHECKING:
    import duckdb

PROFILE = pa.schema(
    [
        ("column", pa.string()),
        ("value", pa.string()),
        ("records", pa.int64()),
        ("owners", pa.int64()),
        ("class", pa.string()),
    ]
)


MOST_RECORDS = 2000
"""A value in more records than this identifies nobody, whoever they are."""
_SCRIPTS = ("latin ", "other ")


@dataclass(frozen=True)
class Profile:
    """The values that are not simply somebody's own: one row per value with `class` shared or junk."""

    table: pa.Table


def distinct_owners(names: list[str], most: int, *, persons: bool = False) -> int:
    """Number of owners that `names` stand for, spellings of one name taken together; counts no further than `most` + 1.

    Where all names begin with a script (`latin `, `other `) they are compared within it, and the script with more
    owners counts. `persons`: the names are those of persons, who have surnames in common.
    """
    if len(names) > 40 * (most + 1):
        return most + 1
    if persons:
        return _persons(names, most)
    if not all(name.startswith(_SCRIPTS) for name in names):
        return _heads(names, most)
    return max(_heads([n[len(s) :] for n in names if n.startswith(s)], most) for s in _SCRIPTS)


def _heads(names: list[str], most: int) -> int:
    heads: list[str] = []
    for name in sorted(names, key=lambda n: (-len(n), n)):
        if heads and process.extractOne(name, heads, scorer=fuzz.token_set_ratio, score_cutoff=80) is not None:
            continue
        heads.append(name)
        if len(heads) > most:
            break
    return len(heads)


def _persons(names: list[str], most: int) -> int:
    heads: list[list[list[str]]] = []
    split = ([word.split("/") for word in name.split()] for name in names)
    for words in sorted(split, key=lambda w: (-len(w), w)):
        if not any(all(any(_one_word(word, other) for other in head) for word in words) for head in heads):
            heads.append(words)
            if len(heads) > most:
                break
    return len(heads)


def _one_word(left: list[str], right: list[str]) -> bool:
    """Whether two words of names may be one in any of their forms: equal, an initial, two typing errors apart."""
    return any(_alike(a, b) for a in left for b in right)


def _alike(left: str, right: str) -> bool:
    if left == right:
        return True
    shorter = min(len(left), len(right))
    if shorter == 1:
        return left[0] == right[0]
    return shorter > 3 and Levenshtein.distance(left, right, score_cutoff=2) <= 2


def value_class(kind: ContactKind, records: int, owners: list[str]) -> tuple[str, int]:
    """`own`, `shared` or `junk`, and how many owners a value has (counted no further than needed)."""
    if records > MOST_RECORDS:
        return "junk", kind.shared + 1
    several = len(owners) > kind.personal
    count = distinct_owners(owners, kind.shared, persons=kind.persons) if several else len(owners)
    return ("own" if count <= kind.personal else "shared" if count <= kind.shared else "junk"), count


def profile_contacts(
    con: duckdb.DuckDBPyConnection, declaration: Declaration, prepared: str, values: str | None = None
) -> Profile:
    """Profiles the contact columns of the DuckDB table `prepared`; values that are their owner's own are left out.

    With `values` (a table of column, value) only those are profiled, and all of them are in the result.
    """
    rows: dict[str, list[object]] = {name: [] for name in PROFILE.names}
    for kind in declaration.contacts:
        wanted = ""
        having = f"HAVING count(DISTINCT owner) > {kind.personal} OR count(*) > {MOST_RECORDS}"
        if values:
            having = ""
            wanted = f"SEMI JOIN (SELECT value FROM {values} WHERE \"column\" = '{kind.column}') USING (value)"
        found = con.execute(
            f"SELECT value, count(*) AS n, list_sort(list(DISTINCT owner) FILTER (owner IS NOT NULL)) AS owners FROM "
            f"(SELECT unnest({quoted(kind.column)}) AS value, {quoted(kind.owner)} AS owner FROM {prepared}) {wanted} "
            f"GROUP BY value {having} ORDER BY value"
        ).fetchall()
        for value, n, owners in found:
            cls, count = value_class(kind, n, owners or [])
            if values or cls != "own":
                for name, item in zip(PROFILE.names, (kind.column, value, n, count, cls), strict=True):
                    rows[name].append(item)
    return Profile(pa.table(rows, schema=PROFILE))


def effective_sql(con: duckdb.DuckDBPyConnection, kind: ContactKind, standard: str, profile: str) -> str:
    """SQL giving record_id, `<column>_own` and `<column>_shared` (lists, null when empty) of one contact column."""
    name = kind.column
    return (
        f"SELECT record_id, "
        f"nullif(list_sort(list(DISTINCT value) FILTER (cls IS NULL OR cls = 'own')), []) AS {quoted(name + '_own')}, "
        f"nullif(list_sort(list(DISTINCT value) FILTER (cls = 'shared')), []) AS {quoted(name + '_shared')} "
        f"FROM (SELECT s.record_id, s.value, p.class AS cls "
        f"FROM (SELECT record_id, unnest({quoted(name)}) AS value FROM {standard}) s "
        f"LEFT JOIN {profile} p ON p.\"column\" = '{name}' AND p.value = s.value) GROUP BY record_id"
    )
