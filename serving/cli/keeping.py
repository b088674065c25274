"""Commands that save a hub and bring it back."""

from __future__ import annotations

from pathlib import Path

import click

from serving.cli.keys import _who
from serving.cli.session import Session, table, with_session

_FILE = click.Path(path_type=Path, dir_okay=False)


@click.command(short_help="Save the hub store to a file.")
@click.option("--to", "path", metavar="FILE", required=True, type=_FILE, help="Where to write, for example hub.backup.")
@with_session
def backup(session: Session, path: Path) -> None:
    """Save everything that the hub store holds to one file, from one published state; runs go on meanwhile."""
    from serving.operating.backup import backup as save

    with session.store() as store:
        rows = save(store, path)
    session.show(f"{sum(rows.values()):,} rows of {len(rows)} tables are in {path}.")
    session.result({"file": str(path), "rows": sum(rows.values()), "tables": rows})


@click.command(short_help="Bring a hub store back from a file.")
@click.argument("path", metavar="FILE", type=_FILE)
@with_session
def restore(session: Session, path: Path) -> None:
    """Fill the store that the configuration names, which must be empty, from a file of 'kehu backup'.

    It may be of the other database: so a hub moves from SQLite to PostgreSQL.
    """
    from models.store import open_store
    from serving.operating.backup import restore as fill

    config = session.config()
    with open_store(config.store) as store:
        rows = fill(store, path)
    session.show(f"{sum(rows.values()):,} rows are in the hub store; 'kehu run' goes on from there.")
    session.result({"file": str(path), "rows": sum(rows.values()), "tables": rows})


@click.command(short_help="Let go of what retention rules do not keep.")
@click.option("--dry-run", is_flag=True, help="Only count.")
@with_session
def retention(session: Session, dry_run: bool) -> None:
    """Remove, or only count, what is older than its source's retention allows, as every run does at its end."""
    config = session.config()
    with session.store(config) as store:
        if dry_run:
            found = store.retain(config, dry=True)
        else:
            with store.lock("retention"):
                found = store.retain(config)
            for one in found:
                detail = {"what": one["what"], "before": one["before"], "rows": one["rows"]}
                store.add_audit(_who(), "retention", object_type="source", object_id=one["source"], detail=detail)
    rows = [(one["source"], one["what"], f"{one['before']:%Y-%m-%d}", one["rows"]) for one in found]
    session.show(
        table(("source", "what", "older than", "rows" if dry_run else "removed"), rows)
        if rows
        else "No source has a retention rule in the configuration; everything is kept."
    )
    session.result({"dry_run": dry_run, "rows": sum(one["rows"] for one in found), "rules": found})
