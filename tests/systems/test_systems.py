"""Real systems: the conformance kit, and a change in each that arrives in the golden record with the next run."""

from __future__ import annotations

import csv
import datetime as dt
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any, ClassVar

import pytest
import yaml

from connectors.conformance import Row, Subject, checks_of, run
from tests.systems.servers import PASSWORD, Helpdesk, Tryton, kehu


class Parties(Subject):
    """Parties of Tryton; it sets the times of change itself."""

    can: ClassVar[frozenset[str]] = frozenset({"deletes", "empties", "incremental", "nulls"})
    secrets = (PASSWORD,)

    def __init__(self, folder: Path, server: Tryton):
        super().__init__(folder)
        self.server, self.numbers = server, dict[str, int]()
        server.clear()

    @property
    def connector(self) -> dict[str, Any]:
        server = {"type": "tryton", "url": self.server.url, "database": "crm"}
        return {**server, "user": "admin", "password": PASSWORD, "overlap": 0}

    @property
    def stream(self) -> dict[str, Any]:
        fields = {"name": "name", "city": "address.city"}
        given = {"name": "parties", "entity": "organization", "key": "id", "updated_at": "last_modified_at"}
        return {**given, "deleted": "_deleted", "fields": fields, "options": {"resource": "parties"}}

    def put(self, rows: Iterable[Row]) -> None:
        fresh: dict[str, dict[str, Any]] = {}
        for row in rows:
            address = [["create", [{"city": row.city}]]] if row.city is not None else []
            if row.key not in self.numbers:
                fresh[row.key] = {"name": row.name, "addresses": address}
                continue
            number = self.numbers[row.key]
            old = self.server.call("party.address.search", [["party", "=", number]], 0, None, None)
            if old:
                self.server.call("party.address.delete", old)
            self.server.call("party.party.write", [number], {"name": row.name, "addresses": address})
        if fresh:
            made = self.server.call("party.party.create", list(fresh.values()))
            self.numbers |= dict(zip(fresh, made, strict=True))

    def remove(self, keys: Iterable[str], at: dt.datetime) -> None:
        self.server.call("party.party.delete", [self.numbers.pop(key) for key in keys])

    def hub_key(self, key: str) -> str:
        return str(self.numbers.get(key, key))


class Tickets(Subject):
    """Tickets of django-helpdesk: there is no time of change."""

    can: ClassVar[frozenset[str]] = frozenset({"deletes", "empties"})
    secrets = (PASSWORD,)

    def __init__(self, folder: Path, server: Helpdesk):
        super().__init__(folder)
        self.server, self.numbers = server, dict[str, int]()
        server.clear()

    @property
    def connector(self) -> dict[str, Any]:
        return {"type": "django_helpdesk", "url": self.server.url, "user": "kehu", "password": PASSWORD}

    @property
    def stream(self) -> dict[str, Any]:
        fields = {"name": "title", "city": "description"}
        return {"name": "tickets", "entity": "organization", "key": "id", "fields": fields}

    def put(self, rows: Iterable[Row]) -> None:
        for row in rows:
            if row.key in self.numbers:
                self.server.delete_ticket(self.numbers[row.key])
            self.numbers[row.key] = self.server.open_ticket(str(row.name), "a@example.com", row.city or "")

    def remove(self, keys: Iterable[str], at: dt.datetime) -> None:
        for key in keys:
            self.server.delete_ticket(self.numbers.pop(key))

    def hub_key(self, key: str) -> str:
        return str(self.numbers.get(key, key))


@pytest.mark.parametrize("check", checks_of(Parties))
def test_tryton(check: str, tmp_path: Path, tryton: Tryton) -> None:
    run(check, Parties(tmp_path, tryton), tmp_path)


@pytest.mark.parametrize("check", checks_of(Tickets))
def test_django_helpdesk(check: str, tmp_path: Path, helpdesk: Helpdesk) -> None:
    run(check, Tickets(tmp_path, helpdesk), tmp_path)


SOURCES = [
    {
        "name": "tryton",
        "family": "sales",
        "connector": {"type": "tryton", "database": "crm", "user": "admin", "password": "${SYSTEM_PASSWORD}"},
    },
    {
        "name": "helpdesk",
        "family": "service",
        "connector": {"type": "django_helpdesk", "user": "kehu", "password": "${SYSTEM_PASSWORD}"},
    },
]


def rows(folder: Path, what: str) -> list[dict[str, str]]:
    done = kehu(folder, "export", what, "--to", f"{what}.csv")
    assert done.returncode == 0, done.stderr
    with (folder / f"{what}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def run_hub(folder: Path) -> dict[str, Any]:
    done = kehu(folder, "run", "--json")
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def test_a_change_in_each_system_arrives_with_the_next_run(tmp_path: Path, tryton: Tryton, helpdesk: Helpdesk) -> None:
    tryton.clear()
    helpdesk.clear()
    names = ["北京顺丰运输有限公司", "上海德邦物流有限公司", "Nordwind Logistik GmbH", "广州远航客车租赁有限公司"]
    made = tryton.call(
        "party.party.create",
        [
            {"name": n, "contact_mechanisms": [["create", [{"type": "email", "value": f"info{i}@example{i}.com"}]]]}
            for i, n in enumerate(names)
        ],
    )
    ticket = helpdesk.open_ticket("Brake", "driver.wang@example.com")
    helpdesk.open_ticket("Door", "Driver.Li@example.com")
    sources = json.loads(json.dumps(SOURCES))
    for source, server in zip(sources, (tryton, helpdesk), strict=True):
        source["connector"]["url"] = server.url
    document = {"store": "sqlite:///hub.db", "workspace": "work/", "sources": sources}
    # The streams as `kehu discover` proposes them.
    path = tmp_path / "kehu.yaml"
    chosen = {"tryton": ["parties"], "helpdesk": ["tickets", "submitters"]}
    for source in sources:
        source["streams"] = [{"name": "x", "entity": "organization", "key": "id", "fields": {"name": "name"}}]
    path.write_text(yaml.safe_dump(document), encoding="utf-8")
    for source in sources:
        done = kehu(tmp_path, "discover", source["name"], *chosen[source["name"]])
        assert done.returncode == 0, done.stderr
        source["proposed"] = yaml.safe_load(done.stdout)["streams"]
    for source in sources:
        source["streams"] = source.pop("proposed")
    path.write_text(yaml.safe_dump(document, allow_unicode=True), encoding="utf-8")
    done = kehu(tmp_path, "check")
    assert done.returncode == 0, done.stderr + done.stdout

    first = run_hub(tmp_path)
    assert first["quarantined"] == 0
    golden = {row["name"]: row for row in rows(tmp_path, "golden") if row["entity_type"] == "organization"}
    assert set(golden) == set(names)
    people = {row["email"] for row in rows(tmp_path, "golden") if row["entity_type"] == "person"}
    assert len(people) == 2

    tryton.call("party.party.write", [made[0]], {"name": "北京顺丰运输集团有限公司"})
    phone = [["create", [{"type": "phone", "value": "021-64001234"}]]]
    tryton.call("party.party.write", [made[1]], {"contact_mechanisms": phone})
    tryton.call("party.party.delete", [made[2]])
    helpdesk.delete_ticket(ticket)
    second = run_hub(tmp_path)
    assert (second["changed"], second["deleted"]) == (2, 3)
    changed = {row["name"]: row for row in rows(tmp_path, "golden") if row["entity_type"] == "organization"}
    assert set(changed) == {"北京顺丰运输集团有限公司", names[1], names[3]}
    assert changed["北京顺丰运输集团有限公司"]["golden_id"] == golden[names[0]]["golden_id"]
    assert "2164001234" in changed[names[1]]["phone"].replace("-", "").replace(" ", "")
    assert len([row for row in rows(tmp_path, "golden") if row["entity_type"] == "person"]) == 1

    third = run_hub(tmp_path)
    assert (third["changed"], third["deleted"], third["events"]) == (0, 0, 0)
