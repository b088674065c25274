"""The document names every endpoint and code; every endpoint has a rule; the OpenAPI document knows them all."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from serving.api.application import endpoints, right_of
from serving.api.problems import CODES
from tests.unit.api.hub import Hub

DOCS = Path(__file__).parents[3] / "docs"
API = "".join((DOCS / name).read_text(encoding="utf-8") for name in ("api.md", "change-feed.md"))


def test_every_endpoint_is_documented() -> None:
    said = [(m, route.path.replace(":path}", "}")) for route in endpoints() for m in route.methods]
    assert [f"{m} {p}" for m, p in said if f"`{m} {p}" not in API] == []


def test_every_code_is_documented_with_its_status() -> None:
    assert [c for c, (status, meaning) in CODES.items() if f"| `{c}` | {status} | {meaning} |" not in API] == []


def test_every_endpoint_says_which_right_it_needs() -> None:
    assert [route.path for route in endpoints() if right_of(route) is None] == []


def test_no_endpoint_under_v1_is_outside_of_the_interface(hub: Hub) -> None:
    known = {route.path.replace(":path}", "}") for route in endpoints()}
    paths = hub.app.openapi()["paths"]
    assert {p for p in paths if p.startswith("/v1")} == known
    for path, methods in paths.items():
        if path.startswith("/v1"):
            for told in methods.values():
                assert told["security"] and told["summary"] and told["description"], path


def test_what_must_be_sent_has_an_example(hub: Hub) -> None:
    """Each part of a path, and each field that a body needs."""
    document = hub.app.openapi()
    schemas = document["components"]["schemas"]

    def shown(schema: dict[str, Any]) -> bool:
        if "$ref" in schema:
            named = schemas[schema["$ref"].rpartition("/")[2]]
            return all(shown(named["properties"][name]) for name in named["required"])
        return bool({"examples", "enum", "const"} & schema.keys())

    without = []
    for path, methods in document["paths"].items():
        for method, told in methods.items():
            needed = {p["name"]: p["schema"] for p in told.get("parameters", ()) if p["in"] == "path"}
            if body := told.get("requestBody"):
                named = schemas[body["content"]["application/json"]["schema"]["$ref"].rpartition("/")[2]]
                needed |= {name: named["properties"][name] for name in named.get("required", ())}
            without += [f"{method} {path}: {name}" for name, schema in needed.items() if not shown(schema)]
    assert without == []
