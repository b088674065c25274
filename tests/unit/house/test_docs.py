"""The documents name what the code has, and nothing else."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from pydantic import BaseModel

from models.config import Config
from models.config.mistakes import _members
from models.vocabulary import ENTITY_TYPES, attributes
from serving.cli import cli
from serving.export import NAMES, exports

ROOT = Path(__file__).parents[3]
CLI = (ROOT / "docs/cli.md").read_text(encoding="utf-8")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
IN_EVERY_COMMAND = {"--config", "--json", "--help", "-h"}


def commands(group: click.Group, prefix: str = "kehu") -> Iterator[tuple[str, click.Command]]:
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from commands(command, f"{prefix} {name}")
        else:
            yield f"{prefix} {name}", command


COMMANDS = dict(commands(cli))


def section(name: str) -> str:
    found = re.search(rf"^## {re.escape(name)}(?: [A-Z]+)?\n(.*?)(?=^## |\Z)", CLI, re.M | re.S)
    assert found, f"docs/cli.md has no section '## {name}'"
    return found[1]


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_of_a_command_is_documented(name: str) -> None:
    text = section(name)
    for parameter in COMMANDS[name].params:
        if isinstance(parameter, click.Option):
            assert IN_EVERY_COMMAND & set(parameter.opts) or f"`{parameter.opts[0]}" in text, parameter.opts[0]


@pytest.mark.parametrize("name", COMMANDS)
def test_no_option_is_documented_that_does_not_exist(name: str) -> None:
    known = {o for p in COMMANDS[name].params for o in p.opts} | IN_EVERY_COMMAND
    assert set(re.findall(r"^\| `(--[a-z-]+)", section(name), re.M)) <= known


def test_no_command_is_documented_that_does_not_exist() -> None:
    groups = {name for name, command in cli.commands.items() if isinstance(command, click.Group)}
    said = {" ".join(m.split()[: 3 if m.split()[1] in groups else 2]) for m in re.findall(r"^## (kehu .*)$", CLI, re.M)}
    assert said == set(COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_takes_config_and_json_and_has_a_help_text(name: str) -> None:
    command = COMMANDS[name]
    assert {"--config", "--json"} <= {o for p in command.params for o in p.opts}
    assert command.help


def test_the_exports_and_their_columns_are_documented() -> None:
    text = section("kehu export")
    for name, export in exports(Config()).items():
        columns = export.schema.names[:2] if name == "golden" else export.schema.names
        assert f"| `{name}` | `{', '.join(columns)}`" in text, name
        assert name in COMMANDS["kehu export"].help  # type: ignore[operator]
    assert tuple(exports(Config())) == NAMES


def keys(model: type[BaseModel]) -> Iterator[str]:
    """Every key that the configuration file may have, at any depth."""

    def inside(kind: object) -> Iterator[type[BaseModel]]:
        for member in _members(kind):
            if isinstance(member, type) and issubclass(member, BaseModel):
                yield member
            else:
                for argument in getattr(member, "__args__", ()):
                    yield from inside(argument)

    for name, field in model.model_fields.items():
        yield field.alias or name
        for nested in inside(field.annotation):
            yield from keys(nested)


def test_every_key_of_the_configuration_is_documented() -> None:
    text = (ROOT / "docs/configuration.md").read_text(encoding="utf-8")
    missing = [key for key in dict.fromkeys(keys(Config)) if not re.search(rf"`{key}[`:]|^\s*-? ?{key}:", text, re.M)]
    assert missing == []


def test_every_canonical_attribute_is_documented() -> None:
    text = (ROOT / "docs/configuration.md").read_text(encoding="utf-8")
    missing = [a for entity in ENTITY_TYPES for a in attributes(entity) if f"`{a}`" not in text]
    assert missing == []


def packages(requirements: list[str]) -> set[str]:
    return {re.split(r"[\[<>=!~; ]", r, maxsplit=1)[0].lower() for r in requirements}


def documented(heading: str) -> set[str]:
    text = (ROOT / "docs/dependencies.md").read_text(encoding="utf-8")
    part = re.search(rf"^## {heading}\n(.*?)(?=^## |\Z)", text, re.M | re.S)
    assert part
    cells = re.findall(r"^\| ([^|]+?) \|", part[1], re.M)
    return {name.strip().lower() for cell in cells[1:] for name in cell.split(",")}


def test_every_dependency_is_documented_and_no_other() -> None:
    assert documented("What runs") == packages(PROJECT["project"]["dependencies"])
    extras = PROJECT["project"]["optional-dependencies"]
    assert documented("What tests need") == packages(extras["dev"]) - {"kehu"}
    assert documented("What extras bring") == {p for name in extras if name != "dev" for p in packages(extras[name])}


@pytest.mark.parametrize(
    "path",
    [
        "README.md",
        "README.zh-CN.md",
        "CONTRIBUTING.md",
        *sorted(p.relative_to(ROOT).as_posix() for p in (ROOT / "docs").rglob("*.md")),
    ],
)
def test_links_between_documents_lead_somewhere(path: str) -> None:
    text = (ROOT / path).read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", text):
        if "://" not in target:
            assert ((ROOT / path).parent / target).exists(), target


def test_every_document_is_in_the_index() -> None:
    index = (ROOT / "docs/index.md").read_text(encoding="utf-8")
    assert [p.name for p in (ROOT / "docs").glob("*.md") if p.name != "index.md" and f"({p.name})" not in index] == []


@pytest.mark.parametrize("path", ["README.md", "README.zh-CN.md"])
def test_the_commands_that_a_readme_shows_exist(path: str) -> None:
    text = (ROOT / path).read_text(encoding="utf-8")
    shown = {m for m in re.findall(r"\bkehu (\w+)", text) if f"kehu {m}" != "kehu &"}
    assert shown and shown <= set(cli.commands) | {"kehu"}, shown


def test_both_readmes_show_the_same_commands_and_sections() -> None:
    english, chinese = ((ROOT / f).read_text(encoding="utf-8") for f in ("README.md", "README.zh-CN.md"))
    for pattern in (r"^#+ ", r"^\| `", r"^\d\. ", r"\bkehu \w+"):
        assert len(re.findall(pattern, english, re.M)) == len(re.findall(pattern, chinese, re.M)), pattern
