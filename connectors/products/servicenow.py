"""ServiceNow: the Table API with an encoded query; deleted rows from the table of deletions."""

from __future__ import annotations

from typing import Any, ClassVar

from pydantic import Field

from connectors.products.product import ProductConnector, ProductOptions, Resource
from connectors.protocol import Options

_COMMON: dict[str, Any] = {"key": "sys_id", "cursor": "sys_updated_on"}
_TIME = "%Y-%m-%d %H:%M:%S"


class ServiceNowOptions(ProductOptions):
    """Options of `connector: {type: servicenow}`."""

    user: str
    """Name of the integration user; its roles decide which rows it sees."""
    password: str = Field(repr=False)
    """Its password, from the environment."""
    page_size: int = Field(default=1000, ge=1, le=10000)
    """Rows per answer."""
    deletions: bool = True
    """Read deletions from `sys_audit_delete`; the user needs the right to."""


class ServiceNowConnector(ProductConnector):
    """Reads any table by its name."""

    options: ClassVar[type[Options]] = ServiceNowOptions
    title = "ServiceNow"
    resources = (
        Resource(
            "customer_account",
            "organization",
            {
                "name": "name",
                "phone": ["phone"],
                "website": "website",
                "address_line": "street",
                "city": "city",
                "province": "state",
                "postal_code": "zip",
                "country": "country",
                "parent_key": "account_parent",
            },
            refers={"parent_key": "customer_account"},
            **_COMMON,
        ),
        Resource(
            "customer_contact",
            "person",
            {
                "given_name": "first_name",
                "family_name": "last_name",
                "phone": ["phone", "mobile_phone"],
                "email": ["email"],
                "job_title": "title",
                "organization_key": "account",
            },
            refers={"organization_key": "customer_account"},
            **_COMMON,
        ),
        Resource(
            "sn_customerservice_case",
            "touchpoint",
            {
                "party_key": "account",
                "contact_key": "contact",
                "occurred_at": "opened_at",
                "closed_at": "closed_at",
                "status": "state",
                "subject": "short_description",
                "owner": "assigned_to",
            },
            constants={"type": "complaint"},
            refers={"party_key": "customer_account", "contact_key": "customer_contact"},
            **_COMMON,
        ),
    )

    def server(self, options: ServiceNowOptions) -> dict[str, Any]:
        """Basic authentication; times of the Table API are UTC."""
        return {"base_url": options.url, "auth": {"type": "basic", "user": options.user, "password": options.password}}

    def asked(self, resource: Resource, columns: list[str], options: ServiceNowOptions) -> dict[str, Any]:
        """Rows in the order of their changes; references as their keys."""
        order = "ORDERBYsys_updated_on^ORDERBYsys_id"
        paging = {"type": "link", "size_param": "sysparm_limit", "size": options.page_size}
        gone = f"tablename={resource.name}"
        deletions = {
            "path": "api/now/table/sys_audit_delete",
            "records": "result",
            "key": "documentkey",
            "params": {"sysparm_fields": "documentkey,sys_created_on"},
            "paging": paging,
            "incremental": {
                "param": "sysparm_query",
                "value": f"{gone}^sys_created_on>={{since}}^ORDERBYsys_created_on",
                "first": f"{gone}^ORDERBYsys_created_on",
                "format": _TIME,
                "cursor": "sys_created_on",
            },
        }
        return {
            "path": f"api/now/table/{resource.name}",
            "records": "result",
            "paging": paging,
            "params": {
                "sysparm_fields": ",".join(columns),
                "sysparm_exclude_reference_link": "true",
                "sysparm_display_value": "false",
            },
            "incremental": {
                "param": "sysparm_query",
                "value": f"sys_updated_on>={{since}}^{order}",
                "first": order,
                "format": _TIME,
            },
            "deletions": deletions if options.deletions else None,
        }

    def other(self, name: str) -> Resource | None:
        """Tables are many, and companies add their own."""
        return (
            Resource(name, "touchpoint", {}, **_COMMON) if name.replace("_", "").isalnum() and name.islower() else None
        )
