"""Fixtures of the matching tests: small hubs, and weights without Splink's start of a second per run."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from matching import batch
from matching.scoring import score_known
from tests.unit.matching.hub import Hub

COLUMNS = {
    "organization": "name name_en tax_id phone email website address_line city province",
    "person": "full_name birth_date national_id phone email address_line city",
}

MakeHub = Callable[..., Hub]


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pairs are weighed by the compiled model, which gives Splink's weights (test_compiled)."""
    monkeypatch.setattr(batch, "score_pairs", score_known)


@pytest.fixture
def make_hub(tmp_path: Path, sqlite_template: Path, quick: None) -> MakeHub:
    """Makes a hub on SQLite with a published model: `make_hub(entity, **configuration)`."""

    def make(entity: str, columns: str | None = None, **configuration: object) -> Hub:
        shutil.copy(sqlite_template, tmp_path / "hub.db")
        url = f"sqlite:///{tmp_path / 'hub.db'}"
        return Hub(tmp_path, url, entity, columns or COLUMNS[entity], **configuration)  # type: ignore[arg-type]

    return make
