"""The checks of a delivery, each with one that breaks it."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from connectors.landing import Landed
from orchestration import checks
from orchestration.laws import Verdict
from tests.unit.orchestration import fakes
from tests.unit.orchestration.conftest import Hub

ALL = (checks.READ, checks.COLUMNS, checks.VOLUME, checks.CEILING, checks.DRIFT)


@pytest.fixture
def landed(hub: Hub) -> Landed:
    return delivery(hub)


def delivery(hub: Hub, how: str | None = None) -> Landed:
    if how:
        hub.break_source("accounts", how)
    source = hub.config.source("sales-crm")
    return fakes.land(
        source, source.stream("accounts"), state=None, workspace=hub.config.workspace, run_id="r", base=hub.folder
    )


def results(landed: Landed) -> dict[str, dg.AssetCheckResult]:
    return {str(r.check_name): r for r in checks.stream_results("raw_sales_crm_accounts", landed)}


def test_a_sound_delivery_passes_every_check(landed: Landed) -> None:
    found = results(landed)
    assert tuple(found) == ALL and all(r.passed for r in found.values())


@pytest.mark.parametrize(
    ("how", "check", "words"),
    [
        ("failed", checks.READ, "connection refused"),
        ("columns", checks.COLUMNS, "the column 'name' is missing"),
        ("volume", checks.VOLUME, "3 rows after 90"),
    ],
)
def test_what_was_not_taken_is_an_error(hub: Hub, how: str, check: str, words: str) -> None:
    found = results(delivery(hub, how))
    assert [name for name, r in found.items() if not r.passed] == [check]
    assert tuple(found)[: ALL.index(check) + 1] == ALL[: ALL.index(check) + 1]
    assert (
        found[check].severity == dg.AssetCheckSeverity.ERROR
        and found[check].description == f"sales-crm.accounts: {words}"
    )


def test_drift_is_a_warning(landed: Landed) -> None:
    found = results(dataclasses.replace(landed, drift=["new column vip", "tel is number, was text"]))[checks.DRIFT]
    assert not found.passed and found.severity == dg.AssetCheckSeverity.WARN
    assert found.description == "new column vip; tel is number, was text"


@pytest.mark.parametrize(
    ("quarantined", "status", "passed"),
    [(0, "landed", True), (4, "landed", True), (5, "landed", False), (5, "refused", True)],
)  # fmt: skip
def test_many_quarantined_rows_are_a_warning(quarantined: int, status: str, passed: bool) -> None:
    row: dict[str, Any] = {"source": "s", "stream": "t", "rows": 100 - quarantined, "quarantined": quarantined}
    found = checks.quarantine_result([row | {"status": status}, row | {"quarantined": 0, "status": "unchanged"}])
    assert found.passed is passed and found.severity == dg.AssetCheckSeverity.WARN
    assert passed or found.description == "s.t: 5.0% set aside"


def test_only_the_laws_before_publishing_block() -> None:
    blocking = {spec.name: spec.blocking for spec in checks.law_specs("a", checks.BEFORE, blocking=True)}
    assert blocking == {"one_golden_record_each": True, "no_golden_record_without_members": True, "cluster_size": False}
    assert not any(spec.blocking for spec in checks.law_specs("a", checks.AFTER, blocking=False))
    assert not any(spec.blocking for spec in checks.stream_specs("a"))


def test_a_verdict_keeps_its_numbers_and_examples() -> None:
    found = checks.law_result("a", Verdict("cluster_size", False, "too large", "WARN", {"largest": 9}, ["g1"]))
    assert (found.passed, found.severity, found.description) == (False, dg.AssetCheckSeverity.WARN, "too large")
    assert found.metadata["largest"].value == 9 and "examples" in found.metadata


def test_every_check_of_a_delivery_is_made(tmp_path: Path) -> None:
    assert tuple(spec.name for spec in checks.stream_specs("a")) == ALL
