"""Requests that a generator draws from the OpenAPI document: none ends in a 5xx, all answers are as it says.

Three for each endpoint, always the same ones; `make fuzz` draws many, new ones each time.
"""

from __future__ import annotations

import os
import shutil
import time
import traceback
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import response_schema_conformance, status_code_conformance

from models.store import open_store
from serving.access.keys import issue
from tests.unit.api.hub import CONFIG, Hub

MUCH = "serving: {requests_per_second: 100000, burst: 100000}\n"


EXAMPLES = int(os.environ.get("KEHU_FUZZ", "0"))
EVERY = list(HealthCheck)
CHECKS = [not_a_server_error, status_code_conformance, response_schema_conformance]
ROLES = ("lead_steward", "admin")


@pytest.mark.timeout(36_000 if EXAMPLES else 300)
def test_every_answer_is_as_the_document_says(sqlite_template: Path, tmp_path: Path) -> None:
    shutil.copy(sqlite_template, tmp_path / "hub.db")
    with open_store(f"sqlite:///{tmp_path / 'hub.db'}") as store:
        hub = Hub(store, tmp_path, CONFIG + MUCH)
        keys = [issue(store, "fuzz", by="test", role=role, scopes=["personal"]).token for role in ROLES]
        loaded = schemathesis.openapi.from_asgi("/openapi.json", hub.app)
        tried, wrong = 0, list[str]()
        for found in loaded.get_all_operations():
            operation = found.ok()
            if operation.path.startswith("/metrics"):  # no JSON
                continue

            @given(case=operation.as_strategy())
            @settings(
                max_examples=EXAMPLES or 3,
                deadline=None,
                database=None,
                derandomize=not EXAMPLES,
                suppress_health_check=EVERY,
            )
            def answered(case: Any) -> None:
                if case.query and "wait" in case.query:  # for half a minute: the generator gives up after ten seconds
                    case.query["wait"] = 0
                for key in keys:
                    answer = case.call(headers={"Authorization": f"Bearer {key}"})
                    if answer.status_code == 503 and answer.json()["code"] == "not_ready":
                        continue  # no model in this hub
                    case.validate_response(answer, checks=CHECKS)

            began = time.monotonic()
            try:
                answered()
            except Exception:  # the others are tried all the same
                wrong.append(f"{operation.label}\n{traceback.format_exc()}")
            tried += 1
            if EXAMPLES:
                said = "WRONG" if wrong and wrong[-1].startswith(operation.label) else "ok"
                print(f"{said:6}{operation.label}: {time.monotonic() - began:.0f} s", flush=True)
        hub.app.state.hub.reads.close()
        assert tried > 40
        assert not wrong, "\n\n".join(wrong)
