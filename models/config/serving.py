"""What `kehu serve` keeps to: limits of requests, and what it may call by itself."""

from __future__ import annotations

from pydantic import Field

from models.config.base import Strict


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
    api_priority: int = 60
    """Rank in survivorship of what programs create through the interface; the lower number wins."""
