"""How a body that is posted to somebody proves where it comes from and when: the two headers and what they hold."""

from __future__ import annotations

import hashlib
import hmac
import os

from models.errors import ConfigError

SHORTEST = 16
"""Letters that a secret must have at least, so that nobody finds it by trying."""


def secret_from(name: str) -> str | None:
    """The secret in an environment variable; None where it is not set. Raises ConfigError for one that is too short."""
    secret = os.environ.get(name, "")
    if secret and len(secret) < SHORTEST:
        raise ConfigError(f"the environment variable {name} must have at least {SHORTEST} letters, to sign with")
    return secret or None


def signature(secret: str, timestamp: str, body: bytes) -> str:
    """What the header X-Kehu-Signature holds after `v1=`."""
    return hmac.new(secret.encode(), timestamp.encode() + b"." + body, hashlib.sha256).hexdigest()


def signed(secret: str, timestamp: int, body: bytes) -> dict[str, str]:
    """The headers of a body that was signed at a moment, in seconds since 1970."""
    return {
        "X-Kehu-Timestamp": str(timestamp),
        "X-Kehu-Signature": f"v1={signature(secret, str(timestamp), body)}",
    }
