"""Compares what a configuration maps with what a source really delivers, reading its first batch of rows at most.

Finds mapped columns that are not there and delivered columns that look like an attribute nobody mapped. Nothing is
written; rows and values are judged when they are landed.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path

import pyarrow as pa

from connectors.protocol import BadRow, Delivery
from connectors.registry import connector_for, missing_columns, wanted_columns
from connectors.suggest import by_name
from models.config import Config, Source, Stream
from models.errors import ConfigError, ConfigErrors, KehuError


@dataclass(frozen=True)
class Seen:
    """What was seen of one stream.

    `columns` are the delivered ones; `mapping` and `examples` go by attribute (personal and secret values are not
    shown); `unmapped` columns are kept in the payload but fill no attribute; `errors` would keep the stream from
    being landed; `unreadable` says that the source is at fault, not the configuration; `empty` that it was read and
    has no rows at this time.
    """

    source: str
    stream: str
    entity: str
    mode: str | None
    mapping: dict[str, list[str]]
    columns: list[str] = field(default_factory=list)
    unmapped: list[str] = field(default_factory=list)
    examples: dict[str, str] = field(default_factory=dict)
    suggestions: dict[str, str] = field(default_factory=dict)
    errors: list[str] = field(default_factory=list)
    unreadable: bool = False
    empty: bool = False


def check_options(config: Config) -> None:
    """Check every connector's name and options without opening a source. Raises ConfigErrors with all mistakes."""
    mistakes: list[ConfigError] = []
    for source in config.sources:
        try:
            connector_for(source, config.base)
        except ConfigError as error:
            mistakes += (_of_file(config, mistake) for mistake in error.mistakes)
    mistakes += wrong_overrides(config)
    if mistakes:
        raise ConfigErrors(mistakes)


def wrong_overrides(config: Config) -> list[ConfigError]:
    """Every mistake in the tables of overrides, each with its file and line: a run would refuse them."""
    try:
        config.overrides()
    except ConfigErrors as errors:
        return errors.mistakes
    return []


def held_otherwise(config: Config) -> tuple[list[ConfigError], list[str]]:
    """(mistakes, notes): streams whose records the hub holds as of another type, or that are not configured any more.

    Nothing where no hub can be asked; none is made.
    """
    import sqlalchemy as sa

    from models.store.left_out import left_out, of_other_type

    url = sa.engine.make_url(config.store)
    if url.get_backend_name() == "sqlite" and not Path(url.database or "").exists():
        return [], []
    engine = sa.create_engine(url)
    try:
        with engine.connect() as connection:
            if not sa.inspect(connection).has_table("stream_state"):
                return [], []
            return of_other_type(connection, config), left_out(connection, config)
    except sa.exc.SQLAlchemyError:
        return [], []
    finally:
        engine.dispose()


def look_at(config: Config, source: Source, stream: Stream) -> Seen:
    """Open the source, read the first batch of the stream and compare it with the mapping. Faults become `errors`."""
    seen = Seen(source.name, stream.name, stream.entity, stream.mode, stream.field_columns)
    try:
        connector = connector_for(source, config.base)
        seen.errors.extend(str(_of_file(config, mistake)) for mistake in connector.check(stream))
        if seen.errors:
            return seen
        first, sparse = _first_batch(connector.read(stream, None))
    except ConfigError as error:
        seen.errors.extend(str(_of_file(config, mistake)) for mistake in error.mistakes)
        return seen
    except KehuError as error:
        seen.errors.append(str(error))
        return replace(seen, unreadable=True)
    if first is None:
        return replace(seen, empty=True)
    seen.columns.extend(first.schema.names)
    if not sparse:
        missing = missing_columns(source, stream, seen.columns)
        seen.errors.extend(str(_of_file(config, mistake)) for mistake in missing)
    seen.unmapped.extend(c for c in seen.columns if c not in wanted_columns(stream))
    attributes = config.attributes_of(stream.entity)
    seen.suggestions.update(by_name(seen.unmapped, attributes, seen.mapping))
    for name, columns in seen.mapping.items():
        if attributes[name].sensitivity == "public":
            for column in columns:
                value = _first_value(first, column)
                if value is not None:
                    seen.examples.setdefault(name, value)
    return replace(seen, empty=not first.num_rows)


def _of_file(config: Config, mistake: ConfigError) -> ConfigError:
    """The mistake with the file it is in, which a connector does not know."""
    file = mistake.file or str(config.file)
    return ConfigError(mistake.message, file=file, key=mistake.key, nearest=mistake.nearest)


def _first_batch(items: Iterable[object]) -> tuple[pa.RecordBatch | None, bool]:
    """The first rows of a reading, and whether absent columns are usual in it.

    A file tells its columns by a batch without rows: where nothing follows that, it is what is returned. None: there is
    not even that.
    """
    sparse = False
    columns: pa.RecordBatch | None = None
    for item in items:
        if isinstance(item, Delivery):
            sparse = item.sparse
        elif isinstance(item, pa.RecordBatch):
            if item.num_rows:
                return item, sparse
            columns = item if columns is None else columns
        elif isinstance(item, BadRow):
            continue
    return columns, sparse


def _first_value(batch: pa.RecordBatch, column: str) -> str | None:
    if column not in batch.schema.names:
        return None
    values = (value.as_py() for value in batch.column(column))
    return next((str(v) for v in values if v not in (None, "")), None)
