"""Sign-in by OpenID Connect: somebody's own provider vouches for them, with the code flow, PKCE and a nonce.

Who comes for the first time gets an account with the role that the configuration gives to their groups.
"""

from __future__ import annotations

import re
import secrets
import threading
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import requests
from authlib.integrations.requests_client import OAuth2Session
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from serving.accounts.people import AccountError

if TYPE_CHECKING:
    from models.config.serving import SingleSignOn
    from models.store import Store

_ALGORITHMS = ["RS256", "RS384", "RS512", "PS256", "ES256", "ES384", "EdDSA"]
"""Signatures with a key of the provider's own; never one that we could make ourselves, and never none."""

_SECONDS = 10
_KEPT_SECONDS = 3600.0


class Provider:
    """One provider; what it says of itself, and its keys, are asked for once an hour and whenever a key is new."""

    def __init__(self, settings: SingleSignOn):
        self.settings = settings
        self._lock = threading.Lock()
        self._about: tuple[float, dict[str, Any], KeySet] | None = None

    @property
    def title(self) -> str:
        """What the button on the sign-in page says."""
        return self.settings.title

    def begin(self, redirect_uri: str) -> tuple[str, dict[str, str]]:
        """Where the browser goes, and what it has to bring back. Raises AccountError when the provider is away."""
        about, _ = self._asked()
        kept = {"verifier": secrets.token_urlsafe(48), "nonce": secrets.token_urlsafe(24)}
        with self._session(redirect_uri) as session:
            url, state = session.create_authorization_url(
                about["authorization_endpoint"], code_verifier=kept["verifier"], nonce=kept["nonce"]
            )
        return str(url), {**kept, "state": str(state)}

    def finish(self, redirect_uri: str, kept: Mapping[str, str], given: Mapping[str, str]) -> dict[str, Any]:
        """The claims about whoever came back. Raises AccountError, which says no more than that it failed."""
        state, ours = given.get("state", "").encode(), kept.get("state", "").encode()
        # Nothing kept is no sign-in of ours: whoever makes a link up could say so, and have any text shown.
        if not ours or not secrets.compare_digest(state, ours) or not (given.keys() & {"code", "error"}):
            raise AccountError("This sign-in was begun elsewhere, or too long ago. Try again.")
        if "error" in given:
            why = given.get("error_description") or given["error"]
            raise AccountError(f"{self.title} did not vouch for you ({why}). Try again.")
        about, _ = self._asked()
        try:
            with self._session(redirect_uri) as session:
                token = session.fetch_token(
                    about["token_endpoint"], code=given["code"], code_verifier=kept["verifier"], timeout=_SECONDS
                )
            return self._claims(str(token["id_token"]), kept["nonce"])
        except (JoseError, requests.RequestException, KeyError, ValueError) as error:
            raise AccountError(f"{self.title} did not vouch for you ({type(error).__name__}). Try again.") from error
        except Exception as error:
            if type(error).__module__.split(".")[0] != "authlib":
                raise
            raise AccountError(f"{self.title} did not vouch for you ({error}). Try again.") from error

    def _claims(self, token: str, nonce: str) -> dict[str, Any]:
        about, keys = self._asked()
        try:
            decoded = jwt.decode(token, keys, algorithms=_ALGORITHMS)
        except (JoseError, ValueError):
            about, keys = self._asked(again=True)  # providers change their keys
            decoded = jwt.decode(token, keys, algorithms=_ALGORITHMS)
        checks = jwt.JWTClaimsRegistry(
            leeway=60,
            iss={"essential": True, "value": about["issuer"]},
            aud={"essential": True, "value": self.settings.client_id},
            exp={"essential": True},
            sub={"essential": True},
            nonce={"essential": True, "value": nonce},
        )
        checks.validate(decoded.claims)
        if decoded.claims.get("azp", self.settings.client_id) != self.settings.client_id:
            raise ValueError("azp")  # given to another program, for it to use
        return dict(decoded.claims)

    def _session(self, redirect_uri: str) -> Any:
        s = self.settings
        scope = " ".join(dict.fromkeys(["openid", *s.scopes]))
        return OAuth2Session(
            s.client_id, s.client_secret, scope=scope, redirect_uri=redirect_uri, code_challenge_method="S256"
        )

    def _asked(self, again: bool = False) -> tuple[dict[str, Any], KeySet]:
        with self._lock:
            now = time.monotonic()
            if self._about is None or again or self._about[0] + _KEPT_SECONDS < now:
                issuer = self.settings.issuer.rstrip("/")
                try:
                    about = requests.get(f"{issuer}/.well-known/openid-configuration", timeout=_SECONDS).json()
                    if about["issuer"].rstrip("/") != issuer:
                        raise AccountError(f"{self.title} says that it is {about['issuer']}, not {issuer}")
                    keys = KeySet.import_key_set(requests.get(about["jwks_uri"], timeout=_SECONDS).json())
                except (requests.RequestException, KeyError, ValueError) as error:
                    raise AccountError(f"{self.title} cannot be reached; try again later") from error
                self._about = (now, about, keys)
            return self._about[1], self._about[2]


_OUTSIDE = "You are known, but none of your groups may use this hub."
_NO_NAME = re.compile(r"[\s/:<>\"'\\]+")
"""What no name of an account has: with a blank or colon it could be taken for a program's or the hub's own."""


def account_for(store: Store, settings: SingleSignOn, claims: Mapping[str, Any]) -> str:
    """The account of somebody whom a provider vouches for; made at the first time, its role renewed by their groups.

    Raises AccountError for a disabled account, for somebody whose groups give no role (any more), and where the name is
    somebody else's.
    """
    subject = f"{claims['iss']}#{claims['sub']}"
    role = _role(settings, claims) or settings.role
    found = store.account_of_subject(subject)
    if found is not None:
        if found["disabled_at"] is not None:
            raise AccountError("This account is disabled.")
        if settings.roles and role is None:
            store.change_account(found["name"], end_sessions=True, role=found["role"])
            raise AccountError(_OUTSIDE)
        if settings.roles and role != found["role"]:
            store.change_account(found["name"], role=role)
            detail = {"before": found["role"], "after": role, "by": "groups"}
            about = {"object_type": "account", "object_id": found["name"]}
            store.add_audit("single sign-on", "account.role", **about, detail=detail)
        return str(found["name"])
    if role is None:
        raise AccountError(_OUTSIDE)
    name = _NO_NAME.sub(".", str(claims.get(settings.name_claim) or claims.get("email") or claims["sub"]))[:64]
    display = str(claims.get("name") or "") or None
    if not store.add_account(name, role, by="single sign-on", subject=subject, display=display):
        raise AccountError(f"There is an account '{name}' already that is not yours; ask an administrator.")
    detail = {"role": role, "issuer": claims["iss"]}
    store.add_audit("single sign-on", "account.add", object_type="account", object_id=name, detail=detail)
    return name


def _role(settings: SingleSignOn, claims: Mapping[str, Any]) -> str | None:
    """The strongest of the roles that the groups give; None for none of them."""
    groups = claims.get(settings.groups_claim)
    named = [groups] if isinstance(groups, str) else groups if isinstance(groups, list) else []
    mine = {settings.roles[g] for g in named if isinstance(g, str) and g in settings.roles}
    order = ("admin", "lead_steward", "engineer", "steward", "viewer")
    return next((role for role in order if role in mine), None)
