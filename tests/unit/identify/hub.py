"""A small hub in memory for the tests of identification: it keeps what a store keeps and checks the invariants."""

from __future__ import annotations

from collections.abc import Iterable

import pyarrow as pa

from matching.identify import Identities, identify


def table(rows: Iterable[tuple[object, ...]], **columns: pa.DataType) -> pa.Table:
    listed = list(rows)
    return pa.Table.from_arrays(
        [pa.array([row[i] for row in listed], type_) for i, type_ in enumerate(columns.values())], names=list(columns)
    )


def clusters(*parts: Iterable[int]) -> pa.Table:
    rows = [(record, number) for number, part in enumerate(parts) for record in part]
    return table(rows, record_id=pa.int64(), cluster=pa.int64())


def membership(**members: Iterable[int]) -> pa.Table:
    rows = [(record, golden) for golden, records in members.items() for record in records]
    return table(rows, record_id=pa.int64(), golden_id=pa.string())


def by_record(found: pa.Table) -> dict[int, str]:
    return dict(zip(found["record_id"].to_pylist(), found["golden_id"].to_pylist(), strict=True))


class Hub:
    """Membership, its history, aliases and statuses, published run by run."""

    def __init__(self) -> None:
        self.members: dict[int, str] = {}
        self.since: dict[int, int] = {}
        self.history: list[tuple[int, str, int]] = []
        self.aliases: dict[str, str] = {}
        self.status: dict[str, str] = {}
        self.first_run: dict[int, int] = {}
        self.run = 0

    def mint(self, count: int, after: str | None) -> list[str]:
        start = len(self.status)
        return [f"g{start + i:05d}" for i in range(count)]

    def golden(self) -> dict[str, set[int]]:
        found: dict[str, set[int]] = {}
        for record, golden in self.members.items():
            found.setdefault(golden, set()).add(record)
        return found

    def solve(self, parts: list[set[int]], gone: Iterable[int] = ()) -> Identities:
        """What a run over these clusters would say; `gone` are records that were deleted."""
        scope = set(gone).union(*parts)
        touched = {self.members[r] for r in scope if r in self.members}
        current = [(r, g, self.since[r]) for r, g in self.members.items() if g in touched]
        dead = {g for r, g, _ in self.history if r in scope and (g in self.aliases or self.status[g] == "retired")}
        dead |= {a for a, g in self.aliases.items() if g in touched}
        past = [row for row in self.history if row[1] in dead]
        named = touched | dead
        rows = [(a, g) for a, g in self.aliases.items() if a in named or g in named]
        return identify(
            clusters(*parts),
            table(current, record_id=pa.int64(), golden_id=pa.string(), from_run=pa.int64()),
            table(past, record_id=pa.int64(), golden_id=pa.string(), to_run=pa.int64()),
            table(rows, alias_id=pa.string(), golden_id=pa.string()),
            table(self.first_run.items(), record_id=pa.int64(), first_run=pa.int64()),
            mint=self.mint,
        )

    def publish(self, parts: list[set[int]], gone: Iterable[int] = ()) -> Identities:
        self.run += 1
        for record in sorted(set().union(*parts)):
            self.first_run.setdefault(record, self.run)
        found = self.solve(parts, gone)
        active_before = set(self.members.values())
        for record, golden in by_record(found.membership).items():
            if record in self.members:
                self.history.append((record, self.members.pop(record), self.run))
            if golden is not None:
                self.members[record] = golden
                self.since[record] = self.run
        for row in found.golden.to_pylist():
            self._act(row["golden_id"], row["action"], row["records"])
        for row in found.aliases.to_pylist():
            if row["action"] == "add":
                self.aliases[row["alias_id"]] = row["golden_id"]
            else:
                assert self.aliases.pop(row["alias_id"]) == row["golden_id"]
        self.check(found, active_before)
        return found

    def _act(self, golden: str, action: str, records: int) -> None:
        known = self.status.get(golden)
        if action == "created":
            assert known is None, "an id was made twice"
        elif action == "revived":
            assert known == "retired"
        else:
            assert known == "active"
        self.status[golden] = "retired" if action in ("merged", "retired") else "active"
        assert (records > 0) == (self.status[golden] == "active")

    def check(self, found: Identities, active_before: set[str]) -> None:
        active = set(self.members.values())
        assert active == {g for g, status in self.status.items() if status == "active"}
        assert not active & set(self.aliases), "an id is both alias and active"
        for alias, target in self.aliases.items():
            assert target not in self.aliases, "an alias leads to an alias"
            assert self.status[alias] == "retired"
        events = found.events.to_pylist()
        born = {e["golden_id"] for e in events if e["type"] == "created"}
        assert born == active - active_before
        lost = {g for e in events if e["type"] == "merged" for g in e["before"]} - active
        retired = {e["golden_id"] for e in events if e["type"] == "retired"}
        assert lost | retired == active_before - active
        assert not lost & retired
        for event in events:
            if event["type"] == "merged":
                assert event["after"] == [event["golden_id"]]
                assert event["golden_id"] == min(event["before"] + event["after"]), "the survivor is not the oldest"
            if event["type"] == "split":
                assert event["before"] == [event["golden_id"]]
                assert len(event["after"]) > 1
            if event["type"] == "alias":
                assert self.aliases[event["golden_id"]] == event["after"][0]
