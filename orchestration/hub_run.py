"""One run of the hub: its id, its lock, its folder, the seconds of its phases, and what its steps leave for each other.

Knows nothing of Dagster, and nothing of what the steps do.
"""

from __future__ import annotations

import datetime as dt
import errno
import secrets
import shutil
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Protocol

import duckdb
import orjson

from connectors.mapping import remap
from connectors.period import Period
from lifecycle.following import follow_decisions
from matching.effect import catch_up
from matching.standardise.forms import FORMS
from models.config import Config
from models.errors import ConfigErrors, KehuError, StoreError
from models.store import Store, open_store
from models.store.analyst_views import attributes_in_views, ensure_views
from models.store.left_out import of_other_type
from orchestration.created import with_created_sources

KEPT_FOLDERS = 3
"""Work folders of earlier runs that stay for a look; at a million records one takes about a GiB."""


class Tell(Protocol):
    """How a run says how far it is."""

    def __call__(self, phase: str, message: str = "", *, done: int | None = None, total: int | None = None) -> None:
        """`phase` is under way; a new phase ends the one before."""
        ...


@dataclass
class HubRun:
    """A run that holds the hub.

    `keep_going`: a source that fails is recorded, and the others go on without it. `ended`: the store knows how the run
    ended; any other run is marked as failed when it lets go of the hub. `private`: its folder holds what nobody may
    keep, and goes with it. `period` is read instead of what is new; `replay`, a (stream, batch), takes a landed batch
    of one stream again, and reads nothing.
    """

    run_id: str
    config: Config
    store: Store
    folder: Path
    full: bool = False
    keep_going: bool = False
    tell: Tell = field(default=lambda phase, message="", *, done=None, total=None: None)
    seconds: dict[str, float] = field(default_factory=dict)
    error: str | None = None
    ended: bool = False
    private: bool = False
    period: Period | None = None
    replay: tuple[str, str] | None = None

    @contextmanager
    def phase(self, name: str, message: str = "", *, timed: bool = True) -> Iterator[None]:
        """A phase of the run: told, timed (seconds add up under its name), its failure noted and put into words.

        Raises StoreError where the disk or the memory of the work tables gave out.
        """
        self.tell(name, message)
        began = time.perf_counter()
        try:
            yield
        except KehuError as error:
            self.error = str(error)
            raise
        except BaseException as error:
            worded = _worded(error, self.config)
            self.error = str(worded or error) or type(error).__name__
            if worded is None:
                raise
            raise worded from error
        finally:
            if timed:
                self.add_seconds({name: time.perf_counter() - began})

    def add_seconds(self, seconds: Mapping[str, float]) -> None:
        """Add to the seconds of phases."""
        for name, value in seconds.items():
            self.seconds[name] = self.seconds.get(name, 0.0) + value

    def write(self, name: str, value: Any) -> None:
        """Leave a value (JSON) for later steps of this run."""
        path = self.folder / f"{name}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(orjson.dumps(value, default=str, option=orjson.OPT_SERIALIZE_NUMPY))

    def read(self, name: str) -> Any:
        """What an earlier step of this run left under the name; None when it left nothing."""
        path = self.folder / f"{name}.json"
        return orjson.loads(path.read_bytes()) if path.exists() else None

    def read_all(self, folder: str) -> list[Any]:
        """Everything that earlier steps left in a folder, ordered by name."""
        return [orjson.loads(path.read_bytes()) for path in sorted((self.folder / folder).rglob("*.json"))]


@contextmanager
def open_run(
    config: Config, *, full: bool = False, keep_going: bool = False, wait: float = 0.0, tell: Tell | None = None
) -> Iterator[HubRun]:
    """Hold the hub for one run and give it a folder; folders that earlier runs left are cleared away, but the newest.

    Waits up to `wait` seconds for a run that is under way. A run that ends without being published is marked as
    failed, with its error. Raises LockError or StoreError, ConfigErrors for streams whose records are of another type.
    """
    run_id = new_run_id()
    with open_store(config.store) as store, store.lock(run_id, wait=wait):
        _refuse_other_types(config, store)
        folder = _work_folder(config, run_id)
        store.start_run(run_id, kind="full" if full else "incremental")
        ensure_views(store.database, attributes_in_views(config))
        run = HubRun(run_id, with_created_sources(config, store), store, folder, full, keep_going)
        if tell is not None:
            run.tell = tell
        try:
            yield run
            _end(run)
        except BaseException as error:
            run.error = run.error or str(error) or type(error).__name__
            _end(run)
            raise
        finally:
            _catch_up(run)
            if run.private:
                shutil.rmtree(folder, ignore_errors=True)


def _refuse_other_types(config: Config, store: Store) -> None:
    with store.database.read() as connection:
        if mistakes := of_other_type(connection, config):
            raise ConfigErrors(mistakes)


def new_run_id() -> str:
    """An id that sorts by time: UTC to the millisecond, and six random digits."""
    now = dt.datetime.now(dt.UTC)
    return f"{now:%Y%m%dT%H%M%S}{now.microsecond // 1000:03d}-{secrets.token_hex(3)}"


def _end(run: HubRun) -> None:
    if run.ended:
        return
    try:
        run.store.finish_run(run.run_id, error=run.error or "ended before anything was published", phases=run.seconds)
    except StoreError:
        # The store is what failed. The next run finds this one under `running` and marks it as failed.
        run.tell("store", "the run could not be marked as failed")


def _catch_up(run: HubRun) -> None:
    """Apply what stewards decided while the run was under way."""
    try:
        effect = catch_up(run.store, run.config, lambda entity: partial(remap, run.config, entity=entity))
    except KehuError as error:
        # They are written down; the next decision or run applies them.
        run.tell("decisions", f"what was decided meanwhile takes effect with the next run ({error})")
        return
    if effect is None:
        return
    run.tell("decisions", f"{len(effect.golden):,} records looked at for what was decided meanwhile")
    try:
        follow_decisions(run.store, run.config, FORMS)
    except KehuError as error:
        run.tell("decisions", f"stages and findings follow it with the next run ({error})")


def _work_folder(config: Config, run_id: str) -> Path:
    runs = config.workspace / "runs"
    try:
        runs.mkdir(parents=True, exist_ok=True)
        # Whoever holds the lock is alone: every other folder is of a run that ended or died.
        for old in sorted(path for path in runs.iterdir() if path.is_dir())[:-KEPT_FOLDERS]:
            shutil.rmtree(old, ignore_errors=True)
        folder = runs / run_id
        folder.mkdir()
    except OSError as error:
        raise _worded(error, config) or StoreError(f"{runs}: {error.strerror or error}") from error
    return folder


def clear_landing(config: Config, in_use: set[tuple[str, str, str]]) -> int:
    """Remove landed batches but the newest of each stream and those in use (source, stream, batch id).

    Returns how many went.
    """
    removed = 0
    for source, stream in config.streams():
        folder = config.workspace / "landing" / source.name / stream.name
        found = folder.iterdir() if folder.is_dir() else ()
        batches = sorted(path for path in found if path.is_dir() and not path.name.startswith("."))
        for batch in batches[: -source.keep_batches]:
            if (source.name, stream.name, batch.name) not in in_use:
                shutil.rmtree(batch, ignore_errors=True)
                removed += 1
    return removed


def _worded(error: BaseException, config: Config) -> StoreError | None:
    """A failure of the machine in words of the user's world; None for any other."""
    where = config.workspace
    number = getattr(error, "errno", None)
    told = " ".join(str(error).split())
    said = told[:200]
    if number in (errno.ENOSPC, errno.EDQUOT) or "no space left" in told.lower():
        return StoreError(f"the disk of the workspace {where} is full; nothing of this run was published")
    if isinstance(error, duckdb.OutOfMemoryException):
        return StoreError(f"memory_limit {config.memory_limit} is too little, and spilling did not help ({said})")
    if isinstance(error, PermissionError) or number == errno.EROFS:
        return StoreError(f"the workspace {where} cannot be written to ({said})")
    return None
