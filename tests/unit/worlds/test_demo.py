"""The demo world: files in the promised formats, rows that are really broken, a truth that fits, a second day."""

import csv
import json
import shutil
import sqlite3
from collections import Counter
from contextlib import closing
from pathlib import Path

import pytest
import yaml

from worlds import demo
from worlds.demo_files import BROKEN
from worlds.demo_systems import SYSTEMS
from worlds.files import WorldFiles
from worlds.life.streams import STREAMS


@pytest.fixture(scope="module")
def day_one(tmp_path_factory: pytest.TempPathFactory) -> WorldFiles:
    return demo.generate(tmp_path_factory.mktemp("demo"), 1500, 3)


def truth(folder: Path) -> dict[tuple[str, str], str]:
    with open(folder / "truth.csv", encoding="utf-8", newline="") as f:
        return {(r["source"], r["source_key"]): r["entity_id"] for r in csv.DictReader(f)}


def keys(folder: Path) -> set[tuple[str, str]]:
    """Keys of all sound, undeleted rows of parties, read straight from the files."""
    found: set[tuple[str, str]] = set()
    with closing(sqlite3.connect(folder / "sales_crm.db")) as db:
        for table, key in (("accounts", "account_id"), ("contacts", "contact_id")):
            found |= {("sales_crm", k) for (k,) in db.execute(f"SELECT {key} FROM {table} WHERE NOT is_deleted")}
    for path in (p for stream in ("customers", "owners") for p in (folder / "service").glob(f"{stream}_*.csv")):
        text = path.read_bytes().decode("gb18030", errors="replace")
        found |= {("service", r[0]) for r in list(csv.reader(text.splitlines()))[1:] if r[0] and "BAD" not in r[0]}
    for path in (folder / "marketing").glob("leads_*.ndjson"):
        lines = path.read_text(encoding="utf-8").splitlines()
        found |= {("marketing", json.loads(line)["lead_id"]) for line in lines}
    return found


def test_truth_covers_the_sound_rows(day_one: WorldFiles) -> None:
    known = truth(day_one.folder)
    assert len(known) == day_one.records
    missing = keys(day_one.folder) - known.keys()
    assert not known.keys() - keys(day_one.folder)
    assert len(missing) == 1  # the manager known by his salutation alone


def test_database_is_typed(day_one: WorldFiles) -> None:
    with closing(sqlite3.connect(day_one.folder / "sales_crm.db")) as db:
        types = {name: kind for _, name, kind, *_ in db.execute("PRAGMA table_info(accounts)")}
        assert types["staff"] == "INTEGER" and types["modified_on"] == "TIMESTAMP" and types["is_deleted"] == "BOOLEAN"
        assert {t for (t,) in db.execute("SELECT DISTINCT typeof(staff) FROM accounts")} == {"integer", "null"}
        employers = db.execute("SELECT count(*) FROM contacts JOIN accounts USING (account_id)").fetchone()[0]
        assert employers > 50


def test_broken_rows_are_broken(day_one: WorldFiles) -> None:
    with open(day_one.folder / "expected_quarantine.csv", encoding="utf-8", newline="") as f:
        expected = list(csv.DictReader(f))
    assert {r["reason"] for r in expected} == set(BROKEN)
    for stream, prefix in (("customers", "C"), ("owners", "P")):
        lines = [
            x for p in (day_one.folder / "service").glob(f"{stream}_*.csv") for x in p.read_bytes().splitlines()[1:]
        ]
        width = 2 + len(next(s for s in SYSTEMS if s.stream == stream).columns)
        undecodable, wide, keyless, bad_dates = set(), set(), 0, set()
        seen: Counter[str] = Counter()
        for line in lines:
            try:
                text = line.decode("gb18030")
            except UnicodeDecodeError:
                undecodable.add(line.split(b",")[0].decode())
                continue
            cells = next(csv.reader([text]))
            keyless += not cells[0]
            seen[cells[0]] += 1
            if len(cells) != width:
                wide.add(cells[0])
            if "02-30" in text or "19790231" in text:
                bad_dates.add(cells[0])
        mine = [r for r in expected if r["stream"] == stream]
        assert undecodable == {r["source_key"] for r in mine if r["reason"] == BROKEN[0]}
        assert wide == {r["source_key"] for r in mine if r["reason"] == BROKEN[1]}
        assert keyless == sum(r["reason"] == BROKEN[2] for r in mine)
        assert {k for k, n in seen.items() if k and n > 1} == {
            r["source_key"] for r in mine if r["reason"] == BROKEN[3]
        }
        assert bad_dates == {r["source_key"] for r in mine if r["reason"] == BROKEN[4]}
        assert all(k.startswith(prefix + "BAD") for k in undecodable | wide | bad_dates)


def test_configuration_names_existing_columns(day_one: WorldFiles) -> None:
    sources = {s["name"]: s for s in yaml.safe_load(day_one.config.read_text(encoding="utf-8"))["sources"]}
    systems = [*SYSTEMS, *(told.system for told in STREAMS)]
    assert sources.keys() == {"sales_crm", "service", "marketing"}
    assert sources["service"]["streams"][0]["encoding"] == "gb18030"
    for source in sources.values():
        for stream in source["streams"]:
            system = next(s for s in systems if (s.source, s.stream) == (source["name"], stream["name"]))
            columns = [c for v in stream["fields"].values() for c in (v if isinstance(v, list) else [v])]
            assert set(columns) <= set(system.columns)


def test_same_seed_same_story(day_one: WorldFiles, tmp_path: Path) -> None:
    again = demo.generate(tmp_path, 1500, 3)
    for name in (
        "truth.csv",
        "expected_findings.csv",
        "marketing/responses.ndjson",
        "service/vehicles_north.csv",
        "kehu.yaml",
    ):
        assert (again.folder / name).read_bytes() == (day_one.folder / name).read_bytes()


def test_the_day_after(day_one: WorldFiles, tmp_path: Path) -> None:
    folder = tmp_path / "demo"
    shutil.copytree(day_one.folder, folder)
    before = truth(folder)
    demo.generate_next_day(folder)
    after = truth(folder)
    assert after.keys() - before.keys() and before.keys() - after.keys()
    assert all(before[k] == after[k] for k in before.keys() & after.keys())
    assert len(keys(folder) - after.keys()) <= 1
    gone, fresh = set(), 0
    with closing(sqlite3.connect(folder / "sales_crm.db")) as db:
        for table, key in (("accounts", "account_id"), ("contacts", "contact_id")):
            for k, modified, deleted in db.execute(f"SELECT {key}, modified_on, is_deleted FROM {table}"):
                assert ("sales_crm", k) in before or modified >= "2026-09-02"  # a cursor over time finds what is new
                fresh += modified >= "2026-09-02"
                gone |= {("sales_crm", k)} if deleted else set()
    assert gone and gone <= before.keys() and not gone & after.keys()
    assert fresh > len(gone)
    assert json.loads((folder / "world.json").read_text(encoding="utf-8"))["day"] == 2
