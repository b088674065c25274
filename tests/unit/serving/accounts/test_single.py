"""Sign-in by OpenID Connect against a small provider on loopback, well-behaved and not."""

from __future__ import annotations

import base64
import hashlib
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import orjson
import pytest
from joserfc import jwt
from joserfc.jwk import RSAKey
from starlette.testclient import TestClient

from models.config import parse_config
from models.store import Store, open_store
from serving import accounts
from serving.http.app import create_app

CONFIG = """
store: sqlite:///hub.db
serving:
  single_sign_on:
    issuer: {issuer}
    client_id: kehu
    client_secret: hush
    title: Acme
    roles: {{stewards: steward, leads: lead_steward}}
sources:
  - name: crm
    family: sales
    connector: {{type: files, path: "{{stream}}.csv"}}
    streams:
      - {{name: accounts, entity: organization, key: id, fields: {{name: name}}}}
"""


class Acme(ThreadingHTTPServer):
    """The provider: whom it vouches for, and what it does wrong, is set by the test."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answers)
        self.issuer = f"http://127.0.0.1:{self.server_port}"
        self.key = RSAKey.generate_key(2048, {"kid": "k1"}, private=True)
        self.signing = self.key
        self.claims: dict[str, Any] = {"sub": "77", "preferred_username": "wang", "groups": ["stewards"]}
        self.wrong: dict[str, Any] = {}
        self.asked: dict[str, str] = {}


class Answers(BaseHTTPRequestHandler):
    server: Acme

    def log_message(self, *_: Any) -> None:
        pass

    def answer(self, body: Any, status: int = 200) -> None:
        text = orjson.dumps(body)
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def do_GET(self) -> None:  # noqa: N802
        acme = self.server
        if self.path == "/.well-known/openid-configuration":
            ends = {f"{n}_endpoint": f"{acme.issuer}/{n}" for n in ("authorization", "token")}
            self.answer({"issuer": acme.issuer, "jwks_uri": f"{acme.issuer}/keys", **ends})
        else:
            self.answer({"keys": [acme.key.as_dict(private=False)]})

    def do_POST(self) -> None:  # noqa: N802
        acme = self.server
        form = {k: v[0] for k, v in parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode()).items()}
        digest = base64.urlsafe_b64encode(hashlib.sha256(form["code_verifier"].encode()).digest()).rstrip(b"=").decode()
        if digest != acme.asked["code_challenge"] or form["code"] != "the-code":
            self.answer({"error": "invalid_grant"}, 400)
            return
        now = int(time.time())
        claims = {"iss": acme.issuer, "aud": "kehu", "exp": now + 60, "iat": now, "nonce": acme.asked["nonce"]}
        token = jwt.encode({"alg": "RS256", "kid": "k1"}, {**claims, **acme.claims, **acme.wrong}, acme.signing)
        self.answer({"access_token": "x", "token_type": "Bearer", "id_token": token})


@pytest.fixture
def acme() -> Iterator[Acme]:
    server = Acme()
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def hub(tmp_path: Path, sqlite_template: Path) -> Iterator[Store]:
    (tmp_path / "hub.db").write_bytes(sqlite_template.read_bytes())
    with open_store(f"sqlite:///{tmp_path / 'hub.db'}") as store:
        yield store


@pytest.fixture
def client(hub: Store, acme: Acme, tmp_path: Path) -> Iterator[TestClient]:
    config = parse_config(CONFIG.format(issuer=acme.issuer), tmp_path / "kehu.yaml")
    with TestClient(create_app(config, hub), base_url="http://kehu.test", follow_redirects=False) as made:
        yield made


def come(client: TestClient, acme: Acme, **changed: str) -> Any:
    """Go to the provider and come back, as a browser does."""
    there = client.get("/sign-in/single?next=/account")
    assert there.status_code == 303 and there.headers["location"].startswith(f"{acme.issuer}/authorization?")
    acme.asked = {k: v[0] for k, v in parse_qs(urlsplit(there.headers["location"]).query).items()}
    assert acme.asked["redirect_uri"] == "http://kehu.test/sign-in/single/return"
    return client.get("/sign-in/single/return", params={"code": "the-code", "state": acme.asked["state"], **changed})


def test_who_is_vouched_for_gets_an_account_and_comes_back_to_it(client: TestClient, hub: Store, acme: Acme) -> None:
    assert "Sign in with Acme" in client.get("/sign-in").text
    answer = come(client, acme)
    assert (answer.status_code, answer.headers["location"]) == (303, "/account")
    assert "wang" in client.get("/account").text
    assert hub.account("wang")["role"] == "steward"  # type: ignore[index]
    acme.claims["groups"] = ["stewards", "leads"]
    come(client, acme)
    assert [(a["name"], a["role"]) for a in hub.accounts()] == [("wang", "lead_steward")]


@pytest.mark.parametrize(
    "wrong",
    [
        {"aud": "another"},
        {"aud": ["kehu", "another"], "azp": "another"},
        {"iss": "https://evil.test"},
        {"nonce": "old"},
        {"exp": 1},
        {"sub": None},
    ],
)
def test_a_token_that_is_not_for_us_opens_nothing(
    client: TestClient, hub: Store, acme: Acme, wrong: dict[str, Any]
) -> None:
    acme.wrong = wrong
    answer = come(client, acme)
    assert answer.status_code == 401 and "Acme did not vouch for you" in answer.text
    assert hub.accounts() == []


def test_a_token_of_another_key_opens_nothing(client: TestClient, hub: Store, acme: Acme) -> None:
    acme.signing = RSAKey.generate_key(2048, {"kid": "k1"}, private=True)
    assert come(client, acme).status_code == 401
    assert hub.accounts() == []


@pytest.mark.parametrize(
    "changed", [{"state": "forged"}, {"state": "状态"}, {"code": "stolen"}, {"error": "access_denied"}, {"code": ""}]
)
def test_an_answer_that_we_did_not_ask_for_opens_nothing(
    client: TestClient, hub: Store, acme: Acme, changed: dict[str, str]
) -> None:
    assert come(client, acme, **changed).status_code == 401
    assert hub.accounts() == []


def test_whose_groups_give_no_role_stays_outside(client: TestClient, hub: Store, acme: Acme) -> None:
    acme.claims["groups"] = ["cooks"]
    answer = come(client, acme)
    assert answer.status_code == 401 and "none of your groups" in answer.text


@pytest.mark.parametrize(
    "cookie", ["[]", "5", "no json", '{"state": 5}', '{"state": null}', '{"state": "a", "next": 5}']
)
def test_a_cookie_that_is_none_of_ours_opens_nothing(client: TestClient, hub: Store, cookie: str) -> None:
    given = {"Cookie": f"kehu_single={cookie}"}
    answer = client.get("/sign-in/single/return", params={"code": "the-code", "state": "a"}, headers=given)
    assert answer.status_code == 401 and hub.accounts() == []


@pytest.mark.parametrize("cookie", [None, "{}", '{"state": ""}'])
@pytest.mark.parametrize("state", ["", "-", None])
def test_a_made_up_link_shows_no_text_of_its_maker(
    client: TestClient, acme: Acme, cookie: str | None, state: str | None
) -> None:
    given = {} if cookie is None else {"Cookie": f"kehu_single={cookie}"}
    asked = {"error": "x", "error_description": "call this number", **({} if state is None else {"state": state})}
    answer = client.get("/sign-in/single/return", params=asked, headers=given)
    assert answer.status_code == 401 and "call this number" not in answer.text


@pytest.mark.parametrize("groups", [["cooks"], None, 5, {"stewards": True}, [{"name": "stewards"}], []])
def test_who_is_in_no_group_any_more_is_outside_and_signed_out(
    client: TestClient, hub: Store, acme: Acme, groups: Any
) -> None:
    come(client, acme)
    assert client.get("/account").status_code == 200
    acme.claims["groups"] = groups
    answer = come(client, acme)
    assert answer.status_code == 401 and "none of your groups" in answer.text
    assert client.get("/account").status_code == 303


def test_whom_no_group_gives_a_role_any_more_has_that_of_everybody(hub: Store, acme: Acme, tmp_path: Path) -> None:
    config = parse_config(
        CONFIG.format(issuer=acme.issuer).replace("roles:", "role: viewer\n    roles:"), tmp_path / "k"
    )
    with TestClient(create_app(config, hub), base_url="http://kehu.test", follow_redirects=False) as client:
        come(client, acme)
        assert hub.account("wang")["role"] == "steward"  # type: ignore[index]
        acme.claims["groups"] = []
        come(client, acme)
        assert hub.account("wang")["role"] == "viewer"  # type: ignore[index]


@pytest.mark.parametrize(
    ("given", "name"),
    [("Wang Fang", "Wang.Fang"), ("key:erp/5c0ffee", "key.erp.5c0ffee"), ("a\nb", "a.b"), ("王芳@acme", "王芳@acme")],
)
def test_a_name_cannot_be_taken_for_a_programs(
    client: TestClient, hub: Store, acme: Acme, given: str, name: str
) -> None:
    acme.claims["preferred_username"] = given
    assert come(client, acme).status_code == 303
    assert [a["name"] for a in hub.accounts()] == [name]


def test_a_name_that_is_taken_and_a_disabled_account_stay_outside(client: TestClient, hub: Store, acme: Acme) -> None:
    hub.add_account("wang", "admin", by="test")
    assert "already that is not yours" in come(client, acme).text
    acme.claims |= {"preferred_username": "wang.fang"}
    assert come(client, acme).status_code == 303
    hub.add_account("root", "admin", by="test")
    accounts.disable_person(hub, "wang.fang", by="root")
    client.cookies.clear()
    assert "disabled" in come(client, acme).text


def test_a_provider_that_is_away_is_said(client: TestClient, acme: Acme) -> None:
    acme.shutdown()
    acme.server_close()
    answer = client.get("/sign-in/single")
    assert answer.status_code == 502 and "cannot be reached" in answer.text
