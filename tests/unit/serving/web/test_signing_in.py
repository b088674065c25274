from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.routing import APIRoute
from starlette.testclient import TestClient

from models.store import Store, open_store
from serving import accounts
from serving.web import registry
from tests.unit.serving.filled import fill
from tests.unit.serving.web.pages import PASSWORD, application, csrf, person, sign_in

OPEN = {"/sign-in", "/sign-in/single", "/sign-in/single/return", "/sign-out", "/link/{token}", "/language", "/theme"}
"""Pages for people who are not signed in (yet)."""


@pytest.fixture
def hub(tmp_path: Path, sqlite_template: Path) -> Iterator[Store]:
    (tmp_path / "hub.db").write_bytes(sqlite_template.read_bytes())
    with open_store(f"sqlite:///{tmp_path / 'hub.db'}") as store:
        fill(store)
        person(store, "root", "admin")
        person(store, "wang", "steward")
        yield store


@pytest.fixture
def client(hub: Store, tmp_path: Path) -> Iterator[TestClient]:
    with application(hub, tmp_path) as made:
        yield made


def routes() -> list[APIRoute]:
    return [route for router, _, _ in registry._found() for route in router.routes if isinstance(route, APIRoute)]


def test_every_page_but_those_for_signing_in_asks_who_is_there(client: TestClient) -> None:
    seen = 0
    for route in routes():
        path = re.sub(r"{\w+}", "1", route.path)
        for method in (route.methods or set()) & {"GET", "POST"}:
            answer = client.request(method, path)
            if route.path not in OPEN:
                seen += 1
                assert answer.status_code == 303 and answer.headers["location"].startswith("/sign-in"), path
    assert seen > 8


def test_every_form_of_somebody_signed_in_needs_the_token_of_the_session(client: TestClient) -> None:
    sign_in(client, "root")
    for route in routes():
        if "POST" in (route.methods or ()) and route.path != "/sign-in":
            path = re.sub(r"{\w+}", "1", route.path)
            assert client.post(path, data={"csrf": "forged"}).status_code == 403, path


def test_a_form_of_another_site_is_refused(client: TestClient) -> None:
    given = {"name": "root", "password": PASSWORD}
    for headers in ({"Sec-Fetch-Site": "cross-site"}, {"Origin": "http://evil.test"}):
        assert client.post("/sign-in", data=given, headers=headers).status_code == 403
    assert client.post("/sign-in", data=given, headers={"Origin": "http://kehu.test"}).status_code == 303


def test_signing_in_leads_back_to_where_one_wanted_to_go_and_nowhere_else(client: TestClient) -> None:
    away = client.get("/audit?text=x")
    assert away.headers["location"] == "/sign-in?next=/audit%3Ftext%3Dx"
    given = {"name": "root", "password": PASSWORD}
    assert client.post("/sign-in", data={**given, "next": "/audit?text=x"}).headers["location"] == "/audit?text=x"
    for evil in ("//evil.test", "https://evil.test", "/\\evil.test"):
        assert client.post("/sign-in", data={**given, "next": evil}).headers["location"] == "/"


def test_the_cookie_is_out_of_reach_of_scripts_and_other_sites(client: TestClient) -> None:
    answer = client.post("/sign-in", data={"name": "root", "password": PASSWORD})
    cookie = answer.headers["set-cookie"].lower()
    assert "httponly" in cookie and "samesite=lax" in cookie
    token = client.cookies["kehu_session"]
    assert client.get("/account").status_code == 200
    assert client.post("/sign-out", data={"csrf": csrf(client)}).status_code == 303
    client.cookies.set("kehu_session", token)
    assert client.get("/account").status_code == 303  # the session is over, not only its cookie gone


def test_wrong_name_and_wrong_password_look_the_same(client: TestClient) -> None:
    answers = [client.post("/sign-in", data={"name": n, "password": "wrong"}) for n in ("root", "nobody")]
    assert [a.status_code for a in answers] == [401, 401]
    assert all("Name or password is wrong." in a.text for a in answers)


def test_a_link_sets_a_password_once(client: TestClient, hub: Store) -> None:
    token = accounts.add_person(hub, "li", "viewer", by="root")
    assert "Set your password" in client.get(f"/link/{token}").text
    wrong = client.post(f"/link/{token}", data={"password": PASSWORD, "again": "other"})
    assert wrong.status_code == 422 and "The two passwords differ." in wrong.text
    assert client.post(f"/link/{token}", data={"password": PASSWORD, "again": PASSWORD}).status_code == 303
    assert client.get("/account").status_code == 200
    assert client.get(f"/link/{token}").status_code == 404


def test_an_administrator_makes_accounts_and_others_do_not(client: TestClient, hub: Store) -> None:
    sign_in(client, "root")
    made = client.post("/users", data={"csrf": csrf(client), "name": "li", "role": "steward"})
    assert "http://kehu.test/link/" in made.text
    again = client.post("/users", data={"csrf": csrf(client), "name": "li", "role": "steward"})
    assert again.status_code == 422 and "already" in again.text
    assert client.post("/users/li/role", data={"csrf": csrf(client), "role": "viewer"}).status_code == 303
    assert hub.account("li")["role"] == "viewer"  # type: ignore[index]
    assert client.post("/users/root/disable", data={"csrf": csrf(client)}).status_code == 422
    sign_in(client, "wang")
    assert client.get("/users").status_code == 403
    assert client.post("/users", data={"csrf": csrf(client), "name": "x", "role": "admin"}).status_code == 403


def test_changing_ones_password_signs_out_elsewhere(client: TestClient, hub: Store, tmp_path: Path) -> None:
    other = accounts.begin_session(hub, "wang")
    sign_in(client, "wang")
    wrong = {"csrf": csrf(client), "old": "wrong", "new": "another horse 8", "again": "another horse 8"}
    assert client.post("/account/password", data=wrong).status_code == 422
    assert client.post("/account/password", data={**wrong, "old": PASSWORD}).status_code == 303
    assert client.get("/account?saved=1").status_code == 200
    assert accounts.find_session(hub, other) is None


def test_language_and_colours_are_kept(client: TestClient, hub: Store) -> None:
    assert 'lang="zh-CN"' in client.get("/sign-in", headers={"Accept-Language": "zh-CN,zh;q=0.9"}).text
    assert 'lang="en"' in client.get("/sign-in", headers={"Accept-Language": "de-DE,fr;q=0.5"}).text
    sign_in(client, "wang")
    client.post("/language", data={"csrf": csrf(client), "language": "zh"})
    client.post("/theme", data={"csrf": csrf(client), "theme": "dark"})
    shown = client.get("/account", headers={"Accept-Language": "en"}).text
    assert 'lang="zh-CN"' in shown and 'data-theme="dark"' in shown
    assert hub.account("wang")["language"] == "zh"  # type: ignore[index]
