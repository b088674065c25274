"""django-helpdesk (service): the conformance kit, and changes that arrive with the next scheduled reading."""

from __future__ import annotations

from pathlib import Path

import pytest

from connectors.conformance import checks_of, run
from tests.systems.project import Project
from tests.systems.servers import PASSWORD, Helpdesk
from tests.systems.subjects import Tickets


@pytest.mark.parametrize("check", checks_of(Tickets))
def test_conformance(check: str, tmp_path: Path, helpdesk: Helpdesk) -> None:
    run(check, Tickets(tmp_path, helpdesk), tmp_path)


def test_changes_and_deletions_arrive_with_the_next_reading(tmp_path: Path, helpdesk: Helpdesk) -> None:
    helpdesk.clear()
    brake = helpdesk.open_ticket("Brake", "driver.wang@nordwind-logistik.de")
    door = helpdesk.open_ticket("Door", "Driver.Wang@nordwind-logistik.de")
    only = helpdesk.open_ticket("Window", "driver.li@nordwind-logistik.de")
    connector = {"type": "django_helpdesk", "url": helpdesk.url, "user": "kehu", "password": "${SYSTEM_SECRET}"}
    project = Project(tmp_path, "helpdesk", "service", connector, PASSWORD)
    project.configure("tickets", "submitters")
    project.run()
    wang, li = (_golden_id(project, address) for address in ("driver.wang@", "driver.li@"))
    assert project.touchpoints(wang) == {"Brake", "Door"} and project.touchpoints(li) == {"Window"}

    helpdesk.delete_ticket(brake)
    helpdesk.change_ticket(door, title="Door is stuck")
    helpdesk.open_ticket("Mirror", "driver.wang@nordwind-logistik.de")
    helpdesk.delete_ticket(only)
    project.sync()
    assert [row["golden_id"] for row in project.rows("golden")] == [wang]
    assert project.touchpoints(wang) == {"Door is stuck", "Mirror"}
    again = project.run()
    assert (again["changed"], again["deleted"], again["events"]) == (0, 0, 0)


def _golden_id(project: Project, address: str) -> str:
    (found,) = [row for row in project.rows("golden") if address in row["email"].lower()]
    return found["golden_id"]
