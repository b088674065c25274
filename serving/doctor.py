"""Looks at an installation and a project from outside, and says what would keep a run from working.

Changes nothing: a store that does not exist yet is not made, a schema that is behind is not migrated.
"""

from __future__ import annotations

import importlib.metadata
import json
import os
import platform
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from models.errors import ConfigError, ConfigErrors, KehuError

if TYPE_CHECKING:
    from models.config import Config, Source, Stream

PACKAGES = ("dagster", "splink", "duckdb", "sqlalchemy", "pydantic", "pyarrow", "pandas")
LOW_DISK_BYTES = 2 * 1024**3
"""A run of a million records writes about one GiB of landing batches and work tables."""
LOW_MEMORY_BYTES = 2 * 1024**3

State = Literal["ok", "warning", "failed"]


@dataclass(frozen=True)
class Check:
    """One thing that was looked at; `failed` keeps a run from working, `warning` does not."""

    name: str
    state: State
    message: str


def examine(config_path: Path) -> Iterator[Check]:
    """All checks, one by one as they are done; without a sound configuration only those of the installation."""
    yield Check("python", "ok", f"{platform.python_version()} on {platform.system()} {platform.machine()}")
    yield _packages()
    yield _memory()
    try:
        from models.config import load_config

        config = load_config(config_path)
    except ConfigErrors as errors:
        yield from (Check("configuration", "failed", str(mistake)) for mistake in errors.mistakes)
        return
    except KehuError as error:
        yield Check("configuration", "failed", str(error))
        return
    if wrong := _files_beside(config):
        yield from (Check("configuration", "failed", said) for said in wrong)
    else:
        known = f"{config_path}: {len(config.sources)} sources, {len(config.streams())} streams"
        yield Check("configuration", "ok", known)
    yield _disk(config.workspace)
    store = _guarded("store", partial(_store, config.store))
    yield store
    if store.state == "ok":
        yield _guarded("models", partial(_models, config.store))
        from serving.check import held_otherwise

        mistakes, notes = held_otherwise(config)
        yield from (Check("records", "failed", str(mistake)) for mistake in mistakes)
        yield from (Check("records", "warning", note) for note in notes)
    for source, stream in config.streams():
        name = f"source {source.name}.{stream.name}"
        yield _guarded(name, partial(_source, config, source, stream))
    yield _dagster(config_path)


def _files_beside(config: Config) -> list[str]:
    """What is wrong in the files that a configuration names: contracts and tables of overrides."""
    from lifecycle.contracts import load_contracts
    from serving.check import wrong_overrides

    mistakes = wrong_overrides(config)
    try:
        load_contracts(config)
    except ConfigError as error:
        mistakes = [*error.mistakes, *mistakes]
    return [str(mistake) for mistake in mistakes]


def _guarded(name: str, look: Callable[[], tuple[State, str]]) -> Check:
    """The check's answer; whatever it raises is its answer, too, since one broken part must not hide the others."""
    try:
        return Check(name, *look())
    except Exception as error:
        said = str(error).strip().splitlines()
        return Check(name, "failed", said[0] if said else type(error).__name__)


def _packages() -> Check:
    found, absent = [], []
    for name in PACKAGES:
        try:
            found.append(f"{name} {importlib.metadata.version(name)}")
        except importlib.metadata.PackageNotFoundError:
            absent.append(name)
    if absent:
        return Check("packages", "failed", f"not installed: {', '.join(absent)}")
    return Check("packages", "ok", ", ".join(found))


def _memory() -> Check:
    import psutil

    memory = psutil.virtual_memory()
    state: State = "ok" if memory.available >= LOW_MEMORY_BYTES else "warning"
    said = f"{memory.available / 1024**3:.1f} of {memory.total / 1024**3:.1f} GiB free, {os.cpu_count()} cores"
    return Check("memory", state, said)


def _disk(workspace: Path) -> Check:
    folder = workspace
    while not folder.exists():
        folder = folder.parent
    if not folder.is_dir():
        return Check("workspace", "failed", f"{folder} is a file, where a folder is wanted")
    free = shutil.disk_usage(folder).free
    if not os.access(folder, os.W_OK):
        return Check("workspace", "failed", f"{folder} cannot be written to")
    state: State = "ok" if free >= LOW_DISK_BYTES else "warning"
    return Check("workspace", state, f"{workspace}: {free / 1024**3:.1f} GiB free")


def _store(url: str) -> tuple[State, str]:
    from alembic.migration import MigrationContext
    from alembic.script import ScriptDirectory
    from sqlalchemy import create_engine
    from sqlalchemy.engine import make_url

    import models.store

    address = make_url(url)
    shown = address.render_as_string(hide_password=True)
    if address.get_backend_name() == "sqlite" and not Path(address.database or "").exists():
        return "ok", f"{shown} is not there yet; the first run makes it"
    newest = ScriptDirectory(str(Path(models.store.__file__).parent / "migrations")).get_current_head()
    engine = create_engine(address)
    try:
        with engine.connect() as connection:
            current = MigrationContext.configure(connection).get_current_revision()
    finally:
        engine.dispose()
    if current is None:
        return "ok", f"{shown} is reachable and empty; the first run sets it up"
    if current != newest:
        return "warning", f"{shown} has schema {current}; the next run brings it to {newest}"
    return "ok", f"{shown} is reachable, schema {current}"


def _models(url: str) -> tuple[State, str]:
    """Whether the models in use are of a hub of about this size."""
    import sqlalchemy as sa
    from sqlalchemy.engine import make_url

    from matching.training import outgrown
    from models.store import tables as t

    address = make_url(url)
    if address.get_backend_name() == "sqlite" and not Path(address.database or "").exists():
        return "ok", "none yet; the first run trains them"
    engine = sa.create_engine(address)
    records, models = t.source_record.c, t.match_model.c
    try:
        with engine.connect() as connection:
            if not sa.inspect(connection).has_table("match_model"):
                return "ok", "none yet; the first run trains them"
            published = sa.select(models.entity_type, models.document).where(models.status == "published")
            found = {entity: document for entity, document in connection.execute(published)}
            living = sa.select(records.entity_type, sa.func.count()).where(records.deleted.is_(False))
            held = {entity: n for entity, n in connection.execute(living.group_by(records.entity_type))}
    finally:
        engine.dispose()
    told = []
    for entity, document in sorted(found.items()):
        trained = int((json.loads(document) if isinstance(document, str) else document)["records"])
        told += [f"{entity}: {said}" for said in outgrown(trained, held.get(entity, 0))]
    if told:
        return "warning", "; ".join(told)
    return "ok", ", ".join(sorted(found)) or "none yet; the first run trains them"


def _source(config: Config, source: Source, stream: Stream) -> tuple[State, str]:
    from serving.check import look_at

    seen = look_at(config, source, stream)
    if seen.errors:
        return "failed", seen.errors[0]
    return "ok", f"{len(seen.columns)} columns, {len(seen.mapping)} attributes mapped"


_LOADS = "import dagster; from orchestration.definitions import defs; dagster.Definitions.validate_loadable(defs)"
"""The program that loads the assets: Dagster looks at jobs, schedules and sensors only when it puts them together."""


def _dagster(config_path: Path) -> Check:
    """Whether the assets load, in a process of their own, as Dagster will do it."""
    began = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-c", _LOADS],
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
        env={**os.environ, "KEHU_CONFIG": str(config_path.absolute())},
    )
    if done.returncode:
        said = done.stderr.strip().splitlines()
        return Check("dagster", "failed", said[-1] if said else f"ended with {done.returncode}")
    return Check("dagster", "ok", f"the assets load in {time.monotonic() - began:.1f} s")
