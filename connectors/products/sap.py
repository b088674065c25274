"""SAP S/4HANA: business partners and sales orders by OData version 2; deletions by comparing keys."""

from __future__ import annotations

import datetime as dt
import re
from typing import Any, ClassVar

from pydantic import Field

from connectors.products.product import ProductConnector, ProductOptions, Resource
from connectors.protocol import Options

_SERVICE = "sap/opu/odata/sap/API_BUSINESS_PARTNER/"
_ORDERS = "sap/opu/odata/sap/API_SALES_ORDER_SRV/"
_DATE = re.compile(r"^/Date\((-?\d+)([+-]\d{4})?\)/$")
_TIME = re.compile(r"^PT(\d+)H(\d+)M(\d+)S$")
_ADDRESS = {
    "address_line": "address.StreetName",
    "city": "address.CityName",
    "province": "address.Region",
    "postal_code": "address.PostalCode",
    "country": "address.Country",
}


class SapOptions(ProductOptions):
    """Options of `connector: {type: sap_s4}`."""

    user: str
    """Name of the communication user."""
    password: str = Field(repr=False)
    """Its password, from the environment."""
    client: str | None = Field(default=None, pattern=r"^\d{3}$")
    """SAP client (`sap-client`), where the system has several."""
    page_size: int = Field(default=1000, ge=1)
    """Rows per answer."""
    live_keys: bool = True
    """Compare keys after each incremental reading, so that archived partners are seen as deleted."""


class SapConnector(ProductConnector):
    """Organizations and persons of S/4HANA, with the first of their addresses, and sales orders."""

    options: ClassVar[type[Options]] = SapOptions
    title = "SAP S/4HANA"
    resources = (
        Resource(
            "organizations",
            "organization",
            {"name": "BusinessPartnerFullName", "short_name": "SearchTerm1", "industry": "Industry", **_ADDRESS},
            key="BusinessPartner",
            cursor="changed_at",
            deleted="IsMarkedForArchiving",
            rest={"category": "2"},
        ),
        Resource(
            "persons",
            "person",
            {"given_name": "FirstName", "family_name": "LastName", "full_name": "BusinessPartnerFullName", **_ADDRESS},
            key="BusinessPartner",
            cursor="changed_at",
            deleted="IsMarkedForArchiving",
            rest={"category": "1"},
        ),
        Resource(
            "sales_orders",
            "touchpoint",
            {
                "party_key": "SoldToParty",
                "occurred_at": "SalesOrderDate",
                "due_at": "RequestedDeliveryDate",
                "status": "OverallSDProcessStatus",
                "amount": "TotalNetAmount",
                "subject": "PurchaseOrderByCustomer",
            },
            key="SalesOrder",
            cursor="LastChangeDateTime",
            constants={"type": "order"},
            codes={"status": {"A": "open", "B": "in process", "C": "completed"}},
            refers={"party_key": ["organizations", "persons"]},
        ),
    )

    def server(self, options: SapOptions) -> dict[str, Any]:
        """Basic authentication of a communication user."""
        headers = {"sap-client": options.client} if options.client else {}
        auth = {"type": "basic", "user": options.user, "password": options.password}
        return {"base_url": options.url, "auth": auth, "headers": headers}

    def asked(self, resource: Resource, columns: list[str], options: SapOptions) -> dict[str, Any]:
        """Partners by day: they tell the date of their change, and its time apart from it. Orders by moment."""
        paging = {"type": "offset", "param": "$skip", "size_param": "$top", "size": options.page_size}
        if resource.name == "sales_orders":
            since = {"param": "$filter", "value": "LastChangeDateTime ge datetimeoffset'{since}'", "overlap": 300}
            return {
                "path": f"{_ORDERS}A_SalesOrder",
                "records": "d.results",
                "params": {"$format": "json", "$orderby": "SalesOrder"},
                "paging": paging,
                "incremental": since,
                "live_keys": options.live_keys,
            }
        category = f"BusinessPartnerCategory eq '{resource.rest['category']}'"
        return {
            "path": f"{_SERVICE}A_BusinessPartner",
            "records": "d.results",
            "params": {"$format": "json", "$expand": "to_BusinessPartnerAddress", "$orderby": "BusinessPartner"},
            "paging": paging,
            "incremental": {
                "param": "$filter",
                "value": f"{category} and LastChangeDate ge datetime'{{since}}T00:00:00'",
                "first": category,
                "format": "date",
                # Dates are those of the system's own zone.
                "overlap": 86_400,
            },
            "live_keys": options.live_keys,
        }

    def tidy(self, record: Any) -> Any:
        """Plain dates, one address, and when it changed as one moment; created ones may never have changed."""
        if not isinstance(record, dict):
            return record
        found = {n: _plain(v) for n, v in record.items() if n != "__metadata" and not _deferred(v)}
        if "SalesOrder" in found:
            return found
        addresses = (record.get("to_BusinessPartnerAddress") or {}).get("results") or [{}]
        found["address"] = {n: v for n, v in addresses[0].items() if n != "__metadata" and not isinstance(v, dict)}
        found.pop("to_BusinessPartnerAddress", None)
        for day, time in (("LastChangeDate", "LastChangeTime"), ("CreationDate", "CreationTime")):
            if found.get(day):
                found["changed_at"] = f"{str(found[day])[:10]}T{found.get(time) or '00:00:00'}"
                break
        return found


def _deferred(value: Any) -> bool:
    return isinstance(value, dict) and "__deferred" in value


def _plain(value: Any) -> Any:
    """OData 2 writes dates as milliseconds since 1970, and times as durations."""
    if not isinstance(value, str):
        return value
    if found := _DATE.match(value):
        moment = dt.datetime(1970, 1, 1) + dt.timedelta(milliseconds=int(found[1]))
        return moment.isoformat() + ("Z" if found[2] else "")
    if found := _TIME.match(value):
        return ":".join(f"{int(part):02}" for part in found.groups())
    return value
