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
    (address,) = tryton.call("party.contact_mechanism.search", [["value", "=", "info@example1.com"]], 0, None, None)
    tryton.call("party.contact_mechanism.write", [address], {"active": False})
    tryton.call("party.party.delete", [made[2]])
    tryton.call("party.party.write", [made[3]], {"active": False})
    project.sync()
    changed = project.golden()
    assert set(changed) == {"北京顺丰运输集团有限公司", names[1]}
    assert changed[names[1]]["email"] == ""
    assert changed["北京顺丰运输集团有限公司"]["golden_id"] == golden[names[0]]["golden_id"]
    assert project.view(golden[names[0]]["golden_id"])["identity"]["name"] == "北京顺丰运输集团有限公司"
    assert "64001234" in str(project.view(golden[names[1]]["golden_id"])["identity"]).replace("-", "").replace(" ", "")
    again = project.run()
    assert (again["changed"], again["deleted"], again["events"]) == (0, 0, 0)

    tryton.call("party.party.write", [made[3]], {"active": True})
    project.run()
    assert set(project.golden()) == {"北京顺丰运输集团有限公司", names[1], names[3]}


def test_subscribers_of_mailings_arrive_with_the_next_reading(tmp_path: Path, tryton: Tryton) -> None:
    """The marketing side: a mailing list, its subscribers, and the company that one of them belongs to."""
    tryton.clear()
    (company,) = tryton.call("party.party.create", [{"name": "上海德邦物流有限公司"}])
    address = "wang.wei@debang-logistik.cn"
    tryton.call("web.user.create", [{"email": address, "party": company}])
    (language,) = tryton.call("ir.lang.search", [["code", "=", "en"]], 0, 1, None)
    (mailing,) = tryton.call("marketing.email.list.create", [{"name": "Trucks", "language": language}])
    addresses = [address, "li@nordwind-logistik.de", "zhao@nordwind-logistik.de", "sun@nordwind-logistik.de"]
    made = tryton.call("marketing.email.create", [{"email": one, "list_": mailing} for one in addresses])
    connector = {"type": "tryton", "url": tryton.url, "database": "crm", "user": "admin"}
    project = Project(tmp_path, "news", "marketing", {**connector, "password": "${SYSTEM_SECRET}"}, PASSWORD)
    project.configure("parties", "subscribers")
    project.run()
    first = _by_address(project)
    assert set(first) == set(addresses)
    assert set(project.golden()) == {"上海德邦物流有限公司"}
    assert address in str(project.view(first[address])["identity"])

    tryton.call("marketing.email.write", [made[1]], {"email": "li.na@nordwind-logistik.de"})
    tryton.call("marketing.email.write", [made[2]], {"active": False})
    tryton.call("marketing.email.delete", [made[3]])
    tryton.call("marketing.email.create", [{"email": "chen@nordwind-logistik.de", "list_": mailing}])
    project.sync()
    changed = _by_address(project)
    assert set(changed) == {address, "li.na@nordwind-logistik.de", "chen@nordwind-logistik.de"}
    assert changed["li.na@nordwind-logistik.de"] == first["li@nordwind-logistik.de"]
    assert "li.na@nordwind-logistik.de" in str(project.view(changed["li.na@nordwind-logistik.de"])["identity"])
    landed = b"".join(path.read_bytes() for path in (tmp_path / "work" / "landing").rglob("manifest.json"))
    assert b"email_token" not in landed
    again = project.run()
    assert (again["changed"], again["deleted"], again["events"]) == (0, 0, 0)


def _by_address(project: Project) -> dict[str, str]:
    """Golden ids of persons by their address."""
    return {row["email"]: row["golden_id"] for row in project.rows("golden") if row["entity_type"] == "person"}
