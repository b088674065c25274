"""Builds standard columns in this process or, where there are many distinct values, in worker processes.

Workers are spawned, never forked: the caller may hold threads of DuckDB, Arrow or Dagster. Both ways give the same.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import current_process, get_context
from typing import Any

import pyarrow as pa

from matching.standardise.subjects import Key, build

# Below this number of distinct values the start of worker processes costs more than they save.
_POOL_THRESHOLD = 50_000
# Keys handed to a worker at a time, and keys whose Python objects exist at a time: few enough to stay in its cache.
_CHUNK = 10_000
_PIECE = 1_000
# More keys than that are a full load, which would only push out what small deltas ask again.
_REMEMBERED = 5_000

Pending = Callable[[], pa.RecordBatch]
"""A build that was started; calling it waits for its columns."""


class Workers:
    """Worker processes that live as long as the `with` block, or none when `distinct` values are too few.

    Where no process can be started (a daemonic parent, a main module that cannot be imported again) and when one dies,
    everything is done in this process.
    """

    def __init__(self, threads: int, distinct: int) -> None:
        self._executor: ProcessPoolExecutor | None = None
        if threads > 1 and distinct > _POOL_THRESHOLD and _importable_main():
            try:
                self._executor = ProcessPoolExecutor(threads, mp_context=get_context("spawn"))
            except (OSError, ValueError, NotImplementedError):
                self._executor = None

    def __enter__(self) -> Workers:
        return self

    def __exit__(self, *_: object) -> None:
        if self._executor is not None:
            self._executor.shutdown(cancel_futures=True)

    def start(self, subject: str, keys: pa.RecordBatch) -> Pending:
        """Starts building the standard columns of all keys (a column per raw value)."""
        chunks = [keys.slice(i, _CHUNK) for i in range(0, keys.num_rows, _CHUNK)]
        futures = [self._submit(subject, chunk) for chunk in chunks]

        def finish() -> pa.RecordBatch:
            batches: list[pa.RecordBatch] = []
            for chunk, future in zip(chunks, futures, strict=True):
                batches += self._result(future) or _build(subject, chunk)
            return batches[0] if len(batches) == 1 else pa.Table.from_batches(batches).combine_chunks().to_batches()[0]

        return finish

    def _submit(self, subject: str, chunk: pa.RecordBatch) -> Future[bytes] | None:
        if self._executor is None:
            return None
        try:
            return self._executor.submit(_work, subject, _written([chunk]))
        except (BrokenProcessPool, AssertionError, OSError, RuntimeError) as error:
            self._give_up(error)
            return None

    def _result(self, future: Future[bytes] | None) -> list[pa.RecordBatch] | None:
        if future is None or self._executor is None:
            return None
        try:
            return list(pa.ipc.open_stream(future.result()))
        except (BrokenProcessPool, OSError) as error:
            self._give_up(error)
            return None

    def _give_up(self, error: Exception) -> None:
        if getattr(current_process(), "_inheriting", False):
            # A worker that runs the caller's script again for want of a main guard: it ends here, not at the
            # end of the script, and the caller goes on alone.
            raise error
        if self._executor is not None:
            self._executor.shutdown(wait=False, cancel_futures=True)
        self._executor = None


def _importable_main() -> bool:
    """Whether a spawned process can import the main module, as it will try to."""
    main = sys.modules.get("__main__")
    path = getattr(main, "__file__", None)
    return getattr(main, "__spec__", None) is not None or path is None or os.path.exists(path)


def _build(subject: str, keys: pa.RecordBatch) -> list[pa.RecordBatch]:
    pieces = (keys.slice(i, _PIECE) for i in range(0, keys.num_rows, _PIECE))
    return [build(subject, _tuples(piece), remember=keys.num_rows <= _REMEMBERED) for piece in pieces]


def _tuples(keys: pa.RecordBatch) -> list[Key]:
    columns: list[Any] = [column.to_numpy(zero_copy_only=False).tolist() for column in keys.columns]
    return list(zip(*columns, strict=True))


def _work(subject: str, keys: bytes) -> bytes:
    """In a worker process: the columns of a chunk of keys, both as Arrow streams."""
    return _written([batch for part in pa.ipc.open_stream(keys) for batch in _build(subject, part)])


def _written(batches: list[pa.RecordBatch]) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, batches[0].schema) as writer:
        for batch in batches:
            writer.write_batch(batch)
    written: bytes = sink.getvalue().to_pybytes()
    return written
