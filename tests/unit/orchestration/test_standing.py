"""When everything has to be resolved again because the published state rests on something else."""

from __future__ import annotations

import pytest

from orchestration import standing as module
from orchestration.standing import standing, why_full
from tests.unit.orchestration.conftest import Hub


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("{full_name: name}", "{full_name: name, job_title: id}", "the configuration of sales-crm.contacts changed"),
        ("key: [site, id]", "key: id", "the configuration of service.dealers changed"),
        ("family: sales\n", "family: sales\n    priority: 1\n", "the configuration of sales-crm.accounts changed"),
        ("workspace: work", "workspace: work\nmatching: {person: {auto: 7}}", "survivorship of person changed"),
        ("workspace: work", "workspace: work\nsurvivorship: {person: {job_title: longest}}", "of person changed"),
        ("workspace: work", "workspace: work\nattributes: {person: {hobby: {}}}", "of person changed"),
        ("name: dealers", "name: workshops", "service.dealers is no longer configured"),
    ],
)
def test_what_shapes_golden_records_is_noticed(hub: Hub, old: str, new: str, reason: str) -> None:
    with hub.store() as store:
        before = standing(hub.config, store)
        now = standing(hub.reconfigure(old, new), store)
    assert reason in str(why_full(before, now))
    assert why_full(now, now) is None


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("freshness: 26", "freshness: 2"),
        ("0 3 * * *", "0 4 * * *"),
        ("workspace: work", "workspace: elsewhere\nthreads: 1"),
        ("workspace: work\n", "workspace: work\n# a remark\n"),
        ("name: orders", "name: purchases"),  # touchpoints do not become golden records
        ("path: \"service_*.json\"", "path: \"dealers_*.json\""),
    ],
)  # fmt: skip
def test_what_does_not_is_no_reason(hub: Hub, old: str, new: str) -> None:
    with hub.store() as store:
        before = standing(hub.config, store)
        assert why_full(before, standing(hub.reconfigure(old, new), store)) is None


def test_a_new_stream_is_no_reason(hub: Hub) -> None:
    with hub.store() as store:
        now = standing(hub.config, store)
    before = {**now, "streams": dict(list(now["streams"].items())[1:])}
    assert why_full(before, now) is None


def test_a_stream_that_is_configured_again_is_a_reason(hub: Hub) -> None:
    with hub.store() as store:
        now = standing(hub.config, store)
    first, *others = now["streams"]
    before = {**now, "streams": {name: now["streams"][name] for name in others}}
    assert why_full(before, now, held=[first, *others]) == f"{first} is configured again"
    assert why_full(now, now, held=[first, *others]) is None


def test_another_model_is_a_reason(hub: Hub) -> None:
    with hub.store() as store:
        none = standing(hub.config, store)
        store.save_model("person-1", "person", {})
        first = standing(hub.config, store)
        store.save_model("person-2", "person", {})
        second = standing(hub.config, store)
    assert why_full(none, first) is None  # the first one is trained by a run
    assert why_full(first, second) == "another match model of person was published"


def test_other_parsers_are_a_reason(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    with hub.store() as store:
        before = standing(hub.config, store)
        monkeypatch.setattr(module, "PARSER_VERSION", "another")
        assert why_full(before, standing(hub.config, store)) == "this version standardises differently"


def test_a_new_hub_is_resolved_wholly(hub: Hub) -> None:
    with hub.store() as store:
        assert why_full(None, standing(hub.config, store)) == "the hub is new"
