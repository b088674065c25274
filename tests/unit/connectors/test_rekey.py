"""Keys that a source changed: who goes on as whom, in whatever order rows, tombstones and the file arrive."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from connectors.landing import Landed
from models.store import Store
from models.vocabulary import record_id
from tests.unit.connectors.hub import Hub

HEADER = "id,name,tel,mobile,city"
DATED = "id,name,at,gone"


def text(*rows: str, header: str = HEADER) -> str:
    return "\n".join([header, *rows]) + "\n"


def of(key: str) -> int:
    return record_id("crm", "accounts", key)


def rekey(hub: Hub, *pairs: str, header: str = "old_key,new_key") -> None:
    hub.write(text(*pairs, header=header), "rekey.csv")
    hub.stream["rekey"] = "rekey.csv"


def moved(hub: Hub) -> dict[str, int]:
    """Old key → record id of the new one, of the last run."""
    return {key: row["rekeyed_to"] for key, row in hub.changes().items() if row["rekeyed_to"] is not None}


def held(hub: Hub) -> set[str]:
    assert hub.store is not None
    return set(hub.store.records("organization", ["source_key"])["source_key"].to_pylist())


@pytest.fixture
def hub(sqlite_hub: Hub) -> Hub:
    return sqlite_hub


@pytest.fixture
def dated(sqlite_hub: Hub) -> Hub:
    sqlite_hub.stream |= {"mode": "delta", "updated_at": "at", "deleted": "gone", "fields": {"name": "name"}}
    return sqlite_hub


@pytest.mark.parametrize("mode", ["snapshot", "delta"])
def test_a_record_goes_on_under_its_new_key(hub: Hub, mode: str) -> None:
    hub.stream["mode"] = mode
    hub.take(text("1,a,,,", "2,b,,,"))
    rekey(hub, "1,N1", "2,N2")
    rows = ["N1,a,,,", "2,b,,,"] if mode == "snapshot" else ["N1,a,,,"]
    found = hub.take(text(*rows))
    assert (found.inserted, found.deleted, found.rekeyed, found.remarks) == (1, 1, 1, [])
    assert hub.fates() == {"N1": "insert", "1": "delete"} and moved(hub) == {"1": of("N1")}
    again = hub.take(text(*rows), again=True)
    assert (again.rekeyed, again.unchanged) == (0, len(rows)) and hub.fates() == {}


def test_several_records_that_the_source_made_one(hub: Hub) -> None:
    hub.take(text("1,a,,,", "2,a,,,", "3,c,,,"))
    rekey(hub, "1,3", "2,3")
    found = hub.take(text("3,c,,,"))
    assert (found.deleted, found.rekeyed, found.unchanged) == (2, 2, 1)
    assert moved(hub) == {"1": of("3"), "2": of("3")}


def test_a_chain_of_new_keys_is_followed_to_the_one_that_came(hub: Hub) -> None:
    hub.take(text("1,a,,,"))
    rekey(hub, "1,2", "2,3", "3,4")
    hub.take(text("3,a,,,"))
    assert moved(hub) == {"1": of("3")}
    hub.take(text("4,a,,,"))
    assert moved(hub) == {"3": of("4")}
    rekey(hub, "1,2", "2,1")  # a ring leads nowhere
    assert hub.take(text("4,a,,,"), again=True).rekeyed == 0


def test_a_snapshot_of_before_takes_the_new_keys_back(hub: Hub) -> None:
    hub.take(text("1,a,,,", "2,b,,,"))
    rekey(hub, "1,N1", "N1,M1")
    hub.take(text("M1,a,,,", "2,b,,,"))
    hub.take(text("1,a,,,", "2,b,,,"))
    assert hub.fates() == {"1": "update", "M1": "delete"} and moved(hub) == {"M1": of("1")}
    hub.take(text("M1,a,,,", "2,b,,,"))
    assert hub.fates() == {"M1": "update", "1": "delete"} and moved(hub) == {"1": of("M1")}


def test_an_old_key_that_a_snapshot_still_has_is_a_record_of_its_own(hub: Hub) -> None:
    hub.take(text("1,a,,,"))
    rekey(hub, "1,N1")
    found = hub.take(text("1,a,,,", "N1,c,,,"))
    assert hub.fates() == {"N1": "insert"} and moved(hub) == {}
    assert found.remarks == ["1 old key of the rekey file came beside the new one and stay records of their own"]


def test_an_old_key_that_was_set_aside_counts_as_delivered(hub: Hub) -> None:
    hub.take(text("1,a,,,"))
    rekey(hub, "1,N1")
    found = hub.take(text("N1,a,,,", '1,"x",y,z,q,too,many'))
    assert found.rekeyed == 0 and "1" in held(hub)


def test_a_new_key_that_came_before_the_list_did(hub: Hub) -> None:
    hub.stream["mode"] = "delta"
    hub.take(text("1,a,,,", "N1,a,,,"))
    rekey(hub, "1,N1")
    assert hub.land().status == "landed"  # the list is part of how the file is read
    assert hub.take(text("N1,a,,,")).rekeyed == 1
    assert hub.fates() == {"1": "delete"} and moved(hub) == {"1": of("N1")}


def test_unknown_and_lost_keys_are_told_once(hub: Hub) -> None:
    hub.take(text("1,a,,,", "2,b,,,"))
    rekey(hub, "8,N8", "9,N9", "1,N1")
    found = hub.take(text("N8,x,,,", "2,b,,,"))
    assert found.remarks == [
        "the hub never held 1 old key of the rekey file, so what came under the new one is new",
        "1 old key of the rekey file went, but nothing came under the new one",
    ]
    assert found.rekeyed == 0 and hub.fates() == {"N8": "insert", "1": "delete"}
    assert hub.take(text("N8,y,,,", "2,b,,,")).remarks == []


def test_lines_that_say_nothing_usable_are_set_aside(hub: Hub) -> None:
    hub.take(text("1,a,,,"))
    rekey(hub, "1,N1", "2", ",N3", "1,N4", "1,N1", "", "5,5")
    found = hub.take(text("N1,a,,,"))
    assert (found.rekeyed, found.quarantined) == (1, 3)
    assert [(row["row"], row["source_key"], row["field"], row["value"]) for row in hub.aside()] == [
        (3, "2", "rekey", "2"),
        (4, None, "rekey", ",N3"),
        (5, "1", "rekey", "1,N4"),
    ]
    assert hub.aside()[0]["reason"] == "rekey file rekey.csv, line 3: does not hold an old key and a new key"
    assert hub.aside()[2]["reason"].endswith("line 2 gives this old key another new key; that holds")


@pytest.mark.parametrize("content", ["old,new\n1,2\n", "", b"old_key,new_key\n\xff\xfe"])
def test_a_file_that_cannot_be_read_fails_its_stream_and_nothing_else(hub: Hub, content: Any) -> None:
    hub.take(text("1,a,,,"))
    hub.write(content, "rekey.csv")
    hub.stream["rekey"] = "rekey.csv"
    landed = hub.land(text("N1,a,,,"))
    assert landed.status == "failed" and landed.error is not None
    assert landed.error.startswith(f"crm.accounts: rekey file {hub.folder / 'rekey.csv'}: ")


def test_keys_of_several_columns(hub: Hub) -> None:
    hub.stream["key"] = ["id", "city"]
    hub.take(text("1,a,,,QD"))
    rekey(hub, "1|QD,2|BJ")
    assert hub.take(text("2,a,,,BJ")).rekeyed == 1


def rows_of(hub: Hub, *rows: str) -> Landed:
    return hub.deliver(text(*rows, header=DATED), again=True)


OLD, NEW, TOMB = "1,a,2026-01-01,", "N1,b,2026-02-01,", "1,,2026-02-01,true"


@pytest.mark.parametrize("order", list(itertools.permutations([OLD, NEW, TOMB])))
@pytest.mark.parametrize("batches", [1, 2, 3])
def test_rows_of_a_delta_come_in_any_order_and_batch(dated: Hub, order: tuple[str, ...], batches: int) -> None:
    rekey(dated, "1,N1")
    cuts = {1: [order], 2: [order[:1], order[1:]], 3: [order[:1], order[1:2], order[2:]]}[batches]
    for rows in (*cuts, order[::-1], *cuts):
        dated.run(rows_of(dated, *[row for row in rows if not (row == OLD and TOMB in rows)]))
    assert held(dated) == {"N1"}


def test_a_late_row_under_the_old_key_is_history(dated: Hub) -> None:
    dated.run(rows_of(dated, OLD))
    rekey(dated, "1,N1")
    dated.run(rows_of(dated, NEW))
    found = dated.run(rows_of(dated, "1,z,2026-01-15,"))
    assert (found.late, found.updated) == (1, 0) and held(dated) == {"N1"}
    assert dated.run(rows_of(dated, "1,z,2026-01-15,")).unchanged == 1


def test_an_old_key_that_is_used_again_is_a_record_of_its_own(dated: Hub) -> None:
    dated.run(rows_of(dated, OLD))
    rekey(dated, "1,N1")
    dated.run(rows_of(dated, NEW))
    dated.run(rows_of(dated, "1,somebody else,2026-03-01,"))
    assert held(dated) == {"1", "N1"}
    assert dated.run(rows_of(dated, "N1,c,2026-02-15,")).rekeyed == 0
    assert held(dated) == {"1", "N1"}
    # The line of the file was carried out; the new row under the old key is no part of it.
    assert dated.run(rows_of(dated, "N1,c,2026-04-01,")).rekeyed == 0
    assert held(dated) == {"1", "N1"}


def test_an_old_delivery_without_times_changes_nothing(hub: Hub) -> None:
    hub.stream["mode"] = "delta"
    hub.take(text("1,a,,,"))
    rekey(hub, "1,N1")
    hub.take(text("N1,b,,,"))
    assert hub.take(text("1,a,,,")).unchanged == 1 and held(hub) == {"N1"}
    hub.take(text("1,other,,,"))
    assert held(hub) == {"1", "N1"}


def test_a_tombstone_before_the_new_key_does_not_end_the_record(dated: Hub) -> None:
    rekey(dated, "1,N1")
    dated.run(rows_of(dated, OLD))
    dated.run(rows_of(dated, TOMB))
    found = dated.run(rows_of(dated, NEW))
    assert (found.rekeyed, found.deleted) == (1, 0) and moved(dated) == {"1": of("N1")}
    assert dated.run(rows_of(dated, NEW)).rekeyed == 0


def test_the_deletion_of_an_old_key_has_the_time_of_the_new_one(dated: Hub, store: Store) -> None:
    dated.run(rows_of(dated, OLD))
    rekey(dated, "1,N1")
    dated.run(rows_of(dated, NEW))
    assert dated.changes()["1"]["source_time"] == dated.changes()["N1"]["source_time"]
