"""Signing in and staying so: wrong passwords are slowed down, sessions end by themselves."""

from __future__ import annotations

import datetime as dt
import math
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from models.errors import BusyError
from serving.accounts import passwords
from serving.accounts.people import digest

if TYPE_CHECKING:
    from models.store import Store

FREE_FAILURES = 4
"""Wrong passwords in a row that cost nothing; each further one doubles the wait, from one second to fifteen minutes."""

LONGEST_WAIT = 900.0
IDLE = dt.timedelta(hours=12)
LONGEST = dt.timedelta(days=7)
_SEEN_EVERY = dt.timedelta(minutes=1)


class SignInError(Exception):
    """A sign-in that was refused. `wait` is how many seconds no password is looked at, 0 for a wrong one."""

    def __init__(self, wait: int = 0):
        self.wait = wait
        super().__init__(f"wait {wait} s" if wait else "wrong name or password")


@dataclass(frozen=True)
class Session:
    """Somebody who is signed in: the account with its role, and the token that forms have to carry."""

    number: str
    name: str
    role: str
    display: str | None
    language: str | None
    csrf: str


def sign_in(store: Store, name: str, password: str, *, address: str = "") -> str:
    """The account that a name and a password belong to. Raises SignInError, the same for a wrong name and password."""
    account = store.account(name)
    now = dt.datetime.now(dt.UTC)
    if account is not None and account["wait_until"] is not None and account["wait_until"] > now:
        raise SignInError(math.ceil((account["wait_until"] - now).total_seconds()))
    right = passwords.fits(password[: passwords.LONGEST], account["password"] if account else None)
    if account is None or not right or account["disabled_at"] is not None:
        _note_failure(store, name, account, address)
        raise SignInError
    changed: dict[str, Any] = {"failures": 0, "wait_until": None}
    if passwords.is_outdated(account["password"]):
        changed["password"] = passwords.hashed(password)
    if account["failures"] or "password" in changed:
        store.change_account(name, **changed)
    return name


def begin_session(store: Store, name: str, *, address: str = "", agent: str = "", how: str = "password") -> str:
    """Begin a session and return its token, which the browser keeps and the store does not."""
    token, now = secrets.token_urlsafe(32), dt.datetime.now(dt.UTC)
    row = {"id": digest(token), "account": name, "csrf": secrets.token_urlsafe(24), "created_at": now, "seen_at": now}
    store.add_session({**row, "expires_at": now + LONGEST, "address": address[:64], "agent": agent[:200]})
    store.add_audit(
        name, "session.begin", object_type="account", object_id=name, detail={"address": address, "how": how}
    )
    return token


def find_session(store: Store, token: str) -> Session | None:
    """The session of a token; None when there is none, it is over, or the account was disabled."""
    row = store.session(digest(token))
    now = dt.datetime.now(dt.UTC)
    if row is None or row["disabled_at"] is not None or row["expires_at"] <= now or row["seen_at"] + IDLE <= now:
        return None
    if row["seen_at"] + _SEEN_EVERY <= now:
        try:
            store.saw_session(row["id"], row["account"])
        except BusyError:
            pass  # noted with a later request
    return Session(row["id"], row["account"], row["role"], row["display"], row["language"], row["csrf"])


def end_session(store: Store, session: Session) -> None:
    """Sign out."""
    store.end_session(session.number)
    store.add_audit(session.name, "session.end", object_type="account", object_id=session.name)


def _note_failure(store: Store, name: str, account: dict[str, Any] | None, address: str) -> None:
    detail = {"address": address}
    store.add_audit(name[:64], "session.refused", object_type="account", object_id=name[:64], detail=detail)
    if account is None:
        return
    failures = account["failures"] + 1
    over = failures - FREE_FAILURES
    wait = min(LONGEST_WAIT, 2.0 ** min(over - 1, 20)) if over > 0 else 0.0
    until = dt.datetime.now(dt.UTC) + dt.timedelta(seconds=wait) if wait else None
    store.change_account(name, failures=failures, wait_until=until)
