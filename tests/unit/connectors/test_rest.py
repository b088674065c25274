"""What REST servers do to their clients: sign-in, limits, failures, ignored filters, rows inside rows, merges."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from connectors.protocol import BadRow, Deleted, Delivery, Item, LiveKeys, Merged, Note, State
from connectors.registry import check_source
from connectors.rest.connector import RestConnector
from connectors.rest.http import Http
from connectors.rest.options import RestOptions
from models.config import load_config
from models.errors import ConfigError, SourceError
from tests.support.simulator import Reply, Request, Simulator

STREAM: dict[str, Any] = {
    "name": "accounts",
    "entity": "organization",
    "key": "id",
    "updated_at": "changed",
    "fields": {"name": "name"},
}


class Server:
    """A server whose answers a test gives, and a connector that reads it."""

    def __init__(self, folder: Path):
        self.folder, self.simulator = folder, Simulator(lambda request: self.reply(request))
        self.reply: Callable[[Request], Reply] = lambda request: Reply([])

    def connector(self, stream: dict[str, Any] | None = None, **options: Any) -> RestConnector:
        source = {
            "name": "crm",
            "family": "sales",
            "connector": {"type": "rest", "base_url": self.simulator.url, **options},
            "streams": [{**STREAM, **(stream or {})}],
        }
        path = self.folder / "kehu.yaml"
        path.write_text(yaml.safe_dump({"store": "sqlite:///hub.db", "workspace": "work", "sources": [source]}))
        config = load_config(path)
        return RestConnector(config.sources[0], config.base)

    def read(self, state: Any = None, stream: dict[str, Any] | None = None, **options: Any) -> list[Item]:
        connector = self.connector(stream, **options)
        return list(connector.read(connector.source.streams[0], state))

    def rows(self, **options: Any) -> list[dict[str, Any]]:
        return rows(self.read(**options))

    def http(self, pauses: list[float], **options: Any) -> Http:
        made = RestOptions.model_validate({"base_url": self.simulator.url, **options})
        return Http(made, self.folder, source="crm", stream="accounts", sleep=pauses.append)


def rows(items: list[Item]) -> list[dict[str, Any]]:
    return [row for item in items if hasattr(item, "to_pylist") for row in item.to_pylist()]


def one(items: list[Item], kind: type) -> Any:
    found = [item for item in items if isinstance(item, kind)]
    assert len(found) == 1, found
    return found[0]


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    made = Server(tmp_path)
    yield made
    made.simulator.close()


# Sign-in


@pytest.mark.parametrize(
    ("auth", "header", "value"),
    [
        ({"type": "basic", "user": "u", "password": "p"}, "authorization", "Basic dTpw"),
        ({"type": "bearer", "token": "t"}, "authorization", "Bearer t"),
        ({"type": "bearer", "token": "t", "scheme": "Token"}, "authorization", "Token t"),
        ({"type": "api_key", "key": "k"}, "x-api-key", "k"),
        ({"type": "api_key", "key": "k", "header": "X-Zed"}, "x-zed", "k"),
    ],
)
def test_signing_in_by_header(server: Server, auth: dict[str, Any], header: str, value: str) -> None:
    server.read(auth=auth)
    assert server.simulator.asked[0].headers[header] == value


def test_a_key_may_go_into_the_query(server: Server) -> None:
    server.read(auth={"type": "api_key", "key": "k", "param": "key"})
    assert server.simulator.asked[0].query["key"] == "k"


class Tokens:
    """A token endpoint whose tokens end after so many uses."""

    def __init__(self, uses: int):
        self.uses, self.issued, self.left, self.forms = uses, 0, 0, []
        self.basic: list[str | None] = []

    def __call__(self, request: Request) -> Reply:
        if request.path == "/token":
            self.forms.append(request.form)
            self.basic.append(request.headers.get("authorization"))
            self.issued, self.left = self.issued + 1, self.uses
            return Reply({"access_token": f"a{self.issued}", "expires_in": 3600, "refresh_token": f"r{self.issued}"})
        if request.headers.get("authorization") != f"Bearer a{self.issued}" or not self.left:
            return Reply({"error": "expired"}, 401)
        self.left -= 1
        page = int(request.query.get("page", 1))
        return Reply([{"id": str(page)}] if page <= 5 else [])


OAUTH = {"type": "oauth2", "token_url": "/token", "client_id": "c", "client_secret": "s3cret"}


def test_client_credentials_are_renewed_when_a_token_is_refused(server: Server) -> None:
    server.reply = tokens = Tokens(uses=2)
    found = server.rows(auth=OAUTH, paging={"type": "page"})
    assert [row["id"] for row in found] == ["1", "2", "3", "4", "5"]
    assert tokens.issued == 3
    assert tokens.forms[0] == {"grant_type": "client_credentials", "client_id": "c", "client_secret": "s3cret"}


def test_a_renewed_refresh_token_is_used(server: Server) -> None:
    server.reply = tokens = Tokens(uses=2)
    server.rows(auth={**OAUTH, "grant": "refresh_token", "refresh_token": "r0"}, paging={"type": "page"})
    assert [form["refresh_token"] for form in tokens.forms] == ["r0", "r1", "r2"]


def test_a_password_grant_and_a_client_in_the_header(server: Server) -> None:
    server.reply = tokens = Tokens(uses=99)
    auth = {**OAUTH, "grant": "password", "username": "u", "password": "p", "client": "header", "scope": "a b"}
    server.rows(auth=auth, paging={"type": "page"})
    assert tokens.forms[0] == {"grant_type": "password", "username": "u", "password": "p", "scope": "a b"}
    assert tokens.basic[0] == "Basic YzpzM2NyZXQ="


def test_a_sign_in_that_is_refused_is_told_without_the_secret(server: Server) -> None:
    server.reply = lambda request: Reply({"error": "bad key s3cret"}, 401)
    with pytest.raises(SourceError) as raised:
        server.read(auth={"type": "bearer", "token": "s3cret"})
    assert "sign-in was refused" in str(raised.value) and "s3cret" not in str(raised.value)
    assert not raised.value.retryable
    assert len(server.simulator.asked) == 1


def test_a_token_that_is_refused_is_told(server: Server) -> None:
    server.reply = lambda request: Reply({"error": "invalid_client", "error_description": "no such client"}, 400)
    with pytest.raises(SourceError, match="refuses to sign in: 400 no such client"):
        server.read(auth=OAUTH)


# Limits and failures


def test_it_waits_as_long_as_the_server_asks(server: Server) -> None:
    replies = [Reply(None, 429, {"Retry-After": "7"}), Reply(None, 503), Reply([{"id": "1"}])]
    server.reply = lambda request: replies.pop(0)
    pauses: list[float] = []
    with server.http(pauses) as http:
        assert http.get("accounts").data == [{"id": "1"}]
    assert pauses[0] == 7 and 0.25 <= pauses[1] <= 3


def test_a_date_in_retry_after(server: Server) -> None:
    replies = [Reply(None, 429, {"Retry-After": "Wed, 21 Oct 2015 07:28:00 GMT"}), Reply([])]
    server.reply = lambda request: replies.pop(0)
    pauses: list[float] = []
    with server.http(pauses) as http:
        http.get("accounts")
    assert pauses == [0.0]


def test_a_pause_that_is_too_long_is_left_to_the_next_run(server: Server) -> None:
    server.reply = lambda request: Reply(None, 429, {"Retry-After": "86400"})
    pauses: list[float] = []
    with server.http(pauses) as http, pytest.raises(SourceError, match="a pause of 86,400 seconds") as raised:
        http.get("accounts")
    assert raised.value.retryable and pauses == []


def test_a_spent_quota_is_waited_for(server: Server) -> None:
    server.reply = lambda request: Reply([], headers={"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "12"})
    pauses: list[float] = []
    with server.http(pauses) as http:
        http.get("accounts")
    assert pauses == [12]


def test_requests_keep_their_pace(server: Server) -> None:
    times = iter([0.0, 0.0, 0.1, 0.5])
    pauses: list[float] = []
    options = RestOptions.model_validate({"base_url": server.simulator.url, "requests_per_second": 2})
    with Http(
        options, server.folder, source="crm", stream=None, sleep=pauses.append, clock=lambda: next(times)
    ) as http:
        http.get("accounts")
        http.get("accounts")
    assert pauses == [pytest.approx(0.4)]


def test_what_fails_for_good_is_retryable_in_the_next_run(server: Server) -> None:
    server.reply = lambda request: Reply({"oops": 1}, 502)
    pauses: list[float] = []
    with server.http(pauses, retries=3) as http, pytest.raises(SourceError, match="502 Bad Gateway") as raised:
        http.get("accounts")
    assert raised.value.retryable and len(pauses) == 3


def test_a_server_that_is_down(server: Server) -> None:
    server.simulator.close()
    with pytest.raises(SourceError, match="does not answer: .*refused") as raised:
        server.read(retries=0)
    assert raised.value.retryable


@pytest.mark.parametrize(
    ("reply", "words"),
    [
        (Reply(b"<html>maintenance</html>", headers={"Content-Type": "text/html"}), r"no JSON \(text/html\): <html>"),
        (Reply({"items": []}), r"holds no 'data.rows' \(items\)"),
        (Reply({"detail": "no such thing"}, 404), "404 there is nothing: .*no such thing"),
        (Reply(None, 302, {"Location": "https://evil.example/steal"}), "leads to https://evil.example"),
    ],
)
def test_answers_that_hold_no_rows(server: Server, reply: Reply, words: str) -> None:
    server.reply = lambda request: reply
    with pytest.raises(SourceError, match=words):
        server.read(records="data.rows", retries=0)


def test_the_next_address_never_leads_to_another_server(server: Server) -> None:
    server.reply = lambda request: Reply({"rows": [{"id": "1"}], "next": "https://evil.example/?page=2"})
    with pytest.raises(SourceError, match="not 127.0.0.1"):
        server.read(records="rows", paging={"type": "next"}, auth={"type": "bearer", "token": "s3cret"})


def test_an_answer_that_is_too_large_is_given_up(server: Server) -> None:
    server.reply = lambda request: Reply([{"id": "x" * (2 << 20)}])
    with pytest.raises(SourceError, match="larger than 1 MiB"):
        server.read(largest_answer=1)


@pytest.mark.parametrize("paging", [{"type": "offset", "size": 1}, {"type": "page"}])
def test_a_server_that_does_not_page_is_noticed(server: Server, paging: dict[str, Any]) -> None:
    server.reply = lambda request: Reply([{"id": "1"}])
    with pytest.raises(SourceError, match="the same rows for the next page"):
        server.read(paging=paging)


@pytest.mark.parametrize("paging", [{"type": "page", "size": 2}, {"type": "offset", "size": 2}])
def test_a_short_page_in_the_middle_is_not_the_end(server: Server, paging: dict[str, Any]) -> None:
    """As a server gives that counts a page before it leaves out what the user may not see."""
    pages = [["1", "2"], ["3"], ["4", "5"], ["6"]]

    def answer(request: Request) -> Reply:
        page = int(request.query.get("page", 0)) - 1
        if "offset" in request.query:
            page = {0: 0, 2: 1, 3: 2, 5: 3}.get(int(request.query["offset"]), 4)
        return Reply([{"id": key} for key in pages[page]] if page < len(pages) else [])

    server.reply = answer
    assert [row["id"] for row in rows(server.read(paging=paging))] == ["1", "2", "3", "4", "5", "6"]


@pytest.mark.parametrize("behind", [Reply([{"id": "3"}]), Reply({}, status=404), Reply({}, status=400)])
def test_what_stands_behind_a_short_page_may_be_the_end(server: Server, behind: Reply) -> None:
    pages = {"1": Reply([{"id": "1"}, {"id": "2"}]), "2": Reply([{"id": "3"}])}
    server.reply = lambda request: pages.get(request.query["page"], behind)
    assert [row["id"] for row in rows(server.read(paging={"type": "page", "size": 2}))] == ["1", "2", "3"]


def test_a_page_that_is_refused_behind_a_full_one_is_a_limit(server: Server) -> None:
    """Where a server gives no more than so many pages, the rest must not look deleted."""
    server.reply = lambda request: (
        Reply([{"id": "1"}, {"id": "2"}]) if request.query["page"] == "1" else Reply({}, status=400)
    )
    with pytest.raises(SourceError, match="400"):
        server.read(paging={"type": "page", "size": 2})


def test_a_next_address_in_a_circle_is_noticed(server: Server) -> None:
    server.reply = lambda request: Reply({"rows": [{"id": "1"}], "next": "/accounts?page=2"})
    with pytest.raises(SourceError, match="the next address is the one"):
        server.read(records="rows", paging={"type": "next"})


# What changed


INCREMENTAL = {"param": "since", "overlap": 0}


def test_the_filter_is_asked_for_once_there_is_a_state(server: Server) -> None:
    server.reply = lambda request: Reply([{"id": "1", "changed": "2026-03-04T05:06:07.5+08:00"}])
    items = server.read(incremental=INCREMENTAL)
    assert one(items, Delivery).mode == "snapshot" and "since" not in server.simulator.asked[0].query
    items = server.read(one(items, State).values, incremental=INCREMENTAL)
    assert one(items, Delivery).mode == "delta"
    assert server.simulator.asked[1].query["since"] == "2026-03-03T21:06:07Z"


@pytest.mark.parametrize(
    ("style", "text"),
    [
        ("date", "2026-03-03"),
        ("epoch", "1772571967"),
        ("epoch_ms", "1772571967000"),
        ("%d.%m.%Y", "03.03.2026"),
    ],
)
def test_times_are_written_as_the_server_wants_them(server: Server, style: str, text: str) -> None:
    state = {"rows": {"since": "2026-03-03T21:06:07.500000+00:00", "ignores": False}}
    server.read(state, incremental={**INCREMENTAL, "format": style, "value": "x>{since}"})
    assert server.simulator.asked[0].query["since"] == f"x>{text}"


def test_a_server_that_ignores_the_filter_is_told_and_read_wholly_from_then_on(server: Server) -> None:
    server.reply = lambda request: Reply([{"id": "1", "changed": "2025-01-01"}, {"id": "2", "changed": "2026-03-04"}])
    first = server.read(incremental=INCREMENTAL)
    second = server.read(one(first, State).values, incremental=INCREMENTAL)
    assert "ignores 'since': 1 of 2 rows are older" in one(second, Note).text
    third = server.read(one(second, State).values, incremental=INCREMENTAL)
    assert one(third, Delivery).mode == "snapshot"
    assert "since" not in server.simulator.asked[-1].query


def test_rows_without_a_time_are_told(server: Server) -> None:
    server.reply = lambda request: Reply([{"id": "1"}])
    items = server.read(incremental=INCREMENTAL)
    assert "no row tells when it changed (column 'changed')" in one(items, Note).text
    again = server.read(one(items, State).values, incremental=INCREMENTAL)
    assert one(again, Delivery).mode == "snapshot"


def test_deleted_and_merged_rows_of_an_endpoint(server: Server) -> None:
    def reply(request: Request) -> Reply:
        if request.path == "/gone":
            return Reply({"gone": [{"id": 1, "into": None}, {"id": 2, "into": 3}]})
        return Reply([])

    server.reply = reply
    connector = server.connector(deletions={"path": "gone", "records": "gone", "merged_into": "into"})
    items = list(connector.deletes(connector.source.streams[0], None))
    assert one(items, Deleted).batch.to_pylist() == [{"id": "1"}]
    assert one(items, Merged).pairs == [("2", "3")]


def test_live_keys_are_told_even_when_there_are_none(server: Server) -> None:
    state = {"rows": {"since": "2026-03-03T21:06:07+00:00", "ignores": False}}
    connector = server.connector(incremental=INCREMENTAL, live_keys=True)
    items = list(connector.deletes(connector.source.streams[0], state))
    assert one(items, LiveKeys).batch.num_rows == 0


@pytest.mark.parametrize("olds", ["2;3", "2,3", ["2", "3"], [2, 3]])
def test_merged_rows_are_told_by_the_one_that_stayed(server: Server, olds: Any) -> None:
    server.reply = lambda request: Reply([{"id": 1, "name": "a", "olds": olds}])
    assert one(server.read(merged_from="olds"), Merged).pairs == [("2", "1"), ("3", "1")]


def test_merged_rows_are_told_by_those_that_went(server: Server) -> None:
    server.reply = lambda request: Reply([{"id": "1", "master": None}, {"id": "2", "master": "1"}])
    items = server.read(merged_into="master")
    assert one(items, Merged).pairs == [("2", "1")]
    assert [row["id"] for row in rows(items)] == ["1"]


# Rows inside rows


def test_nested_objects_become_dotted_columns(server: Server) -> None:
    server.reply = lambda request: Reply([{"id": 1, "a": {"b": {"c": "x"}, "d": []}, "e": {}}])
    assert server.rows() == [{"id": "1", "a.b.c": "x", "a.d": "[]", "e": None}]


def test_members_of_a_list_become_rows(server: Server) -> None:
    server.reply = lambda request: Reply(
        [{"id": 7, "site": {"city": "x"}, "contacts": [{"id": 1}, {"id": 2}]}, {"id": 8}]
    )
    found = server.rows(children="contacts")
    assert found == [
        {"_parent.id": "7", "_parent.site.city": "x", "id": "1"},
        {"_parent.id": "7", "_parent.site.city": "x", "id": "2"},
    ]


def test_rows_of_an_endpoint_per_parent(server: Server) -> None:
    def reply(request: Request) -> Reply:
        if request.path == "/accounts":
            return Reply([{"id": "a b"}, {"id": "c"}])
        return Reply([{"id": request.path.split("/")[2] + "1"}])

    server.reply = reply
    found = server.rows(path="accounts/{parent}/contacts", parent={"path": "accounts"})
    assert found == [{"id": "a%20b1", "_parent": "a b"}, {"id": "c1", "_parent": "c"}]


def test_what_is_no_object_is_a_bad_row(server: Server) -> None:
    server.reply = lambda request: Reply([{"id": "1"}, "oops", {"id": "2"}])
    items = server.read()
    assert one(items, BadRow).value == '"oops"'
    assert [row["id"] for row in rows(items)] == ["1", "2"]


# Configuration


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"base_url": "http://crm.example.com"}, "use https"),
        ({"base_url": "https://u:p@crm.example.com"}, "under 'auth'"),
        ({"base_url": "crm.example.com"}, "expected a URL"),
        ({"pagin": {"type": "page"}}, "unknown key (did you mean 'paging'?)"),
        ({"paging": {"type": "pages"}}, "paging"),
        ({"paging": {"type": "page", "parm": "p"}}, "unknown key (did you mean 'param'?)"),
        ({"incremental": {"param": "since", "value": "now"}}, "needs {since} where the time goes"),
        ({"body": {}}, "'body' needs method: POST"),
        ({"parent": {"path": "a"}}, "needs a 'path' with {parent} in it"),
        ({"live_keys": True}, "is for incremental reading"),
        ({"auth": {**OAUTH, "grant": "password"}}, "grant password needs username and password"),
    ],
)
def test_mistakes_are_told_with_their_place(server: Server, options: dict[str, Any], words: str) -> None:
    connector = server.connector(**options)
    mistakes = check_source(connector.source, server.folder)
    assert any(words in str(m) and "sources[crm].connector" in str(m) for m in mistakes), [str(m) for m in mistakes]


def test_a_column_that_is_not_there_is_told(server: Server) -> None:
    server.reply = lambda request: Reply([{"id": "1", "nam": "x", "changed": "2026-01-01"}])
    connector = server.connector()
    mistakes: list[ConfigError] = connector.check(connector.source.streams[0])
    assert [m.key for m in mistakes] == ["sources[crm].streams[accounts].fields.name"]
    assert "did you mean 'nam'" in str(mistakes[0])
