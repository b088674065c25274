"""Who asks for a page, in which language and colours; and the guard that every page stands behind.

Whoever is not signed in is led to the sign-in page and back. A request that changes something has to carry the token
of the session (`csrf`, in the form or in the header X-CSRF-Token), which no other site can know.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass, field
from typing import Annotated, Any, cast
from urllib.parse import quote

from fastapi import Depends, Request
from fastapi.exceptions import HTTPException
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import FormData

from models.config import Config
from models.stewardship import Role
from models.store import Store
from models.vocabulary import Sensitivity
from serving.access import AccessLog, Masking, NotSignedIn, Principal
from serving.accounts import Session, find_session
from serving.web.languages import Speech, choose

COOKIE, LANGUAGE_COOKIE, THEME_COOKIE = "kehu_session", "kehu_language", "kehu_theme"
THEMES = ("auto", "light", "dark")
_SAFE = ("GET", "HEAD", "OPTIONS")


@dataclass(frozen=True)
class Visit:
    """One request for a page: the hub, who asks, how it is shown, what was sent."""

    request: Request
    config: Config
    store: Store
    session: Session | None
    principal: Principal | None
    masking: Masking
    reads: AccessLog
    speech: Speech
    theme: str
    form: FormData = field(default_factory=FormData)

    @property
    def who(self) -> str:
        """The account that is signed in. Raises NotSignedIn."""
        return self.reader.name

    @property
    def reader(self) -> Principal:
        """Who is signed in, with rights. Raises NotSignedIn."""
        if self.principal is None:
            raise NotSignedIn("nobody is signed in")
        return self.principal

    def may(self, right: str | None) -> bool:
        """Whether whoever asks has a right; without one, whether somebody is signed in."""
        return self.principal is not None and (right is None or self.principal.may(right))

    def sees(self, sensitivity: Sensitivity) -> bool:
        """Whether whoever asks sees attributes of this sensitivity."""
        return sensitivity in self.reader.sees

    def require(self, right: str) -> None:
        """Raises NotAllowed without a right."""
        self.reader.require(right)

    @property
    def role(self) -> str:
        """The role of the account; empty when nobody is signed in."""
        return self.session.role if self.session else ""

    @property
    def language(self) -> str:
        """`zh` or `en`."""
        return self.speech.language

    @property
    def by_htmx(self) -> bool:
        """Whether a part of a page is wanted instead of a whole one."""
        return self.request.headers.get("HX-Request") == "true"

    def sent(self, name: str, default: str = "") -> str:
        """A value of the form, without blanks around it."""
        value = self.form.get(name, default)
        return value.strip() if isinstance(value, str) else default

    def asked(self, name: str, default: str = "") -> str:
        """A value of the address, without blanks around it."""
        return self.request.query_params.get(name, default).strip()


async def visit(request: Request) -> Visit:
    """The visit of a page that anybody may see."""
    hub = request.app.state.hub
    token = request.cookies.get(COOKIE)
    session = await run_in_threadpool(find_session, hub.store, token) if token else None
    form = FormData() if request.method in _SAFE else await request.form()
    language = choose(
        session.language if session else None,
        request.cookies.get(LANGUAGE_COOKIE),
        accepted=request.headers.get("Accept-Language", ""),
    )
    theme = request.cookies.get(THEME_COOKIE, "auto")
    speech = Speech(language, hub.config.lifecycle.timezone)
    principal = Principal.of_account(session.name, cast(Role, session.role)) if session else None
    found = Visit(
        request=request,
        config=hub.config,
        store=hub.store,
        session=session,
        principal=principal,
        masking=hub.masking,
        reads=hub.reads,
        speech=speech,
        theme=theme if theme in THEMES else "auto",
        form=form,
    )
    request.state.visit = found
    if request.method not in _SAFE:
        _refuse_foreign(request)
        if session is not None and request.url.path != "/sign-in":  # whose form is of no session
            _refuse_forged(found)
    return found


async def signed_in(found: Annotated[Visit, Depends(visit)]) -> Visit:
    """The visit of somebody who is signed in. Raises NotSignedIn."""
    found.reader  # noqa: B018  (raises for nobody)
    return found


Anybody = Annotated[Visit, Depends(visit)]
SignedIn = Annotated[Visit, Depends(signed_in)]


def sign_in_address(request: Request) -> str:
    """Where somebody signs in who wanted this page, and comes back to it."""
    there = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    return "/sign-in" if request.method not in _SAFE or there == "/" else f"/sign-in?next={quote(there)}"


def inside(address: str) -> str:
    """An address to go on to, if it is one of this server; else the first page."""
    ours = address.startswith("/") and not address.startswith(("//", "/\\")) and "\n" not in address
    return address if ours else "/"


def _refuse_foreign(request: Request) -> None:
    """No other site may send forms here, not even the one for signing in."""
    site = request.headers.get("Sec-Fetch-Site")
    origin = request.headers.get("Origin")
    if site in ("cross-site", "same-site"):
        raise HTTPException(403, "this form was sent by another site")
    if site is None and origin is not None and origin.partition("://")[2] != request.headers.get("Host"):
        raise HTTPException(403, "this form was sent by another site")


def _refuse_forged(found: Visit) -> None:
    given: Any = found.request.headers.get("X-CSRF-Token") or found.form.get("csrf") or ""
    assert found.session is not None
    if not isinstance(given, str) or not hmac.compare_digest(given.encode(), found.session.csrf.encode()):
        raise HTTPException(403, "this form is of an earlier session; load the page again")
