"""What identification returns: Arrow tables, ready to be written as the work files of a run.

Only the shape; the rules are in `assign`, the tables are filled in `report`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc


def _schema(**columns: pa.DataType) -> pa.Schema:
    return pa.schema(columns)


_TEXT = pa.string()
MEMBERS = _schema(record_id=pa.int64(), golden_id=_TEXT)
MEMBERSHIP = _schema(record_id=pa.int64(), golden_id=_TEXT)
GOLDEN = _schema(golden_id=_TEXT, action=_TEXT, records=pa.int64())
ALIASES = _schema(alias_id=_TEXT, golden_id=_TEXT, action=_TEXT)
LINEAGE = _schema(child_id=_TEXT, parent_id=_TEXT, kind=_TEXT)
EVENTS = _schema(type=_TEXT, golden_id=_TEXT, before=pa.list_(_TEXT), after=pa.list_(_TEXT))


@dataclass(frozen=True)
class Identities:
    """The ids of the records in scope, and every change that led to them.

    members: record_id, golden_id — every living record in scope, with the id it has now.
    membership: record_id, golden_id — only rows that changed; null where the record was deleted.
    golden: golden_id, action, records — `created`, `kept`, `revived` (an alias or a retired id that lives again),
        `merged` (now an alias) or `retired` (all its records were deleted); `records` is 0 for the last two.
    aliases: alias_id, golden_id, action — `add` sets the alias's target (also where it had another one), `remove`
        takes the alias away because its id lives again. At most one row per alias.
    lineage: child_id, parent_id, kind — `merge`: the parent went over into the child; `split`: the child has records
        that were the parent's, and the parent went elsewhere.
    events: type, golden_id, before, after — drafts, in the order in which they are to be published: `created` (also
        for revived ids), `merged`, `split`, `retired`, `alias`; `before` and `after` are golden ids.
    """

    members: pa.Table
    membership: pa.Table
    golden: pa.Table
    aliases: pa.Table
    lineage: pa.Table
    events: pa.Table

    def _with_action(self, action: str) -> pa.ChunkedArray[Any]:
        chosen: pa.Table = self.golden.filter(pc.equal(self.golden["action"], action))
        return chosen["golden_id"]

    @property
    def created(self) -> pa.ChunkedArray[Any]:
        """The ids that were made in this run."""
        return self._with_action("created")

    @property
    def merged(self) -> pa.ChunkedArray[Any]:
        """The ids that became aliases in this run."""
        return self._with_action("merged")

    @property
    def retired(self) -> pa.ChunkedArray[Any]:
        """The ids whose records were all deleted."""
        return self._with_action("retired")

    @property
    def revived(self) -> pa.ChunkedArray[Any]:
        """The ids that live again."""
        return self._with_action("revived")
