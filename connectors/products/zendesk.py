"""Zendesk Support: the incremental exports, which tell deleted users, organizations and tickets, too."""

from __future__ import annotations

from typing import Any, ClassVar

from pydantic import Field

from connectors.products.product import ProductConnector, ProductOptions, Resource
from connectors.protocol import Options

# Exports refuse a start less than a minute ago, and rows of the last moment may be late.
_OVERLAP = 120


def _since(cursor: bool) -> dict[str, Any]:
    following = {"path": "after_url" if cursor else "next_page", "end": "end_of_stream"}
    return {
        "paging": {"type": "next", **following},
        "incremental": {"param": "start_time", "format": "epoch", "first": "0", "overlap": _OVERLAP},
    }


class ZendeskOptions(ProductOptions):
    """Options of `connector: {type: zendesk}`."""

    user: str
    """E-mail address of the agent whose token is used."""
    token: str = Field(repr=False)
    """Its API token, from the environment."""


class ZendeskConnector(ProductConnector):
    """Organizations, users and tickets. The exports allow ten requests a minute: 429 is waited for."""

    options: ClassVar[type[Options]] = ZendeskOptions
    title = "Zendesk"
    resources = (
        Resource(
            "organizations",
            "organization",
            {"name": "name", "website": "domain_names.0"},
            cursor="updated_at",
            deleted="_deleted",
            rest={"path": "api/v2/incremental/organizations.json", "records": "organizations", **_since(False)},
        ),
        Resource(
            "users",
            "person",
            {"full_name": "name", "email": ["email"], "phone": ["phone"], "organization_key": "organization_id"},
            cursor="updated_at",
            deleted="_deleted",
            refers={"organization_key": "organizations"},
            rest={"path": "api/v2/incremental/users/cursor.json", "records": "users", **_since(True)},
        ),
        Resource(
            "tickets",
            "touchpoint",
            {
                "party_key": "organization_id",
                "contact_key": "requester_id",
                "occurred_at": "created_at",
                "status": "status",
                "subject": "subject",
                "channel": "via.channel",
                "owner": "assignee_id",
            },
            cursor="updated_at",
            deleted="_deleted",
            constants={"type": "complaint"},
            refers={"party_key": "organizations", "contact_key": "users"},
            rest={"path": "api/v2/incremental/tickets/cursor.json", "records": "tickets", **_since(True)},
        ),
    )

    def server(self, options: ZendeskOptions) -> dict[str, Any]:
        """Basic authentication with an API token."""
        return {
            "base_url": options.url,
            "auth": {"type": "basic", "user": f"{options.user}/token", "password": options.token},
        }

    def tidy(self, record: Any) -> Any:
        """Each kind of row says in its own way that it is gone: here all say `_deleted`."""
        if not isinstance(record, dict):
            return record
        gone = bool(record.get("deleted_at")) or record.get("status") == "deleted" or record.get("active") is False
        domains = record.get("domain_names")
        more = {"domain_names.0": domains[0] if domains else None} if isinstance(domains, list) else {}
        return {**record, **more, "_deleted": gone}
