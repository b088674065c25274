"""Pairs of hard names with a verdict each: which of them the default model merges with nothing but the names.

The file (`hard_pairs.csv` in the `--data` folder: id, kind, left, right, is_match, reason) is not part of this
repository. Pairs of the kinds `org` and `person` are read; each is two records of a source of its own.
"""

import csv
import tempfile
from pathlib import Path

from benchmarks import hub
from benchmarks.sets import source_of, write_config
from benchmarks.table import table

FIELDS = {"org": ("organization", {"name": "name"}), "person": ("person", {"full_name": "name"})}


def run(data: Path) -> int:
    """Runs the hub over all pairs and prints a line per kind; 1 when a pair that is none was merged, else 0."""
    with open(data / "hard_pairs.csv", encoding="utf-8", newline="") as f:
        pairs = [row for row in csv.DictReader(f) if row["kind"] in FIELDS]
    with tempfile.TemporaryDirectory(prefix="kehu-pairs-") as scratch:
        folder, sources = Path(scratch), []
        for kind, (entity, fields) in FIELDS.items():
            path = folder / f"{kind}.csv"
            with open(path, "w", encoding="utf-8", newline="") as f:
                rows = csv.writer(f)
                rows.writerow(["key", "name"])
                rows.writerows(
                    [f"{side}{p['id']}", p[side]] for p in pairs if p["kind"] == kind for side in ("left", "right")
                )
            sources.append(source_of(kind, "sales", path, entity, "key", fields))
        config = write_config(folder, sources)
        hub.kehu(config, "run")
        golden = hub.crosswalk(config)
    lines, wrong = [], []
    for kind in FIELDS:
        merged: dict[str, list[bool]] = {"0": [], "1": []}
        for p in pairs:
            if p["kind"] == kind:
                one = golden[kind, f"left{p['id']}"] == golden[kind, f"right{p['id']}"]
                merged[p["is_match"]].append(one)
                if one and p["is_match"] == "0":
                    wrong.append(f"{p['id']}: {p['left']} | {p['right']}: {p['reason']}")
        no, yes = merged["0"], merged["1"]
        lines.append((kind, len(no), sum(no), len(yes), sum(yes)))
    print(table(("kind", "no match", "merged", "match", "merged on names alone"), lines))
    print(*wrong, sep="\n")
    return 1 if wrong else 0
