"""What a small change costs on a large base, beside the full run, and how long one record's match takes.

Each part of each base is a process of its own, whose figures are printed as soon as they are there and kept beside the
bases: a measurement that was broken off goes on where it stopped, as long as the code is the same. A base is built
once and used again.
"""

import hashlib
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from benchmarks import hub, postgres_copy
from benchmarks.incremental_base import base, copied, deliver, named, questions
from benchmarks.measure import Watch
from benchmarks.table import table

PARTS = ("deltas", "match", "match-postgresql", "full")
"""Deliveries; questions on either store; the full run on the same base."""
_ROOT = Path(__file__).resolve().parent.parent
_OUTSIDE = ("land", "changes", "check", "publish", "lifecycle", "search", "forget", "corrections")
"""Phases that are not resolving."""
_REPEATED = 5
_WARM = 60


def run(
    sizes: Sequence[int],
    deltas: Sequence[int],
    asks: int,
    bases: Path,
    *,
    parts: Sequence[str] = PARTS[:2],
    again: bool = False,
    as_json: bool = False,
) -> int:
    """Measure every base; print seconds, memory and ratios. Returns the exit code: 1 when a part failed."""
    kept = bases / "results" / f"incremental-{_code()}"
    kept.mkdir(parents=True, exist_ok=True)
    failed = []
    results: dict[int, dict[str, Any]] = {size: {"size": size} for size in sizes}
    for size in sizes:
        for part, said in _jobs(parts, deltas):
            done = kept / f"{named(size)}-{said}.json"
            if again or not done.exists():
                _say(f"{size:,} records, {said} …")
                if not _measured(bases, size, part, done, asks):
                    failed.append(f"{size:,} records, {said}")
                    continue
            found = json.loads(done.read_text(encoding="utf-8"))
            _say(f"{size:,} records, {said}: {_line(part, found)}")
            if part == "deltas":
                results[size].setdefault("deltas", {})[said.removeprefix("delta-")] = found
            elif part == "full":
                results[size]["full"] = found
            else:
                results[size].setdefault("match", {})["sqlite" if part == "match" else "postgresql"] = found
    if as_json:
        print(json.dumps(list(results.values())))
    else:
        _show(list(results.values()), [str(delta) for delta in deltas])
    for one in failed:
        _say(f"failed: {one}")
    return 1 if failed else 0


def _jobs(parts: Sequence[str], deltas: Sequence[int]) -> Iterator[tuple[str, str]]:
    """What is measured one by one: the part, and its name."""
    for part in parts:
        if part == "deltas":
            yield from ((part, f"delta-{delta}") for delta in deltas)
        else:
            yield part, part


def _measured(bases: Path, size: int, part: str, done: Path, asks: int) -> bool:
    """Measure one part in a process of its own, which writes the file; whether it did."""
    found = base(bases, size)
    with tempfile.TemporaryDirectory(prefix="kehu-incremental-", dir=bases) as scratch:
        command = [sys.executable, "-W", "ignore", "-m", "benchmarks", "incremental-one", str(found.resolve())]
        command += [done.stem.split("-", 1)[1], "--copy", scratch, "--to", str(done.resolve()), "--asks", str(asks)]
        return subprocess.run(command, cwd=_ROOT, stdout=sys.stderr, check=False).returncode == 0 and done.exists()


def one_to_file(found: Path, said: str, copy: Path, out: Path, asks: int) -> None:
    """In this process: one part on one base (`delta-100`, `match`, `match-postgresql`, `full`), as JSON."""
    if said.startswith("delta-"):
        got: Any = _deltas(found, copy, int(said.removeprefix("delta-")))
    elif said == "full":
        config = copied(found, copy)
        with Watch() as watch:
            summary = hub.run_here(config, full=True)
        got = {"wall": watch.seconds, "peak_mb": watch.peak_mb, "phases": sum(summary["seconds"].values())}
    elif said == "match":
        got = _asked(found / "kehu.yaml", found, asks)
    else:
        with postgres_copy.server_with(found / "kehu.yaml", copy) as config:
            got = _asked(config, found, asks)
    part = out.with_suffix(".part")
    part.write_text(json.dumps(got), encoding="utf-8")
    part.rename(out)


def _deltas(found: Path, copy: Path, size: int) -> dict[str, Any]:
    """Deliveries of one size to a copy of the base, after one that warms the process up; the median of them."""
    config = copied(found, copy)
    deliver(found, config, _WARM, 1)
    hub.run_here(config)
    runs = []
    for seed in range(2, 2 + (_REPEATED if size <= 1_000 else 1)):
        rows = deliver(found, config, size, size + seed)
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
        _say(f"  {_line('deltas', runs[-1])}")
    return sorted(runs, key=lambda r: r["resolving"])[len(runs) // 2]


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


def _line(part: str, found: dict[str, Any]) -> str:
    """The figures of one part on one line."""
    if part == "deltas":
        return (
            f"{found['rows']:,} rows: resolving {found['resolving']:.2f} s, all phases {found['phases']:.2f} s, whole "
            f"call {found['wall']:.2f} s (processor {found['cpu']:.2f} s), {found['pairs']:,} pairs"
        )
    if part == "full":
        return f"all phases {found['phases']:.0f} s, peak {found['peak_mb']:,.0f} MB"
    return (
        f"p50 {found['p50_ms']:.2f} ms, p99 {found['p99_ms']:.2f} ms (processor {found['cpu_p50_ms']:.2f}, "
        f"{found['cpu_p99_ms']:.2f} ms)"
    )


def _say(words: str) -> None:
    print(words, file=sys.stderr, flush=True)


def _code() -> str:
    """A hash of the code that is measured, so that figures of another are never taken for its own."""
    digest = hashlib.sha256()
    folders = ("benchmarks", "connectors", "lifecycle", "matching", "models", "orchestration", "worlds")
    for path in sorted(path for folder in folders for path in (_ROOT / folder).rglob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:12]


def _show(results: Sequence[dict[str, Any]], deltas: Sequence[str]) -> None:
    header = ["", *(f"{r['size']:,}" for r in results)]
    rows: list[list[object]] = []
    for delta in deltas:
        of = [r.get("deltas", {}).get(delta) for r in results]
        if not any(of):
            continue
        first = next((d["resolving"] for d in of if d), None)
        rows.append([f"delta of {int(delta):,}: resolving, s", *(d and d["resolving"] for d in of)])
        rows.append(["  against the smallest base", *(d and d["resolving"] / first for d in of)])
        for words, name in (
            ("  all phases, s", "phases"),
            ("  wall of the whole call, s", "wall"),
            ("  processor, s", "cpu"),
            ("  pairs scored", "pairs"),
            ("  peak MB of the process", "peak_mb"),
        ):
            rows.append([words, *(d and d[name] for d in of)])
        if any("full" in r for r in results):
            full = [r.get("full") for r in results]
            rows.append(
                [
                    "  full run / this",
                    *(f["phases"] / d["phases"] if f and d else None for f, d in zip(full, of, strict=True)),
                ]
            )
    if any("full" in r for r in results):
        rows.append(["full run, all phases, s", *(r.get("full") and r["full"]["phases"] for r in results)])
    for store in dict.fromkeys(name for r in results for name in r.get("match", {})):
        for name, words in (
            ("p50_ms", "p50, ms"),
            ("p99_ms", "p99, ms"),
            ("cpu_p50_ms", "processor p50, ms"),
            ("cpu_p99_ms", "processor p99, ms"),
            ("candidates", "records compared, mean"),
        ):
            values = [r.get("match", {}).get(store) for r in results]
            rows.append([f"match on {store}: {words}", *(v and v[name] for v in values)])
    print(table(header, rows))
