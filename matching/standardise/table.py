"""`standardise()`: a table of raw attributes in, the table of standard columns out.

Each subject is computed once per distinct combination of its raw values and spread over the records with `take`, so
the cost follows the distinct values, not the rows. What a column means is said in the modules of the subjects.
"""

from __future__ import annotations

from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import ExitStack
from multiprocessing import get_context
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from matching.standardise.schema import standard_schema
from matching.standardise.subjects import (
    ADDRESS,
    BIRTH,
    LIST_SEPARATOR,
    NAME_SUBJECTS,
    PHONE,
    REASON,
    SINGLE_SUBJECTS,
    Key,
    Subject,
    build,
)

# Below this number of distinct values the start of worker processes costs more than they save.
_POOL_THRESHOLD = 300_000
_CHUNK = 10_000
_COUNTRY_DOMAIN = r"\.(?P<country>cn|de|uk|fr|it|es|nl|be|at|ch|se|dk|no|fi|ie|pl|cz|jp|kr|in|au|nz|sg|my|th|br|mx|ru)$"


def standardise(entity_type: str, table: pa.Table, *, threads: int = 2) -> pa.Table:
    """Standard columns of raw records, one row per input row in the same order.

    `table` holds record_id and any of the canonical raw attributes of the entity (text, or list of text for phone and
    email); unknown columns are ignored. The result has exactly the columns of `standard_schema(entity_type)`;
    `reasons` is a JSON object attribute → why it has no usable value. Above three hundred thousand distinct values
    `threads` worker processes share the work; where none can be started it is done in this one.

    Raises ValueError for an entity type without standard columns or a table without record_id.
    """
    schema = standard_schema(entity_type)
    if "record_id" not in table.column_names:
        raise ValueError("the table to standardise has no column record_id")
    rows = table.num_rows
    raw = {name: _text(table.column(name)) for name in table.column_names if name != "record_id"}
    out: dict[str, pa.Array[Any]] = {"record_id": _flat(table.column("record_id")).cast(pa.int64())}
    reasons: list[pa.Array[Any]] = []

    with _Workers(threads) as workers:

        def run(subject: Subject, inputs: dict[str, pa.Array[Any]]) -> dict[str, pa.Array[Any]]:
            present = [inputs.get(name) for name in subject.inputs]
            if all(column is None or column.null_count == rows for column in present):
                return {}
            keys, inverse = _distinct(present, rows)
            batch = workers.build(subject.name, keys)
            taken = {name: batch.column(i).take(inverse) for i, name in enumerate(batch.schema.names)}
            reason = taken.pop(REASON)
            if reason.null_count < rows:
                reasons.append(reason)
            return taken

        names = run(NAME_SUBJECTS[entity_type], raw)
        hint = names.pop("_hint", pa.nulls(rows, pa.string()))
        address = run(ADDRESS, raw)
        country = address.get("country", pa.nulls(rows, pa.string()))
        out.update(names)
        out.update(address)
        for subject in SINGLE_SUBJECTS[entity_type]:
            out.update(run(subject, raw))
        if "phone" in raw:
            region = pc.coalesce(country, hint, *_country_hints(raw, out))
            out.update(run(PHONE, {"phone": raw["phone"], "_region": region}))
        if entity_type == "person" and "birth_date" in raw:
            out.update(run(BIRTH, {"birth_date": raw["birth_date"], "country": country}))
    out["reasons"] = _objects(reasons, rows)
    columns = [out[field.name] if field.name in out else pa.nulls(rows, field.type) for field in schema]
    return pa.Table.from_arrays(columns, schema=schema)


def _country_hints(raw: dict[str, pa.Array[Any]], out: dict[str, pa.Array[Any]]) -> list[pa.Array[Any]]:
    """Countries that a tax number, web domain or mailbox speaks of, for reading telephone numbers only."""
    compute: Any = pc
    hints = []
    if "tax_id_kind" in out:
        vat = compute.equal(out["tax_id_kind"], "vat")
        hints.append(compute.if_else(vat, compute.utf8_slice_codeunits(out["tax_id"], 0, 2), None))
    for column in (out.get("web_domain"), raw.get("email")):
        if column is not None:
            found = compute.extract_regex(compute.utf8_lower(column), _COUNTRY_DOMAIN)
            hints.append(compute.utf8_upper(compute.struct_field(found, "country")))
    # The United Kingdom and Greece go by other letters in domains and VAT numbers.
    return [compute.replace_substring(compute.replace_substring(h, "UK", "GB"), "EL", "GR") for h in hints]


def _flat(column: pa.ChunkedArray[Any]) -> pa.Array[Any]:
    combined: Any = column.combine_chunks()
    return pa.concat_arrays(combined.chunks) if isinstance(combined, pa.ChunkedArray) else combined


def _text(column: pa.ChunkedArray[Any]) -> pa.Array[Any]:
    """A raw column as trimmed text with empty as null; lists joined by the list separator."""
    flat: Any = _flat(column)
    compute: Any = pc
    if pa.types.is_dictionary(flat.type):
        flat = flat.dictionary_decode()
    if pa.types.is_list(flat.type) or pa.types.is_large_list(flat.type):
        if compute.list_flatten(flat).null_count or not pa.types.is_string(flat.type.value_type):
            values = [None if v is None else [str(x) for x in v if x is not None] for v in flat.to_pylist()]
            flat = pa.array(values, pa.list_(pa.string()))
        flat = compute.binary_join(flat, LIST_SEPARATOR)
    elif pa.types.is_null(flat.type):
        flat = pa.nulls(len(flat), pa.string())
    elif not pa.types.is_string(flat.type):
        flat = flat.cast(pa.string())
    flat = compute.utf8_trim_whitespace(flat)
    text: pa.Array[Any] = compute.if_else(compute.equal(flat, ""), pa.scalar(None, pa.string()), flat)
    return text


def _distinct(columns: list[pa.Array[Any] | None], rows: int) -> tuple[list[Key], pa.Array[Any]]:
    """Distinct tuples over some columns, and for every row the position of its tuple."""
    code = np.zeros(rows, dtype=np.int64)
    for column in columns:
        if column is None:
            continue
        encoded: Any = column.dictionary_encode()
        size = len(encoded.dictionary)
        filled: Any = pc.fill_null(encoded.indices.cast(pa.int64()), size)
        code = code * (size + 1) + filled.to_numpy(zero_copy_only=False)
        # Renumbered after every column, so that the product of sizes never outgrows 64 bits.
        _, code = np.unique(code, return_inverse=True)
    _, first = np.unique(code, return_index=True)
    values = [[None] * len(first) if c is None else c.take(pa.array(first, pa.int64())).to_pylist() for c in columns]
    return list(zip(*values, strict=True)), pa.array(code, pa.int64())


class _Workers:
    """Builds columns here or, for many distinct values, in worker processes that live as long as one call.

    Where no process can be started (a daemonic parent, a script without a main guard) everything is done here.
    """

    def __init__(self, threads: int) -> None:
        self._threads, self._pool = threads, ExitStack()
        self._executor: ProcessPoolExecutor | None = None

    def __enter__(self) -> _Workers:
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.close()

    def build(self, subject: str, keys: list[Key]) -> pa.RecordBatch:
        """Standard columns of all keys, in chunks: a chunk's Python objects are gone before the next one is made."""
        chunks = [keys[i : i + _CHUNK] for i in range(0, len(keys), _CHUNK)]
        batches = self._elsewhere(subject, chunks) if self._threads > 1 and len(keys) > _POOL_THRESHOLD else None
        if batches is None:
            batches = [build(subject, chunk) for chunk in chunks]
        return batches[0] if len(batches) == 1 else pa.Table.from_batches(batches).combine_chunks().to_batches()[0]

    def _elsewhere(self, subject: str, chunks: list[list[Key]]) -> list[pa.RecordBatch] | None:
        try:
            if self._executor is None:
                executor = ProcessPoolExecutor(self._threads, mp_context=get_context("spawn"))
                self._executor = self._pool.enter_context(executor)
            parts = list(self._executor.map(_worker, [subject] * len(chunks), chunks))
        except (BrokenProcessPool, AssertionError, OSError, RuntimeError):
            self._threads = 1
            return None
        return [batch for part in parts for batch in pa.ipc.open_stream(part)]


def _worker(subject: str, keys: list[Key]) -> bytes:
    batch = build(subject, keys)
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, batch.schema) as writer:
        writer.write_batch(batch)
    written: bytes = sink.getvalue().to_pybytes()
    return written


def _objects(parts: list[pa.Array[Any]], rows: int) -> pa.Array[Any]:
    """JSON objects of the members that the subjects reported, null where none did."""
    compute: Any = pc
    joined: Any = pa.nulls(rows, pa.string())
    for part in parts:
        # Joining emits null when one side is null, which leaves the other side to stand alone.
        joined = compute.coalesce(compute.binary_join_element_wise(joined, part, ","), joined, part)
    objects: pa.Array[Any] = compute.binary_join_element_wise("{", joined, "}", "")
    return objects
