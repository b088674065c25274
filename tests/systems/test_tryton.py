"""Tryton (sales, marketing): the conformance kit, and changes that arrive with the next scheduled reading."""

from __future__ import annotations

from pathlib import Path

import pytest

from connectors.conformance import checks_of, run
from tests.systems.project import Project
from tests.systems.servers import PASSWORD, Tryton
from tests.systems.subjects import Parties


@pytest.mark.parametrize("check", checks_of(Parties))
def test_conformance(check: str, tmp_path: Path, tryton: Tryton) -> None:
    run(check, Parties(tmp_path, tryton), tmp_path)


def test_changes_and_deletions_arrive_with_the_next_reading(tmp_path: Path, tryton: Tryton) -> None:
    tryton.clear()
    names = ["北京顺丰运输有限公司", "上海德邦物流有限公司", "Nordwind Logistik GmbH", "广州远航客车租赁有限公司"]
    mail = [[["create", [{"type": "email", "value": f"info@example{i}.com"}]]] for i in range(len(names))]
    made = tryton.call(
        "party.party.create", [{"name": n, "contact_mechanisms": m} for n, m in zip(names, mail, strict=True)]
    )
    connector = {"type": "tryton", "url": tryton.url, "database": "crm", "user": "admin"}
    project = Project(tmp_path, "tryton", "sales", {**connector, "password": "${SYSTEM_SECRET}"}, PASSWORD)
    project.configure("parties")
    project.run()
    golden = project.golden()
    assert set(golden) == set(names)

    tryton.call("party.party.write", [made[0]], {"name": "北京顺丰运输集团有限公司"})
    phone = [["create", [{"type": "phone", "value": "021-64001234"}]]]
    tryton.call("party.party.write", [made[1]], {"contact_mechanisms": phone})
    tryton.call("party.party.delete", [made[2]])
    project.sync()
    changed = project.golden()
    assert set(changed) == {"北京顺丰运输集团有限公司", names[1], names[3]}
    assert changed["北京顺丰运输集团有限公司"]["golden_id"] == golden[names[0]]["golden_id"]
    assert project.view(golden[names[0]]["golden_id"])["identity"]["name"] == "北京顺丰运输集团有限公司"
    assert "64001234" in str(project.view(golden[names[1]]["golden_id"])["identity"]).replace("-", "").replace(" ", "")
    again = project.run()
    assert (again["changed"], again["deleted"], again["events"]) == (0, 0, 0)
