"""The description of the store names every table and every kind of file."""

from __future__ import annotations

from pathlib import Path

from models.store.outcome import FILES
from models.store.tables import metadata

TEXT = (Path(__file__).parents[3] / "docs/store.md").read_text(encoding="utf-8")


def test_every_table_is_described() -> None:
    assert [name for name in metadata.tables if f"`{name}`" not in TEXT] == []


def test_every_file_is_described_with_its_columns() -> None:
    rows = {name: line for line in TEXT.splitlines() for name in FILES if f"`{name}_<entity>`" in line}
    assert set(rows) == set(FILES)
    assert [(n, c) for n, columns in FILES.items() for c in columns if c not in rows[n]] == []
