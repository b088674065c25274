"""Salesforce: SOQL by REST, the first load by Bulk API 2.0; deleted records stay visible, merged ones name a master."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from typing import Any, ClassVar

from pydantic import Field

from connectors.products.bulk import csv_rows
from connectors.products.product import ProductConnector, ProductOptions, Resource
from connectors.protocol import BadRow, Options
from connectors.rest.http import Http
from connectors.rest.options import RestOptions
from connectors.rest.since import Since
from models.config import Stream

_OBJECT = re.compile(r"^[A-Za-z][A-Za-z0-9_]*$")
_COLUMN = re.compile(r"^[A-Za-z][A-Za-z0-9_.]*$")
_MOMENT = re.compile(r"^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3})\+0000$")
_WHOLE = re.compile(r"^(-?\d+)\.0$")
_MERGED = ("Account", "Contact", "Lead")
_COMMON: dict[str, Any] = {"key": "Id", "cursor": "SystemModstamp", "deleted": "IsDeleted"}


class SalesforceOptions(ProductOptions):
    """Options of `connector: {type: salesforce}`."""

    client_id: str
    """Consumer key of a connected app with the client credentials flow."""
    client_secret: str = Field(repr=False)
    """Its secret, from the environment."""
    version: str = Field(default="62.0", pattern=r"^\d+\.\d$")
    """API version."""
    bulk: bool = True
    """Read everything, the first time, with Bulk API 2.0 instead of one page after the other."""
    poll: float = Field(default=5, ge=0)
    """Seconds between two looks at a bulk job."""
    where: str | None = None
    """A further SOQL condition, such as `RecordType.DeveloperName = 'Fleet'`."""


class SalesforceConnector(ProductConnector):
    """Reads any object of an organization, custom ones by their API name."""

    options: ClassVar[type[Options]] = SalesforceOptions
    title = "Salesforce"
    resources = (
        Resource(
            "Account",
            "organization",
            {
                "name": "Name",
                "phone": ["Phone"],
                "website": "Website",
                "industry": "Industry",
                "employees": "NumberOfEmployees",
                "address_line": "BillingStreet",
                "city": "BillingCity",
                "province": "BillingState",
                "postal_code": "BillingPostalCode",
                "country": "BillingCountry",
                "parent_key": "ParentId",
                "account_owner": "OwnerId",
            },
            refers={"parent_key": "Account"},
            **_COMMON,
        ),
        Resource(
            "Contact",
            "person",
            {
                "given_name": "FirstName",
                "family_name": "LastName",
                "phone": ["Phone", "MobilePhone"],
                "email": ["Email"],
                "job_title": "Title",
                "birth_date": "Birthdate",
                "address_line": "MailingStreet",
                "city": "MailingCity",
                "postal_code": "MailingPostalCode",
                "country": "MailingCountry",
                "organization_key": "AccountId",
            },
            refers={"organization_key": "Account"},
            **_COMMON,
        ),
        Resource(
            "Lead",
            "person",
            {
                "given_name": "FirstName",
                "family_name": "LastName",
                "phone": ["Phone", "MobilePhone"],
                "email": ["Email"],
                "job_title": "Title",
                "city": "City",
                "country": "Country",
            },
            **_COMMON,
        ),
        Resource(
            "Opportunity",
            "touchpoint",
            {
                "party_key": "AccountId",
                "occurred_at": "CreatedDate",
                "status": "StageName",
                "amount": "Amount",
                "due_at": "CloseDate",
                "subject": "Name",
                "owner": "OwnerId",
            },
            constants={"type": "opportunity"},
            refers={"party_key": "Account"},
            **_COMMON,
        ),
        Resource(
            "Case",
            "touchpoint",
            {
                "party_key": "AccountId",
                "contact_key": "ContactId",
                "occurred_at": "CreatedDate",
                "status": "Status",
                "closed_at": "ClosedDate",
                "subject": "Subject",
                "owner": "OwnerId",
            },
            constants={"type": "complaint"},
            refers={"party_key": "Account", "contact_key": "Contact"},
            **_COMMON,
        ),
        Resource(
            "AccountContactRelation",
            "relation",
            {
                "from_key": "ContactId",
                "to_key": "AccountId",
                "role": "Roles",
                "valid_from": "StartDate",
                "valid_to": "EndDate",
            },
            constants={"type": "works_for"},
            refers={"from_key": "Contact", "to_key": "Account"},
            **_COMMON,
        ),
    )

    def server(self, options: SalesforceOptions) -> dict[str, Any]:
        """The organization's own address, and the client credentials flow."""
        auth = {"type": "oauth2", "token_url": "/services/oauth2/token", "client_id": options.client_id}
        return {"base_url": options.url, "auth": {**auth, "client_secret": options.client_secret}}

    def asked(self, resource: Resource, columns: list[str], options: SalesforceOptions) -> dict[str, Any]:
        """`queryAll` gives deleted records, too; the order makes a reading that is cut off harmless."""
        query = _query(resource.name, columns, options.where)
        since = " AND " if options.where else " WHERE "
        return {
            "path": f"services/data/v{options.version}/queryAll",
            "records": "records",
            "paging": {"type": "next", "path": "nextRecordsUrl", "end": "done"},
            "incremental": {
                "param": "q",
                "value": f"{query}{since}SystemModstamp >= {{since}} ORDER BY SystemModstamp, Id",
                "first": f"{query} ORDER BY SystemModstamp, Id",
                # A record may be committed long after its stamp was taken.
                "overlap": 300,
            },
            "merged_into": "MasterRecordId" if resource.name in _MERGED else None,
        }

    def other(self, name: str) -> Resource | None:
        """Custom objects, and standard ones that are not listed here."""
        return Resource(name, "touchpoint", {}, **_COMMON) if _OBJECT.match(name) and name[0].isupper() else None

    def tidy(self, record: Any) -> Any:
        """Without the `attributes` that every object carries, and times as the bulk interface writes them."""
        if isinstance(record, str):
            return _MOMENT.sub(r"\1Z", record)
        if not isinstance(record, dict):
            return record
        found = {name: value for name, value in record.items() if name != "attributes"}
        return {name: self.tidy(value) for name, value in found.items()}

    def _rows(
        self, http: Http, options: RestOptions, stream: Stream, since: Since | None
    ) -> Iterator[Iterator[dict[str, Any] | BadRow]]:
        own: SalesforceOptions = self.settings(stream)
        if own.bulk and since is not None and since.asked is None and options.incremental is not None:
            yield from self._bulk(http, own, str(options.incremental.first))
            return
        yield from super()._rows(http, options, stream, since)

    def _bulk(self, http: Http, options: SalesforceOptions, query: str) -> Iterator[Iterator[dict[str, Any] | BadRow]]:
        """A query job of Bulk API 2.0: made, waited for, its results fetched in parts."""
        jobs = f"services/data/v{options.version}/jobs/query"
        job = http.request(
            "POST", jobs, json={"operation": "queryAll", "query": query.replace(" ORDER BY SystemModstamp, Id", "")}
        )
        number = str(job.data["id"])
        while (state := http.get(f"{jobs}/{number}").data)["state"] not in ("JobComplete", "Failed", "Aborted"):
            time.sleep(options.poll)
        if state["state"] != "JobComplete":
            raise http.fault(
                f"the bulk job ended as {state['state']}: {state.get('errorMessage', 'no reason given')}",
                retryable=True,
            )
        locator: str | None = None
        while True:
            params = {"maxRecords": 50_000, **({"locator": locator} if locator else {})}
            answer = http.request(
                "GET", f"{jobs}/{number}/results", params=params, headers={"Accept": "text/csv"}, raw=True
            )
            yield ({n: _WHOLE.sub(r"\1", v) if v else v for n, v in row.items()} for row in csv_rows(answer.data))
            locator = answer.headers.get("sforce-locator")
            if locator in (None, "", "null"):
                return


def _query(name: str, columns: list[str], where: str | None) -> str:
    fixed = ["Id", "SystemModstamp", "IsDeleted", *(["MasterRecordId"] if name in _MERGED else [])]
    chosen = [column for column in dict.fromkeys([*fixed, *columns]) if _COLUMN.match(column)]
    return f"SELECT {', '.join(chosen)} FROM {name}" + (f" WHERE ({where})" if where else "")
