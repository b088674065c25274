"""Signing in and out, links that set a password, one's own account, language and colours."""

from __future__ import annotations

import json

from fastapi import APIRouter
from fastapi.exceptions import HTTPException
from fastapi.responses import RedirectResponse, Response

from serving import accounts
from serving.access import RIGHTS
from serving.accounts.people import digest
from serving.accounts.single import account_for
from serving.web.languages import LANGUAGES
from serving.web.rendering import go, page
from serving.web.told import told
from serving.web.visits import COOKIE, LANGUAGE_COOKIE, THEME_COOKIE, THEMES, Anybody, SignedIn, Visit, inside

PUBLIC = True
router = APIRouter()

_SINGLE = "kehu_single"
_YEAR = 365 * 24 * 3600


@router.get("/sign-in")
def sign_in_page(visit: Anybody) -> Response:
    """The form."""
    if visit.session is not None:
        return go(visit, visit.asked("next", "/"))
    return _form(visit, next=inside(visit.asked("next", "/")))


@router.post("/sign-in")
def sign_in(visit: Anybody) -> Response:
    """Begin a session, or say that name or password is wrong."""
    name, onward = visit.sent("name"), inside(visit.sent("next", "/"))
    password = visit.form.get("password", "")
    try:
        account = accounts.sign_in(visit.store, name, str(password), address=address_of(visit))
    except accounts.SignInError as refused:
        wait = refused.wait
        wrong = (
            visit.speech.several(
                "Too many wrong passwords. Try again in %(n)s second.",
                "Too many wrong passwords. Try again in %(n)s seconds.",
                wait,
            )
            if wait
            else visit.speech("Name or password is wrong.")
        )
        return _form(visit, status=429 if wait else 401, wrong=wrong, name=name, next=onward)
    return begin(visit, account, onward)


@router.get("/sign-in/single")
def single(visit: Anybody) -> Response:
    """Send the browser to the provider that vouches for people."""
    provider = visit.request.app.state.single_sign_on
    if provider is None:
        raise HTTPException(404, visit.speech("There is no such page"))
    try:
        url, kept = provider.begin(_return_address(visit))
    except accounts.AccountError as refused:
        return _form(visit, status=502, wrong=told(visit.speech, str(refused)))
    answer: Response = RedirectResponse(url, 303)
    kept["next"] = inside(visit.asked("next", "/"))
    # Lax, since the provider leads back here: the cookie has to come along.
    secure = visit.request.app.state.secure
    answer.set_cookie(_SINGLE, json.dumps(kept), httponly=True, samesite="lax", secure=secure, max_age=600)
    return answer


@router.get("/sign-in/single/return")
def single_return(visit: Anybody) -> Response:
    """Where the provider leads back to."""
    provider = visit.request.app.state.single_sign_on
    if provider is None:
        raise HTTPException(404, visit.speech("There is no such page"))
    try:
        kept = _strings(json.loads(visit.request.cookies.get(_SINGLE, "{}")))
        claims = provider.finish(_return_address(visit), kept, dict(visit.request.query_params))
        account = account_for(visit.store, provider.settings, claims)
    except (accounts.AccountError, ValueError) as refused:
        visit.store.add_audit("", "session.refused", detail={"how": "single", "why": str(refused)[:200]})
        return _form(visit, status=401, wrong=told(visit.speech, str(refused)))
    answer = begin(visit, account, str(kept.get("next", "/")), how="single")
    answer.delete_cookie(_SINGLE)
    return answer


def _strings(kept: object) -> dict[str, str]:
    """What we let the browser keep. Raises ValueError for anything else."""
    if not isinstance(kept, dict) or not all(isinstance(value, str) for value in kept.values()):
        raise ValueError("the cookie is none of ours")
    return kept


def _return_address(visit: Visit) -> str:
    url = visit.request.url
    scheme = "https" if visit.request.app.state.secure else url.scheme
    return f"{scheme}://{url.netloc}/sign-in/single/return"


@router.get("/link/{token}")
def link_page(visit: Anybody, token: str) -> Response:
    """The form that a one-time link leads to."""
    link = visit.store.link(digest(token))
    return page(
        visit,
        "accounts/link.html",
        title=visit.speech("Set your password"),
        usable=link is not None,
        first=link is not None and link["account"] is None,
        name=link["account"] or "" if link else "",
        wrong="",
        status=200 if link else 404,
    )


@router.post("/link/{token}")
def use_link(visit: Anybody, token: str) -> Response:
    """Set the password, and sign in."""
    link = visit.store.link(digest(token))
    password, name = str(visit.form.get("password", "")), visit.sent("name")
    try:
        if password != visit.form.get("again"):
            raise accounts.AccountError("The two passwords differ.")
        account = accounts.use_link(visit.store, token, password, name=name)
    except accounts.AccountError as refused:
        return page(
            visit,
            "accounts/link.html",
            title=visit.speech("Set your password"),
            usable=link is not None,
            first=link is not None and link["account"] is None,
            name=(link["account"] if link else None) or name,
            wrong=told(visit.speech, str(refused)),
            status=422,
        )
    return begin(visit, account, "/")


@router.post("/sign-out")
def sign_out(visit: Anybody) -> Response:
    """End the session."""
    if visit.session is not None:
        accounts.end_session(visit.store, visit.session)
    answer = go(visit, "/sign-in")
    answer.delete_cookie(COOKIE)
    return answer


@router.get("/account")
def account_page(visit: SignedIn) -> Response:
    """One's own account."""
    return _account(visit)


@router.post("/account/password")
def change_password(visit: SignedIn) -> Response:
    """Change one's own password; other sessions end, this one begins anew."""
    new = str(visit.form.get("new", ""))
    try:
        if new != visit.form.get("again"):
            raise accounts.AccountError("The two passwords differ.")
        accounts.change_password(visit.store, visit.who, str(visit.form.get("old", "")), new)
    except accounts.AccountError as refused:
        return _account(visit, {"kind": "wrong", "text": told(visit.speech, str(refused))}, status=422)
    return begin(visit, visit.who, "/account?saved=1")


@router.post("/language")
def set_language(visit: Anybody) -> Response:
    """Choose a language, for the account if there is one."""
    language = visit.sent("language")
    answer = go(visit, visit.sent("next", "/"))
    if language in LANGUAGES:
        _keep(visit, answer, LANGUAGE_COOKIE, language)
        if visit.session is not None:
            visit.store.change_account(visit.session.name, language=language)
    return answer


@router.post("/theme")
def set_theme(visit: Anybody) -> Response:
    """Choose light or dark, or as the system has it."""
    theme = visit.sent("theme")
    answer = go(visit, visit.sent("next", "/"))
    if theme in THEMES:
        _keep(visit, answer, THEME_COOKIE, theme)
    return answer


def begin(visit: Visit, account: str, onward: str, how: str = "password") -> Response:
    """Sign an account in, and lead on."""
    agent = visit.request.headers.get("User-Agent", "")
    token = accounts.begin_session(visit.store, account, address=address_of(visit), agent=agent, how=how)
    answer = go(visit, onward)
    secure = visit.request.app.state.secure
    answer.set_cookie(COOKIE, token, httponly=True, samesite="lax", secure=secure, max_age=7 * 24 * 3600)
    return answer


def address_of(visit: Visit) -> str:
    """Where a request comes from; behind a proxy on this machine, what the proxy says."""
    return visit.request.client.host if visit.request.client else ""


def _keep(visit: Visit, answer: Response, name: str, value: str) -> None:
    secure = visit.request.app.state.secure
    answer.set_cookie(name, value, httponly=True, samesite="lax", secure=secure, max_age=_YEAR)


def _form(visit: Visit, *, status: int = 200, wrong: str = "", name: str = "", next: str = "/") -> Response:
    single = getattr(visit.request.app.state, "single_sign_on", None)
    return page(
        visit,
        "accounts/sign_in.html",
        title=visit.speech("Sign in"),
        status=status,
        wrong=wrong,
        name=name,
        next=next,
        nobody=not visit.store.has_accounts(),
        single=single.title if single else None,
    )


def _account(visit: Visit, notice: dict[str, str] | None = None, status: int = 200) -> Response:
    if notice is None and visit.asked("saved"):
        notice = {"kind": "done", "text": visit.speech("Saved. Everywhere else you are signed out.")}
    return page(
        visit,
        "accounts/account.html",
        title=visit.speech("My account"),
        status=status,
        notice=notice,
        sessions=visit.store.sessions_of(visit.who),
        rights=[visit.speech(text) for right, text in RIGHTS.items() if visit.may(right)],
    )
