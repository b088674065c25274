"""Commands that save a hub and bring it back."""

from __future__ import annotations

from pathlib import Path

import click

from serving.cli.session import Session, with_session

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
