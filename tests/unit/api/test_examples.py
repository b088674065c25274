"""What the documents of the interface show is run as printed: lines of curl as requests, and the Python."""

from __future__ import annotations

import hashlib
import re
import shlex
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import httpx2
import pytest

import serving.client
from models.signing import signed
from serving.access.keys import issue
from serving.client import AsyncHub, Replica
from serving.client import Hub as Client
from tests.unit.api.hub import Hub
from tests.unit.client.test_client import Through
from tests.unit.creating.test_creating import Served
from tests.unit.creating.test_creating import resolved as resolved
from tests.unit.creating.test_creating import served as served

DOCS = Path(__file__).parents[3] / "docs"
BLOCKS = {
    name: re.findall(r"^```(\w+)\n(.*?)^```$", (DOCS / name).read_text(encoding="utf-8"), re.M | re.S)
    for name in ("api.md", "change-feed.md", "privacy.md", "realtime.md")
}
NAMES = {
    "顺达": "顺丰",
    "sales_crm": "crm",
    "ACC-719613": "A1",
    "A-1001": "A1",
    "01a22348-bb33-77c4-855a-27b458876343": "g1",
    "2026-11-29T12:00:00Z": "2025-03-05T00:00:00Z",
    "https://erp.example": "https://93.184.216.34",
}
"""What the documents name → what it is called in the hub of these tests."""


def curls() -> list[str]:
    """Every line of curl, those that go on behind a backslash as one."""
    found = []
    for blocks in BLOCKS.values():
        for kind, text in blocks:
            found += re.findall(r"^curl .+$", text.replace("\\\n", " "), re.M) if kind == "sh" else []
    return found


def python(name: str, word: str) -> str:
    """The Python of a document that has a word in it."""
    [text] = [text for kind, text in BLOCKS[name] if kind == "python" and word in text]
    for told, here in NAMES.items():
        text = text.replace(told, here)
    return text


def sent(line: str) -> tuple[str, str, dict[str, str], str | None, list[str]]:
    """Method, path, headers, body and the other options of a line of curl."""
    variables = {"KEHU_URL": "", "ID": "g1", "PERSON": "p1", "KEHU_KEY": "KEY"}
    for told, here in NAMES.items():
        line = line.replace(told, here)
    line = re.sub(r"\$(\w+)", lambda found: variables[found[1]], line)
    _, *words = shlex.split(line)
    method, body, headers, paths, rest = "", None, dict[str, str](), [], []
    query: list[tuple[str, str]] = []
    while words:
        match words.pop(0):
            case "-H":
                name, _, value = words.pop(0).partition(": ")
                headers[name] = value
            case "-d":
                body = words.pop(0)
            case "-X":
                method = words.pop(0)
            case "--data-urlencode":
                name, _, value = words.pop(0).partition("=")
                query.append((name, value))
            case "-G":
                method = "GET"
            case "-o" | "-D":
                rest.append(words.pop(0))
            case path:
                paths.append(path)
    [path] = paths
    assert path.isascii(), f"curl sends this as it stands, and no server takes it: {path}"
    if query:
        assert method == "GET", "without -G curl would send it as a form"
        path += ("&" if "?" in path else "?") + urlencode(query)
    return method or ("GET" if body is None else "POST"), path, headers, body, rest


def test_every_line_of_curl_is_answered(
    hub: Hub, served: Served, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("KEHU_WEBHOOK_SECRET", "a secret of the test")
    lines = curls()
    assert len(lines) >= 15
    token = issue(hub.store, "erp", by="test", role="admin", scopes=["personal"]).token
    program = issue(hub.store, "erp", by="test", scopes=["personal"]).token
    for line in lines:
        method, path, headers, body, _ = sent(line)
        assert headers.pop("Authorization") == "Bearer KEY"
        creates = path == "/v1/match" or (method, path) == ("POST", "/v1/customers")  # where a model is
        keys = program if "/webhooks" in path or "/corrections" in path else token
        client = served.client if creates else hub.client(keys)
        answer = client.request(method, path, headers=headers, content=body)
        assert answer.status_code < 300, f"{line}\n{answer.text}"
        if path == "/v1/exports":
            assert int(answer.headers["X-Kehu-Cursor"]) == 4 and answer.text.count("\n") > 3
        if path.startswith("/v1/customers?"):
            assert [one["golden_id"] for one in answer.json()["items"]] == ["g1", "g2"]


class Enough(Exception):
    """Ends what goes on for ever."""


def test_python_of_the_client_does_what_it_says(
    served: Served, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    token = issue(served.store, "copy", by="test", scopes=["personal"]).token

    def hub(url: str, key: str) -> Client:
        assert (url, key) == ("https://kehu.example", token)
        return Client(url, key, client=Through(served))

    def asynchronous(url: str, key: str) -> AsyncHub:
        inner = httpx2.AsyncClient(
            transport=httpx2.ASGITransport(app=served.app),
            base_url=url,
            headers={"Authorization": f"Bearer {key}"},
        )
        return AsyncHub(url, key, client=inner)

    monkeypatch.setattr(serving.client, "Hub", hub)
    monkeypatch.setattr(serving.client, "AsyncHub", asynchronous)
    found: dict[str, Any] = {"key": token}
    exec(python("api.md", "hub.create("), found)
    assert found["customer"]["values"]["city"] == "广州市" and found["made"]["outcome"] == "created"
    assert found["candidates"] == []  # not there, before it was created
    exec(python("api.md", "Replica(hub"), found)
    with Replica(Client("", "", client=Through(served)), tmp_path / "copy.db") as copy:
        assert found["made"]["golden_id"] in copy.golden() and len(copy.golden()) > 50
    exec(python("api.md", "asyncio.run"), found)
    assert found["made"]["golden_id"] in capsys.readouterr().out

    def one(event: int, *more: str) -> None:
        raise Enough(event, *more)

    found["print"] = one
    with pytest.raises(Enough) as seen:
        exec(python("api.md", "hub.follow").replace("after=hub.cursor()", "after=hub.cursor() - 1"), found)
    assert seen.value.args[1:] == ("created", found["made"]["golden_id"])


def test_python_of_a_receiver_tells_genuine_deliveries() -> None:
    found: dict[str, Any] = {}
    exec(python("change-feed.md", "def genuine"), found)
    secret, body, now = hashlib.sha256(b"x").hexdigest(), b'{"events": []}', int(time.time())
    assert found["genuine"](secret, signed(secret, now, body), body)
    assert not found["genuine"](secret, signed(secret, now, body), body + b" ")
    assert not found["genuine"](secret, signed(secret, now - 301, body), body)
    assert not found["genuine"]("another", signed(secret, now, body), body)


def test_python_of_one_record_at_once(
    served: Served, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from tests.unit.creating.test_creating import CONFIG

    (served.folder / "kehu.yaml").write_text(CONFIG.format(store="sqlite:///hub.db"), encoding="utf-8")
    monkeypatch.chdir(served.folder)
    found: dict[str, Any] = {}
    text = python("realtime.md", "matcher.match(").replace("青岛海川货运", "顺达物流有限公司")
    exec(text.replace("0532-85671234", "13800138003"), found)
    assert found["answer"].matches and found["answer"].matches[0].golden_id in capsys.readouterr().out
