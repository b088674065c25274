"""Tasks and decisions over HTTP: the rights of the caller, nobody overruled unseen, nothing personal in free text."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from models.store.serving_tables import idempotency
from tests.unit.api.hub import COMPANY, Hub

A1 = {"source": "crm", "source_key": "A1", "stream": "accounts"}
A2 = {"source": "crm", "source_key": "A2", "stream": "accounts"}


def test_a_task_is_read_claimed_and_decided(hub: Hub) -> None:
    steward = hub.as_role("steward")
    assert {t["task_key"] for t in steward.get("/v1/tasks").json()["items"]} == {"pair", "people"}
    one = steward.get("/v1/tasks/pair").json()
    assert [r["source_key"] for r in one["records"]] and one["golden_ids"] == ["g1", "g2"]
    assert steward.post("/v1/tasks/pair/claim").json()["claimed_by"].startswith("key:test/")
    other = hub.as_role("steward").post("/v1/tasks/pair/claim")
    assert (other.status_code, other.json()["code"]) == (409, "claimed")
    done = steward.post("/v1/tasks/pair/decision", json={"verdict": "no_match", "seen": one["seen"]}).json()
    assert done["decision_id"] == 1
    again = steward.post("/v1/tasks/pair/decision", json={"verdict": "match"})
    assert (again.status_code, again.json()["code"]) == (409, "overtaken")
    assert again.json()["verdict"] == "no_match"
    log = steward.get("/v1/decisions").json()["items"]
    assert [(d["verdict"], {d["left"]["source_key"], d["right"]["source_key"]}) for d in log] == [
        ("no_match", {"A1", "A2"})
    ]
    assert steward.post("/v1/decisions/1/undo", json={"reason": "mistake"}).status_code == 200
    assert steward.get("/v1/decisions/1").json()["holds"] is False
    assert steward.get("/v1/decisions?active=true").json()["items"] == []


def test_tasks_come_in_pages(hub: Hub) -> None:
    steward = hub.as_role("steward")
    first = steward.get("/v1/tasks?limit=1").json()
    second = steward.get("/v1/tasks", params={"limit": 1, "cursor": first["next"]}).json()
    assert {first["items"][0]["task_key"], second["items"][0]["task_key"]} == {"pair", "people"}
    assert second["next"] is None
    assert steward.get("/v1/tasks?kind=nonsense").json()["code"] == "refused"


def test_two_records_are_decided_by_their_names(hub: Hub) -> None:
    steward = hub.as_role("steward")
    body = {"verdict": "match", "left": A1, "right": A2, "reason": "one company"}
    assert steward.post("/v1/decisions", json=body).status_code == 200
    unknown = steward.post("/v1/decisions", json={**body, "right": {**A2, "source_key": "A9"}})
    assert (unknown.status_code, unknown.json()["code"]) == (404, "not_found")
    several = steward.post("/v1/decisions", json={**body, "right": {"source": "crm", "source_key": "A2"}})
    assert several.status_code == 422 and "leads" in several.json()["detail"]


def test_a_value_is_decided_only_on_the_state_that_was_read_and_only_by_those_who_see_it(hub: Hub) -> None:
    steward = hub.as_role("steward")
    tag = steward.get("/v1/customers/g1").headers["etag"]
    body = {"action": "edit", "attribute": "city", "value": "深圳市", "reason": "moved"}
    stale = steward.post("/v1/customers/g1/values", json=body, headers={"If-Match": '"old"'})
    assert (stale.status_code, stale.json()["code"], stale.headers["etag"]) == (412, "precondition_failed", tag)
    assert steward.post("/v1/customers/g1/values", json=body, headers={"If-Match": tag}).status_code == 200
    guess = {"action": "ignore", "attribute": "bank_account", "value": COMPANY["bank_account"], "reason": "guess"}
    assert steward.post("/v1/customers/g1/values", json=guess).json()["code"] == "forbidden"


def test_free_text_about_persons_is_for_those_who_see_personal_attributes(hub: Hub) -> None:
    for role, sees in (("steward", True), ("engineer", False)):
        one = hub.as_role(role).get("/v1/tasks/people").json()
        assert (one["comments"][0]["text"] is not None) == sees
        assert ("phone" in one["masked"]) != sees


def test_every_post_that_writes_may_be_sent_again(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KEHU_WEBHOOK_SECRET", "0123456789abcdef0123")
    client = hub.as_role("lead_steward")
    path, body = "/v1/tasks/people/comments", {"text": "looked at it"}
    first = client.post(path, json=body, headers={"Idempotency-Key": "k1"})
    again = client.post(path, json=body, headers={"Idempotency-Key": "k1"})
    assert (first.status_code, again.status_code, again.json()) == (201, 201, first.json())
    assert again.headers["idempotent-replayed"] == "true" and "idempotent-replayed" not in first.headers
    assert len(client.post(path, json=body).json()["items"]) == len(first.json()["items"]) + 1
    other = client.post(path, json={"text": "another"}, headers={"Idempotency-Key": "k1"})
    assert (other.status_code, other.json()["code"]) == (409, "idempotency_conflict")
    assert hub.as_role("viewer").post(path, json=body, headers={"Idempotency-Key": "k1"}).status_code == 403
    wrong = client.post("/v1/tasks/nothing/comments", json=body, headers={"Idempotency-Key": "k2"})
    assert wrong.status_code == 404, "a refusal is not kept"
    assert client.post(path, json=body, headers={"Idempotency-Key": "k2"}).status_code == 201
    assert client.post(path, json=body, headers={"Idempotency-Key": "k" * 201}).status_code == 422
    consented = "/v1/customers/p1/consent", {"purpose": "service", "given": True}
    for _ in range(2):
        client.post(consented[0], json=consented[1], headers={"Idempotency-Key": "k3"})
    assert len(client.get(consented[0]).json()["history"]) == 1
    program = hub.as_role("consumer")
    made = [
        program.post("/v1/webhooks", json={"url": "https://93.184.216.34/"}, headers={"Idempotency-Key": "k4"}).json()
        for _ in range(2)
    ]
    assert made[0] == made[1] and len(program.get("/v1/webhooks").json()["items"]) == 1
    with hub.store.database.read() as connection:
        kept = str(connection.execute(sa.select(idempotency)).all())
    assert made[0]["secret"] not in kept


def test_a_request_that_died_frees_its_key_or_says_that_it_took_effect(
    hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = hub.as_role("lead_steward")
    path, body, header = "/v1/tasks/people/comments", {"text": "looked at it"}, {"Idempotency-Key": "d1"}

    def killed(self: object, *_: object, **__: object) -> None:
        raise RuntimeError

    def dying(where: str, key: str) -> None:
        """Sends a request that ends there, and after which nobody tidies up: a killed process leaves the same."""
        with monkeypatch.context() as patch:
            for place in (where, "serving.api.repeating._Kept.forget"):
                patch.setattr(place, killed)
            assert client.post(path, json=body, headers={"Idempotency-Key": key}).status_code == 500

    before = len(client.get("/v1/tasks/people").json()["comments"])
    dying("serving.stewardship.comment", "d1")
    assert client.post(path, json=body, headers=header).json()["code"] == "conflict", "it may still be under way"
    dying("serving.api.repeating._Kept.end", "d2")
    assert client.post(path, json=body, headers={"Idempotency-Key": "d2"}).json()["code"] == "conflict"
    with hub.store.database.write() as connection:
        connection.execute(sa.update(idempotency).values(body='{"until": "2026-01-01T00:00:00+00:00"}'))
    assert client.post(path, json=body, headers=header).status_code == 201
    again = client.post(path, json=body, headers=header)
    assert again.headers["idempotent-replayed"] == "true"
    lost = client.post(path, json=body, headers={"Idempotency-Key": "d2"})
    assert (lost.status_code, lost.json()["code"]) == (409, "interrupted")
    assert len(client.get("/v1/tasks/people").json()["comments"]) == before + 2
