"""纷享销客 (Fxiaoke): queries of the open platform, with the company's token in the body of each."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

import requests
from pydantic import Field

from connectors.products.product import ProductConnector, ProductOptions, Resource
from connectors.protocol import BadRow, Options
from connectors.rest.http import Http, Verdict
from connectors.rest.options import RestOptions
from connectors.rest.paging import with_values
from connectors.rest.since import Since, written
from models.config import Stream

_PAGE = 100
"""The most rows that a query gives."""
_QUERY = "cgi/crm/v2/data/query"
_OWN_QUERY = "cgi/crm/custom/v2/data/query"
_TOKEN_ENDED = (20016, 20005)
"""Codes of a token that is wrong or has ended."""
_TOO_MANY = (20013, 10003, 10004)
"""Codes of too many calls."""
_COMMON: dict[str, Any] = {"key": "_id", "cursor": "last_modified_time", "deleted": "_gone"}


class FxiaokeOptions(ProductOptions):
    """Options of `connector: {type: fxiaoke}`."""

    url: str = "https://open.fxiaoke.com"
    """Address of the open platform."""
    app_id: str
    """Id of the app."""
    app_secret: str = Field(repr=False)
    """Its secret, from the environment."""
    permanent_code: str = Field(repr=False)
    """The company's permanent code, from the environment."""
    open_user_id: str
    """Open id of the user who asks; it decides which rows are seen."""
    live_keys: bool = True
    """Compare keys after each incremental reading, so that rows that were removed for good are seen."""


class FxiaokeHttp(Http):
    """Signs each body with the company's token, which is asked for first; failures come with status 200."""

    app: FxiaokeOptions

    def __init__(self, app: FxiaokeOptions, *args: Any, **more: Any):
        super().__init__(*args, **more)
        self.app = app
        self._company: dict[str, str] | None = None
        self._ends = 0.0

    def judge(self, data: Any) -> Verdict | None:
        """`errorCode` says whether an answer is one."""
        code = data.get("errorCode") if isinstance(data, dict) else None
        if code in (None, 0):
            return None
        if code in _TOKEN_ENDED:
            self._company = None
        words = f"error {code}: {data.get('errorMessage') or data.get('errorDescription') or 'no reason given'}"
        return Verdict(words, passing=code in (*_TOKEN_ENDED, *_TOO_MANY))

    def _sent(
        self,
        method: str,
        url: str,
        params: Mapping[str, Any] | None,
        json: Any,
        data: Any,
        headers: Mapping[str, str] | None,
    ) -> requests.Response:
        if self._company is None or time.monotonic() > self._ends:
            app = self.app
            body = {"appId": app.app_id, "appSecret": app.app_secret, "permanentCode": app.permanent_code}
            response = super()._sent("POST", self.url("cgi/corpAccessToken/get/V2"), None, body, None, None)
            if response.status_code >= 300:
                return response  # the request is tried again, and the token asked for again
            answer = self._answer(response, False).data
            if answer.get("errorCode") != 0:
                raise self.fault(f"sign-in was refused: error {answer.get('errorCode')}: {answer.get('errorMessage')}")
            self._company = {"corpAccessToken": answer["corpAccessToken"], "corpId": answer["corpId"]}
            self._ends = time.monotonic() + float(answer.get("expiresIn") or 7200) - 60
        signed = {**self._company, "currentOpenUserId": self.app.open_user_id, **(json or {})}
        return super()._sent(method, url, params, signed, data, headers)


class FxiaokeConnector(ProductConnector):
    """客户, 联系人, 线索, 商机, 销售订单, 回款 and objects of one's own (`…__c`)."""

    options: ClassVar[type[Options]] = FxiaokeOptions
    title = "纷享销客"
    resources = (
        Resource(
            "AccountObj",
            "organization",
            {
                "name": "name",
                "phone": ["tel"],
                "email": ["email"],
                "website": "url",
                "address_line": "address",
                "province": "province__r",
                "city": "city__r",
                "district": "district__r",
                "industry": "industry_level1__r",
                "segment": "account_level__r",
                "account_owner": "owner.0",
                "parent_key": "parent_account_id",
            },
            refers={"parent_key": "AccountObj"},
            **_COMMON,
        ),
        Resource(
            "ContactObj",
            "person",
            {
                "full_name": "name",
                "phone": ["mobile1", "tel1"],
                "email": ["email"],
                "job_title": "job_title",
                "buying_role": "role__r",
                "organization_key": "account_id",
            },
            refers={"organization_key": "AccountObj"},
            **_COMMON,
        ),
        Resource(
            "LeadsObj",
            "person",
            {"full_name": "name", "phone": ["mobile", "tel"], "email": ["email"], "job_title": "job_title"},
            **_COMMON,
        ),
        Resource(
            "NewOpportunityObj",
            "touchpoint",
            {
                "party_key": "account_id",
                "occurred_at": "create_time",
                "status": "sales_stage__r",
                "amount": "amount",
                "due_at": "close_date",
                "subject": "name",
                "owner": "owner.0",
            },
            constants={"type": "opportunity"},
            refers={"party_key": "AccountObj"},
            **_COMMON,
        ),
        Resource(
            "SalesOrderObj",
            "touchpoint",
            {
                "party_key": "account_id",
                "refers_to": "new_opportunity_id",
                "occurred_at": "order_time",
                "status": "order_status__r",
                "amount": "order_amount",
                "subject": "name",
                "owner": "owner.0",
            },
            constants={"type": "order"},
            refers={"party_key": "AccountObj", "refers_to": "NewOpportunityObj"},
            **_COMMON,
        ),
        Resource(
            "PaymentObj",
            "touchpoint",
            {
                "party_key": "account_id",
                "refers_to": "order_id",
                "occurred_at": "payment_time",
                "amount": "payment_amount",
                "subject": "name",
            },
            constants={"type": "payment"},
            refers={"party_key": "AccountObj", "refers_to": "SalesOrderObj"},
            **_COMMON,
        ),
    )

    def http(self, options: RestOptions, stream: Stream | None) -> Http:
        """A client that signs each body."""
        name = stream.name if stream else None
        return FxiaokeHttp(self.settings(stream), options, self.base, source=self.source.name, stream=name)

    def server(self, options: FxiaokeOptions) -> dict[str, Any]:
        """The platform's address; who asks stands in each body."""
        return {"base_url": options.url}

    def asked(self, resource: Resource, columns: list[str], options: FxiaokeOptions) -> dict[str, Any]:
        """Rows in the order of their keys."""
        info = "data.search_query_info"
        query: dict[str, Any] = {"filters": [], "orders": [{"fieldName": "_id", "isAsc": True}]}
        return {
            "method": "POST",
            "path": _OWN_QUERY if resource.name.endswith("__c") else _QUERY,
            "body": {"data": {"dataObjectApiName": resource.name, "search_query_info": query}},
            "records": "data.dataList",
            "paging": {
                "type": "offset",
                "param": f"{info}.offset",
                "size_param": f"{info}.limit",
                "size": _PAGE,
                "total": "data.total",
                "into": "body",
            },
            # The filter is a list of objects: `_rows` puts it into the body.
            "incremental": {"param": "last_modified_time", "format": "epoch_ms", "into": "body", "overlap": 300},
            "live_keys": options.live_keys,
        }

    def _rows(
        self, http: Http, options: RestOptions, stream: Stream, since: Since | None
    ) -> Iterator[Iterator[dict[str, Any] | BadRow]]:
        body = options.body or {}
        if since is not None and since.asked is not None:
            values = [written(since.asked, "epoch_ms")]
            changed = [{"field_name": "last_modified_time", "field_values": values, "operator": "GTE"}]
            body = with_values(body, {"data.search_query_info.filters": changed})
        yield from super()._rows(http, options.model_copy(update={"incremental": None, "body": body}), stream, None)

    def other(self, name: str) -> Resource | None:
        """Objects of one's own end with `__c`, standard ones with `Obj`."""
        known = name.endswith(("__c", "Obj")) and name.replace("_", "").isalnum()
        return Resource(name, "touchpoint", {}, **_COMMON) if known else None

    def tidy(self, record: Any) -> Any:
        """Rows that were voided (作废) are gone, although they are still listed; owners are lists of one."""
        if not isinstance(record, dict):
            return record
        found = {n: v for n, v in record.items() if not n.endswith("__l")}
        gone = record.get("is_deleted") in (True, "true", "1", 1) or record.get("life_status") == "invalid"
        owner = record.get("owner")
        if isinstance(owner, list):
            found = {**found, "owner.0": owner[0] if owner else None}
            found.pop("owner")
        return {**found, "_gone": gone}
