from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from connectors.protocol import BadRow, Delivery, State
from models.config import Config, parse_config
from models.errors import ConfigError, ConfigErrors, SourceError
from serving import check
from serving.check import Seen, check_options, look_at

TEXT = """
sources:
  - name: crm
    family: sales
    connector: {type: files, path: "x.csv"}
    streams:
      - name: contacts
        entity: person
        key: id
        updated_at: changed
        fields: {full_name: name, phone: [tel, mobile], job_title: title}
"""
COLUMNS = {"id": ["1"], "changed": [""], "name": ["王芳"], "tel": [None], "mobile": ["139"], "title": ["CEO"]}


class Fake:
    """A connector that delivers what a test says, and counts how much of it was taken."""

    items: list[Any] = []
    mistakes: list[ConfigError] = []
    taken = 0

    def __init__(self, source: object, base: Path) -> None: ...

    def check(self, stream: object) -> list[ConfigError]:
        return self.mistakes

    def read(self, stream: object, state: object, *, again: bool = False) -> Iterator[Any]:
        for item in self.items:
            type(self).taken += 1
            if isinstance(item, Exception):
                raise item
            yield item


@pytest.fixture
def connector(monkeypatch: pytest.MonkeyPatch) -> type[Fake]:
    class Fresh(Fake):
        pass

    monkeypatch.setattr(check, "connector_for", Fresh)
    return Fresh


def config() -> Config:
    return parse_config(TEXT, "kehu.yaml")


def seen(**columns: list[Any]) -> Seen:
    _, stream = config().streams()[0]
    return look_at(config(), config().sources[0], stream)


def deliver(connector: type[Fake], columns: dict[str, list[Any]], *, sparse: bool = False) -> None:
    batch = pa.RecordBatch.from_pydict(columns)
    connector.items = [Delivery(sparse=sparse), BadRow("no key"), batch, batch, State({})]


def test_a_sound_stream_shows_its_mapping_and_no_personal_values(connector: type[Fake]) -> None:
    deliver(connector, COLUMNS)
    got = seen()
    assert got.errors == [] and got.unmapped == []
    assert got.mapping == {"full_name": ["name"], "phone": ["tel", "mobile"], "job_title": ["title"]}
    assert got.examples == {"job_title": "CEO"}
    assert connector.taken == 3


def test_a_column_that_is_not_delivered_is_named_with_the_nearest(connector: type[Fake]) -> None:
    deliver(connector, {k if k != "mobile" else "mobil": v for k, v in COLUMNS.items() if k != "changed"})
    assert len(seen().errors) == 2
    assert "kehu.yaml: sources[crm].streams[contacts].updated_at:" in seen().errors[0]
    assert "column 'changed' (updated_at) is not delivered" in seen().errors[0]
    assert "did you mean 'mobil'" in seen().errors[1]


def test_an_absent_column_is_usual_where_empty_ones_are_left_out(connector: type[Fake]) -> None:
    deliver(connector, {"id": ["1"]}, sparse=True)
    assert seen().errors == []


def test_a_forgotten_column_is_suggested(connector: type[Fake]) -> None:
    deliver(connector, {**COLUMNS, "E-Mail": ["x"], "Geburtstag": ["x"], "dob": ["x"]})
    got = seen()
    assert got.unmapped == ["E-Mail", "Geburtstag", "dob"]
    assert got.suggestions == {"E-Mail": "email", "dob": "birth_date"}


def test_a_source_that_cannot_be_read_is_told(connector: type[Fake]) -> None:
    connector.items = [SourceError("no such file", source="crm")]
    got = seen()
    assert got.errors == ["crm: no such file"] and got.unreadable


def test_what_the_connector_finds_wrong_keeps_it_closed(connector: type[Fake]) -> None:
    connector.mistakes = [ConfigError("unknown key 'pth'")]
    got = seen()
    assert got.errors[0].endswith("kehu.yaml: unknown key 'pth'") and not got.unreadable and connector.taken == 0


def test_an_empty_source_is_no_mistake_but_is_told(connector: type[Fake]) -> None:
    connector.items = [Delivery()]
    got = seen()
    assert got.errors == [] and got.empty and got.columns == []


def test_columns_that_come_ahead_of_the_rows_do_not_hide_the_values(connector: type[Fake]) -> None:
    deliver(connector, COLUMNS)
    none = connector.items[2].slice(0, 0)
    connector.items.insert(1, none)
    got = seen()
    assert got.examples == {"job_title": "CEO"} and not got.empty
    connector.items = [Delivery(), none, State({})]
    got = seen()
    assert got.empty and got.columns == list(COLUMNS) and got.errors == []


def test_options_are_checked_without_opening_a_source() -> None:
    check_options(config())
    wrong = TEXT.replace("type: files", "type: file").replace("path:", "pth:")
    two = (
        TEXT.replace("path:", "delimeter: x, skip_lines: -1, path:")
        .replace("name: crm", "name: dms")
        .replace("sources:\n", "")
    )
    with pytest.raises(ConfigErrors) as caught:
        check_options(parse_config(wrong + two, "kehu.yaml"))
    assert [m.nearest for m in caught.value.mistakes] == ["files", None, "delimiter"]
    assert all(m.file and m.file.endswith("kehu.yaml") for m in caught.value.mistakes)
