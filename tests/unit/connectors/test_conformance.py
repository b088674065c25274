"""Every connector of tables and files through the kit; the kit itself with connectors that are wrong."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from connectors import registry
from connectors.conformance import CHECKS, START, Subject, checks_of, run
from connectors.files import FilesConnector
from connectors.protocol import Delivery, Item, State
from models.config import Stream
from models.errors import ConfigError
from tests.support import mariadb, postgres
from tests.unit.connectors import table_subjects as t

FILES: list[type[Subject]] = [t.Csv, t.ZippedCsv, t.Parquet, t.JsonLines, t.Excel, t.Parts, t.Table]


@pytest.mark.parametrize(
    ("subject", "check"),
    [pytest.param(s, c, id=f"{s.__name__}-{c}") for s in FILES for c in checks_of(s)],
)
def test_files_and_sqlite(subject: type[Subject], check: str, tmp_path: Path) -> None:
    run(check, subject(tmp_path), tmp_path)


@pytest.mark.postgres
@pytest.mark.parametrize("check", checks_of(t.PostgresTable))
def test_postgresql(check: str, tmp_path: Path, postgres_server: postgres.Server) -> None:
    name = postgres_server.fresh_database()
    run(check, t.PostgresTable(tmp_path, postgres_server.url(name)), tmp_path)
    postgres_server.drop(name)


@pytest.mark.postgres
@pytest.mark.parametrize("check", checks_of(t.PostgresLog))
def test_the_log_of_postgresql(check: str, tmp_path: Path, postgres_server: postgres.Server) -> None:
    name = postgres_server.fresh_database()
    run(check, t.PostgresLog(tmp_path, postgres_server.url(name)), tmp_path)
    postgres_server.drop(name)


@pytest.mark.parametrize("check", checks_of(t.MariaTable))
def test_mariadb(check: str, tmp_path: Path, mariadb_server: mariadb.Server) -> None:
    name = mariadb_server.fresh_database()
    run(check, t.MariaTable(tmp_path, mariadb_server.url(name)), tmp_path)
    mariadb_server.drop(name)


class Wrong(t.Csv):
    """A CSV read by a connector with one fault."""

    fault = ""
    can = t.EVERYTHING | {"empties", "incremental"}

    @property
    def connector(self) -> dict[str, Any]:
        return {"type": "wrong", "path": "{stream}.csv"}


def wrong(fault: str) -> type[FilesConnector]:
    """The connector of files, made wrong."""

    class WrongConnector(FilesConnector):
        def check(self, stream: Stream) -> list[ConfigError]:
            return [ConfigError("no")] if fault == "refuses" else super().check(stream)

        def read(self, stream: Stream, state: dict[str, Any] | None, *, again: bool = False) -> Iterator[Item]:
            items = list(super().read(stream, state, again=again))
            if fault == "loses a page":
                first = next((i for i in items if isinstance(i, pa.RecordBatch) and i.num_rows), None)
                items = [i.slice(0, 100) if i is first and isinstance(i, pa.RecordBatch) else i for i in items]
            if fault == "no state":
                items = [i for i in items if not isinstance(i, State)]
            if fault == "delta":
                items = [Delivery("delta", unchanged=i.unchanged) if isinstance(i, Delivery) else i for i in items]
            if fault == "strips":
                items = [_lower(i) if isinstance(i, pa.RecordBatch) else i for i in items]
            if fault == "local times":
                items = [_without_zone(i) if isinstance(i, pa.RecordBatch) else i for i in items]
            if fault == "tells":
                items = [Delivery(info={"password": "s3cret"}) if isinstance(i, Delivery) else i for i in items]
            yield from items

    return WrongConnector


def _lower(batch: pa.RecordBatch) -> pa.RecordBatch:
    names = pa.array([None if v is None else v.encode("ascii", "replace").decode() for v in batch["name"].to_pylist()])
    return batch.set_column(batch.schema.get_field_index("name"), "name", names)


def _without_zone(batch: pa.RecordBatch) -> pa.RecordBatch:
    place = batch.schema.get_field_index("changed")
    return batch.set_column(place, "changed", pa.array([v[:19] for v in batch["changed"].to_pylist()], pa.string()))


@pytest.mark.parametrize(
    ("fault", "check"),
    [
        ("refuses", "declares_itself"),
        ("loses a page", "loses_no_row_of_one_moment"),
        ("no state", "begins_with_its_delivery_and_ends_with_its_state"),
        ("delta", "sees_deletions"),
        ("strips", "carries_every_character"),
        ("local times", "knows_what_time_it_was"),
        ("tells", "keeps_its_secrets"),
        ("none", "reads_little_when_little_changed"),
    ],
)
def test_the_kit_catches(fault: str, check: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Point(EntryPoint):
        def load(self) -> Any:
            return wrong(fault)

    monkeypatch.setattr(registry, "entry_points", lambda **_: [Point("wrong", "wrong:Connector", "g")])
    subject = Wrong(tmp_path)
    subject.secrets = ("s3cret",)
    with pytest.raises(AssertionError):
        run(check, subject, tmp_path)


def test_what_makes_no_sense_is_left_out() -> None:
    assert "reads_little_when_little_changed" not in checks_of(t.Csv)
    assert set(checks_of(Wrong)) == set(CHECKS)


def test_a_subject_that_cannot_do_what_it_says_is_told_so(tmp_path: Path) -> None:
    class Half(Subject):
        @property
        def connector(self) -> dict[str, Any]:
            return {"type": "files", "path": "a.csv"}

        @property
        def stream(self) -> dict[str, Any]:
            return {"name": "a"}

        def put(self, rows: object) -> None:
            """Takes them."""

    half = Half(tmp_path)
    with pytest.raises(TypeError, match="Half says that it can 'deletes', but not how"):
        half.remove([], START)
    with pytest.raises(TypeError, match="Half says that it can 'widen', but not how"):
        half.widen("x")
    with pytest.raises(TypeError, match="abstract"):
        Subject(tmp_path)  # type: ignore[abstract]  # which is what is tried
