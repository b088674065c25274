"""A person is forgotten: nothing of them is found anywhere, they do not come back, and everybody else is as before."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import sqlalchemy as sa

from models.config import Config, parse_config
from models.store import open_store
from models.store.tables import event
from orchestration.run import run_hub, verify_hub
from serving.access import AccessLog, Masking, Principal
from serving.cli import main
from serving.customers import Asker, many
from serving.customers.search import Search, search
from serving.feed import FeedFilter, read_feed
from serving.privacy.consent import record_consent
from serving.privacy.subject import prove, request_erasure, subject_access
from serving.selecting import export_to

CONFIG = """
store: {store}
workspace: work/
sources:
  - name: crm
    family: sales
    connector: {{type: files, path: "{{stream}}.csv"}}
    streams:
      - name: people
        entity: person
        key: id
        fields: {{full_name: name, phone: tel, email: mail, national_id: idno, job_title: job, organization_key: org}}
      - {{name: companies, entity: organization, key: id, fields: {{name: name, city: city}}}}
      - {{name: visits, entity: touchpoint, key: id,
         fields: {{party_key: org, contact_key: who, occurred_at: day, type: type}}}}
"""
PERSON = ("诸葛慕容", "13877665544", "zgmr@nowhere-motors.cn", "110101199003078515")


def deliver(folder: Path, extra: str = "") -> None:
    others = [f"P{i},王{chr(0x4E00 + 37 * i)},1390013{9000 + i},p{i}@fleet{i}.cn,,司机{extra}" for i in range(30)]
    mine = [f"Z1,{','.join(PERSON)},采购", f"Z2,{','.join(PERSON)},采购经理"]
    rows = [f"{row},C1" for row in (*others, *mine)]
    text = "\n".join(["id,name,tel,mail,idno,job,org", *rows]) + "\n"
    (folder / "people.csv").write_text(text, encoding="utf-8")
    (folder / "companies.csv").write_text("id,name,city\nC1,顺丰物流,深圳\n", encoding="utf-8")
    (folder / "visits.csv").write_text("id,org,who,day,type\nV1,C1,Z1,2026-03-01,visit\n", encoding="utf-8")


def hub(url: str, folder: Path) -> Config:
    deliver(folder)
    (folder / "kehu.yaml").write_text(CONFIG.format(store=url), encoding="utf-8")
    config = parse_config(CONFIG.format(store=url), folder / "kehu.yaml")
    run_hub(config)
    return config


@pytest.mark.parametrize("database", ["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def test_nothing_is_left_of_an_erased_person(
    database: str, request: pytest.FixtureRequest, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    url = f"sqlite:///{tmp_path / 'hub.db'}"
    if database == "postgresql":
        server = request.getfixturevalue("postgres_server")
        url = server.url(server.fresh_database())
    config = hub(url, tmp_path)
    with open_store(config.store) as store:
        home = store.crosswalk("person").filter(sa_key("Z1"))["golden_id"][0].as_py()
        record_consent(store, home, "marketing", given=True, by="li", evidence="诸葛慕容 signed")
        told = json.dumps(subject_access(store, config, "crm:Z1", by="li"), default=str, ensure_ascii=False)
        assert all(value in told for value in PERSON)
        others = store.golden("person").num_rows
        assert store.scan(PERSON), "before there is something to find, or the scan proves nothing"
        asked = request_erasure(store, config, "crm:Z1", by="li", reason="request 7")
        assert asked.removed and set(PERSON[1:]) <= set(asked.needles)
        assert prove(store, config, asked) == [] and store.scan(PERSON) == []
        assert store.is_erased(home)
        homes = {i for i in store.crosswalk("person")["golden_id"].to_pylist()}
        assert home not in homes and len(homes) == others - len(asked.golden_ids)
        with store.database.read() as connection:
            rows = connection.execute(sa.select(event.c.seq, event.c.type).order_by(event.c.seq)).all()
        assert [r.seq for r in rows] == list(range(1, len(rows) + 1))
        assert rows[-1].type == "erased"
    assert verify_hub(config)["differences"] == []
    # The source still delivers them, and changes something, so that the stream is read again.
    deliver(tmp_path, "员")
    summary = run_hub(config)
    assert summary["changed"] == 30
    with open_store(config.store) as store:
        assert prove(store, config, asked) == []
    run_hub(config, full=True)
    with open_store(config.store) as store:
        assert prove(store, config, asked) == []
    assert verify_hub(config)["differences"] == []
    assert main(["erase", "crm:P3", "--reason", "r", "--yes", "--json", "--config", str(tmp_path / "kehu.yaml")]) == 0
    answer = json.loads(capsys.readouterr().out.strip().splitlines()[-1])
    assert answer["left"] == [] and answer["looked_for"] >= 2
    assert main(["erase", "crm:P3", "--reason", "r", "--yes", "--config", str(tmp_path / "kehu.yaml")]) == 2


def test_while_a_run_is_under_way_nobody_is_shown_the_person_and_its_end_removes_them(tmp_path: Path) -> None:
    config = hub(f"sqlite:///{tmp_path / 'hub.db'}", tmp_path)
    who = Principal.of_account("li", "lead_steward")
    with open_store(config.store) as store:
        home = str(store.crosswalk("person").filter(sa_key("Z1"))["golden_id"][0].as_py())
        with store.lock("r2"):
            asked = request_erasure(store, config, "crm:Z1", by="li", reason="request 8")
        assert not asked.removed and store.scan(PERSON)
        asker = Asker(store, config, who, Masking(config), AccessLog(store))
        assert many(store, [home]) == {} and search(asker, Search("诸葛慕容")) == []
        assert PERSON[1] not in json.dumps(read_feed(asker, 0, FeedFilter(), 1000), default=str)
        out = tmp_path / "golden.ndjson"
        export_to(store, config, "golden", out)
        assert PERSON[1] not in out.read_text(encoding="utf-8")
    run_hub(config)
    with open_store(config.store) as store:
        assert prove(store, config, asked) == []


def sa_key(key: str) -> object:
    import pyarrow.compute as pc

    return pc.field("source_key") == key
