"""Corrections that a source acknowledges by what it delivers, and retention: over real runs."""

from __future__ import annotations

import csv
import datetime as dt
import json
from pathlib import Path

import pytest
import sqlalchemy as sa
from starlette.testclient import TestClient

from models.config import Config, parse_config
from models.errors import ConfigError
from models.store import Store, open_store
from models.store import tables as t
from models.store.audits import AuditFilter
from orchestration.run import run_hub, verify_hub
from serving.access.keys import issue
from serving.cli import main
from serving.feed import FeedFilter
from serving.feed.webhooks import Dispatcher, add_webhook
from serving.http.app import create_app

CONFIG = """
store: sqlite:///{folder}/hub.db
workspace: work/
serving: {{private_webhooks: true}}
sources:
  - name: crm
    family: sales
    priority: 10
    connector: {{type: files, path: "crm.csv"}}
    streams: [{{name: accounts, entity: organization, key: id, volume_floor: 0,
                fields: {{name: name, tax_id: tax, city: city, website: web}}}}]
  - name: dms
    family: service
    write_back: true
    retention: {{former_versions: 30, deleted_records: 30, quarantine: 30}}
    connector: {{type: files, path: "dms.csv"}}
    streams: [{{name: customers, entity: organization, key: id, volume_floor: 0,
                fields: {{name: name, tax_id: tax, city: city, website: web}}}}]
"""
TAX = "91440300708461136T"


def deliver(folder: Path, city: str, others: int = 20, web: str = "sf.example") -> None:
    head = "id,name,tax,city,web"
    rest = [f"X{i},第{i}运输有限公司,,广州市,x{i}.example" for i in range(others)]
    (folder / "crm.csv").write_text(
        "\n".join([head, f"A1,顺丰物流有限公司,{TAX},深圳市,sf.example", *rest]) + "\n", encoding="utf-8"
    )
    (folder / "dms.csv").write_text(
        "\n".join([head, f"D1,顺丰物流有限公司,{TAX},{city},{web}", "D2,独自,,北京市,"]) + "\n", encoding="utf-8"
    )


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Config]:
    """A hub after one run, in which dms holds another city than the golden record."""
    folder = tmp_path_factory.mktemp("keeping")
    deliver(folder, "东莞市")
    text = CONFIG.format(folder=folder)
    (folder / "kehu.yaml").write_text(text, encoding="utf-8")
    config = parse_config(text, folder / "kehu.yaml")
    run_hub(config)
    return folder, config


def changes(store: Store) -> list[tuple[int, str, str, str]]:
    return [(r["seq"], r["source_key"], r["attribute"], r["status"]) for r in store.corrections("dms")]


def test_corrections_as_file_list_and_webhook_until_a_delivery_settles_them(
    world: tuple[Path, Config], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, config = world
    monkeypatch.setenv("KEHU_WEBHOOK_SECRET", "0123456789abcdef0123")
    sent: list[dict[str, object]] = []

    def post(url: str, body: bytes, headers: object) -> int:
        sent.append(json.loads(body))
        return 200

    with open_store(config.store) as store:
        assert [(k, a, s) for _, k, a, s in changes(store)] == [("D1", "city", "open")]
        key = issue(store, "dms-team", by="t", scopes=["corrections.read", "webhooks.manage"])
        client = TestClient(create_app(config, store), headers={"Authorization": f"Bearer {key.token}"})
        listed = client.get("/v1/corrections?source=dms").json()["items"]
        assert [(c["source_key"], c["attribute"], c["golden_value"]) for c in listed] == [("D1", "city", "深圳市")]
        rows = list(csv.DictReader(client.get("/v1/corrections/file?source=dms").text.splitlines()))
        assert [(r["source_key"], r["golden_value"]) for r in rows] == [("D1", "深圳市")]
        assert client.get("/v1/corrections/file?source=dmss").status_code == 422
        told = client.get("/v1/corrections/changes?source=dms").json()
        assert [c["status"] for c in told["items"]] == ["open"]
        assert client.get("/v1/corrections/changes?source=crm").status_code == 422
        made = client.post("/v1/webhooks", json={"url": "http://127.0.0.1:9/", "filters": {"corrections_of": "dms"}})
        assert made.status_code == 201, made.text
        with pytest.raises(ConfigError, match="write_back"):
            from serving.access.keys import authenticate

            add_webhook(
                store, config, authenticate(store, key.token), "http://127.0.0.1:9/", FeedFilter(), corrections_of="crm"
            )
        dispatcher = Dispatcher(store, config, post=post)
        assert (dispatcher.run_once(), dispatcher.run_once()) == (1, 0)
    assert [c["source_key"] for c in sent[0]["corrections"]] == ["D1"]  # type: ignore[attr-defined]
    out = folder / "dms_corrections.csv"
    assert main(["corrections", "dms", "--to", str(out), "--config", str(folder / "kehu.yaml")]) == 0
    assert "D1" in out.read_text(encoding="utf-8")
    assert main(["corrections", "dmss", "--to", str(out), "--config", str(folder / "kehu.yaml")]) == 2
    run_hub(config)
    with open_store(config.store) as store:
        assert [s for *_, s in changes(store)] == ["open"], "nothing was delivered"
    deliver(folder, "深圳")  # the same city, in the words of the source
    run_hub(config)
    with open_store(config.store) as store:
        assert [s for *_, s in changes(store)] == ["acknowledged"]
        assert Dispatcher(store, config, post=post).run_once() == 1
        client = TestClient(create_app(config, store), headers={"Authorization": f"Bearer {key.token}"})
        assert client.get("/v1/corrections?source=dms").json()["items"] == []
    assert [c["status"] for c in sent[-1]["corrections"]] == ["acknowledged"]  # type: ignore[attr-defined]
    assert verify_hub(config)["differences"] == []


def test_what_retention_does_not_keep_goes_with_a_run_and_can_be_counted_first(
    world: tuple[Path, Config], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("models.store.retaining._PARTS", 1)  # records one by one, a page each
    folder, config = world
    deliver(folder, "深圳市", web="other.example")
    run_hub(config)  # a former version of D1
    text = (folder / "dms.csv").read_text(encoding="utf-8")
    (folder / "dms.csv").write_text("".join(text.splitlines(keepends=True)[:-1]), encoding="utf-8")
    run_hub(config)  # D2 is deleted
    later = dt.datetime.now(dt.UTC) + dt.timedelta(days=31)
    with open_store(config.store) as store:
        versions = t.source_record_version.c
        with store.database.read() as connection:
            assert connection.scalar(sa.select(sa.func.count()).where(versions.source == "dms"))
        assert sum(one["rows"] for one in store.retain(config, dry=True)) == 0
        counted = {one["what"]: one["rows"] for one in store.retain(config, dry=True, now=later)}
        assert counted["deleted_records"] == 1 and counted["former_versions"] >= 1
        assert {one["what"]: one["rows"] for one in store.retain(config, now=later)} == counted
        with store.database.read() as connection:
            left = sa.select(t.source_record.c.source_key).where(t.source_record.c.source == "dms")
            assert connection.scalars(left).all() == ["D1"]
            assert "独自" not in str(connection.execute(sa.select(t.golden_record)).all())
            assert "独自" not in str(connection.execute(sa.select(t.event.c.before, t.event.c.after)).all())
        assert sum(one["rows"] for one in store.retain(config, dry=True, now=later)) == 0
    assert main(["retention", "--dry-run", "--json", "--config", str(folder / "kehu.yaml")]) == 0
    assert json.loads(capsys.readouterr().out.strip().splitlines()[-1])["rows"] == 0
    assert main(["retention", "--config", str(folder / "kehu.yaml")]) == 0
    with open_store(config.store) as store:
        assert store.find_audit(AuditFilter(action="retention"))
    assert run_hub(config)["golden"] and verify_hub(config)["differences"] == []
