from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from models.config import load_config
from models.errors import BusyError, KehuError
from models.store import Store, open_store
from serving.access.keys import issue
from serving.http.app import create_app
from serving.http.middleware import HEADERS
from serving.http.server import refuse_taken
from tests.unit.serving.filled import CONFIG, config


@pytest.fixture
def empty(sqlite_template: Path) -> Iterator[Store]:
    with open_store(f"sqlite:///{sqlite_template}") as opened:
        yield opened


@pytest.fixture
def client(empty: Store) -> TestClient:
    app = create_app(config(), empty)

    @app.get("/v1/broken")
    @app.get("/broken")
    def broken() -> None:
        raise ZeroDivisionError("the secret")

    @app.get("/busy")
    def busy() -> None:
        raise BusyError("hub.db: another process is writing")

    return TestClient(app, raise_server_exceptions=False)


@pytest.mark.parametrize("path", ["/static/kehu.css", "/nothing", "/v1/nothing", "/broken"])
def test_every_answer_carries_the_headers_and_a_number(client: TestClient, path: str) -> None:
    answer = client.get(path)
    assert {name: answer.headers.get(name) for name in HEADERS} == HEADERS
    assert len(answer.headers["X-Request-Id"]) == 16


def test_a_callers_own_number_is_kept_unless_it_is_strange(client: TestClient) -> None:
    assert client.get("/nothing", headers={"X-Request-Id": "trace-0001"}).headers["X-Request-Id"] == "trace-0001"
    assert client.get("/nothing", headers={"X-Request-Id": "<script>"}).headers["X-Request-Id"] != "<script>"


def test_an_unexpected_error_says_where_to_look_and_nothing_else(client: TestClient) -> None:
    for path in ("/broken", "/v1/broken"):
        answer = client.get(path)
        assert answer.status_code == 500
        assert "secret" not in answer.text and answer.headers["X-Request-Id"] in answer.text
    assert client.get("/v1/broken").headers["content-type"] == "application/problem+json"
    assert "text/html" in client.get("/broken").headers["content-type"]


def test_a_busy_store_asks_to_come_again(client: TestClient) -> None:
    answer = client.get("/busy")
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")


def test_a_taken_port_is_refused_by_name() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(KehuError, match=f"port {port} of 127.0.0.1 is taken"):
            refuse_taken("127.0.0.1", port)
    refuse_taken("127.0.0.1", port)


@pytest.mark.parametrize("workers", [1, 2])
def test_the_server_answers_and_ends_when_told(tmp_path: Path, workers: int) -> None:
    (tmp_path / "kehu.yaml").write_text(CONFIG, encoding="utf-8")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with open_store(load_config(tmp_path / "kehu.yaml").store) as store:
        token = issue(store, "erp", by="test").token
    waiting = urllib.request.Request(
        f"http://127.0.0.1:{port}/v1/changes?wait=25", headers={"Authorization": f"Bearer {token}"}
    )
    pool = ThreadPoolExecutor(1)
    command = [sys.executable, "-m", "serving.cli", "serve", "--port", str(port), "--workers", str(workers)]
    env = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[4])}
    server = subprocess.Popen(command, cwd=tmp_path, env=env, stderr=subprocess.PIPE, text=True)
    try:
        ended = time.monotonic() + 60
        while time.monotonic() < ended and server.poll() is None:
            try:
                answer = urllib.request.urlopen(f"http://127.0.0.1:{port}/static/kehu.css", timeout=5)
                assert answer.status == 200
                break
            except OSError:
                time.sleep(0.1)
        else:
            pytest.fail(f"no answer: {server.communicate(timeout=5)}")
        answering = pool.submit(urllib.request.urlopen, waiting, timeout=30)
        time.sleep(1)  # until it waits
    finally:
        server.send_signal(signal.SIGTERM)
        _, said = server.communicate(timeout=30)
    with answering.result() as answer:  # who waits for events is answered before the server ends
        assert answer.status == 200 and json.load(answer)["events"] == []
    assert f"http://127.0.0.1:{port}" in said and "Traceback" not in said
