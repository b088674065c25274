"""The parsers' version is raised whenever a raw value gets another standard value (test_resolve: they are renewed)."""

from __future__ import annotations

import hashlib
from pathlib import Path

import orjson
import pyarrow as pa

from matching.standardise import PARSER_VERSION, schema, standardise
from tests.unit.matching.sample import POOLS, raw

WORDS = Path(schema.__file__).parent / "words"
# Put the new pair here when standard values were meant to change.
KNOWN = ("5", "0eb93f0288d59c8c")


def standard_values() -> str:
    """A digest of the word lists, and of what the parsers make of the values that the matching tests use."""
    digest = hashlib.sha256()
    for path in sorted(WORDS.glob("*.txt")):
        digest.update(path.name.encode() + path.read_bytes())
    for entity in POOLS:
        table = pa.Table.from_pylist(raw(entity, 300, 1))
        digest.update(orjson.dumps(standardise(entity, table, threads=1).to_pylist()))
    return digest.hexdigest()[:16]


def test_other_standard_values_mean_another_version() -> None:
    found = (PARSER_VERSION, standard_values())
    assert found == KNOWN, (
        "standard values changed: raise PARSER_VERSION (matching/standardise/schema.py), note it here"
    )
