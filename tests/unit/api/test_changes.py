"""The feed over HTTP: gapless under filters, masked, long poll, and the lag of whoever reads."""

from __future__ import annotations

import threading
import time

from serving.privacy.consent import record_consent
from tests.unit.api.hub import Hub


def test_events_come_in_order_and_next_goes_on_from_there(hub: Hub) -> None:
    client = hub.as_role("consumer", "changes.read", "personal", "secret")
    first = client.get("/v1/changes?after=0&limit=3").json()
    assert [e["seq"] for e in first["events"]] == [1, 2, 3]
    assert (first["next"], first["last"], first["more"]) == (3, 4, True)
    rest = client.get(f"/v1/changes?after={first['next']}").json()
    assert [(e["seq"], e["type"], e["after"]) for e in rest["events"]] == [(4, "alias", ["g1"])]
    assert (rest["next"], rest["more"]) == (4, False)
    assert client.get("/v1/changes/cursor").json() == {"last": 4}


def test_filters_leave_events_out_but_move_on(hub: Hub) -> None:
    client = hub.as_role("consumer", "changes.read")

    def seqs(query: str) -> tuple[list[int], int]:
        found = client.get(f"/v1/changes?after=0&{query}").json()
        return [e["seq"] for e in found["events"]], found["next"]

    assert seqs("types=created") == ([1, 2], 4)
    assert seqs("types=created,alias&entity_type=organization") == ([1, 4], 4)
    assert seqs("attribute=city") == ([1], 4)
    assert seqs("attribute=name") == ([1, 3], 4)
    assert seqs("source=dms") == ([1], 4)
    assert seqs("types=retired") == ([], 4)
    hidden = ("attribute=national_id", "attribute=ctiy", "source=dsm", "source=api-nobody", "source=%00")
    for wrong in ("types=creatde", "after=-1", "limit=0", *hidden):
        assert client.get(f"/v1/changes?{wrong}").status_code == 422, wrong
    assert "did you mean 'city'?" in client.get("/v1/changes?attribute=ctiy").json()["detail"]
    assert "did you mean 'dms'?" in client.get("/v1/changes?source=dsm").json()["detail"]


def test_whoever_filters_by_source_or_attribute_hears_of_erasures_too(hub: Hub) -> None:
    """Of whose source the person was is not known any more; who holds their data must remove them all the same."""
    erased = hub.as_role("lead_steward").request("DELETE", "/v1/customers/p1", json={"reason": "request 7"})
    assert erased.json()["removed"] is True
    client = hub.as_role("consumer", "changes.read")
    for query in ("source=crm", "source=dms", "attribute=city", "entity_type=person&source=crm", "types=erased"):
        told = client.get(f"/v1/changes?after=4&{query}").json()["events"]
        assert [(e["type"], e["golden_id"]) for e in told] == [("erased", "p1")], query
    assert client.get("/v1/changes?after=4&entity_type=organization").json()["events"] == []


def test_a_channel_without_a_purpose_is_refused_since_it_would_leave_nobody_out(hub: Hub) -> None:
    client = hub.as_role("consumer", "changes.read", "exports.make", "personal")
    for answer in (
        client.get("/v1/changes?channel=email"),
        client.post("/v1/exports", json={"what": "golden", "channel": "email"}),
    ):
        assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")
    client = hub.as_role("consumer", "changes.read", "exports.make", "personal", "purpose:marketing")
    assert client.get("/v1/changes?channel=email").status_code == 200
    assert client.post("/v1/exports", json={"what": "golden", "channel": "email"}).status_code == 200


def test_a_number_that_the_feed_never_reached_is_gone(hub: Hub) -> None:
    found = hub.as_role("consumer").get("/v1/changes?after=99")
    assert (found.status_code, found.json()["code"]) == (410, "cursor_gone")


def test_values_are_masked_as_everywhere(hub: Hub) -> None:
    event = hub.as_role("consumer", "changes.read").get("/v1/changes?after=1&limit=1").json()["events"][0]
    assert event["after"] == {"job_title": "采购"}
    assert event["masked"] == ["full_name", "national_id", "phone"]


def test_a_key_with_a_purpose_gets_only_persons_who_agreed_to_it(hub: Hub) -> None:
    client = hub.as_role("consumer", "changes.read", "personal", "purpose:marketing")

    def person() -> dict[str, object]:
        found: dict[str, object] = client.get("/v1/changes?after=1&limit=1").json()["events"][0]
        return found

    assert person()["withheld"] is True and person()["after"] is None
    record_consent(hub.store, "p1", "service", given=True, by="li")
    assert person()["withheld"] is True
    record_consent(hub.store, "p1", "marketing", given=True, by="li")
    assert person()["withheld"] is False and person()["after"]
    record_consent(hub.store, "p1", "marketing", given=False, by="li")
    assert person()["withheld"] is True
    told = client.get("/v1/changes?after=4").json()["events"]
    assert [(e["seq"], e["type"], e["golden_id"]) for e in told] == [(n, "consent", "p1") for n in (5, 6, 7)]


def test_a_long_poll_ends_with_the_event(hub: Hub) -> None:
    client = hub.as_role("consumer")
    later = threading.Timer(0.7, lambda: record_consent(hub.store, "p1", "marketing", given=True, by="li"))
    later.start()
    began = time.monotonic()
    found = client.get("/v1/changes?after=4&wait=20").json()
    later.join()
    assert [e["seq"] for e in found["events"]] == [5]
    assert time.monotonic() - began < 15
    assert client.get("/v1/changes?after=5&wait=0.2").json()["events"] == []


def test_how_far_each_reader_is_and_how_far_behind(hub: Hub) -> None:
    client = hub.as_role("consumer")
    client.get("/v1/changes?after=1&reader=a")
    client.get("/v1/changes?after=4&reader=b")
    rows = hub.as_role("engineer").get("/v1/changes/readers").json()["items"]
    assert [(r["consumer"], r["reader"], r["seq"], r["behind"]) for r in rows] == [
        ("test", "a", 1, 3),
        ("test", "b", 4, 0),
    ]
    assert rows[0]["behind_seconds"] > 0 == rows[1]["behind_seconds"]


def test_a_number_that_the_feed_was_never_at_is_no_cursor(hub: Hub) -> None:
    client = hub.as_role("consumer")
    assert client.get("/v1/changes?after=99999").json()["code"] == "cursor_gone"
    assert hub.as_role("admin").get("/v1/changes/readers").json()["items"] == []
    assert client.get("/v1/changes?after=2").status_code == 200
    assert [r["seq"] for r in hub.as_role("admin").get("/v1/changes/readers").json()["items"]] == [2]
