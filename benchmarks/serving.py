"""The interface under load on a standing hub: reads by id, and match, while incremental runs go on beside it.

Server, runs and client share the machine. Runs have a lower priority (`nice`), as docs/operations.md has them. `soak`
goes on for long and looks whether memory, connections or open files of the server grow.
"""

import asyncio
import contextlib
import json
import multiprocessing
import os
import random
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import yaml

from benchmarks import hub, postgres_copy
from benchmarks.incremental_base import base, copied, deliver, questions
from benchmarks.serving_client import Ask, Heard, get, paced, post, steady
from benchmarks.table import table

LIMITS = {"read p99 ms": 15.0, "match p99 ms": 40.0, "reads a second": 500.0}
"""What is asked of the interface at a million golden records."""
_RATE = 50.0
_MATCHES = 0.2
_QUESTIONS = 2_000
_IDS = 20_000


def run(size: int, bases: Path, *, stores: str, seconds: float, workers: int, soak: float, as_json: bool) -> int:
    """Measure on SQLite, on PostgreSQL or on both; prints a table. Returns 1 where an answer was an error."""
    found = base(bases, size)
    results: dict[str, Any] = {}
    with tempfile.TemporaryDirectory(prefix="kehu-serving-", dir=bases) as scratch:
        config = _generous(copied(found, Path(scratch) / "copy"))
        for store in stores.split(","):
            print(f"{size:,} records on {store} …", file=sys.stderr, flush=True)
            if store == "sqlite":
                results[store] = _measured(found, config, seconds, workers, soak)
            else:
                with postgres_copy.server_with(config, config.parent) as other:
                    results[store] = _measured(found, other, seconds, workers, soak)
            if not as_json:
                _show(size, {store: results[store]})
    if as_json:
        print(json.dumps({"records": size, **results}))
    return 1 if any(one["errors"] for one in results.values()) else 0


def _measured(found: Path, config: Path, seconds: float, workers: int, soak: float) -> dict[str, Any]:
    key, ids = _prepared(config)
    asked = questions(found, _QUESTIONS)
    reads = [get(f"/v1/customers/{golden_id}", key) for golden_id in ids]
    bodies = [post("/v1/match", key, {"entity_type": entity, "values": values}) for entity, values in asked]

    def read(dice: random.Random) -> Ask:
        return "read", dice.choice(reads)

    def mixed(dice: random.Random) -> Ask:
        return ("match", dice.choice(bodies)) if dice.random() < _MATCHES else ("read", dice.choice(reads))

    told: dict[str, Any] = {"golden": len(ids), "errors": [], "workers": workers}

    def keep(name: str, heard: Heard) -> None:
        told[name] = heard.told()
        told["errors"] += heard.errors[:5]

    with _server(config, workers) as (port, server):
        asyncio.run(steady(port, mixed, 4, 5, seed=1))  # models are compiled once per process
        keep("mixed, quiet", asyncio.run(paced(port, mixed, _RATE, seconds, seed=2)))
        keep("reads, quiet", asyncio.run(steady(port, read, 8, seconds, seed=3)))
        with _runs(found, config) as runs:
            keep("mixed, during a run", asyncio.run(paced(port, mixed, _RATE, seconds, seed=4)))
            keep("reads, during a run", asyncio.run(steady(port, read, 8, seconds, seed=5)))
        told["runs"] = runs
        if soak:
            told["soak"] = _soaked(port, server, mixed, soak, keep)
    return told


def _prepared(config: Path) -> tuple[str, list[str]]:
    """A key that sees personal attributes, and golden ids that are living, drawn at random."""
    import sqlalchemy as sa

    from models.config import load_config
    from models.store import open_store
    from models.store.tables import golden_record
    from serving.access.keys import issue

    with open_store(load_config(config).store) as store:
        token = issue(store, "load", by="benchmark", scopes=["customers.read", "match", "personal"]).token
        query = sa.select(golden_record.c.golden_id).where(golden_record.c.status == "active")
        with store.database.read() as connection:
            ids = list(connection.scalars(query))
    return token, random.Random(7).sample(ids, min(_IDS, len(ids)))


def _generous(config: Path) -> Path:
    """The configuration without a limit of requests that the one key of the benchmark would meet."""
    document = yaml.safe_load(config.read_text(encoding="utf-8"))
    document["serving"] = {"requests_per_second": 1_000_000, "burst": 1_000_000}
    config.write_text(yaml.safe_dump(document, allow_unicode=True, sort_keys=False), encoding="utf-8")
    return config


@contextlib.contextmanager
def _server(config: Path, workers: int) -> Iterator[tuple[int, psutil.Process]]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [hub.KEHU, "serve", "--config", str(config), "--port", str(port), "--workers", str(workers)]
    with open(config.parent / "serve.log", "wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, cwd=config.parent)
        try:
            for _ in range(600):
                with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                    break
                if process.poll() is not None:
                    raise hub.HubFailed((config.parent / "serve.log").read_text(encoding="utf-8")[-1500:])
                time.sleep(0.1)
            time.sleep(2)  # the other workers
            yield port, psutil.Process(process.pid)
        finally:
            process.terminate()
            process.wait(timeout=60)


@contextlib.contextmanager
def _runs(found: Path, config: Path) -> Iterator[list[dict[str, Any]]]:
    """One incremental run after the other until the block ends, each with changes; what they came to."""
    import threading

    ended, done = threading.Event(), list[dict[str, Any]]()

    def keep_on() -> None:
        seed = 100
        while not ended.is_set():
            seed += 1
            # In a process of its own: the client, which is this one, would answer late while it draws rows.
            delivery = multiprocessing.get_context("spawn").Process(target=_deliver, args=(found, config, seed))
            delivery.start()
            delivery.join()
            summary = _niced(config)
            done.append({name: summary.get(name) for name in ("changed", "golden", "wall_seconds")})

    thread = threading.Thread(target=keep_on)
    thread.start()
    time.sleep(1)
    try:
        yield done
    finally:
        ended.set()
        thread.join()


def _deliver(found: Path, config: Path, seed: int) -> None:
    os.nice(10)
    deliver(found, config, 1_000, seed)


def _niced(config: Path) -> dict[str, Any]:
    began = time.monotonic()
    command = ["nice", "-n", "10", hub.KEHU, "run", "--config", str(config), "--json"]
    ended = subprocess.run(command, capture_output=True, text=True, cwd=config.parent, check=False)
    if ended.returncode:
        raise hub.HubFailed(f"kehu run ended with {ended.returncode}: {ended.stderr[-1500:]}")
    summary: dict[str, Any] = json.loads(ended.stdout.strip().splitlines()[-1])
    return {**summary, "wall_seconds": time.monotonic() - began}


def _soaked(port: int, server: psutil.Process, draw: Any, seconds: float, keep: Any) -> dict[str, Any]:
    """Load for long; memory, connections and open files after the first tenth, and at the end."""
    keep("soak, begin", asyncio.run(paced(port, draw, _RATE * 2, seconds / 10, seed=6)))
    before = _held(server)
    keep("soak, rest", asyncio.run(paced(port, draw, _RATE * 2, seconds * 9 / 10, seed=7)))
    time.sleep(3)
    after = _held(server)
    return {"before": before, "after": after, "grown": {name: after[name] - before[name] for name in before}}


def _held(server: psutil.Process) -> dict[str, float]:
    everyone = [server, *server.children(recursive=True)]
    own = [p.memory_full_info() for p in everyone]
    files = sum(p.num_fds() for p in everyone)
    sockets = sum(len(p.net_connections(kind="inet")) for p in everyone)
    threads = sum(p.num_threads() for p in everyone)
    return {
        "own memory MB": sum(m.uss for m in own) / 2**20,
        "files": files,
        "connections": sockets,
        "threads": threads,
    }


def _show(size: int, results: dict[str, Any]) -> None:
    rows = []
    for store, told in results.items():
        for phase, one in told.items():
            if not isinstance(one, dict) or "per_second" not in one:
                continue
            for kind in ("read", "match"):
                if kind in one:
                    p = one[kind]
                    rate = p["n"] / one["seconds"]
                    rows.append((store, phase, kind, p["n"], rate, p["p50"], p["p95"], p["p99"], p["max"]))
    cores = os.cpu_count()
    print(f"{size:,} records; {cores} cores for server, runs and client; asked for: {LIMITS}", flush=True)
    print(table(["store", "phase", "kind", "n", "a second", "p50 ms", "p95 ms", "p99 ms", "max ms"], rows))
    for store, told in results.items():
        seconds = [round(r["wall_seconds"], 1) for r in told["runs"]]
        said = told["errors"] or "none"
        print(f"{store}: {told['golden']:,} ids asked, {told['workers']} workers, runs of {seconds} s, errors: {said}")
        if "soak" in told:
            print(f"  soak: {told['soak']}")
