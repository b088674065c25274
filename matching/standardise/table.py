"""`standardise()`: a table of raw attributes in, the table of standard columns out.

Each subject is computed once per distinct combination of its raw values and spread over the records with `take`, so
the cost follows the distinct values, not the rows. What a column means is said in the modules of the subjects.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from matching.standardise.abroad import city_abroad, city_country
from matching.standardise.schema import standard_schema
from matching.standardise.subjects import (
    ADDRESS,
    BIRTH,
    LIST_SEPARATOR,
    NAME_SUBJECTS,
    PHONE,
    REASON,
    SINGLE_SUBJECTS,
    Subject,
)
from matching.standardise.workers import Pending, Workers

COUNTRY_DOMAIN = r"\.(?P<country>cn|de|uk|fr|it|es|nl|be|at|ch|se|dk|no|fi|ie|pl|cz|jp|kr|in|au|nz|sg|my|th|br|mx|ru)$"


# Subjects that say nothing on the country of a telephone number.
_NO_HINTS = frozenset(("email", "registration_id", "gender", "national_id", "organization_key", "job_title"))


class Job(NamedTuple):
    """Distinct raw values of a subject (none when the records have none), and for every record which of them it has."""

    subject: str
    keys: pa.RecordBatch
    inverse: pa.Array[Any]


def standardise(entity_type: str, table: pa.Table, *, threads: int = 2) -> pa.Table:
    """Standard columns of raw records, one row per input row in the same order.

    `table` holds record_id and any of the canonical raw attributes of the entity (text, or list of text for phone and
    email); unknown columns are ignored. The result has exactly the columns of `standard_schema(entity_type)`;
    `reasons` is a JSON object attribute → why it has no usable value. Where there are many distinct
    values `threads` worker processes share the work; where none can be started it is done in this one.

    Raises ValueError for an entity type without standard columns or a table without record_id.
    """
    schema = standard_schema(entity_type)
    if "record_id" not in table.column_names:
        raise ValueError("the table to standardise has no column record_id")
    rows = table.num_rows
    raw = {name: _text(table.column(name)) for name in table.column_names if name != "record_id"}
    out: dict[str, pa.Array[Any]] = {"record_id": _flat(table.column("record_id")).cast(pa.int64())}
    reasons: dict[str, pa.Array[Any]] = {}
    singles = SINGLE_SUBJECTS[entity_type]
    first = [_job(subject, raw, rows) for subject in (NAME_SUBJECTS[entity_type], ADDRESS, *singles)]
    phones: int = pc.count_distinct(raw["phone"]).as_py() if "phone" in raw else 0

    with Workers(threads, sum(job.keys.num_rows for job in first) + phones) as workers:

        def start(jobs: list[Job]) -> list[Callable[[], None]]:
            return [partial(finish, job, workers.start(job.subject, job.keys)) for job in jobs if job.keys.num_rows]

        def finish(job: Job, built: Pending) -> None:
            batch = built()
            taken = {name: batch.column(i).take(job.inverse) for i, name in enumerate(batch.schema.names)}
            reasons[job.subject] = taken.pop(REASON)
            out.update(taken)

        # What tells how to read telephone numbers comes first, so that the workers have something to do all the time.
        first.sort(key=lambda job: job.subject in _NO_HINTS)
        started = start(first)
        hints = sum(job.subject not in _NO_HINTS for job in first if job.keys.num_rows)
        for done in started[:hints]:
            done()
        hint = out.pop("_hint", pa.nulls(rows, pa.string()))
        country = out.get("country", pa.nulls(rows, pa.string()))
        last: list[Job] = []
        if "phone" in raw:
            city, abroad = _city_hints(out.get("city_norm"), rows)
            region = pc.coalesce(country, city, hint, *_country_hints(raw, out), abroad)
            last.append(_job(PHONE, {"phone": raw["phone"], "_region": region}, rows))
        if entity_type == "person" and "birth_date" in raw:
            last.append(_job(BIRTH, {"birth_date": raw["birth_date"], "country": country}, rows))
        for done in [*started[hints:], *start(last)]:
            done()
    order = [
        NAME_SUBJECTS[entity_type].name,
        ADDRESS.name,
        *(subject.name for subject in singles),
        PHONE.name,
        BIRTH.name,
    ]
    found = [reasons[name] for name in order if name in reasons]
    out["reasons"] = _objects([reason for reason in found if reason.null_count < rows], rows)
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
            found = compute.extract_regex(compute.utf8_lower(column), COUNTRY_DOMAIN)
            hints.append(compute.utf8_upper(compute.struct_field(found, "country")))
    # The United Kingdom and Greece go by other letters in domains and VAT numbers.
    return [compute.replace_substring(compute.replace_substring(h, "UK", "GB"), "EL", "GR") for h in hints]


def _city_hints(cities: pa.Array[Any] | None, rows: int) -> list[pa.Array[Any]]:
    """The country of each city that is listed; whether it is a city abroad, for all else."""
    if cities is None:
        return [pa.nulls(rows, pa.string())] * 2
    encoded: Any = cities.dictionary_encode()
    names = encoded.dictionary.to_pylist()
    return [pa.array([of(n) for n in names], pa.string()).take(encoded.indices) for of in (city_country, city_abroad)]


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


def _job(subject: Subject, inputs: dict[str, pa.Array[Any]], rows: int) -> Job:
    """Distinct raw values of a subject in order of appearance."""
    import pandas as pd  # slow to import, and one record is standardised without it

    columns = [inputs.get(name) for name in subject.inputs]
    names = [str(i) for i in range(len(columns))]
    if all(column is None or column.null_count == rows for column in columns):
        nothing = pa.array([], pa.string())
        return Job(subject.name, pa.RecordBatch.from_arrays([nothing] * len(columns), names=names), nothing)
    code = np.zeros(rows, dtype=np.int64)
    for column in columns:
        if column is None or column.null_count == rows:
            continue
        encoded: Any = column.dictionary_encode()
        size = len(encoded.dictionary)
        filled: Any = pc.fill_null(encoded.indices.cast(pa.int64()), size)
        # Renumbered after every column, so that the product of sizes never outgrows 64 bits.
        code, _ = pd.factorize(code * (size + 1) + filled.to_numpy(zero_copy_only=False))
    first = np.empty(int(code.max(initial=-1)) + 1, dtype=np.int64)
    first[code[::-1]] = np.arange(rows - 1, -1, -1)
    at = pa.array(first, pa.int64())
    keys = [pa.nulls(len(first), pa.string()) if column is None else column.take(at) for column in columns]
    return Job(subject.name, pa.RecordBatch.from_arrays(keys, names=names), pa.array(code, pa.int64()))


def _objects(parts: list[pa.Array[Any]], rows: int) -> pa.Array[Any]:
    """JSON objects of the members that the subjects reported, null where none did."""
    compute: Any = pc
    joined: Any = pa.nulls(rows, pa.string())
    for part in parts:
        # Joining emits null when one side is null, which leaves the other side to stand alone.
        joined = compute.coalesce(compute.binary_join_element_wise(joined, part, ","), joined, part)
    objects: pa.Array[Any] = compute.binary_join_element_wise("{", joined, "}", "")
    return objects
