"""The generated worlds: the same bytes for the same seed, a truth that fits the files, proportions as promised."""

import csv
import hashlib
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pyarrow.parquet as pq
import pytest
import yaml

from worlds import easy, hard
from worlds.__main__ import main
from worlds.files import WorldFiles
from worlds.generate import KINDS


def digests(folder: Path) -> dict[str, str]:
    files = (p for p in sorted(folder.rglob("*")) if p.is_file())
    return {str(p.relative_to(folder)): hashlib.sha256(p.read_bytes()).hexdigest() for p in files}


def rows(path: Path) -> list[dict[str, str]]:
    if path.suffix == ".parquet":
        return [{k: v or "" for k, v in r.items()} for r in pq.read_table(path).to_pylist()]
    with open(path, encoding="utf-8", newline="") as f:
        return list(csv.DictReader(f))


def delivered(files: WorldFiles) -> dict[tuple[str, str], dict[str, str]]:
    """(source, source_key) → canonical row, read through the configuration as the hub would."""
    out = {}
    for source in yaml.safe_load(files.config.read_text(encoding="utf-8"))["sources"]:
        for stream in source["streams"]:
            path = files.folder / source["connector"]["path"].format(stream=stream["name"])
            for row in rows(path):
                canonical = {"entity": stream["entity"]}
                for attribute, columns in stream["fields"].items():
                    names = columns if isinstance(columns, list) else [columns]
                    canonical[attribute] = " ".join(row[n] for n in names if row[n])
                assert (source["name"], row[stream["key"]]) not in out
                out[source["name"], row[stream["key"]]] = canonical
    return out


def truth(files: WorldFiles) -> dict[tuple[str, str], str]:
    return {(r["source"], r["source_key"]): r["entity_id"] for r in rows(files.truth)}


@pytest.mark.parametrize("generate", [easy.generate, hard.generate])
def test_same_seed_same_bytes(generate: Callable[..., WorldFiles], tmp_path: Path) -> None:
    first = generate(tmp_path / "a", 1200, 5)
    generate(tmp_path / "b", 1200, 5)
    generate(tmp_path / "c", 1200, 6)
    assert digests(tmp_path / "a") == digests(tmp_path / "b")
    assert digests(tmp_path / "a")["truth.csv"] != digests(tmp_path / "c")["truth.csv"]
    assert first.records == 1200


@pytest.mark.parametrize("generate", [easy.generate, hard.generate])
def test_truth_names_every_record_once(generate: Callable[..., WorldFiles], tmp_path: Path) -> None:
    files = generate(tmp_path, 2000, 1)
    records, known = delivered(files), truth(files)
    assert records.keys() == known.keys()
    assert len(known) == files.records == 2000
    assert Counter(r["entity"] for r in records.values()) == {"organization": 1000, "person": 1000}
    kinds = {entity: records[key]["entity"] for key, entity in known.items()}
    assert all(records[key]["entity"] == kinds[entity] for key, entity in known.items())
    assert not list(tmp_path.glob("truth-*"))


@pytest.mark.parametrize("kind", KINDS)
def test_one_kind_alone(kind: str, tmp_path: Path) -> None:
    files = hard.generate(tmp_path, 500, 1, kind)
    assert {r["entity"] for r in delivered(files).values()} == {kind}
    assert files.records == 500


def test_the_parts_do_not_depend_on_each_other(tmp_path: Path) -> None:
    hard.generate(tmp_path / "both", 1000, 3)
    hard.generate(tmp_path / "alone", 500, 3, "person")
    both, alone = digests(tmp_path / "both"), digests(tmp_path / "alone")
    assert all(both[name] == digest for name, digest in alone.items() if name.startswith(("sales", "service", "mark")))


def test_hard_persons_have_what_makes_them_hard(tmp_path: Path) -> None:
    files = hard.generate(tmp_path, 6000, 1, "person")
    records, known = delivered(files), truth(files)
    missing = sum(not r["national_id"] for r in records.values()) / len(records)
    assert 0.28 < missing < 0.40
    sizes = Counter(Counter(known.values()).values())
    assert sizes[1] / files.entities > 0.3 and sizes[2] > 400 and max(sizes) <= 5
    shared: dict[str, set[str]] = {}
    for key, r in records.items():
        mail = r.get("email", "").lower()
        if mail.split("@")[0] in ("info", "office"):
            shared.setdefault(mail, set()).add(known[key])
    assert sum(len(people) > 1 for people in shared.values()) > 20
    latin = sum(
        r.get("country", "") in ("GB", "US", "DE", "USA", "Germany", "United Kingdom") for r in records.values()
    )
    assert 0.2 < latin / len(records) < 0.6


def test_hard_organizations_have_what_makes_them_hard(tmp_path: Path) -> None:
    files = hard.generate(tmp_path, 6000, 1, "organization")
    records, known = delivered(files), truth(files)
    names: dict[str, set[str]] = {}
    mails: dict[str, set[str]] = {}
    for key, r in records.items():
        names.setdefault(r["name"], set()).add(known[key])
        if "@" in r.get("email", ""):
            mails.setdefault(r["email"].lower(), set()).add(known[key])
    assert sum(len(e) > 1 for e in names.values()) > 15  # one name, several companies
    assert sum(len(e) > 1 for e in mails.values()) > 40
    assert sum("分公司" in n for n in names) > 100
    assert sum(not r["tax_id"] for r in records.values()) / len(records) > 0.4


def test_names_grow_in_variety(tmp_path: Path) -> None:
    files = easy.generate(tmp_path, 8000, 1, "organization")
    records, known = delivered(files), truth(files)
    names: dict[str, set[str]] = {}
    for key, r in records.items():
        names.setdefault(r["name"], set()).add(known[key])
    assert sum(len(e) > 1 for e in names.values()) / len(names) < 0.02


def test_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["hard", "--size", "200", "--to", str(tmp_path / "w"), "--kind", "person"]) == 0
    assert capsys.readouterr().out.startswith("200 records of ")
    with pytest.raises(SystemExit):
        main(["demo", "--to", str(tmp_path / "d"), "--kind", "person"])
