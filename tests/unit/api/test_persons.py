"""Consent, subject access and erasure over HTTP: whom they are about, and what is answered once somebody is erased."""

from __future__ import annotations

import pytest

from tests.unit.api.hub import Hub

CALLS = (
    ("GET", "/consent", None),
    ("POST", "/consent", {"purpose": "marketing", "given": True}),
    ("GET", "/subject", None),
    ("DELETE", "", {"reason": "request 7"}),
)


@pytest.mark.parametrize(("method", "below", "body"), CALLS)
def test_nobody_is_404_an_organization_422_and_who_was_erased_410(
    hub: Hub, method: str, below: str, body: dict[str, object] | None
) -> None:
    client = hub.as_role("lead_steward")

    def code(golden_id: str) -> tuple[int, str]:
        found = client.request(method, f"/v1/customers/{golden_id}{below}", json=body)
        return found.status_code, found.json()["code"]

    assert code("nobody") == (404, "not_found")
    assert code("g1") == (422, "invalid_request")
    assert client.request("DELETE", "/v1/customers/p1", json={"reason": "request 7"}).status_code == 202
    assert code("p1") == (410, "gone")


def test_whatever_is_asked_of_who_was_erased_is_410(hub: Hub) -> None:
    client = hub.as_role("lead_steward")
    client.request("DELETE", "/v1/customers/p1", json={"reason": "request 7"})
    for below in (
        "",
        "/history",
        "/provenance",
        "/sources",
        "/relations",
        "/rollup",
        "/360",
        "?known_at=2025-03-05T00:00:00Z",
    ):
        found = client.get(f"/v1/customers/p1{below}")
        assert (found.status_code, found.json()["code"]) == (410, "gone"), below
