"""How well the hub matches: every set through `kehu run` with the default model, without labels, against its truth."""

import json
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks import hub
from benchmarks.measure import call
from benchmarks.score import Score, score
from benchmarks.sets import REAL, SETS, USUAL, DataSet
from benchmarks.splink_baseline import BASELINES
from benchmarks.table import table

HEADER = ("set", "by", "entity", "records", "precision", "recall", "F1", "cluster F1", "no id", "seconds", "peak MB")


@dataclass(frozen=True, slots=True)
class Line:
    """One row of the table: who (`kehu` or `splink`) reached what on which part of a set."""

    name: str
    by: str
    entity: str
    score: Score
    seconds: float
    peak_mb: float

    def cells(self) -> tuple[object, ...]:
        """The cells under HEADER."""
        s = self.score
        rates = (s.pairs.precision, s.pairs.recall, s.pairs.f1, s.clusters.f1)
        return (self.name, self.by, self.entity, s.records, *rates, s.missing, self.seconds, self.peak_mb)

    def as_dict(self) -> dict[str, Any]:
        """The cells by name, for `--json`."""
        return dict(zip(HEADER, self.cells(), strict=True))


def usual(data: Path | None) -> list[str]:
    """The sets that run when none is named: the generated ones and FEBRL, with `--data` also the real ones."""
    return [*(REAL if data else ()), *USUAL]


def run(names: Sequence[str], data: Path | None, as_json: bool = False) -> int:
    """Run the sets one after the other and print the table; 1 when a set could not be run, else 0."""
    lines: list[Line] = []
    failed: list[str] = []
    for name in names or usual(data):
        print(f"{name} …", file=sys.stderr, flush=True)
        try:
            lines += measure(name, data)
        except (hub.HubFailed, FileNotFoundError) as error:
            failed.append(f"{name}: {error}")
    if as_json:
        print(json.dumps({"rows": [x.as_dict() for x in lines], "failed": failed}))
    else:
        print(table(HEADER, [x.cells() for x in lines]))
    for message in failed:
        print(message, file=sys.stderr)
    return 1 if failed else 0


def measure(name: str, data: Path | None) -> list[Line]:
    """The lines of one set: one per entity type, all of them together when there are several, the baseline."""
    with tempfile.TemporaryDirectory(prefix="kehu-quality-") as scratch:
        folder = Path(scratch)
        made = SETS[name](folder, data)
        summary = hub.kehu(made.config, "run")
        found = hub.crosswalk(made.config)
        lines = _lines(name, made, found, summary["wall_seconds"], summary["peak_mb"])
        if name in BASELINES and data:
            lines.append(_baseline(name, data, made, folder))
    return lines


def _lines(name: str, made: DataSet, found: dict[Any, str], seconds: float, peak_mb: float) -> list[Line]:
    entities = sorted(set(made.entity_of.values()))
    lines = []
    for entity in entities:
        truth = {k: e for k, e in made.truth.items() if made.entity_of[k[0]] == entity}
        lines.append(Line(name, "kehu", entity, score(found, truth), seconds, peak_mb))
    if len(entities) > 1:
        lines.append(Line(name, "kehu", "all", score(found, made.truth), seconds, peak_mb))
    return lines


def _baseline(name: str, data: Path, made: DataSet, folder: Path) -> Line:
    """Splink with its documented settings, in a process of its own so that its memory can be told."""
    out = folder / "splink.json"
    command = [sys.executable, "-m", "benchmarks", "splink", name, "--data", str(data.resolve()), "--to", str(out)]
    ended = call(command, Path(__file__).resolve().parent.parent)
    if ended.code:
        raise hub.HubFailed(f"Splink on {name} ended with {ended.code}: {ended.err.strip()[-800:]}")
    said = json.loads(out.read_text(encoding="utf-8"))
    found = {(source, key): cluster for source, key, cluster in said["clusters"]}
    entity = next(iter(made.entity_of.values()))
    return Line(name, "splink", entity, score(found, made.truth), said["seconds"], ended.peak_mb)


def splink_to_file(name: str, data: Path, out: Path) -> None:
    """Run the baseline of one set and write seconds and clusters as JSON."""
    began = time.monotonic()
    clusters = BASELINES[name](data)
    seconds = time.monotonic() - began
    rows = [(source, key, cluster) for (source, key), cluster in clusters.items()]
    out.write_text(json.dumps({"seconds": seconds, "clusters": rows}), encoding="utf-8")
