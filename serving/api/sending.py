"""An export on its way to whoever asked: read from one published state in a thread of its own, sent in parts.

At most a few parts wait between reader and network, whatever the size of the table and the pace of the receiver. Who
breaks off ends the reading.
"""

from __future__ import annotations

import io
import queue
import threading
from collections.abc import Callable, Iterator
from typing import IO, Any, Protocol, cast

import pyarrow as pa

from models.store import Store
from serving.feed import last_event
from serving.selecting import Selected
from serving.writers import writing

WAITING_PARTS = 4
PART_BYTES = 1 << 18
AT_ONCE = 4
"""Exports that one process makes at a time; each holds a connection to the store."""

_places = threading.BoundedSemaphore(AT_ONCE)


class TooMany(Exception):
    """As many exports are under way as one process makes at a time."""


class Sent(Protocol):
    """A table that can be sent: its columns, and its rows in batches."""

    @property
    def schema(self) -> pa.Schema:
        """The columns."""

    def batches(self) -> Iterator[pa.RecordBatch]:
        """The rows."""


class Sending:
    """One table under way. `cursor` is known before the first part, and of an export `rows` and `personal`."""

    def __init__(self, store: Store, table: Callable[[], Sent], kind: str):
        """Begins to read. Raises TooMany, what `table` raises, and what the store raises."""
        if not _places.acquire(blocking=False):
            raise TooMany
        self._parts: queue.Queue[bytes | BaseException | None] = queue.Queue(WAITING_PARTS)
        self._ended = threading.Event()
        begun: queue.Queue[tuple[int, int, list[str]] | BaseException] = queue.Queue()
        threading.Thread(target=self._read, args=(store, table, kind, begun), name="kehu-export", daemon=True).start()
        found = begun.get()
        if isinstance(found, BaseException):
            raise found
        self.cursor, self.rows, self.personal = found

    def parts(self) -> Iterator[bytes]:
        """The file, part by part. Raises what went wrong on the way, so that nobody takes a part for the whole."""
        try:
            while (part := self._parts.get()) is not None:
                if isinstance(part, BaseException):
                    raise part
                yield part
        finally:
            self._ended.set()

    def close(self) -> None:
        """End the reading of one that nobody will be sent."""
        self._ended.set()

    def _read(
        self,
        store: Store,
        table: Callable[[], Sent],
        kind: str,
        begun: queue.Queue[tuple[int, int, list[str]] | BaseException],
    ) -> None:
        told = False
        try:
            selected = table()
            with store.snapshot():
                counted = selected.count() if isinstance(selected, Selected) else 0
                begun.put((last_event(store), counted, selected.personal() if isinstance(selected, Selected) else []))
                told = True
                held = io.BytesIO()
                with writing(cast(IO[bytes], _Front(held)), kind, selected.schema) as write:
                    for batch in selected.batches():
                        write(batch)
                        if held.tell() >= PART_BYTES and not self._put(_taken(held)):
                            return
                self._put(_taken(held))
        except BaseException as error:
            if told:
                self._put(error)
            else:
                begun.put(error)
        finally:
            _places.release()
            self._put(None)

    def _put(self, part: bytes | BaseException | None) -> bool:
        """Hand a part on; false where nobody takes it any more."""
        while not self._ended.is_set():
            try:
                self._parts.put(part, timeout=0.5)
                return True
            except queue.Full:
                continue
        return False


class _Front(io.RawIOBase):
    """What a writer takes for the whole file, of which only the end is kept."""

    def __init__(self, held: io.BytesIO):
        self._held, self._at = held, 0

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        count = self._held.write(data)
        self._at += count
        return count

    def tell(self) -> int:
        return self._at


def _taken(held: io.BytesIO) -> bytes:
    """What is held, which is emptied."""
    part = held.getvalue()
    held.seek(0)
    held.truncate()
    return part
