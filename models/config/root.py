"""The whole of `kehu.yaml` as one object, with the answers that need more than one of its sections."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, cast

from pydantic import Field, PrivateAttr, StringConstraints

from models.config.base import Strict
from models.config.lifecycle import LifecycleOptions
from models.config.matching import MatchingOptions
from models.config.overrides import Overrides, read_overrides
from models.config.serving import ServingOptions
from models.config.source import Entity, Source, Stream
from models.config.stewardship import StewardshipOptions
from models.config.survivorship import AttributeRule, AttributeSpec
from models.stewardship import DEFAULT_STAGES, Ranking
from models.vocabulary import REFERENCES, Attribute, attributes

Size = Annotated[str, StringConstraints(pattern=r"^\d+(\.\d+)? ?([KMGT]i?B|%)$")]


class Config(Strict):
    """A checked configuration: paths absolute, environment variables expanded."""

    store: str = "sqlite:///hub.db"
    """Where the hub lives: `sqlite:///FILE` or `postgresql+psycopg://user@host/database`."""
    workspace: Path = Path("work")
    """Folder for landed batches and work tables; may be emptied between runs."""
    sources: list[Source] = Field(default_factory=list)
    """The systems that deliver."""
    removed: list[str] = Field(default_factory=list)
    """Sources, and streams as `SOURCE.STREAM`, that were taken out for good: what the hub holds of them is deleted."""
    attributes: dict[Entity, dict[str, AttributeSpec]] = Field(default_factory=dict)
    """Attributes beyond the canonical ones, by entity type."""
    matching: MatchingOptions = MatchingOptions()
    """Thresholds and limits of matching, by entity type."""
    survivorship: dict[Entity, dict[str, AttributeRule]] = Field(default_factory=dict)
    """Rules that differ from the canonical ones, by entity type and attribute (or block)."""
    lifecycle: LifecycleOptions = LifecycleOptions()
    """Contracts per stage of the lifecycle, and what goes with them."""
    serving: ServingOptions = ServingOptions()
    """Limits of the interface for programs."""
    stewardship: StewardshipOptions = StewardshipOptions()
    """When a second person must approve, what tasks are worth, tables of overrides."""
    memory_limit: Size = "4GB"
    """Memory of the set-based engine; what does not fit is spilled into the workspace."""
    threads: int | None = Field(default=None, ge=1)
    """Threads of the set-based engine; by default one per core."""

    _file: Path = PrivateAttr(default=Path("kehu.yaml"))
    _overrides: tuple[tuple[Any, ...], Overrides] | None = PrivateAttr(default=None)

    @property
    def file(self) -> Path:
        """The file that was read, absolute."""
        return self._file

    @property
    def base(self) -> Path:
        """The folder that relative paths start from."""
        return self._file.parent

    def ranking(self) -> Ranking:
        """What makes tasks worth more than others."""
        given = self.stewardship.values
        return Ranking(given.segments, DEFAULT_STAGES if given.stages is None else given.stages)

    def overrides(self) -> Overrides:
        """The tables of overrides; read again when a file changed. Raises ConfigErrors naming each wrong line."""
        files = [p for p in self.stewardship.overrides.__dict__.values() if p is not None]
        stamps = tuple((str(p), p.stat().st_mtime_ns if p.exists() else 0) for p in files)
        if self._overrides is None or self._overrides[0] != stamps:
            self._overrides = stamps, read_overrides(self)
        return self._overrides[1]

    def source(self, name: str) -> Source:
        """The source of this name. Raises KeyError."""
        for source in self.sources:
            if source.name == name:
                return source
        raise KeyError(name)

    def streams(self, *entity_types: str) -> list[tuple[Source, Stream]]:
        """(source, stream) of every stream, or of those of the entity types given, in the order of the file."""
        return [(s, t) for s in self.sources for t in s.streams if not entity_types or t.entity in entity_types]

    def entities(self) -> list[str]:
        """Entity types that some stream delivers, in the order of the file."""
        return list(dict.fromkeys(stream.entity for _, stream in self.streams()))

    def added(self, entity_type: str) -> dict[str, AttributeSpec]:
        """The attributes that the configuration adds to an entity type, by name."""
        return self.attributes.get(cast(Entity, entity_type), {})

    def attributes_of(self, entity_type: str) -> dict[str, Attribute]:
        """Canonical and added attributes of an entity type."""
        added = self.added(entity_type)
        return attributes(entity_type) | {name: spec.attribute(name) for name, spec in added.items()}

    def targets(self, source: Source, stream: Stream, attribute: str) -> list[tuple[Source, Stream]]:
        """The streams whose keys an attribute of a stream may hold, in the order in which they are tried.

        What `refers` does not say: streams of the same source that are of an entity type the attribute may refer to,
        organizations before persons, persons only where there are none.
        """
        types = REFERENCES[stream.entity][attribute]
        named = stream.refers.get(attribute)
        if named is not None:
            places = [name.rpartition(".") for name in ([named] if isinstance(named, str) else named)]
            of = [(self.source(place) if place else source, name) for place, _, name in places]
            return [(owner, owner.stream(name)) for owner, name in of]
        for entity in types:
            if found := [(source, other) for other in source.streams if other.entity == entity]:
                return found
        return []

    def rules(self, entity_type: str) -> dict[str, AttributeRule]:
        """The survivorship rule of every attribute of an entity type.

        A rule given to a block holds for each of its attributes; what the configuration leaves open is the attribute's
        own rule.
        """
        given = self.survivorship.get(cast(Entity, entity_type), {})
        return {
            name: given.get(attribute.block or name) or AttributeRule(rule=attribute.rule)
            for name, attribute in self.attributes_of(entity_type).items()
        }

    @classmethod
    def json_schema(cls) -> dict[str, Any]:
        """JSON Schema of the file, for editors."""
        return cls.model_json_schema() | {"title": "kehu.yaml"}
