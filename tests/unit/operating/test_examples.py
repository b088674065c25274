"""What the documents for operators and analysts show is done as printed: SQL, settings, and every line of a command."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import psycopg
import pytest
import sqlalchemy as sa
import yaml
from starlette.testclient import TestClient

from models.config import parse_config
from models.store import open_store
from serving.access.keys import authenticate, issue
from serving.analysts import refresh
from serving.cli import main
from serving.cli.commands import cli
from serving.http.app import create_app
from tests.support.postgres import Server
from tests.unit.api.hub import CONFIG, fill

ROOT = Path(__file__).parents[3]
DOCS = sorted(path for path in (ROOT / "docs").glob("*.md") if path.name != "cli.md")  # which shows forms of commands


def text_of(name: str) -> str:
    return (ROOT / "docs" / name).read_text(encoding="utf-8")


def blocks(name: str, kind: str) -> list[str]:
    return [text for k, text in re.findall(r"^```(\w+)\n(.*?)^```$", text_of(name), re.M | re.S) if k == kind]


def commands() -> Iterator[str]:
    """Every line of code in a document that is a command of Kehu."""
    for path in DOCS:
        inside = False
        for line in path.read_text(encoding="utf-8").splitlines():
            inside ^= line.startswith("```")
            if inside or line.startswith("    "):
                if found := re.match(r"(?:nice -n \d+ |podman exec kehu )?(?:\.venv/bin/)?kehu (\w.*)", line.strip()):
                    yield f"{path.name}: {found[1]}"


COMMANDS = sorted(set(commands()))


def test_there_are_commands() -> None:
    assert len(COMMANDS) > 10
    assert any("key rotate" in line for line in COMMANDS) and any("restore" in line for line in COMMANDS)


@pytest.mark.parametrize("line", COMMANDS)
def test_a_command_that_a_document_shows_is_understood(line: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its options and the number of its arguments; nothing is run."""
    monkeypatch.setattr(click.Path, "convert", lambda _, value, *__: value)  # the files are the reader's
    words = shlex.split(line.partition(": ")[2], comments=True)
    command: click.Command = cli
    context = click.Context(command, info_name="kehu")
    while isinstance(command, click.Group):
        name = words.pop(0)
        found = command.get_command(context, name)
        assert found is not None, name
        command, context = found, click.Context(found, parent=context, info_name=name)
    command.make_context(context.info_name, words, parent=context.parent)


def statements(name: str) -> list[list[str]]:
    """Per block of SQL of a document its statements."""
    return [[s.strip() for s in text.split(";") if s.strip(" \n-")] for text in blocks(name, "sql")]


@pytest.mark.postgres
def test_postgresql_is_set_up_for_the_hub_and_for_analysts_as_the_documents_say(
    postgres_server: Server, tmp_path: Path
) -> None:
    [set_up] = statements("operations.md")
    grants, query = statements("analyst-views.md")
    for statement in set_up:
        postgres_server.admin(statement)
    config = parse_config(CONFIG, tmp_path / "kehu.yaml")

    def ask(role: str, statement: str) -> list[tuple[object, ...]]:
        with psycopg.connect(f"user={role} dbname=kehu host={postgres_server.folder}", autocommit=True) as connection:
            done = connection.execute(statement)  # type: ignore[arg-type]
            return done.fetchall() if done.description else []

    try:
        with open_store(postgres_server.url("kehu").replace("postgres@", "kehu@")) as store:
            fill(store)
            for statement in grants:
                ask("postgres", re.sub(r"^--.*\n", "", statement))
            refresh(store, config)  # with attributes of the configuration, so that the views are made anew
        [one] = query
        assert ask("analysts", one.replace("广州", "深圳")) == [("顺丰物流", "order", 100.0)]
        for forbidden in ("analyst_personal.persons", "public.golden_record"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                ask("analysts", f"SELECT * FROM {forbidden}")
    finally:
        postgres_server.drop("kehu")
        for role in ("analysts", "kehu"):
            postgres_server.admin(f"DROP ROLE IF EXISTS {role}")


def test_the_same_query_on_sqlite_and_how_the_file_is_opened(tmp_path: Path, sqlite_template: Path) -> None:
    _, [query] = statements("analyst-views.md")
    (tmp_path / "hub.db").write_bytes(sqlite_template.read_bytes())
    with open_store(f"sqlite:///{tmp_path / 'hub.db'}") as store:
        fill(store)
        refresh(store, parse_config(CONFIG, tmp_path / "kehu.yaml"))
    [place] = re.findall(r"`sqlite3 '(file:[^']+)'`", text_of("analyst-views.md"))
    reading = sa.create_engine(f"sqlite:///{place.replace('hub.db', str(tmp_path / 'hub.db'))}&uri=true")
    named = re.sub(r"\banalyst\.", "analyst_", query).replace("广州", "深圳")
    with reading.connect() as connection:
        assert [row.name for row in connection.execute(sa.text(named))] == ["顺丰物流"]
        with pytest.raises(sa.exc.OperationalError, match="readonly"):
            connection.execute(sa.text("DELETE FROM golden_record"))


def test_every_metric_that_is_documented_is_there_and_no_other(tmp_path: Path, sqlite_template: Path) -> None:
    (tmp_path / "hub.db").write_bytes(sqlite_template.read_bytes())
    [scrape] = yaml.safe_load(next(b for b in blocks("operations.md", "yaml") if "scrape" in b))["scrape_configs"]
    assert scrape["static_configs"] == [{"targets": ["kehu:8000"]}] and "credentials_file" in scrape["authorization"]
    (tmp_path / "kehu.yaml").write_text(CONFIG.replace("hub.db", str(tmp_path / "hub.db")), encoding="utf-8")
    with open_store(f"sqlite:///{tmp_path / 'hub.db'}") as store:
        fill(store)
        issue(store, "erp", by="test")
        app = create_app(parse_config(CONFIG, tmp_path / "kehu.yaml"), store)
        key = issue(store, "prometheus", by="test", role="engineer", scopes=["usage.read"])
        client = TestClient(app, headers={"Authorization": f"Bearer {key.token}"})
        erp = TestClient(app, headers={"Authorization": f"Bearer {issue(store, 'erp', by='test').token}"})
        assert erp.get("/v1/changes?after=1").status_code == 200
        told = client.get("/metrics").text
    there = {name.removesuffix("_total") for name in re.findall(r"^# TYPE (kehu_\w+) ", told, re.M)}
    there -= {name for name in there if name.endswith("_created")}
    table = text_of("operations.md").partition("| Metric |")[2].partition("\n\n")[0]
    documented = {name.removesuffix("_total") for name in re.findall(r"`(kehu_\w+)[`{]", table)}
    assert there == documented


def test_keys_and_backups_as_the_documents_say(
    tmp_path: Path, sqlite_template: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "hub.db").write_bytes(sqlite_template.read_bytes())
    (tmp_path / "kehu.yaml").write_text(CONFIG, encoding="utf-8")
    monkeypatch.chdir(tmp_path)

    def line(name: str, start: str, **named: str) -> list[str]:
        [found] = [one.partition(": ")[2] for one in COMMANDS if one.startswith(f"{name}: {start}")]
        for told, here in named.items():
            found = found.replace(told, here)
        return shlex.split(found, comments=True)

    with open_store(f"sqlite:///{tmp_path / 'hub.db'}") as store:
        fill(store)
    for name, start in (("security.md", "key add"), ("operations.md", "key add"), ("api.md", "key add")):
        assert main([*line(name, start), "--json"]) == 0
        token = json.loads(capsys.readouterr().out.splitlines()[-1])["token"]
        with open_store(f"sqlite:///{tmp_path / 'hub.db'}") as store:
            key_id = authenticate(store, token).key_id
    assert key_id is not None
    assert main(line("security.md", "key rotate", KEY=key_id)) == 0
    assert main(line("security.md", "key revoke", KEY=key_id)) == 0
    made = str(tmp_path / "a.backup")
    assert main([*line("operations.md", "backup --to /backups")[:-1], made]) == 0
    (tmp_path / "hub.db").unlink()
    assert main([*line("operations.md", "restore /backups")[:-1], made]) == 0
    with open_store(f"sqlite:///{tmp_path / 'hub.db'}") as store:
        assert {row["golden_id"] for row in store.golden("person").to_pylist()} >= {"p1"}
