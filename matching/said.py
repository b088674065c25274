"""What the decisions of the log say: which pairs of records belong together or apart, and about which values.

Only reads them; what a verdict does to clusters is said in `cluster`, what a pin does to values in `survive`.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import orjson

from models.config import Config
from models.stewardship import PAIR, SPLIT

Pair = tuple[int, int]
Moved = Mapping[int, int]
NOWHERE: Moved = MappingProxyType({})


@dataclass
class Verdicts:
    """What stewards said about pairs of current records, the newest word on each pair; smaller id first.

    `despite` names the hard rules of which whoever said `match` was told that they speak against it.
    """

    match: set[Pair] = field(default_factory=set)
    no_match: set[Pair] = field(default_factory=set)
    despite: dict[Pair, frozenset[str]] = field(default_factory=dict)

    def records(self) -> set[int]:
        """Every record that a verdict is about."""
        return {record for pair in (*self.match, *self.no_match) for record in pair}

    def say(self, pair: Pair, verdict: str, despite: Iterable[str] = ()) -> None:
        """A newer word on a pair (`match`, `no_match`; any other takes the older one back)."""
        for one, word in ((self.match, "match"), (self.no_match, "no_match")):
            (one.add if verdict == word else one.discard)(pair)
        self.despite.pop(pair, None)
        if verdict == "match" and (rules := frozenset(despite)):
            self.despite[pair] = rules


def said_by_tables(config: Config, entity: str) -> Verdicts:
    """What the tables of overrides of a configuration say."""
    tables = config.overrides()
    return Verdicts(set(tables.match.get(entity, ())), set(tables.no_match.get(entity, ())))


def said_of(
    rows: Iterable[Mapping[str, Any]], entity: str, moved: Moved = NOWHERE, tables: Verdicts | None = None
) -> Verdicts:
    """The newest word on each pair in rows of the log that hold, oldest first; `moved` records go on as others.

    What the log says goes before `tables`.
    """
    found = tables or Verdicts()
    for row in rows:
        if row["entity_type"] == entity:
            despite = despite_of(row)
            for pair, verdict in pairs_of(row, moved):
                found.say(pair, verdict, despite)
    return found


def despite_of(row: Mapping[str, Any]) -> list[str]:
    """The hard rules in spite of which an entry of the log joins two records."""
    detail = row["detail"] if row["kind"] in (PAIR, SPLIT) else None
    detail = orjson.loads(detail) if isinstance(detail, str) else detail
    return list((detail or {}).get("despite", ()))


def pairs_of(row: Mapping[str, Any], moved: Moved = NOWHERE) -> Iterator[tuple[Pair, str]]:
    """The pairs that an entry of the log speaks of, and what it says of each.

    A split tells each two records of different parts apart, and holds every part together (pair by pair along it).
    """
    if row["kind"] == PAIR and row["left_id"] is not None and row["right_id"] is not None:
        if pair := _pair(row["left_id"], row["right_id"], moved):
            yield pair, row["verdict"]
    elif row["kind"] == SPLIT:
        detail = row["detail"]
        detail = orjson.loads(detail) if isinstance(detail, str) else detail
        parts = [sorted({moved.get(int(n), int(n)) for n in part}) for part in detail["parts"]]
        for part in parts:
            for one, other in itertools.pairwise(part):
                yield (one, other), "match"
        for i, part in enumerate(parts):
            for rest in parts[i + 1 :]:
                for one, other in itertools.product(part, rest):
                    if pair := _pair(one, other, NOWHERE):
                        yield pair, "no_match"


def _pair(left: int, right: int, moved: Moved) -> Pair | None:
    """Smaller id first; None for two records that are one now."""
    left, right = moved.get(int(left), int(left)), moved.get(int(right), int(right))
    return None if left == right else (min(left, right), max(left, right))
