"""HubSpot CRM: lists for everything, searches for what changed, archived objects, merges that the winner names."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar

from pydantic import Field

from connectors.products.product import ProductConnector, ProductOptions, Resource
from connectors.protocol import BadRow, Options
from connectors.rest.http import Http
from connectors.rest.options import RestOptions
from connectors.rest.records import at, rows_of
from connectors.rest.since import Since, written
from models.config import Stream

_PAGE = 100
_SEARCH_PAGE = 200
_SEARCH_MOST = 10_000
"""A search gives no more results than this, whatever their number."""
_OWN = ("id", "createdAt", "updatedAt", "archived")


def _resource(name: str, entity: str, fields: dict[str, str | list[str]], **more: Any) -> Resource:
    """A resource whose fields are properties."""
    mapped = {a: _property(c) if isinstance(c, str) else [_property(one) for one in c] for a, c in fields.items()}
    return Resource(name, entity, mapped, cursor="updatedAt", deleted="archived", **more)


def _property(name: str) -> str:
    return name if name in _OWN or name.startswith("associations.") else f"properties.{name}"


class HubSpotOptions(ProductOptions):
    """Options of `connector: {type: hubspot}`."""

    url: str = "https://api.hubapi.com"
    """Address of the interface."""
    token: str = Field(repr=False)
    """Access token of a private app, from the environment."""


class HubSpotConnector(ProductConnector):
    """Companies, contacts, deals, tickets and objects of one's own."""

    options: ClassVar[type[Options]] = HubSpotOptions
    title = "HubSpot"
    resources = (
        _resource(
            "companies",
            "organization",
            {
                "name": "name",
                "phone": ["phone"],
                "website": "domain",
                "industry": "industry",
                "employees": "numberofemployees",
                "address_line": "address",
                "city": "city",
                "province": "state",
                "postal_code": "zip",
                "country": "country",
                "account_owner": "hubspot_owner_id",
                "parent_key": "hs_parent_company_id",
            },
            refers={"parent_key": "companies"},
        ),
        _resource(
            "contacts",
            "person",
            {
                "given_name": "firstname",
                "family_name": "lastname",
                "email": ["email"],
                "phone": ["phone", "mobilephone"],
                "job_title": "jobtitle",
                "city": "city",
                "country": "country",
                "organization_key": "associatedcompanyid",
            },
            refers={"organization_key": "companies"},
        ),
        _resource(
            "deals",
            "touchpoint",
            {
                "party_key": "associations.companies",
                "occurred_at": "createdAt",
                "status": "dealstage",
                "amount": "amount",
                "due_at": "closedate",
                "subject": "dealname",
                "owner": "hubspot_owner_id",
                "reason": "closed_lost_reason",
            },
            constants={"type": "opportunity"},
            refers={"party_key": "companies"},
            rest={"associations": "companies"},
        ),
        _resource(
            "tickets",
            "touchpoint",
            {
                "party_key": "associations.companies",
                "occurred_at": "createdAt",
                "status": "hs_pipeline_stage",
                "subject": "subject",
                "closed_at": "closed_date",
                "owner": "hubspot_owner_id",
            },
            constants={"type": "complaint"},
            refers={"party_key": "companies"},
            rest={"associations": "companies"},
        ),
    )

    def server(self, options: HubSpotOptions) -> dict[str, Any]:
        """A private app's token."""
        return {"base_url": options.url, "auth": {"type": "bearer", "token": options.token}}

    def asked(self, resource: Resource, columns: list[str], options: HubSpotOptions) -> dict[str, Any]:
        """The list of living objects, that of archived ones, and the properties that are mapped."""
        path = f"crm/v3/objects/{resource.name}"
        wanted = {c.removeprefix("properties.") for c in columns if c.startswith("properties.")}
        params: dict[str, Any] = {"properties": ",".join(sorted({*wanted, "hs_merged_object_ids"}))}
        if "associations" in resource.rest:
            params["associations"] = resource.rest["associations"]
        paging = {"type": "cursor", "param": "after", "path": "paging.next.after", "size_param": "limit", "size": _PAGE}
        return {
            "path": path,
            "records": "results",
            "params": params,
            "paging": paging,
            # The search is made in `_rows`; the time is written as it wants it.
            "incremental": {"param": "since", "format": "epoch_ms", "overlap": 300},
            "deletions": {"path": path, "records": "results", "params": {"archived": "true"}, "paging": paging},
            "merged_from": "properties.hs_merged_object_ids",
        }

    def other(self, name: str) -> Resource | None:
        """Objects of one's own have names such as `2-3465404` or `p_fleets`."""
        own = name.startswith(("2-", "p_", "p1", "p2")) and name.replace("_", "").replace("-", "").isalnum()
        return _resource(name, "touchpoint", {}) if own else None

    def tidy(self, record: Any) -> Any:
        """Associations as one key: the first of each kind."""
        if not isinstance(record, dict) or "associations" not in record:
            return record
        found = {kind: at(value, "results.0.id") for kind, value in record["associations"].items()}
        return {**record, "associations": found}

    def _rows(
        self, http: Http, options: RestOptions, stream: Stream, since: Since | None
    ) -> Iterator[Iterator[dict[str, Any] | BadRow]]:
        if since is None or since.asked is None:
            plain = options.model_copy(update={"incremental": None})
            yield from super()._rows(http, plain, stream, None)
            return
        resource = self.resource(stream)
        # Contacts call it `lastmodifieddate`; all other objects have the name with the prefix.
        changed = "lastmodifieddate" if resource.name == "contacts" else "hs_lastmodifieddate"
        start, floor_id, seen, after = written(since.asked, "epoch_ms"), "0", 0, None
        while True:
            body = _search(changed, start, floor_id, str(options.params["properties"]).split(","), after)
            answer = http.request("POST", f"{options.path}/search", json=body)
            results = at(answer.data, "results") or []
            yield rows_of(map(self.tidy, results), None)
            seen, after = seen + len(results), at(answer.data, "paging.next.after")
            if after is None or not results:
                return
            if seen + _SEARCH_PAGE > _SEARCH_MOST:
                # Ordered by id, the next search starts behind the last object of this one.
                floor_id, seen, after = str(results[-1]["id"]), 0, None


def _search(changed: str, start: str, floor_id: str, properties: list[str], after: str | None) -> dict[str, Any]:
    filters = [
        {"propertyName": changed, "operator": "GTE", "value": start},
        {"propertyName": "hs_object_id", "operator": "GT", "value": floor_id},
    ]
    body: dict[str, Any] = {
        "filterGroups": [{"filters": filters}],
        "sorts": [{"propertyName": "hs_object_id", "direction": "ASCENDING"}],
        "properties": properties,
        "limit": _SEARCH_PAGE,
    }
    return body if after is None else {**body, "after": after}
