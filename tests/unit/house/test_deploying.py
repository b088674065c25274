"""What operators take from here exists: the container's files, units of systemd, the audit, and a test per threat."""

from __future__ import annotations

import configparser
import os
import re
import shlex
import shutil
import subprocess
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import uvicorn
from starlette.responses import PlainTextResponse
from starlette.testclient import TestClient

from serving.cli import cli, main
from serving.http import server

ROOT = Path(__file__).parents[3]
CONTAINER = (ROOT / "Containerfile").read_text(encoding="utf-8")
UNITS = sorted((ROOT / "deploy").glob("kehu*"))


def threats() -> dict[str, list[str]]:
    """Threat → its tests, as docs/security.md has them."""
    text = (ROOT / "docs/security.md").read_text(encoding="utf-8")
    part = text[text.index("## Threats") :]
    rows = re.findall(r"^\| ([^|]+) \| ([^|]+) \| ([^|]+) \|$", part, re.M)
    return {threat: re.findall(r"`([^`]+)`", tests) for threat, _, tests in rows if threat != "Threat"}


THREATS = threats()


def test_there_are_threats() -> None:
    assert len(THREATS) >= 20


@pytest.mark.parametrize("threat", THREATS)
def test_every_threat_names_tests_that_exist(threat: str) -> None:
    assert THREATS[threat], "no test is named"
    for name in THREATS[threat]:
        path, _, function = name.partition("::")
        text = (ROOT / "tests/unit" / path).read_text(encoding="utf-8")
        assert re.search(rf"^def {re.escape(function)}\(", text, re.M), name


def copied() -> list[str]:
    """Every path that the container file copies."""
    found = []
    for line in re.findall(r"^COPY (.+)$", CONTAINER, re.M):
        found += shlex.split(line)[:-1]
    return found


def test_what_the_container_copies_is_there_and_not_ignored() -> None:
    assert copied() and [path for path in copied() if not (ROOT / path).exists()] == []
    allowed = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    assert allowed[0] == "*" and [path for path in copied() if f"!{path}" not in allowed] == []


def test_the_container_has_every_package_of_the_project() -> None:
    import tomllib

    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    packages = {name.split(".")[0] for name in project["tool"]["setuptools"]["packages"]["find"]["include"]}
    assert {name.removesuffix("*") for name in packages} <= set(copied())
    assert "USER kehu" in CONTAINER, "not as root"


@pytest.mark.parametrize("path", UNITS, ids=lambda p: p.name)
def test_a_unit_calls_commands_that_exist_and_is_in_the_document(path: Path) -> None:
    unit = configparser.ConfigParser(strict=False, interpolation=None)
    unit.optionxform = str  # type: ignore[assignment,method-assign]
    unit.read(path, encoding="utf-8")
    assert f"deploy/{path.name}" in (ROOT / "docs/operations.md").read_text(encoding="utf-8")
    if path.suffix == ".timer":
        assert (path.with_suffix(".service")).exists() and unit["Timer"]["OnCalendar"]
        return
    command = re.search(r"bin/kehu (\w+)(.*)", unit["Service"]["ExecStart"])
    assert command and unit["Service"]["User"] == "kehu"
    assert "postgresql.service" in unit["Unit"]["After"], "what the machine missed while it was off starts at once"
    assert unit["Unit"]["Wants"] == "network-online.target"
    known = {option for p in cli.commands[command[1]].params for option in p.opts}
    assert set(re.findall(r"--[a-z]+", command[2])) <= known


def audit(folder: Path, answer: str, code: int, **more: str) -> subprocess.CompletedProcess[str]:
    """The audit with a pip-audit that says `answer`; without one where that is empty."""
    shutil.rmtree(folder, ignore_errors=True)
    (folder / ".ci").mkdir(parents=True)
    shutil.copy(ROOT / ".ci/audit", folder / ".ci/audit")
    (folder / ".venv/bin").mkdir(parents=True)
    stub(folder / ".venv/bin/python", "exit 1")
    if answer:
        (folder / ".venv-audit/bin").mkdir(parents=True)
        stub(folder / ".venv-audit/bin/pip-audit", f"echo '{answer}'; exit {code}")
        version = re.search(r"^tool=(.+)$", (ROOT / ".ci/audit").read_text(encoding="utf-8"), re.M)
        assert version
        (folder / ".venv-audit/.installed").write_text(version[1] + "\n")
    return subprocess.run(
        ["sh", str(folder / ".ci/audit")], capture_output=True, text=True, env={"PATH": os.environ["PATH"], **more}
    )


def stub(path: Path, text: str) -> None:
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)


def test_the_audit_of_packages_says_so_where_it_cannot_look(tmp_path: Path) -> None:
    folder = tmp_path / "project"
    found = audit(folder, "No known vulnerabilities found", 0)
    assert found.returncode == 0 and "no known fault" in found.stderr
    found = audit(folder, "Found 1 known vulnerability in 1 package", 1)
    assert found.returncode == 1 and "has a known fault" in found.stderr
    for answer in ("ConnectionError: no way there", ""):
        found = audit(folder, answer, 1)
        assert found.returncode == 0 and "NOT AUDITED" in found.stderr
        assert audit(folder, answer, 1, AUDIT="strict").returncode == 1


def section(name: str) -> configparser.SectionProxy:
    """The section [Service] of a unit of `deploy/`."""
    unit = configparser.ConfigParser(strict=False, interpolation=None)
    unit.optionxform = str  # type: ignore[assignment,method-assign]
    unit.read(ROOT / "deploy" / name, encoding="utf-8")
    return unit["Service"]


def test_the_server_outlasts_a_database_that_is_away_and_not_a_wrong_configuration(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    unit = section("kehu.service")
    assert unit["Restart"] == "on-failure" and int(unit["RestartSec"]) * 4 > 10, "after 5 in 10 s systemd gives up"
    monkeypatch.chdir(tmp_path)
    assert str(main(["serve", "--port", "8999"])) == unit["RestartPreventExitStatus"], "there is no kehu.yaml"
    capsys.readouterr()
    assert main(["init", "."]) == 0
    assert "files to this folder." in capsys.readouterr().out
    sample = (tmp_path / "kehu.yaml").read_text(encoding="utf-8")
    away = re.sub(r"^store: .*", "store: postgresql+psycopg://kehu@127.0.0.1:1/kehu", sample, flags=re.M)
    (tmp_path / "kehu.yaml").write_text(away, encoding="utf-8")
    assert main(["serve", "--port", "8999"]) == 1


@pytest.mark.parametrize("trusted, seen", [("10.88.0.0/16", "203.0.113.7"), (None, "10.88.0.1")])
def test_a_proxy_of_another_address_is_believed_where_the_environment_names_it(
    trusted: str | None, seen: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As docs/operations.md says for containers, where no proxy comes from 127.0.0.1."""
    assert "FORWARDED_ALLOW_IPS" in (ROOT / "docs/operations.md").read_text(encoding="utf-8")
    monkeypatch.delenv("FORWARDED_ALLOW_IPS", raising=False)
    if trusted:
        monkeypatch.setenv("FORWARDED_ALLOW_IPS", trusted)
    used: dict[str, Any] = {}
    monkeypatch.setattr(server.uvicorn, "run", lambda _, **options: used.update(options))
    server._several(SimpleNamespace(file="kehu.yaml"), 2, True, server.options_for("0.0.0.0", 8000))  # type: ignore[arg-type]
    used.pop("factory"), used.pop("timeout_worker_healthcheck")

    async def says_who(scope: Any, receive: Any, send: Any) -> None:
        await PlainTextResponse(scope["client"][0])(scope, receive, send)

    config = uvicorn.Config(says_who, **used)
    config.load()
    client = TestClient(config.loaded_app, client=("10.88.0.1", 50000))
    assert client.get("/", headers={"X-Forwarded-For": "203.0.113.7"}).text == seen


def test_the_health_check_of_the_container_is_kept_by_the_command_of_the_document() -> None:
    document = (ROOT / "docs/operations.md").read_text(encoding="utf-8")
    assert "HEALTHCHECK" in CONTAINER and "podman build --format docker" in document and "--format docker" in CONTAINER
