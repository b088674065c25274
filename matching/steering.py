"""What stewards said about values, made ready for survivorship: pins and ignores, and records of their own values.

A decision belongs to records. The golden record that holds the record it was made about has it, so that it goes where
its customer goes through merges and splits, and comes back with an undone one.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
import pyarrow as pa

from matching.realtime.question import standard_of, texts_of
from matching.said import NOWHERE, Moved, Pair
from matching.survive.arrow import TIME
from models.config import Config
from models.stewardship import STEWARD_SOURCE, VALUE

EDITS = "edits"
_OVERRIDES = pa.schema(
    [
        ("record_id", pa.int64()),
        ("golden_id", pa.string()),
        ("attribute", pa.string()),
        ("value", pa.string()),
        ("action", pa.string()),
        ("at", TIME),
    ]
)


@dataclass(frozen=True)
class Steering:
    """`overrides` as `survive` takes them; `members` and `standard`: the stewards' own values as records (negative ids)
    of the source `steward`; None where nobody said anything.
    """

    overrides: pa.Table | None = None
    members: pa.Table | None = None
    standard: pa.Table | None = None

    def join(self, members: pa.Table, standard: pa.Table) -> tuple[pa.Table, pa.Table]:
        """The members and standard columns of golden records, with the stewards' own among them."""
        if self.members is None or self.standard is None:
            return members, standard
        fields = {field.name: field for field in members.schema}
        mine = self.members.cast(pa.schema([fields.get(field.name, field) for field in self.members.schema]))
        joined = pa.concat_tables([members, mine], promote_options="permissive")
        return joined, pa.concat_tables([standard, self.standard.select(standard.column_names).cast(standard.schema)])

    def without_own(self, golden: pa.Table) -> pa.Table:
        """Golden records as survivorship gives them, with the stewards' own records not counted."""
        if self.members is None:
            return golden
        own: dict[str, int] = {}
        for golden_id in self.members["golden_id"].to_pylist():
            own[golden_id] = own.get(golden_id, 0) + 1
        counts = [
            count - own.get(golden_id, 0)
            for golden_id, count in zip(golden["golden_id"].to_pylist(), golden["records"].to_pylist(), strict=True)
        ]
        place = golden.schema.get_field_index("records")
        return golden.set_column(place, "records", pa.array(counts, pa.int64()))


@dataclass(frozen=True)
class _Word:
    """One decision about a value, with the golden record that has it."""

    number: int
    golden_id: str
    verdict: str
    attribute: str
    value: str | None
    record_id: int | None
    values: Mapping[str, Any]
    at: Any

    def meets(self, other: _Word) -> bool:
        """Whether both speak of one value of one record."""
        values = self.value is None or other.value is None or self.value == other.value
        records = self.record_id is None or other.record_id is None or self.record_id == other.record_id
        return self.attribute == other.attribute and values and records


def steer(
    config: Config,
    entity: str,
    rows: Iterable[Mapping[str, Any]],
    about: Mapping[int, Sequence[int]],
    golden_of: Mapping[int, str],
    schema: pa.Schema,
    moved: Moved = NOWHERE,
    here: Collection[str] | None = None,
    apart: Collection[Pair] = (),
) -> Steering:
    """The steering of the golden records in `golden_of` (living record → golden id), or of those of them in `here`.

    rows: entries of the log that hold, oldest first. about: entry → the records that it is about. schema: the standard
    columns. apart: pairs of records (smaller id first) that were told apart: when one is deleted, its decisions do not
    go to the other. The newest word on a value counts; of an attribute that has one value the newest pin or edit.
    """
    known = config.attributes_of(entity)
    words: list[_Word] = []
    for row in rows:
        if row["kind"] != VALUE or row["entity_type"] != entity:
            continue
        detail = orjson.loads(row["detail"]) if isinstance(row["detail"], str) else row["detail"]
        home = _home(row, about.get(row["id"], ()), golden_of, moved, apart)
        if home is None or detail["attribute"] not in known:
            continue
        record = detail.get("record_id")
        record = None if record is None else moved.get(int(record), int(record))
        word = _Word(
            row["id"], home, row["verdict"], detail["attribute"], detail.get("value"), record,
            detail.get("values") or {}, row["at"],
        )  # fmt: skip
        words = [one for one in words if not _yields(one, word, known)]
        words.append(word)
    if here is not None:  # a steward's own value is a member of the one golden record that has it
        words = [word for word in words if word.verdict != "edit" or word.golden_id in here]
    ignored = [
        {"attribute": name, "value": value, "action": "ignore"}
        for (kind, name), values in config.overrides().ignored.items()
        if kind == entity
        for value in values.values()
    ]
    return _made(config, entity, words, ignored, schema) if words or ignored else Steering()


def _home(
    row: Mapping[str, Any],
    about: Sequence[int],
    golden_of: Mapping[int, str],
    moved: Moved,
    apart: Collection[Pair],
) -> str | None:
    """The golden record that has a decision: that of its record, or of the first of its records that lives and was not
    told apart from it.
    """
    anchor = anchor_of(row, moved)
    if anchor is not None and anchor in golden_of:
        return golden_of[anchor]
    for record in (moved.get(int(n), int(n)) for n in sorted(about)):
        parted = anchor is not None and (min(anchor, record), max(anchor, record)) in apart
        if record in golden_of and not parted:
            return golden_of[record]
    return None


def anchor_of(row: Mapping[str, Any], moved: Moved) -> int | None:
    """The record that a decision about a value goes with."""
    return None if row["left_id"] is None else moved.get(int(row["left_id"]), int(row["left_id"]))


def _yields(old: _Word, new: _Word, known: Mapping[str, Any]) -> bool:
    """Whether an older word counts no more beside a newer one about the same golden record."""
    if old.golden_id != new.golden_id:
        return False
    if (old.verdict == "ignore") != (new.verdict == "ignore"):
        return old.meets(new)
    if new.verdict == "ignore":
        return False
    one, other = known[old.attribute], known[new.attribute]
    if one.multi:
        return old.attribute == new.attribute and old.value == new.value
    return old.attribute == new.attribute or (one.block is not None and one.block == other.block)


def _made(
    config: Config, entity: str, words: Sequence[_Word], ignored: Sequence[dict[str, Any]], schema: pa.Schema
) -> Steering:
    overrides, members, standards = [*ignored], [], []
    multi = {name for name, attribute in config.attributes_of(entity).items() if attribute.multi}
    for word in words:
        said = {"attribute": word.attribute, "at": word.at, "golden_id": None}
        if word.verdict == "ignore":
            said["golden_id"] = word.golden_id if word.record_id is None else None
            overrides.append({**said, "action": "ignore", "record_id": word.record_id, "value": word.value})
        elif word.verdict == "pin":
            overrides.append({**said, "action": "pin", "record_id": word.record_id, "value": word.value})
        else:
            own = -word.number
            overrides.append({**said, "action": "pin", "record_id": own, "value": None})
            values = {n: [v] if n in multi and not isinstance(v, list) else v for n, v in word.values.items()}
            members.append(
                {
                    "record_id": own, "source": STEWARD_SOURCE, "stream": EDITS, "source_key": str(word.number),
                    "source_time": None, "golden_id": word.golden_id, **values,
                }
            )  # fmt: skip
            standard, problems = standard_of(config, entity, texts_of(config, entity, word.values))
            standards.append({**standard, "record_id": own, "reasons": orjson.dumps(problems).decode()})
    table = pa.Table.from_pylist(overrides, schema=_OVERRIDES)
    if not members:
        return Steering(table)
    names = list(dict.fromkeys(name for row in members for name in row))
    columns = {name: [row.get(name) for row in members] for name in names}
    kinds = {"record_id": pa.int64(), "source_time": TIME}
    told = pa.table(
        {
            name: pa.array(values, kinds.get(name, pa.list_(pa.string()) if name in multi else pa.string()))
            for name, values in columns.items()
        }
    )
    return Steering(table, told, pa.Table.from_pylist(standards, schema=schema))
