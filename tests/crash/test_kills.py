"""A run that is killed, at every step of publishing and at any other moment, loses nothing and doubles nothing.

Two hubs get the same deliveries. One is killed, again and again, while it takes them; the other is left alone. After
the next whole run both say the same, in the same events, and who read the first one saw published states only.
"""

from __future__ import annotations

import hashlib
import multiprocessing
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from matching import batch
from matching.scoring import score_known
from models.store import Store, open_store
from models.store.publish import STEPS
from tests.crash.child import AFTER, Death, run
from tests.laws.hub import Hub, commit, state_of
from tests.laws.machine import same
from tests.laws.world import row
from worlds.dice import Dice

KILLS = int(os.environ.get("KEHU_KILLS", "26"))
"""How many runs are killed per database."""
EACH = 4
"""Kills of one delivery before it is let through."""
PHASES = ("land", "changes", "standardise", "resolve", "check", "publish")
FORK = multiprocessing.get_context("forkserver")
FORK.set_forkserver_preload(["tests.crash.child"])


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batch, "score_pairs", score_known)


class Reader(threading.Thread):
    """Looks at the hub without pause, and keeps what it saw."""

    def __init__(self, url: str) -> None:
        super().__init__(daemon=True)
        self.url, self.seen, self.enough, self.error = url, set[str](), threading.Event(), ""

    def run(self) -> None:
        try:
            with open_store(self.url) as store:
                while not self.enough.is_set():
                    self.seen.add(fingerprint(store))
                    time.sleep(0.05)  # looking costs about as much as a run does meanwhile
        except Exception as error:
            self.error = repr(error)


@pytest.fixture
def reader() -> Iterator[list[Reader]]:
    readers: list[Reader] = []
    yield readers
    for one in readers:
        one.enough.set()
        one.join()


def fingerprint(store: Store) -> str:
    """Everything that a reader sees, read as one state: who is in which golden record, values, aliases, events."""
    with store.snapshot():
        parts: list[Any] = [
            store.crosswalk().sort_by([("source", "ascending"), ("source_key", "ascending")]).to_pylist(),
            store.golden("organization", only_active=False).sort_by("golden_id").to_pylist(),
            store.aliases().sort_by("alias_id").to_pylist(),
            [row["seq"] for row in store.events_after(0, 1_000_000).to_pylist()],
            sorted(row["task_key"] for row in store.tasks().to_pylist()),
        ]
    return hashlib.sha256(repr(parts).encode()).hexdigest()


def deaths(count: int, dice: Dice) -> list[Death]:
    """Every step of publishing, the beginning of every phase, and as many moments between as are left."""
    sure = [*(Death(step=step) for step in (*STEPS, AFTER)), *(Death(phase=phase) for phase in PHASES)]
    found = [*sure, *[Death()] * max(count // 3 if count > 50 else 4, count - 2 * len(sure))]
    while len(found) < count:
        found.append(dice.pick(sure))
    dice.shuffle(found)
    return found[: max(count, len(sure))]


def killed(hub: Hub, death: Death, dice: Dice, took: float, full: bool) -> bool:
    """Runs the hub until it dies; whether it did: a run may be quicker than its murderer, or have nothing to do."""
    child = FORK.Process(target=run, args=(hub.folder / "kehu.yaml", death, full))
    child.start()
    if death == Death():
        child.join(dice.random() * took)
        if child.pid is not None and child.is_alive():
            os.kill(child.pid, signal.SIGKILL)
    child.join(120)
    assert child.exitcode in (0, -signal.SIGKILL), f"{death}: the run ended with {child.exitcode}"
    return child.exitcode != 0


def change(hub: Hub, seed: int) -> None:
    """What the sources hold next: rows that come, change and go in several worlds."""
    dice, clock = Dice(seed), seed * 100
    for _ in range(12):
        world, key = dice.below(12), dice.below(6)
        hub.crm[f"{world}-{key}"] = row("organization", world, dice)
        if dice.random() < 0.3:
            hub.crm.pop(dice.pick(sorted(hub.crm)))
        clock += 1
        fresh = None if dice.random() < 0.2 else row("organization", world, dice)
        hub.say(f"{world}-{key}", clock, fresh)


def told_alike(one: list[dict[str, Any]], other: list[dict[str, Any]], names: dict[str, str]) -> None:
    """Both feeds say the same, each with its own golden ids."""
    columns = ("type", "entity_type", "golden_id", "version", "before", "after", "attributes")

    def plain(events: list[dict[str, Any]]) -> list[list[str]]:
        return [[str(event[name]) for name in columns] for event in events]

    text = repr(sorted(plain(one)))
    for mine, theirs in names.items():
        text = text.replace(mine, theirs)
    assert sorted(eval(text)) == sorted(plain(other))


@pytest.mark.slow
@pytest.mark.timeout(0)
def test_killed_runs_leave_no_trace(tmp_path: Path, make_url: Callable[[Path], str], reader: list[Reader]) -> None:
    dice = Dice(int(os.environ.get("KEHU_KILLS_SEED", "1")))
    rules = {"phone": "most_frequent"}
    hubs = []
    for name in ("killed", "undisturbed"):
        folder = tmp_path / name
        folder.mkdir()
        hubs.append(Hub(folder, make_url(folder), "organization", rules))
    victim, twin = hubs
    took, died, names = 3.0, 0, dict[str, str]()
    todo, turn = deaths(KILLS, dice), 0
    for hub in hubs:
        hub.publish_model(0)
    while todo or died < KILLS:  # some runs were quicker than their murderer
        todo = todo or [Death(step=dice.pick(STEPS)) for _ in range(min(EACH, KILLS - died))]
        for hub in hubs:
            change(hub, turn)
            hub.deliver()
        with victim.store() as store:
            before = fingerprint(store)
        watching = Reader(victim.config.store)
        reader.append(watching)
        watching.start()
        for _ in range(min(EACH, len(todo))):
            died += killed(victim, todo.pop(), dice, took, full=turn % 5 == 4)
        began = time.perf_counter()
        found = [victim.run(), twin.run()]
        took = (time.perf_counter() - began) * 0.7
        watching.enough.set()
        watching.join()
        assert not watching.error, watching.error
        with victim.store() as store, twin.store() as other:
            assert watching.seen <= {before, fingerprint(store)}, "a reader saw what was never published"
            same(state_of(store, "organization"), state_of(other, "organization"), f"after {turn}")
            names |= named_alike(store, other)
        told_alike(victim.news, twin.news, names)
        assert found[0]["plan"]["entities"] in ([], ["organization"])
        turn += 1
        store_name = victim.config.store.partition(":")[0]
        told = f"{died} runs killed in {turn} deliveries, 0 differences, {victim.consumer.seq} events each told once"
        print(f"{store_name}, commit {commit()}: {told}", file=sys.stderr, flush=True)
    assert not (odd := victim.verify()), odd


def named_alike(one: Store, other: Store) -> dict[str, str]:
    """Golden id of the one hub → that of the other, by the records in them."""
    found: list[dict[frozenset[int], str]] = []
    for store in (one, other):
        members: dict[str, set[int]] = {}
        for member in store.memberships().to_pylist():
            members.setdefault(member["golden_id"], set()).add(member["record_id"])
        found.append({frozenset(records): number for number, records in members.items()})
    assert found[0].keys() == found[1].keys()
    return {number: found[1][records] for records, number in found[0].items()}
