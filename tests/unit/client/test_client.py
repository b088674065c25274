"""The Python client against a served hub, and the sample consumer: killed and started again, it ends equal."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from serving.access.keys import issue
from serving.client import AsyncHub, Hub, HubError, Replica
from tests.unit.creating.test_creating import Served, deliver, rows
from tests.unit.creating.test_creating import resolved as resolved
from tests.unit.creating.test_creating import served as served


class Through:
    """The network of a test: requests go into the application."""

    def __init__(self, served: Served, *scopes: str):
        token = issue(served.store, "copy", by="test", scopes=scopes or ["personal"]).token
        self.inner = served.client
        self.headers = {"Authorization": f"Bearer {token}"}
        self.broken = 0

    def request(self, method: str, path: str, *, params: Any, json: Any, headers: dict[str, str]) -> Any:
        if self.broken:
            self.broken -= 1
            raise httpx2.ConnectError("the network is away")
        return self.inner.request(
            method, path, params=params, json=json, headers=self.headers | headers, follow_redirects=True
        )

    def close(self) -> None: ...


@pytest.fixture
def network(served: Served) -> Iterator[Through]:
    yield Through(served)


def test_it_reads_matches_creates_and_tells_refusals(served: Served, network: Through) -> None:
    hub = Hub("", "", client=network)
    golden_id = hub.crosswalk("crm", "A3")
    assert golden_id is not None
    customer = hub.customer(golden_id)
    assert customer is not None and customer["values"]["city"] == "成都市"
    assert hub.customer("nobody") is None and hub.crosswalk("crm", "nothing") is None
    assert (
        hub.match("organization", {"name": "顺达物流有限公司", "phone": ["13800138003"]})[0]["golden_id"] == golden_id
    )
    made = hub.create("organization", {"name": "蓝鲸冷链仓储有限公司"}, source_key="1")
    assert made["outcome"] == "created"
    homes = {row["golden_id"] for row in served.store.crosswalk().to_pylist()}
    assert {c["golden_id"] for c in hub.customers(entity_type="organization")} == homes and len(homes) > 50
    with pytest.raises(HubError) as refused:
        hub.create("organization", {"nmae": "x"})
    assert (refused.value.code, refused.value.status) == ("invalid_request", 422)


def test_a_broken_connection_is_tried_again_and_creates_nothing_twice(served: Served, network: Through) -> None:
    hub = Hub("", "", client=network)
    network.broken = 2
    assert hub.create("organization", {"name": "蓝鲸冷链仓储有限公司"})["outcome"] == "created"
    network.broken = 99
    with pytest.raises(httpx2.ConnectError):
        hub.cursor()


def test_the_asynchronous_client_does_the_same(served: Served) -> None:
    token = issue(served.store, "copy", by="test").token

    async def ask() -> tuple[Any, Any]:
        network = httpx2.AsyncClient(
            transport=httpx2.ASGITransport(app=served.app),
            base_url="http://hub",
            headers={"Authorization": f"Bearer {token}"},
            follow_redirects=True,
        )
        async with AsyncHub("", "", client=network) as hub:
            golden_id = await hub.crosswalk("crm", "A3")
            assert golden_id is not None
            return await hub.customer(golden_id), await hub.changes(0, limit=5)

    customer, (events, upto) = asyncio.run(ask())
    assert customer["values"]["name"] == "顺达物流有限公司"
    assert [e["seq"] for e in events] == [1, 2, 3, 4, 5] and upto == 5


def test_a_copy_that_is_killed_at_any_moment_ends_equal_to_the_hub(
    served: Served, network: Through, tmp_path: Path
) -> None:
    """A hundred restarts, each at another moment, while the hub goes on; events come twice."""
    from orchestration.run import run_hub

    hub = Hub("", "", client=network)
    chance = random.Random(7)
    seen = 0
    for turn in range(100):
        copy = Replica(hub, tmp_path / "copy.db")
        plain = copy._apply

        def dying(event: Any, plain: Any = plain) -> None:
            if chance.random() < 0.2:
                raise KeyboardInterrupt
            plain(event)

        copy._apply = dying  # type: ignore[method-assign]
        try:
            seen += copy.sync()
        except KeyboardInterrupt:
            pass
        if turn % 5 == 0:
            hub.create("organization", {"name": f"第{turn}号{chr(0x5000 + turn * 7)}租赁公司"}, on_doubt="create")
        if turn == 50:
            changed = [line.replace("上海市", "杭州市") for line in rows()[:-9]]
            deliver(served.folder, changed)
            run_hub(served.config)
        # What was taken is taken again: the number is set back.
        if turn % 17 == 3 and copy.seq:
            copy._db.execute("UPDATE place SET seq = max(0, seq - 5)")
        copy.close()
    with Replica(hub, tmp_path / "copy.db") as copy:
        copy.sync()
        assert copy.differences() == []
        assert copy.sync() == 0
        assert len(copy.golden()) > 60 and seen > 0


def test_a_copy_begins_anew_where_the_feed_does_not_go_on_from_its_number(
    served: Served, network: Through, tmp_path: Path
) -> None:
    """The hub was restored from an older backup: the copy holds what never was, under a number that is not reached."""
    hub = Hub("", "", client=network)
    with Replica(hub, tmp_path / "copy.db") as copy:
        copy.sync()
        last = copy.seq
        assert last is not None
        copy._db.execute("UPDATE place SET seq = seq + 1000")
        copy._db.execute("INSERT INTO golden VALUES ('never', 'organization', 9, '{}')")
        copy._db.execute("INSERT INTO alias VALUES ('neither', 'never')")
        assert copy.sync() == 0 and copy.seq == last
        assert copy.differences() == [] and copy._db.execute("SELECT count(*) FROM alias").fetchone() == (0,)
