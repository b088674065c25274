from __future__ import annotations

from pathlib import Path

import pytest

from models.errors import ConfigError
from models.store import Store
from serving.decisions import Verdict, decided, read_verdicts, record_verdicts, undo
from tests.unit.serving.filled import config, rid


def decide(hub: Store, left: str, right: str, verdict: str = "match") -> None:
    record_verdicts(hub, config(), [Verdict(verdict, left, right, "wang", "because")])


def test_a_decision_is_appended_with_the_records_in_order(hub: Store) -> None:
    decide(hub, "dms:D:1", "crm:A1", "no-match")
    (entry,) = hub.decisions().to_pylist()
    assert [entry["left_id"], entry["right_id"]] == sorted((rid("dms.customers:D:1"), rid("crm.accounts:A1")))
    assert (entry["kind"], entry["verdict"], entry["by"], entry["reason"]) == ("pair", "no_match", "wang", "because")


def test_of_two_records_with_one_key_the_one_of_the_right_type_is_meant(hub: Store) -> None:
    decide(hub, "crm:A1", "crm:A2")
    (entry,) = hub.decisions().to_pylist()
    assert {entry["left_id"], entry["right_id"]} == {rid("crm.accounts:A1"), rid("crm.accounts:A2")}


@pytest.mark.parametrize(
    ("left", "right", "said"),
    [
        ("crm:A1", "dms:nobody", "dms:nobody: the hub holds no such record"),
        ("crn:A1", "dms:D:1", "did you mean 'crm'"),
        ("crm.acounts:A1", "dms:D:1", "did you mean 'accounts'"),
        ("A1", "dms:D:1", "SOURCE:KEY"),
        ("crm:7", "dms:D:1", "SOURCE.STREAM:KEY"),
        ("crm:A1", "crm:A1", "against itself"),
        ("crm.contacts:A1", "dms:D:1", "of type person"),
    ],
)
def test_what_cannot_be_meant_is_refused(hub: Store, left: str, right: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        decide(hub, left, right)
    assert len(hub.decisions()) == 0


def test_one_stream_can_be_named(hub: Store) -> None:
    decide(hub, "crm.leads:7", "crm.accounts:7")
    assert len(hub.decisions()) == 1


def test_an_undone_decision_stays_and_does_not_hold(hub: Store) -> None:
    decide(hub, "crm:A1", "dms:D:1")
    (entry,) = hub.decisions().to_pylist()
    number = undo(hub, entry["id"], by="li", reason="seen both")
    log = hub.decisions().to_pylist()
    assert log[0] == entry
    same = ("kind", "verdict", "entity_type", "left_id", "right_id")
    assert [log[1][name] for name in same] == [entry[name] for name in same]
    assert (log[1]["id"], log[1]["undoes"], log[1]["by"], log[1]["reason"]) == (number, entry["id"], "li", "seen both")
    assert hub.decisions(active_only=True).num_rows == 0
    decide(hub, "crm:A1", "dms:D:1")  # decided anew
    assert hub.decisions(active_only=True).num_rows == 1


def test_what_cannot_be_undone_is_refused(hub: Store) -> None:
    decide(hub, "crm:A1", "dms:D:1")
    first = hub.decisions()["id"].to_pylist()[0]
    second = undo(hub, first, by="li", reason="x")
    for number, said in (
        (first, f"decision {first} was undone already, by decision {second} \\(li"),
        (second, f"decision {second} undid decision {first}; decide again instead"),
        (second + 1, f"there is no decision {second + 1}"),
        (2**70, "there is no decision"),
    ):
        with pytest.raises(ConfigError, match=said):
            undo(hub, number, by="li", reason="x")
    assert hub.decisions().num_rows == 2


def test_decisions_are_listed_with_the_names_of_their_records(hub: Store) -> None:
    decide(hub, "crm:A2", "crm:A1", "no-match")
    decide(hub, "crm.leads:7", "crm.accounts:7")
    hub.add_decisions([{"kind": "other", "verdict": "x", "by": "y", "left_id": 5}])
    total, rows = decided(hub, limit=10)
    assert total == 3
    assert [row["verdict"] for row in rows] == ["x", "match", "no-match"]
    assert (rows[0]["left"], rows[0]["right"]) == ("record 5", None)
    assert {rows[1]["left"], rows[1]["right"]} == {"crm.accounts:7", "crm.leads:7"}
    assert decided(hub, limit=1)[1] == rows[:1]
    decide(hub, rows[1]["left"], rows[2]["left"])  # the names are those that the command takes


def write(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "decisions.csv"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_file_is_taken_whole(hub: Store, tmp_path: Path) -> None:
    path = write(tmp_path, "verdict,left,right,by,reason\nmatch,crm:A1,dms:D:1,li,\nno_match,crm:A1,crm:A2,,x\n")
    verdicts = read_verdicts(path, by="wang", reason="list of May")
    assert [(v.by, v.reason) for v in verdicts] == [("li", "list of May"), ("wang", "x")]
    assert len(record_verdicts(hub, config(), verdicts, file=path)) == 2


def test_or_not_at_all_and_every_unknown_record_is_named(hub: Store, tmp_path: Path) -> None:
    path = write(
        tmp_path,
        "verdict,left,right,by,reason\nmatch,crm:A1,dms:D:1,li,x\nmatch,crm:A1,dms:no1,li,x\nmatch,crm:no2,dms:D:1,li,x\n",
    )
    with pytest.raises(ConfigError, match=r"(?s)line 3: dms:no1.*line 4: crm:no2.*no decision was recorded"):
        record_verdicts(hub, config(), read_verdicts(path), file=path)
    assert len(hub.decisions()) == 0


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("verdict,left\nmatch,a\n", "right, by, reason is missing"),
        ("verdict,left,right,by,reason\nperhaps,a:1,b:1,x,y\n", "line 2: unknown verdict 'perhaps'"),
        ("verdict,left,right,by,reason\nmatch,a:1,,x,y\n", "line 2: right is empty"),
        ("verdict,left,right,by,reason\nmatch,a:1\n", "line 2: right, by, reason is empty"),
    ],
)
def test_a_broken_file_is_wrong_usage(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        read_verdicts(write(tmp_path, text))


def test_an_absent_or_undecodable_file_is_wrong_usage(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no such file"):
        read_verdicts(tmp_path / "none.csv")
    path = tmp_path / "bad.csv"
    path.write_bytes(b"verdict,left\xff\n")
    with pytest.raises(ConfigError, match="not readable"):
        read_verdicts(path)


def test_a_long_list_of_mistakes_is_cut(hub: Store, tmp_path: Path) -> None:
    lines = "".join(f"match,crm:A1,dms:no{i},li,x\n" for i in range(50))
    path = write(tmp_path, "verdict,left,right,by,reason\n" + lines)
    with pytest.raises(ConfigError, match="and 30 more"):
        record_verdicts(hub, config(), read_verdicts(path), file=path)
