"""Records that the hub holds of streams which the configuration has no longer, or has otherwise."""

from __future__ import annotations

from collections.abc import Iterator

import sqlalchemy as sa

from models.config import Config, nearest
from models.config.created import PREFIX
from models.errors import ConfigError
from models.store.tables import source_record, stream_state


def left_out(connection: sa.Connection, config: Config) -> list[str]:
    """A sentence for each stream that is not configured any more: without its mapping its records have no values.

    And one for each name under `removed` of which the hub knows nothing, as of one that is misspelt.
    """
    configured = {(source.name, stream.name) for source, stream in config.streams()}
    found, names = [], set[str]()
    for source, stream, entity in _known(connection):
        names |= {source, f"{source}.{stream}"}
        if (source, stream) in configured or not (number := _living(connection, source, stream, entity)):
            continue
        said = f"the hub holds {_records(number)} of {source}.{stream}, which "
        if not {source, f"{source}.{stream}"} & set(config.removed):
            said += (
                "is not configured any more: they have no values and part from their customers; put it back under "
                "this name, or list it under 'removed' to delete them"
            )
        elif entity in config.entities():
            said += "was removed: the next run deletes them"
        else:
            said += f"was removed: they are deleted by the next run with a stream of entity {entity}; now there is none"
        found.append(said)
    for name in (name for name in config.removed if name not in names):
        close = nearest(name, names - {source.name for source in config.sources} - {f"{s}.{t}" for s, t in configured})
        found.append(
            f"'removed' names {name}, of which the hub holds nothing" + (f" (did you mean '{close}'?)" if close else "")
        )
    return found


def of_other_type(connection: sa.Connection, config: Config) -> list[ConfigError]:
    """A mistake for each stream whose records the hub holds as of another entity type: what they are is for good."""
    known = {(source, stream): entity for source, stream, entity in _known(connection)}
    found = []
    for i, source in enumerate(config.sources):
        for j, stream in enumerate(source.streams):
            held = known.get((source.name, stream.name), stream.entity)
            if held != stream.entity and (number := _living(connection, source.name, stream.name, held)):
                name = f"{source.name}.{stream.name}"
                said = (
                    f"the hub holds {_records(number)} of {name} as {held}, which cannot become {stream.entity}; "
                    f"give the stream another name, and list {name} under 'removed' to delete those"
                )
                found.append(ConfigError(said, file=str(config.file), key=f"sources[{i}].streams[{j}].entity"))
    return found


def removed_streams(connection: sa.Connection, config: Config) -> list[tuple[str, str, str]]:
    """(source, stream, entity type) of the streams that the hub knows and the configuration says were taken out."""
    gone = set(config.removed)
    return [(s, t, e) for s, t, e in _known(connection) if gone & {s, f"{s}.{t}"}] if gone else []


def of_stream(source: str, stream: str, entity: str) -> tuple[sa.ColumnElement[bool], ...]:
    """What holds of the living records of a stream; in the order of the index over them."""
    r = source_record.c
    return (r.entity_type == entity, r.source == source, r.stream == stream, r.deleted.is_(False))


def _known(connection: sa.Connection) -> Iterator[tuple[str, str, str]]:
    """The streams that were ever published, but those of programs."""
    s = stream_state.c
    rows = connection.execute(sa.select(s.source, s.stream, s.entity_type).order_by(s.source, s.stream)).all()
    return ((source, stream, entity) for source, stream, entity in rows if not source.startswith(PREFIX))


def _living(connection: sa.Connection, source: str, stream: str, entity: str) -> int:
    return connection.scalar(sa.select(sa.func.count()).where(*of_stream(source, stream, entity))) or 0


def _records(number: int) -> str:
    return f"{number:,} record{'' if number == 1 else 's'}"
