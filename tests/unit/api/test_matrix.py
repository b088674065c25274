"""Every role against every endpoint: generated from the declarations, so that an endpoint without a rule fails.

Whoever lacks the right gets 403 whatever they send; whoever has it is answered; nobody gets a value that they do not
see; without a key, with a wrong one and with a revoked one everybody gets 401.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.routing import APIRoute

from models.store import open_store
from serving.access import ROLE_RIGHTS, ROLE_SEES, ROLES
from serving.access.keys import issue, revoke
from serving.api.application import endpoints, right_of
from tests.unit.api.hub import PERSONAL, SECRETS, Hub

PLACES = {
    "golden_id": ["g1", "p1"],
    "source": ["crm"],
    "source_key": ["P1"],
    "task_key": ["people"],
    "number": ["1"],
    "webhook_id": ["0123456789abcdef"],
    "letter": ["1"],
    "erasure": ["5c0ffee5c0ff"],
}
"""What stands in the place of each parameter of a path."""

KEY = {"source": "crm", "source_key": "A1", "stream": "accounts"}
BODIES: dict[str, Any] = {
    "POST /v1/customers/batch": {"ids": ["p1", "g1"]},
    "POST /v1/customers/{golden_id}/consent": {"purpose": "service", "given": True},
    "DELETE /v1/customers/{golden_id}": {"reason": "request 7"},
    "POST /v1/erasures/{erasure}/proof": {"texts": ["13800138000"]},
    "POST /v1/webhooks": {"url": "https://93.184.216.34/"},
    "DELETE /v1/webhooks/{webhook_id}": None,
    "POST /v1/webhooks/{webhook_id}/pause": None,
    "POST /v1/webhooks/{webhook_id}/resume": None,
    "POST /v1/webhooks/{webhook_id}/dead-letters/{letter}/replay": None,
    "POST /v1/exports": {"what": "golden"},
    "POST /v1/match": {"entity_type": "person", "values": {"full_name": "王芳"}},
    "POST /v1/customers": {"entity_type": "person", "values": {"full_name": "王芳"}},
    "POST /v1/sources/{source}/changed": None,
    "POST /v1/tasks/{task_key}/claim": None,
    "POST /v1/tasks/{task_key}/release": None,
    "POST /v1/tasks/{task_key}/assign": {"to": None},
    "POST /v1/tasks/{task_key}/comments": {"text": "looked at it"},
    "POST /v1/tasks/{task_key}/done": {"note": "seen to"},
    "POST /v1/findings/{number}/task": {"note": "please look"},
    "POST /v1/tasks/{task_key}/decision": {"verdict": "unsure"},
    "POST /v1/decisions": {"verdict": "unsure", "left": KEY, "right": {**KEY, "source_key": "A2"}, "reason": "why"},
    "POST /v1/decisions/{number}/undo": {"reason": "why"},
    "POST /v1/decisions/{number}/approve": {"reason": "why"},
    "POST /v1/decisions/{number}/reject": {"reason": "why"},
    "POST /v1/customers/{golden_id}/values": {
        "action": "ignore", "attribute": "national_id", "value": "x", "reason": "why",
    },
    "POST /v1/customers/{golden_id}/split": {"parts": [[KEY], [KEY]], "reason": "why"},
}  # fmt: skip
"""A body for every endpoint that takes one; a new endpoint needs one here."""

ROUTES = sorted(
    ((method, route) for route in endpoints() for method in sorted(route.methods)), key=lambda r: r[0] == "DELETE"
)
"""Every endpoint, those that remove something last."""


def requests(method: str, route: APIRoute) -> list[tuple[str, str, Any]]:
    """Method, path and body of requests to an endpoint."""
    name = f"{method} {route.path}"
    assert method in ("GET", "HEAD") or name in BODIES, f"{name} needs a body in BODIES"
    paths = [route.path.replace(":path}", "}")]
    for parameter, values in PLACES.items():
        paths = [p.replace("{" + parameter + "}", v) for p in paths for v in (values if parameter in p else [""])]
    assert all("{" not in path for path in paths), f"{route.path}: PLACES lacks a parameter"
    return [(method, path, BODIES.get(name)) for path in dict.fromkeys(paths)]


@pytest.fixture
def hub(sqlite_template: Path, tmp_path: Path) -> Iterator[Hub]:
    """A served hub on SQLite: what is refused does not depend on the database."""
    shutil.copy(sqlite_template, tmp_path / "hub.db")
    with open_store(f"sqlite:///{tmp_path / 'hub.db'}") as store:
        made = Hub(store, tmp_path)
        yield made
        made.app.state.hub.reads.close()


@pytest.mark.parametrize("role", ROLES)
def test_rights_and_masking_hold_at_every_endpoint(hub: Hub, role: str) -> None:
    client = hub.as_role(role)
    hidden = [] if "personal" in ROLE_SEES[role] else list(PERSONAL)  # type: ignore[index]
    hidden += [] if "secret" in ROLE_SEES[role] else list(SECRETS)  # type: ignore[index]
    for method, route in ROUTES:
        rule = right_of(route)
        assert rule is not None, f"{method} {route.path} declares no right"
        for verb, path, body in requests(method, route):
            found = client.request(verb, path, json=body)
            what = (role, verb, path, found.text)
            if rule.right is None or rule.right in ROLE_RIGHTS[role]:  # type: ignore[index]
                not_ready = found.status_code == 503 and found.json()["code"] == "not_ready"  # no model in this hub
                assert (found.status_code < 500 or not_ready) and found.status_code not in (401, 405), what
                if found.status_code == 403:  # of an attribute that is not theirs to see, never of the right
                    assert "right" not in found.json(), what
            else:
                assert (found.status_code, found.json().get("code")) == (403, "forbidden"), what
                assert found.json()["right"] == rule.right
            if not path.endswith("/subject"):  # made for the person themselves, by whoever may do that
                assert [value for value in hidden if value in found.text] == [], what


def test_every_path_of_the_document_has_a_rule_but_those_that_watch_the_server(hub: Hub) -> None:
    """A route that is added past the list of routers would be tried by none of these tests."""
    ruled = {route.path.replace(":path}", "}") for _, route in ROUTES if right_of(route) is not None}
    assert set(hub.app.openapi()["paths"]) - ruled == {"/health/live", "/health/ready", "/metrics"}
    assert hub.client().get("/metrics").status_code == 401, "it asks who is there by itself"


def test_nobody_is_answered_without_a_key_that_holds(hub: Hub) -> None:
    made = issue(hub.store, "gone", by="test", role="admin")
    revoke(hub.store, made.key_id, by="test")
    late = issue(hub.store, "late", by="test", role="admin", days=0)
    for token in (None, "kehu_0123456789ab_" + "a" * 43, made.token, late.token):
        hub.app.state.api_service = None  # with a full bucket: wrong keys are expensive
        client = hub.client(token)
        for method, route in ROUTES:
            verb, path, body = requests(method, route)[0]
            found = client.request(verb, path, json=body)
            if found.status_code == 429:
                assert token is not None
                hub.app.state.api_service = None
                found = client.request(verb, path, json=body)
            assert (found.status_code, found.json()["code"]) == (401, "not_signed_in"), (verb, path)
            assert "bearer" in found.headers["www-authenticate"].lower()
