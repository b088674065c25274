from __future__ import annotations

import json
import sqlite3
from pathlib import Path

import pytest
import yaml

from models.config import load_config
from models.errors import ConfigError
from serving.cli import main
from serving.discover import block_of, discover

HEAD = """store: sqlite:///hub.db
workspace: work/
sources:
  - name: crm
    family: sales
    connector: {type: %s}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "accounts.csv").write_text(
        "account_id,cust_name,tel,modified_on,note\n1,杭州某某有限公司,13800138000,2026-01-01,x\n", encoding="utf-8"
    )
    (tmp_path / "kehu.yaml").write_text(HEAD % 'files, path: "{stream}.csv"', encoding="utf-8")
    return tmp_path


def test_the_printed_block_is_ready(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = folder / "kehu.yaml"
    assert main(["discover", "crm", "--config", str(path)]) == 0
    block = capsys.readouterr().out
    assert "# kept, but filling no attribute: note" in block
    text = path.read_text(encoding="utf-8") + "".join(f"    {line}\n" for line in block.splitlines())
    path.write_text(text, encoding="utf-8")
    stream = load_config(path).source("crm").stream("accounts")
    assert (stream.entity, stream.key, stream.updated_at) == ("organization", "account_id", "modified_on")
    assert stream.fields == {"name": "cust_name", "phone": "tel"}
    assert main(["check", "--config", str(path)]) == 0


def test_json_holds_the_streams_and_the_block(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["discover", "crm", "accounts", "--json", "--config", str(folder / "kehu.yaml")]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (
        found["streams"][0]["key"] == "account_id" and yaml.safe_load(found["yaml"])["streams"][0]["name"] == "accounts"
    )


@pytest.mark.parametrize(
    ("arguments", "words"),
    [(["crmm"], "did you mean 'crm'"), (["crm", "acounts"], "did you mean 'accounts'")],
)
def test_names_that_are_not_there(
    folder: Path, arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["discover", *arguments, "--config", str(folder / "kehu.yaml")]) == 2
    assert words in capsys.readouterr().err


def test_a_database_and_a_key_that_nobody_knows(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "crm.db") as connection:
        connection.execute("CREATE TABLE 客户 (cust_no TEXT PRIMARY KEY, name TEXT, updated_at TEXT)")
        connection.execute("CREATE TABLE odd (name TEXT)")
    connection.close()
    path = tmp_path / "kehu.yaml"
    path.write_text(HEAD % "sql, url: 'sqlite:///crm.db'", encoding="utf-8")
    found = discover(load_config(path, bare="crm"), "crm")
    assert [(s.name, s.key, s.cursor, s.options) for s in found] == [
        ("odd", (), None, {}),
        ("KeHu", ("cust_no",), "updated_at", {"table": "客户"}),
    ]
    assert "# odd: nothing looks like its key" in block_of(found)


def test_a_source_needs_streams_to_be_run(folder: Path) -> None:
    with pytest.raises(ConfigError, match="streams"):
        load_config(folder / "kehu.yaml")
