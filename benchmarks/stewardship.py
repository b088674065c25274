"""How long a decision takes on a standing hub, from the call to the committed transaction; and the page of its task.

Ratios are against committing one row to the same store, which is what the machine allows at best.
"""

import json
import resource
import statistics
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks import incremental_base
from benchmarks.table import table


def run(size: int, decisions: int, as_json: bool, keep: Path | None) -> int:
    """Measure decisions, undoings and task pages on a hub of `size` records; prints a table. Returns 0."""
    with TemporaryDirectory() as folder:
        base = incremental_base.base(keep or Path(folder), size)
        config = incremental_base.copied(base, Path(folder) / "copy")
        found = measure(config, decisions)
    found["records"] = size
    if as_json:
        print(json.dumps(found))
        return 0
    floor = found["commit"]["p50"]
    rows = [
        (name, int(one["n"]), one["cpu"], one["p50"], one["p95"], one["p50"] / floor)
        for name, one in found.items()
        if isinstance(one, dict)
    ]
    print(f"{size:,} records, peak {found['peak_rss_mb']:,.0f} MB")
    print(table(["what", "n", "cpu ms", "p50 ms", "p95 ms", "x commit"], rows))
    return 0


def measure(config_path: Path, decisions: int) -> dict[str, Any]:
    """Milliseconds per decision, undoing, task page and inbox page, and of committing one row."""
    from models.config import load_config
    from serving.access import Principal
    from serving.hub import open_hub
    from serving.stewardship import decide_task, inbox, task_view, undo

    config, lead = load_config(config_path), Principal.of_account("li", "lead_steward")
    with open_hub(config) as store:
        rows = inbox(store, config, lead, size=decisions).rows
        keys = [row.task["task_key"] for row in rows if row.task["left_id"] is not None]
        if not keys:
            print("the hub has no task about a pair", file=sys.stderr)
            return {}
        task_view(store, config, lead, keys[0])  # the model is compiled once per process
        pages = [_timed(partial(task_view, store, config, lead, key)) for key in keys]
        lists = [_timed(lambda: inbox(store, config, lead)) for _ in range(10)]
        done: list[int] = []
        taken = [_timed(partial(_decide, decide_task, done, store, config, lead, key)) for key in keys]
        back = [_timed(partial(undo, store, config, lead, n, reason="benchmark")) for n in reversed(done)]
        commits = [_timed(lambda: store.add_audit("li", "benchmark")) for _ in range(20)]
    return {
        "commit": told(commits),
        "decision": told(taken),
        "undo": told(back),
        "task page": told(pages),
        "inbox": told(lists),
        "peak_rss_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }


def _decide(decide: Callable[..., Any], done: list[int], *args: Any) -> None:
    from serving.stewardship import Overtaken, Unknown

    try:
        done.append(decide(*args, "match" if len(done) % 2 else "no_match", despite=True).decision_id)
    except (Overtaken, Unknown):
        pass  # an earlier decision settled it


def _timed(call: Callable[[], Any]) -> tuple[float, float]:
    began, busy = time.perf_counter(), time.process_time()
    call()
    return (time.perf_counter() - began) * 1000, (time.process_time() - busy) * 1000


def told(times: list[tuple[float, float]]) -> dict[str, float]:
    """Number, median processor time, median and 95th percentile of wall times, of pairs of wall and processor time."""
    ordered = sorted(wall for wall, _ in times)
    return {
        "n": len(ordered),
        "cpu": statistics.median(cpu for _, cpu in times),
        "p50": statistics.median(ordered),
        "p95": ordered[min(len(ordered) - 1, int(0.95 * len(ordered)))],
    }
