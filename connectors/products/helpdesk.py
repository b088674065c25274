"""django-helpdesk: tickets, and who submitted them; there is no time of change, so everything is read each time."""

from __future__ import annotations

from typing import Any, ClassVar

from pydantic import Field

from connectors.products.product import ProductConnector, ProductOptions, Resource
from connectors.protocol import Options

_STATES = {"1": "open", "2": "reopened", "3": "resolved", "4": "closed", "5": "duplicate"}


class HelpdeskOptions(ProductOptions):
    """Options of `connector: {type: django_helpdesk}`."""

    user: str
    """Name of a staff user."""
    password: str = Field(repr=False)
    """Its password, from the environment."""


class HelpdeskConnector(ProductConnector):
    """Reads `/api/tickets/`, a page of the Django REST framework after the other."""

    options: ClassVar[type[Options]] = HelpdeskOptions
    title = "django-helpdesk"
    resources = (
        Resource(
            "tickets",
            "touchpoint",
            {
                "party_key": "submitter",
                "contact_key": "submitter",
                "occurred_at": "opened",
                "due_at": "due_date",
                "status": "status",
                "subject": "title",
                "owner": "assigned_to",
            },
            constants={"type": "complaint"},
            codes={"status": _STATES},
            refers={"party_key": "submitters", "contact_key": "submitters"},
            rest={"path": "api/tickets/"},
        ),
        Resource(
            "submitters",
            "person",
            {"email": ["submitter_email"]},
            key="submitter",
            rest={"path": "api/tickets/"},
        ),
    )

    def server(self, options: HelpdeskOptions) -> dict[str, Any]:
        """Basic authentication, as the framework offers it by default."""
        return {"base_url": options.url, "auth": {"type": "basic", "user": options.user, "password": options.password}}

    def asked(self, resource: Resource, columns: list[str], options: HelpdeskOptions) -> dict[str, Any]:
        """Pages by their next address."""
        more = {"merged_into": "merged_to"} if resource.name == "tickets" else {}
        return {"path": resource.rest["path"], "records": "results", "paging": {"type": "next", "path": "next"}, **more}

    def tidy(self, record: Any) -> Any:
        """Who submitted a ticket is known by the address alone, whatever its case; its first follow-up opened it."""
        if not isinstance(record, dict):
            return record
        address = str(record.get("submitter_email") or "").strip().lower() or None
        steps = record.get("followup_set") or []
        opened = min((step["date"] for step in steps if step.get("date")), default=None)
        return {**record, "submitter": address, "opened": opened}
