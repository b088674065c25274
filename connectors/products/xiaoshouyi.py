"""销售易 (Neocrm): queries in its SQL-like language; deletions by comparing keys."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, ClassVar

from pydantic import Field

from connectors.products.product import ProductConnector, ProductOptions, Resource
from connectors.protocol import BadRow, Options
from connectors.rest.http import Http, Verdict
from connectors.rest.options import RestOptions
from connectors.rest.records import at, rows_of
from connectors.rest.since import Since, written
from models.config import Stream

_PAGE = 300
_NAME = re.compile(r"^[A-Za-z][A-Za-z0-9_]*$")
_COMMON: dict[str, Any] = {"cursor": "updatedAt"}
_TOO_MANY = ("1020025", "1020026", "429")
"""Codes of too many calls."""


class XiaoshouyiOptions(ProductOptions):
    """Options of `connector: {type: xiaoshouyi}`."""

    url: str = "https://api.xiaoshouyi.com"
    """Address of the interface."""
    client_id: str
    """Id of the app."""
    client_secret: str = Field(repr=False)
    """Its secret, from the environment."""
    user: str
    """Account that signs in."""
    password: str = Field(repr=False)
    """Its password with the security token behind it, from the environment."""
    redirect_uri: str = "https://localhost"
    """Redirect address of the app, as it is registered."""
    live_keys: bool = True
    """Compare keys after each incremental reading, so that deletions are seen: the interface tells none."""


class XiaoshouyiHttp(Http):
    """Failures come with status 200 and a code."""

    def judge(self, data: Any) -> Verdict | None:
        """`code` is 200, as a number or as text, when all is well."""
        code = str(data.get("code", "200")) if isinstance(data, dict) else "200"
        if code in ("200", "0"):
            return None
        words = f"error {code}: {data.get('msg') or data.get('message') or 'no reason given'}"
        return Verdict(words, passing=code in _TOO_MANY, renew=code in ("20000002", "401"))


class XiaoshouyiConnector(ProductConnector):
    """客户, 联系人, 销售线索, 商机 and 订单."""

    options: ClassVar[type[Options]] = XiaoshouyiOptions
    title = "销售易"
    resources = (
        Resource(
            "account",
            "organization",
            {
                "name": "accountName",
                "phone": ["phone"],
                "website": "url",
                "address_line": "address",
                "province": "state",
                "city": "city",
                "postal_code": "zipCode",
                "parent_key": "parentAccountId",
                "account_owner": "ownerId",
            },
            refers={"parent_key": "account"},
            **_COMMON,
        ),
        Resource(
            "contact",
            "person",
            {
                "full_name": "contactName",
                "phone": ["phone", "mobile"],
                "email": ["email"],
                "job_title": "post",
                "organization_key": "accountId",
            },
            refers={"organization_key": "account"},
            **_COMMON,
        ),
        Resource(
            "lead",
            "person",
            {"full_name": "name", "phone": ["phone", "mobile"], "email": ["email"], "job_title": "post"},
            **_COMMON,
        ),
        Resource(
            "opportunity",
            "touchpoint",
            {
                "party_key": "accountId",
                "occurred_at": "createdAt",
                "status": "saleStageId",
                "amount": "money",
                "due_at": "closeDate",
                "subject": "opportunityName",
                "owner": "ownerId",
            },
            constants={"type": "opportunity"},
            refers={"party_key": "account"},
            **_COMMON,
        ),
        Resource(
            "order",
            "touchpoint",
            {
                "party_key": "accountId",
                "refers_to": "opportunityId",
                "occurred_at": "transactionDate",
                "amount": "amount",
                "subject": "po",
                "owner": "ownerId",
            },
            constants={"type": "order"},
            refers={"party_key": "account", "refers_to": "opportunity"},
            **_COMMON,
        ),
    )

    def http(self, options: RestOptions, stream: Stream | None) -> Http:
        """A client that reads codes."""
        name = stream.name if stream else None
        return XiaoshouyiHttp(options, self.base, source=self.source.name, stream=name)

    def server(self, options: XiaoshouyiOptions) -> dict[str, Any]:
        """The password flow, as server-to-server calls use it."""
        auth = {
            "type": "oauth2",
            "token_url": "/oauth2/token.action",
            "grant": "password",
            "client_id": options.client_id,
            "client_secret": options.client_secret,
            "username": options.user,
            "password": options.password,
            "extra": {"redirect_uri": options.redirect_uri},
        }
        return {"base_url": options.url, "auth": auth}

    def asked(self, resource: Resource, columns: list[str], options: XiaoshouyiOptions) -> dict[str, Any]:
        """The query is written in `_rows`, page by page: its place in the list is part of it."""
        chosen = [column for column in dict.fromkeys(["id", "updatedAt", *columns]) if _NAME.match(column)]
        return {
            "path": "rest/data/v2/query",
            "records": "result.records",
            "params": {"q": f"select {', '.join(chosen)} from {resource.name}"},
            "incremental": {"param": "since", "format": "epoch_ms", "overlap": 300},
            "live_keys": options.live_keys,
        }

    def other(self, name: str) -> Resource | None:
        """Objects of one's own."""
        return Resource(name, "touchpoint", {}, **_COMMON) if _NAME.match(name) and name.endswith("__c") else None

    def _rows(
        self, http: Http, options: RestOptions, stream: Stream, since: Since | None
    ) -> Iterator[Iterator[dict[str, Any] | BadRow]]:
        """Behind the last id instead of behind so many rows: nothing is skipped when rows vanish meanwhile."""
        last = "0"
        while True:
            where = f"id > {last}"
            if since is not None and since.asked is not None:
                where += f" and updatedAt >= {written(since.asked, 'epoch_ms')}"
            query = f"{options.params['q']} where {where} order by id limit 0, {_PAGE}"
            records = at(http.get(str(options.path), {"q": query}).data, options.records) or []
            yield rows_of(map(self.tidy, records), None)
            if not records:
                return
            last = str(records[-1]["id"])
