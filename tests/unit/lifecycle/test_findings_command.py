"""`kehu findings` and the exports of findings, as a user calls them; lists that go back by file and by webhook."""

from __future__ import annotations

import csv
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from click.testing import CliRunner

from models.errors import ConfigError
from models.signing import signature
from models.store.audits import AuditFilter
from serving.cli.commands import cli
from tests.unit.lifecycle.hub import Hub, config_text


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hub]:
    """Two systems with findings of several roles."""
    made = Hub(tmp_path_factory.mktemp("findings"))
    (made.folder / "kehu.yaml").write_text(config_text() + "serving: {private_webhooks: true}\n", encoding="utf-8")
    made.customer("g1", "crm.accounts:a1")
    made.customer("g2", "dms.customers:c2")
    given = {"occurred_at": "2026-05-20", "party_key": "a1", "owner": "Li", "amount": 9, "product": "T", "quantity": 1}
    made.put("crm.events", "o1", type="order", status="open", **given)
    made.put("dms.jobs", "j1", type="service_visit", occurred_at="2026-05-21", party_key="c2", vin="WRONG")
    made.run()
    yield made
    made.store.close()


def kehu(hub: Hub, *arguments: str, code: int = 0) -> dict[str, Any]:
    """What a command ends with."""
    given = [*arguments, "--config", str(hub.folder / "kehu.yaml"), "--json"]
    result = CliRunner().invoke(cli, given)
    assert result.exit_code == code, result.output
    found: dict[str, Any] = json.loads(result.stdout.splitlines()[-1]) if code == 0 else {"said": str(result.exception)}
    return found


def test_findings_are_listed_shown_and_waived(hub: Hub) -> None:
    every = kehu(hub, "findings", "list", "--limit", "2")
    assert every["total"] > 2 and len(every["findings"]) == 2
    found = kehu(hub, "findings", "list", "--rule", "order-quote")
    (row,) = found["findings"]
    assert (found["total"], row["source_key"], row["golden_id"], row["last_seen"]) == (1, "o1", "g1", "2026-06-01")
    number = str(row["finding_id"])
    shown = kehu(hub, "findings", "show", number)
    assert shown["says"]["en"] == "Every order refers to a quote of the same customer that is known."
    assert [step["change"] for step in shown["history"]] == ["opened"]
    kehu(hub, "findings", "waive", number, "--by", "Li", "--reason", "agreed", "--until", "2026-07-01")
    assert kehu(hub, "findings", "list", "--rule", "order-quote", "--no-waived")["total"] == 0
    (row,) = kehu(hub, "findings", "list", "--rule", "order-quote")["findings"]
    assert row["waived_until"] == "2026-07-01"
    kehu(hub, "findings", "unwaive", number, "--by", "Li", "--reason", "no")
    again = kehu(hub, "findings", "unwaive", number, "--by", "Li", "--reason", "no", code=1)
    assert "is not waived" in again["said"]
    actions = [entry["action"] for entry in hub.store.find_audit(AuditFilter(object_id=number), oldest_first=True)]
    assert actions == ["finding.waive", "finding.unwaive"]


@pytest.mark.parametrize("kind", ["csv", "xlsx"])
def test_a_list_per_system_and_owner(hub: Hub, tmp_path: Path, kind: str) -> None:
    given = kehu(hub, "findings", "hand-back", "--to", str(tmp_path), "--by", "Li", "--format", kind)["files"]
    places = {(file["source"], file["owner_role"]): file for file in given}
    assert {("crm", "order_desk"), ("dms", "service")} <= set(places)
    file = Path(places["crm", "order_desk"]["file"])
    assert file.suffix == f".{kind}"
    if kind == "csv":
        rows = list(csv.DictReader(file.read_text(encoding="utf-8-sig").splitlines()))
    else:
        names, *lines = ([c.value for c in line] for line in openpyxl.load_workbook(file).active.rows)  # type: ignore[union-attr]
        rows = [dict(zip(names, line, strict=True)) for line in lines]
    assert "o1" in {row["source_key"] for row in rows} and {row["source"] for row in rows} == {"crm"}
    assert all(row["says_zh"] for row in rows)


def test_lists_are_posted_signed_and_noted_only_where_they_arrived(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    taken: list[dict[str, Any]] = []
    proofs: list[bool] = []
    monkeypatch.setenv("KEHU_HAND_BACK_SECRET", "known to both of us")

    class Receiver(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            told = json.loads(body)
            taken.append(told)
            proof = signature("known to both of us", self.headers["X-Kehu-Timestamp"], body)
            proofs.append(self.headers["X-Kehu-Signature"] == f"v1={proof}")
            self.send_response(500 if told["source"] == "dms" else 204)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Receiver)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        address = f"http://127.0.0.1:{server.server_port}/in"
        kehu(hub, "findings", "hand-back", "--webhook", address, "--by", "Wang", "--source", "crm")
        monkeypatch.setenv("KEHU_HAND_BACK_SECRET", "too short")
        weak = CliRunner().invoke(cli, ["findings", "hand-back", "--webhook", address, "--by", "Wang", "--config",
                                        str(hub.folder / "kehu.yaml")])  # fmt: skip
        assert isinstance(weak.exception, ConfigError) and "at least 16 letters" in str(weak.exception)
        monkeypatch.setenv("KEHU_HAND_BACK_SECRET", "known to both of us")
        refused = kehu(hub, "findings", "hand-back", "--webhook", address, "--by", "Wang", "--source", "dms", code=1)
    finally:
        server.shutdown()
        server.server_close()
    assert "answered 500" in refused["said"]
    assert proofs and all(proofs)
    sent = {row["finding_id"] for told in taken if told["source"] == "crm" for row in told["findings"]}
    noted = {str(a["finding_id"]) for a in hub.store.finding_actions().to_pylist() if a["by"] == "Wang"}
    assert sent and sent == noted and all(told["parts"] == 1 for told in taken)


def test_exports_of_findings_and_stages(hub: Hub, tmp_path: Path) -> None:
    for name in ("findings", "stage_history"):
        kehu(hub, "export", name, "--to", str(tmp_path / f"{name}.csv"))
    rows = {
        n: list(csv.DictReader(open(tmp_path / f"{n}.csv", encoding="utf-8-sig")))
        for n in ("findings", "stage_history")
    }
    assert {r["rule"] for r in rows["findings"]} >= {"order-quote"}
    assert [(r["golden_id"], r["subject"], r["seq"], r["stage"], r["entered"]) for r in rows["stage_history"]][:1] == [
        ("g1", "customer", "1", "order", "2026-05-20")
    ]
