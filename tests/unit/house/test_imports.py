"""Imports go one way: models ← connectors, matching, lifecycle ← serving, orchestration."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
MAY_IMPORT = {
    "models": set[str](),
    "connectors": {"models"},
    "matching": {"models"},
    "lifecycle": {"models"},
    "worlds": {"models"},
    "serving": {"models", "connectors", "matching", "lifecycle"},
    "orchestration": {"models", "connectors", "matching", "lifecycle"},
}
OURS = set(MAY_IMPORT)
COMMAND_LINE = "serving/cli/"
LATE_FOR_THE_COMMAND_LINE = {"orchestration", "worlds"}
"""What only the command line may use, and only inside a function: a help page must not load it."""


def modules() -> list[str]:
    return sorted(str(p.relative_to(ROOT)) for package in OURS for p in (ROOT / package).rglob("*.py"))


def imports(text: str) -> Iterator[tuple[str, bool, int]]:
    """(top-level package, whether it is imported when the module is loaded, line)."""

    def walk(node: ast.AST, at_load: bool) -> Iterator[tuple[str, bool, int]]:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.Import):
                yield from ((alias.name.split(".")[0], at_load, child.lineno) for alias in child.names)
            elif isinstance(child, ast.ImportFrom) and child.level == 0 and child.module:
                yield child.module.split(".")[0], at_load, child.lineno
            inside = isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
            yield from walk(child, at_load and not inside)

    yield from walk(ast.parse(text), True)


def faults(path: str, text: str) -> list[str]:
    package = path.split("/")[0]
    allowed = MAY_IMPORT[package] | {package}
    found = []
    for name, at_load, line in imports(text):
        where = f"{path}:{line}"
        if path.startswith(COMMAND_LINE) and name in LATE_FOR_THE_COMMAND_LINE:
            if at_load:
                found.append(f"{where}: {name} is imported before a command needs it")
        elif name in OURS and name not in allowed:
            found.append(f"{where}: {package} must not import {name}")
        elif name.startswith("dagster") and package != "orchestration":
            found.append(f"{where}: only orchestration imports Dagster")
    return found


@pytest.mark.parametrize("path", modules())
def test_a_module_imports_only_what_lies_below_it(path: str) -> None:
    assert faults(path, (ROOT / path).read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("models/a.py", "import matching.keys"),
        ("matching/a.py", "from connectors.landing import land"),
        ("lifecycle/a.py", "def f():\n    from matching import keys"),
        ("connectors/a.py", "import dagster"),
        ("serving/a.py", "from dagster_webserver import x"),
        ("serving/export.py", "def f():\n    import orchestration.run"),
        ("serving/cli/a.py", "from orchestration.run import run_hub"),
        ("serving/cli/a.py", "import worlds"),
        ("orchestration/a.py", "from serving.export import export_to"),
        ("worlds/a.py", "import matching"),
    ],
)
def test_a_wrong_import_is_noticed(path: str, text: str) -> None:
    assert len(faults(path, text)) == 1


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("serving/cli/a.py", "def f():\n    from orchestration.run import run_hub"),
        ("orchestration/a.py", "import dagster\nfrom matching.keys import x"),
        ("connectors/a.py", "from models.errors import SourceError\nfrom . import b"),
    ],
)
def test_a_right_import_is_not(path: str, text: str) -> None:
    assert faults(path, text) == []


@pytest.mark.parametrize("path", modules())
def test_a_module_says_what_it_is_for(path: str) -> None:
    tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
    empty = not tree.body
    assert empty or ast.get_docstring(tree), f"{path} has no docstring"
