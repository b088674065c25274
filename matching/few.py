"""The scope of a run that changed very few records, found record by record: what `delta` finds with tables.

Made of the parts that match one record at once: features, keys, contact roles and the compiled model in Python. Only
the records that are solved again become tables.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pyarrow as pa

from matching.batch import Work
from matching.inputs import Verdicts, changes, read_work
from matching.keys import RecordKey
from matching.loaded import ids_of
from matching.profile import MOST_RECORDS, PROFILE, Profile, value_class
from matching.realtime.candidates import Candidates, weights_of
from matching.realtime.contacts import ContactRoles
from matching.realtime.features import OWN, Features
from matching.realtime.rules import Rules, compiled_rules
from matching.scope import Ints, Scope, closure, write_keys, write_scored
from models.match_model import PublishedModel, listed_columns
from models.store import Store
from models.store.lookup import Lookup, looking

Pair = tuple[int, int]
_KEYS = pa.schema([("key", pa.int64()), ("record_id", pa.int64())])
_SCORED = pa.schema([("left_id", pa.int64()), ("right_id", pa.int64()), ("weight", pa.float64())])


class FewDelta:
    """Finds the scope of a run that changed very few records. Use `find` once."""

    def __init__(self, work: Work, store: Store, model: PublishedModel, folder: Path, said: Verdicts):
        self.work, self.store, self.model, self.said = work, store, model, said
        self.rules: Rules = compiled_rules(model)
        changed, fresh = changes(folder, work.entity), read_work(folder, "standard", work.entity)
        rows = [] if fresh is None else fresh.select(work.schema.names).to_pylist()
        self.changed: Ints = ids_of(changed["record_id"]) if changed is not None else np.zeros(0, np.int64)
        self.living: Ints = np.array([row["record_id"] for row in rows], dtype=np.int64)
        self.gone: Ints = np.setdiff1d(self.changed, self.living)
        self.roles = ContactRoles(self.rules)
        self.records: dict[int, Features] = {row["record_id"]: self._features(row) for row in rows}
        self._changed = set(self.changed.tolist())
        self._known = self._changed | set(self.living.tolist())
        self._blocks: dict[int, list[int]] = {}
        self.cut: Counter[str] = Counter()

    def find(self, decided: Iterable[int]) -> Scope:
        """The scope of the run.

        `decided` are the records that decisions since the last run are about, or as which others go on.
        """
        work = self.work
        with looking(self.store.database) as lookup:
            self.lookup: Lookup = lookup
            with work.phase("profile"):
                self._changed_keys()
                profile, affected = self._profile()
            with work.phase("block"):
                affected |= self._crossing()
                affected -= set(self.gone.tolist())
                rescored = np.union1d(self.living, np.array(sorted(affected), dtype=np.int64))
                partners, pairs = self._partners(rescored)
            with work.phase("score"):
                scored = self._score(partners)
            with work.phase("scope"):
                stale = np.union1d(rescored, self.changed)
                auto = work.limits.auto
                records = closure(
                    self.store,
                    [*(pair for pair, weight in scored.items() if weight >= auto), *self.said.match],
                    auto=auto,
                    stale=stale,
                    decided=decided,
                    living=self.living,
                    gone=self.gone,
                )
                self._tables(records, scored, stale)
        touched, changed = np.union1d(records, self.gone), np.union1d(self.living, self.changed)
        return Scope(records, touched, changed, profile, pairs, len(rescored), dict(self.cut))

    def _features(self, standard: dict[str, Any]) -> Features:
        return self.rules.features(standard, self.roles)

    def _load(self, ids: Iterable[int]) -> None:
        """Reads records that were not looked at yet; deleted ones are left out."""
        missing = sorted(set(ids) - self._known)
        if missing:
            self._known.update(missing)
            for record, standard in self.lookup.standards(missing):
                self.records[record] = self._features({"record_id": record, **orjson.loads(standard)})

    def _changed_keys(self) -> None:
        """Keys of the changed records as they are and as they were, by key and by record."""
        self.before = {
            record: self._features(orjson.loads(standard))
            for record, standard in self.lookup.standards(self.changed.tolist())
        }
        self.now: dict[int, list[int]] = defaultdict(list)
        self.keys_of: dict[int, list[RecordKey]] = {}
        self.rule_of: dict[int, int] = {}
        for record in self.living.tolist():
            self.keys_of[record] = list(self.rules.keys(self.records[record]))
            for key in self.keys_of[record]:
                self.now[key.key].append(record)
                self.rule_of[key.key] = key.rule
        self.then: Counter[int] = Counter()
        self.values: dict[int, tuple[str, str]] = {}
        before = [key for features in self.before.values() for key in self.rules.keys(features)]
        self.then.update(key.key for key in before)
        self.rule_of.update((key.key, key.rule) for key in before)
        columns = {rule: kind.column for kind, rule in self.rules.contacts}
        for key in (*before, *(key for keys in self.keys_of.values() for key in keys)):
            if key.rule in columns:
                self.values[key.key] = columns[key.rule], key.values[0]

    def _block(self, keys: Iterable[int]) -> None:
        """Reads the records under keys as the store has them: more than can count under the cap after this run, or all.

        The blocks of contact values are read as far as a value may identify somebody.
        """
        missing = [key for key in dict.fromkeys(keys) if key not in self._blocks]
        most = [
            (MOST_RECORDS if key in self.values else self.rules.caps[self.rule_of[key]]) + self.then[key]
            for key in missing
        ]
        for key, block in zip(missing, self.lookup.blocks(missing, most) if missing else [], strict=True):
            self._blocks[key] = block

    def _after(self, key: int) -> list[int]:
        """The records under a key after this run, of those that were read."""
        return [record for record in self._blocks[key] if record not in self._changed] + self.now.get(key, [])

    def _profile(self) -> tuple[Profile, set[int]]:
        """Classes of the contact values that came or went, and the records whose own and shared values they change."""
        self._block([*self.now, *self.then])
        kinds = {kind.column: kind for kind, _ in self.rules.contacts}
        read = [key for key in self.values if len(self._blocks[key]) <= MOST_RECORDS + self.then[key]]
        self._load(record for key in read for record in self._blocks[key])
        self.roles.learn(self.lookup, [*self.before.values(), *(self.records[i] for i in self.living.tolist())])
        rows: dict[str, list[object]] = {name: [] for name in PROFILE.names}
        affected: set[int] = set()
        for key, (column, value) in sorted(self.values.items()):
            old = self.roles[column][value]
            holders = [record for record in self._after(key) if record in self.records]
            if len(self._blocks[key]) > MOST_RECORDS + self.then[key]:
                # So many records that not all were read: it identifies nobody, before as after.
                role, records, owners = "junk", MOST_RECORDS + 1, 0
            elif not holders:
                role, records, owners = OWN, 0, 0
            else:
                kind = kinds[column]
                names = {name for i in holders if (name := self.records[i][kind.owner]) is not None}
                role, owners = value_class(kind, len(holders), sorted(names))
                records = len(holders)
            if role != old:
                affected.update(holders)
            self.roles.settle(column, value, role)
            for name, item in zip(PROFILE.names, (column, value, records, owners, role), strict=True):
                rows[name].append(item)
        return Profile(pa.table(rows, schema=PROFILE)), affected

    def _crossing(self) -> set[int]:
        """Records of the blocks that are compared now and were not, or the other way round."""
        touched: set[int] = set()
        for key in {*self.now, *self.then}:
            cap = self.rules.caps[self.rule_of[key]]
            before = len(self._blocks[key])
            after = before - self.then[key] + len(self.now.get(key, ()))
            if (before > cap) != (after > cap) and before <= cap + self.then[key]:
                touched.update(self._blocks[key])
        return touched

    def _partners(self, rescored: Ints) -> tuple[dict[int, Candidates], int]:
        """Per rescored record those that it is compared with, each pair once; and how many pairs there are."""
        old = [record for record in rescored.tolist() if record not in self.keys_of]
        self._load(old)
        for record in old:
            self.keys_of[record] = list(self.rules.keys(self.records[record])) if record in self.records else []
            self.rule_of.update((key.key, key.rule) for key in self.keys_of[record])
        self._block(key.key for record in old for key in self.keys_of[record])
        columns = {rule: kind.column for kind, rule in self.rules.contacts}
        blocks: dict[int, list[int] | None] = {}
        partners: dict[int, tuple[set[int], set[int], frozenset[str]]] = {}
        done: set[int] = set()
        for record in rescored.tolist():
            mine: set[int] = set()
            sharing: set[int] = set()
            apart = set(columns.values())
            for key in self.keys_of[record]:
                if key.key not in blocks:
                    block = self._after(key.key)
                    beyond = len(block) > self.rules.caps[key.rule]
                    self.cut.update([self.rules.declaration.blocking[key.rule].name] if beyond else [])
                    blocks[key.key] = None if beyond else block
                usable = blocks[key.key]
                if usable is None:
                    apart.discard(columns.get(key.rule, ""))
                else:
                    mine.update(usable)
                    sharing.update(usable if key.rule in columns else ())
            done.add(record)
            partners[record] = mine - done, sharing, frozenset(apart)
        self._load(other for mine, _, _ in partners.values() for other in mine)
        known = self.records
        found = {
            record: Candidates({i: known[i] for i in mine if i in known}, sharing, apart, [])
            for record, (mine, sharing, apart) in partners.items()
        }
        return found, sum(len(one.records) for one in found.values())

    def _score(self, partners: dict[int, Candidates]) -> dict[Pair, float]:
        """Weights of the pairs that a steward would see, the smaller id first."""
        found: dict[Pair, float] = {}
        floor = min(self.work.limits.review, self.work.limits.auto)
        self.roles.learn(self.lookup, [self.records[record] for record in partners if record in self.records])
        for record, candidates in partners.items():
            if candidates.records:
                asked = self.records[record]
                for other, weight in weights_of(self.lookup, self.rules, asked, self.roles, candidates, floor).items():
                    found[min(record, other), max(record, other)] = weight
        return found

    def _tables(self, records: Ints, scored: dict[Pair, float], stale: Ints) -> None:
        """Creates the tables of the scope: `loaded`, `known`, `scored`, `keys`."""
        con, work = self.work.con, self.work
        self._load(records.tolist())
        scope = [self.records[i] for i in records.tolist()]
        self.roles.learn(self.lookup, scope)
        loaded = pa.Table.from_pylist([_row(record) for record in scope], schema=work.schema)
        for name, table in (("loaded", loaded), ("known", self._known_table(scope))):
            con.register("scope_rows", table)
            con.execute(f"CREATE OR REPLACE TABLE {name} AS SELECT * FROM scope_rows")
            con.unregister("scope_rows")
        pairs = sorted(scored.items())
        fresh = pa.table(
            [[a for (a, _), _ in pairs], [b for (_, b), _ in pairs], [w for _, w in pairs]], schema=_SCORED
        )
        keys = [(key.key, record) for record in self.living.tolist() for key in self.keys_of[record]]
        for name, table in (
            ("fresh_scored", fresh),
            ("keys_now", pa.table([[k for k, _ in keys], [r for _, r in keys]], schema=_KEYS)),
        ):
            con.register("fresh_rows", table)
            con.execute(f"CREATE OR REPLACE TEMP TABLE {name} AS SELECT * FROM fresh_rows")
            con.unregister("fresh_rows")
        write_scored(con, self.store, records, stale)
        write_keys(con)

    def _known_table(self, scope: list[Features]) -> pa.Table:
        """Features with term frequencies, as `add_term_frequencies` makes them."""
        declaration, share = self.rules.declaration, self.rules.compiled.term_frequency
        standard = {field.name: field.type for field in self.work.schema}
        lists = listed_columns(declaration)
        columns: dict[str, pa.Array[Any]] = {"record_id": pa.array([r["record_id"] for r in scope], pa.int64())}
        for name in declaration.columns():
            values = [r[name] for r in scope]
            kind = standard.get(name) or (pa.list_(pa.string()) if name in lists else None)
            if kind is None and all(value is None for value in values):
                kind = pa.string()
            columns[name] = pa.array(values, kind)
        for name in declaration.term_frequency_columns():
            columns[f"tf_{name}"] = pa.array([share(name, r[name]) for r in scope], pa.float64())
        return pa.table(columns)


def _row(record: Features) -> dict[str, Any]:
    """The standard values of a record; reasons are kept as JSON text."""
    reasons = record["reasons"]
    return {**record, "reasons": orjson.dumps(reasons).decode() if isinstance(reasons, dict) else reasons}
