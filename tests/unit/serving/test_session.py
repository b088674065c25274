from __future__ import annotations

import click
import pytest

from serving.cli.progress import RunProgress
from serving.cli.session import table


def test_wide_characters_and_numbers_line_up() -> None:
    lines = table(("name", "rows"), [("顺丰", 12000), ("ab", 3), (None, None)]).splitlines()
    assert lines[0] == "name    rows"
    assert lines[2:] == ["顺丰  12,000", "ab         3"]


def test_long_and_broken_values_stay_on_one_line() -> None:
    (line,) = table(("value",), [("a\nb" + "x" * 200,)]).splitlines()[2:]
    assert line.startswith("a bxx") and len(line) == 80


def test_an_empty_table_is_its_head() -> None:
    assert table(("a", "b"), []).splitlines() == ["a  b", "-  -"]


def test_progress_is_a_line_per_finished_phase_on_stderr(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("serving.cli.progress.WORTH_A_LINE", 0.0)
    with RunProgress() as progress:
        progress("land", "crm.accounts", done=1, total=3)
        progress("land", "dms.customers", done=3, total=3)
        progress("score")
    said = capsys.readouterr()
    assert said.out == ""
    assert [line.split(" s  ")[1] for line in said.err.splitlines()] == ["land: dms.customers", "score"]


def test_a_phase_that_failed_is_not_shown_as_finished(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(click.Abort), RunProgress() as progress:
        progress("land")
        raise click.Abort
    assert capsys.readouterr().err == ""
