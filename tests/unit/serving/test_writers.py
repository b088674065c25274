from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest

from models.errors import ConfigError, KehuError
from serving.writers import writer_for

SCHEMA = pa.schema([("a", pa.string()), ("n", pa.int64())])
BATCH = pa.record_batch([["x", None], [1, None]], schema=SCHEMA)


@pytest.mark.parametrize("ending", ["csv", "parquet", "ndjson", "CSV"])
def test_a_failure_leaves_the_old_file_and_nothing_else(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"out.{ending}"
    path.write_text("old")
    with pytest.raises(ZeroDivisionError), writer_for(path, SCHEMA) as write:
        write(BATCH)
        raise ZeroDivisionError
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_the_file_appears_when_it_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "out.csv"
    with writer_for(path, SCHEMA) as write:
        write(BATCH)
        assert not path.exists()
    assert path.read_text() == "a,n\nx,1\n,\n"
    assert path.stat().st_mode & 0o444


@pytest.mark.parametrize("name", ["out.xml", "out", "none/out.csv"])
def test_what_cannot_be_written_is_wrong_usage(tmp_path: Path, name: str) -> None:
    with pytest.raises(ConfigError), writer_for(tmp_path / name, SCHEMA):
        pass


def test_a_full_or_forbidden_disk_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("serving.writers.os.replace", refuse)
    with pytest.raises(KehuError, match="No space left"), writer_for(tmp_path / "out.csv", SCHEMA) as write:
        write(BATCH)
    assert list(tmp_path.iterdir()) == []
