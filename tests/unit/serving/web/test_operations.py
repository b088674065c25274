from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import sqlalchemy as sa
from starlette.testclient import TestClient

from models.store import Store, open_store
from models.store.serving_tables import usage
from models.store.tables import counter
from serving.access.keys import issue
from serving.feed import last_event, note_cursor
from serving.operations import settings
from tests.unit.serving.filled import config, fill
from tests.unit.serving.web.pages import application, person, sign_in


@pytest.fixture
def hub(tmp_path: Path, sqlite_template: Path) -> Iterator[Store]:
    (tmp_path / "hub.db").write_bytes(sqlite_template.read_bytes())
    with open_store(f"sqlite:///{tmp_path / 'hub.db'}") as store:
        fill(store)
        store.start_run("r2")
        store.finish_run("r2", error="the disk is full", phases={"land": 2.5})
        for name, role in (("root", "admin"), ("eng", "engineer"), ("view", "viewer")):
            person(store, name, role)
        issue(store, "erp", by="root")
        yield store


@pytest.fixture
def client(hub: Store, tmp_path: Path) -> Iterator[TestClient]:
    with application(hub, tmp_path) as made:
        yield sign_in(made, "root")


@pytest.mark.parametrize(
    ("path", "shown"),
    [
        ("/runs", "the disk is full"),
        ("/runs?status=published", "No run yet"),
        ("/runs/r2", "2.5 s"),
        ("/sources", "accounts"),
        ("/quarantine", "key twice"),
        ("/quarantine?source=dms", "A9"),
        ("/quarantine/1", "no longer in the workspace"),
        ("/settings", "dealer_code"),
        ("/programs", "erp"),
        ("/audit", "account.add"),
        ("/audit?actor=test&text=eng", "engineer"),
        ("/audit?since=2999-01-01", "Nothing of that kind"),
        ("/users", "engineer"),
    ],
)
def test_a_page_shows_what_there_is(client: TestClient, path: str, shown: str) -> None:
    answer = client.get(path)
    assert answer.status_code == 200
    assert shown in answer.text


@pytest.mark.parametrize("path", ["/runs/none", "/quarantine/999", "/nothing"])
def test_what_is_not_there_is_said(client: TestClient, path: str) -> None:
    answer = client.get(path)
    assert answer.status_code == 404 and "To the first page" in answer.text


@pytest.mark.parametrize(
    "path", ["/runs", "/sources", "/quarantine", "/settings", "/programs", "/audit", "/users", "/audit/export"]
)
def test_a_viewer_sees_none_of_it(client: TestClient, path: str) -> None:
    assert sign_in(client, "view").get(path).status_code == 403


def landed(folder: Path, run: str) -> None:
    """A batch as a run leaves it in the workspace, with a row 3 of a person."""
    batch = folder / "work/landing/crm/contacts/b1"
    batch.mkdir(parents=True)
    (batch / "manifest.json").write_text(f'{{"run_id": "{run}"}}')
    rows = {
        "id": ["1", "2", "3"],
        "name": ["甲", "乙", "丙"],
        "tel": ["", "", "13800138000"],
        "note": ["", "", "secret"],
    }
    pq.write_table(pa.table({**rows, "_row": [1, 2, 3]}), batch / "part-00000.parquet")


def test_every_source_that_failed_a_run_is_told_in_the_readers_language(client: TestClient, hub: Store) -> None:
    wrong = ("column 'id' (key) is not delivered (did you mean 'ID'?)", "there is no file in/x.csv")
    hub.start_run("r3")
    hub.finish_run("r3", error="\n".join(f"crm.{n}: {said}" for n, said in enumerate(wrong)), phases={})
    for path in ("/runs", "/runs/r3"):
        page = client.get(path, headers={"accept-language": "zh"}).text
        assert "没有交付列“id”" in page and "crm.1：" in page and "is not delivered" not in page, path


def test_rows_of_a_reason_are_found_without_its_place(client: TestClient, hub: Store) -> None:
    import datetime as dt

    import sqlalchemy as sa

    from models.store import tables as t

    bad = {"run_id": "r1", "source": "crm", "stream": "contacts", "at": dt.datetime.now(dt.UTC)}
    with hub.database.write() as connection:
        for row in (5, 6):
            reason = f"a quote that is not closed (in/crm.csv, line {row})"
            connection.execute(
                sa.insert(t.quarantine), [{**bad, "row": row, "source_key": f"Q{row}", "reason": reason}]
            )
    every, chosen = client.get("/quarantine").text, client.get("/quarantine?reason=a quote that is not closed").text
    assert every.count("&reason=a%20quote%20that%20is%20not%20closed") == 1
    for key in ("Q5", "Q6"):
        assert f">{key}</a>" in chosen
    assert ">A9</a>" in every and ">A9</a>" not in chosen


def test_the_raw_row_is_shown_to_those_who_may_see_it(client: TestClient, hub: Store, tmp_path: Path) -> None:
    import datetime as dt

    import sqlalchemy as sa

    from models.store import tables as t
    from models.store.audits import AuditFilter

    bad = {"run_id": "r1", "source": "crm", "stream": "contacts", "source_key": "3", "row": 3, "field": "tel"}
    with hub.database.write() as connection:
        row = {**bad, "value": "13800138000", "reason": "no phone", "at": dt.datetime.now(dt.UTC)}
        number = connection.execute(sa.insert(t.quarantine).values(row)).inserted_primary_key
    assert number
    landed(tmp_path, "r1")
    page = client.get(f"/quarantine/{number[0]}").text
    assert "13800138000" in page and "丙" in page and "secret" not in page  # a column that is mapped nowhere
    client.app.state.hub.reads.flush()  # type: ignore[attr-defined]
    (seen,) = hub.find_audit(AuditFilter(action="quarantine.view"))
    assert seen["actor"] == "root" and seen["detail"]["attributes"] == ["name", "tel"]
    page = sign_in(client, "eng").get(f"/quarantine/{number[0]}").text
    assert "13800138000" not in page and "丙" not in page and "•••" in page
    assert "13800138000" not in client.get("/quarantine").text


def test_a_record_that_was_found_wrong_later_shows_what_the_hub_holds_of_it(client: TestClient, hub: Store) -> None:
    import datetime as dt

    from models.store import tables as t

    r = t.source_record.c
    about = {"run_id": "r1", "row": None, "field": "tel", "value": "12"}
    with hub.database.write() as connection:
        held = connection.execute(sa.select(r.record_id, r.source, r.stream, r.source_key).limit(2)).all()
        change = sa.update(t.source_record).where(r.record_id == held[0].record_id)
        connection.execute(change.values(payload='{"account_name": "丁方物流"}'))
        numbers = []
        for one in held:
            where = {"source": one.source, "stream": one.stream, "source_key": one.source_key}
            row = {**about, **where, "at": dt.datetime.now(dt.UTC), "reason": f"only of {one.source_key}"}
            inserted = connection.execute(sa.insert(t.quarantine).values(row)).inserted_primary_key
            assert inserted
            numbers.append(inserted[0])
    page = client.get(f"/quarantine/{numbers[0]}").text
    assert "no longer in the workspace" not in page and "account_name" in page
    assert f"only of {held[0].source_key}" in page and f"only of {held[1].source_key}" not in page


def test_the_audit_is_taken_away_whole_and_that_is_recorded(client: TestClient, hub: Store) -> None:
    hub.add_audit("=cmd()", "evil", object_type="task", object_id="t1", detail={"x": 1})
    text = client.get("/audit/export?action=evil").content.decode("utf-8-sig")
    header, line, *rest = text.splitlines()
    assert header == "id,at,actor,action,object_type,object_id,detail" and not rest
    assert "'=cmd()" in line  # no spreadsheet takes it for a formula
    assert len(client.get("/audit/export?form=ndjson").text.splitlines()) > 5
    assert "audit.export" in client.get("/audit").text


def test_settings_show_no_secret(tmp_path: Path) -> None:
    file = tmp_path / "kehu.yaml"
    found = config(file)
    file.write_text("store: postgresql://u:geheim@db/h\nconnector: {password: geheim, token: ${TOKEN}}\n", "utf-8")
    assert "geheim" not in settings(found) and "${TOKEN}" in settings(found)


def test_use_and_lag_of_each_program_are_shown(client: TestClient, hub: Store) -> None:
    with hub.database.write() as connection:
        row = {"consumer": "erp", "day": "2999-01-01", "endpoint": "GET /v1/changes", "requests": 4321, "refused": 7}
        connection.execute(sa.insert(usage), [row])
        connection.execute(sa.insert(counter), [{"name": "event", "value": 1234}]) if not last_event(hub) else None
    note_cursor(hub, "erp", "main", 0)
    text = client.get("/programs").text
    assert "4,321" in text and "GET /v1/changes" in text and f"{last_event(hub):,}" in text
    assert sign_in(client, "eng").get("/programs").status_code == 200


def test_a_whole_row_that_stands_in_place_of_a_value_is_masked_as_one(client: TestClient, hub: Store) -> None:
    """It is told under the column at fault, such as the key, which anybody may see."""
    import datetime as dt

    import sqlalchemy as sa

    from models.store import tables as t
    from models.store.audits import AuditFilter

    bad = {"run_id": "r1", "source": "crm", "stream": "contacts", "source_key": "Z7", "at": dt.datetime.now(dt.UTC)}
    twice = {
        "field": "id",
        "value": '{"id":"Z7","name":"丁一"}',
        "reason": "key twice in one delivery with different content; row 2 is kept",
    }
    bytes_ = {
        "field": "name",
        "value": "Z7,\\xff丁一,110101199003078515",
        "reason": "bytes that are not gb18030 (a.csv, row 7)",
    }
    plain = {"field": "name", "value": "丁一二", "reason": "too long"}
    with hub.database.write() as connection:
        for number, row in enumerate((twice, bytes_, plain), 90):
            connection.execute(sa.insert(t.quarantine).values(**bad, **row, row=number))
        numbers = connection.scalars(sa.select(t.quarantine.c.id).where(t.quarantine.c.source_key == "Z7")).all()
    everything = "\n".join(client.get(path).text for path in ("/quarantine", *(f"/quarantine/{n}" for n in numbers)))
    assert "丁一二" in everything and "110101199003078515" not in everything and "Z7,\\xff" not in everything
    client.app.state.hub.reads.flush()  # type: ignore[attr-defined]
    seen = hub.find_audit(AuditFilter(action="quarantine.view"))
    assert {tuple(one["detail"]["attributes"]) for one in seen} == {("name",)}  # the list of rows, and the one row
    assert len(seen) == 2
    sign_in(client, "eng")
    everything = "\n".join(client.get(path).text for path in ("/quarantine", *(f"/quarantine/{n}" for n in numbers)))
    assert "丁" not in everything
