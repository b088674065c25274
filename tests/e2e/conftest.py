"""A hub with a small world in it, served for real, and Debian's Chromium to look at it with."""

from __future__ import annotations

import os
import shutil
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import argon2
import pytest
import uvicorn
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from models.config import Config, load_config
from models.store import Store, open_store
from orchestration.run import run_hub
from serving import accounts
from serving.accounts import passwords
from serving.http.app import create_app
from worlds.demo import generate

CHROMIUM = ("chromium", "chromium-browser", "google-chrome")
FLAGS = [
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
]
PASSWORD = "correct horse 9"
PEOPLE = {"root": "admin", "lead": "lead_steward", "wang": "steward", "li": "steward", "eng": "engineer"}


class Served:
    """A hub and the server on it."""

    def __init__(self, config: Config, store: Store, url: str):
        self.config, self.store, self.url = config, store, url

    def run(self, **given: Any) -> dict[str, Any]:
        """A run, in this process."""
        return run_hub(self.config, full=False, source=None, **given)

    def tasks(self, kind: str = "grey_pair", entity: str = "organization") -> list[dict[str, Any]]:
        """Waiting tasks of a kind, in the order of their keys."""
        rows: list[dict[str, Any]] = self.store.tasks(kind=kind, entity_type=entity).to_pylist()
        return rows

    def homes(self, *records: int) -> list[str]:
        """The golden ids of records, in their order."""
        rows = self.store.memberships(list(records)).to_pylist()
        found = {row["record_id"]: row["golden_id"] for row in rows}
        return [found[n] for n in records]


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project whose hub has run once; KEHU_E2E_WORLD names one that did, for who works on these tests."""
    if ready := os.environ.get("KEHU_E2E_WORLD"):
        return Path(ready)
    folder = tmp_path_factory.mktemp("world")
    generate(folder, 2_000, 1)
    run_hub(load_config(folder / "kehu.yaml"), full=False, source=None)
    return folder


@pytest.fixture(scope="module")
def hub(world: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A copy of that project, served; fresh for each file of tests."""
    folder = tmp_path_factory.mktemp("hub") / "project"
    shutil.copytree(world, folder)
    config = load_config(folder / "kehu.yaml")
    before, passwords._hasher = passwords._hasher, argon2.PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    with open_store(config.store) as store:
        for name, role in PEOPLE.items():
            accounts.use_link(store, accounts.add_person(store, name, role, by="test"), PASSWORD)
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        settings = uvicorn.Config(create_app(config, store), host="127.0.0.1", port=port, log_level="warning")
        server = uvicorn.Server(settings)
        thread = threading.Thread(target=server.run, daemon=True)
        thread.start()
        ended = time.monotonic() + 30
        while not server.started and time.monotonic() < ended:
            time.sleep(0.02)
        yield Served(config, store, f"http://127.0.0.1:{port}")
        server.should_exit = True
        thread.join(timeout=30)
    passwords._hasher = before


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """The browser; a machine without one fails, since pages that nobody looked at are not tested.

    One per file of tests: Playwright keeps an event loop running in the thread for as long as it lives, and tests of
    other folders that the same process runs afterwards may want to start one of their own.
    """
    found = next((path for name in CHROMIUM if (path := shutil.which(name))), None)
    assert found, "no Chromium: on Debian and Ubuntu, apt-get install chromium fonts-noto-cjk"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=FLAGS)
        yield browser
        browser.close()


Visitor = Callable[..., Page]


@pytest.fixture
def visitor(chromium: Browser, hub: Served) -> Iterator[Visitor]:
    """Opens a page for somebody who is signed in. At the end no page may have complained."""
    contexts: list[BrowserContext] = []
    complaints: list[str] = []

    def open_for(name: str | None, *, language: str = "en", theme: str = "light", width: int = 1360) -> Page:
        locale = {"en": "en-US", "zh": "zh-CN"}[language]
        scheme: Any = theme
        context = chromium.new_context(
            base_url=hub.url, locale=locale, color_scheme=scheme, viewport={"width": width, "height": 900}
        )
        contexts.append(context)
        if name is not None:
            token = accounts.begin_session(hub.store, name)
            context.add_cookies([{"name": "kehu_session", "value": token, "url": hub.url}])
        page = context.new_page()
        page.set_default_timeout(20_000)
        page.on("console", lambda m: complaints.append(m.text) if m.type == "error" and "409" not in m.text else None)
        page.on("pageerror", lambda e: complaints.append(str(e)))
        return page

    yield open_for
    for context in contexts:
        context.close()
    assert complaints == []
