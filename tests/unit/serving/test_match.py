"""`kehu match`: what is typed becomes a record, and the answer is told."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest

from models.config import Config
from models.errors import ConfigError
from serving.asking import NamedRecord, entity_of, named_record, read_record, shown_name
from serving.cli import main
from tests.unit.matching.conftest import COLUMNS
from tests.unit.matching.hub import Hub
from tests.unit.serving import filled

NAME = "青岛海川货运有限公司"


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Hub:
    folder = tmp_path_factory.mktemp("hub")
    hub = Hub(folder, "sqlite:///hub.db", "organization", COLUMNS["organization"])
    hub.put({"a": {"name": NAME, "phone": "0532-85671234"}, "b": {"name": "青岛海川货运", "phone": "0532-85671234"}})
    hub.run()
    return hub


@pytest.fixture
def config() -> Config:
    return filled.config()


def called(hub: Hub, capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    code = main(["match", *words, "--config", str(hub.folder / "kehu.yaml")])
    return code, *capsys.readouterr()


def test_attributes_given_one_by_one(hub: Hub, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = called(hub, capsys, "--set", "name=海川货运", "--set", "phone=1", "--set", "phone=0532 85671234")
    assert code == 0 and hub.golden_of("a") in out and NAME in out and "phone is not used" in out
    assert "comparison" not in out


def test_the_reasons_are_shown_when_asked_for_and_add_up(hub: Hub, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = called(hub, capsys, json.dumps({"name": "海川货运"}), "--explain")
    assert code == 0 and "before anything is compared" in out and "crm.rows:" in out


def test_the_answer_as_json(
    hub: Hub, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "record.json").write_text(json.dumps({"name": NAME}), encoding="utf-8")
    monkeypatch.setattr("sys.stdin", io.StringIO(json.dumps({"name": NAME})))
    answers = []
    for words in (("--file", str(tmp_path / "record.json")), ("-",), ("--set", f"name={NAME}")):
        code, out, _ = called(hub, capsys, *words, "--json", "--limit", "1", "--entity", "organization")
        assert code == 0
        answers.append(json.loads(out))
    assert answers[0] == answers[1] == answers[2]
    (found,) = answers[0]["matches"]
    assert found["golden_id"] == hub.golden_of("a") and found["shown"] == NAME and found["outcome"] == "match"
    assert set(answers[0]) == {
        "entity_type", "run_id", "model_id", "candidates", "matches", "cut", "problems", "notes",
    }  # fmt: skip


def test_a_record_of_the_hub(hub: Hub, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = called(hub, capsys, "crm.rows:a", "--json")
    assert code == 0
    (found,) = json.loads(out)["matches"]
    assert found["own"] and found["best"]["source_key"] == "b"


def test_nobody_comes_near(hub: Hub, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = called(hub, capsys, "--set", "name=成都天府酒店管理有限公司", "--entity", "organization")
    assert code == 0 and "No golden record comes near" in out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "give a record"),
        (("crm:a", "--set", "name=x"), "do not go with a record of the hub"),
        (("{}", "--file", "x.json"), "not both"),
        (("--set", "name"), "'name' is not NAME=VALUE"),
        (("--set", "nmae=x"), "did you mean 'name'"),
        (("[1]",), "no JSON object"),
        (("{",), "no JSON object"),
        (("crn:a",), "did you mean 'crm'"),
        (("crm:zzz",), "crm:zzz is not in the hub"),
        (("--set", "name=x", "--entity", "persn"), "did you mean 'person'"),
    ],
)
def test_a_wrong_question_ends_with_2(
    hub: Hub, capsys: pytest.CaptureFixture[str], words: tuple[str, ...], said: str
) -> None:
    code, _, err = called(hub, capsys, *words)
    assert code == 2 and said in err


def test_a_hub_that_no_run_has_made(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    hub = Hub(tmp_path, "sqlite:///other.db", "organization", "name", model=False)
    code, _, err = called(hub, capsys, "--set", "name=x")
    assert code == 1 and "there is no hub yet" in err


def test_a_name_given_again_adds_a_value_and_goes_before_the_object(config: Config) -> None:
    found = read_record(config, '{"phone": "1", "name": "x"}', ["phone=2", "phone=3=4"])
    assert found == {"phone": ["2", "3=4"], "name": "x"}


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("crm:A:1", NamedRecord("crm", None, "A:1")),
        ("dms.customers:7", NamedRecord("dms", "customers", "7")),
        ('{"name": "a:b"}', None),
        ("-", None),
        ("crm", None),
    ],
)
def test_names_of_records(config: Config, text: str, found: NamedRecord | None) -> None:
    assert named_record(config, text) == found


def test_the_entity_type_is_told_by_the_attributes(config: Config) -> None:
    assert entity_of(config, {"name": "x", "city": "y"}) == "organization"
    assert entity_of(config, {"full_name": "x"}) == "person"
    assert entity_of(config, {"dealer_code": "x"}) == "organization"
    for record, said in (({"phone": "1"}, "say which"), ({"name": 1, "full_name": 2}, "no entity type has all")):
        with pytest.raises(ConfigError, match=said):
            entity_of(config, record)
    only = filled.config().model_copy(update={"sources": [s for s in config.sources if s.name == "dms"]})
    assert entity_of(only, {"phone": "1"}) == "organization"


@pytest.mark.parametrize(
    ("values", "name"),
    [
        ({"name": "顺丰", "name_en": "SF"}, "顺丰"),
        ({"family_name": "王", "given_name": "伟"}, "王伟"),
        ({"family_name": "Miller", "given_name": "Robert"}, "Robert Miller"),
        ({"city": "x"}, ""),
    ],
)
def test_the_name_that_is_shown(values: dict[str, Any], name: str) -> None:
    assert shown_name(values) == name
