"""The part of the hub that a run touches: which records' pairs are scored anew, and which clusters are solved again.

Everything else keeps its edges and clusters. What is found here is what a run over all records would find: keys depend
on a record alone, contact profiles are recomputed where a value came or went, and a block that crosses its cap touches
all its records.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa

from matching.batch import Work
from matching.features import build_features, prepare
from matching.inputs import Verdicts
from matching.keys import block_cap, build_keys
from matching.loaded import Standards, ids_of
from matching.profile import MOST_RECORDS, PROFILE, Profile, profile_contacts
from matching.scope import Ints, Scope, closure, write_keys, write_scored
from matching.screen import screen_pairs
from models.match_model import PublishedModel
from models.store import Store
from models.store.reading import Blocks

_KEYED = pa.schema([("key", pa.int64()), ("record_id", pa.int64())])


@dataclass
class _Read:
    """Keys whose blocks were read, and those."""

    keys: Ints
    blocks: Blocks


class Delta:
    """Finds the scope of a run that changed few records. Use `find` once."""

    def __init__(self, work: Work, store: Store, model: PublishedModel, folder: Path, said: Verdicts):
        self.work, self.store, self.model, self.said = work, store, model, said
        self.con: duckdb.DuckDBPyConnection = work.con
        self.declaration = work.declaration
        self.standards = Standards(work, store, folder)
        self.cut: dict[str, int] = {}
        self.compared = 0
        self._read: dict[int, _Read] = {}

    def find(self, decided: Iterable[int]) -> Scope:
        """The scope of the run.

        `decided` are the records that decisions since the last run are about, or as which others go on.
        """
        from matching.scoring import score_known

        work = self.work
        with work.phase("profile"):
            self._key_tables()
            profile, affected = self._profile()
        with work.phase("block"):
            affected |= self._crossing()
            rescored = np.union1d(self.standards.living, np.array(sorted(affected), dtype=np.int64))
            self._pairs(rescored)
        with work.phase("score"):
            self._features(profile)
            score_known(self.con, self.model, "known", "pairs", "fresh_scored")
        with work.phase("scope"):
            stale = np.union1d(rescored, self.standards.changed)
            fresh = self.con.execute(
                "SELECT left_id, right_id FROM fresh_scored WHERE weight >= ?", [work.limits.auto]
            ).fetchnumpy()
            joined = zip(fresh["left_id"].tolist(), fresh["right_id"].tolist(), strict=True)
            records = closure(
                self.store,
                [*joined, *self.said.match],
                auto=work.limits.auto,
                stale=stale,
                decided=decided,
                living=self.standards.living,
                gone=self.standards.gone,
            )
            self.standards.load(records)
            self._features(profile, records)
            write_scored(self.con, self.store, records, stale)
            write_keys(self.con)
        touched = np.union1d(records, self.standards.gone)
        changed = np.union1d(self.standards.living, self.standards.changed)
        return Scope(records, touched, changed, profile, self.compared, len(rescored), self.cut)

    def _key_tables(self) -> None:
        """Keys of the changed records as they are (`keys_now`) and as they were (`keys_then`), with their rules."""
        con = self.con
        self._features(Profile(PROFILE.empty_table()), target="fresh_features")
        build_keys(con, self.declaration, "fresh_features", "keys_now")
        con.register("then_rows", self.standards.before())
        prepare(con, self.work.entity, "then_rows", "then_prepared")
        con.unregister("then_rows")
        build_features(con, self.declaration, "then_prepared", Profile(PROFILE.empty_table()), "then_features")
        build_keys(con, self.declaration, "then_features", "keys_then")

    def _profile(self) -> tuple[Profile, set[int]]:
        """Classes of the contact values that came or went, and the records whose own and shared values they change."""
        con, contacts = self.con, self.declaration.contacts
        rules = [self.declaration.contact_rule(kind) for kind in contacts]
        if not rules:
            return Profile(PROFILE.empty_table()), set()
        listed = ", ".join(map(str, rules))
        keys = con.execute(
            f"SELECT DISTINCT key FROM (SELECT * FROM keys_now UNION ALL SELECT * FROM keys_then) WHERE rule "
            f"IN ({listed})"
        ).fetchnumpy()["key"]
        # The store's blocks are those before this run: as many more are read as may drop out of one.
        (most,) = con.execute(
            f"SELECT coalesce(max(n), 0) FROM (SELECT count(*) AS n FROM keys_then WHERE rule IN ({listed}) "
            "GROUP BY key)"
        ).fetchall()[0]
        found = self.store.records_for_keys(pa.array(keys.astype(np.int64)), MOST_RECORDS + 1 + int(most))
        self.standards.load(ids_of(found.pairs["record_id"]))
        con.execute(
            "CREATE OR REPLACE TEMP TABLE values_touched AS "
            + " UNION ".join(
                f'SELECT \'{kind.column}\' AS "column", unnest("{kind.column}") AS value FROM {table}'
                for kind in contacts
                for table in ("then_prepared", "(SELECT * FROM loaded WHERE record_id IN (SELECT unnest($1)))")
            ),
            [self.standards.living.tolist()],
        )
        fresh = profile_contacts(con, self.declaration, "loaded", "values_touched").table
        # A value in so many records that not all were read identifies nobody.
        capped = set(found.capped["key"].to_pylist())
        if capped:
            fresh = self._capped(fresh, capped, rules)
        con.register("fresh_profile", fresh)
        values = con.sql("SELECT DISTINCT value FROM values_touched").to_arrow_table()["value"]
        con.register("old_profile", self._stored_profile(values))
        affected: set[int] = set()
        for kind in contacts:
            rows = con.execute(
                f'SELECT DISTINCT l.record_id FROM (SELECT record_id, unnest("{kind.column}") AS value FROM loaded) l '
                f"JOIN values_touched v ON v.value = l.value AND v.\"column\" = '{kind.column}' "
                f"LEFT JOIN fresh_profile n ON n.\"column\" = '{kind.column}' AND n.value = l.value "
                f"LEFT JOIN old_profile o ON o.\"column\" = '{kind.column}' AND o.value = l.value "
                "WHERE coalesce(n.class, 'own') <> coalesce(o.class, 'own')"
            ).fetchnumpy()["record_id"]
            affected.update(map(int, rows.tolist()))
        gone = con.sql(
            "SELECT v.\"column\", v.value, 0::BIGINT AS records, 0::BIGINT AS owners, 'own' AS class FROM "
            "values_touched v "
            'ANTI JOIN fresh_profile n USING ("column", value) WHERE v.value IS NOT NULL'
        ).to_arrow_table()
        con.unregister("fresh_profile")
        con.unregister("old_profile")
        return Profile(pa.concat_tables([fresh.cast(PROFILE), gone.cast(PROFILE)])), affected

    def _capped(self, fresh: pa.Table, capped: set[int], rules: list[int]) -> pa.Table:
        """Values under keys of too many records, as junk."""
        con = self.con
        con.register("capped_keys", pa.table({"key": pa.array(sorted(capped), pa.int64())}))
        junk = []
        for kind, rule in zip(self.declaration.contacts, rules, strict=True):
            label = f"{self.declaration.entity_type}\x1f{self.declaration.blocking[rule].name}".replace("'", "''")
            junk += con.execute(
                f'SELECT "column", value FROM values_touched WHERE "column" = \'{kind.column}\' AND '
                f"(md5_number_lower(concat_ws(chr(31), '{label}', value)) >> 1)::BIGINT IN (SELECT key FROM "
                f"capped_keys)"
            ).fetchall()
        con.unregister("capped_keys")
        named = set(junk)
        rows = [row for row in fresh.to_pylist() if (row["column"], row["value"]) not in named]
        for column, value in junk:
            rows.append({"column": column, "value": value, "records": MOST_RECORDS + 1, "owners": 0, "class": "junk"})
        return pa.Table.from_pylist(rows, schema=PROFILE)

    def _stored_profile(self, values: pa.ChunkedArray[pa.StringScalar]) -> pa.Table:
        """What the store says of these contact values."""
        rows = self.store.contact_profiles_of(self.work.entity, values)
        return pa.table(
            {
                "column": rows["kind"],
                "value": rows["value"],
                "records": rows["records"],
                "owners": pa.array(np.zeros(len(rows), np.int64)),
                "class": rows["role"],
            }
        ).cast(PROFILE)

    def _blocks(self, keys: Ints, cap: int) -> Blocks:
        """The store's blocks of these keys, each read once.

        Changed records stand in them as they were: as many more than the cap are read as may drop out of one.
        """
        have = self._read.get(cap)
        if have is None:
            self._read[cap] = have = _Read(np.zeros(0, np.int64), self.store.records_for_keys([], cap))
        missing = np.setdiff1d(keys, have.keys)
        if len(missing):
            (most,) = self.con.execute(
                "SELECT coalesce(max(n), 0) FROM (SELECT count(*) AS n FROM keys_then GROUP BY key)"
            ).fetchall()[0]
            more = self.store.records_for_keys(pa.array(missing), cap + int(most))
            have.keys = np.union1d(have.keys, missing)
            have.blocks = Blocks(
                pa.concat_tables([have.blocks.pairs, more.pairs]), pa.concat_tables([have.blocks.capped, more.capped])
            )
        return have.blocks

    def _crossing(self) -> set[int]:
        """Records of the blocks that are compared now and were not, or the other way round."""
        con = self.con
        counts = con.execute(
            "SELECT rule, key, count(*) FILTER (now) AS added, count(*) FILTER (NOT now) AS removed FROM ("
            "SELECT rule, key, record_id, TRUE AS now FROM keys_now UNION ALL "
            "SELECT rule, key, record_id, FALSE FROM keys_then) GROUP BY rule, key"
        ).fetchnumpy()
        touched: set[int] = set()
        if not len(counts["key"]):
            return touched
        removed, added = (np.asarray(counts[name], dtype=np.int64) for name in ("removed", "added"))
        caps = {i: block_cap(self.declaration, rule) for i, rule in enumerate(self.declaration.blocking)}
        rules, keys = (np.asarray(counts[name], dtype=np.int64) for name in ("rule", "key"))
        for cap in sorted(set(caps.values())):
            mine = np.isin(rules, [i for i, c in caps.items() if c == cap])
            if not mine.any():
                continue
            found = self._blocks(np.unique(keys[mine]), cap)
            # Of what was read, sizes are enough to tell which blocks cross the cap.
            key, size = np.unique(ids_of(found.pairs["key"]), return_counts=True)
            place = np.searchsorted(key, keys[mine])
            known = (place < len(key)) & (key[np.minimum(place, len(key) - 1)] == keys[mine]) if len(key) else place < 0
            before = np.where(known, size[np.minimum(place, len(key) - 1)] if len(key) else 0, 0)
            after = before - removed[mine] + added[mine]
            crosses = ((before > cap) != (after > cap)) & ~np.isin(keys[mine], ids_of(found.capped["key"]))
            if crosses.any():
                inside = np.isin(ids_of(found.pairs["key"]), keys[mine][crosses])
                touched.update(ids_of(found.pairs["record_id"])[inside].tolist())
        return touched - set(self.standards.gone.tolist())

    def _pairs(self, rescored: Ints) -> None:
        """Creates `pairs` (left_id < right_id): each that a usable block makes of a rescored record and another, but
        for those that cannot have a weight that anybody would see; how many there are with these is `compared`.
        """
        con = self.con
        self.standards.load(rescored)
        old = np.setdiff1d(rescored, self.standards.living)
        con.execute("CREATE OR REPLACE TEMP TABLE keys_wanted AS SELECT key, record_id, rule FROM keys_now")
        if len(old):
            con.register("old_ids", pa.table({"record_id": old}))
            con.execute(
                "CREATE OR REPLACE TEMP TABLE old_prepared AS SELECT * FROM loaded SEMI JOIN old_ids USING (record_id)"
            )
            build_features(con, self.declaration, "old_prepared", Profile(PROFILE.empty_table()), "old_features")
            build_keys(con, self.declaration, "old_features", "keys_old")
            con.execute("INSERT INTO keys_wanted SELECT key, record_id, rule FROM keys_old")
            con.unregister("old_ids")
        changed = pa.table({"record_id": self.standards.changed})
        con.register("changed_ids", changed)
        con.execute("CREATE OR REPLACE TEMP TABLE blocks (key BIGINT, record_id BIGINT)")
        con.execute("CREATE OR REPLACE TEMP TABLE cut_keys (key BIGINT)")
        wanted = con.execute("SELECT DISTINCT rule, key FROM keys_wanted").fetchnumpy()
        caps = {i: block_cap(self.declaration, rule) for i, rule in enumerate(self.declaration.blocking)}
        for cap in sorted(set(caps.values())):
            mine = np.isin(wanted["rule"], [i for i, c in caps.items() if c == cap])
            if not mine.any():
                continue
            keys = np.unique(np.asarray(wanted["key"], dtype=np.int64)[mine])
            con.register("block_keys", pa.table({"key": keys}))
            found = self._blocks(keys, cap)
            # More may have been read than is asked for here.
            con.register("all_rows", found.pairs.select(["key", "record_id"]).cast(_KEYED))
            con.execute(
                "CREATE OR REPLACE TEMP VIEW block_held AS SELECT * FROM all_rows SEMI JOIN block_keys USING (key)"
            )
            con.register("all_beyond", found.capped.select(["key"]))
            con.execute(
                "CREATE OR REPLACE TEMP VIEW block_beyond AS SELECT * FROM all_beyond SEMI JOIN block_keys USING (key)"
            )
            con.execute(
                "CREATE OR REPLACE TEMP TABLE sized AS SELECT key, record_id, count(*) OVER (PARTITION BY key) AS n "
                "FROM (SELECT key, record_id FROM block_held ANTI JOIN changed_ids USING (record_id) UNION "
                "SELECT key, record_id FROM keys_now SEMI JOIN block_keys USING (key)) ANTI JOIN block_beyond "
                "USING (key)"
            )
            con.execute(f"INSERT INTO blocks SELECT key, record_id FROM sized WHERE n <= {cap}")
            con.execute(
                f"INSERT INTO cut_keys SELECT key FROM block_beyond UNION SELECT key FROM sized WHERE n > {cap}"
            )
            for name in ("block_keys", "all_rows", "all_beyond"):
                con.unregister(name)
        con.unregister("changed_ids")
        cut = con.execute("SELECT rule, count(DISTINCT key) FROM keys_wanted SEMI JOIN cut_keys USING (key) GROUP BY 1")
        self.cut = {self.declaration.blocking[rule].name: int(n) for rule, n in sorted(cut.fetchall())}
        con.execute(
            "CREATE OR REPLACE TEMP TABLE pairs AS SELECT DISTINCT least(w.record_id, b.record_id) AS left_id, "
            "greatest(w.record_id, b.record_id) AS right_id FROM keys_wanted w JOIN blocks b USING (key) "
            "WHERE w.record_id <> b.record_id"
        )
        floor = min(self.work.limits.review, self.work.limits.auto)
        self.compared = screen_pairs(con, self.model, self.standards, self.work.schema.names, floor)
        partners = con.execute("SELECT DISTINCT unnest([left_id, right_id]) AS id FROM pairs").fetchnumpy()["id"]
        self.standards.load(np.asarray(partners, dtype=np.int64))

    def _features(self, profile: Profile, only: Ints | None = None, target: str | None = None) -> None:
        """Creates `known` from what is loaded, or `only` some of it; the fresh profile goes before the stored one."""
        con = self.con
        if target is not None:
            build_features(con, self.declaration, "loaded", profile, target)
            return
        from matching.model.splink_model import add_term_frequencies

        source = "loaded"
        if only is not None:
            con.register("only_ids", pa.table({"record_id": only}))
            con.execute("CREATE OR REPLACE TABLE chosen AS SELECT * FROM loaded SEMI JOIN only_ids USING (record_id)")
            con.unregister("only_ids")
            source = "chosen"
        values = " UNION ".join(
            f'SELECT unnest("{k.column}") AS value FROM {source}' for k in self.declaration.contacts
        )
        if values:
            seen = con.sql(f"SELECT DISTINCT value FROM ({values}) WHERE value IS NOT NULL").to_arrow_table()["value"]
            stored = self._stored_profile(seen)
            con.register("stored_rows", stored)
            con.register("fresh_rows", profile.table)
            merged = con.sql(
                "SELECT * FROM fresh_rows UNION ALL "
                'SELECT * FROM stored_rows ANTI JOIN fresh_rows USING ("column", value)'
            ).to_arrow_table()
            con.unregister("stored_rows")
            con.unregister("fresh_rows")
            profile = Profile(merged.cast(PROFILE))
        build_features(con, self.declaration, source, profile, "features")
        add_term_frequencies(con, self.model, "features", "known")
