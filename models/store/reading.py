"""What the hub holds, read back in Arrow: source records, keys, edges, crosswalk, golden records, events.

Every call sees one published state; `Store.snapshot` holds that state for several calls.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc
import sqlalchemy as sa

from models.store import bulk, packed
from models.store import tables as t
from models.store.among import FEW_IDS, among, given, ids_array
from models.store.columns import arrow_schema
from models.store.database import Database

if TYPE_CHECKING:
    from models.store.among import Ids, Texts


class Blocks(NamedTuple):
    """The records that share match keys, as found under a cap."""

    pairs: pa.Table  # key, record_id: of blocks within the cap
    capped: pa.Table  # key: of blocks that hold more records than the cap


class Reading:
    """The reading half of a store."""

    database: Database

    def fetch_arrow(
        self, query: str | sa.SelectBase, params: Mapping[str, Any] | None = None, schema: pa.Schema | None = None
    ) -> pa.Table:
        """The result of a query as a table. Parameters are written `:name` in plain SQL and bound.

        For plain SQL the types are read off the first rows; give `schema` where they may be null or absent.
        """
        statement = sa.text(query) if isinstance(query, str) else query
        with self.database.read() as connection:
            return _table(bulk.fetch(connection, statement, params, schema))

    def fetch_batches(
        self, query: str | sa.SelectBase, params: Mapping[str, Any] | None = None, schema: pa.Schema | None = None
    ) -> Iterator[pa.RecordBatch]:
        """`fetch_arrow` in record batches, for results that should not stand in memory whole.

        Whoever takes the batches may ask the store for more in between.
        """
        statement = sa.text(query) if isinstance(query, str) else query
        with self.database.beside() as connection:
            yield from bulk.fetch(connection, statement, params, schema)

    def _by_ids(self, query: sa.Select[Any], column: sa.Column[Any], ids: Ids | Texts) -> pa.Table:
        """The rows of a query whose column is among the ids."""
        values = ids_array(ids)
        if len(values) == 0:
            return arrow_schema(list(query.selected_columns)).empty_table()
        with self.database.read() as connection, among(connection, column, values) as condition:
            return _table(bulk.fetch(connection, query.where(condition), large=len(values) > FEW_IDS))

    def records(self, entity_type: str, columns: Sequence[str] | None = None, *, only_current: bool = True) -> pa.Table:
        """Source records of an entity type with the columns named (default: all), `record_id` always among them.

        Without `only_current` deleted records come too. The order is not fixed.
        """
        return _table(self.record_batches(entity_type, columns, only_current=only_current))

    def record_batches(
        self, entity_type: str, columns: Sequence[str] | None = None, *, only_current: bool = True
    ) -> Iterator[pa.RecordBatch]:
        """`records` in record batches."""
        query = _record_columns(columns).where(t.source_record.c.entity_type == entity_type)
        if only_current:
            query = query.where(t.source_record.c.deleted.is_(False))
        return self.fetch_batches(query)

    def stream_records(self, entity_type: str, source: str, stream: str) -> pa.Table:
        """What change detection compares: record_id, deleted, content_hash, version, source_time of a stream."""
        r = t.source_record.c
        query = sa.select(r.record_id, r.deleted, r.content_hash, r.version, r.source_time)
        where = (r.entity_type == entity_type) & (r.source == source) & (r.stream == stream)
        return self.fetch_arrow(query.where(where))

    def records_by_id(self, ids: Ids, columns: Sequence[str] | None = None) -> pa.Table:
        """Source records by their ids, deleted ones too; ids that are not there are passed over."""
        return self._by_ids(_record_columns(columns), t.source_record.c.record_id, ids)

    def standards_of(self, ids: Ids) -> pa.Table:
        """record_id, standard (JSON) of those of the records that are not deleted and have standard values."""
        values = ids_array(ids)
        if self.database.dialect == "sqlite" and len(values) > FEW_IDS:
            with self.database.read() as connection:
                return packed.standards(connection, values)
        r = t.source_record.c
        query = sa.select(r.record_id, r.standard).where(r.deleted.is_(False), r.standard.is_not(None))
        return self._by_ids(query, r.record_id, values)

    def versions_of(self, ids: Ids) -> pa.Table:
        """Superseded and late versions of source records, all columns."""
        return self._by_ids(sa.select(t.source_record_version), t.source_record_version.c.record_id, ids)

    def keys_for(self, ids: Ids) -> pa.Table:
        """record_id, key: the match keys of records."""
        query = sa.select(t.match_key.c.record_id, t.match_key.c.key)
        return self._by_ids(query, t.match_key.c.record_id, ids)

    def records_for_keys(self, keys: Ids, cap: int) -> Blocks:
        """The records under match keys; of a key with more than `cap` records only its name is given."""
        values = ids_array(keys)
        k = t.match_key.c
        empty = arrow_schema([k.key, k.record_id]).empty_table()
        if len(values) == 0:
            return Blocks(empty, empty.select(["key"]))
        if self.database.dialect == "sqlite" and len(values) > FEW_IDS:
            return self._packed_blocks(values, cap)
        with self.database.read() as connection, given(connection, values) as wanted:
            # Counting stops one past the cap, so that a block of millions costs no more than one of `cap`.
            block = sa.select(sa.literal(1)).where(k.key == wanted.c.id).limit(cap + 1).correlate(wanted).subquery()
            count = sa.select(sa.func.count()).select_from(block).scalar_subquery()
            sized = sa.select(wanted.c.id.label("key"), count.label("records")).subquery()
            sizes = sa.select(sized.c.key, sized.c.records).where(sized.c.records > 0)
            found = _table(bulk.fetch(connection, sizes, schema=_SIZES, large=False))
            within = found.filter(pc.field("records") <= cap)["key"]
            capped = found.filter(pc.field("records") > cap).select(["key"])
        pairs = self._by_ids(sa.select(k.key, k.record_id), k.key, within)
        return Blocks(pairs, capped)

    def _packed_blocks(self, keys: pa.Array[Any], cap: int) -> Blocks:
        # One look at each block, one past the cap, which tells what is beyond it.
        with self.database.read() as connection:
            pairs = packed.blocks(connection, keys, cap + 1)
        sizes = pairs.group_by("key", use_threads=False).aggregate([([], "count_all")])
        capped = sizes.filter(pc.field("count_all") > cap).select(["key"])
        if capped.num_rows:
            beyond = pc.is_in(pairs["key"], value_set=capped["key"].combine_chunks())
            pairs = pairs.filter(pc.invert(beyond))
        return Blocks(pairs, capped)

    def edges_touching(self, ids: Ids) -> pa.Table:
        """left_id, right_id, entity_type, weight of every stored edge with an end among the ids."""
        e = t.edge.c
        query = sa.select(t.edge)
        left, right = self._by_ids(query, e.left_id, ids), self._by_ids(query, e.right_id, ids)
        return pa.concat_tables([left, _without(right, "left_id", ids)])

    def edges(self, entity_type: str) -> pa.Table:
        """left_id, right_id, weight of every stored edge of an entity type."""
        e = t.edge.c
        return self.fetch_arrow(sa.select(e.left_id, e.right_id, e.weight).where(e.entity_type == entity_type))

    def memberships(self, ids: Ids | None = None) -> pa.Table:
        """record_id, golden_id, from_run (since which run) of these records, or of all."""
        query = _memberships()
        return self.fetch_arrow(query) if ids is None else self._by_ids(query, t.membership.c.record_id, ids)

    def members_of(self, golden_ids: Texts) -> pa.Table:
        """record_id, golden_id, from_run of the records in these golden records."""
        return self._by_ids(_memberships(), t.membership.c.golden_id, golden_ids)

    def membership_history(self, ids: Ids) -> pa.Table:
        """record_id, golden_id, from_run, to_run: where records were before."""
        return self._by_ids(sa.select(t.membership_history), t.membership_history.c.record_id, ids)

    def dead_histories(self, record_ids: Ids, golden_ids: Texts = ()) -> pa.Table:
        """record_id, golden_id, to_run: every former member of the dead golden ids that once held one of the records.

        Dead is an id without members: an alias, or retired. `golden_ids` names more that are wanted if they are dead.
        """
        h, m = t.membership_history.c, t.membership.c
        dead = ~sa.exists().where(m.golden_id == h.golden_id)
        with self.database.snapshot():
            once = self._by_ids(sa.select(h.golden_id).where(dead).distinct(), h.record_id, record_ids)["golden_id"]
            named = pa.chunked_array([*once.chunks, ids_array(golden_ids).cast(pa.string())], pa.string()).unique()
            return self._by_ids(sa.select(h.record_id, h.golden_id, h.to_run).where(dead), h.golden_id, named)

    def rekeyed(self, ids: Ids) -> pa.Table:
        """run_id, old_id, new_id, recorded_at: when these records went on under which other key, oldest first."""
        k = t.record_rekey.c
        return self._by_ids(sa.select(t.record_rekey), k.old_id, ids).sort_by("run_id")

    def given_up(self, ids: Ids) -> set[int]:
        """Those of the records that went on under another key and did not come back; their keys may be in use again."""
        k = t.record_rekey.c
        back = self._by_ids(sa.select(t.record_rekey), k.new_id, ids)
        newest = _newest(self.rekeyed(ids), "old_id")
        came = _newest(back, "new_id")
        return {record for record, run_id in newest.items() if came.get(record, "") < run_id}

    def continued(self, ids: Ids) -> dict[int, int]:
        """As which record each of these goes on today; those under their newest key are left out.

        A key that its source uses again is a record of its own.
        """
        place = {int(i): (int(i), "") for i in ids_array(ids).to_pylist()}
        todo = set(place)
        with self.database.snapshot():
            while todo:
                states = self.records_by_id(sorted({place[i][0] for i in todo}), ["deleted"])
                dead = set(states.filter(pc.field("deleted"))["record_id"].to_pylist())
                newest = {
                    row["old_id"]: (row["new_id"], row["run_id"]) for row in self.rekeyed(sorted(dead)).to_pylist()
                }
                # Keys that were changed and changed back lead round in a ring, but never back in time.
                todo = {i for i in todo if place[i][0] in newest and newest[place[i][0]][1] > place[i][1]}
                place |= {i: newest[place[i][0]] for i in todo}
        return {i: at for i, (at, _) in place.items() if at != i}

    def first_runs(self, ids: Ids) -> pa.Table:
        """record_id, first_run: the run that brought each record, also where it was deleted and came back."""
        return self.records_by_id(ids, ["first_run"])

    def golden(self, entity_type: str, *, only_active: bool = True) -> pa.Table:
        """Golden records of an entity type, all columns of the table."""
        return _table(self.golden_batches(entity_type, only_active=only_active))

    def golden_batches(self, entity_type: str, *, only_active: bool = True) -> Iterator[pa.RecordBatch]:
        """`golden` in record batches."""
        query = sa.select(t.golden_record).where(t.golden_record.c.entity_type == entity_type)
        return self.fetch_batches(query.where(t.golden_record.c.status == "active") if only_active else query)

    def golden_by_id(self, golden_ids: Texts) -> pa.Table:
        """Golden records by their ids, retired ones too."""
        return self._by_ids(sa.select(t.golden_record), t.golden_record.c.golden_id, golden_ids)

    def golden_versions(self, golden_id: str) -> pa.Table:
        """The superseded versions of a golden record, oldest first."""
        v = t.golden_version
        return self.fetch_arrow(sa.select(v).where(v.c.golden_id == golden_id).order_by(v.c.version))

    def crosswalk(self, entity_type: str | None = None) -> pa.Table:
        """entity_type, source, stream, source_key, golden_id of every current source record that has one."""
        r, m = t.source_record.c, t.membership.c
        query = sa.select(r.entity_type, r.source, r.stream, r.source_key, m.golden_id)
        query = query.join_from(t.source_record, t.membership, r.record_id == m.record_id).where(r.deleted.is_(False))
        return self.fetch_arrow(query if entity_type is None else query.where(r.entity_type == entity_type))

    def aliases(self, golden_ids: Texts | None = None) -> pa.Table:
        """alias_id, golden_id, run_id, recorded_at: all, or those that lead directly to these golden records."""
        query = sa.select(t.golden_alias)
        if golden_ids is None:
            return self.fetch_arrow(query)
        return self._by_ids(query, t.golden_alias.c.golden_id, golden_ids)

    def aliases_touching(self, golden_ids: Texts) -> pa.Table:
        """`aliases` with one of these golden ids on either side, each once."""
        a = t.golden_alias.c
        query = sa.select(t.golden_alias)
        with self.database.snapshot():
            theirs, others = (self._by_ids(query, column, golden_ids) for column in (a.alias_id, a.golden_id))
        return pa.concat_tables([theirs, _without(others, "alias_id", golden_ids)])

    def resolve_id(self, golden_id: str) -> str | None:
        """The golden record that an id leads to today: itself, or the survivor behind its aliases; None if unknown."""
        alias, golden = t.golden_alias.c, t.golden_record.c
        seen: set[str] = set()
        with self.database.read() as connection:
            while golden_id not in seen:
                seen.add(golden_id)
                target = connection.scalar(sa.select(alias.golden_id).where(alias.alias_id == golden_id))
                if target is None:
                    return connection.scalar(sa.select(golden.golden_id).where(golden.golden_id == golden_id))
                golden_id = target
        return None

    def events_after(self, seq: int, limit: int = 1000) -> pa.Table:
        """Up to `limit` events with numbers above `seq`, in their order."""
        query = sa.select(t.event).where(t.event.c.seq > seq).order_by(t.event.c.seq).limit(limit)
        return self.fetch_arrow(query)

    def quarantined(self, run_id: str | None = None) -> pa.Table:
        """Quarantined rows of a run, or of all."""
        query = sa.select(t.quarantine).order_by(t.quarantine.c.id)
        return self.fetch_arrow(query if run_id is None else query.where(t.quarantine.c.run_id == run_id))

    def contact_profiles(self, entity_type: str) -> pa.Table:
        """Contact values of an entity type with the role they were found to have."""
        return self.fetch_arrow(sa.select(t.contact_profile).where(t.contact_profile.c.entity_type == entity_type))

    def contact_profiles_of(self, entity_type: str, values: Texts) -> pa.Table:
        """`contact_profiles` of these values alone."""
        p = t.contact_profile
        return self._by_ids(sa.select(p).where(p.c.entity_type == entity_type), p.c.value, values)

    def counts(self) -> dict[str, int]:
        """Rows per table."""
        with self.database.read() as connection:
            return {
                table.name: connection.scalar(sa.select(sa.func.count()).select_from(table)) or 0
                for table in t.metadata.sorted_tables
            }


_SIZES = pa.schema([("key", pa.int64()), ("records", pa.int64())])


def _table(batches: Iterator[pa.RecordBatch]) -> pa.Table:
    return pa.Table.from_batches(list(batches))


def _record_columns(columns: Sequence[str] | None) -> sa.Select[Any]:
    if columns is None:
        return sa.select(t.source_record)
    return sa.select(*(t.source_record.c[name] for name in dict.fromkeys(("record_id", *columns))))


def _memberships() -> sa.Select[Any]:
    m = t.membership.c
    return sa.select(m.record_id, m.golden_id, m.run_id.label("from_run"))


def _without(table: pa.Table, column: str, values: Any) -> pa.Table:
    """The rows whose column is not among the values."""
    given = ids_array(values).cast(table.schema.field(column).type)
    # A mask and not an expression, which would start a plan with threads of its own.
    return table.filter(pc.invert(pc.is_in(table[column], value_set=given)))


def _newest(changes: pa.Table, side: str) -> dict[int, str]:
    """The newest run of each record on one side of changes of keys."""
    found: dict[int, str] = {}
    for record, run_id in zip(changes[side].to_pylist(), changes["run_id"].to_pylist(), strict=True):
        found[record] = max(found.get(record, ""), run_id)
    return found
