"""What a run changes in golden records: new versions, quiet updates, and the events that tell of them.

Compares what is published with what survivorship found; it neither reads the store nor writes to it.
"""

from __future__ import annotations

import numpy as np
import orjson
import pyarrow as pa

from matching.survive.arrow import TEXT, TIME, Bools, Column, Ints, at, equal, find, ints, joined, pc, schema, whole
from models.errors import StoreError

CHANGES = schema(
    golden_id=TEXT,
    action=TEXT,
    version=pa.int64(),
    values=TEXT,
    provenance=TEXT,
    records=pa.int64(),
    valid_from=TIME,
    before=TEXT,
    after=TEXT,
    attributes=TEXT,
)
EVENTS = schema(type=TEXT, golden_id=TEXT, version=pa.int64(), before=TEXT, after=TEXT, attributes=TEXT)
_ACTIONS = ("created", "revived", "changed", "updated")
_UNCHANGED, _CREATED, _REVIVED, _CHANGED, _UPDATED = range(-1, 4)
_GONE = ("merged", "retired")
_NOTHING = (None, None, None)


def diff_golden(old: pa.Table, new: pa.Table, actions: pa.Table | None = None) -> pa.Table:
    """What is to be written for each golden record; those that stay as they are have no row.

    old: golden_id, version, values, provenance[, records, valid_from, status] of the published golden records of
        `new` and of `actions`, also of those that are to be revived.
    new: what `survive` returned.
    actions: golden_id, action (`Identities.golden`): created, kept, revived, merged, retired. Without it, an unknown
        golden record is created, one whose status is `retired` revived.

    Returns golden_id, action, version int64, values, provenance, records int64, valid_from, before, after, attributes,
    where action is `created` (version 1), `changed` (values differ: version + 1), `revived` (version + 1), `merged` or
    `retired` (version + 1; values, provenance, valid_from null: the last ones stay; records 0), or `updated`: the
    values are the same, only their provenance, the number of records or valid_from differ (same version, no event).
    before and after are JSON objects of the values that differ, `attributes` the JSON list of their names (null for a
    new golden record: all).

    Raises StoreError when a golden record is to be revived, merged or retired that `old` does not have.
    """
    row = find(new["golden_id"], old["golden_id"])
    new_one, back = _announced(old, new, actions, row)
    if (lost := ~new_one & (row < 0)).any():
        golden = new["golden_id"][int(np.flatnonzero(lost)[0])]
        raise StoreError(f"golden record {golden} is there since an earlier run, but was never published")

    same = equal(new["values"], old["values"].take(at(row)))
    quiet = same & equal(new["provenance"], old["provenance"].take(at(row)))
    for name in ("records", "valid_from"):
        if name in old.column_names:
            quiet &= equal(new[name], old[name].take(at(row)).cast(new.schema.field(name).type))
    differing = {
        i: one for i in np.flatnonzero(~same & ~new_one & ~back).tolist() if (one := _changed(old, new, row, i))
    }
    action = np.where(quiet, _UNCHANGED, _UPDATED)
    action[list(differing)] = _CHANGED
    action[back], action[new_one] = _REVIVED, _CREATED

    version = ints(pc.fill_null(old["version"].take(at(row)).cast(pa.int64()), 0)) + (action != _UPDATED)
    told = np.flatnonzero(action != _UNCHANGED)
    whole_value = pc.if_else(pa.array(new_one | back), new["values"], pa.scalar(None, TEXT))
    sides = [pa.array([differing.get(i, _NOTHING)[side] for i in told.tolist()], TEXT) for side in range(3)]
    picked = new.select(["values", "provenance", "records", "valid_from"]).take(at(told))
    columns = [
        new["golden_id"].take(at(told)),
        pa.array(_ACTIONS, TEXT).take(at(action[told])),
        pa.array(version[told]),
        *picked.columns,
        sides[0],
        pc.coalesce(sides[1], whole_value.take(at(told))),
        sides[2],
    ]
    found = pa.Table.from_arrays(columns, names=CHANGES.names).cast(CHANGES)
    return pa.concat_tables([found, _gone(old, actions)]) if actions is not None else found


def _announced(old: pa.Table, new: pa.Table, actions: pa.Table | None, row: Ints) -> tuple[Bools, Bools]:
    """Which golden records are new, and which live again."""
    if actions is None:
        status = old["status"].take(at(row)) if "status" in old.column_names else pa.nulls(len(row), TEXT)
        return row < 0, equal(status, pa.array(["retired"] * len(row), TEXT))
    action = actions["action"].take(at(find(new["golden_id"], actions["golden_id"])))
    created, revived = (equal(action, pa.array([word] * len(row), TEXT)) for word in ("created", "revived"))
    return created, revived


def _changed(old: pa.Table, new: pa.Table, row: Ints, i: int) -> tuple[str, str, str] | None:
    """The values that differ, old and new, and their names; None where only the texts differ."""
    before, after = (orjson.loads(str(text)) for text in (old["values"][int(row[i])], new["values"][i]))
    names = [name for name in (*after, *(n for n in before if n not in after)) if before.get(name) != after.get(name)]
    if not names:
        return None
    parts = ({n: side[n] for n in names if n in side} for side in (before, after))
    first, second = (orjson.dumps(part).decode() for part in parts)
    return first, second, orjson.dumps(names).decode()


def _gone(old: pa.Table, actions: pa.Table) -> pa.Table:
    """Golden records that are no more: their last values stay, for readers of the id."""
    kinds: Column = pa.array(_GONE, TEXT)
    gone = actions.filter(pc.is_in(actions["action"], value_set=kinds))
    row = find(gone["golden_id"], old["golden_id"])
    if (row < 0).any():
        missing = gone["golden_id"][int(np.flatnonzero(row < 0)[0])]
        raise StoreError(f"golden record {missing} is to go, but was never published")
    count = len(gone)
    columns: list[Column] = [
        gone["golden_id"],
        gone["action"],
        pa.array(ints(old["version"].take(at(row))) + 1),
        *(pa.nulls(count, TEXT) for _ in ("values", "provenance")),
        pa.array(np.zeros(count, np.int64)),
        pa.nulls(count, TIME),
        old["values"].take(at(row)).cast(TEXT),
        *(pa.nulls(count, TEXT) for _ in ("after", "attributes")),
    ]
    return pa.Table.from_arrays(columns, schema=CHANGES)


def golden_events(changes: pa.Table, drafts: pa.Table, old: pa.Table) -> pa.Table:
    """The events of a run, as the store publishes them: type, golden_id, version, before, after, attributes.

    changes: from `diff_golden`; drafts: `Identities.events`; old: golden_id and version of every golden record that a
    draft is about and that was published before, aliases and retired ones too. `created` carries the values in
    `after`; `merged`, `split` and `alias` the ids before and after as JSON lists; `retired` the last values in
    `before`; `changed` the values that differ. `version` is the one that holds after the run. Raises StoreError for a
    draft about a golden record without a version.
    """
    change = find(drafts["golden_id"], changes["golden_id"])
    known = find(drafts["golden_id"], old["golden_id"])
    version = pc.coalesce(changes["version"].take(at(change)), old["version"].take(at(known)).cast(pa.int64()))
    if version.null_count:
        golden = drafts["golden_id"].filter(pc.is_null(version))[0]
        raise StoreError(f"an event is about golden record {golden}, which has no version")
    told_alone: Column = pa.array(("created", "retired"), TEXT)
    valued = pc.is_in(drafts["type"], value_set=told_alone)
    drafted = [
        drafts["type"],
        drafts["golden_id"],
        version,
        *(
            pc.if_else(valued, changes[side].take(at(change)), _json_lists(drafts[side]))
            for side in ("before", "after")
        ),
        pa.nulls(len(drafts), TEXT),
    ]
    changed = changes.filter(pc.equal(changes["action"], "changed"))
    told = [changed["action"], *(changed[name] for name in EVENTS.names[1:])]
    return pa.concat_tables([pa.Table.from_arrays(columns, schema=EVENTS) for columns in (drafted, told)])


def _json_lists(column: Column) -> Column:
    """Lists of ids as JSON texts. Ids hold nothing that JSON would escape."""
    lists = whole(column)
    return pc.if_else(pc.equal(pc.list_value_length(lists), 0), "[]", joined('["', pc.binary_join(lists, '","'), '"]'))
