"""Webhooks: signed and in order, tried again, given up, replayed; and never into a private network."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
import sqlalchemy as sa

from models.config import parse_config
from models.signing import signature
from models.store.serving_tables import webhook
from serving.access.keys import issue, revoke, rotate
from serving.feed.targets import TargetError, checked, is_public
from serving.feed.webhooks import ATTEMPTS, Dispatcher, dead_letters, webhooks
from tests.unit.api.conftest import hub as hub
from tests.unit.api.hub import CONFIG, Hub

MASTER = "a master secret of the environment"
PUBLIC = {"url": "https://93.184.216.34/kehu"}


class Receiver:
    """Takes deliveries, or answers what it was told to."""

    def __init__(self) -> None:
        self.status = 200
        self.taken: list[tuple[dict[str, Any], Mapping[str, str], bytes]] = []

    def __call__(self, url: str, body: bytes, headers: Mapping[str, str]) -> int:
        if self.status == 200:
            self.taken.append((json.loads(body), headers, body))
        return self.status


@pytest.fixture
def receiver(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> Iterator[Receiver]:
    monkeypatch.setenv("KEHU_WEBHOOK_SECRET", MASTER)
    made = Receiver()
    hub.app.state.dispatcher = Dispatcher(hub.store, hub.config, post=made)
    yield made


def again(hub: Hub) -> None:
    with hub.store.database.write() as connection:
        connection.execute(sa.update(webhook).values(next_at=None))


def test_events_are_sent_once_in_order_signed_and_masked_by_the_key(hub: Hub, receiver: Receiver) -> None:
    client = hub.as_role("consumer", "webhooks.manage", "changes.read")
    made = client.post("/v1/webhooks", json={**PUBLIC, "after": 0, "filters": {"types": ["created"]}}).json()
    assert hub.app.state.dispatcher.run_once() == 1
    (body, headers, raw), *more = receiver.taken
    assert more == [] and [e["seq"] for e in body["events"]] == [1, 2] and body["next"] == 4
    assert headers["X-Kehu-Signature"] == "v1=" + signature(made["secret"], headers["X-Kehu-Timestamp"], raw)
    assert "王芳" not in raw.decode() and "bank_account" not in body["events"][0]["after"]
    assert hub.app.state.dispatcher.run_once() == 0
    (row,) = client.get("/v1/webhooks").json()["items"]
    assert (row["seq"], row["state"]) == (4, "active") and "secret" not in row
    lag = hub.as_role("engineer").get("/v1/changes/readers").json()["items"]
    assert [(r["reader"], r["behind"]) for r in lag] == [(f"webhook {made['webhook_id']}", 0)]


def test_what_fails_is_tried_again_then_put_aside_and_can_be_replayed(hub: Hub, receiver: Receiver) -> None:
    client = hub.as_role("consumer")
    made = client.post("/v1/webhooks", json={**PUBLIC, "after": 2}).json()
    place = f"/v1/webhooks/{made['webhook_id']}"
    receiver.status = 500
    hub.app.state.dispatcher.run_once()
    (row,) = webhooks(hub.store)
    assert (row["failures"], row["seq"]) == (1, 2) and row["next_at"] is not None
    assert hub.app.state.dispatcher.run_once() == 0 and webhooks(hub.store)[0]["failures"] == 1, "it waits"
    for _ in range(ATTEMPTS):
        again(hub)
        hub.app.state.dispatcher.run_once()
    assert client.get("/v1/webhooks").json()["items"][0]["state"] == "paused"
    (letter,) = client.get(f"{place}/dead-letters").json()["items"]
    assert (letter["first_seq"], letter["last_seq"], letter["attempts"]) == (3, 4, ATTEMPTS)
    receiver.status = 200
    assert client.post(f"{place}/dead-letters/{letter['id']}/replay").json() == {"taken": True}
    assert [e["seq"] for e in receiver.taken[0][0]["events"]] == [3, 4]
    assert dead_letters(hub.store, made["webhook_id"])[0]["replayed_at"] is not None
    assert client.post(f"{place}/resume").json()["state"] == "active"
    assert client.post(f"{place}/pause").json()["state"] == "paused"
    assert client.delete(place).status_code == 204 and client.get("/v1/webhooks").json()["items"] == []


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ({"filters": {"types": ["creatde"]}}, "invalid_request"),
        ({"filters": {"attribute": "ctiy"}}, "invalid_request"),
        ({"filters": {"attribute": "national_id"}}, "invalid_request"),  # which the key does not see
        ({"filters": {"source": "dsm"}}, "invalid_request"),
        ({"filters": {"corrections_of": "dsm"}}, "invalid_request"),
        ({"filters": {"corrections_of": "dms"}}, "invalid_request"),  # has no write_back
        ({"after": 99}, "cursor_gone"),
    ],
)
def test_what_would_never_be_sent_anything_is_refused(
    hub: Hub, receiver: Receiver, more: dict[str, Any], code: str
) -> None:
    client = hub.as_role("consumer", "webhooks.manage", "changes.read", "corrections.read")
    found = client.post("/v1/webhooks", json={**PUBLIC, **more})
    assert found.json()["code"] == code and webhooks(hub.store) == []


def test_a_webhook_is_sent_only_what_its_key_may_read(hub: Hub, receiver: Receiver) -> None:
    client = hub.as_role("consumer", "webhooks.manage")
    assert client.post("/v1/webhooks", json=PUBLIC).json()["right"] == "changes.read"
    asked = {**PUBLIC, "filters": {"corrections_of": "dms"}}
    assert client.post("/v1/webhooks", json=asked).json()["right"] == "corrections.read"


def test_how_far_behind_a_webhook_is_ends_with_it_and_counts_what_was_put_aside(hub: Hub, receiver: Receiver) -> None:
    client, engineer = hub.as_role("consumer"), hub.as_role("engineer")

    def behind() -> list[tuple[str, int]]:
        rows = engineer.get("/v1/changes/readers").json()["items"]
        return [(row["reader"], row["behind"]) for row in rows]

    made = client.post("/v1/webhooks", json={**PUBLIC, "after": 2}).json()
    assert behind() == [(f"webhook {made['webhook_id']}", 2)]
    receiver.status = 500
    for _ in range(ATTEMPTS):
        again(hub)
        hub.app.state.dispatcher.run_once()
    assert behind() == [(f"webhook {made['webhook_id']}", 0)]
    client.delete(f"/v1/webhooks/{made['webhook_id']}")
    assert behind() == []


def test_a_webhook_ends_with_the_key_that_set_it_up(hub: Hub, receiver: Receiver) -> None:
    key = issue(hub.store, "erp", by="test")
    hub.client(key.token).post("/v1/webhooks", json={**PUBLIC, "after": 0})
    revoke(hub.store, key.key_id, by="test")
    hub.app.state.dispatcher.run_once()
    assert receiver.taken == []
    (row,) = webhooks(hub.store)
    assert (row["state"], row["seq"]) == ("paused", 0) and "key" in row["error"]


def test_a_webhook_goes_on_with_the_key_that_takes_the_place_of_its_own(hub: Hub, receiver: Receiver) -> None:
    key, other = issue(hub.store, "erp", by="test"), issue(hub.store, "erp", by="test")
    hub.client(key.token).post("/v1/webhooks", json={**PUBLIC, "after": 0})
    hub.client(other.token).post("/v1/webhooks", json={**PUBLIC, "after": 0})
    new = rotate(hub.store, key.key_id, by="test", grace_hours=0)
    revoke(hub.store, other.key_id, by="test")
    hub.app.state.dispatcher.run_once()
    assert [(row["key_id"], row["state"]) for row in webhooks(hub.store)] == [
        (new.key_id, "active"),
        (other.key_id, "paused"),
    ]
    assert len(receiver.taken) == 1


def test_a_program_sees_and_changes_its_own_webhooks_alone(hub: Hub, receiver: Receiver) -> None:
    mine, other = (hub.client(issue(hub.store, name, by="test").token) for name in ("erp", "shop"))
    made = mine.post("/v1/webhooks", json=PUBLIC).json()
    assert other.get("/v1/webhooks").json()["items"] == []
    assert other.delete(f"/v1/webhooks/{made['webhook_id']}").status_code == 404
    assert other.post(f"/v1/webhooks/{made['webhook_id']}/pause").status_code == 404
    assert len(hub.as_role("engineer").get("/v1/webhooks").json()["items"]) == 0  # a key of another program
    assert len(webhooks(hub.store)) == 1


def test_without_a_secret_in_the_environment_there_are_no_webhooks(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KEHU_WEBHOOK_SECRET", raising=False)
    found = hub.as_role("consumer").post("/v1/webhooks", json=PUBLIC)
    assert found.status_code == 422 and "KEHU_WEBHOOK_SECRET" in found.json()["detail"]


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0",
        "224.0.0.1", "::1", "fe80::1", "fd00::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "64:ff9b::a00:1",
        "2002:7f00:1::", "::", "not an address",
    ],
)  # fmt: skip
def test_a_private_address_is_refused_however_it_is_written(address: str) -> None:
    assert not is_public(address)
    with pytest.raises(TargetError):
        checked("https://name.example/x", private=False, find=lambda host, port: [address])
    # One private address among several is enough: which one would be used is not the caller's to choose.
    with pytest.raises(TargetError):
        checked("https://name.example/x", private=False, find=lambda host, port: ["93.184.216.34", address])


@pytest.mark.parametrize(
    "url",
    ["http://93.184.216.34/", "ftp://x/", "https://", "https://u:p@93.184.216.34/", "file:///etc/passwd", "https://[::1",
     "https://localhost/", "https://2130706433/", "https://0x7f.1/", "https://127.1/"],
)  # fmt: skip
def test_urls_that_lead_elsewhere_are_refused(url: str) -> None:
    with pytest.raises(TargetError):
        checked(url, private=False)


def test_the_address_that_was_checked_is_the_one_that_is_used() -> None:
    target = checked("https://name.example/x?y=1", private=False, find=lambda host, port: ["93.184.216.34"])
    assert (target.url, target.host) == ("https://93.184.216.34:443/x?y=1", "name.example")
    assert is_public("93.184.216.34") and is_public("2606:2800:220:1::1")


def test_over_a_real_connection_where_private_targets_are_allowed(
    hub: Hub, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("KEHU_WEBHOOK_SECRET", MASTER)
    got: list[tuple[str, bytes, str]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            got.append((self.path, body, self.headers["X-Kehu-Signature"]))
            self.send_response(302 if self.path == "/moved" else 200)
            self.send_header("Location", "http://127.0.0.1:1/")
            self.end_headers()

        def log_message(self, *_: object) -> None: ...

    server = HTTPServer(("127.0.0.1", 0), Handler)
    Thread(target=server.serve_forever, daemon=True).start()
    config = parse_config(CONFIG + "serving: {private_webhooks: true}\n", tmp_path / "kehu.yaml")
    dispatcher = Dispatcher(hub.store, config)
    url = f"http://127.0.0.1:{server.server_port}"
    assert dispatcher._send(f"{url}/x", b"{}", {"X-Kehu-Signature": "v1=a"}) == 200
    assert dispatcher._send(f"{url}/moved", b"{}", {"X-Kehu-Signature": "v1=a"}) == 302
    assert [g[0] for g in got] == ["/x", "/moved"]
    with pytest.raises(TargetError):
        Dispatcher(hub.store, hub.config)._send(f"{url}/x", b"{}", {})
    server.shutdown()
