"""`kehu run --verify` tells of findings that are not as an evaluation of every customer leaves them."""

from __future__ import annotations

from pathlib import Path

import pytest
import sqlalchemy as sa

from orchestration.hub_run import open_run
from orchestration.lifecycle import findings_that_differ
from tests.unit.lifecycle.hub import Hub

pytestmark = pytest.mark.usefixtures("every_database")


def differing(hub: Hub) -> list[str]:
    with open_run(hub.config) as run:
        folder = run.folder / "verify"
        folder.mkdir()
        return [str(row["status"]) for row in findings_that_differ(run, folder).to_pylist()]


def test_a_finding_that_was_closed_or_forgotten_is_told(tmp_path: Path) -> None:
    hub = Hub(tmp_path)
    url = hub.store.engine.url.render_as_string(hide_password=False)
    hub.config = hub.config.model_copy(update={"store": url})
    hub.customer("g1", "crm.accounts:1", account_owner=None, tax_id=None)
    hub.customer("g2", "crm.accounts:2")
    hub.put("crm.events", "o1", type="order", party_key="1", occurred_at="2026-05-01", reference="none")
    hub.run()
    count = len(hub.findings())
    assert count >= 1
    assert differing(hub) == []
    with hub.store.engine.begin() as connection:
        connection.execute(sa.text("UPDATE finding SET status = 'closed'"))
    assert differing(hub) == ["open"] * count
    with hub.store.engine.begin() as connection:
        connection.execute(sa.text("DELETE FROM finding"))
    assert differing(hub) == ["open"] * count
