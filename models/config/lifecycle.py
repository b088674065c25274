"""What `kehu.yaml` says of the lifecycle: which contracts hold, in which time zone a day begins, and who is alerted."""

from __future__ import annotations

import datetime as dt
import zoneinfo
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator
from pydantic_core import PydanticCustomError

from models.config.base import Strict
from models.signing import SHORTEST


def _zone(value: str) -> str:
    try:
        return str(zoneinfo.ZoneInfo(value).key)
    except (ValueError, zoneinfo.ZoneInfoNotFoundError, OSError):
        raise PydanticCustomError("kehu", "unknown time zone; one is named like Asia/Shanghai") from None


class Alert(Strict):
    """Somebody who is told of new findings, by e-mail or by a webhook."""

    webhook: str | None = Field(default=None, pattern=r"^https?://")
    """Address to which the findings are posted as JSON."""
    secret: str | None = Field(default=None, min_length=SHORTEST, repr=False)
    """What signs the posts, shared with the receiver; from the environment, as `${NAME}`."""
    email: str | None = Field(default=None, pattern=r"^[^@\s]+@[^@\s]+$")
    """Address to which they are sent, through the server in KEHU_SMTP_URL."""
    severity: Literal["info", "warning", "error"] = "error"
    """The least severity that is told."""
    roles: list[str] = Field(default_factory=list)
    """Only findings of these roles; all when empty."""

    @model_validator(mode="after")
    def _one(self) -> Alert:
        if (self.webhook is None) == (self.email is None):
            raise PydanticCustomError("kehu", "give either webhook or email")
        if self.secret is not None and self.webhook is None:
            raise PydanticCustomError("kehu", "a secret signs what is posted; an e-mail has none")
        return self


class LifecycleOptions(Strict):
    """Contracts, the day, and alerts."""

    contracts: Path | None = None
    """File with the contracts per stage; the bundled ones for commercial vehicles when absent."""
    timezone: Annotated[str, AfterValidator(_zone)] = "UTC"
    """Time zone of the company: in it a time becomes a day."""
    today: dt.date | None = None
    """The day on which every run takes place; only for examples that must not age."""
    alerts: list[Alert] = Field(default_factory=list)
    """Who is told of new findings."""
