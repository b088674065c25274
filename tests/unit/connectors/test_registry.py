from __future__ import annotations

from collections.abc import Iterator
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any, ClassVar

import pyarrow as pa
import pytest
import yaml
from pydantic import BaseModel

from connectors import registry
from connectors.files import FilesConnector, FilesOptions
from connectors.protocol import Delivery, Item, LiveKeys, Options, State
from connectors.registry import check_source, connector_class, connector_for, connector_types, options_of, timezone_of
from connectors.sql import SqlConnector
from models.config import Source, Stream, parse_config
from models.errors import ConfigError, ConfigErrors
from tests.unit.connectors.hub import Hub


def source(connector: dict[str, Any], options: dict[str, Any] | None = None) -> Source:
    stream = {"name": "a", "entity": "organization", "key": "id", "fields": {"name": "n"}, "options": options or {}}
    document = {"sources": [{"name": "crm", "family": "sales", "connector": connector, "streams": [stream]}]}
    return parse_config(yaml.safe_dump(document), "kehu.yaml").sources[0]


def test_built_in_connectors_need_no_installation(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "entry_points", lambda **_: ())
    assert connector_class("files") is FilesConnector
    assert connector_class("sql") is SqlConnector
    assert connector_types() == sorted(registry.BUILT_IN)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("file", "unknown connector 'file' (did you mean 'files'?)"),
        ("qqqqq", f"unknown connector 'qqqqq'; there are {', '.join(sorted(registry.BUILT_IN))}"),
        ("salesforc", "unknown connector 'salesforc' (did you mean 'salesforce'?)"),
    ],
)
def test_an_unknown_connector(name: str, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        connector_for(source({"type": name}), Path())
    assert str(caught.value) == f"sources[crm].connector.type: {message}"
    assert caught.value.exit_code == 2


@pytest.mark.parametrize(
    ("connector", "options", "message"),
    [
        ({"pth": "x"}, {}, "sources[crm].connector.pth: unknown key (did you mean 'path'?)"),
        ({}, {}, "sources[crm].connector.path: is required"),
        ({"path": "x"}, {"sheeet": 1}, "sources[crm].streams[a].options.sheeet: unknown key (did you mean 'sheet'?)"),
        ({"path": "x", "delimiter": "ab"}, {}, "sources[crm].connector.delimiter: "),
        ({"path": "{strem}.csv"}, {}, "sources[crm].connector.path: may hold no braces but those of {stream}"),
        (
            {"path": "x", "timezone": "Asia/Peking"},
            {},
            "sources[crm].connector.timezone: unknown time zone 'Asia/Peking'",
        ),
    ],
)
def test_mistakes_in_options(connector: dict[str, Any], options: dict[str, Any], message: str) -> None:
    one = source({"type": "files", **connector}, options)
    with pytest.raises(ConfigError) as caught:
        connector_for(one, Path())
    assert str(caught.value).startswith(message)
    assert [str(error).startswith(message) for error in check_source(one, Path())] == [True]


def test_every_mistake_in_options_is_told_at_once() -> None:
    given = {"type": "files", "pth": "x", "skip_lines": -1, "timezone": "Asia/Peking", "delimeter": ";"}
    one = source(given, {"sheeet": 1, "format": "cvs"})
    said = [
        ("connector.pth", "path"),
        ("connector.skip_lines", None),
        ("connector.timezone", None),
        ("connector.delimeter", "delimiter"),
        ("streams[a].options.sheeet", "sheet"),
        ("streams[a].options.format", "csv"),
    ]
    with pytest.raises(ConfigErrors) as caught:
        connector_for(one, Path())
    for mistakes in (caught.value.mistakes, check_source(one, Path())):
        assert sorted((str(m.key), m.nearest) for m in mistakes) == sorted((f"sources[crm].{k}", n) for k, n in said)
    assert str(caught.value).count("\n") == len(said) - 1


def test_a_key_that_is_missing_beside_a_misspelt_one_is_told() -> None:
    class Nested(BaseModel, extra="forbid"):
        name: str
        path: str

    class Both(Options):
        url: str
        path: str
        inner: Nested

    one = source({"type": "x", "pth": "x", "inner": {"nmae": "x", "path": "y"}})
    with pytest.raises(ConfigErrors) as caught:
        options_of(one, one.streams[0], Both)
    assert sorted(str(m.key) for m in caught.value.mistakes) == [
        "sources[crm].connector.inner.nmae",
        "sources[crm].connector.pth",
        "sources[crm].connector.url",
    ]


def test_a_mistake_of_a_source_is_told_once_and_those_of_each_stream() -> None:
    one = source({"type": "files", "path": "x", "delimiter": "ab"}, {"sheeet": 1})
    other = one.streams[0].model_copy(update={"name": "b", "options": {"fromat": "csv"}})
    both = one.model_copy(update={"streams": [*one.streams, other]})
    with pytest.raises(ConfigErrors) as caught:
        connector_for(both, Path())
    assert [m.key for m in caught.value.mistakes] == [
        "sources[crm].connector.delimiter",
        "sources[crm].streams[a].options.sheeet",
        "sources[crm].streams[b].options.fromat",
    ]


def test_a_streams_options_go_before_its_sources() -> None:
    one = source({"type": "files", "path": "x.csv", "timezone": "Asia/Shanghai"}, {"path": "y.csv"})
    options = options_of(one, one.streams[0], FilesOptions)
    assert (options.path, options.timezone) == ("y.csv", "Asia/Shanghai")
    assert timezone_of(one, one.streams[0]) == "Asia/Shanghai"
    assert timezone_of(source({"type": "files", "path": "x"}), one.streams[0]) == "UTC"


class ListOptions(Options):
    """Options of the connector below."""

    words: list[str]


class ListConnector:
    """A connector of somebody else: rows out of the configuration itself."""

    options: ClassVar[type[Options]] = ListOptions

    def __init__(self, source: Source, base: Path):
        self.source = source

    def check(self, stream: Stream) -> list[ConfigError]:
        return []

    def discover(self) -> list[Any]:
        return []

    def read(self, stream: Stream, state: dict[str, Any] | None, *, again: bool = False) -> Iterator[Item]:
        words = options_of(self.source, stream, ListOptions).words
        start = 0 if state is None else state["next"]
        yield Delivery("delta", info={"from": start})
        yield pa.RecordBatch.from_pydict({"id": words[start:], "name": [word.upper() for word in words[start:]]})
        yield LiveKeys(pa.RecordBatch.from_pydict({"id": words}))
        yield State({"next": len(words)})


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> None:
    def points(*, group: str, name: str | None = None) -> list[EntryPoint]:
        assert group == "kehu.connectors"
        there = [
            EntryPoint("list", "tests.unit.connectors.test_registry:ListConnector", group),
            EntryPoint("broken", "nowhere:Connector", group),
        ]
        return [point for point in there if name in (None, point.name)]

    monkeypatch.setattr(registry, "entry_points", points)


def test_a_connector_of_others_is_found_by_its_entry_point(installed: None, sqlite_hub: Hub) -> None:
    hub = sqlite_hub
    hub.connector = {"type": "list", "words": ["a", "b"]}
    hub.stream["fields"] = {"name": "name"}
    landed = hub.land()
    assert (landed.status, landed.rows, landed.mode) == ("landed", 2, "delta")
    hub.state = landed.new_state
    assert hub.run(landed).inserted == 2
    # Its state is its own; its living keys tell what was deleted; another option starts over.
    hub.state["config"] = None
    hub.connector["words"] = ["b", "c"]
    landed = hub.land()
    found = hub.run(landed)
    assert (found.inserted, found.deleted, found.unchanged) == (1, 1, 1)
    assert landed.new_state["connector"] == {"next": 2} and landed.new_state["rows"] == 2


def test_a_connector_that_cannot_be_loaded(installed: None) -> None:
    with pytest.raises(ConfigError, match=r"connector 'broken' \(nowhere:Connector\) cannot be loaded"):
        connector_class("broken")
    assert connector_types() == sorted({*registry.BUILT_IN, "broken", "list"})
