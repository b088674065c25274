from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
import types
from pathlib import Path
from typing import Any

import pytest

from models.errors import StoreError
from models.store import open_store
from serving.cli import main
from tests.unit.serving.filled import CONFIG, fill

RESULT: dict[str, Any] = {
    "run_id": "r9",
    "records": 7,
    "changed": 7,
    "deleted": 0,
    "quarantined": 1,
    "golden": 4,
    "seconds": {"land": 0.5},
    "peak_rss_mb": 100.0,
}


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "kehu.yaml").write_text(CONFIG, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def hub(project: Path) -> Path:
    with open_store(f"sqlite:///{project / 'hub.db'}") as store:
        fill(store)
    return project


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """Stands in for the run itself; holds what it was called with. `result` of the module is what it returns."""
    seen: list[dict[str, Any]] = []
    module = types.ModuleType("orchestration.run")

    def run_hub(config: Any, **given: Any) -> dict[str, Any]:
        given.pop("progress")("land", "3 rows")
        seen.append(given)
        if isinstance(module.__dict__["result"], Exception):
            raise module.__dict__["result"]
        return module.__dict__["result"]  # type: ignore[no-any-return]

    def train_hub(config: Any, **given: Any) -> dict[str, Any]:
        seen.append({"entity": given["entity"]})
        return {"models": [{"entity_type": "organization", "model_id": "m1", "records": 1000}]}

    module.__dict__.update(run_hub=run_hub, train_hub=train_hub, result=RESULT)
    monkeypatch.setitem(sys.modules, "orchestration.run", module)
    monkeypatch.setattr("serving.cli.progress.WORTH_A_LINE", 0.0)
    return seen


def last(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(capsys.readouterr().out.splitlines()[-1])
    return found


def test_a_run_ends_with_its_result(
    project: Path, calls: list[dict[str, Any]], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["run", "--json"]) == 0
    said = capsys.readouterr()
    assert json.loads(said.out) == RESULT
    assert "land: 3 rows" in said.err
    assert calls == [{"full": False, "source": None}]


def test_a_run_of_one_source_in_full_for_people(
    project: Path, calls: list[dict[str, Any]], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["run", "--full", "--source", "dms", "--config", str(project / "kehu.yaml")]) == 0
    assert calls == [{"full": True, "source": "dms"}]
    said = capsys.readouterr().out
    assert "golden records" in said and "kehu quarantine" in said


def test_an_unknown_source_is_wrong_usage(
    project: Path, calls: list[dict[str, Any]], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["run", "--source", "dsm", "--json"]) == 2
    assert last(capsys)["mistakes"][0]["nearest"] == "dms"
    assert calls == []


def test_a_source_that_failed_shows_in_the_exit_code_and_the_rest_is_told(
    project: Path, calls: list[dict[str, Any]], capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [{"source": "dms", "stream": "customers", "status": "failed", "error": "no such file"}]
    sys.modules["orchestration.run"].__dict__["result"] = {**RESULT, "failed_sources": ["dms"], "sources": rows}
    assert main(["run", "--json"]) == 1
    said = capsys.readouterr()
    assert json.loads(said.out)["failed_sources"] == ["dms"]
    assert "dms.customers: no such file" in said.err


def test_an_expected_failure_is_one_line(
    project: Path, calls: list[dict[str, Any]], capsys: pytest.CaptureFixture[str]
) -> None:
    sys.modules["orchestration.run"].__dict__["result"] = StoreError("the disk is full")
    assert main(["run", "--json"]) == 1
    said = capsys.readouterr()
    assert "kehu: the disk is full" in said.err and "Traceback" not in said.err
    assert json.loads(said.out.splitlines()[-1]) == {"error": "the disk is full", "exit_code": 1}


def test_an_unexpected_failure_is_one_line_and_a_file(
    project: Path, calls: list[dict[str, Any]], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(project))
    sys.modules["orchestration.run"].__dict__["result"] = ZeroDivisionError("oh")
    assert main(["run"]) == 1
    said = capsys.readouterr().err
    assert "unexpected error: ZeroDivisionError: oh" in said and "Traceback" not in said
    (log,) = project.glob("kehu-error-*.log")
    assert str(log) in said
    assert "Traceback" in log.read_text(encoding="utf-8")
    monkeypatch.setenv("KEHU_DEBUG", "1")
    assert main(["run"]) == 1
    assert "Traceback" in capsys.readouterr().err


def test_the_details_of_an_unexpected_failure_are_in_the_journal_of_a_service(
    project: Path, calls: list[dict[str, Any]], capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(project))
    sys.modules["orchestration.run"].__dict__["result"] = ZeroDivisionError("oh")
    stream = os.fstat(2)
    monkeypatch.setenv("JOURNAL_STREAM", f"{stream.st_dev}:{stream.st_ino}")
    assert main(["run"]) == 1
    said = capfd.readouterr().err
    assert "Traceback" in said
    assert said.splitlines()[-1] == "kehu: unexpected error: ZeroDivisionError: oh (details above)"
    assert list(project.glob("kehu-error-*.log")) == []
    monkeypatch.setenv("JOURNAL_STREAM", "1:1")  # of a terminal that a service of the desktop has opened
    assert main(["run"]) == 1
    assert "Traceback" not in capfd.readouterr().err and len(list(project.glob("kehu-error-*.log"))) == 1


def test_what_the_file_system_refuses_is_told_without_a_traceback(
    project: Path, calls: list[dict[str, Any]], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(project))
    sys.modules["orchestration.run"].__dict__["result"] = OSError(errno.EROFS, "Read-only file system", "work/landing")
    assert main(["run"]) == 1
    assert capsys.readouterr().err.splitlines()[-1] == "kehu: work/landing: Read-only file system"
    assert list(project.glob("kehu-error-*.log")) == []


def test_an_interrupted_run_says_so(
    project: Path, calls: list[dict[str, Any]], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(sys.modules["orchestration.run"], "run_hub", interrupted)
    assert main(["run"]) == 130
    assert "interrupted" in capsys.readouterr().err


def test_training_names_what_it_published(
    project: Path, calls: list[dict[str, Any]], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["train", "--entity", "organization"]) == 0
    assert "published m1, from 1,000 records" in capsys.readouterr().out
    assert main(["train", "--entity", "organisation"]) == 2
    assert "did you mean 'organization'" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["rum"], "Did you mean 'run'?"),
        (["run", "--ful"], "--full"),
        (["export", "golden"], "--to"),
        (["export", "gold", "--to", "x.csv"], "did you mean 'golden'"),
        (["decide", "match", "crm:1"], "--by"),
        (["decide", "match", "crm:1", "crm:2", "--file", "x.csv"], "not both"),
        (["decide", "maybe", "crm:1", "crm:2", "--by", "x", "--reason", "y"], "maybe"),
        (["decide", "undo", "3", "--by", "x"], "--reason"),
        (["decide", "undo", "--by", "x", "--reason", "y"], "the decision's number"),
        (["decide", "undo", "crm:1", "--by", "x", "--reason", "y"], "number"),
        (["decide", "undo", "1", "2", "--by", "x", "--reason", "y"], "one number"),
        (["decide", "undo", "1", "--file", "x.csv"], "not both"),
        (["decide", "list", "crm:1"], "takes no record"),
        (["decide", "match", "crm:1", "crm:2", "--by", "x", "--reason", "y", "--all"], "'list'"),
        (["decide", "--file", "x.csv", "--limit", "3"], "'list'"),
        (["evaluate"], "--truth"),
        (["check", "--config", "none.yaml"], "file not found"),
    ],
)
def test_wrong_usage_is_told_and_ends_with_2(
    project: Path, arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 2
    err = capsys.readouterr().err
    assert said in err and "Traceback" not in err


def test_a_folder_without_a_project_is_told_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["check"]) == 2
    assert "kehu init" in capsys.readouterr().err


def test_every_mistake_of_a_configuration_has_its_line(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = CONFIG.replace("family: sales", "family: sale").replace("fields: {full_name", "fields: {ful_name")
    (project / "kehu.yaml").write_text(text, encoding="utf-8")
    assert main(["check", "--json"]) == 2
    said = capsys.readouterr()
    mistakes = json.loads(said.out)["mistakes"]
    assert [m["nearest"] for m in mistakes] == ["sales", "full_name"]
    assert all(line.startswith("kehu: ") for line in said.err.splitlines())


def test_mistakes_in_a_sources_options_are_told_once(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = CONFIG.replace('path: "crm_{stream}.csv"', 'path: "crm_{stream}.csv", sheeet: 1, skip_lines: -1')
    (project / "kehu.yaml").write_text(text, encoding="utf-8")
    assert main(["check", "--json"]) == 2
    said = capsys.readouterr()
    places = ["sources[crm].connector.skip_lines: must be at least 0", "sources[crm].connector.sheeet: unknown key"]
    errors = [error for error in json.loads(said.out.splitlines()[-1])["errors"] if "[crm]" in error]
    assert [any(place in error for error in errors) for place in places] == [True, True] and len(errors) == 2
    assert [said.err.count(place) for place in places] == [1, 1]
    assert main(["run", "--json"]) == 2
    assert [m["key"] for m in last(capsys)["mistakes"]][:2] == [place.partition(":")[0] for place in places]


def test_wrong_tables_of_overrides_are_told_before_a_run(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = CONFIG + "stewardship: {overrides: {never_match: never.csv}}\n"
    (project / "kehu.yaml").write_text(text, encoding="utf-8")
    (project / "never.csv").write_text("left,right\ncmr.accounts:1,crm.accounts:2\n", encoding="utf-8")
    for name in ("crm_accounts", "crm_leads", "crm_contacts", "dms_customers"):
        (project / f"{name}.csv").write_text("id,name,brands,tel\n1,x,,\n", encoding="utf-8")
    assert main(["check", "--json"]) == 2
    said = "never.csv: stewardship.overrides.never_match: line 2: no source is named 'cmr' (did you mean 'crm'?)"
    (error,) = last(capsys)["errors"]
    assert error.endswith(said)


def test_a_source_that_does_not_answer_is_no_mistake_of_the_configuration(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rest = "{type: rest, base_url: 'http://127.0.0.1:9/', retries: 0}"
    text = CONFIG.partition("sources:")[0] + (
        f"sources: [{{name: crm, family: sales, connector: {rest}, streams: [{{name: accounts, "
        "entity: organization, key: id, fields: {name: name}}]}]\n"
    )
    (project / "kehu.yaml").write_text(text, encoding="utf-8")
    assert main(["check"]) == 1
    said = capsys.readouterr()
    assert "1 source, 1 stream, 1 not to be read at this time" in said.out
    assert "crm.accounts: 127.0.0.1:9 does not answer: " in said.err and "HTTPConnection" not in said.err


def test_a_hub_that_was_never_run_is_told_so(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["export", "golden", "--to", "g.csv"]) == 1
    assert "'kehu run' makes it" in capsys.readouterr().err
    assert not (project / "hub.db").exists()


def test_an_export_says_what_it_wrote(hub: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["export", "crosswalk", "--to", "c.csv", "--json"]) == 0
    assert last(capsys)["rows"] == 6
    assert len((hub / "c.csv").read_text(encoding="utf-8").splitlines()) == 7


def test_an_evaluation_prints_both_kinds_of_rates(hub: Path, capsys: pytest.CaptureFixture[str]) -> None:
    truth = (
        "source,source_key,entity_id,stream\ncrm,A1,x,accounts\ndms,D:1,x,customers\ncrm,A2,x,accounts\ncrm,Q,y,leads\n"
    )
    (hub / "truth.csv").write_text(truth, encoding="utf-8")
    assert main(["evaluate", "--truth", "truth.csv", "--json"]) == 0
    got = last(capsys)
    assert (got["records"], got["missing"]) == (4, 1)
    assert (got["pairwise"]["precision"], got["pairwise"]["recall"]) == (1.0, pytest.approx(1 / 3))
    assert main(["evaluate", "--truth", "truth.csv"]) == 0
    assert "pairwise" in capsys.readouterr().out


def test_decisions_are_taken_and_shown(hub: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pair = ["crm:A2", "dms:D:1", "--by", "wang", "--reason", "same owner", "--json"]
    assert main(["decide", "match", *pair]) == 0
    assert last(capsys)["decisions"] == 1
    (hub / "d.csv").write_text("verdict,left,right,by,reason\nno-match,crm:A2,crm:A1,li,seen\n", encoding="utf-8")
    assert main(["decide", "--file", "d.csv"]) == 0
    assert "Decision 2 is recorded" in capsys.readouterr().out
    assert main(["export", "decisions", "--to", "out.ndjson"]) == 0
    assert len((hub / "out.ndjson").read_text(encoding="utf-8").splitlines()) == 2


def test_a_decision_is_undone_and_listed(hub: Path, capsys: pytest.CaptureFixture[str]) -> None:
    why = ["--by", "wang", "--reason", "same owner", "--json"]
    assert main(["decide", "match", "crm:A2", "dms:D:1", *why]) == 0
    (first,) = last(capsys)["ids"]
    assert main(["decide", "no-match", "crm.accounts:7", "crm.leads:7", *why]) == 0
    (second,) = last(capsys)["ids"]
    assert main(["decide", "undo", str(first), "--by", "li", "--reason", "another owner", "--json"]) == 0
    got = last(capsys)
    assert got["undone"] == first and got["id"] > second

    assert main(["decide", "list", "--json"]) == 0
    got = last(capsys)
    assert (got["total"], [d["id"] for d in got["decisions"]]) == (1, [second])
    shown = got["decisions"][0]
    assert (shown["verdict"], {shown["left"], shown["right"]}) == ("no-match", {"crm.accounts:7", "crm.leads:7"})
    assert main(["decide", "list", "--all", "--json"]) == 0
    got = last(capsys)
    assert [(d["id"], d["undoes"], d["undone_by"]) for d in got["decisions"]] == [
        (first + 2, first, None),
        (second, None, None),
        (first, None, first + 2),
    ]
    assert main(["decide", "list", "--all", "--limit", "1"]) == 0
    out = capsys.readouterr().out
    assert f"undoes {first}" in out and "another owner" in out and "same owner" not in out
    assert "1 of 3" in out

    assert main(["decide", "undo", str(first), "--by", "li", "--reason", "x", "--json"]) == 2
    assert "undone already" in last(capsys)["error"]


def test_a_log_without_decisions_says_so(hub: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["decide", "list"]) == 0
    assert "No decisions" in capsys.readouterr().out


def test_the_quarantine_is_counted_and_shown(hub: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["quarantine", "--json"]) == 0
    got = last(capsys)
    assert got["total"] == 3
    assert [(g["source"], g["reason"], g["rows"]) for g in got["groups"]] == [
        ("crm", "no key", 2),
        ("dms", "key twice", 1),
    ]
    assert [r["row"] for r in got["rows"]] == [3, 2, 1]
    assert main(["quarantine", "--run", "latest", "--source", "crm", "--limit", "1", "--json"]) == 0
    got = last(capsys)
    assert (got["total"], [r["run_id"] for r in got["rows"]]) == (1, ["r1"])
    assert main(["quarantine", "--source", "dms", "--run", "r0"]) == 0
    assert "No rows" in capsys.readouterr().out
    assert main(["quarantine", "--source", "cmr"]) == 2
    assert "there is no source 'cmr'; there are crm, dms (did you mean 'crm'?)" in capsys.readouterr().err


def test_a_project_is_started_once_and_its_configuration_is_sound(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from models.config import load_config

    monkeypatch.chdir(tmp_path)
    assert main(["init", "mine", "--json"]) == 0
    got = last(capsys)
    config = load_config(got["config"])
    for source, stream in config.streams():
        path = config.base / str(source.connector["path"]).format(stream=stream.name)
        header = path.read_text(encoding="utf-8").splitlines()[0].split(",")
        wanted = [c for columns in stream.field_columns.values() for c in columns]
        assert {*wanted, *stream.key_columns, stream.updated_at} <= set(header)
    before = (tmp_path / "mine/kehu.yaml").read_bytes()
    assert main(["init", "mine"]) == 2
    assert (tmp_path / "mine/kehu.yaml").read_bytes() == before
    assert main(["init", "other", "--config", "other/hub.yaml"]) == 0
    assert (tmp_path / "other/hub.yaml").exists()
    assert main(["init", "third", "--config", "hub.yaml"]) == 2


def test_help_comes_without_loading_what_only_some_commands_need() -> None:
    heavy = ["dagster", "splink", "duckdb", "pandas", "pyarrow", "sqlalchemy", "pydantic"]
    program = (
        f"import sys; from serving.cli import main; main(['--help']); print([m for m in {heavy} if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"
    for command in ("init", "run", "export", "serve"):
        assert command in done.stdout
