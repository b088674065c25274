"""Touchpoints of marketing systems and orders of SAP, by the default mapping that `kehu discover` proposes."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

from connectors.landing import Landed, land
from connectors.mapping import map_columns
from connectors.products.product import ProductConnector
from connectors.registry import connector_for
from models.config import load_config
from tests.unit.connectors.hub import Hub
from tests.unit.connectors.products.base import Product
from tests.unit.connectors.products.others import Eloqua, Marketo
from tests.unit.connectors.products.sales import Sap

NOW = dt.datetime.now(dt.UTC).replace(microsecond=0)


class Reader:
    """One resource of a simulated product, read with its own mapping."""

    def __init__(self, subject: Product, folder: Path, name: str):
        self.hub = Hub(folder)
        self.hub.connector = subject.connector
        config = self.hub.config
        product = connector_for(config.sources[0], config.base)
        assert isinstance(product, ProductConnector)
        found = next(one for one in product.discover() if one.name == name)
        assert set(found.fields.values()) <= {*found.columns}  # type: ignore[arg-type]
        resource = next(one for one in product.resources if one.name == name)
        stream = product.as_stream(resource)
        self.hub.stream = stream.model_dump(mode="json", exclude_unset=True, exclude={"refers"})
        self.hub.stream["fields"] = {n: v for n, v in stream.fields.items()}
        load_config(folder / "kehu.yaml")
        self.state: Any = None

    def read(self) -> tuple[Landed, list[dict[str, Any]]]:
        config = self.hub.config
        source = config.sources[0]
        landed = land(
            source, source.streams[0], state=self.state, workspace=config.workspace, run_id="r", base=config.base
        )
        assert landed.status == "landed", landed.error
        self.state = landed.new_state
        import pyarrow as pa

        parts = pa.Table.from_pylist(self.hub.rows(landed)) if landed.rows else pa.table({})
        return landed, map_columns(source.streams[0], parts).to_pylist() if landed.rows else []


def test_what_leads_did_in_marketo(tmp_path: Path) -> None:
    subject = Marketo(tmp_path)
    try:
        # Of one type among many others, so that answers without any stand in between.
        subject.activity = [
            {"id": i, "leadId": 7, "activityTypeId": 2 if i % 30 == 0 else 12, "primaryAttributeValue": f"Form {i}"}
            | {"activityDate": (NOW - dt.timedelta(minutes=100 - i)).isoformat(), "attributes": []}
            for i in range(61)
        ]
        reader = Reader(subject, tmp_path, "activities")
        landed, rows = reader.read()
        assert (landed.rows, landed.mode) == (3, "delta")
        assert [(r["party_key"], r["type"], r["subject"], r["channel"]) for r in rows] == [
            ("7", "campaign_response", f"Form {i}", "form") for i in (0, 30, 60)
        ]
        values = [{"name": "Link", "value": "https://example.com"}]
        more = {"id": 99, "leadId": 8, "activityTypeId": 11, "primaryAttributeValue": "Mail", "attributes": values}
        subject.activity.append({**more, "activityDate": NOW.isoformat()})
        assert [row["party_key"] for row in reader.read()[1]][-1] == "8"
    finally:
        subject.close()


def test_what_contacts_did_in_eloqua(tmp_path: Path) -> None:
    subject = Eloqua(tmp_path)
    try:
        subject.activity = [
            {"ActivityId": str(i), "ActivityType": kind, "ContactId": "7", "AssetName": f"Asset {i}"}
            | {"ActivityDate": (NOW - dt.timedelta(days=30 - i)).isoformat()}
            for i, kind in enumerate(["FormSubmit"] * 25 + ["EmailOpen", "EmailClickthrough"])
        ]
        subject.left = 0
        reader = Reader(subject, tmp_path, "activities")
        reader.hub.connector["poll"] = 0
        landed, rows = reader.read()
        assert (landed.rows, landed.mode) == (26, "delta")
        assert {(r["party_key"], r["type"], r["channel"]) for r in rows} == {
            ("7", "campaign_response", "form"),
            ("7", "campaign_response", "email"),
        }
        subject.activity.append({**subject.activity[0], "ActivityId": "99", "ActivityDate": NOW.isoformat()})
        landed, rows = reader.read()
        assert "Asset 0" in [row["subject"] for row in rows] and landed.rows < 5
    finally:
        subject.close()


def test_sales_orders_of_sap(tmp_path: Path) -> None:
    subject = Sap(tmp_path)
    try:
        subject.orders = tuple(
            {
                "SalesOrder": str(i),
                "SoldToParty": "100",
                "SalesOrderDate": "/Date(1772582400000)/",
                "TotalNetAmount": "1250.00",
                "OverallSDProcessStatus": "B",
                "PurchaseOrderByCustomer": f"PO {i}",
                "RequestedDeliveryDate": None,
                "LastChangeDateTime": NOW - dt.timedelta(days=25 - i),
            }
            for i in range(25)
        )
        reader = Reader(subject, tmp_path, "sales_orders")
        landed, rows = reader.read()
        assert landed.rows == 25 and rows[0]["occurred_at"] == "2026-03-04T00:00:00"
        assert (rows[0]["party_key"], rows[0]["amount"], rows[0]["status"], rows[0]["type"]) == (
            ("100", "1250.00", "in process", "order")
        )
        subject.orders = (*subject.orders[1:-1], {**subject.orders[-1], "TotalNetAmount": "1300.00"})
        landed, rows = reader.read()
        assert [row["amount"] for row in rows] == ["1300.00"]
        assert (tmp_path / "work" / str(landed.batch_dir) / "keys.parquet").exists()
    finally:
        subject.close()
