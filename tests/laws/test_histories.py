"""The three laws on generated histories, over both databases. `make laws` runs thousands of them."""

from __future__ import annotations

import gc
import os
import shutil
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import seed as seed_of
from hypothesis.stateful import run_state_machine_as_test

from matching import batch
from matching.scoring import score_known
from tests.conftest import DIALECTS
from tests.laws.hub import commit
from tests.laws.machine import SHRINK, Histories, Tally
from tests.support import postgres

HISTORIES = int(os.environ.get("KEHU_LAWS", "5"))
"""How many histories are run per database at least."""
FIRST = int(os.environ.get("KEHU_LAWS_SEED", "1"))
EACH = int(os.environ.get("KEHU_LAWS_EACH", "6" if HISTORIES < 25 else "25"))
"""Histories drawn from one seed."""
GIVE_UP = int(os.environ.get("KEHU_LAWS_GIVE_UP", "1"))
"""So many seeds may fail before the rest is left out."""


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Pairs are weighed by the compiled model, which gives Splink's weights; what was imported is no garbage."""
    monkeypatch.setattr(batch, "score_pairs", score_known)
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


@pytest.fixture(params=DIALECTS)
def empty_store(request: pytest.FixtureRequest) -> Iterator[Callable[[Path], str]]:
    """Empties the hub store that belongs to a folder, and gives its URL, which is the same each time."""
    if request.param == "sqlite":
        template: Path = request.getfixturevalue("sqlite_template")

        def copied(folder: Path) -> str:
            shutil.copy(template, folder / "hub.db")
            return f"sqlite:///{folder / 'hub.db'}"

        yield copied
        return
    server: postgres.Server = request.getfixturevalue("postgres_server")
    empty: str = request.getfixturevalue("postgres_template")
    names: set[str] = set()

    def made(folder: Path) -> str:
        name = f"laws_{folder.name}"
        server.drop(name)
        server.admin(f"CREATE DATABASE {name} TEMPLATE {empty}")
        names.add(name)
        return server.url(name)

    yield made
    for name in names:
        server.drop(name)


@pytest.mark.slow
@pytest.mark.timeout(0)
def test_any_history(empty_store: Callable[[Path], str], tmp_path: Path, request: pytest.FixtureRequest) -> None:
    tally, failed, seed, began = Tally(), list[int](), FIRST, time.process_time()
    where = f"{request.node.callspec.id}, commit {commit()}"
    members = {"make_url": staticmethod(empty_store), "home": tmp_path, "tally": tally}
    while tally.histories < HISTORIES and len(failed) < GIVE_UP:
        machine = type("Machine", (Histories,), members)
        try:
            run_state_machine_as_test(
                seed_of(seed)(machine),
                settings=settings(
                    max_examples=EACH,
                    stateful_step_count=4,
                    deadline=None,
                    database=None,
                    phases=[Phase.generate, *([Phase.shrink] if SHRINK else [])],
                    suppress_health_check=list(HealthCheck),
                    print_blob=False,
                ),
            )
        except Exception:
            failed.append(seed)
            traceback.print_exc()
        seconds = time.process_time() - began
        told = f"seeds {FIRST} to {seed}: {tally}, {len(failed)} differences, {seconds:.0f} s of processor time"
        print(f"{where}: {told}", file=sys.stderr, flush=True)
        seed += 1
    assert not failed, f"the laws do not hold for KEHU_LAWS_SEED={failed[0]} KEHU_LAWS_EACH={EACH}"
