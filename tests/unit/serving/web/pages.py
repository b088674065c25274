"""A client that is signed in, over a small hub."""

from __future__ import annotations

import re
from pathlib import Path

from starlette.testclient import TestClient

from models.store import Store
from serving import accounts
from serving.http.app import create_app
from tests.unit.serving.filled import CONFIG, config

PASSWORD = "correct horse 9"
BASE = "http://kehu.test"


def application(store: Store, folder: Path) -> TestClient:
    """The pages over a store; nobody is signed in."""
    file = folder / "kehu.yaml"
    file.write_text(CONFIG, encoding="utf-8")
    return TestClient(create_app(config(file), store), base_url=BASE, follow_redirects=False)


def person(store: Store, name: str, role: str) -> None:
    accounts.use_link(store, accounts.add_person(store, name, role, by="test"), PASSWORD)


def sign_in(client: TestClient, name: str, password: str = PASSWORD) -> TestClient:
    answer = client.post("/sign-in", data={"name": name, "password": password})
    assert answer.status_code == 303, answer.text
    return client


def csrf(client: TestClient, path: str = "/account") -> str:
    found = re.search(r'name="csrf" value="([^"]+)"', client.get(path).text)
    assert found
    return found[1]
