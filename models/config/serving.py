"""What `kehu serve` keeps to: limits of requests, and what it may call by itself."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from models.config.base import Strict

PersonRole = Literal["viewer", "steward", "lead_steward", "engineer", "admin"]


class SingleSignOn(Strict):
    """An OpenID Connect provider that vouches for people."""

    issuer: Annotated[str, StringConstraints(pattern=r"^https?://")]
    """Its address; `/.well-known/openid-configuration` under it says the rest."""
    client_id: str
    """What the provider calls this hub."""
    client_secret: str
    """The secret shared with the provider; from the environment, as `${NAME}`."""
    title: str = "single sign-on"
    """What the button on the sign-in page says."""
    scopes: list[str] = Field(default_factory=lambda: ["profile", "email"])
    """What is asked for beside `openid`."""
    name_claim: str = "preferred_username"
    """The claim that becomes the name of a new account."""
    groups_claim: str = "groups"
    """The claim that lists somebody's groups."""
    roles: dict[str, PersonRole] = Field(default_factory=dict)
    """Group → role; the strongest counts, and is renewed with every sign-in."""
    role: PersonRole | None = None
    """Role of those whom no group gives one; without it they stay outside."""


class ServingOptions(Strict):
    """Limits of the interface for programs."""

    requests_per_second: float = Field(default=200, gt=0)
    """Requests that one key may make on average; each process of the server counts for itself."""
    burst: int = Field(default=400, ge=1)
    """Requests that one key may make at once."""
    max_body_kb: int = Field(default=1024, ge=1)
    """Largest body of a request, in KiB."""
    private_webhooks: bool = False
    """Whether webhooks may lead into private networks and to this machine."""
    single_sign_on: SingleSignOn | None = None
    """A provider by which people sign in, beside passwords."""
    api_priority: int = 60
    """Rank in survivorship of what programs create through the interface; the lower number wins."""
