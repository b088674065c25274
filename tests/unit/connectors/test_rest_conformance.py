"""REST servers of every kind of paging through the conformance kit."""

from __future__ import annotations

from pathlib import Path

import pytest

from connectors.conformance import checks_of, run
from tests.unit.connectors.rest_subjects import SUBJECTS, RestSubject


@pytest.mark.parametrize(
    ("subject", "check"),
    [pytest.param(s, c, id=f"{s.__name__}-{c}") for s in SUBJECTS for c in checks_of(s)],
)
def test_rest(subject: type[RestSubject], check: str, tmp_path: Path) -> None:
    run(check, subject(tmp_path), tmp_path)
