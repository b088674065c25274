"""Tryton: JSON-RPC; parties with their addresses, contact mechanisms and identifiers, opportunities, sales."""

from __future__ import annotations

import datetime as dt
import itertools
from base64 import b64encode
from collections.abc import Iterator
from typing import Any, ClassVar

import pyarrow as pa
from pydantic import Field

from connectors.products.product import ProductConnector, ProductOptions, Resource
from connectors.protocol import BadRow, Item, LiveKeys, Options
from connectors.rest.http import Http, Verdict
from connectors.rest.options import RestOptions
from connectors.rest.records import rows_of
from connectors.rest.since import Since
from models.config import Stream

_PAGE = 500
_ALL = {"active_test": False}
"""Context in which records that were deactivated are found, too."""
_CHILDREN = ("party.address", "party.contact_mechanism", "party.identifier")
_COMMON: dict[str, Any] = {"cursor": "last_modified_at"}


class TrytonOptions(ProductOptions):
    """Options of `connector: {type: tryton}`."""

    database: str
    """Name of the database."""
    user: str
    """Name of the user; it needs the right to read what is mapped."""
    password: str = Field(repr=False)
    """Its password, from the environment."""
    overlap: float = Field(default=60, ge=0)
    """Seconds before the last change that are read again, for records that were committed late."""


class _Session:
    """A session of Tryton, opened on first use and again when it has ended."""

    def __init__(self, options: TrytonOptions, http: TrytonHttp):
        self._options, self._http = options, http
        self._header: str | None = None

    @property
    def secrets(self) -> tuple[str, ...]:
        """What must not be seen in a message."""
        return tuple(part for part in (self._options.password, self._header) if part)

    def headers(self) -> dict[str, str]:
        """The session's header."""
        if self._header is None:
            options = self._options
            user, session = self._http.login(options.user, options.password)
            self._header = b64encode(f"{options.user}:{user}:{session}".encode()).decode()
        return {"Authorization": f"Session {self._header}"}

    def params(self) -> dict[str, str]:
        """Nothing in the query."""
        return {}

    def renew(self) -> bool:
        """Forget the session after it was refused."""
        ended, self._header = self._header is not None, None
        return ended


class TrytonHttp(Http):
    """Calls methods of models; failures come with status 200."""

    def __init__(self, own: TrytonOptions, *args: Any, **more: Any):
        super().__init__(*args, **more)
        self._path = f"{own.database}/rpc/"
        self._numbers = itertools.count(1)
        self.auth = _Session(own, self)  # type: ignore[assignment]  # stands in for the authorizer

    def judge(self, data: Any) -> Verdict | None:
        """`error` holds the kind of the fault and its words."""
        wrong = data.get("error") if isinstance(data, dict) else None
        if not wrong:
            return None
        words = " ".join(str(part) for part in wrong if part) if isinstance(wrong, list) else str(wrong)
        return Verdict(words, passing="OperationalError" in words)

    def login(self, user: str, password: str) -> tuple[Any, Any]:
        """(number of the user, session)."""
        body = {"method": "common.db.login", "params": [user, {"password": password}, "en"], "id": 0}
        response = self.session.post(self.url(self._path), json=body, timeout=self.options.timeout)
        if response.status_code != 200 or not response.json().get("result"):
            passing = response.status_code in (429, 500, 502, 503, 504)
            raise self.fault(f"sign-in was refused: {response.status_code} {response.reason}", retryable=passing)
        found = response.json()["result"]
        return found[0], found[1]

    def call(self, model: str, method: str, *params: Any) -> Any:
        """The result of a method, with dates and numbers as plain text."""
        body = {"method": f"model.{model}.{method}", "params": [*params, _ALL], "id": next(self._numbers)}
        return _plain(self.request("POST", self._path, json=body).data.get("result"))


class TrytonConnector(ProductConnector):
    """Parties, opportunities, sales, and other models by name. Parties that were replaced go on under the other."""

    options: ClassVar[type[Options]] = TrytonOptions
    title = "Tryton"
    resources = (
        Resource(
            "parties",
            "organization",
            {
                "name": "name",
                "tax_id": "tax_code",
                "phone": ["phone", "mobile"],
                "email": ["email"],
                "website": "website",
                "address_line": "address.street",
                "city": "address.city",
                "province": "address.subdivision",
                "postal_code": "address.postal_code",
                "country": "address.country",
            },
            deleted="_deleted",
            **_COMMON,
        ),
        Resource(
            "opportunities",
            "touchpoint",
            {
                "party_key": "party",
                "occurred_at": "start_date",
                "closed_at": "end_date",
                "status": "state",
                "amount": "amount",
                "subject": "description",
                "owner": "employee",
                "reason": "lost_reason",
            },
            constants={"type": "opportunity"},
            refers={"party_key": "parties"},
            **_COMMON,
        ),
        Resource(
            "sales",
            "touchpoint",
            {
                "party_key": "party",
                "occurred_at": "sale_date",
                "status": "state",
                "amount": "untaxed_amount",
                "subject": "number",
            },
            constants={"type": "order"},
            refers={"party_key": "parties"},
            **_COMMON,
        ),
        Resource(
            "complaints",
            "touchpoint",
            {"party_key": "customer", "occurred_at": "date", "status": "state", "subject": "description"},
            constants={"type": "complaint"},
            refers={"party_key": "parties"},
            **_COMMON,
        ),
        Resource(
            "subscribers",
            "person",
            {"email": ["email"], "organization_key": "party"},
            refers={"organization_key": "parties"},
            deleted="_deleted",
            **_COMMON,
        ),
    )

    def http(self, options: RestOptions, stream: Stream | None) -> Http:
        """A client with a session."""
        name = stream.name if stream else None
        return TrytonHttp(self.settings(stream), options, self.base, source=self.source.name, stream=name)

    def server(self, options: TrytonOptions) -> dict[str, Any]:
        """The server's address; who asks is in the session."""
        return {"base_url": options.url}

    def asked(self, resource: Resource, columns: list[str], options: TrytonOptions) -> dict[str, Any]:
        """What is asked for is made in `_rows`."""
        merged = "replaced_by" if _model(resource) == "party.party" else None
        return {
            "incremental": {"param": "last_modified_at", "overlap": options.overlap},
            "live_keys": True,
            "merged_into": merged,
        }

    def other(self, name: str) -> Resource | None:
        """Any model by its name, such as `party.party`."""
        known = "." in name and name.replace(".", "").replace("_", "").isalnum()
        return Resource(name, "touchpoint", {}, **_COMMON) if known else None

    def _rows(
        self, http: Http, options: RestOptions, stream: Stream, since: Since | None
    ) -> Iterator[Iterator[dict[str, Any] | BadRow]]:
        assert isinstance(http, TrytonHttp)
        model = _model(self.resource(stream))
        names = [name for name in http.call(model, "fields_get", []) if name not in ("xml_id", "rec_name")]
        asked = since.asked if since is not None else None
        changed: list[Any] = [["last_modified_at", ">=", _moment(asked)]] if asked else []
        if asked and model == "party.party":
            # An address that changes leaves its party's own time as it was.
            owners = {row["party"] for child in _CHILDREN for row in _found(http, child, changed, ["party"])}
            changed = ["OR", changed, [["id", "in", sorted(owners)]]]
        simple = [name for name in names if name not in _NOT_READ]
        for rows in _pages(http, model, changed, simple):
            if model == "party.party":
                rows = _with_children(http, rows)
            yield rows_of([{**row, "_deleted": not _active(row)} for row in rows], None)

    def deletes(self, stream: Stream, state: dict[str, Any] | None, *, again: bool = False) -> Iterator[Item]:
        """The numbers of all records, deactivated ones included."""
        options = self.plan(stream)
        since = self._since(options.incremental, stream, {} if again else (state or {}))
        if since is None or since.asked is None or stream.mode is not None or stream.key_columns != ["id"]:
            return
        with self.http(options, stream) as http:
            assert isinstance(http, TrytonHttp)
            keys = http.call(_model(self.resource(stream)), "search", [], 0, None, None)
            yield LiveKeys(pa.RecordBatch.from_arrays([pa.array([str(key) for key in keys], pa.string())], ["id"]))


_MODELS = {
    "parties": "party.party",
    "opportunities": "sale.opportunity",
    "sales": "sale.sale",
    "complaints": "sale.complaint",
    "subscribers": "marketing.email",
}


def _model(resource: Resource) -> str:
    return _MODELS.get(resource.name, resource.name)


_NOT_READ = frozenset(
    {"attachments", "notes", "lines", "receivable", "payable", "receivable_today", "payable_today", "email_token"}
)
"""Fields that are computed at great cost, hold what nobody maps, or let whoever knows them act for somebody."""


def _pages(http: TrytonHttp, model: str, domain: list[Any], names: list[str]) -> Iterator[list[dict[str, Any]]]:
    """Records in the order of their numbers, behind the last one that was read: none is passed over."""
    last = 0
    while True:
        wanted = [["id", ">", last], domain] if domain else [["id", ">", last]]
        rows: list[dict[str, Any]] = http.call(model, "search_read", wanted, 0, _PAGE, [["id", "ASC"]], names)
        if not rows:
            return
        yield rows
        last = rows[-1]["id"]


def _active(row: dict[str, Any]) -> bool:
    """Whether Tryton shows a record; models without the field are always shown. On SQLite the field is 1 or 0."""
    return bool(row.get("active", True))


def _found(http: TrytonHttp, model: str, domain: list[Any], names: list[str]) -> list[dict[str, Any]]:
    return [row for rows in _pages(http, model, domain, names) for row in rows]


def _with_children(http: TrytonHttp, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Parties with their first address, the contact mechanisms of each kind, and their tax number."""
    owners = [["party", "in", [row["id"] for row in rows]]]
    fields = (
        ["street", "city", "postal_code", "country.name", "subdivision.name"],
        ["type", "value"],
        ["type", "code"],
    )
    own: dict[int, dict[str, Any]] = {row["id"]: {} for row in rows}
    for model, names in zip(_CHILDREN, fields, strict=True):
        for child in _found(http, model, owners, [*names, "party", "active", "last_modified_at"]):
            into = own[child["party"]]
            into["changed"] = max(into.get("changed", ""), child.get("last_modified_at") or "")
            if not _active(child):
                continue
            if model == "party.address":
                into.setdefault("address", _address(child))
            elif model == "party.contact_mechanism":
                into.setdefault(_KINDS.get(child["type"], child["type"]), child["value"])
            else:
                into.setdefault("tax_code", child["code"])
    made = []
    for row in rows:
        children = own[row["id"]]
        changed = max(row.get("last_modified_at") or "", children.pop("changed", ""))
        # Tryton's own `phone`, `email` and so on may be of a mechanism that was deactivated: those are asked for, too.
        plain = {name: value for name, value in row.items() if not isinstance(value, list) and name not in _KINDS}
        made.append({**_NO_CHILDREN, **plain, **children, "last_modified_at": changed})
    return made


_NO_CHILDREN: dict[str, Any] = {
    **dict.fromkeys(("phone", "mobile", "fax", "email", "website", "tax_code")),
    "address": dict.fromkeys(("street", "city", "postal_code", "country", "subdivision")),
}
"""Columns that are there though no party of a delivery has such a child."""

_KINDS = {"phone": "phone", "mobile": "mobile", "fax": "fax", "email": "email", "website": "website"}


def _address(child: dict[str, Any]) -> dict[str, Any]:
    named = {"country": child.get("country."), "subdivision": child.get("subdivision.")}
    names = {place: value.get("name") if isinstance(value, dict) else None for place, value in named.items()}
    return {"street": child["street"], "city": child["city"], "postal_code": child["postal_code"], **names}


def _moment(at: dt.datetime) -> dict[str, Any]:
    """A moment as the protocol writes it; Tryton keeps UTC without saying so."""
    return {"__class__": "datetime", **{part: getattr(at, part) for part in _PARTS}}


def _plain(value: Any) -> Any:
    """Values of the protocol's own kinds as text, the rest as it is."""
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if not isinstance(value, dict):
        return value
    kind = value.get("__class__")
    if kind == "datetime":
        year, month, day, hour, minute, second, micro = (int(value[part]) for part in _PARTS)
        return dt.datetime(year, month, day, hour, minute, second, micro).isoformat() + "Z"
    if kind == "date":
        return dt.date(value["year"], value["month"], value["day"]).isoformat()
    if kind == "Decimal":
        return value["decimal"]
    if kind == "timedelta":
        return value["seconds"]
    return {name: _plain(item) for name, item in value.items()} if kind is None else None


_PARTS = ("year", "month", "day", "hour", "minute", "second", "microsecond")
