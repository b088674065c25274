"""The commands around accounts of people."""

from __future__ import annotations

import getpass
from typing import TYPE_CHECKING

import click

from serving.cli.session import Session, table, with_session

if TYPE_CHECKING:
    from models.store import Store

_HERE = "http://127.0.0.1:8000"


@click.group(short_help="Make and change accounts of people.")
def user() -> None:
    """Make and change the accounts with which people sign in to the pages."""


@user.command("add", short_help="Make an account.")
@click.argument("name")
@click.option("--role", default="viewer", show_default=True, help="viewer, steward, lead_steward, engineer or admin.")
@click.option("--display", metavar="TEXT", help="The name as it is shown to others.")
@click.option("--url", default=_HERE, show_default=True, help="Where the pages are, for the link.")
@with_session
def add(session: Session, name: str, role: str, display: str | None, url: str) -> None:
    """Make an account NAME, and print a link with which its password is set, valid once and for three days."""
    from serving.accounts import add_person

    with _store(session) as store:
        token = add_person(store, name, role, by=_me(), display=display)
    _show_link(session, name, url, token)


@user.command("list", short_help="List the accounts.")
@with_session
def list_(session: Session) -> None:
    """List the accounts with their roles and when they were last seen."""
    with _store(session) as store:
        rows = store.accounts()
    cells = [
        (r["name"], r["role"], r["display"] or "", _state(r), f"{r['seen_at']:%Y-%m-%d %H:%M}" if r["seen_at"] else "")
        for r in rows
    ]
    session.show(table(("name", "role", "shown as", "state", "last seen"), cells) if rows else "No accounts.")
    kept = ("name", "role", "display", "created_at", "created_by", "disabled_at", "seen_at")
    session.result({"accounts": [{k: r[k] for k in kept} | {"state": _state(r)} for r in rows]})


@user.command("role", short_help="Give an account another role.")
@click.argument("name")
@click.argument("role")
@with_session
def role(session: Session, name: str, role: str) -> None:
    """Give the account NAME another role; it holds from the next request on."""
    from serving.accounts import set_role

    with _store(session) as store:
        set_role(store, name, role, by=_me())
    session.show(f"{name} is {role} now.")
    session.result({"name": name, "role": role})


@user.command("disable", short_help="Let an account sign in no more.")
@click.argument("name")
@with_session
def disable(session: Session, name: str) -> None:
    """Let the account NAME sign in no more, and sign it out everywhere. 'kehu user reset' lets it in again."""
    from serving.accounts import disable_person

    with _store(session) as store:
        disable_person(store, name, by=_me())
    session.show(f"{name} cannot sign in any more.")
    session.result({"name": name, "disabled": True})


@user.command("reset", short_help="Print a new link for an account.")
@click.argument("name")
@click.option("--url", default=_HERE, show_default=True, help="Where the pages are, for the link.")
@with_session
def reset(session: Session, name: str, url: str) -> None:
    """Print a link with which the account NAME sets a new password; one that was disabled may sign in again."""
    from serving.accounts import enable_person, link_for

    with _store(session) as store:
        enable_person(store, name, by=_me())
        token = link_for(store, name, by=_me())
    _show_link(session, name, url, token)


def _store(session: Session) -> Store:
    """The hub's store, made when there is none: accounts may come before the first run."""
    from models.store import open_store

    return open_store(session.config().store)


def _me() -> str:
    """Who calls, as the audit log has it: whoever may use the machine may use its hub."""
    return f"{getpass.getuser()} (command line)"


def _state(row: dict[str, object]) -> str:
    if row["disabled_at"]:
        return "disabled"
    return "active" if row["password"] or row["subject"] else "no password yet"


def _show_link(session: Session, name: str, url: str, token: str) -> None:
    link = f"{url.rstrip('/')}/link/{token}"
    session.show(f"{name} sets a password here, once, within three days:\n{link}")
    session.result({"name": name, "link": link})
