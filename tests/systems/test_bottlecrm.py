"""BottleCRM (sales, service): the conformance kit, and changes that arrive with the next scheduled reading."""

from __future__ import annotations

from pathlib import Path

import pytest

from connectors.conformance import checks_of, run
from tests.systems.project import Project
from tests.systems.servers import Bottle
from tests.systems.subjects import Contacts

pytestmark = pytest.mark.timeout(1500)  # hundreds of migrations come first


@pytest.mark.parametrize("check", checks_of(Contacts))
def test_conformance(check: str, tmp_path: Path, bottle: Bottle) -> None:
    run(check, Contacts(tmp_path, bottle), tmp_path)


def test_changes_and_deletions_arrive_with_the_next_reading(tmp_path: Path, bottle: Bottle) -> None:
    bottle.clear()
    names = ["北京顺丰运输有限公司", "上海德邦物流有限公司", "Nordwind Logistik GmbH"]
    accounts = [bottle.write("accounts/", name=name, phone=f"+8613800138{i:03}") for i, name in enumerate(names)]
    person = bottle.write("contacts/", first_name="Wei", last_name="Wang", email="wang@example.com")
    deal = {"stage": "QUALIFICATION", "amount": "1000", "currency": "CNY", "account": accounts[0], "contacts": [person]}
    trucks = bottle.write("opportunities/", name="Ten trucks", **deal)
    bottle.write("opportunities/", name="Two buses", **deal)
    bottle.write("cases/", name="Brake", status="New", priority="High", account=accounts[0])
    project = Project(
        tmp_path,
        "bottle",
        "sales",
        {"type": "bottlecrm", "url": bottle.url, "token": "${SYSTEM_SECRET}", "page_size": 2},
        bottle.token,
    )
    project.configure("accounts", "contacts", "opportunities", "cases")
    project.run()
    golden = project.golden()
    assert set(golden) == set(names) and set(project.golden("person")) == {"Wei Wang"}
    first = golden[names[0]]["golden_id"]
    assert project.touchpoints(first) == {"Ten trucks", "Two buses", "Brake"}

    bottle.write(f"accounts/{accounts[0]}/", name="北京顺丰运输集团有限公司")
    bottle.write(f"accounts/{accounts[1]}/", is_active=False)
    bottle.delete(f"accounts/{accounts[2]}/")
    bottle.delete(f"opportunities/{trucks}/")
    bottle.write("cases/", name="Door", status="New", priority="High", account=accounts[0])
    project.sync()
    changed = project.golden()
    assert "北京顺丰运输集团有限公司" in changed and names[2] not in changed
    assert changed["北京顺丰运输集团有限公司"]["golden_id"] == first
    assert project.view(first)["identity"]["name"] == "北京顺丰运输集团有限公司"
    assert project.touchpoints(first) == {"Two buses", "Brake", "Door"}
    again = project.run()
    assert (again["changed"], again["deleted"], again["events"]) == (0, 0, 0)
