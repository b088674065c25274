"""Oracle CX Sales (Fusion): REST resources with a row-match query; deletions by comparing keys."""

from __future__ import annotations

from typing import Any, ClassVar

from pydantic import Field

from connectors.products.product import ProductConnector, ProductOptions, Resource
from connectors.protocol import Options


class OracleCxOptions(ProductOptions):
    """Options of `connector: {type: oracle_cx}`."""

    user: str
    """Name of the integration user."""
    password: str = Field(repr=False)
    """Its password, from the environment."""
    version: str = Field(default="11.13.18.05", pattern=r"^[\d.]+$")
    """Version of the REST resources."""
    page_size: int = Field(default=499, ge=1, le=499)
    """Rows per answer; the server gives no more than 499."""
    live_keys: bool = True
    """Compare keys after each incremental reading, so that deletions are seen: the resources tell none."""


class OracleCxConnector(ProductConnector):
    """Accounts, contacts, leads, opportunities and activities."""

    options: ClassVar[type[Options]] = OracleCxOptions
    title = "Oracle CX Sales"
    resources = (
        Resource(
            "accounts",
            "organization",
            {
                "name": "OrganizationName",
                "tax_id": "TaxpayerIdentificationNumber",
                "phone": ["FormattedPhoneNumber"],
                "email": ["EmailAddress"],
                "website": "URL",
                "address_line": "AddressLine1",
                "city": "City",
                "province": "State",
                "postal_code": "PostalCode",
                "country": "Country",
                "parent_key": "ParentAccountPartyId",
                "account_owner": "OwnerName",
            },
            key="PartyId",
            cursor="LastUpdateDate",
            refers={"parent_key": "accounts"},
        ),
        Resource(
            "contacts",
            "person",
            {
                "given_name": "FirstName",
                "family_name": "LastName",
                "phone": ["WorkPhoneNumber", "MobileNumber"],
                "email": ["EmailAddress"],
                "job_title": "JobTitle",
                "organization_key": "AccountPartyId",
            },
            key="PartyId",
            cursor="LastUpdateDate",
            refers={"organization_key": "accounts"},
        ),
        Resource(
            "opportunities",
            "touchpoint",
            {
                "party_key": "TargetPartyId",
                "contact_key": "PrimaryContactPartyId",
                "occurred_at": "CreationDate",
                "status": "StatusCode",
                "amount": "Revenue",
                "due_at": "EffectiveDate",
                "subject": "Name",
                "owner": "OwnerResourcePartyId",
                "reason": "ReasonWonLostCode",
            },
            key="OptyId",
            cursor="LastUpdateDate",
            constants={"type": "opportunity"},
            refers={"party_key": "accounts", "contact_key": "contacts"},
        ),
        Resource(
            "leads",
            "touchpoint",
            {
                "party_key": "AccountPartyId",
                "contact_key": "PrimaryContactId",
                "occurred_at": "CreationDate",
                "status": "StatusCode",
                "subject": "Name",
                "channel": "ChannelType",
                "owner": "OwnerPartyName",
            },
            key="LeadId",
            cursor="LastUpdateDate",
            constants={"type": "lead"},
            refers={"party_key": "accounts", "contact_key": "contacts"},
        ),
        Resource(
            "activities",
            "touchpoint",
            {
                "party_key": "AccountId",
                "contact_key": "PrimaryContactId",
                "occurred_at": "ActivityStartDate",
                "status": "StatusCode",
                "subject": "Subject",
                "owner": "OwnerName",
            },
            key="ActivityId",
            cursor="LastUpdateDate",
            constants={"type": "visit"},
            refers={"party_key": "accounts", "contact_key": "contacts"},
        ),
    )

    def server(self, options: OracleCxOptions) -> dict[str, Any]:
        """Basic authentication, as Fusion applications offer it."""
        return {"base_url": options.url, "auth": {"type": "basic", "user": options.user, "password": options.password}}

    def asked(self, resource: Resource, columns: list[str], options: OracleCxOptions) -> dict[str, Any]:
        """Plain data without links, in the order of the changes."""
        return {
            "path": f"crmRestApi/resources/{options.version}/{resource.name}",
            "records": "items",
            "params": {
                "onlyData": "true",
                "fields": ",".join(columns),
                "orderBy": f"{resource.cursor}:asc,{resource.key}:asc",
            },
            "paging": {"type": "offset", "size": options.page_size, "more": "hasMore"},
            "incremental": {"param": "q", "value": f"{resource.cursor} >= '{{since}}'"},
            "live_keys": options.live_keys,
        }
