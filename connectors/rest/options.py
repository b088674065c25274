"""What `connector: {type: rest}` may hold: where rows are, how pages follow each other, who signs in, what is new."""

from __future__ import annotations

from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator
from pydantic_core import PydanticCustomError

from connectors.protocol import Options

LOOPBACK = ("localhost", "127.0.0.1", "::1")


class Part(BaseModel):
    """Base of the parts of a REST declaration: unknown keys are mistakes."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)


class Basic(Part):
    """HTTP basic authentication."""

    type: Literal["basic"]
    user: str
    """Name to sign in with."""
    password: str = Field(repr=False)
    """Its password, from the environment."""


class Bearer(Part):
    """A fixed token in the Authorization header."""

    type: Literal["bearer"]
    token: str = Field(repr=False)
    """The token, from the environment."""
    scheme: str = "Bearer"
    """The word in front of the token."""


class ApiKey(Part):
    """A key in a header or in a query parameter of its own."""

    type: Literal["api_key"]
    key: str = Field(repr=False)
    """The key, from the environment."""
    header: str | None = None
    """Header that carries it; `X-API-Key` where neither this nor `param` is given."""
    param: str | None = None
    """Query parameter that carries it instead."""


class OAuth2(Part):
    """OAuth 2.0: client credentials, a refresh token, or a password, at a token endpoint (RFC 6749)."""

    type: Literal["oauth2"]
    token_url: str
    """The token endpoint; relative to `base_url` where it is no URL."""
    grant: Literal["client_credentials", "refresh_token", "password"] = "client_credentials"
    """How the token is asked for."""
    client_id: str
    """The client's id."""
    client_secret: str = Field(repr=False)
    """The client's secret, from the environment."""
    refresh_token: str | None = Field(default=None, repr=False)
    """The refresh token of grant `refresh_token`; one that the server renews is used until the reading ends."""
    username: str | None = None
    """Name of grant `password`."""
    password: str | None = Field(default=None, repr=False)
    """Password of grant `password`."""
    scope: str | None = None
    """Scopes asked for, separated by spaces."""
    extra: dict[str, str] = Field(default_factory=dict)
    """Further parameters of the token request, such as `audience` or `resource`."""
    client: Literal["body", "header"] = "body"
    """Where id and secret are sent: in the form, or as basic authentication."""

    @model_validator(mode="after")
    def _complete(self) -> OAuth2:
        needs = {"refresh_token": ("refresh_token",), "password": ("username", "password")}.get(self.grant, ())
        missing = [name for name in needs if not getattr(self, name)]
        if missing:
            words = {"grant": self.grant, "names": " and ".join(missing)}
            raise PydanticCustomError("kehu", "grant {grant} needs {names}", words)
        return self


Auth = Annotated[Basic | Bearer | ApiKey | OAuth2, Field(discriminator="type")]


class NoPaging(Part):
    """One answer holds everything."""

    type: Literal["none"]


class Pages(Part):
    """Numbered pages; the last one holds fewer rows than asked for, or the answer says how many there are."""

    type: Literal["page"]
    param: str = "page"
    """Parameter with the page's number."""
    start: int = 1
    """Number of the first page."""
    size_param: str | None = None
    """Parameter with the rows per page."""
    size: int = Field(default=100, ge=1)
    """Rows per page."""
    total_pages: str | None = None
    """Path to the number of pages in the answer, where it tells."""
    into: Literal["query", "body"] = "query"
    """Where the parameters go: into the address, or into the body of a POST."""


class Offsets(Part):
    """A number of rows to skip."""

    type: Literal["offset"]
    param: str = "offset"
    """Parameter with the rows to skip."""
    size_param: str | None = "limit"
    """Parameter with the rows per answer."""
    size: int = Field(default=100, ge=1)
    """Rows per answer; a server that gives fewer is noticed, and its own size is used."""
    total: str | None = None
    """Path to the number of all rows in the answer, where it tells."""
    more: str | None = None
    """Path to a flag that says whether there are more."""
    into: Literal["query", "body"] = "query"
    """Where the parameters go: into the address, or into the body of a POST."""


class Cursors(Part):
    """A mark in each answer that asks for the next one."""

    type: Literal["cursor"]
    param: str
    """Parameter that takes the mark."""
    path: str
    """Path to the mark in the answer; none there means the end."""
    more: str | None = None
    """Path to a flag that says whether there are more."""
    end: str | None = None
    """Path to a flag that says that this is the end, although a mark is given."""
    size_param: str | None = None
    """Parameter with the rows per answer."""
    size: int = Field(default=100, ge=1)
    """Rows per answer."""
    into: Literal["query", "body"] = "query"
    """Where the parameters go: into the address, or into the body of a POST."""


class Links(Part):
    """The Link header names the next address (RFC 8288)."""

    type: Literal["link"]
    size_param: str | None = None
    """Parameter with the rows per answer."""
    size: int = Field(default=100, ge=1)
    """Rows per answer."""


class NextUrl(Part):
    """The answer holds the next address."""

    type: Literal["next"]
    path: str = "next"
    """Path to the address in the answer; none there means the end."""
    end: str | None = None
    """Path to a flag that says that this is the end, although an address is given."""
    size_param: str | None = None
    """Parameter with the rows per answer."""
    size: int = Field(default=100, ge=1)
    """Rows per answer."""


Paging = Annotated[NoPaging | Pages | Offsets | Cursors | Links | NextUrl, Field(discriminator="type")]


class Incremental(Part):
    """How the server is asked for what changed since the last reading."""

    param: str
    """Parameter that takes the time."""
    value: str = "{since}"
    """Its value, with `{since}` where the time goes."""
    first: str | None = None
    """Its value in a reading from the start; left out where none is given."""
    format: str = "iso"
    """How the time is written: `iso` (2026-03-04T05:06:07Z), `date`, `epoch`, `epoch_ms`, or a strftime format."""
    cursor: str | None = None
    """Column with the time of change; by default the stream's `updated_at`."""
    overlap: float = Field(default=60, ge=0)
    """Seconds before the last time that are asked for again, for rows that were committed late."""
    into: Literal["query", "body"] = "query"
    """Where the parameter goes."""

    @field_validator("value")
    @classmethod
    def _has_place(cls, value: str) -> str:
        if "{since}" not in value:
            raise PydanticCustomError("kehu", "needs {since} where the time goes")
        return value


class Parent(Part):
    """Rows of another endpoint, for each of which the stream's `path` is asked with its `{parent}`."""

    path: str
    """The other endpoint."""
    key: str = "id"
    """Path to the value that goes into `{parent}`; the stream's rows carry it as column `_parent`."""
    records: str = ""
    """Path to its list of rows."""
    params: dict[str, str | int | float | bool] = Field(default_factory=dict)
    """Its parameters."""
    paging: Paging | None = None
    """Its pages; those of the stream by default."""


class Deletions(Part):
    """An endpoint that tells which rows were deleted."""

    path: str
    """The endpoint."""
    records: str = ""
    """Path to its list."""
    key: str = "id"
    """Path to the key of the deleted row."""
    merged_into: str | None = None
    """Path to the key of the row that it was merged into, where that is why it is gone."""
    params: dict[str, str | int | float | bool] = Field(default_factory=dict)
    """Its parameters."""
    paging: Paging | None = None
    """Its pages; those of the stream by default."""
    incremental: Incremental | None = None
    """How it is asked for what was deleted since the last reading."""


class RestOptions(Options):
    """Options of `connector: {type: rest}`; each may stand at the stream as well."""

    base_url: str
    """Address that paths are relative to; https, but for servers of this machine."""
    auth: Auth | None = None
    """How to sign in."""
    headers: dict[str, str] = Field(default_factory=dict)
    """Further headers of every request."""
    params: dict[str, str | int | float | bool] = Field(default_factory=dict)
    """Parameters of every request."""
    path: str | None = None
    """Path of the stream; its name by default."""
    method: Literal["GET", "POST"] = "GET"
    """How rows are asked for."""
    body: dict[str, Any] | None = None
    """JSON body of a POST."""
    records: str = ""
    """Path to the list of rows in the answer, such as `data.items`; nothing where the answer is the list."""
    children: str | None = None
    """Path, inside each row, to a list whose members become the rows; they carry the others' columns as `_parent.…`."""
    paging: Paging = NoPaging(type="none")
    """How one answer follows the other."""
    incremental: Incremental | None = None
    """How to ask for what changed; without it everything is read, and a missing key is a deletion."""
    parent: Parent | None = None
    """Rows that the stream is asked for one by one."""
    deletions: Deletions | None = None
    """Where deleted rows are told."""
    live_keys: bool = False
    """After an incremental reading, list all rows again and take those that are missing for deleted."""
    merged_into: str | None = None
    """Column that holds, in a row that the source merged away, the key of the one that stayed."""
    merged_from: str | None = None
    """Column that holds the keys of rows that were merged into this one: a list, or text separated by `;` or `,`."""
    requests_per_second: float | None = Field(default=None, gt=0)
    """No more requests than this."""
    timeout: float = Field(default=60, gt=0)
    """Seconds to wait for the first byte of an answer, and between two parts of it."""
    retries: int = Field(default=4, ge=0)
    """How often one request is tried again after 429, 5xx or a lost connection, with growing pauses."""
    longest_wait: float = Field(default=300, gt=0)
    """Seconds that the server may make us wait (Retry-After, a spent quota); the stream fails for now beyond it."""
    ca_file: str | None = None
    """Certificates to trust beside those of the system; relative to the configuration file."""
    largest_answer: int = Field(default=256, gt=0)
    """MiB that one answer may have."""

    @field_validator("base_url")
    @classmethod
    def _safe(cls, value: str) -> str:
        parts = urlsplit(value)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise PydanticCustomError("kehu", "expected a URL such as https://crm.example.com/api/")
        if parts.username or parts.password:
            raise PydanticCustomError("kehu", "put user and password under 'auth', not into the address")
        if parts.scheme == "http" and parts.hostname not in LOOPBACK:
            raise PydanticCustomError("kehu", "http would send the sign-in in the clear; use https")
        return value if value.endswith("/") else value + "/"

    @model_validator(mode="after")
    def _fits(self) -> RestOptions:
        if self.body is not None and self.method != "POST":
            raise PydanticCustomError("kehu", "'body' needs method: POST")
        if self.parent is not None and "{parent}" not in (self.path or ""):
            raise PydanticCustomError("kehu", "'parent' needs a 'path' with {parent} in it")
        if self.live_keys and self.incremental is None:
            raise PydanticCustomError(
                "kehu", "'live_keys' is for incremental reading; a full one shows deletions anyway"
            )
        return self
