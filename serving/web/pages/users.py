"""Accounts of people, for the administrator."""

from __future__ import annotations

from fastapi import APIRouter
from fastapi.responses import Response

from serving import accounts
from serving.web.languages import N_
from serving.web.registry import Entry
from serving.web.rendering import go, page
from serving.web.told import told
from serving.web.visits import SignedIn, Visit

RIGHT = "accounts.manage"
NAVIGATION = (Entry("users", N_("Users"), "/users", 110, "user-check", RIGHT),)
router = APIRouter()


@router.get("/users")
def users(visit: SignedIn) -> Response:
    """All accounts."""
    visit.require(RIGHT)
    return _page(visit)


@router.post("/users")
def add(visit: SignedIn) -> Response:
    """Make an account and show its link, once."""
    visit.require(RIGHT)
    name = visit.sent("name")
    try:
        token = accounts.add_person(
            visit.store, name, visit.sent("role"), by=visit.who, display=visit.sent("display") or None
        )
    except accounts.AccountError as refused:
        return _page(visit, refused=refused)
    return _page(visit, link=(name, token))


@router.post("/users/{name}/{action}")
def change(visit: SignedIn, name: str, action: str) -> Response:
    """Disable, let in again, give another role or a new link."""
    visit.require(RIGHT)
    try:
        match action:
            case "disable":
                accounts.disable_person(visit.store, name, by=visit.who)
            case "enable":
                accounts.enable_person(visit.store, name, by=visit.who)
            case "role":
                accounts.set_role(visit.store, name, visit.sent("role"), by=visit.who)
            case "link":
                return _page(visit, link=(name, accounts.link_for(visit.store, name, by=visit.who)))
            case _:
                raise accounts.AccountError(f"an account cannot be '{action}'")
    except accounts.AccountError as refused:
        return _page(visit, refused=refused)
    return go(visit, "/users")


def _page(
    visit: Visit, *, refused: accounts.AccountError | None = None, link: tuple[str, str] | None = None
) -> Response:
    address = visit.request.url
    return page(
        visit,
        "accounts/users.html",
        title=visit.speech("Users"),
        here="users",
        status=422 if refused else 200,
        notice={"kind": "wrong", "text": told(visit.speech, str(refused))} if refused else None,
        accounts=visit.store.accounts(),
        roles=accounts.ROLES,
        link=f"{address.scheme}://{address.netloc}/link/{link[1]}" if link else None,
        link_name=link[0] if link else "",
        asked={name: visit.sent(name) for name in ("name", "display", "role")} if refused else {},
    )
