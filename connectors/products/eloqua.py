"""Oracle Eloqua: the Application API 2.0; deletions by comparing keys."""

from __future__ import annotations

from typing import Any, ClassVar

from pydantic import Field

from connectors.products.product import ProductConnector, ProductOptions, Resource
from connectors.protocol import Options

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
    )

    def server(self, options: EloquaOptions) -> dict[str, Any]:
        """Basic authentication, the company in front of the user."""
        user = f"{options.company}\\{options.user}"
        return {"base_url": options.url, "auth": {"type": "basic", "user": user, "password": options.password}}

    def asked(self, resource: Resource, columns: list[str], options: EloquaOptions) -> dict[str, Any]:
        """Numbered pages of everything that a row holds."""
        return {
            "path": f"api/REST/2.0/data/{resource.name}",
            "records": "elements",
            "params": {"depth": "complete", "orderBy": "id"},
            "paging": {"type": "page", "size_param": "count", "size": options.page_size},
            "incremental": {"param": "lastUpdatedAt", "format": "epoch", "overlap": 300},
            "live_keys": options.live_keys,
        }

    def tidy(self, record: Any) -> Any:
        """Values of fields of one's own under their number; the type of the object is no value."""
        if not isinstance(record, dict):
            return record
        own = {f"field.{v['id']}": v.get("value") for v in record.get("fieldValues") or [] if "id" in v}
        return {n: v for n, v in record.items() if n not in ("fieldValues", "type", "depth", "permissions")} | own
