"""Reading customers over HTTP: by every name they have, in both times, masked, with what was seen on record."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import sqlalchemy as sa

from models.store import tables as t
from models.store.audits import AuditFilter
from tests.unit.api.hub import AT, BEFORE, COMPANY, PERSON, Hub


def test_a_customer_by_id_has_its_values_sources_and_former_ids(hub: Hub) -> None:
    found = hub.as_role().get("/v1/customers/g1")
    assert found.status_code == 200
    body = found.json()
    assert body["values"] == COMPANY and body["masked"] == []
    assert [s["source_key"] for s in body["sources"]] == ["A1", "D/1"]
    assert (body["former_ids"], body["version"], body["status"]) == (["g9"], 2, "active")
    assert body["recorded_at"] == "2025-03-04T05:06:07Z"


def test_a_former_id_leads_to_the_survivor_and_says_so(hub: Hub) -> None:
    for below in ("", "/provenance", "/sources", "/relations", "/rollup"):
        found = hub.as_role().get(f"/v1/customers/g9{below}")
        assert found.status_code == 308
        assert found.headers["location"] == f"/v1/customers/g1{below}" == found.json()["location"]
        assert (found.json()["golden_id"], found.json()["alias"]) == ("g1", "g9")
        assert "no-store" in found.headers["cache-control"]


def test_a_ring_of_former_ids_ends(hub: Hub) -> None:
    with hub.store.database.write() as connection:
        row = {"run_id": "r2", "recorded_at": AT}
        connection.execute(sa.insert(t.golden_alias), [{"alias_id": "a", "golden_id": "b", **row}])
        connection.execute(sa.insert(t.golden_alias), [{"alias_id": "b", "golden_id": "a", **row}])
    assert hub.as_role().get("/v1/customers/a").status_code == 308


def test_an_unknown_id_is_a_problem_with_a_code(hub: Hub) -> None:
    found = hub.as_role().get("/v1/customers/nobody")
    assert found.status_code == 404
    assert found.headers["content-type"] == "application/problem+json"
    assert found.json()["code"] == "not_found"
    assert found.json()["request_id"] == found.headers["x-request-id"]


def test_a_retired_customer_is_still_readable(hub: Hub) -> None:
    assert hub.as_role().get("/v1/customers/g7").json()["status"] == "retired"


def test_what_was_believed_and_what_was_true_at_a_moment(hub: Hub) -> None:
    client = hub.as_role()

    def at(**moments: dt.datetime) -> dict[str, str] | int:
        found = client.get("/v1/customers/g1", params={k: v.isoformat() for k, v in moments.items()})
        return found.json()["values"] if found.status_code == 200 else found.status_code

    hour = dt.timedelta(hours=1)
    assert at(known_at=AT) == COMPANY
    assert at(known_at=AT - hour) == {"name": "顺丰"}
    assert at(known_at=BEFORE - hour) == 404
    assert at(valid_at=BEFORE) == COMPANY
    assert at(valid_at=BEFORE - hour) == {"name": "顺丰"}
    assert at(known_at=AT - hour, valid_at=BEFORE - dt.timedelta(days=31)) == 404
    assert client.get("/v1/customers/g9", params={"known_at": AT.isoformat()}).json()["values"] == {"name": "旧顺丰"}


def test_history_tells_versions_what_changed_who_left_and_merges(hub: Hub) -> None:
    body = hub.as_role().get("/v1/customers/g1/history").json()
    assert [(v["version"], v["changed"]) for v in body["versions"]] == [
        (2, ["bank_account", "city", "name", "phone"]),
        (1, ["name"]),
    ]
    assert [(r["source_key"], r["to_run"]) for r in body["left"]] == [("A2", "r2")]
    assert body["lineage"] == [{"kind": "merge", "parent": "g9", "child": "g1", "run_id": "r2"}]


def test_provenance_names_the_winning_record(hub: Hub) -> None:
    fields = hub.as_role().get("/v1/customers/g2/provenance").json()["fields"]
    assert fields["name"] == {
        "value": "顺丰华南", "rule": "only", "source": "crm", "stream": "accounts", "key": "A2",
    }  # fmt: skip


def test_relations_and_what_they_add_up_to(hub: Hub) -> None:
    client = hub.as_role()
    body = client.get("/v1/customers/g1/relations").json()
    assert [r["golden_id"] for r in body["subsidiaries"]] == ["g2"]
    assert body["contacts"] == [{"golden_id": "p1", "entity_type": "person", "name": "王芳"}]
    assert [(r["golden_id"], r["type"], r["direction"]) for r in body["other"]] == [("g2", "serves", "incoming")]
    assert [r["golden_id"] for r in client.get("/v1/customers/g2/relations").json()["parents"]] == ["g1"]
    assert [r["golden_id"] for r in client.get("/v1/customers/p1/relations").json()["employers"]] == ["g1"]
    total = client.get("/v1/customers/g1/rollup").json()
    assert total["own"] == {"customers": 1, "revenue": 100.0, "pipeline": 5.0, "findings": 1}
    assert total["with_subsidiaries"] == {"customers": 2, "revenue": 120.0, "pipeline": 6.0, "findings": 3}
    assert (total["depth"], total["cut"]) == (1, False)


def test_the_key_of_a_source_leads_to_its_customer(hub: Hub) -> None:
    client = hub.as_role()
    assert client.get("/v1/crosswalk/dms/D/1").json()["golden_id"] == "g1"
    both = client.get("/v1/crosswalk/crm/A2").json()
    assert both["golden_id"] is None and {r["golden_id"] for r in both["records"]} == {"g2", "g5"}
    assert client.get("/v1/crosswalk/crm/A2?stream=leads").json()["golden_id"] == "g5"
    gone = client.get("/v1/crosswalk/crm/GONE").json()
    assert gone["golden_id"] is None and gone["records"][0]["deleted"] is True
    assert client.get("/v1/crosswalk/crm/NEVER").status_code == 404
    assert client.get("/v1/crosswalk/crm2/A1").status_code == 404


def test_many_customers_at_once_by_ids_and_keys(hub: Hub) -> None:
    body = {
        "ids": ["g9", "g1", "nobody", "p1"],
        "keys": [{"source": "dms", "source_key": "D/1"}, {"source": "crm", "source_key": "GONE"}],
    }
    found = hub.as_role().post("/v1/customers/batch", json=body).json()
    assert {i["golden_id"]: i["asked_as"] for i in found["items"]} == {"g1": ["dms:D/1", "g9", "g1"], "p1": ["p1"]}
    assert sorted(found["missing"]) == ["crm:GONE", "nobody"]


def test_an_unchanged_answer_is_not_sent_again_and_differs_between_those_who_see_more_or_less(hub: Hub) -> None:
    client = hub.as_role()
    tag = client.get("/v1/customers/p1").headers["etag"]
    again = client.get("/v1/customers/p1", headers={"If-None-Match": f'"other", {tag}'})
    assert (again.status_code, again.content) == (304, b"")
    assert hub.as_role("viewer").get("/v1/customers/p1", headers={"If-None-Match": tag}).status_code == 200
    with hub.store.database.write() as connection:
        connection.execute(sa.update(t.golden_record).values(records=9))
    assert client.get("/v1/customers/p1", headers={"If-None-Match": tag}).status_code == 200


def test_search_by_text_filter_and_page(hub: Hub) -> None:
    client = hub.as_role()

    def ids(**params: object) -> list[str]:
        found = client.get("/v1/customers", params=params)  # type: ignore[arg-type]
        assert found.status_code == 200, found.text
        return [i["golden_id"] for i in found.json()["items"]]

    assert ids() == ["g1", "g2", "g5", "p1", "p2"]
    assert ids(q="顺丰") == ["g1", "g2"]
    assert ids(q="g1") == ["g1"] and ids(q="dms:D/1") == ["g1"] and ids(q="crm.leads:A2") == ["g5"]
    assert ids(q="+8613800138000") == ["p1"]
    assert ids(entity_type="person") == ["p1", "p2"]
    assert ids(status="retired") == ["g7", "g9"]
    assert ids(where="city:深圳市") == ["g1"] and ids(where=["city:深圳市", "name:x"]) == []
    assert ids(where="phone:+8675512345") == ["g1"]
    assert ids(stage="order") == ["g1", "g2"]
    assert ids(q="100%_") == []
    first = client.get("/v1/customers?limit=2").json()
    assert [i["golden_id"] for i in first["items"]] == ["g1", "g2"]
    second = client.get("/v1/customers", params={"limit": 2, "cursor": first["next"]}).json()
    assert [i["golden_id"] for i in second["items"]] == ["g5", "p1"]
    third = client.get("/v1/customers", params={"limit": 2, "cursor": second["next"]}).json()
    assert [i["golden_id"] for i in third["items"]] == ["p2"] and third["next"] is None
    for wrong in ("where=nonsense", "where=nmae:x", "cursor=abc", "limit=0", "status=x"):
        found = client.get(f"/v1/customers?{wrong}")
        assert (found.status_code, found.json()["code"]) == (422, "invalid_request"), wrong


def test_what_a_role_does_not_see_is_nowhere_in_any_answer(hub: Hub) -> None:
    paths = [f"/v1/customers/{i}{b}" for i in ("g1", "p1") for b in ("", "/history", "/provenance", "/sources")]
    paths += ["/v1/customers", "/v1/customers/g1/relations", "/v1/customers/p1?known_at=2030-01-01T00:00:00Z"]
    for role, hidden in (
        ("viewer", ["王芳", "13800138000", PERSON["national_id"], COMPANY["bank_account"]]),
        ("steward", [PERSON["national_id"], COMPANY["bank_account"]]),
        ("engineer", ["王芳", "13800138000", PERSON["national_id"]]),
    ):
        client = hub.as_role(role)
        for path in paths:
            found = client.get(path)
            assert found.status_code == 200, (path, found.text)
            for value in hidden:
                assert value not in found.text, (role, path, value)  # type: ignore[operator]
        assert "national_id" in client.get("/v1/customers/p1").json()["masked"]


def test_nobody_finds_a_customer_by_what_they_do_not_see(hub: Hub) -> None:
    viewer = hub.as_role("viewer")
    for query in ("q=王芳", "q=%2B8613800138000", f"q={PERSON['national_id']}", "where=full_name:王芳"):
        assert viewer.get(f"/v1/customers?{query}").json()["items"] == [], query
    assert hub.as_role("steward").get(f"/v1/customers?q={PERSON['national_id']}").json()["items"] == []
    assert len(hub.as_role("lead_steward").get(f"/v1/customers?q={PERSON['national_id']}").json()["items"]) == 1


def test_reads_of_personal_data_are_on_record_and_others_are_not(hub: Hub) -> None:
    hub.as_role("viewer").get("/v1/customers/p1")
    hub.as_role("lead_steward").get("/v1/customers/g2")
    reader = hub.as_role("lead_steward")
    reader.get("/v1/customers/p1")
    reader.get("/v1/customers")
    hub.app.state.hub.reads.flush()
    entries = [e for e in hub.store.find_audit(AuditFilter(), oldest_first=True) if e["action"].startswith("GET")]
    assert [(e["action"], e["object_id"]) for e in entries] == [
        ("GET /v1/customers/{golden_id}", "p1"),
        ("GET /v1/customers", ""),
    ]
    assert entries[0]["detail"]["attributes"] == ["full_name", "national_id", "phone"]
    assert entries[1]["detail"]["customers"] == ["g1", "p1", "p2"]
    assert "王芳" not in str(entries)


def test_times_have_one_form_wherever_they_stand(hub: Hub) -> None:
    client = hub.as_role("lead_steward")
    known, view = client.get("/v1/customers/g1").json(), client.get("/v1/customers/g1/360").json()
    assert view["identity"]["recorded_at"] == known["recorded_at"] == "2025-03-04T05:06:07Z"
    document = (Path(__file__).parents[3] / "docs/customer-360.md").read_text(encoding="utf-8")
    assert f"`schema_version` {view['schema_version']}:" in document
    assert {one["source_time"] for one in view["identity"]["records"]} == {"2025-02-02T05:06:07Z"}


def test_head_is_answered_as_get_without_the_body(hub: Hub) -> None:
    client = hub.as_role("consumer")
    for path in ("/v1/customers/g1", "/v1/customers/unknown", "/health/live", "/docs"):
        whole, head = client.get(path), client.head(path)
        assert head.content == b"" and whole.content, path
        assert head.status_code == whole.status_code
        for name in ("content-type", "content-length", "etag", "content-security-policy"):
            assert head.headers.get(name) == whole.headers.get(name), (path, name)
    tag = client.head("/v1/customers/g1").headers["etag"]
    assert client.head("/v1/customers/g1", headers={"If-None-Match": tag}).status_code == 304
    assert hub.client().head("/v1/customers/g1").status_code == 401
    assert client.head("/v1/match").status_code == 405
