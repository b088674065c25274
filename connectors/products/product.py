"""What connectors of products share: named resources with their mapping, and how they become a REST declaration."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

import pyarrow as pa
from pydantic import Field

from connectors.protocol import Discovered, Mode, Options
from connectors.registry import options_of, wanted_columns
from connectors.rest.connector import RestConnector
from connectors.rest.options import RestOptions
from connectors.rest.records import Batches
from models.config import Stream, nearest
from models.errors import ConfigError, SourceError

_PASSED_ON = ("retries", "timeout", "longest_wait", "requests_per_second", "ca_file", "largest_answer")


class ProductOptions(Options):
    """Options that every connector of a product has."""

    url: str
    """Address of the system, such as https://example.my.salesforce.com."""
    resource: str | None = None
    """What the stream reads; by default its name."""
    requests_per_second: float | None = Field(default=None, gt=0)
    """No more requests than this."""
    timeout: float = Field(default=60, gt=0)
    """Seconds to wait for an answer."""
    retries: int = Field(default=4, ge=0)
    """How often one request is tried again."""
    longest_wait: float = Field(default=300, gt=0)
    """Seconds that the server may make us wait; beyond it the stream fails for now."""
    ca_file: str | None = None
    """Certificates to trust beside those of the system."""
    largest_answer: int = Field(default=256, gt=0)
    """MiB that one answer may have."""


@dataclass(frozen=True)
class Resource:
    """Something that a product offers: a stream with its default mapping.

    `rest` is its part of the declaration (see `RestOptions`); `cursor` the column with the time of change.
    """

    name: str
    entity: str
    fields: Mapping[str, str | list[str]]
    key: str = "id"
    cursor: str | None = None
    deleted: str | None = None
    mode: Mode | None = None
    constants: Mapping[str, str] = field(default_factory=dict)
    codes: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    refers: Mapping[str, str | list[str]] = field(default_factory=dict)
    rest: Mapping[str, Any] = field(default_factory=dict)

    @property
    def columns(self) -> list[str]:
        """The columns of the default mapping, key, cursor and tombstone included."""
        named = [self.key, *((self.cursor,) if self.cursor else ()), *((self.deleted,) if self.deleted else ())]
        mapped = [c for value in self.fields.values() for c in ([value] if isinstance(value, str) else value)]
        return list(dict.fromkeys([*named, *mapped]))


class ProductConnector(RestConnector, ABC):
    """A product whose resources are known. Subclasses say where the server is and how it is asked."""

    options: ClassVar[type[Options]] = ProductOptions
    title: ClassVar[str]
    """What the product is called."""
    resources: ClassVar[tuple[Resource, ...]]

    @abstractmethod
    def server(self, options: Any) -> dict[str, Any]:
        """Address, sign-in and headers, as a REST declaration."""

    def asked(self, resource: Resource, columns: list[str], options: Any) -> dict[str, Any]:
        """How a resource is asked for with these columns, as a REST declaration."""
        return dict(resource.rest)

    def other(self, name: str) -> Resource | None:
        """A resource that is not among the known ones, such as an object of the company's own; None for none."""
        return None

    def settings(self, stream: Stream | None) -> Any:
        """The product's options of a stream."""
        return options_of(self.source, stream, type(self).options)

    def resource(self, stream: Stream) -> Resource:
        """What a stream reads. Raises ConfigError with the nearest name."""
        name = self.settings(stream).resource or stream.name
        for known in self.resources:
            if known.name == name:
                return known
        if found := self.other(name):
            return found
        names = [known.name for known in self.resources]
        close = nearest(name, names)
        place = f"sources[{self.source.name}].streams[{stream.name}].options.resource"
        more = "" if close else f"; there are {', '.join(names)}"
        raise ConfigError(f"{self.title} has no resource '{name}'{more}", key=place, nearest=close)

    def plan(self, stream: Stream) -> RestOptions:
        """The REST declaration that reads the stream."""
        options = self.settings(stream)
        resource = self.resource(stream)
        columns = list(dict.fromkeys([*wanted_columns(stream), *((resource.cursor,) if resource.cursor else ())]))
        passed = {name: getattr(options, name) for name in _PASSED_ON}
        given = {**passed, **self.server(options), **self.asked(resource, columns, options)}
        if "incremental" in given and resource.cursor:
            given["incremental"] = {"cursor": stream.updated_at or resource.cursor, **given["incremental"]}
        return RestOptions.model_validate(given)

    def discover(self) -> list[Discovered]:
        """The known resources that the server lets us read, with their first rows and default mapping."""
        found: list[Discovered] = []
        refused: SourceError | None = None
        for resource in self.resources:
            stream = self.as_stream(resource)
            options = self.plan(stream)
            try:
                with self.http(options, stream) as http:
                    rows = self._first(http, options, stream)
            except SourceError as error:
                if error.retryable:
                    raise
                refused = error  # a module that is not there, or rows that this user may not see
                continue
            batches = Batches()
            list(batches.add(rows))
            parts = list(batches.rest())
            table = pa.Table.from_batches(parts) if parts else pa.table({})
            columns = list(dict.fromkeys([*resource.columns, *table.column_names]))
            found.append(
                Discovered(
                    resource.name,
                    dict.fromkeys(columns, "string"),
                    key=(resource.key,),
                    cursor=resource.cursor,
                    entity=resource.entity,
                    deleted=resource.deleted,
                    mode=resource.mode,
                    fields=dict(resource.fields),
                    constants=dict(resource.constants),
                    codes={name: dict(values) for name, values in resource.codes.items()},
                    refers=dict(resource.refers),
                    rows=table,
                )
            )
        if refused is not None and not found:
            raise refused
        return found

    def as_stream(self, resource: Resource) -> Stream:
        """A resource as `kehu.yaml` would declare it."""
        given = {
            "name": resource.name,
            "entity": resource.entity,
            "key": resource.key,
            "updated_at": resource.cursor,
            "deleted": resource.deleted,
            "mode": resource.mode,
            "fields": dict(resource.fields),
            "constants": dict(resource.constants),
            "codes": {name: dict(values) for name, values in resource.codes.items()},
            "refers": dict(resource.refers),
        }
        return Stream.model_validate(given)


def named(resource: Resource, name: str, **more: Any) -> Resource:
    """A resource like another one, under another name."""
    return replace(resource, name=name, **more)
