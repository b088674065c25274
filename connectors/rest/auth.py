"""Who signs in, and how: headers and parameters of a request; tokens of OAuth 2.0, renewed when they end."""

from __future__ import annotations

import time
from base64 import b64encode
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from connectors.rest.options import ApiKey, Basic, Bearer, OAuth2, RestOptions

_EARLY = 30.0
"""Seconds before its end at which a token is renewed, so that none ends on its way."""


class AskToken(Protocol):
    """Posts a form to a token endpoint and gives its JSON; raises SourceError."""

    def __call__(self, url: str, form: Mapping[str, str], basic: tuple[str, str] | None) -> dict[str, Any]:
        """`basic` signs in with id and secret."""
        ...


class Authorizer:
    """What a request carries to be let in."""

    def __init__(self, options: RestOptions, ask: AskToken, *, clock: Callable[[], float] = time.monotonic):
        self._auth, self._ask, self._clock = options.auth, ask, clock
        self._token: str | None = None
        self._ends = 0.0
        self._refresh = self._auth.refresh_token if isinstance(self._auth, OAuth2) else None

    @property
    def secrets(self) -> tuple[str, ...]:
        """Everything that must not be seen in a message."""
        auth = self._auth
        held: list[str | None] = [self._token, self._refresh]
        if isinstance(auth, Basic):
            held += [auth.password, _basic(auth)]
        elif isinstance(auth, Bearer):
            held.append(auth.token)
        elif isinstance(auth, ApiKey):
            held.append(auth.key)
        elif isinstance(auth, OAuth2):
            held += [auth.client_secret, auth.password, auth.refresh_token]
        return tuple(secret for secret in held if secret)

    def headers(self) -> dict[str, str]:
        """Headers that sign in; may ask for a token first."""
        auth = self._auth
        if isinstance(auth, Basic):
            return {"Authorization": f"Basic {_basic(auth)}"}
        if isinstance(auth, Bearer):
            return {"Authorization": f"{auth.scheme} {auth.token}".strip()}
        if isinstance(auth, ApiKey) and auth.param is None:
            return {auth.header or "X-API-Key": auth.key}
        if isinstance(auth, OAuth2):
            return {"Authorization": f"Bearer {self._living(auth)}"}
        return {}

    def params(self) -> dict[str, str]:
        """Query parameters that sign in."""
        return {self._auth.param: self._auth.key} if isinstance(self._auth, ApiKey) and self._auth.param else {}

    def renew(self) -> bool:
        """Forget the token after it was refused; False where there is none that could be renewed."""
        if not isinstance(self._auth, OAuth2) or self._token is None:
            return False
        self._token = None
        return True

    def _living(self, auth: OAuth2) -> str:
        if self._token is None or self._clock() >= self._ends:
            form = {"grant_type": auth.grant, **auth.extra}
            if auth.scope:
                form["scope"] = auth.scope
            if auth.grant == "refresh_token":
                form["refresh_token"] = self._refresh or ""
            if auth.grant == "password":
                form |= {"username": auth.username or "", "password": auth.password or ""}
            basic = (auth.client_id, auth.client_secret) if auth.client == "header" else None
            if basic is None:
                form |= {"client_id": auth.client_id, "client_secret": auth.client_secret}
            answer = self._ask(auth.token_url, form, basic)
            self._token = str(answer["access_token"])
            self._refresh = answer.get("refresh_token") or self._refresh
            lasts = float(answer.get("expires_in") or 600)
            self._ends = self._clock() + max(lasts - _EARLY, lasts / 2)
        return self._token


def _basic(auth: Basic) -> str:
    return b64encode(f"{auth.user}:{auth.password}".encode()).decode()
