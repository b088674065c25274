"""Finds the connector that a source names, and checks its options.

The built-in connectors are known by name, so that they work from a bare checkout; others are found by entry point.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from importlib.metadata import entry_points
from pathlib import Path
from typing import TypeVar, cast

from pydantic import ValidationError

from connectors.protocol import GROUP, Connector, Options
from models.config import Source, Stream, mistakes_of, nearest
from models.errors import ConfigError, ConfigErrors, KehuError, SourceError

BUILT_IN = {
    "files": "connectors.files:FilesConnector",
    "rest": "connectors.rest.connector:RestConnector",
    "sql": "connectors.sql:SqlConnector",
    "dynamics": "connectors.products.dynamics:DynamicsConnector",
    "eloqua": "connectors.products.eloqua:EloquaConnector",
    "fxiaoke": "connectors.products.fxiaoke:FxiaokeConnector",
    "hubspot": "connectors.products.hubspot:HubSpotConnector",
    "marketo": "connectors.products.marketo:MarketoConnector",
    "oracle_cx": "connectors.products.oracle_cx:OracleCxConnector",
    "salesforce": "connectors.products.salesforce:SalesforceConnector",
    "sap_s4": "connectors.products.sap:SapConnector",
    "servicenow": "connectors.products.servicenow:ServiceNowConnector",
    "xiaoshouyi": "connectors.products.xiaoshouyi:XiaoshouyiConnector",
    "bottlecrm": "connectors.products.bottlecrm:BottleConnector",
    "django_helpdesk": "connectors.products.helpdesk:HelpdeskConnector",
    "tryton": "connectors.products.tryton:TrytonConnector",
    "zendesk": "connectors.products.zendesk:ZendeskConnector",
}

Kind = TypeVar("Kind", bound=Options)


def connector_types() -> list[str]:
    """The names that `connector: {type: …}` may hold here."""
    return sorted({*BUILT_IN, *(entry.name for entry in entry_points(group=GROUP))})


def connector_class(name: str, *, key: str | None = None) -> type[Connector]:
    """The connector of this name. Raises ConfigError with the nearest name, or when its package cannot be loaded."""
    if name in BUILT_IN:
        module, _, attribute = BUILT_IN[name].partition(":")
        return cast(type[Connector], getattr(import_module(module), attribute))
    for entry in entry_points(group=GROUP, name=name):
        try:
            return cast(type[Connector], entry.load())
        except (ImportError, AttributeError) as error:
            raise ConfigError(f"connector '{name}' ({entry.value}) cannot be loaded: {error}", key=key) from error
    valid = connector_types()
    close = nearest(name, valid)
    others = "" if close else f"; there are {', '.join(valid)}"
    raise ConfigError(f"unknown connector '{name}'{others}", key=key, nearest=close)


def connector_for(source: Source, base: Path) -> Connector:
    """The connector of a source. Raises ConfigErrors with every mistake in its options, those of all streams."""
    kind = connector_class(str(source.connector["type"]), key=f"{_place(source)}.connector.type")
    mistakes: dict[str, ConfigError] = {}
    for stream in source.streams:
        try:
            options_of(source, stream, kind.options)
        except ConfigErrors as errors:
            mistakes.update((str(mistake), mistake) for mistake in errors.mistakes)
    if mistakes:
        raise ConfigErrors(list(mistakes.values()))
    return kind(source, base)


def options_of(source: Source, stream: Stream | None, model: type[Kind]) -> Kind:
    """The connector's options for one stream: the source's, with the stream's own on top. Raises ConfigErrors.

    Without a stream they are the source's alone.
    """
    own = stream.options if stream is not None else {}
    given = {name: value for name, value in source.connector.items() if name != "type"} | own
    try:
        return model.model_validate(given)
    except ValidationError as error:
        found = mistakes_of(error, model)
    raise ConfigErrors([_placed(mistake, source, stream) for mistake in found])


def _placed(mistake: ConfigError, source: Source, stream: Stream | None) -> ConfigError:
    """The mistake with the place of its key in the configuration: among the stream's options, or the source's."""
    name = (mistake.key or "").partition(".")[0].partition("[")[0]
    place = f"{_place(source)}.connector"
    if stream is not None and name in stream.options:
        place = f"{_place(source)}.streams[{stream.name}].options"
    key = f"{place}.{mistake.key}" if mistake.key else place
    return ConfigError(mistake.message, key=key, nearest=mistake.nearest)


def timezone_of(source: Source, stream: Stream) -> str:
    """The zone of times without offset that the stream's options name; UTC when they name none."""
    return str(stream.options.get("timezone") or source.connector.get("timezone") or Options().timezone)


def check_source(source: Source, base: Path) -> list[ConfigError]:
    """Everything that is wrong with a source, as far as can be seen without reading its rows.

    That is: the connector's name and options, whether files exist and open, whether a database answers and holds the
    table and columns. Empty when all is well.
    """
    try:
        connector = connector_for(source, base)
    except ConfigError as error:
        return error.mistakes
    found: list[ConfigError] = []
    for stream in source.streams:
        try:
            found += connector.check(stream)
        except ConfigError as error:
            found += error.mistakes
        except (KehuError, OSError) as error:
            found.append(ConfigError(str(error), key=f"{_place(source)}.streams[{stream.name}]"))
    return found


def missing_columns(source: Source, stream: Stream, columns: list[str]) -> list[ConfigError]:
    """One mistake per configured column that is not among the delivered ones, with the nearest name."""
    return [
        ConfigError(
            str(SourceError(missing_words(column, role, columns), source=source.name, stream=stream.name)),
            key=f"{_place(source)}.streams[{stream.name}].{role}",
        )
        for column, role in wanted_columns(stream).items()
        if column not in columns
    ]


def missing_words(column: str, role: str, columns: list[str]) -> str:
    """One sentence about a configured column that is not delivered."""
    close = nearest(column, columns)
    names = ", ".join(columns[:20]) + (" …" if len(columns) > 20 else "")
    hint = f" (did you mean '{close}'?)" if close else f"{_THERE}{names}" if columns else ""
    return f"column '{column}' ({role}) is not delivered{hint}"


_THERE = "; there are "


def all_missing(missing: Mapping[str, str], columns: list[str]) -> str:
    """Several of them (column → role); what is delivered instead is listed once, at the end."""
    words = [missing_words(column, role, columns) for column, role in missing.items()]
    *before, last = sorted(words, key=lambda said: _THERE in said)
    return "; ".join([*(said.partition(_THERE)[0] for said in before), last])


def wanted_columns(stream: Stream) -> dict[str, str]:
    """The columns that the configuration names, each with the place where it does (`key`, `fields.phone`)."""
    found = dict.fromkeys(stream.key_columns, "key")
    for role, column in (("updated_at", stream.updated_at), ("deleted", stream.deleted)):
        if column is not None:
            found.setdefault(column, role)
    for attribute, columns in stream.field_columns.items():
        for column in columns:
            found.setdefault(column, f"fields.{attribute}")
    return found


def _place(source: Source) -> str:
    return f"sources[{source.name}]"
