"""Keeps secrets out of messages: what drivers say about a failed connection may hold the URL that was used."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import quote, quote_plus

_USER = re.compile(r"//[^/@\s'\"]*@")
_SECRET = re.compile(r"(?i)\b(\w*(?:password|passwd|pwd|secret|token|api_?key))(['\"]?\s*[=:]\s*)[^\s&;,]+")


def without_secrets(text: str, *secrets: str | None) -> str:
    """A message on one line, without these secrets, the user part of URLs, or values of what sounds like a secret."""
    for secret in secrets:
        if secret:
            for form in {secret, quote(secret, safe=""), quote_plus(secret)}:
                text = text.replace(form, "***")
    return _SECRET.sub(r"\1\2***", _USER.sub("//***@", " ".join(text.split())))


def is_secret(name: str) -> bool:
    """Whether an option of this name holds a secret."""
    return _SECRET.search(f"{name}=x") is not None


def secretless(value: Any) -> Any:
    """Options, nested ones too, without those that hold a secret: a new password is no new way of reading."""
    if isinstance(value, dict):
        return {name: secretless(item) for name, item in value.items() if not is_secret(str(name))}
    return [secretless(item) for item in value] if isinstance(value, list) else value


def without_user(text: str) -> str:
    """A text whose URLs have lost user and password."""
    return _USER.sub("//", text)
