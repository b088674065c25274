"""Alerts reach a real web server and a real mail server, once per run, and again when they could not be reached."""

from __future__ import annotations

import http.server
import json
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from lifecycle.following import follow_decisions
from matching.standardise.forms import FORMS
from models.config.lifecycle import Alert
from models.signing import signature
from orchestration.alerts import tell_all
from tests.unit.lifecycle.hub import Hub
from tests.unit.lifecycle.test_identity import place


@contextmanager
def web(status: list[int]) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """A web server that answers with the states in their order; what was posted to it."""
    got: list[dict[str, Any]] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            stamp, said = (self.headers.get(f"X-Kehu-{name}") for name in ("Timestamp", "Signature"))
            proof = None if stamp is None else said == f"v1={signature('shared with the desk', stamp, body)}"
            got.append(json.loads(body) | {"signed": proof})
            self.send_response(status.pop(0) if status else 204)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/hook?token=secret", got
        server.shutdown()


@contextmanager
def mail() -> Iterator[tuple[str, list[str]]]:
    """A mail server that takes every message."""
    got: list[str] = []

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            self.wfile.write(b"220 here\r\n")
            while line := self.rfile.readline().decode().strip():
                if line.upper() == "DATA":
                    self.wfile.write(b"354 go on\r\n")
                    got.append("".join(iter(lambda: self.rfile.readline().decode(), ".\r\n")))
                elif line.upper() == "QUIT":
                    self.wfile.write(b"221 bye\r\n")
                    return
                self.wfile.write(b"250 fine\r\n")

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"smtp://127.0.0.1:{server.server_address[1]}", got
        server.shutdown()


def test_new_findings_are_told_once_and_again_to_whom_they_did_not_reach(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub = Hub(tmp_path)
    hub.customer("g", "crm.accounts:a")
    hub.run()
    with web([500]) as (url, posted), web([]) as (desk, proven), mail() as (server, mails):
        monkeypatch.setenv("KEHU_SMTP_URL", server)
        alerts = [Alert(webhook=url), Alert(webhook=desk, secret="shared with the desk"),
                  Alert(email="desk@example.com", roles=["order_desk"]),
                  Alert(email="nobody@example.com", roles=["marketing"])]  # fmt: skip
        config = hub.config.model_copy(update={"lifecycle": hub.config.lifecycle.model_copy(update={"alerts": alerts})})
        told, wrong = tell_all(hub.store, config, {})
        assert (wrong, posted, mails) == ([], [], [])
        hub.put("crm.events", "r", type="order", occurred_at="2026-05-20", party_key="a", owner="Li", amount="90000",
                product="T7", quantity="1", status="open", refers_to=["q"])  # fmt: skip
        hub.run()
        told, wrong = tell_all(hub.store, config, told)
        assert len(wrong) == 1 and "500" in wrong[0] and "secret" not in wrong[0]
        assert len(mails) == 1 and "desk@example.com" in mails[0] and "order-quote crm:r refers_to" in mails[0]
        told, wrong = tell_all(hub.store, config, told)
        assert wrong == [] and len(mails) == 1
        assert [row["rule"] for row in posted[-1]["shown"]] == ["order-quote"] and len(posted) == 2
        assert tell_all(hub.store, config, told) == (told, [])
        assert len(posted) == 2
    assert [row["signed"] for row in proven] == [True]
    assert posted[-1]["signed"] is None  # nobody shares a secret with it


def test_what_the_lifecycle_found_when_it_followed_a_decision_is_told(tmp_path: Path) -> None:
    hub = Hub(tmp_path)
    place(hub)
    hub.customer("g2", "crm.accounts:a2")
    hub.run()
    with web([]) as (url, posted):
        lifecycle = hub.config.lifecycle.model_copy(update={"alerts": [Alert(webhook=url, severity="info")]})
        config = hub.config.model_copy(update={"lifecycle": lifecycle})
        told, _ = tell_all(hub.store, config, {})
        hub.customer("g1", "crm.accounts:a2")  # the orders of one are those of another now, who was never asked
        hub.decide()
        assert tell_all(hub.store, config, told) == (told, [])  # nothing is found before it was looked at
        assert follow_decisions(hub.store, hub.config, FORMS) is not None
        found = [row for row in hub.store.all_findings().to_pylist() if row["opened_run"] > max(told.values())]
        told, wrong = tell_all(hub.store, config, told)
        assert wrong == [] and len(posted) == (1 if found else 0) and found
        assert posted[0]["findings"] == len(found)
