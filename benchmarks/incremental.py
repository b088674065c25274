"""What a small change costs on a large base, beside the full run, and how long one record's match takes.

Per base one process does everything, on a copy: a first delivery that warms it up, then deliveries of each size, the
questions, and with `full` one full run. A base is built once and used again.
"""

import json
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks import hub, postgres_copy
from benchmarks.incremental_base import base, copied, deliver, questions
from benchmarks.measure import Watch, call
from benchmarks.table import table

_ROOT = Path(__file__).resolve().parent.parent
_OUTSIDE = ("land", "changes", "check", "publish", "lifecycle", "search")
"""Phases that are not resolving."""
_REPEATED = 3
_WARM = 60


def run(
    sizes: Sequence[int],
    deltas: Sequence[int],
    asks: int,
    bases: Path,
    *,
    full: bool = False,
    postgres: bool = False,
    as_json: bool = False,
) -> int:
    """Measure every base; print seconds, memory and ratios. Returns the exit code."""
    results = []
    for size in sizes:
        found = base(bases, size)
        with tempfile.TemporaryDirectory(prefix="kehu-incremental-", dir=bases) as scratch:
            out = Path(scratch) / "result.json"
            command = [sys.executable, "-W", "ignore", "-m", "benchmarks", "incremental-one", str(found.resolve())]
            command += ["--copy", str(Path(scratch) / "copy"), "--to", str(out), "--asks", str(asks)]
            command += ["--deltas", ",".join(map(str, deltas))] + ["--full"] * full + ["--postgres"] * postgres
            print(f"{size:,} records …", file=sys.stderr, flush=True)
            ended = call(command, _ROOT)
            if ended.code:
                raise hub.HubFailed(f"{size:,} records: ended with {ended.code}: {ended.err.strip()[-1500:]}")
            results.append({"size": size, **json.loads(out.read_text(encoding="utf-8"))})
    if as_json:
        print(json.dumps(results))
    else:
        _show(results, deltas)
    return 0


def one_to_file(
    found: Path, copy: Path, out: Path, deltas: Sequence[int], asks: int, full: bool, postgres: bool
) -> None:
    """In this process: everything about one base, as JSON."""
    config = copied(found, copy)
    got: dict[str, Any] = {"deltas": {}, "match": {}}
    seed = 1
    deliver(found, config, _WARM, seed)
    hub.run_here(config)
    for size in deltas:
        runs = []
        for _ in range(_REPEATED if size <= 1_000 else 1):
            seed += 1
            rows = deliver(found, config, size, seed)
            cpu = time.process_time()
            with Watch() as watch:
                summary = hub.run_here(config)
            runs.append(
                {
                    "rows": rows,
                    "wall": watch.seconds,
                    "cpu": time.process_time() - cpu,
                    "peak_mb": watch.peak_mb,
                    "resolving": sum(s for phase, s in summary["seconds"].items() if phase not in _OUTSIDE),
                    "phases": sum(summary["seconds"].values()),
                    "seconds": summary["seconds"],
                    "pairs": summary["pairs_scored"],
                }
            )
        got["deltas"][size] = sorted(runs, key=lambda r: r["resolving"])[len(runs) // 2]
    if asks:
        got["match"]["sqlite"] = _asked(config, found, asks)
        if postgres:
            with postgres_copy.server_with(config) as copied_config:
                got["match"]["postgresql"] = _asked(copied_config, found, asks)
    if full:
        with Watch() as watch:
            summary = hub.run_here(config, full=True)
        got["full"] = {"wall": watch.seconds, "peak_mb": watch.peak_mb, "phases": sum(summary["seconds"].values())}
    out.write_text(json.dumps(got), encoding="utf-8")


def _asked(config: Path, found: Path, asks: int) -> dict[str, float]:
    """Wall and processor milliseconds per question, after a tenth of them to warm up."""
    from matching.realtime import Matcher
    from models.config import load_config
    from models.store import open_store

    loaded = load_config(config)
    asked = questions(found, asks + asks // 10)
    walls, cpus, compared = [], [], []
    with open_store(loaded.store) as store:
        matcher = Matcher(store, loaded)
        for i, (entity, record) in enumerate(asked):
            wall, cpu = time.perf_counter(), time.thread_time()
            answer = matcher.match(entity, record)
            if i >= asks // 10:
                walls.append((time.perf_counter() - wall) * 1e3)
                cpus.append((time.thread_time() - cpu) * 1e3)
                compared.append(answer.candidates)
    return {
        "p50_ms": _quantile(walls, 50),
        "p99_ms": _quantile(walls, 99),
        "cpu_p50_ms": _quantile(cpus, 50),
        "cpu_p99_ms": _quantile(cpus, 99),
        "candidates": statistics.fmean(compared),
    }


def _quantile(values: Sequence[float], percent: int) -> float:
    return statistics.quantiles(values, n=100, method="inclusive")[percent - 1]


def _show(results: Sequence[dict[str, Any]], deltas: Sequence[int]) -> None:
    header = ["", *(f"{r['size']:,}" for r in results)]
    rows: list[list[object]] = []
    for delta in deltas:
        of = [r["deltas"][str(delta)] for r in results]
        rows.append([f"delta of {delta:,}: resolving, s", *(d["resolving"] for d in of)])
        rows.append(["  against the smallest base", *(d["resolving"] / of[0]["resolving"] for d in of)])
        rows.append(["  all phases, s", *(d["phases"] for d in of)])
        rows.append(["  wall of the whole call, s", *(d["wall"] for d in of)])
        rows.append(["  processor, s", *(d["cpu"] for d in of)])
        rows.append(["  pairs scored", *(d["pairs"] for d in of)])
        rows.append(["  peak MB of the process", *(d["peak_mb"] for d in of)])
        if all("full" in r for r in results):
            rows.append(
                [
                    "  full run / this",
                    *(r["full"]["phases"] / d["phases"] for r, d in zip(results, of, strict=True)),
                ]
            )
    if all("full" in r for r in results):
        rows.append(["full run, all phases, s", *(r["full"]["phases"] for r in results)])
    for store in dict.fromkeys(name for r in results for name in r["match"]):
        for name, words in (
            ("p50_ms", "p50, ms"),
            ("p99_ms", "p99, ms"),
            ("cpu_p50_ms", "processor p50, ms"),
            ("cpu_p99_ms", "processor p99, ms"),
            ("candidates", "records compared, mean"),
        ):
            rows.append([f"match on {store}: {words}", *(r["match"][store][name] for r in results)])
    print(table(header, rows))
