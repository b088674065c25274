"""Privacy on pages: consent, the document for a person, forgetting them, and the proof that nothing is left."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from starlette.testclient import TestClient

from models.store import open_store
from models.store.audits import AuditFilter
from models.store.lifecycle_tables import finding
from serving.privacy.subject import subject_access
from tests.unit.api.hub import PERSONAL, SECRETS, Hub, number
from tests.unit.serving.web.pages import BASE, csrf, person, sign_in


@pytest.fixture
def hub(tmp_path: Path, sqlite_template: Path) -> Iterator[Hub]:
    (tmp_path / "hub.db").write_bytes(sqlite_template.read_bytes())
    with open_store(f"sqlite:///{tmp_path / 'hub.db'}") as store:
        made = Hub(store, tmp_path)
        for name, role in (("zhao", "lead_steward"), ("wang", "steward")):
            person(store, name, role)
        yield made
        made.app.state.hub.reads.close()


@pytest.fixture
def client(hub: Hub) -> TestClient:
    return sign_in(TestClient(hub.app, base_url=BASE, follow_redirects=False), "zhao")


def proved(client: TestClient, address: str) -> str:
    for _ in range(200):
        shown = client.get(address).text
        if "is under way" not in shown and "not yet" not in shown:
            return shown
        time.sleep(0.05)
    raise AssertionError("the scan did not end")


def test_a_person_is_forgotten_from_their_page_and_the_proof_is_shown(client: TestClient, hub: Hub) -> None:
    page = "/customers/p1/privacy"
    token = csrf(client, page)
    assert client.post(f"{page}/erase", data={"csrf": token, "reason": "request 7"}).status_code == 422
    assert "王芳" in client.post(f"{page}/subject", data={"csrf": token}).text
    gone = client.post(f"{page}/erase", data={"csrf": token, "reason": "request 7", "certain": "1"})
    assert gone.status_code == 303
    shown = proved(client, gone.headers["location"])
    assert "found nothing of them" in shown and "request 7" not in shown
    assert not [value for value in (*PERSONAL, *SECRETS[:1]) if value in shown]
    assert client.get("/customers/p1").status_code in (404, 410)
    assert "nothing is left" in client.get("/erasures").text
    again = client.post(f"{gone.headers['location']}/proof", data={"csrf": token, "texts": "采购\n顺丰物流"})
    shown = client.get(again.headers["location"]).text
    assert "golden_record.values" in shown, "what somebody else has is found, and where"
    assert "顺丰物流" not in re.sub(r"<textarea.*?</textarea>", "", shown)


def test_consent_is_noted_and_shown_with_its_history(client: TestClient) -> None:
    page = "/customers/p1/privacy"
    token = csrf(client, page)
    for given in ("1", "0"):
        sent = {"csrf": token, "purpose": "marketing", "channel": "email", "given": given, "evidence": "form 9"}
        assert client.post(f"{page}/consent", data=sent).status_code == 303
    shown = client.get(page).text
    assert shown.count("form 9") == 2 and "took" not in shown.lower().replace("took it back", "")


def test_pages_of_privacy_are_for_those_who_answer_for_it(client: TestClient, hub: Hub) -> None:
    assert "/customers/p1/privacy" in client.get("/customers/p1/data").text
    assert "/privacy" not in client.get("/customers/g1/data").text
    assert client.get("/customers/g1/privacy").status_code == 404
    assert client.get("/erasures/0000").status_code == 404
    sign_in(client, "wang")
    assert "/erasures" not in client.get("/customers/p1/data").text
    for path in ("/customers/p1/privacy", "/erasures", "/erasures/0000"):
        assert client.get(path).status_code == 403
    assert client.post("/customers/p1/privacy/erase", data={"csrf": csrf(client), "reason": "x"}).status_code == 403


def found_wrong(hub: Hub) -> None:
    """A finding about a person as a customer, with a value of theirs."""
    needed = [column for column in finding.columns if not column.nullable]
    row = {c.name: "" if isinstance(c.type, sa.Text) else 0 for c in needed}
    row |= {"rule": "some-rule", "severity": "warning", "opened_on": "2025-03-04", "first_seen": "2025-03-04"}
    row |= {"finding_id": 1, "golden_id": "p1", "about": "customer", "field": "phone", "value": "+8613800138000"}
    row |= {"record_id": number("crm", "contacts", "P1"), "source": "crm", "stream": "contacts", "status": "open"}
    with hub.store.database.write() as connection:
        connection.execute(sa.insert(finding).values(**row, source_key="P1"))


LISTS = ("/findings", "/findings/1", "/customers?type=person", "/search?with=p1&q=")


def test_every_list_that_names_a_person_says_so_in_the_audit_and_to_them(client: TestClient, hub: Hub) -> None:
    found_wrong(hub)
    for path in LISTS:
        before = len(hub.store.find_audit(AuditFilter(actor="zhao")))
        shown = client.get(path)
        assert "王芳" in re.sub(r"<input[^>]*>", "", shown.text), path
        hub.app.state.hub.reads.flush()
        entries = hub.store.find_audit(AuditFilter(actor="zhao"))
        told = [entry["detail"] for entry in entries[: len(entries) - before]]
        assert any("full_name" in one["attributes"] and "p1" in one["customers"] for one in told), (path, told)
        assert not [one for one in told if any(value in json.dumps(one, ensure_ascii=False) for value in PERSONAL)], (
            path
        )
    phones = [
        e for e in hub.store.find_audit(AuditFilter(action="customer.list")) if e["detail"]["attributes"] == ["phone"]
    ]
    assert len(phones) == 2, "the value of the finding, on both of its pages"
    client.get("/search", params={"q": "crm:P1"})
    hub.app.state.hub.reads.flush()
    (searched,) = hub.store.find_audit(AuditFilter(action="customer.search"))
    assert searched["detail"]["customers"] == ["p1"] and "text" not in searched["detail"], (
        "which may be a number of theirs"
    )
    answer = subject_access(hub.store, hub.config, "p1", by="zhao")
    lists = [one for one in answer["who_read_or_changed_it"] if one["action"] in ("customer.list", "customer.search")]
    assert len(lists) >= len(LISTS) and "customers" not in json.dumps([one["detail"] for one in lists])


def test_a_finding_about_a_person_is_masked_as_a_persons_record(hub: Hub) -> None:
    found_wrong(hub)
    person(hub.store, "eng", "viewer")
    eng = sign_in(TestClient(hub.app, base_url=BASE, follow_redirects=False), "eng")
    for path in ("/findings", "/findings/1", "/findings/export"):
        shown = eng.get(path).text
        assert "13800138000" not in shown and "王芳" not in shown and "•••" in shown, path
