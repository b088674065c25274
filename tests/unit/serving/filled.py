"""A small hub with something in every table that is given out."""

from __future__ import annotations

import datetime as dt
import json
from typing import Any

import sqlalchemy as sa

from models.config import Config, parse_config
from models.store import Store
from models.store import tables as t
from models.vocabulary import record_id

AT = dt.datetime(2025, 3, 4, 5, 6, 7, tzinfo=dt.UTC)

CONFIG = """
store: sqlite:///hub.db
workspace: work/
attributes: {organization: {dealer_code: {}, brands: {multi: true}}}
sources:
  - name: crm
    family: sales
    connector: {type: files, path: "crm_{stream}.csv"}
    streams:
      - {name: accounts, entity: organization, key: id, fields: {name: name, brands: brands}}
      - {name: leads, entity: organization, key: id, fields: {name: name}}
      - {name: contacts, entity: person, key: id, fields: {full_name: name, phone: tel}}
  - name: dms
    family: service
    connector: {type: files, path: "dms_{stream}.csv"}
    streams:
      - {name: customers, entity: organization, key: id, fields: {name: name}}
"""

# source, stream, key, entity type, golden id (None: deleted)
RECORDS = (
    ("crm", "accounts", "A1", "organization", "g1"),
    ("crm", "accounts", "A2", "organization", "g2"),
    ("crm", "accounts", "7", "organization", "g3"),
    ("crm", "leads", "7", "organization", "g3"),
    ("crm", "contacts", "A1", "person", "g4"),
    ("crm", "accounts", "GONE", "organization", None),
    ("dms", "customers", "D:1", "organization", "g1"),
)
GOLDEN = (
    (
        "g1",
        "organization",
        {"name": '顺丰, "SF"', "phone": ["+8610555", "+8621555"], "brands": ["A"], "fleet_size": 12},
    ),
    ("g2", "organization", {"name": "二", "dealer_code": "X9", "phone": []}),
    ("g4", "person", {"full_name": "王芳", "consent": True}),
)


def config(path: Any = "kehu.yaml") -> Config:
    return parse_config(CONFIG, path)


def rid(name: str) -> int:
    place, _, key = name.partition(":")
    source, _, stream = place.partition(".")
    return record_id(source, stream, key)


def pair(left: str, right: str) -> dict[str, int]:
    return dict(zip(("left_id", "right_id"), sorted((rid(left), rid(right))), strict=True))


def fill(store: Store) -> None:
    """Insert what a run would have published."""
    run = {"run_id": "r1"}
    record = {"version": 1, "content_hash": 1, "first_run": "r1", "last_run": "r1"}
    records = [
        {
            "record_id": record_id(s, st, k),
            "source": s,
            "stream": st,
            "source_key": k,
            "entity_type": e,
            "deleted": g is None,
            **record,
        }
        for s, st, k, e, g in RECORDS
    ]
    members = [{"record_id": record_id(s, st, k), "golden_id": g, **run} for s, st, k, _, g in RECORDS if g]
    golden = [
        {
            "golden_id": g,
            "entity_type": e,
            "values": json.dumps(v, ensure_ascii=False),
            "provenance": "{}",
            "status": "active",
        }
        for g, e, v in GOLDEN
    ] + [{"golden_id": "g0", "entity_type": "organization", "values": "{}", "provenance": "{}", "status": "retired"}]
    edges = [
        {**pair("crm.accounts:A1", "dms.customers:D:1"), "weight": 10.0},
        {**pair("crm.accounts:A1", "crm.accounts:A2"), "weight": 1.0},
        {**pair("crm.accounts:A2", "dms.customers:D:1"), "weight": 0.0},
        {**pair("crm.accounts:A2", "crm.accounts:GONE"), "weight": 20.0},
    ]
    tasks = [
        {"kind": "grey_pair", "weight": 1.0, **pair("crm.accounts:A1", "crm.accounts:A2"), "status": "open"},
        {"kind": "refused_merge", "weight": 12.0, **pair("crm.accounts:A2", "crm.leads:7"), "status": "open"},
        {"kind": "grey_pair", "weight": 1.5, **pair("dms.customers:D:1", "crm.leads:7"), "status": "closed"},
        {"kind": "oversized", "weight": None, "left_id": None, "right_id": None, "status": "open"},
    ]
    bad = {"source": "crm", "stream": "accounts", "field": "id", "value": "", "at": AT}
    everything: list[tuple[sa.Table, list[dict[str, Any]]]] = [
        (t.source_record, records),
        (t.membership, members),
        (t.golden_record, [{"version": 1, "records": 1, "recorded_at": AT, **run, **g} for g in golden]),
        (t.edge, [{"entity_type": "organization", **e} for e in edges]),
        (
            t.task,
            [
                {
                    "task_key": f"t{i}",
                    "entity_type": "organization",
                    "records": json.dumps([i for i in (task["left_id"], task["right_id"]) if i]),
                    "opened_run": "r1",
                    "opened_at": AT,
                    **task,
                }
                for i, task in enumerate(tasks)
            ],
        ),
        (
            t.event,
            [
                {
                    "seq": 1,
                    "type": "created",
                    "entity_type": "organization",
                    "golden_id": "g1",
                    "version": 1,
                    "after": '{"name":"x"}',
                    "at": AT,
                    **run,
                }
            ],
        ),
        (t.golden_alias, [{"alias_id": "g0", "golden_id": "g1", "recorded_at": AT, **run}]),
        (
            t.quarantine,
            [
                {**bad, "run_id": "r0", "row": 1, "source_key": None, "reason": "no key"},
                {**bad, "run_id": "r1", "row": 2, "source_key": None, "reason": "no key"},
                {**bad, "run_id": "r1", "row": 3, "source_key": "A9", "reason": "key twice", "source": "dms"},
            ],
        ),
    ]
    with store.database.write() as connection:
        for table, rows in everything:
            connection.execute(sa.insert(table), rows)
