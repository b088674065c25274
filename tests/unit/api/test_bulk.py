"""Exports and corrections over HTTP, masked, and consistent with the feed; findings, matrix and the 360 view."""

from __future__ import annotations

import io
import json
import time
from typing import Any

import pyarrow.parquet as pq
import pytest
import sqlalchemy as sa

from models.store.audits import AuditFilter
from models.store.lifecycle_tables import finding, lifecycle_measure, matrix_cell
from models.store.serving_tables import consent
from models.store.tables import golden_record, quarantine, source_record
from serving.access import ROLE_RIGHTS, Principal
from serving.api.sending import AT_ONCE, Sending, TooMany
from serving.export import NAMES, exports
from serving.privacy.consent import record_consent
from serving.selecting import RIGHTS_OF, Selected, Selection
from tests.unit.api.hub import AT, Hub, number


def lines(text: str) -> dict[str, dict[str, object]]:
    return {row["golden_id"]: row for row in map(json.loads, text.splitlines())}


def test_an_export_is_what_its_reader_may_see_and_says_where_the_feed_goes_on(hub: Hub) -> None:
    found = hub.as_role("consumer", "exports.make", "personal").post("/v1/exports", json={"what": "golden"})
    rows = lines(found.text)
    assert found.headers["x-kehu-cursor"] == "4" and found.headers["x-kehu-rows"] == str(len(rows))
    assert set(rows) == {"g1", "g2", "g5", "p1", "p2"}
    assert rows["p1"]["full_name"] == "王芳" and rows["p1"]["national_id"] is None
    assert rows["g1"]["bank_account"] is None and rows["g1"]["phone"] == ["+8675512345"]
    rows = lines(hub.as_role("consumer", "exports.make").post("/v1/exports", json={"what": "golden"}).text)
    assert rows["p1"]["full_name"] is None and rows["p1"]["job_title"] == "采购" and rows["p1"]["phone"] is None
    assert rows["g1"]["phone"] == ["+8675512345"]
    hub.app.state.hub.reads.flush()
    told = [e for e in hub.store.find_audit(AuditFilter(action="export"))]
    assert "full_name" in told[-1]["detail"]["attributes"] and told[-1]["detail"]["rows"] == 5


def test_formats_and_what_changed_since(hub: Hub) -> None:
    client = hub.as_role("consumer")
    parquet = client.post("/v1/exports", json={"what": "golden", "format": "parquet"})
    assert pq.read_table(io.BytesIO(parquet.content)).num_rows == 5
    csv = client.post("/v1/exports", json={"what": "crosswalk", "format": "csv"}).text.splitlines()
    assert csv[0] == "entity_type,source,stream,source_key,golden_id" and len(csv) == 7
    assert set(lines(client.post("/v1/exports", json={"what": "golden", "since": 2}).text)) == {"g2"}
    assert client.post("/v1/exports", json={"what": "audit"}).status_code == 422
    assert client.post("/v1/exports", json={"what": "crosswalk", "since": 2}).status_code == 422
    assert not (hub.config.workspace / "exports").exists()


def test_provenance_and_events_are_masked_too(hub: Hub) -> None:
    poor, rich = hub.as_role("consumer", "exports.make"), hub.as_role("consumer", "exports.make", "personal")
    for what in ("events", "provenance"):
        assert "王芳" not in poor.post("/v1/exports", json={"what": what}).text, what
    assert "王芳" in rich.post("/v1/exports", json={"what": "events"}).text
    assert "110101199003078515" not in rich.post("/v1/exports", json={"what": "events"}).text


def _worked(hub: Hub) -> None:
    """A finding about each of two customers, records of relations, a quarantined row, a stage."""
    needed = [column for column in finding.columns if not column.nullable]
    blank: dict[str, Any] = {c.name: "" if isinstance(c.type, sa.Text) else 0 for c in needed}
    place = {**blank, "source": "crm", "stream": "contacts", "field": "phone", "value": "+8613800138000"}
    rows = [
        {**place, "finding_id": 1, "golden_id": "p1", "source_key": "P1"},
        {
            **place,
            "finding_id": 2,
            "golden_id": "g1",
            "source_key": "A1",
            "stream": "accounts",
            "field": "city",
            "value": "深圳",
        },
    ]
    bad = {"run_id": "r1", "source": "crm", "stream": "contacts", "row": 1, "at": AT, "reason": "王芳 is no number"}
    from_p1 = {"from_ids": [number("crm", "contacts", "P1")], "to_ids": [number("crm", "accounts", "A1")]}
    with hub.store.database.write() as connection:
        connection.execute(sa.insert(finding), rows)
        connection.execute(sa.insert(quarantine).values(**bad, source_key="P9", field="extra", value="王芳"))
        bad |= {"row": 2, "reason": "bytes that are not gb18030 (a.csv, row 2)"}  # it holds the whole row
        connection.execute(sa.insert(quarantine).values(**bad, source_key="P8", field="who", value="P8,王芳,1101…"))
        connection.execute(
            sa.update(source_record)
            .where(source_record.c.record_id == number("crm", "serves", "R1"))
            .values(standard=json.dumps({"type": "serves", **from_p1}))
        )


def test_every_table_of_the_command_line_is_had_over_http_by_whoever_may(hub: Hub) -> None:
    _worked(hub)
    assert set(RIGHTS_OF) == set(NAMES), "a new export says which right it needs"
    for role in ("lead_steward", "admin", "consumer"):
        client = hub.as_role(role)
        for what, further in RIGHTS_OF.items():
            found = client.post("/v1/exports", json={"what": what, "format": "csv"})
            if further is None or further in ROLE_RIGHTS[role]:
                assert found.status_code == 200, (role, what, found.text)
                assert found.text.splitlines()[0] == ",".join(exports(hub.config)[what].schema.names)
            else:
                assert (found.status_code, found.json()["right"]) == (403, further), (role, what)
    narrow = hub.as_role("consumer", "exports.make")
    assert narrow.post("/v1/exports", json={"what": "findings"}).json()["right"] == "findings.read"


def test_tables_of_the_lifecycle_are_masked_and_leave_out_whom_they_must(hub: Hub) -> None:
    _worked(hub)

    def had(client: Any, what: str) -> list[dict[str, Any]]:
        found = client.post("/v1/exports", json={"what": what})
        assert found.status_code == 200, found.text
        return [json.loads(line) for line in found.text.splitlines()]

    every = ("exports.make", "findings.read", "customers.read")
    poor, rich = hub.as_role("consumer", *every), hub.as_role("consumer", *every, "personal")
    assert {f["finding_id"]: f["value"] for f in had(rich, "findings")} == {1: "+8613800138000", 2: "深圳"}
    assert {f["finding_id"]: f["value"] for f in had(poor, "findings")} == {1: None, 2: "深圳"}
    (relation,) = had(poor, "relation")
    assert (relation["from_id"], relation["golden_id"], relation["source_key"]) == ("p1", "g1", "R1")
    rows = had(hub.as_role("admin"), "quarantine")
    told = sorted((row["value"], row["reason"], row["field"]) for row in rows)
    assert told == [(None, None, "extra"), (None, None, "who")], "they may hold anything"

    bound = hub.as_role("consumer", *every, "personal", "purpose:marketing")
    assert [f["finding_id"] for f in had(bound, "findings")] == [2] and had(bound, "relation") == []
    record_consent(hub.store, "p1", "marketing", given=True, by="li")
    assert len(had(bound, "findings")) == 2 and len(had(bound, "relation")) == 1
    refused = hub.as_role("admin", "exports.make", "tasks.read", "purpose:marketing")
    assert refused.post("/v1/exports", json={"what": "tasks"}).status_code == 422

    hub.store.add_tombstones([], ["p1"], erasure="e", by="li")
    assert [f["finding_id"] for f in had(rich, "findings")] == [2] and had(rich, "relation") == []


def test_consent_counts_by_channel_and_with_its_history(hub: Hub) -> None:
    client = hub.as_role("consumer", "exports.make", "personal", "purpose:marketing")

    def who(**body: object) -> set[str]:
        return set(lines(client.post("/v1/exports", json={"what": "golden", **body}).text)) & {"p1", "p2"}

    record_consent(hub.store, "p1", "marketing", given=True, by="li", channel="email")
    record_consent(hub.store, "p2", "marketing", given=True, by="li")
    assert (who(), who(channel="email"), who(channel="phone")) == ({"p1", "p2"}, {"p1", "p2"}, {"p2"})
    record_consent(hub.store, "p1", "marketing", given=False, by="li", channel="email")
    record_consent(hub.store, "p2", "other", given=False, by="li")
    assert (who(), who(channel="email")) == ({"p2"}, {"p2"})
    for name in ("events", "provenance", "crosswalk"):
        assert "p1" not in client.post("/v1/exports", json={"what": name}).text, name
    with hub.store.database.write() as connection:
        text = json.dumps({"full_name": "王芳", "consent": "Yes"})
        where = golden_record.c.golden_id == "p1"
        connection.execute(sa.update(golden_record).where(where).values(values=text))
        connection.execute(sa.delete(consent))
    assert who() == {"p1"}, "what the sources deliver counts where nobody wrote anything down"


def test_who_breaks_off_ends_the_reading_and_only_so_many_go_on_at_once(
    hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("serving.api.sending.WAITING_PARTS", 1)
    monkeypatch.setattr("serving.api.sending.PART_BYTES", 1)
    golden = Selected(hub.store, hub.config, "golden", Selection(Principal.system()))
    begun = [Sending(hub.store, lambda: golden, "csv") for _ in range(AT_ONCE)]
    with pytest.raises(TooMany):
        Sending(hub.store, lambda: golden, "csv")
    found = hub.as_role("consumer").post("/v1/exports", json={"what": "golden"})
    assert (found.status_code, found.headers["retry-after"]) == (429, "30")
    for one in begun:
        parts = one.parts()
        next(parts)
        parts.close()  # type: ignore[attr-defined]
    for _ in range(100):
        if hub.as_role("consumer").post("/v1/exports", json={"what": "golden"}).status_code == 200:
            break
        time.sleep(0.1)
    else:
        raise AssertionError("the places were not given back")


def test_an_export_that_cannot_be_recorded_is_not_made_and_holds_no_place(
    hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("serving.api.sending.WAITING_PARTS", 1)
    monkeypatch.setattr("serving.api.sending.PART_BYTES", 1)
    client = hub.as_role("consumer")
    with monkeypatch.context() as patched:
        patched.setattr(hub.app.state.hub.reads, "read", full)
        assert {client.post("/v1/exports", json={"what": "golden"}).status_code for _ in range(AT_ONCE)} == {500}
    for _ in range(100):
        if client.post("/v1/exports", json={"what": "golden"}).status_code == 200:
            break
        time.sleep(0.1)
    else:
        raise AssertionError("the places were not given back")


def test_persons_who_did_not_agree_are_left_out(hub: Hub) -> None:
    client = hub.as_role("consumer", "exports.make", "personal", "purpose:marketing")
    record_consent(hub.store, "p1", "marketing", given=True, by="li")
    rows = lines(client.post("/v1/exports", json={"what": "golden"}).text)
    assert "p1" in rows and "p2" not in rows and "g1" in rows


def test_corrections_name_what_a_source_should_hold_until_it_does(hub: Hub) -> None:
    records = {"0": [str(number("crm", "accounts", "A1")), "crm", "accounts", "A1"]}
    records["1"] = [str(number("dms", "customers", "D/1")), "dms", "customers", "D/1"]
    fields = {"name": {"rule": "source_priority", "from": 0, "lost": [[1, "顺丰"]]}, "city": {"rule": "x", "from": 0}}

    def told(document: dict[str, object]) -> None:
        with hub.store.database.write() as connection:
            where = golden_record.c.golden_id == "g1"
            text = json.dumps(document, ensure_ascii=False)
            connection.execute(sa.update(golden_record).where(where).values(provenance=text))

    told({"records": records, "fields": fields})
    client = hub.as_role("engineer")
    items = client.get("/v1/corrections?source=dms").json()["items"]
    assert [(c["source_key"], c["attribute"], c["source_value"], c["golden_value"]) for c in items] == [
        ("D/1", "name", "顺丰", "顺丰物流")
    ]
    assert client.get("/v1/corrections?source=crm").json()["items"] == []
    for wrong in ("source=dsm", "source=dms&attribute=nmae", "source=api-nobody"):
        assert client.get(f"/v1/corrections?{wrong}").json()["code"] == "invalid_request", wrong
    assert client.get("/v1/corrections?source=dms&attribute=city").json()["items"] == []
    told({"records": records, "fields": {**fields, "name": {"rule": "source_priority", "from": 0, "lost": [[1]]}}})
    assert client.get("/v1/corrections?source=dms").json()["items"] == []


def test_the_matrix_is_that_of_the_newest_run(hub: Hub) -> None:
    numbers = dict.fromkeys(("expected", "collected", "touchpoints", "complete", "valid", "present", "fresh"), 1)
    place = {"touchpoint": "visit", "stage": "lead", "source": "crm"}
    with hub.store.database.write() as connection:
        connection.execute(sa.insert(matrix_cell), [{"run_id": r, **place, **numbers} for r in ("r1", "r2")])
    body = hub.as_role("viewer").get("/v1/matrix").json()
    assert (body["run_id"], len(body["cells"])) == ("r2", 1)


def test_adherence_is_that_of_the_newest_run(hub: Hub) -> None:
    said = [("r1", "of", 10), ("r1", "broken", 9), ("r2", "of", 10), ("r2", "broken", 1)]
    with hub.store.database.write() as connection:
        connection.execute(
            sa.insert(lifecycle_measure),
            [{"run_id": run, "measure": "a:order-quote", "part": part, "value": n} for run, part, n in said],
        )
    client = hub.as_role("viewer")
    body = client.get("/v1/adherence").json()
    assert body["run_id"] == "r2" and body["stages"] == [{"stage": "order", "share": 0.9}]
    assert body["rules"] == [{"stage": "order", "rule": "order-quote", "of": 10, "broken": 1, "share": 0.9}]
    assert client.get("/v1/adherence?run_id=r1").json()["rules"][0]["broken"] == 9


def test_the_360_view_is_masked_and_follows_former_ids(hub: Hub) -> None:
    assert hub.as_role("viewer").get("/v1/customers/g9/360").headers["location"] == "/v1/customers/g1/360"
    found = hub.as_role("viewer").get("/v1/customers/g1/360")
    assert found.status_code == 200, found.text
    assert "王芳" not in found.text and "6222000011112222" not in found.text
    assert hub.as_role("viewer").get("/v1/customers/nobody/360").status_code == 404
