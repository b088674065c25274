"""Writes down who read personal data unmasked, without letting the reader wait for the store.

An entry is appended to a file of this process first, which a killed process leaves behind whole, and goes from there
into the audit log a moment later; what a dead process left is taken over by the next one. So each read is recorded at
least once. Entries name customers and attributes, never values.
"""

from __future__ import annotations

import fcntl
import logging
import os
import secrets
import threading
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import Any

import orjson

from models.errors import StoreError
from models.store import Store
from models.store.audits import audit_entry
from serving.access.principal import Principal

log = logging.getLogger("kehu.access")

FLUSH_SECONDS = 1.0
_BATCH = 5_000


class AccessLog:
    """The reads of one process. `folder` holds its files; without one entries go into the store at once.

    Safe to use from several threads. Raises OSError where the folder cannot be written: nothing is shown that cannot
    be recorded.
    """

    def __init__(self, store: Store, folder: Path | None = None, *, every: float = FLUSH_SECONDS):
        self._store, self._folder, self._every = store, folder, every
        self._lock, self._flushing = threading.Lock(), threading.Lock()
        self._ended = threading.Event()
        self._file: int | None = None
        self._path: Path | None = None
        self._full: list[Path] = []
        self._thread: threading.Thread | None = None

    def read(
        self,
        who: Principal,
        action: str,
        *,
        object_type: str = "customer",
        object_id: str = "",
        attributes: Iterable[str] = (),
        **detail: Any,
    ) -> None:
        """Record that somebody saw personal attributes; nothing where there are none."""
        names = sorted(set(attributes))
        if not names and not detail.get("rows"):
            return
        self.note(who, action, object_type=object_type, object_id=object_id, attributes=names, **detail)

    def note(self, who: Principal, action: str, *, object_type: str = "", object_id: str = "", **detail: Any) -> None:
        """Record anything that somebody did."""
        if who.purpose:
            detail["purpose"] = who.purpose
        entry = audit_entry(who.name, action, object_type=object_type, object_id=object_id, detail=detail or None)
        if self._folder is None:
            self._store.add_audits([entry])
            return
        line = orjson.dumps(entry) + b"\n"
        with self._lock:
            os.write(self._open(), line)

    def flush(self) -> int:
        """Bring what was written so far into the audit log. Returns how many entries; 0 while another process writes.

        What cannot be brought in now stays in its file.
        """
        if self._folder is None:
            return 0
        with self._flushing:
            with self._lock:
                if self._file is not None and self._path is not None:
                    self._full.append(self._path)
                    os.close(self._file)
                    self._file = self._path = None
                waiting = list(self._full)
            done = 0
            for path in waiting:
                try:
                    done += self._take_in(path)
                except StoreError as error:
                    log.debug("reads wait in %s: %s", path, error)
                    break
                self._full.remove(path)
            return done

    def close(self) -> None:
        """Bring everything in and end; what cannot be brought in is left for the next process."""
        self._ended.set()
        if self._thread is not None:
            self._thread.join(timeout=10)
        self.flush()

    def _open(self) -> int:
        if self._file is None:
            assert self._folder is not None
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            if self._thread is None:
                self._take_over()
                self._thread = threading.Thread(target=self._keep_flushing, name="kehu-access-log", daemon=True)
                self._thread.start()
            self._path = self._folder / f"{os.getpid()}-{secrets.token_hex(8)}.ndjson"
            self._file = os.open(self._path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_APPEND, 0o600)
            fcntl.flock(self._file, fcntl.LOCK_EX)
        return self._file

    def _take_over(self) -> None:
        """Find the files of processes that are no more: their locks went with them."""
        assert self._folder is not None
        for path in sorted(self._folder.glob("*.ndjson")):
            with open(path, "rb") as left:
                try:
                    fcntl.flock(left, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except OSError:
                    continue
            if int(path.name.partition("-")[0]) != os.getpid():
                self._full.append(path)

    def _take_in(self, path: Path) -> int:
        try:
            lines = path.read_bytes().splitlines()
        except FileNotFoundError:
            return 0  # another process that started at the same moment was quicker
        entries = [e for e in map(_parsed, lines) if e is not None]
        for start in range(0, len(entries), _BATCH):
            self._store.add_audits(entries[start : start + _BATCH], wait=False)
        path.unlink(missing_ok=True)
        return len(entries)

    def _keep_flushing(self) -> None:
        while not self._ended.wait(self._every):
            try:
                self.flush()
            except Exception:  # the thread must not end: entries would pile up unseen
                log.exception("reads of personal data could not be brought into the audit log")

    def __enter__(self) -> AccessLog:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _parsed(line: bytes) -> dict[str, Any] | None:
    try:
        entry: dict[str, Any] = orjson.loads(line)
    except orjson.JSONDecodeError:
        return None  # the last line of a machine that lost its power
    return entry
