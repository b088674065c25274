"""Rows that were set aside are counted by why, however many places they stood in."""

from __future__ import annotations

import datetime as dt

import pytest
import sqlalchemy as sa

from models.store import Store
from models.store.tables import quarantine
from serving.quarantine import quarantined

AT = dt.datetime(2026, 5, 1, tzinfo=dt.UTC)


@pytest.mark.parametrize(
    ("reasons", "general"),
    [
        (
            ["4 columns where the header has 6 (a.csv, row 4)", "4 columns where the header has 6 (a (1).csv, line 9)"],
            "4 columns where the header has 6",
        ),
        (["bytes that are not gb18030 (in/客户.csv, row 2)"], "bytes that are not gb18030"),
        (
            [
                "key twice in one delivery with different content; row 2, which is newer, is kept",
                "key twice in one delivery with different content; row 3 is kept",
            ],
            "key twice in one delivery with different content",
        ),
        (["no JSON: trailing data (char 9) (a.ndjson, line 3)", "no JSON: no value (b.ndjson, line 4)"], "no JSON"),
        (["a date that is none; the row is kept"], "a date that is none; the row is kept"),
        (
            ["its record id belongs to another key (a hash collision); give this row another key"],
            "its record id belongs to another key (a hash collision); give this row another key",
        ),
    ],
)  # fmt: skip
def test_rows_are_counted_by_reason_without_the_place(store: Store, reasons: list[str], general: str) -> None:
    row = {"run_id": "r1", "source": "crm", "stream": "accounts", "row": 1, "at": AT}
    with store.database.write() as connection:
        connection.execute(sa.insert(quarantine), [{**row, "reason": reason} for reason in reasons])
    groups, rows = quarantined(store)
    assert [(g["reason"], g["rows"]) for g in groups] == [(general, len(reasons))]
    assert sorted(r["reason"] for r in rows) == sorted(reasons)
