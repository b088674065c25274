"""The lifecycle of the demo world: every rule has a gap, every gap is where the file says, days mend and open gaps."""

import csv
import sqlite3
from contextlib import closing
from datetime import date
from pathlib import Path

import pytest

from lifecycle.contracts import bound_rules, parse_contracts
from lifecycle.contracts.load import PACK, pack_text
from matching.standardise.ids import check_vin
from models.vocabulary import ENTITY_TYPES, attributes
from worlds import demo
from worlds.dice import Dice
from worlds.files import WorldFiles
from worlds.life import fleet
from worlds.life.gaps import GAPS
from worlds.life.streams import STREAMS

# Rules that no gap is planted for: what they ask of a customer is asked by another rule in the same way.
_SAME_AS_OTHERS = (".customer", ".readable", ".data")


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> WorldFiles:
    return demo.generate(tmp_path_factory.mktemp("life"), 600, 5, date(2026, 3, 2))


def expected(folder: Path) -> list[dict[str, str]]:
    with open(folder / "expected_findings.csv", encoding="utf-8", newline="") as f:
        return list(csv.DictReader(f))


def test_every_rule_of_the_bundled_contracts_has_a_gap(world: WorldFiles) -> None:
    names = {entity: tuple(attributes(entity)) for entity in ENTITY_TYPES}
    rules = {bound.id for bound in bound_rules(parse_contracts(pack_text(), PACK, names))}
    planted = {row["rule"] for row in expected(world.folder)}
    assert planted <= rules
    assert planted == {name.partition(":")[0] for name in GAPS}
    assert {rule for rule in rules - planted if not rule.endswith(_SAME_AS_OTHERS)} == set()


def test_the_record_of_a_finding_is_in_the_delivery(world: WorldFiles) -> None:
    with closing(sqlite3.connect(world.folder / "sales_crm.db")) as db:
        for row in expected(world.folder):
            if row["source"] == "sales_crm":
                system = next(t.system for t in (*STREAMS, *parties()) if t.system.stream == row["stream"])
                query = f"SELECT is_deleted FROM {row['stream']} WHERE {system.key} = ?"
                assert db.execute(query, [row["source_key"]]).fetchall() == [(0,)], row
            elif row["source"]:
                deliveries = [*(world.folder / row["source"]).glob(f"*{row['stream']}*")]
                assert any(row["source_key"].encode() in path.read_bytes() for path in deliveries), row


def parties() -> list:  # type: ignore[type-arg]
    from worlds.demo_systems import SYSTEMS
    from worlds.life.streams import Told

    return [Told(system) for system in SYSTEMS]


def test_nothing_lies_in_the_future_that_has_happened(world: WorldFiles) -> None:
    with closing(sqlite3.connect(world.folder / "sales_crm.db")) as db:
        for told in STREAMS:
            for column, attribute in told.system.columns.items():
                if told.system.source == "sales_crm" and attribute in ("occurred_at", "closed_at", "delivered_on"):
                    latest = db.execute(f"SELECT max({column}) FROM {told.system.stream}").fetchone()[0]
                    assert latest <= "2026-03-02", (told.system.stream, column)


def test_days_mend_gaps_and_open_others(world: WorldFiles, tmp_path: Path) -> None:
    folder = tmp_path / "life"
    demo.generate(folder, 600, 5, date(2026, 3, 2))
    seen = [{tuple(row.values()) for row in expected(folder)}]
    for _ in range(3):
        demo.generate_next_day(folder)
        seen.append({tuple(row.values()) for row in expected(folder)})
    assert seen[0] == {tuple(row.values()) for row in expected(world.folder)}
    for before, after in zip(seen, seen[1:], strict=False):
        assert before - after and after - before and before & after


def test_identification_numbers_have_their_check_digit() -> None:
    rng = Dice("vin")
    for _ in range(200):
        good = fleet.vin(rng)
        assert check_vin(good).ok and not check_vin(fleet.wrong_vin(good)).ok
