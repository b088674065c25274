"""How the cost grows: the whole run over the easy world with a published model, beside bare Splink on the same records.

Per size one process does both, one after the other. The model is trained on another world: of one size, or of each.
"""

import json
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks import hub
from benchmarks.measure import call
from benchmarks.score import score
from benchmarks.sets import read_truth
from benchmarks.splink_bare import bare_splink
from benchmarks.table import table
from worlds import easy

_ROOT = Path(__file__).resolve().parent.parent
_UNITS = {"k": 1_000, "M": 1_000_000}


def size_of(text: str) -> int:
    """10k → 10000, 1M → 1000000, 500 → 500. Raises ValueError."""
    return int(text[:-1]) * _UNITS[text[-1]] if text[-1] in _UNITS else int(text)


def run(sizes: Sequence[int], train_size: int | None, as_json: bool = False, keep: Path | None = None) -> int:
    """Train on `train_size` records (None: as many as are run), then run every size; print seconds, memory and ratios.

    Returns the exit code.
    """
    with tempfile.TemporaryDirectory(prefix="kehu-scale-") as scratch:
        folder = keep or Path(scratch)
        results = []
        for size in sizes:
            donor = _donor(folder / ("model" if train_size else f"model-{size}"), train_size or size)
            results.append(_measure(folder / str(size), size, donor))
    if as_json:
        print(json.dumps(results))
    else:
        _show(results)
    return 0


def _donor(folder: Path, size: int) -> Path:
    """A project whose hub holds models trained on another easy world; its first run trains and publishes them."""
    config = folder / "kehu.yaml"
    if not (folder / "hub.db").exists():
        print(f"training on {size:,} records …", file=sys.stderr, flush=True)
        config = easy.generate(folder, size, seed=2).config
        hub.kehu(config, "run")
    return config


def _measure(folder: Path, size: int, donor: Path) -> dict[str, Any]:
    print(f"{size:,} records …", file=sys.stderr, flush=True)
    for old in folder.glob("hub.db*"):
        old.unlink()
    files = easy.generate(folder, size, seed=1)
    hub.copy_models(donor, files.config)
    out = folder / "scale.json"
    command = [sys.executable, "-m", "benchmarks", "scale-one", str(files.config.resolve()), "--to", str(out.resolve())]
    ended = call(command, _ROOT)
    if ended.code:
        raise hub.HubFailed(f"{size:,} records: ended with {ended.code}: {ended.err.strip()[-1500:]}")
    got: dict[str, Any] = json.loads(out.read_text(encoding="utf-8"))
    found = score(hub.crosswalk(files.config), read_truth(files.truth))
    rates = {"precision": found.pairs.precision, "recall": found.pairs.recall, "f1": found.pairs.f1}
    return {"size": size, **got, **rates, "process_peak_mb": ended.peak_mb}


def one_to_file(config: Path, out: Path) -> None:
    """In this process: the whole run of a project, then bare Splink on the records that it standardised."""
    from benchmarks.measure import Watch

    with Watch() as whole:
        summary = hub.run_here(config)
    got: dict[str, Any] = {"kehu": {"wall": whole.seconds, "peak_mb": whole.peak_mb, "seconds": summary["seconds"]}}
    got["pairs_scored"], got["golden"] = summary.get("pairs_scored"), summary.get("golden")
    bare: dict[str, Any] = {"wall": 0.0, "peak_mb": 0.0, "seconds": {}, "pairs": 0, "rows": 0}
    for entity in hub.PARTIES:
        given = hub.splink_input(config, summary["run_id"], entity)
        result = bare_splink(given.connection, given.table, given.settings, given.rules, given.weight)
        given.connection.close()
        for phase, seconds in result.seconds.items():
            bare["seconds"][phase] = bare["seconds"].get(phase, 0.0) + seconds
        bare["wall"] += result.total
        bare["peak_mb"] = max(bare["peak_mb"], result.peak_mb)
        bare["pairs"] += result.pairs
        bare["rows"] += given.rows
    got["splink"] = bare
    out.write_text(json.dumps(got), encoding="utf-8")


def _show(results: Sequence[dict[str, Any]]) -> None:
    phases = list(dict.fromkeys(p for r in results for p in r["kehu"]["seconds"]))
    header = ["", *(f"{r['size']:,}" for r in results)]
    rows: list[list[object]] = [["kehu, seconds by phase"]]
    rows += [["  " + p, *(r["kehu"]["seconds"].get(p, 0.0) for r in results)] for p in phases]
    rows.append(["kehu, whole run, s", *(r["kehu"]["wall"] for r in results)])
    rows.append(["kehu, peak MB", *(r["kehu"]["peak_mb"] for r in results)])
    rows.append(["bare Splink, seconds by phase"])
    rows += [
        ["  " + p, *(r["splink"]["seconds"].get(p, 0.0) for r in results)] for p in ("register", "predict", "cluster")
    ]
    rows.append(["bare Splink, s", *(r["splink"]["wall"] for r in results)])
    rows.append(["bare Splink, peak MB of the process", *(r["splink"]["peak_mb"] for r in results)])
    rows.append(["kehu / bare Splink", *(_ratio(r["kehu"]["wall"], r["splink"]["wall"]) for r in results)])
    rows.append(["kehu / kehu one size smaller", None, *_growth([r["kehu"]["wall"] for r in results])])
    rows.append(["records per second", *(r["size"] / r["kehu"]["wall"] for r in results)])
    rows += [[name, *(r[name.lower()] for r in results)] for name in ("Precision", "Recall", "F1")]
    print(table(header, [[*r, *[None] * (len(header) - len(r))] for r in rows]))


def _ratio(a: float, b: float) -> float | None:
    return a / b if b else None


def _growth(walls: Sequence[float]) -> list[float | None]:
    return [_ratio(b, a) for a, b in zip(walls, walls[1:], strict=False)]
