"""Whom a contact value stands for: its own, a shared one, or nobody's."""

from __future__ import annotations

import duckdb
import pyarrow as pa
import pytest

from matching.profile import (
    MOST_RECORDS,
    PROFILE,
    Profile,
    distinct_owners,
    effective_sql,
    profile_contacts,
    value_class,
)
from models.match_model import BlockingRule, Comparison, ContactKind, Declaration, Else, KeyPart, Level

NOTHING = Comparison(name="n", columns=[], levels=[Level(label="else", when=Else())])
KIND = ContactKind(column="phones", owner="owner", personal=1, shared=3)
RULE = BlockingRule(name="phone", parts=[KeyPart(column="phones")])
DECLARED = Declaration(entity_type="person", comparisons=[NOTHING], blocking=[RULE], contacts=[KIND], auto=1, review=0)
NAMES = ["wei zhang", "bob smith", "olga petrova", "juan garcia", "aiko tanaka", "chidi okafor"]


def profiled(rows: list[tuple[int, str | None, list[str] | None]]) -> tuple[duckdb.DuckDBPyConnection, Profile]:
    con = duckdb.connect()
    ids, owners, phones = (list(column) for column in zip(*rows, strict=True))
    table = {
        "record_id": ids,
        "owner": pa.array(owners, pa.string()),
        "phones": pa.array(phones, pa.list_(pa.string())),
    }
    con.register("rows_in", pa.table(table))
    con.execute("CREATE TABLE prepared AS SELECT * FROM rows_in")
    return con, profile_contacts(con, DECLARED, "prepared")


@pytest.mark.parametrize(
    ("names", "count"),
    [
        ([], 0),
        (["wei zhang"], 1),
        (["wei zhang", "zhang wei"], 1),  # order of words
        (["haichuan freight", "haichuan freight co"], 1),  # more words
        (["jonathan smith", "jonathon smith"], 1),  # a typing error
        (["wei zhang", "bob smith"], 2),
        (["other hai chuan", "latin haichuan freight"], 1),  # one company written in two scripts
        (["other hai chuan", "other sheng shi", "latin haichuan freight"], 2),
        # Someone called Latin is nobody's script, and hides nobody.
        (["latin jones", "wei zhang", "bob smith"], 3),
    ],
)
def test_owners_are_told_apart_with_tolerance_for_spelling(names: list[str], count: int) -> None:
    assert distinct_owners(names, 10) == count
    assert distinct_owners(names[::-1], 10) == count


@pytest.mark.parametrize(
    ("names", "count"),
    [
        (["zhang wei", "wei zhang"], 1),
        (["smith jonathan", "smith jonathon"], 1),
        (["smith bob/robert", "smith b"], 1),  # an initial of the nickname
        (["smith bob/robert", "smith robert"], 1),
        (["thompson zara", "tompson sarah"], 1),  # two typing errors
        (["smith", "smith robert"], 1),
        (["anderson anna", "anderson annabelle"], 2),  # what a family shares is no likeness
        (["schwarzenberg anna", "schwarzenberg peter"], 2),
        (["zhang wei", "zhang wen"], 2),
        (["zhang wei", "li wei"], 2),
    ],
)
def test_persons_are_told_apart_word_by_word(names: list[str], count: int) -> None:
    assert distinct_owners(names, 10, persons=True) == count
    assert distinct_owners(names[::-1], 10, persons=True) == count


def test_counting_persons_stops_one_above_the_limit() -> None:
    assert distinct_owners(NAMES, 3, persons=True) == 4


def test_counting_stops_one_above_the_limit() -> None:
    assert distinct_owners(NAMES, 3) == 4
    assert distinct_owners(NAMES, 6) == 6


def test_a_very_long_list_of_owners_is_not_compared_at_all() -> None:
    # All of one owner, but too many to look at: such a value identifies nobody either way.
    assert distinct_owners([f"wei zhang {n}" for n in range(161)], 3) == 4


@pytest.mark.parametrize(("owners", "expected"), [(1, None), (2, "shared"), (3, "shared"), (4, "junk"), (6, "junk")])
def test_the_number_of_owners_says_whose_a_value_is(owners: int, expected: str | None) -> None:
    _, profile = profiled([(i, name, ["+1"]) for i, name in enumerate(NAMES[:owners])])
    rows = profile.table.to_pylist()
    assert profile.table.schema == PROFILE
    if expected is None:
        assert rows == []
    else:
        found = {"column": "phones", "value": "+1", "records": owners, "owners": min(owners, 4), "class": expected}
        assert rows == [found]


def test_many_records_of_one_owner_leave_a_value_its_own() -> None:
    _, profile = profiled([(i, "wei zhang", ["+1"]) for i in range(50)])
    assert profile.table.num_rows == 0


def test_records_without_a_name_are_no_owners_and_are_counted_as_records() -> None:
    _, profile = profiled([(1, None, ["+1"]), (2, None, ["+1"]), (3, "wei zhang", ["+1"])])
    assert profile.table.num_rows == 0
    _, profile = profiled([(1, None, ["+1"]), (2, "bob smith", ["+1"]), (3, "wei zhang", ["+1"])])
    assert [(r["records"], r["owners"]) for r in profile.table.to_pylist()] == [(3, 2)]


def test_values_are_split_into_own_and_shared_and_junk_is_in_neither() -> None:
    rows = [(i, name, ["+junk", f"+own{i}"]) for i, name in enumerate(NAMES)]
    rows = [(i, n, [*p, "+shared"] if i < 2 else p) for i, n, p in rows]
    con, profile = profiled([*rows, (90, "nobody", None), (91, "empty", []), (92, "only junk", ["+junk"])])
    con.register("profile_rows", profile.table)
    got = {r[0]: r[1:] for r in con.execute(effective_sql(con, KIND, "prepared", "profile_rows")).fetchall()}
    assert got[0] == (["+own0"], ["+shared"])
    assert got[5] == (["+own5"], None)
    assert got[92] == (None, None)
    assert got.get(90, (None, None)) == got.get(91, (None, None)) == (None, None)


def test_the_profile_does_not_hang_on_the_order_of_records() -> None:
    rows: list[tuple[int, str | None, list[str] | None]] = [
        (i, name, ["+1", f"+{i % 2}"]) for i, name in enumerate([*NAMES, "wei zhang 2", "smith bob"])
    ]
    assert profiled(rows)[1].table.equals(profiled(rows[::-1])[1].table)


def test_a_value_in_very_many_records_identifies_nobody() -> None:
    assert value_class(KIND, MOST_RECORDS, ["wei zhang"]) == ("own", 1)
    assert value_class(KIND, MOST_RECORDS + 1, ["wei zhang"]) == ("junk", 4)
    _, profile = profiled([(i, "wei zhang", ["+1"]) for i in range(MOST_RECORDS + 1)])
    assert profile.table["class"].to_pylist() == ["junk"]


def test_of_chosen_values_the_own_ones_are_told_too() -> None:
    con, _ = profiled([(1, "wei zhang", ["+1", "+2"]), (2, "bob smith", ["+2", "+3"])])
    con.execute("CREATE TABLE chosen AS SELECT 'phones' AS \"column\", unnest(['+1', '+2', '+9']) AS value")
    found = profile_contacts(con, DECLARED, "prepared", "chosen").table.to_pylist()
    assert [(r["value"], r["class"]) for r in found] == [("+1", "own"), ("+2", "shared")]


def test_a_contact_column_without_a_rule_that_finds_its_records_is_refused() -> None:
    with pytest.raises(ValueError, match="no blocking rule consists of the contact column phones"):
        Declaration(entity_type="person", comparisons=[NOTHING], blocking=[], contacts=[KIND], auto=1, review=0)
