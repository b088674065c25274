"""The connector of declared REST sources: rows page by page, what changed since, what was deleted or merged."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import quote

import duckdb
import pyarrow as pa

from connectors.arrow import pc
from connectors.protocol import (
    BadRow,
    Deleted,
    Delivery,
    Discovered,
    Item,
    LiveKeys,
    Merged,
    Mode,
    Note,
    Options,
    State,
)
from connectors.registry import missing_columns, options_of, timezone_of
from connectors.rest.http import Http
from connectors.rest.options import Incremental, RestOptions
from connectors.rest.paging import Ask, pages, with_values
from connectors.rest.records import Batches, at, rows_of
from connectors.rest.since import Since
from connectors.suggest import SAMPLE
from connectors.text import clean, key_of, text_form, texts_of
from models.config import Source, Stream
from models.errors import ConfigError, SourceError

_ROWS = 1_000
_LISTED = re.compile(r"[;,]")


class RestConnector:
    """Reads JSON over HTTP. Nothing is ever written to the source."""

    options: ClassVar[type[Options]] = RestOptions

    def __init__(self, source: Source, base: Path):
        self.source, self.base = source, base

    def plan(self, stream: Stream) -> RestOptions:
        """How the stream is read; connectors of products make it from what they know."""
        return options_of(self.source, stream, RestOptions)

    def http(self, options: RestOptions, stream: Stream | None) -> Http:
        """A client; to be closed."""
        return Http(options, self.base, source=self.source.name, stream=stream.name if stream else None)

    def tidy(self, record: Any) -> Any:
        """A record as its columns are wanted; for systems whose answers need it."""
        return record

    def check(self, stream: Stream) -> list[ConfigError]:
        """Whether the server lets us in, and its first rows hold the configured columns."""
        options = self.plan(stream)
        place = f"sources[{self.source.name}].streams[{stream.name}]"
        try:
            with self.http(options, stream) as http:
                rows = self._first(http, options, stream)
        except SourceError as error:
            if error.retryable:
                raise
            return [ConfigError(str(error), key=place)]
        names = list(dict.fromkeys(name for row in rows for name in row))
        return missing_columns(self.source, stream, names) if names else []

    def discover(self) -> list[Discovered]:
        """The streams of the configuration with their first rows: a server does not tell what else it has."""
        found = []
        for stream in self.source.streams:
            options = self.plan(stream)
            with self.http(options, stream) as http:
                rows = self._first(http, options, stream)
            batches = Batches()
            list(batches.add(rows))
            table = pa.Table.from_batches(list(batches.rest())) if rows else pa.table({})
            columns = {name: str(kind) for name, kind in zip(table.column_names, table.schema.types, strict=True)}
            found.append(Discovered(stream.name, columns, cursor=stream.updated_at, options=stream.options, rows=table))
        return found

    def read(self, stream: Stream, state: dict[str, Any] | None, *, again: bool = False) -> Iterator[Item]:
        """Rows that changed since, or everything."""
        options = self.plan(stream)
        since = self._since(options.incremental, stream, (state or {}) if not again else {})
        asked = since.asked if since and stream.mode != "snapshot" else None
        mode: Mode = "delta" if asked is not None or stream.mode == "delta" else "snapshot"
        info = {"url": options.base_url + self._ask(options, stream).path, "since": asked and asked.isoformat()}
        # A file, or a list of keys, would tell of a row that comes twice; pages that move while they are read do, too.
        yield Delivery(mode, sparse=True, feed=True, info=info)
        with self.http(options, stream) as http, closing(duckdb.connect()) as connection:
            batches = Batches()
            for rows in self._rows(http, options, stream, since):
                for item in batches.add(rows):
                    yield from self._items(item, stream, options, since, connection)
            for item in batches.rest():
                yield from self._items(item, stream, options, since, connection)
            if since is not None:
                if note := since.note():
                    yield Note(note)
                yield State({"rows": since.state()})
            else:
                yield State({})

    def deletes(self, stream: Stream, state: dict[str, Any] | None, *, again: bool = False) -> Iterator[Item]:
        """What the server tells of deleted rows, or the keys of all rows."""
        options = self.plan(stream)
        held = {} if again else (state or {})
        with self.http(options, stream) as http, closing(duckdb.connect()) as connection:
            if options.deletions is not None:
                yield from self._told(http, options, stream, held, connection)
            rows = self._since(options.incremental, stream, held)
            if options.live_keys and rows is not None and rows.asked is not None and stream.mode is None:
                batches = Batches()
                for found in self._rows(http, options, stream, None):
                    for item in batches.add(found):
                        yield from self._keys(item, stream)
                yield LiveKeys(_no_keys(stream))
                for item in batches.rest():
                    yield from self._keys(item, stream)

    # Parts

    def _since(
        self, how: Incremental | None, stream: Stream, state: dict[str, Any], part: str = "rows"
    ) -> Since | None:
        if how is None or stream.mode == "snapshot":
            return None
        column = how.cursor or stream.updated_at
        return Since(how, column, state.get(part) or {}, timezone_of(self.source, stream), stream.date_format)

    def _ask(self, options: RestOptions, stream: Stream) -> Ask:
        path = (options.path if options.path is not None else stream.name).lstrip("/")
        return Ask(path, options.params, options.method, options.body, options.records)

    def _rows(
        self, http: Http, options: RestOptions, stream: Stream, since: Since | None
    ) -> Iterator[Iterator[dict[str, Any] | BadRow]]:
        """The rows of each answer."""
        ask = self._ask(options, stream)
        if (how := options.incremental) is not None:
            whole = {how.param: how.first} if how.first is not None else {}
            ask = _with(ask, whole if since is None else since.parameter(), how.into)
        if options.parent is None:
            for _, records in pages(http, ask, options.paging):
                yield rows_of(map(self.tidy, records), options.children)
            return
        above = Ask(options.parent.path, {**options.params, **options.parent.params}, records=options.parent.records)
        for _, parents in pages(http, above, options.parent.paging or options.paging):
            for parent in parents:
                key = at(parent, options.parent.key)
                if key is None:
                    raise http.fault(f"{options.parent.path}: a row holds no '{options.parent.key}'")
                own = replace(ask, path=ask.path.replace("{parent}", quote(str(key), safe="")))
                for _, records in pages(http, own, options.paging):
                    yield rows_of(map(self.tidy, records), options.children, key)

    def _first(self, http: Http, options: RestOptions, stream: Stream) -> list[dict[str, Any]]:
        rows = (row for found in self._rows(http, options, stream, None) for row in found)
        return [row for row in islice(rows, SAMPLE) if isinstance(row, dict)]

    def _items(
        self,
        item: pa.RecordBatch | BadRow,
        stream: Stream,
        options: RestOptions,
        since: Since | None,
        connection: duckdb.DuckDBPyConnection,
    ) -> Iterator[Item]:
        """A batch without the rows that were merged away, and what it tells of merges."""
        if isinstance(item, BadRow):
            yield item
            return
        if since is not None:
            since.see(connection, item)
        yield from merges(item, stream, options)

    def _keys(self, item: pa.RecordBatch | BadRow, stream: Stream) -> Iterator[Item]:
        if isinstance(item, pa.RecordBatch) and set(stream.key_columns) <= set(item.schema.names):
            yield LiveKeys(item.select(stream.key_columns))

    def _told(
        self,
        http: Http,
        options: RestOptions,
        stream: Stream,
        state: dict[str, Any],
        connection: duckdb.DuckDBPyConnection,
    ) -> Iterator[Item]:
        """Deleted rows as an endpoint of their own tells them."""
        told = options.deletions
        if told is None or len(stream.key_columns) != 1:
            return
        since = self._since(told.incremental, stream, state, "deleted")
        ask = Ask(told.path.lstrip("/"), {**options.params, **told.params}, records=told.records)
        if since is not None and told.incremental is not None:
            ask = _with(ask, since.parameter(), told.incremental.into)
        column = stream.key_columns[0]
        for _, records in pages(http, ask, told.paging or options.paging):
            batches = Batches()
            list(batches.add(rows_of(records, None)))
            for batch in batches.rest():
                if since is not None:
                    since.see(connection, batch)
            keys = [(_text(at(r, told.key)), _text(at(r, told.merged_into or "\0"))) for r in records]
            if pairs := [(old, new) for old, new in keys if old and new and old != new]:
                yield Merged(pairs)
            gone = pa.array([old for old, new in keys if old and not new], pa.string())
            if len(gone):
                yield Deleted(pa.RecordBatch.from_arrays([gone], [column]))
        yield State({"deleted": since.state()} if since is not None else {})


def _with(ask: Ask, more: dict[str, str], into: str) -> Ask:
    if into == "body":
        return replace(ask, body=with_values(ask.body or {}, more))
    return replace(ask, params={**ask.params, **more})


def merges(batch: pa.RecordBatch, stream: Stream, options: RestOptions) -> Iterator[Item]:
    """What a batch tells of merges, and the batch without the rows that were merged away."""
    pairs, kept = _merges(batch, stream, options)
    if pairs:
        yield Merged(pairs)
    if kept.num_rows:
        yield kept


def _merges(
    batch: pa.RecordBatch, stream: Stream, options: RestOptions
) -> tuple[list[tuple[str, str]], pa.RecordBatch]:
    """(merged pairs, the batch without rows that were merged away)."""
    pairs: list[tuple[str, str]] = []
    names = batch.schema.names
    if not set(stream.key_columns) <= set(names):
        return pairs, batch
    keys = key_of(texts_of(batch, stream.key_columns), stream.key_columns)
    if options.merged_from in names:
        for key, olds in zip(
            keys.to_pylist(), clean(text_form(batch.column(options.merged_from))).to_pylist(), strict=True
        ):
            pairs += [(old, key) for old in _several(olds) if key and old != key]
    if options.merged_into in names:
        into = clean(text_form(batch.column(options.merged_into)))
        gone = pc.and_(pc.is_valid(into), pc.fill_null(pc.not_equal(into, keys), False))
        pairs += [
            (o, n) for o, n, g in zip(keys.to_pylist(), into.to_pylist(), gone.to_pylist(), strict=True) if g and o
        ]
        batch = batch.filter(pc.invert(gone))
    return pairs, batch


def _several(text: str | None) -> list[str]:
    if not text:
        return []
    return [part for part in (p.strip(" \"'[]") for p in _LISTED.split(text)) if part]


def _no_keys(stream: Stream) -> pa.RecordBatch:
    return pa.RecordBatch.from_arrays([pa.array([], pa.string()) for _ in stream.key_columns], stream.key_columns)


def _text(value: Any) -> str | None:
    return None if value in (None, "", []) or isinstance(value, (dict, list)) else str(value)
