"""BottleCRM: accounts, contacts, leads, opportunities, cases; no filter by time that is honoured, so all is read."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, ClassVar

from pydantic import Field

from connectors.products.product import ProductConnector, ProductOptions, Resource
from connectors.protocol import BadRow, Options
from connectors.rest.http import Http
from connectors.rest.options import RestOptions
from connectors.rest.paging import pages
from connectors.rest.records import rows_of
from connectors.rest.since import Since
from models.config import Stream

_PERSON: dict[str, str | list[str]] = {
    "full_name": "name",
    "phone": ["phone"],
    "email": ["email"],
    "address_line": "address_line",
    "city": "city",
    "province": "state",
    "postal_code": "postcode",
    "country": "country",
}


class BottleOptions(ProductOptions):
    """Options of `connector: {type: bottlecrm}`."""

    token: str = Field(repr=False)
    """Personal access token (`bcrm_pat_…`) of a user who may see everything, from the environment."""
    page_size: int = Field(default=500, ge=1)
    """Rows per request."""


class BottleConnector(ProductConnector):
    """Reads `/api/…`; every list has an envelope of its own, and two of them are told in halves."""

    options: ClassVar[type[Options]] = BottleOptions
    title = "BottleCRM"
    resources = (
        Resource(
            "accounts",
            "organization",
            {
                "name": "name",
                "phone": ["phone"],
                "email": ["email"],
                "website": "website",
                "industry": "industry",
                "employees": "number_of_employees",
                "address_line": "address_line",
                "city": "city",
                "province": "state",
                "postal_code": "postcode",
                "country": "country",
            },
            deleted="_deleted",
        ),
        Resource(
            "contacts",
            "person",
            {**_PERSON, "job_title": "title", "organization_key": "account"},
            cursor="updated_at",
            deleted="_deleted",
            refers={"organization_key": "accounts"},
        ),
        Resource("leads", "person", {**_PERSON, "job_title": "job_title"}, cursor="updated_at"),
        Resource(
            "opportunities",
            "touchpoint",
            {
                "party_key": "account.id",
                "contact_key": "contact",
                "occurred_at": "created_at",
                "closed_at": "closed_on",
                "status": "stage",
                "amount": "amount",
                "subject": "name",
                "owner": "owner",
            },
            constants={"type": "opportunity"},
            refers={"party_key": "accounts", "contact_key": "contacts"},
        ),
        Resource(
            "cases",
            "touchpoint",
            {
                "party_key": "account.id",
                "contact_key": "contact",
                "occurred_at": "created_at",
                "closed_at": "closed_on",
                "due_at": "resolution_sla_deadline",
                "status": "status",
                "subject": "name",
                "owner": "owner",
            },
            constants={"type": "complaint"},
            refers={"party_key": "accounts", "contact_key": "contacts"},
        ),
    )

    def server(self, options: BottleOptions) -> dict[str, Any]:
        """A personal access token, which acts as the user who made it."""
        return {"base_url": options.url, "auth": {"type": "bearer", "token": options.token}}

    def asked(self, resource: Resource, columns: list[str], options: BottleOptions) -> dict[str, Any]:
        """Rows to skip and to give; filters by time are not honoured, so none is sent."""
        paging = {"type": "offset", "size_param": "limit", "size": options.page_size}
        return {"path": f"api/{resource.name}/", "records": _LISTS[resource.name][0], "paging": paging}

    def _rows(
        self, http: Http, options: RestOptions, stream: Stream, since: Since | None
    ) -> Iterator[Iterator[dict[str, Any] | BadRow]]:
        ask = self._ask(options, stream)
        for place in _LISTS[self.resource(stream).name]:
            for _, records in pages(http, replace(ask, records=place), options.paging):
                yield rows_of(map(self.tidy, records), None)

    def tidy(self, record: Any) -> Any:
        """One name, one contact, one owner; what was switched off counts as deleted."""
        if not isinstance(record, dict):
            return record
        lasting = {name: value for name, value in record.items() if name not in _COUNTED}
        made = {**lasting, "_deleted": record.get("is_active") is False}
        if "first_name" in record:
            parts = (record.get("first_name"), record.get("last_name"))
            made["name"] = " ".join(str(part).strip() for part in parts if part) or None
        for name, of in (("contact", "contacts"), ("owner", "assigned_to")):
            first = next(iter(record.get(of) or []), None)
            made[name] = first.get("id") if isinstance(first, dict) else first
        return made


_COUNTED = frozenset(
    {
        "created_on_arrow",
        "days_in_stage",
        "aging_status",
        "is_sla_first_response_breached",
        "is_sla_resolution_breached",
        "is_sla_first_response_at_risk",
        "is_sla_resolution_at_risk",
        "is_unanswered",
    }
)
"""What is another value with every hour that passes: no change of the record."""

_LISTS = {
    "accounts": ("active_accounts.open_accounts", "closed_accounts.close_accounts"),
    "contacts": ("results",),
    "leads": ("open_leads.open_leads", "close_leads.close_leads"),
    "opportunities": ("opportunities",),
    "cases": ("cases",),
}
