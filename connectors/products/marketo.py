"""Marketo Engage: the first load by bulk extracts of a month each, changes by activities; deleted and merged leads."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Iterator
from itertools import islice
from typing import Any, ClassVar

import pyarrow as pa
from pydantic import Field

from connectors.products.bulk import csv_rows
from connectors.products.product import ProductConnector, ProductOptions, Resource
from connectors.protocol import BadRow, Deleted, Item, Merged, Options, State
from connectors.rest.http import Http, Verdict
from connectors.rest.options import RestOptions
from connectors.rest.records import at, rows_of
from connectors.rest.since import Since, written
from models.config import Stream

_SPAN = dt.timedelta(days=31)
"""The most that one extract may cover."""
_IDS = 300
"""The most ids of one look-up."""
_TOKEN_ENDED = ("601", "602")
_TOO_MANY = ("604", "606", "608", "611", "614", "615", "1029")
"""Codes of what passes: time-outs, rate and concurrency limits, a full queue of extracts."""
_MERGE = 32
"""Type of the activity that tells a merge."""


class MarketoOptions(ProductOptions):
    """Options of `connector: {type: marketo}`."""

    client_id: str
    """Client id of the API-only user's service."""
    client_secret: str = Field(repr=False)
    """Its secret, from the environment."""
    start: dt.date = dt.date(2015, 1, 1)
    """Leads that were created earlier are not read in the first load, which goes month by month."""
    poll: float = Field(default=60, ge=0)
    """Seconds between two looks at an extract."""
    activity_types: list[int] = Field(default=[2, 11], min_length=1, max_length=10)
    """Which activities the stream `activities` reads, by their numbers: forms that were filled out and e-mails that
    were clicked; an instance may have others."""
    activity_days: int = Field(default=90, ge=1)
    """Days before its first reading from which on activities are read."""


class MarketoHttp(Http):
    """Failures come with status 200 and `success: false`."""

    def judge(self, data: Any) -> Verdict | None:
        """The first error decides."""
        if not isinstance(data, dict) or data.get("success") is not False:
            return None
        error = (data.get("errors") or [{}])[0]
        code = str(error.get("code"))
        words = f"error {code}: {error.get('message', 'no reason given')}"
        return Verdict(words, passing=code in _TOO_MANY, renew=code in _TOKEN_ENDED)


class MarketoConnector(ProductConnector):
    """Leads, which are persons, and what they did."""

    options: ClassVar[type[Options]] = MarketoOptions
    title = "Marketo"
    resources = (
        Resource(
            "leads",
            "person",
            {
                "given_name": "firstName",
                "family_name": "lastName",
                "email": ["email"],
                "phone": ["phone", "mobilePhone"],
                "job_title": "title",
                "address_line": "address",
                "city": "city",
                "province": "state",
                "postal_code": "postalCode",
                "country": "country",
            },
            cursor="updatedAt",
        ),
        Resource(
            "activities",
            "touchpoint",
            {
                "party_key": "leadId",
                "contact_key": "leadId",
                "occurred_at": "activityDate",
                "subject": "primaryAttributeValue",
                "channel": "activityTypeId",
            },
            cursor="activityDate",
            mode="delta",
            constants={"type": "campaign_response"},
            codes={"channel": {"2": "form", "10": "email", "11": "email"}},
            refers={"party_key": "leads", "contact_key": "leads"},
        ),
    )

    def http(self, options: RestOptions, stream: Stream | None) -> Http:
        """A client that reads `success`."""
        return MarketoHttp(options, self.base, source=self.source.name, stream=stream.name if stream else None)

    def server(self, options: MarketoOptions) -> dict[str, Any]:
        """The identity endpoint's client credentials."""
        auth = {"type": "oauth2", "token_url": "/identity/oauth/token", "client_id": options.client_id}
        return {"base_url": options.url, "auth": {**auth, "client_secret": options.client_secret}}

    def asked(self, resource: Resource, columns: list[str], options: MarketoOptions) -> dict[str, Any]:
        """How leads are fetched by their ids; which ids, `_rows` finds out. Activities come by themselves."""
        fields = ",".join(dict.fromkeys(["id", "createdAt", "updatedAt", *columns]))
        return {
            "path": "rest/v1/leads.json",
            "records": "result",
            "params": {"fields": fields},
            "incremental": {"param": "since", "overlap": 300},
        }

    def _rows(
        self, http: Http, options: RestOptions, stream: Stream, since: Since | None
    ) -> Iterator[Iterator[dict[str, Any] | BadRow]]:
        if self.resource(stream).name == "activities":
            yield from self._activities(http, self.settings(stream), since)
            return
        fields = str(options.params["fields"])
        if since is None or since.asked is None:
            yield from self._extracts(http, self.settings(stream), fields.split(","))
            return
        token = _token(http, written(since.asked, "iso"))
        changes = _activities(http, "leadchanges", token, {"fields": fields})
        ids = iter(dict.fromkeys(str(found["leadId"]) for found in changes if found.get("leadId")))
        while part := list(islice(ids, _IDS)):
            body = {"filterType": "id", "filterValues": ",".join(part), "fields": fields, "batchSize": str(_IDS)}
            answer = http.request("POST", str(options.path), params={"_method": "GET"}, data=body)
            yield rows_of(at(answer.data, "result") or [], None)

    def _activities(
        self, http: Http, options: MarketoOptions, since: Since | None
    ) -> Iterator[Iterator[dict[str, Any] | BadRow]]:
        """What leads did, of the types that are asked for; attributes become columns of their names."""
        asked = since.asked if since is not None else None
        start = asked or dt.datetime.now(dt.UTC) - dt.timedelta(days=options.activity_days)
        types = ",".join(map(str, options.activity_types))
        token = _token(http, written(start, "iso"))
        yield rows_of(map(_flat_activity, _activities(http, "", token, {"activityTypeIds": types})), None)

    def _first(self, http: Http, options: RestOptions, stream: Stream) -> list[dict[str, Any]]:
        """A look at a few leads needs no extract: the names of the fields tell enough."""
        if stream is not None and self.resource(stream).name == "activities":
            return [dict.fromkeys(_ACTIVITY)]
        known = http.get("rest/v1/leads/describe.json").data
        names = [at(one, "rest.name") for one in at(known, "result") or []]
        return [dict.fromkeys([str(name) for name in names if name])]

    def _extracts(
        self, http: Http, options: MarketoOptions, fields: list[str]
    ) -> Iterator[Iterator[dict[str, Any] | BadRow]]:
        start = dt.datetime.combine(options.start, dt.time(), dt.UTC)
        end = dt.datetime.now(dt.UTC)
        while start < end:
            until = min(start + _SPAN - dt.timedelta(seconds=1), end)
            span = {"startAt": written(start, "iso"), "endAt": written(until, "iso")}
            body = {"fields": fields, "format": "CSV", "filter": {"createdAt": span}}
            made = http.request("POST", "bulk/v1/leads/export/create.json", json=body)
            number = at(made.data, "result.0.exportId")
            http.request("POST", f"bulk/v1/leads/export/{number}/enqueue.json")
            status = "Queued"
            while status in ("Created", "Queued", "Processing"):
                status = str(at(http.get(f"bulk/v1/leads/export/{number}/status.json").data, "result.0.status"))
                if status in ("Created", "Queued", "Processing"):
                    time.sleep(options.poll)
            if status != "Completed":
                raise http.fault(f"the extract from {span['startAt']} on ended as {status}", retryable=True)
            answer = http.request("GET", f"bulk/v1/leads/export/{number}/file.json", raw=True)
            yield iter(csv_rows(answer.data))
            start += _SPAN

    def deletes(self, stream: Stream, state: dict[str, Any] | None, *, again: bool = False) -> Iterator[Item]:
        """Deleted leads, and merges, since the last reading."""
        options = self.plan(stream)
        since = self._since(options.incremental, stream, {} if again else (state or {}))
        leads = self.resource(stream).name == "leads"
        if not leads or since is None or since.asked is None or stream.key_columns != ["id"]:
            yield State({})
            return
        with self.http(options, stream) as http:
            moment = written(since.asked, "iso")
            merged: dict[str, str] = {}
            for found in _activities(http, "", _token(http, moment), {"activityTypeIds": str(_MERGE)}):
                values = {one.get("name"): one.get("value") for one in found.get("attributes") or []}
                losers = str(values.get("Merge IDs") or "").strip("[]").split(",")
                merged |= {old.strip(): str(found["leadId"]) for old in losers if old.strip()}
            if merged:
                yield Merged(list(merged.items()))
            gone = [str(one["leadId"]) for one in _activities(http, "deletedleads", _token(http, moment), {})]
            if kept := [key for key in gone if key not in merged]:
                yield Deleted(pa.RecordBatch.from_arrays([pa.array(kept, pa.string())], ["id"]))
        yield State({})


_ACTIVITY = ("id", "leadId", "activityDate", "activityTypeId", "primaryAttributeValue", "campaignId")


def _flat_activity(activity: Any) -> Any:
    if not isinstance(activity, dict):
        return activity
    own = {str(one.get("name")): one.get("value") for one in activity.get("attributes") or []}
    return {**dict.fromkeys(_ACTIVITY), **{n: v for n, v in activity.items() if n != "attributes"}, "attribute": own}


def _token(http: Http, moment: str) -> str:
    answer = http.get("rest/v1/activities/pagingtoken.json", {"sinceDatetime": moment})
    return str(at(answer.data, "nextPageToken"))


def _activities(http: Http, kind: str, token: str, params: dict[str, str]) -> Iterator[dict[str, Any]]:
    """The activities behind a paging token. An answer without any may be followed by one with some."""
    path = f"rest/v1/activities/{kind}.json" if kind else "rest/v1/activities.json"
    while True:
        answer = http.get(path, {**params, "nextPageToken": token}).data
        yield from at(answer, "result") or []
        following = at(answer, "nextPageToken")
        if at(answer, "moreResult") is not True or not following or following == token:
            return
        token = str(following)
