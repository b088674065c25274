"""Oracle Eloqua: the Application API 2.0, deletions by comparing keys; activities by exports of the Bulk API 2.0."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Iterator
from typing import Any, ClassVar

from pydantic import Field

from connectors.products.product import ProductConnector, ProductOptions, Resource
from connectors.protocol import BadRow, Item, Options, State
from connectors.rest.http import Http
from connectors.rest.options import RestOptions
from connectors.rest.records import at, rows_of
from connectors.rest.since import Since
from models.config import Stream

_COMMON: dict[str, Any] = {"cursor": "updatedAt"}


class EloquaOptions(ProductOptions):
    """Options of `connector: {type: eloqua}`."""

    company: str
    """Name of the company, as it signs in."""
    user: str
    """Name of the user."""
    password: str = Field(repr=False)
    """Its password, from the environment."""
    page_size: int = Field(default=500, ge=1, le=1000)
    """Rows per answer."""
    live_keys: bool = True
    """Compare keys after each incremental reading, so that deletions are seen: the interface tells none."""
    activity_types: list[str] = Field(default=["FormSubmit", "EmailClickthrough"], min_length=1)
    """Which activities the stream `activities` reads, by Eloqua's names."""
    activity_days: int = Field(default=365, ge=1)
    """Days before its first reading from which on activities are read."""
    poll: float = Field(default=5, ge=0)
    """Seconds between two looks at an export."""


class EloquaConnector(ProductConnector):
    """Accounts and contacts, with fields of one's own by their number as `field.100012`."""

    options: ClassVar[type[Options]] = EloquaOptions
    title = "Oracle Eloqua"
    resources = (
        Resource(
            "accounts",
            "organization",
            {
                "name": "name",
                "address_line": "address1",
                "city": "city",
                "province": "province",
                "postal_code": "postalCode",
                "country": "country",
                "phone": ["businessPhone"],
            },
            **_COMMON,
        ),
        Resource(
            "contacts",
            "person",
            {
                "given_name": "firstName",
                "family_name": "lastName",
                "email": ["emailAddress"],
                "phone": ["businessPhone", "mobilePhone"],
                "job_title": "title",
                "city": "city",
                "country": "country",
                "organization_key": "accountId",
            },
            refers={"organization_key": "accounts"},
            **_COMMON,
        ),
        Resource(
            "activities",
            "touchpoint",
            {
                "party_key": "ContactId",
                "contact_key": "ContactId",
                "occurred_at": "ActivityDate",
                "subject": "AssetName",
                "channel": "ActivityType",
            },
            key="ActivityId",
            cursor="ActivityDate",
            mode="delta",
            constants={"type": "campaign_response"},
            codes={"channel": {"FormSubmit": "form", "EmailClickthrough": "email", "EmailOpen": "email"}},
            refers={"party_key": "contacts", "contact_key": "contacts"},
        ),
    )

    def server(self, options: EloquaOptions) -> dict[str, Any]:
        """Basic authentication, the company in front of the user."""
        user = f"{options.company}\\{options.user}"
        return {"base_url": options.url, "auth": {"type": "basic", "user": user, "password": options.password}}

    def asked(self, resource: Resource, columns: list[str], options: EloquaOptions) -> dict[str, Any]:
        """Numbered pages of everything that a row holds; what is asked of exports is made in `_rows`."""
        if resource.name == "activities":
            return {"incremental": {"param": "since", "overlap": 3600}}
        return {
            "path": f"api/REST/2.0/data/{resource.name}",
            "records": "elements",
            "params": {"depth": "complete", "orderBy": "id"},
            "paging": {"type": "page", "size_param": "count", "size": options.page_size},
            "incremental": {"param": "lastUpdatedAt", "format": "epoch", "overlap": 300},
            "live_keys": options.live_keys,
        }

    def _rows(
        self, http: Http, options: RestOptions, stream: Stream, since: Since | None
    ) -> Iterator[Iterator[dict[str, Any] | BadRow]]:
        if self.resource(stream).name != "activities":
            yield from super()._rows(http, options, stream, since)
            return
        own: EloquaOptions = self.settings(stream)
        asked = since.asked if since is not None else None
        start = asked or dt.datetime.now(dt.UTC) - dt.timedelta(days=own.activity_days)
        for kind in own.activity_types:
            yield from _export(http, own, kind, start)

    def _first(self, http: Http, options: RestOptions, stream: Stream) -> list[dict[str, Any]]:
        """An export takes its time; its columns are known without one."""
        if self.resource(stream).name == "activities":
            return [dict.fromkeys(_ACTIVITY)]
        return super()._first(http, options, stream)

    def deletes(self, stream: Stream, state: dict[str, Any] | None, *, again: bool = False) -> Iterator[Item]:
        """Keys of all rows; what somebody did is never undone."""
        if self.resource(stream).name == "activities":
            yield State({})
            return
        yield from super().deletes(stream, state, again=again)

    def tidy(self, record: Any) -> Any:
        """Values of fields of one's own under their number; the type of the object is no value."""
        if not isinstance(record, dict):
            return record
        own = {f"field.{v['id']}": v.get("value") for v in record.get("fieldValues") or [] if "id" in v}
        return {n: v for n, v in record.items() if n not in ("fieldValues", "type", "depth", "permissions")} | own


_ACTIVITY = {
    "ActivityId": "{{Activity.Id}}",
    "ActivityType": "{{Activity.Type}}",
    "ActivityDate": "{{Activity.CreatedAt}}",
    "ContactId": "{{Activity.Contact.Id}}",
    "AssetName": "{{Activity.Asset.Name}}",
    "AssetType": "{{Activity.Asset.Type}}",
    "CampaignId": "{{Activity.Campaign.Id}}",
}
_BULK = "api/bulk/2.0"
_WAITING = ("pending", "active")
_AT_ONCE = 50_000
"""The most rows that one answer of an export gives."""


def _export(
    http: Http, options: EloquaOptions, kind: str, start: dt.datetime
) -> Iterator[Iterator[dict[str, Any] | BadRow]]:
    """Activities of one kind from a moment on: define the export, have it made, fetch it page by page."""
    chosen = f"'{{{{Activity.Type}}}}'='{kind}' AND '{{{{Activity.CreatedAt}}}}'>='{start:%Y-%m-%dT%H:%M:%SZ}'"
    body = {"name": f"Kehu {kind}", "fields": _ACTIVITY, "filter": chosen}
    made = http.request("POST", f"{_BULK}/activities/exports", json=body).data
    asked = {"syncedInstanceUri": at(made, "uri")}
    sync = http.request("POST", f"{_BULK}/syncs", json=asked).data
    place = f"{_BULK}{at(sync, 'uri')}"
    status = str(at(sync, "status"))
    while status in _WAITING:
        time.sleep(options.poll)
        status = str(at(http.get(place).data, "status"))
    if status not in ("success", "warning"):
        raise http.fault(f"the export of {kind} ended as {status}", retryable=True)
    offset, more = 0, True
    while more:
        page = http.get(f"{place}/data", {"limit": str(_AT_ONCE), "offset": str(offset)}).data
        items = at(page, "items") or []
        yield rows_of(items, None)
        offset += len(items)
        more = bool(items) and at(page, "hasMore") is True
