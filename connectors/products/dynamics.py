"""Microsoft Dynamics 365 (Dataverse Web API): OData with change tracking, whose delta links tell deletions, too."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar

import pyarrow as pa
from pydantic import Field

from connectors.products.product import ProductConnector, ProductOptions, Resource
from connectors.protocol import Deleted, Delivery, Item, Note, Options, State
from connectors.rest.connector import merges
from connectors.rest.http import Answer, Http, Refused
from connectors.rest.records import Batches, at, rows_of
from models.config import Stream

_COMMON: dict[str, Any] = {"cursor": "modifiedon"}


class DynamicsOptions(ProductOptions):
    """Options of `connector: {type: dynamics}`."""

    token_url: str
    """The tenant's token endpoint, `https://login.microsoftonline.com/TENANT/oauth2/v2.0/token`."""
    client_id: str
    """Id of the app registration."""
    client_secret: str = Field(repr=False)
    """Its secret, from the environment."""
    version: str = Field(default="9.2", pattern=r"^\d+\.\d$")
    """Version of the Web API."""
    page_size: int = Field(default=1000, ge=1, le=5000)
    """Rows per answer."""


class DynamicsConnector(ProductConnector):
    """Reads any table with change tracking by its entity set name. Merged rows name the one that stayed."""

    options: ClassVar[type[Options]] = DynamicsOptions
    title = "Dynamics 365"
    resources = (
        Resource(
            "accounts",
            "organization",
            {
                "name": "name",
                "phone": ["telephone1"],
                "email": ["emailaddress1"],
                "website": "websiteurl",
                "address_line": "address1_line1",
                "city": "address1_city",
                "province": "address1_stateorprovince",
                "postal_code": "address1_postalcode",
                "country": "address1_country",
                "employees": "numberofemployees",
                "parent_key": "_parentaccountid_value",
                "account_owner": "_ownerid_value",
            },
            key="accountid",
            refers={"parent_key": "accounts"},
            rest={"merged": True},
            **_COMMON,
        ),
        Resource(
            "contacts",
            "person",
            {
                "given_name": "firstname",
                "family_name": "lastname",
                "phone": ["telephone1", "mobilephone"],
                "email": ["emailaddress1"],
                "job_title": "jobtitle",
                "birth_date": "birthdate",
                "organization_key": "_parentcustomerid_value",
            },
            key="contactid",
            refers={"organization_key": "accounts"},
            rest={"merged": True},
            **_COMMON,
        ),
        Resource(
            "leads",
            "person",
            {
                "given_name": "firstname",
                "family_name": "lastname",
                "phone": ["telephone1", "mobilephone"],
                "email": ["emailaddress1"],
                "job_title": "jobtitle",
            },
            key="leadid",
            rest={"merged": True},
            **_COMMON,
        ),
        Resource(
            "opportunities",
            "touchpoint",
            {
                "party_key": "_parentaccountid_value",
                "contact_key": "_parentcontactid_value",
                "occurred_at": "createdon",
                "status": "statecode",
                "amount": "estimatedvalue",
                "due_at": "estimatedclosedate",
                "closed_at": "actualclosedate",
                "subject": "name",
                "owner": "_ownerid_value",
            },
            key="opportunityid",
            constants={"type": "opportunity"},
            codes={"status": {"0": "open", "1": "won", "2": "lost"}},
            refers={"party_key": "accounts", "contact_key": "contacts"},
            **_COMMON,
        ),
        Resource(
            "incidents",
            "touchpoint",
            {
                "party_key": "_customerid_value",
                "contact_key": "_primarycontactid_value",
                "occurred_at": "createdon",
                "status": "statecode",
                "subject": "title",
                "owner": "_ownerid_value",
            },
            key="incidentid",
            constants={"type": "complaint"},
            refers={"party_key": "accounts", "contact_key": "contacts"},
            **_COMMON,
        ),
    )

    def server(self, options: DynamicsOptions) -> dict[str, Any]:
        """An app registration with client credentials, for this organization's data."""
        scope = options.url.rstrip("/") + "/.default"
        auth = {"type": "oauth2", "token_url": options.token_url, "client_id": options.client_id}
        prefer = f"odata.track-changes, odata.maxpagesize={options.page_size}"
        return {
            "base_url": options.url,
            "auth": {**auth, "client_secret": options.client_secret, "scope": scope},
            "headers": {"OData-Version": "4.0", "OData-MaxVersion": "4.0", "Prefer": prefer},
        }

    def asked(self, resource: Resource, columns: list[str], options: DynamicsOptions) -> dict[str, Any]:
        """The mapped columns, and who was merged into whom."""
        merged = resource.rest.get("merged")
        chosen = [*columns, *(["merged", "_masterid_value"] if merged else [])]
        return {
            "path": f"api/data/v{options.version}/{resource.name}",
            "records": "value",
            "params": {"$select": ",".join(dict.fromkeys(chosen))},
            "paging": {"type": "next", "path": "@odata.nextLink"},
            "merged_into": "_masterid_value" if merged else None,
        }

    def tidy(self, record: Any) -> Any:
        """Without annotations, except of what is deleted."""
        if not isinstance(record, dict) or _is_gone(record):
            return record
        return {name: value for name, value in record.items() if "@" not in name}

    def read(self, stream: Stream, state: dict[str, Any] | None, *, again: bool = False) -> Iterator[Item]:
        """What changed since the delta link, deletions in their place; everything where there is none, or it ended."""
        options = self.plan(stream)
        link = None if again or stream.mode == "snapshot" else (state or {}).get("delta")
        note = None
        with self.http(options, stream) as http:
            try:
                first = http.get(link) if link else http.get(str(options.path), options.params)
            except Refused as error:
                if not link or error.status not in (400, 404, 410):
                    raise
                # Change tracking keeps changes for some days only.
                note = "the delta link ended; everything is read"
                link, first = None, http.get(str(options.path), options.params)
            info = {"url": options.base_url + str(options.path), "since": "delta link" if link else None}
            yield Delivery("delta" if link or stream.mode == "delta" else "snapshot", sparse=True, feed=True, info=info)
            if note:
                yield Note(note)
            following: str | None = None
            for answer in _following(http, first):
                batches = Batches()
                for record in at(answer.data, "value") or []:
                    if isinstance(record, dict) and _is_gone(record):
                        for rest in batches.rest():
                            yield from merges(rest, stream, options)
                        key = pa.array([str(record.get("id") or record.get(stream.key_columns[0]))], pa.string())
                        yield Deleted(pa.RecordBatch.from_arrays([key], [stream.key_columns[0]]))
                        continue
                    for item in batches.add(rows_of([self.tidy(record)], None)):
                        yield from merges(item, stream, options) if isinstance(item, pa.RecordBatch) else [item]
                for rest in batches.rest():
                    yield from merges(rest, stream, options)
                following = at(answer.data, "@odata.deltaLink") or following
        if following is None:
            yield Note("the table tracks no changes; everything is read each time")
        yield State({"delta": following} if following else {})

    def deletes(self, stream: Stream, state: dict[str, Any] | None, *, again: bool = False) -> Iterator[Item]:
        """Told by `read`."""
        yield from ()


def _is_gone(record: dict[str, Any]) -> bool:
    return "$deletedEntity" in str(record.get("@odata.context", "")) or "@removed" in record


def _following(http: Http, first: Answer) -> Iterator[Answer]:
    answer = first
    while True:
        yield answer
        link = at(answer.data, "@odata.nextLink")
        if not link:
            return
        answer = http.get(str(link))
