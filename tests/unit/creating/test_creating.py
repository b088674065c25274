"""Search before create on a hub that runs resolved: keys, certain matches, doubt, nobody; and what runs make of it."""

from __future__ import annotations

import json
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from starlette.testclient import TestClient

from models.config import Config, parse_config
from models.store import Store, open_store
from models.store.tables import event, golden_record
from models.vocabulary import record_id
from orchestration.run import run_hub, verify_hub
from serving.access import Principal
from serving.access.keys import issue
from serving.http.app import create_app
from serving.stewardship import decide_pair
from tests.support.postgres import Server

CONFIG = """
store: {store}
workspace: work/
sources:
  - name: crm
    family: sales
    connector: {{type: files, path: "{{stream}}.csv"}}
    streams:
      - name: accounts
        entity: organization
        key: id
        fields: {{name: name, tax_id: tax, phone: tel, city: city}}
"""
CITIES = ("上海市", "广州市", "武汉市", "成都市", "西安市", "济南市")
NAMES = ("远航", "星海", "宏图", "顺达", "金桥", "长风", "华瑞", "天驰", "鼎盛", "广源")


def rows() -> list[str]:
    """Sixty customers, half of them twice, so that a model learns what the same looks like."""
    found = []
    for i in range(60):
        name = f"{NAMES[i % 10]}{('', '运输', '货运', '供应链', '快运', '重卡')[i // 10]}物流有限公司"
        phone, city = f"1380013{8000 + i:04d}", CITIES[i % 6]
        found.append(f"A{i},{name},,{phone},{city}")
        if i % 2:
            found.append(f"D{i},{name if i % 3 else name.removesuffix('有限公司')},,{phone if i % 5 else ''},{city}")
    return found


class Served:
    """A hub in a folder, an application over it, and a client of the program `erp`."""

    def __init__(self, url: str, folder: Path):
        self.folder = folder
        self.config: Config = parse_config(CONFIG.format(store=url), folder / "kehu.yaml")
        self.store: Store = open_store(self.config.store)
        self.app = create_app(self.config, self.store)
        self.client = self.key("erp")

    def key(self, consumer: str) -> TestClient:
        token = issue(self.store, consumer, by="test", scopes=["personal"]).token
        return TestClient(self.app, headers={"Authorization": f"Bearer {token}"}, raise_server_exceptions=False)

    def deliver(self, lines: list[str]) -> None:
        deliver(self.folder, lines)

    def create(
        self, key: str | None, headers: dict[str, str] | None = None, **values: Any
    ) -> tuple[int, dict[str, Any]]:
        more = {n: values.pop(n) for n in ("known_as", "on_doubt") if n in values}
        body = {"entity_type": "organization", "source_key": key, "values": values, **more}
        found = self.client.post("/v1/customers", json=body, headers=headers or {})
        return found.status_code, found.json()

    def home(self, source: str, key: str) -> str | None:
        found = self.client.get(f"/v1/crosswalk/{source}/{key}").json()
        return found["golden_id"]  # type: ignore[no-any-return]


def deliver(folder: Path, lines: list[str]) -> None:
    (folder / "accounts.csv").write_text("\n".join(["id,name,tax,tel,city", *lines]) + "\n", encoding="utf-8")


def _resolved(url: str, folder: Path) -> None:
    deliver(folder, rows())
    run_hub(parse_config(CONFIG.format(store=url), folder / "kehu.yaml"))


@pytest.fixture(scope="module")
def resolved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a hub on SQLite after its first run, to be copied."""
    folder = tmp_path_factory.mktemp("resolved")
    _resolved(f"sqlite:///{folder / 'hub.db'}", folder)
    return folder


@pytest.fixture
def served(resolved: Path, tmp_path: Path) -> Iterator[Served]:
    """A served hub on SQLite, with sixty customers."""
    folder = tmp_path / "hub"
    shutil.copytree(resolved, folder)
    made = Served(f"sqlite:///{folder / 'hub.db'}", folder)
    yield made
    made.app.state.hub.reads.close()
    made.store.close()


@pytest.fixture
def served_by_postgres(postgres_server: Server, tmp_path: Path) -> Iterator[Served]:
    """The same on PostgreSQL."""
    url = postgres_server.url(postgres_server.fresh_database())
    _resolved(url, tmp_path)
    made = Served(url, tmp_path)
    yield made
    made.app.state.hub.reads.close()
    made.store.close()


def test_a_prospect_is_created_found_again_and_keeps_its_id_when_it_becomes_a_customer(served: Served) -> None:
    status, made = served.create("E1", name="瀚海重型车辆租赁有限公司", phone=["027-88776655"], city="武汉市")
    assert (status, made["outcome"], made["source"]) == (201, "created", "api-erp")
    golden_id = made["golden_id"]
    assert served.client.get(f"/v1/customers/{golden_id}").json()["values"]["phone"] == ["+862788776655"]
    assert served.home("api-erp", "E1") == golden_id
    # Somebody else has the same customer, before any run.
    other = served.key("shop").post(
        "/v1/customers",
        json={
            "entity_type": "organization",
            "values": {"name": "瀚海重型车辆租赁有限公司", "phone": ["02788776655"], "city": "武汉市"},
        },
    )
    assert (other.status_code, other.json()["outcome"], other.json()["golden_id"]) == (200, "attached", golden_id)
    assert (
        served.create("E1", name="瀚海重型车辆租赁有限公司", city="武汉市", industry="租赁")[1]["outcome"] == "updated"
    )
    # The sales system delivers it as a customer.
    served.deliver([*rows(), "A99,瀚海重型车辆租赁有限公司,,027-88776655,武汉市"])
    summary = run_hub(served.config)
    assert summary["quarantined"] == 0
    assert served.home("crm", "A99") == served.home("api-erp", "E1") == golden_id
    assert served.client.get(f"/v1/customers/{golden_id}").json()["values"]["industry"] == "租赁"
    assert verify_hub(served.config)["differences"] == []
    with served.store.database.read() as connection:
        numbers = list(connection.scalars(sa.select(event.c.seq).order_by(event.c.seq)))
    assert numbers == list(range(1, len(numbers) + 1))


def test_a_certain_match_is_attached_and_doubt_is_refused_unless_told_otherwise(served: Served) -> None:
    home = served.home("crm", "A3")
    status, made = served.create("E1", name="顺达物流有限公司", phone=["13800138003"], city="成都市")
    assert (status, made.get("outcome"), made.get("golden_id")) == (200, "attached", home), made
    two = {"name": "顺达物流有限公司", "phone": ["13800138003", "13800138013"]}  # the phones of two customers
    status, doubt = served.create("E2", **two)
    assert (status, doubt["code"]) == (409, "doubtful"), doubt
    assert doubt["candidates"] and doubt["candidates"][0]["reasons"]
    status, made = served.create("E2", **two, on_doubt="create")
    assert (status, made["outcome"]) == (201, "created")


def test_who_was_attached_stays_when_a_steward_decides_before_the_next_run(served: Served) -> None:
    home = served.home("crm", "A3")
    assert served.create("E1", name="顺达物流有限公司", phone=["13800138003"], city="成都市")[1]["golden_id"] == home
    lead = Principal.of_account("li", "lead_steward")
    mine, other = (record_id("crm", "accounts", key) for key in ("A3", "A20"))
    decide_pair(served.store, served.config, lead, "match", mine, other, reason="one fleet", despite=True)
    assert {served.home("crm", key) for key in ("A3", "D3", "A20")} == {served.home("api-erp", "E1")}
    run_hub(served.config)
    assert {served.home("crm", key) for key in ("A3", "D3", "A20")} == {served.home("api-erp", "E1")}
    assert verify_hub(served.config)["differences"] == []


@pytest.mark.parametrize("store", ["served", pytest.param("served_by_postgres", marks=pytest.mark.postgres)])
def test_who_it_may_be_is_answered_to_those_with_the_right_in_each_kind_of_json(
    request: pytest.FixtureRequest, store: str
) -> None:
    served: Served = request.getfixturevalue(store)
    body = {"entity_type": "organization", "values": {"name": "顺达物流有限公司", "phone": ["13800138003"]}}
    asked = served.client.post("/v1/match", json=body)
    assert asked.json()["matches"][0]["golden_id"] == served.home("crm", "A3")
    as_other = served.client.post(
        "/v1/match", content=json.dumps(body), headers={"Content-Type": "application/problem+json; charset=utf-8"}
    )
    assert as_other.json() == asked.json()
    as_text = served.client.post("/v1/match", content=json.dumps(body), headers={"Content-Type": "text/plain"})
    assert (as_text.status_code, as_text.json()["code"]) == (422, "invalid_request")
    # Who may not ask is told that, not what is wrong with the question.
    without = issue(served.store, "reader", by="test", scopes=["customers.read"]).token
    for wrong in (body, {**body, "limit": 0}, {**body, "other": 1}):
        for token, status in (("kehu_nobody", 401), (without, 403)):
            headers = {"Authorization": f"Bearer {token}"}
            assert served.client.post("/v1/match", json=wrong, headers=headers).status_code == status
        assert served.client.post("/v1/match", json=wrong).status_code == (200 if wrong is body else 422)


def test_a_key_of_another_source_decides(served: Served) -> None:
    known = {"source": "crm", "source_key": "A5"}
    _, made = served.create("E5", name="长风", known_as=known)
    assert (made["outcome"], made["golden_id"]) == ("attached", served.home("crm", "A5"))
    run_hub(served.config)
    assert served.home("api-erp", "E5") == served.home("crm", "A5")
    wrong = served.create("E6", name="x", known_as={**known, "source_key": "NEVER"})
    assert (wrong[0], wrong[1]["code"]) == (422, "invalid_request")


def test_a_request_that_is_sent_again_does_nothing_twice(served: Served) -> None:
    header = {"Idempotency-Key": "order-7"}
    first = served.create(None, header, name="蓝鲸冷链仓储有限公司", city="上海市")
    again = served.create(None, header, name="蓝鲸冷链仓储有限公司", city="上海市")
    assert first == again and first[0] == 201
    other = served.create(None, header, name="别的公司", city="上海市")
    assert (other[0], other[1]["code"]) == (409, "idempotency_conflict")


def _at_once(served: Served) -> None:
    answers: list[dict[str, Any]] = []

    def ask(number: int) -> None:
        answers.append(served.create(f"T{number}", name="北极星航空货运代理有限公司", phone=["010-66554433"])[1])

    threads = [threading.Thread(target=ask, args=(i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(a["outcome"] for a in answers) == ["attached"] * 3 + ["created"]
    assert len({a["golden_id"] for a in answers}) == 1


def test_of_programs_that_create_the_same_customer_at_once_one_creates_and_the_others_attach(served: Served) -> None:
    _at_once(served)


@pytest.mark.postgres
def test_on_postgres_too(served_by_postgres: Served) -> None:
    _at_once(served_by_postgres)
    run_hub(served_by_postgres.config)
    homes = {served_by_postgres.home("api-erp", f"T{i}") for i in range(4)}
    assert len(homes) == 1 and None not in homes
    assert verify_hub(served_by_postgres.config)["differences"] == []


def test_a_customer_that_is_created_while_a_full_run_is_under_way_stays(served: Served) -> None:
    made: dict[str, Any] = {}

    def tell(phase: str, message: str = "", **_: Any) -> None:
        if phase == "score" and not made:
            made.update(served.create("E1", name="瀚海重型车辆租赁有限公司", phone=["027-88776655"])[1])

    run_hub(served.config, full=True, progress=tell)
    assert made["outcome"] == "created"
    assert served.home("api-erp", "E1") == made["golden_id"]
    assert served.client.get(f"/v1/customers/{made['golden_id']}").json()["status"] == "active"
    run_hub(served.config)
    assert served.home("api-erp", "E1") == made["golden_id"]
    assert verify_hub(served.config)["differences"] == []


def test_wrong_values_are_refused_and_nothing_is_left_of_them(served: Served) -> None:
    with served.store.database.read() as connection:
        before = connection.scalar(sa.select(sa.func.count()).select_from(golden_record))
    for values in ({"nmae": "x"}, {}, {"name": ["a", "b"]}, {"name": " "}):
        assert served.create("E1", **values)[0] == 422, values
    assert (
        served.client.post("/v1/customers", json={"entity_type": "person", "values": {"full_name": "x"}}).status_code
        == 422
    )
    with served.store.database.read() as connection:
        assert connection.scalar(sa.select(sa.func.count()).select_from(golden_record)) == before
