"""Incremental = full: after any history of deliveries, merges, splits and days, the state is that of one full run."""

from __future__ import annotations

import datetime as dt
import tempfile
from pathlib import Path
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, given, settings

from models.store import Store
from tests.unit.lifecycle.hub import Hub

pytestmark = pytest.mark.usefixtures("every_database")

ACCOUNTS = ("a1", "a2", "a3")
GOLDEN = ("g1", "g2", "g3")
VINS = ("LZZ5ELSD7FA000001", "LZZ5ELSD9FA000002")
DAYS = ("2025-01-10", "2026-02-01", "2026-04-20", "2026-05-25", "2026-06-20", None)
FINAL = ("open", "won", "lost", "converted", "cancelled", None)

days, keys, parties = st.sampled_from(DAYS), st.sampled_from("opqrs"), st.sampled_from((*ACCOUNTS, "c1", "zz"))
touchpoint = st.fixed_dictionaries(
    {
        "type": st.sampled_from(
            ("lead", "opportunity", "quote", "order", "delivery", "service_visit", "visit", "visit_plan", "complaint")
        ),
        "occurred_at": days,
        "party_key": parties,
        "vin": st.sampled_from((*VINS, "BAD", None)),
        "refers_to": st.one_of(st.none(), st.lists(keys, min_size=1, max_size=2, unique=True)),
        "owner": st.sampled_from(("Li", None)),
        "amount": st.sampled_from(("500000", "12", "x", None)),
        "status": st.sampled_from(FINAL),
        "due_at": days,
        "closed_at": days,
        "valid_to": days,
        "subject": st.sampled_from(("talk", None)),
        "contact_key": st.sampled_from(("p1", None)),
    }
)
put = st.tuples(st.just("put"), st.sampled_from(("crm.events", "dms.jobs")), keys, touchpoint)
step = st.one_of(
    put,
    put,
    put,
    st.tuples(st.just("drop"), st.sampled_from(("crm.events", "dms.jobs")), keys),
    st.tuples(st.just("truck"), st.sampled_from(("crm.trucks", "dms.trucks")), st.sampled_from("tu"), parties, days),
    st.tuples(
        st.just("home"),
        st.sampled_from(("crm.accounts:a1", "crm.accounts:a2", "crm.accounts:a3", "dms.customers:c1")),
        st.sampled_from(GOLDEN),
    ),  # fmt: skip
    st.tuples(st.just("account"), st.sampled_from(ACCOUNTS), st.booleans()),
    st.tuples(st.just("owner"), st.sampled_from(GOLDEN), st.sampled_from(("Li", None))),
    st.tuples(st.just("works"), st.sampled_from((*ACCOUNTS, None))),
    st.tuples(st.just("wait"), st.integers(1, 400)),
)
histories = st.lists(st.lists(step, min_size=1, max_size=6), min_size=2, max_size=4)


def take(hub: Hub, what: tuple[Any, ...]) -> None:
    match what:
        case ("put", place, key, values):
            hub.put(place, key, **values)
        case ("drop", place, key):
            hub.drop(place, key)
        case ("truck", place, key, party, day):
            hub.put(place, key, vin=VINS[0], party_key=party, role="owner", delivered_on=day)
        case ("home", member, golden):
            place, key = member.split(":")
            if any(r["source_key"] == key and f"{r['source']}.{r['stream']}" == place for r in hub.records.values()):
                hub.customer(golden, member, **dict(hub.golden.get(golden, ("", {}))[1]))
        case ("account", key, True):
            hub.customer(f"g{key[1]}", f"crm.accounts:{key}")
        case ("account", key, False):
            hub.drop("crm.accounts", key)
        case ("owner", golden, owner):
            if golden in hub.golden:
                hub.customer(golden, account_owner=owner)
        case ("works", employer):
            hub.drop("crm.people", "p1")
            if employer:
                hub.person("p", "crm.people:p1", employer=employer, buying_role=None)
        case ("wait", number):
            hub.today += dt.timedelta(number)


def everything(store: Store) -> dict[str, list[Any]]:
    """What follows from the records and the day alone, without the history of findings."""
    passing = {"first_seen", "opened_on", "opened_run", "closed_on", "closed_run", "reopened", "run_id"}

    def rows(table: Any, drop: set[str] = passing) -> list[Any]:
        return sorted(({k: v for k, v in row.items() if k not in drop} for row in table.to_pylist()), key=str)

    last = store.fetch_arrow("SELECT max(run_id) AS run_id FROM lifecycle_measure")["run_id"][0].as_py() or ""
    return {
        "customers": rows(store.fetch_arrow("SELECT * FROM customer_state")),
        "findings": [row for row in rows(store.all_findings()) if row["status"] == "open"],
        "matrix": rows(store.matrix(last)),
        "measures": rows(store.measures(last)),
        "links": rows(store.fetch_arrow("SELECT * FROM record_link")),
    }


@settings(
    max_examples=6,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
@given(histories)
def test_a_history_of_runs_ends_where_one_full_run_does(history: list[list[tuple[Any, ...]]]) -> None:
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryDirectory() as other:
        hub = Hub(Path(folder))
        for key in ACCOUNTS:
            hub.customer(f"g{key[1]}", f"crm.accounts:{key}")
        hub.customer("g1", "dms.customers:c1")
        hub.run()
        for steps in history:
            for what in steps:
                take(hub, what)
            hub.run()
        fresh = Hub(Path(other))
        fresh.records, fresh.home, fresh.golden, fresh.today = hub.records, hub.home, hub.golden, hub.today
        fresh.run()
        step_by_step, at_once = everything(hub.store), everything(fresh.store)
        for name, rows in at_once.items():
            assert step_by_step[name] == rows, name
        again = hub.run()
        assert again.outcome is None
        hub.store.close()
        fresh.store.close()
