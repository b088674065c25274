"""The command with which keys of programs are made, listed, replaced and revoked."""

from __future__ import annotations

import getpass

import click

from serving.cli.session import Session, table, with_session


@click.group(short_help="Keys with which programs use the hub.")
def key() -> None:
    """Make, list, replace and revoke the keys with which programs use the hub."""


@key.command(short_help="Make a key for a program.")
@click.argument("consumer", metavar="PROGRAM")
@click.option("--role", default="consumer", show_default=True, help="What it may do and see at most.")
@click.option(
    "--scope", "scopes", multiple=True, metavar="SCOPE", help="A right, 'personal', 'secret', 'purpose:NAME'."
)
@click.option("--days", default=365.0, show_default=True, type=click.FloatRange(min=0), help="How long it holds.")
@click.option("--forever", is_flag=True, help="It holds until it is revoked.")
@with_session
def add(session: Session, consumer: str, role: str, scopes: tuple[str, ...], days: float, forever: bool) -> None:
    """Make a key for a program and show it, once.

    Without a right among the scopes the key has all rights of its role. It sees personal or secret attributes only
    where a scope says so.
    """
    from serving.access.keys import issue

    with session.store() as store:
        made = issue(store, consumer, by=_who(), role=role, scopes=scopes, days=None if forever else days)
    session.show(
        f"{made.token}\nKeep it safe; it cannot be shown again. Programs send it as 'Authorization: Bearer …'."
    )
    session.result({"key_id": made.key_id, "consumer": consumer, "token": made.token})


@key.command(name="list", short_help="List the keys.")
@click.argument("consumer", metavar="[PROGRAM]", required=False)
@with_session
def listing(session: Session, consumer: str | None) -> None:
    """List the keys, of one program or of all, with what they may do and whether they hold."""
    from serving.access.keys import state

    with session.store() as store:
        found = store.keys(consumer)
    rows = [{**{n: v for n, v in k.items() if n != "hash"}, "state": state(k)} for k in found]
    names = ("key_id", "consumer", "role", "state", "scopes", "expires_at", "used_at")
    cells = [[", ".join(v) if isinstance(v := r[n], list) else _shown(v) for n in names] for r in rows]
    session.show(
        table(("key", "program", "role", "state", "scopes", "expires", "last used"), cells) if rows else "No keys."
    )
    session.result({"keys": rows})


@key.command(short_help="Replace a key by a new one.")
@click.argument("key_id", metavar="KEY")
@click.option("--grace", default=24.0, show_default=True, type=click.FloatRange(min=0), help="Hours that both hold.")
@with_session
def rotate(session: Session, key_id: str, grace: float) -> None:
    """Replace a key by a new one with the same rights, and show it, once. The old one holds for some hours more."""
    from serving.access.keys import rotate as replace

    with session.store() as store:
        made = replace(store, key_id, by=_who(), grace_hours=grace)
    session.show(f"{made.token}\nThe old key holds for {grace:g} hours more.")
    session.result({"key_id": made.key_id, "replaces": key_id, "token": made.token})


@key.command(short_help="Let a key hold no longer.")
@click.argument("key_id", metavar="KEY")
@with_session
def revoke(session: Session, key_id: str) -> None:
    """Let a key hold no longer, from the next request on."""
    from serving.access.keys import revoke as end

    with session.store() as store:
        end(store, key_id, by=_who())
    session.show(f"The key {key_id} holds no longer.")
    session.result({"revoked": key_id})


def _who() -> str:
    """What the audit log calls somebody who works on the hub's own machine."""
    try:
        return f"cli:{getpass.getuser()}"
    except (KeyError, OSError):  # a container whose user has no name
        return "cli"


def _shown(value: object) -> str:
    return f"{value:%Y-%m-%d %H:%M}" if hasattr(value, "strftime") else str(value or "")
