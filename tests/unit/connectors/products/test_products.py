"""Simulated products through the conformance kit; what they merge goes on under the key that stayed."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest

from connectors.conformance import START, Row, checks_of, run
from connectors.conformance.hub import hub_of
from tests.unit.connectors.products.base import Product
from tests.unit.connectors.products.others import OTHERS, Marketo
from tests.unit.connectors.products.sales import SALES, Dynamics, HubSpot, Salesforce

PRODUCTS = [*SALES, *OTHERS]


@pytest.mark.parametrize(
    ("product", "check"),
    [pytest.param(p, c, id=f"{p.__name__}-{c}") for p in PRODUCTS for c in checks_of(p)],
)
def test_conformance(product: type[Product], check: str, tmp_path: Path) -> None:
    run(check, product(tmp_path), tmp_path)


@pytest.mark.parametrize("product", [Salesforce, Dynamics, HubSpot, Marketo])
def test_what_the_product_merges_goes_on_under_the_key_that_stayed(product: type[Product], tmp_path: Path) -> None:
    subject = product(tmp_path)
    try:
        with hub_of(subject, tmp_path) as hub:
            subject.put([Row("a", "One", "x"), Row("b", "Two", "y"), Row("c", "Three", "z")])
            hub.run()
            subject.merge("b", "a", START + dt.timedelta(seconds=100))
            landed = hub.land()
            assert landed.status == "landed", landed.error
            hub.publish(landed)
            assert sorted(hub.held()) == sorted([subject.hub_key("a"), subject.hub_key("c")])
            gone = tmp_path / "work" / str(landed.batch_dir)
            assert any("merged" in p.name or "rekey" in p.name for p in gone.iterdir()), sorted(
                p.name for p in gone.iterdir()
            )
    finally:
        subject.close()


def test_an_ended_delta_link_reads_everything(tmp_path: Path) -> None:
    subject = Dynamics(tmp_path)
    try:
        with hub_of(subject, tmp_path) as hub:
            subject.put([Row("a"), Row("b")])
            hub.run()
            subject.remove(["a"], START)
            subject.put([Row("c")])
            subject.expired = True
            landed = hub.land()
            assert "the delta link ended; everything is read" in landed.drift and landed.mode == "snapshot"
            hub.publish(landed)
            assert sorted(hub.held()) == [subject.hub_key("b"), subject.hub_key("c")]
    finally:
        subject.close()


def test_a_search_that_would_give_too_much_goes_on_behind_the_last_id(tmp_path: Path) -> None:
    subject = HubSpot(tmp_path)
    subject.most = 220
    try:
        with hub_of(subject, tmp_path) as hub:
            subject.put([Row("k0")])
            hub.run()
            import connectors.products.hubspot as hubspot

            before = hubspot._SEARCH_MOST
            hubspot._SEARCH_MOST = 220
            try:
                subject.put([Row(f"k{i}", f"name {i}", None, START + dt.timedelta(seconds=1)) for i in range(60)])
                hub.run()
            finally:
                hubspot._SEARCH_MOST = before
            assert len(hub.held()) == 60
    finally:
        subject.close()
