"""Accounts: made, disabled, given a role or a link with which a password is set. Each step goes to the audit log."""

from __future__ import annotations

import datetime as dt
import hashlib
import re
import secrets
from typing import TYPE_CHECKING, Any

from models.errors import KehuError
from serving.accounts.passwords import fault_of, fits, hashed

if TYPE_CHECKING:
    from models.store import Store

ROLES = ("viewer", "steward", "lead_steward", "engineer", "admin")
"""Roles that people have; programs are consumers, with keys of their own."""

LINK_HOURS = 72
_NAME = re.compile(r"[^\s/:@<>\"'\\]{1,64}(@[^\s/:<>\"'\\]{1,64})?")


class AccountError(KehuError):
    """What was asked of an account cannot be done; `str` says why in words for the user."""

    exit_code = 2


def add_person(store: Store, name: str, role: str, *, by: str, display: str | None = None) -> str:
    """Make an account and return the token of a link with which its password is set."""
    if not _NAME.fullmatch(name):
        raise AccountError(f"'{name}' cannot be the name of an account: up to 64 letters, no blanks, no / : < > quotes")
    _known_role(role)
    if not store.add_account(name, role, by=by, display=display):
        raise AccountError(f"there is an account '{name}' already")
    store.add_audit(by, "account.add", object_type="account", object_id=name, detail={"role": role})
    return link_for(store, name, by=by)


def link_for(store: Store, name: str, *, by: str) -> str:
    """A new link for an account, valid once and for three days; links before it lead nowhere any more."""
    _account(store, name)
    token = _give_link(store, name)
    store.add_audit(by, "account.link", object_type="account", object_id=name)
    return token


def first_link(store: Store) -> str | None:
    """The token of the link by which the first account is made; None when there are accounts."""
    return None if store.has_accounts() else _give_link(store, None)


def use_link(store: Store, token: str, password: str, *, name: str | None = None) -> str:
    """Set a password through a link and return the account. `name` is that of the first account, an administrator."""
    number = digest(token)
    link = store.link(number)
    if link is None:
        raise AccountError("This link was used already, or is too old. Ask for a new one.")
    whose = link["account"] or (name or "").strip()
    if not _NAME.fullmatch(whose):
        raise AccountError("The name of an account has up to 64 letters, without blanks, / : < > and quotes.")
    if fault := fault_of(password, whose):
        raise AccountError(fault)
    secret = hashed(password)
    with store.transaction():
        if not store.use_link(number):
            raise AccountError("This link was used already, or is too old. Ask for a new one.")
        if link["account"] is None:
            if store.has_accounts() or not store.add_account(whose, "admin", by=whose):
                raise AccountError("There is an administrator already; ask for an account of your own.")
            store.add_audit(whose, "account.add", object_type="account", object_id=whose, detail={"role": "admin"})
        changed = {"password": secret, "failures": 0, "wait_until": None}
        store.change_account(whose, end_sessions=True, **changed)
        store.add_audit(whose, "account.password", object_type="account", object_id=whose, detail={"by": "link"})
    return whose


def change_password(store: Store, name: str, old: str, new: str) -> None:
    """Change one's own password, and sign out everywhere. Raises AccountError."""
    if not fits(old, _account(store, name)["password"]):
        store.add_audit(name, "account.password_refused", object_type="account", object_id=name)
        raise AccountError("The present password is not right.")
    if fault := fault_of(new, name):
        raise AccountError(fault)
    store.change_account(name, end_sessions=True, password=hashed(new))
    store.add_audit(name, "account.password", object_type="account", object_id=name, detail={"by": "owner"})


def disable_person(store: Store, name: str, *, by: str) -> None:
    """Let an account sign in no more, and end its sessions. The last administrator cannot be disabled."""
    _keeps_an_admin(store, name)
    store.change_account(name, end_sessions=True, disabled_at=dt.datetime.now(dt.UTC))
    store.add_audit(by, "account.disable", object_type="account", object_id=name)


def enable_person(store: Store, name: str, *, by: str) -> None:
    """Let a disabled account sign in again."""
    _account(store, name)
    store.change_account(name, disabled_at=None, failures=0, wait_until=None)
    store.add_audit(by, "account.enable", object_type="account", object_id=name)


def set_role(store: Store, name: str, role: str, *, by: str) -> None:
    """Give an account another role; what it may do changes with its next request."""
    _known_role(role)
    before = _account(store, name)["role"]
    if role != "admin":
        _keeps_an_admin(store, name)
    store.change_account(name, role=role)
    detail = {"before": before, "after": role}
    store.add_audit(by, "account.role", object_type="account", object_id=name, detail=detail)


def digest(token: str) -> str:
    """What the store keeps of a token: enough to recognise it, not to use it."""
    return hashlib.sha256(token.encode()).hexdigest()


def _give_link(store: Store, name: str | None) -> str:
    token = secrets.token_urlsafe(24)
    store.add_link(digest(token), name, dt.datetime.now(dt.UTC) + dt.timedelta(hours=LINK_HOURS))
    return token


def _account(store: Store, name: str) -> dict[str, Any]:
    found = store.account(name)
    if found is None:
        from models.config import nearest

        near = nearest(name, [row["name"] for row in store.accounts()])
        raise AccountError(f"there is no account '{name}'" + (f" (did you mean '{near}'?)" if near else ""))
    return found


def _keeps_an_admin(store: Store, name: str) -> None:
    if _account(store, name)["role"] != "admin":
        return
    others = [a for a in store.accounts() if a["role"] == "admin" and not a["disabled_at"] and a["name"] != name]
    if not others:
        raise AccountError(f"'{name}' is the last administrator; make another one first")


def _known_role(role: str) -> None:
    if role not in ROLES:
        from models.config import nearest

        near = nearest(role, ROLES)
        raise AccountError(
            f"there is no role '{role}', only {', '.join(ROLES)}" + (f" (did you mean '{near}'?)" if near else "")
        )
