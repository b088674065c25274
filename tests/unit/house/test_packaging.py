"""What is installed is what the project declares."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from importlib.metadata import entry_points, packages_distributions
from pathlib import Path

import pytest
import yaml

from connectors.registry import BUILT_IN

ROOT = Path(__file__).parents[3]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
OURS = ["models", "connectors", "matching", "lifecycle", "serving", "orchestration", "worlds"]


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def declared(requirements: list[str]) -> set[str]:
    return {normal(re.split(r"[\[<>=!~; ]", r, maxsplit=1)[0]) for r in requirements}


RUNTIME = declared(PROJECT["project"]["dependencies"])
PINNED_BY_ANOTHER = {"pydantic-core": "pydantic"}
"""Packages that have no version of their own: each release of the other names exactly one."""
DEV = declared(PROJECT["project"]["optional-dependencies"]["dev"]) - {"kehu"}
EXTRAS = {p for n, given in PROJECT["project"]["optional-dependencies"].items() if n != "dev" for p in declared(given)}
"""Packages that only some users install; what imports them says what to install when they are missing."""


@pytest.mark.parametrize("name", ["requirements.lock", "requirements-dev.lock"])
def test_a_lock_holds_exact_versions_and_no_addresses(name: str) -> None:
    for line in (ROOT / name).read_text(encoding="utf-8").splitlines():
        assert re.fullmatch(r"[A-Za-z0-9._-]+==[A-Za-z0-9.+!]+", line), line


def test_every_declared_package_is_locked_once() -> None:
    runtime, dev = (
        [normal(line.split("==")[0]) for line in (ROOT / f).read_text(encoding="utf-8").splitlines()]
        for f in ("requirements.lock", "requirements-dev.lock")
    )
    assert RUNTIME <= set(runtime)
    assert DEV <= set(dev)
    assert len({*runtime, *dev}) == len(runtime) + len(dev)


def test_every_import_is_declared() -> None:
    """A package that is there only because another needs it may vanish with the next version of that one."""
    by_module = packages_distributions()
    missing = {}
    for package in OURS:
        for path in (ROOT / package).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
                if isinstance(node, ast.ImportFrom) and node.level == 0:
                    names = [node.module or ""]
                for name in (n.split(".")[0] for n in names):
                    if name in OURS or name in sys.stdlib_module_names:
                        continue
                    packages = {normal(d) for d in by_module.get(name, [])}
                    if not {PINNED_BY_ANOTHER.get(p, p) for p in packages} & (RUNTIME | EXTRAS):
                        missing[name] = str(path.relative_to(ROOT))
    assert missing == {}


def test_connectors_are_announced_as_they_are_built_in() -> None:
    announced = {e.name: e.value for e in entry_points(group="kehu.connectors") if e.name in BUILT_IN}
    assert announced == BUILT_IN
    for entry in entry_points(group="kehu.connectors"):
        assert entry.load()


def test_the_workspace_file_names_a_module_and_no_folder() -> None:
    """A folder would be taken from where the caller stands; a name of its own would not be the one of `kehu dev`."""
    ours = yaml.safe_load((ROOT / "workspace.yaml").read_text(encoding="utf-8"))
    module = ours["load_from"][0]["python_module"]
    assert set(module) == {"module_name"}
    assert module["module_name"] == PROJECT["tool"]["dagster"]["module_name"]


def test_the_changelog_tells_of_this_version() -> None:
    assert f"## [{PROJECT['project']['version']}]" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


def test_every_package_is_packed() -> None:
    patterns = PROJECT["tool"]["setuptools"]["packages"]["find"]["include"]
    assert sorted(p.rstrip("*") for p in patterns) == sorted(OURS)
    for package in OURS:
        for folder in (ROOT / package).rglob("*"):
            if folder.is_dir() and any(folder.glob("*.py")) and folder.name != "versions":
                assert (folder / "__init__.py").exists(), f"{folder.relative_to(ROOT)} would not be installed"


def test_every_file_of_the_packages_is_installed() -> None:
    """Pages, assets, tables and migrations: what is in the folders here is in an installation too.

    A folder whose name is none of Python's is no package, and the patterns for all packages do not reach into it.
    """
    here = {p for one in OURS for p in (ROOT / one).rglob("*") if p.is_file() and "__pycache__" not in p.parts}
    folders = {p.parent for p in here if all(part.isidentifier() for part in p.parent.relative_to(ROOT).parts)}
    installed = {path for path in here if path.suffix == ".py" and path.parent in folders}
    for package, patterns in PROJECT["tool"]["setuptools"]["package-data"].items():
        for folder in folders if package == "*" else [ROOT / package.replace(".", "/")]:
            installed |= {path for pattern in patterns for path in folder.glob(pattern)}
    assert sorted(str(path.relative_to(ROOT)) for path in here - installed) == []
