"""Views for analysts: on both databases, with what each may show, documented, and made anew by migrations."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import sqlalchemy as sa

from models.config import Config, parse_config
from models.store import Store, open_store
from models.store.analyst_views import shown_views, view_name
from models.store.serving_tables import tombstone
from serving.analysts import attributes_in_views, documentation, refresh
from serving.privacy.consent import record_consent
from tests.unit.api.hub import AT, CONFIG, fill

DOCUMENT = (Path(__file__).parents[3] / "docs/analyst-views.md").read_text(encoding="utf-8")


def rows(store: Store, name: str, personal: bool = False, where: str = "") -> list[dict[str, object]]:
    view = next(s for s in shown_views(store.dialect) if s.view.name == name and s.view.personal == personal)
    with store.database.read() as connection:
        return [dict(r) for r in connection.execute(sa.text(f"SELECT * FROM {view.name} {where}")).mappings()]


def config_of(folder: Path) -> Config:
    return parse_config(CONFIG, folder / "kehu.yaml")


def test_the_document_is_what_the_code_says() -> None:
    assert documentation() in DOCUMENT, "docs/analyst-views.md: put what serving.analysts.documentation() gives there"


def test_every_view_answers_with_the_columns_that_are_documented(store: Store, tmp_path: Path) -> None:
    fill(store)
    known = attributes_in_views(config_of(tmp_path))
    assert refresh(store, config_of(tmp_path)) and not refresh(store, config_of(tmp_path))
    with store.database.read() as connection:
        for shown in shown_views(store.dialect, known):
            result = connection.execute(sa.text(f"SELECT * FROM {shown.name}"))
            assert list(result.keys()) == [c.name for c in shown.columns], shown.name
            result.all()


def test_attributes_stand_where_their_sensitivity_allows(store: Store, tmp_path: Path) -> None:
    fill(store)
    refresh(store, config_of(tmp_path))
    company = next(r for r in rows(store, "organizations") if r["golden_id"] == "g1")
    assert company["name"] == "顺丰物流" and json.loads(str(company["phone"])) == ["+8675512345"]
    assert "dealer_code" in company and "bank_account" not in company
    assert {r["golden_id"] for r in rows(store, "organizations")} == {"g1", "g2", "g5"}
    person = next(r for r in rows(store, "persons") if r["golden_id"] == "p1")
    assert person["job_title"] == "采购" and not {"full_name", "phone", "national_id"} & set(person)
    person = next(r for r in rows(store, "persons", personal=True) if r["golden_id"] == "p1")
    assert person["full_name"] == "王芳" and "national_id" not in person
    text = json.dumps([rows(store, s.view.name, s.view.personal) for s in shown_views(store.dialect)], default=str)
    assert "110101199003078515" not in text and "6222000011112222" not in text


def test_numbers_are_numbers_and_what_is_none_ends_no_query(store: Store, tmp_path: Path) -> None:
    fill(store)
    with store.database.write() as connection:
        for golden_id, value in (("g1", 12), ("g2", "-3.5"), ("g5", "many")):
            text = json.dumps({"name": "x", "employees": value})
            connection.execute(
                sa.text('UPDATE golden_record SET "values" = :v WHERE golden_id = :g'), {"v": text, "g": golden_id}
            )
    found = {r["golden_id"]: r["employees"] for r in rows(store, "organizations")}
    assert found["g1"] == 12 and found["g2"] == -3.5 and found["g5"] in (None, 0)


def test_an_erased_person_is_in_no_view_at_once(store: Store, tmp_path: Path) -> None:
    fill(store)
    record_consent(store, "p1", "marketing", given=True, by="li")
    assert rows(store, "consent", personal=True) and "p1" in {r["golden_id"] for r in rows(store, "crosswalk")}
    with store.database.write() as connection:
        connection.execute(sa.insert(tombstone).values(kind="golden", id="p1", erasure="e", at=AT, by="li"))
    for name, personal in (("persons", False), ("persons", True), ("crosswalk", False), ("consent", True)):
        assert "p1" not in {r["golden_id"] for r in rows(store, name, personal)}, name


def test_views_are_read_only_and_come_back_with_a_migration(empty_url: str) -> None:
    with open_store(empty_url) as store:
        name = next(view_name(s.view, store.dialect) for s in shown_views(store.dialect) if s.view.name == "crosswalk")
        with pytest.raises(sa.exc.DBAPIError), store.engine.begin() as connection:
            connection.execute(sa.text(f"DELETE FROM {name}"))
        with store.engine.begin() as connection:
            connection.execute(sa.text("UPDATE analyst_view SET hash = 'old'"))
        refresh(store, Config())
        assert rows(store, "crosswalk") == []


@pytest.mark.postgres
def test_a_role_that_may_see_the_public_views_sees_nothing_else(postgres_server, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    database = postgres_server.fresh_database()
    with open_store(postgres_server.url(database)) as store:
        fill(store)
        with store.engine.begin() as connection:
            role = f"analysts_{database}"
            connection.execute(sa.text(f"CREATE ROLE {role}"))
            connection.execute(sa.text(f"GRANT USAGE ON SCHEMA analyst TO {role}"))
            connection.execute(sa.text(f"ALTER DEFAULT PRIVILEGES IN SCHEMA analyst GRANT SELECT ON TABLES TO {role}"))
        refresh(store, config_of(tmp_path))  # made anew, with one attribute more: the rights hold for them too
        for table, allowed in (
            ("analyst.persons", True),
            ("analyst_personal.persons", False),
            ("golden_record", False),
        ):
            with store.engine.connect() as connection:
                connection.execute(sa.text(f"SET ROLE {role}"))
                if allowed:
                    assert connection.scalar(sa.text(f"SELECT count(*) FROM {table}"))
                else:
                    with pytest.raises(sa.exc.ProgrammingError, match="permission denied"):
                        connection.scalar(sa.text(f"SELECT count(*) FROM {table}"))


def test_stages_are_numbered_and_end_with_the_next(store: Store) -> None:
    fill(store)
    history = json.dumps(
        [["c", 0, "lead", "2025-01-01"], ["c", 0, "order", "2025-02-01"], ["o", 7, "quote", "2025-01-05"]]
    )
    with store.database.write() as connection:
        connection.execute(sa.text("UPDATE customer_state SET history = :h WHERE golden_id = 'g1'"), {"h": history})
    found = [tuple(r.values()) for r in rows(store, "stage_history", where="ORDER BY subject, seq")]
    assert found == [
        ("g1", "customer", 0, 1, "lead", "2025-01-01", "2025-02-01"),
        ("g1", "customer", 0, 2, "order", "2025-02-01", None),
        ("g1", "opportunity", 7, 1, "quote", "2025-01-05", None),
    ]
