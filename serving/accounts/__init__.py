"""Accounts of people: passwords, one-time links, sessions, sign-in by OpenID Connect. Knows no pages."""

from serving.accounts.people import (
    ROLES,
    AccountError,
    add_person,
    change_password,
    disable_person,
    enable_person,
    first_link,
    link_for,
    set_role,
    use_link,
)
from serving.accounts.signing_in import Session, SignInError, begin_session, end_session, find_session, sign_in

__all__ = [
    "ROLES",
    "AccountError",
    "Session",
    "SignInError",
    "add_person",
    "begin_session",
    "change_password",
    "disable_person",
    "enable_person",
    "end_session",
    "find_session",
    "first_link",
    "link_for",
    "set_role",
    "sign_in",
    "use_link",
]
