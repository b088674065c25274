"""A hub with customers of every kind, an application over it, and clients with keys of every role."""

from __future__ import annotations

import datetime as dt
import json
from typing import Any

import sqlalchemy as sa
from fastapi import FastAPI
from starlette.testclient import TestClient

from models.config import Config, parse_config
from models.store import Store
from models.store import tables as t
from models.store.lifecycle_tables import ORGANIZATION, PARENT, TO, customer_state, record_link
from models.vocabulary import record_id
from serving.access import ROLE_SEES
from serving.access.keys import issue
from serving.http.app import create_app

AT = dt.datetime(2025, 3, 4, 5, 6, 7, tzinfo=dt.UTC)
BEFORE = AT - dt.timedelta(days=30)

CONFIG = """
store: sqlite:///hub.db
workspace: work/
attributes: {organization: {bank_account: {sensitivity: secret}, dealer_code: {}}}
sources:
  - name: crm
    family: sales
    connector: {type: files, path: "crm_{stream}.csv"}
    streams:
      - {name: accounts, entity: organization, key: id, fields: {name: name, city: city, parent_key: parent}}
      - {name: leads, entity: organization, key: id, fields: {name: name}}
      - name: contacts
        entity: person
        key: id
        fields: {full_name: who, phone: tel, national_id: idno, job_title: job, organization_key: org}
      - {name: serves, entity: relation, key: id, fields: {from_key: dealer, to_key: customer, type: kind},
         refers: {from_key: accounts, to_key: accounts}}
  - name: dms
    family: service
    connector: {type: files, path: "dms_{stream}.csv"}
    streams:
      - {name: customers, entity: organization, key: id, fields: {name: name}}
"""

PERSON = {"full_name": "王芳", "phone": ["+8613800138000"], "national_id": "110101199003078515", "job_title": "采购"}
COMPANY = {"name": "顺丰物流", "city": "深圳市", "phone": ["+8675512345"], "bank_account": "6222000011112222"}
SECRETS = ("110101199003078515", "6222000011112222")
PERSONAL = ("王芳", "+8613800138000")

RECORDS: tuple[tuple[str, str, str, str, str | None, dict[str, Any]], ...] = (
    ("crm", "accounts", "A1", "organization", "g1", {"id": "A1", "name": "顺丰物流", "city": "深圳市"}),
    ("dms", "customers", "D/1", "organization", "g1", {"id": "D/1", "name": "顺丰", "notes": "6222000011112222"}),
    ("crm", "accounts", "A2", "organization", "g2", {"id": "A2", "name": "顺丰华南", "parent": "A1"}),
    ("crm", "leads", "A2", "organization", "g5", {"id": "A2", "name": "另一家"}),
    ("crm", "accounts", "GONE", "organization", None, {"id": "GONE", "name": "x"}),
    ("crm", "contacts", "P2", "person", "p2", {"id": "P2", "who": "王方", "tel": "13900139000"}),
    (
        "crm",
        "contacts",
        "P1",
        "person",
        "p1",
        {"id": "P1", "who": "王芳", "tel": "13800138000", "idno": "110101199003078515", "job": "采购", "org": "A1"},
    ),
    ("crm", "serves", "R1", "relation", None, {"id": "R1", "dealer": "A2", "customer": "A1", "kind": "serves"}),
)


def number(source: str, stream: str, key: str) -> int:
    return record_id(source, stream, key)


def _golden(golden_id: str, entity: str, values: dict[str, Any], **more: Any) -> dict[str, Any]:
    row = {"golden_id": golden_id, "entity_type": entity, "version": 1, "status": "active", "records": 1}
    record = next((r for r in RECORDS if r[4] == golden_id), None)
    named = {"0": [str(number(*record[:3])), *record[:3]]} if record else {}
    row |= {"valid_from": BEFORE, "recorded_at": AT, "run_id": "r1", "provenance": json.dumps({"records": named})}
    return row | {"values": json.dumps(values, ensure_ascii=False), **more}


def fill(store: Store) -> None:
    """Insert what a few runs would have published."""
    records = [
        {
            "record_id": number(s, st, k),
            "source": s,
            "stream": st,
            "source_key": k,
            "entity_type": e,
            "version": 1,
            "deleted": k == "GONE",
            "first_run": "r1",
            "last_run": "r1",
            "source_time": BEFORE,
            "payload": json.dumps(p, ensure_ascii=False),
        }
        for s, st, k, e, _, p in RECORDS
    ]
    members = [{"record_id": number(s, st, k), "golden_id": g, "run_id": "r1"} for s, st, k, _, g, _ in RECORDS if g]
    golden = [
        _golden("g1", "organization", COMPANY, records=2, version=2, run_id="r2"),
        _golden("g2", "organization", {"name": "顺丰华南"}),
        _golden("g5", "organization", {"name": "另一家"}),
        _golden("g7", "organization", {"name": "从前的"}, status="retired"),
        _golden("g9", "organization", {"name": "旧顺丰"}, status="retired"),
        _golden("p1", "person", PERSON),
        _golden("p2", "person", {"full_name": "王方"}, status="active"),
    ]
    old = _golden("g1", "organization", {"name": "顺丰"}, recorded_at=BEFORE, recorded_to=AT)
    old["valid_from"] = BEFORE - dt.timedelta(days=30)
    run = {"kind": "full", "status": "published", "started_at": BEFORE, "finished_at": AT}
    state = {"entity_type": "organization", "stage": "order", "kind": "existing", "profile": "{}", "tally": "{}"}
    links = [
        {"record_id": number("crm", "accounts", "A2"), "target_id": number("crm", "accounts", "A1"), "kind": PARENT},
        {
            "record_id": number("crm", "contacts", "P1"),
            "target_id": number("crm", "accounts", "A1"),
            "kind": ORGANIZATION,
        },
        {"record_id": number("crm", "serves", "R1"), "target_id": number("crm", "accounts", "A1"), "kind": TO},
    ]
    rows: list[tuple[sa.Table, list[dict[str, Any]]]] = [
        (t.run, [{"run_id": "r1", **run}, {"run_id": "r2", **run}]),
        (t.source_record, records),
        (t.membership, members),
        (t.golden_record, golden),
        (t.golden_version, [old]),
        (t.golden_alias, [{"alias_id": "g9", "golden_id": "g1", "run_id": "r2", "recorded_at": AT}]),
        (t.golden_lineage, [{"child_id": "g1", "parent_id": "g9", "kind": "merge", "run_id": "r2"}]),
        (
            t.membership_history,
            [{"record_id": number("crm", "leads", "A2"), "golden_id": "g1", "from_run": "r1", "to_run": "r2"}],
        ),
        (record_link, links),
        (t.counter, [{"name": "event", "value": 4}]),
        (
            t.event,
            [
                {"seq": i + 1, "run_id": "r1", "at": AT, "version": 1, **e}
                for i, e in enumerate(
                    [
                        {"type": "created", "entity_type": "organization", "golden_id": "g1", "after": _text(COMPANY)},
                        {"type": "created", "entity_type": "person", "golden_id": "p1", "after": _text(PERSON)},
                        {
                            "type": "changed",
                            "entity_type": "organization",
                            "golden_id": "g2",
                            "before": _text({"name": "旧"}),
                            "after": _text({"name": "顺丰华南"}),
                            "attributes": _text(["name"]),
                        },
                        {
                            "type": "alias",
                            "entity_type": "organization",
                            "golden_id": "g9",
                            "before": _text(["g9"]),
                            "after": _text(["g1"]),
                        },
                    ]
                )
            ],
        ),
        (t.task, [_task("pair", "organization", "A1", "A2"), _task("people", "person", "P1", "P2")]),
        (
            t.task_record,
            [
                {"task_key": key, "record_id": number("crm", stream, record)}
                for key, stream, records in (("pair", "accounts", ("A1", "A2")), ("people", "contacts", ("P1", "P2")))
                for record in records
            ],
        ),
        (t.task_comment, [{"task_key": "people", "at": AT, "by": "li", "text": "王芳 +8613800138000 说是同一人"}]),
        (
            customer_state,
            [
                {"golden_id": "g1", "revenue": 100.0, "pipeline": 5.0, "findings": 1, **state},
                {"golden_id": "g2", "revenue": 20.0, "pipeline": 1.0, "findings": 2, **state},
            ],
        ),
    ]
    with store.database.write() as connection:
        for table, some in rows:
            connection.execute(sa.insert(table), some)


def _text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _task(key: str, entity: str, left: str, right: str) -> dict[str, Any]:
    stream = "accounts" if entity == "organization" else "contacts"
    pair = sorted(number("crm", stream, k) for k in (left, right))
    row = {"task_key": key, "kind": "grey_pair", "entity_type": entity, "left_id": pair[0], "right_id": pair[1]}
    return row | {"records": json.dumps(pair), "status": "open", "opened_run": "r1", "opened_at": AT, "weight": 1.0}


class Hub:
    """An application over a filled store; `as_role` gives a client whose key may do and see all that its role may."""

    def __init__(self, store: Store, folder: Any, config: str = CONFIG):
        self.config: Config = parse_config(config, folder / "kehu.yaml")
        self.store = store
        fill(store)
        self.app: FastAPI = create_app(self.config, store)

    def client(self, token: str | None = None) -> TestClient:
        """A client with a key, or without."""
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        return TestClient(self.app, headers=headers, follow_redirects=False, raise_server_exceptions=False)

    def as_role(self, role: str = "lead_steward", *scopes: str) -> TestClient:
        """A client of a role. Without scopes it sees what people of that role see."""
        sees = sorted(ROLE_SEES[role] - {"public"})  # type: ignore[index]
        return self.client(issue(self.store, "test", by="test", role=role, scopes=scopes or sees).token)
