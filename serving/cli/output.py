"""Commands that give out what the hub holds."""

from __future__ import annotations

import time
from pathlib import Path

import click

from serving.cli.progress import RunProgress
from serving.cli.session import Session, table, with_session


@click.command(short_help="Write a table of the hub to a file.")
@click.argument("what", metavar="WHAT")
@click.option(
    "--to",
    "path",
    metavar="FILE",
    required=True,
    type=click.Path(path_type=Path),
    help="Where to write; the ending says how: .csv, .parquet, .ndjson.",
)
@click.option("--since", metavar="NUMBER", type=click.IntRange(0), help="Only what has an event after this number.")
@click.option("--purpose", metavar="NAME", help="Leave out persons who have not agreed to this purpose.")
@click.option("--channel", metavar="NAME", help="Of the purpose: consent on this channel counts.")
@click.option(
    "--sees",
    type=click.Choice(("public", "personal", "secret")),
    default="secret",
    show_default=True,
    help="Up to which sensitivity attributes are written; others stay empty.",
)
@with_session
def export(
    session: Session, what: str, path: Path, since: int | None, purpose: str | None, channel: str | None, sees: str
) -> None:
    """Write one table of the hub to a file.

    WHAT is crosswalk, golden, provenance, pairs, tasks, decisions, events, aliases, quarantine, or of the lifecycle:
    findings, stage_history, touchpoint, vehicle, relation, matrix, measures, customer_360.
    """
    from serving.access import AccessLog, Principal
    from serving.access.rights import SENSITIVITIES
    from serving.cli.keys import _who
    from serving.export import NAMES
    from serving.feed import last_event
    from serving.selecting import Selected, Selection, export_to

    if what not in NAMES:
        from models.config import nearest

        near = nearest(what, NAMES)
        raise click.UsageError(
            f"unknown export '{what}'"
            + (f" (did you mean '{near}'?)" if near else "")
            + f"; there are {', '.join(NAMES)}"
        )
    if channel and not purpose:
        raise click.UsageError("--channel belongs to a --purpose")
    config = session.config()
    who = Principal.system(_who()).without(SENSITIVITIES[SENSITIVITIES.index(sees) + 1 :])
    selection = Selection(who, purpose, channel, since)
    began = time.monotonic()
    with session.store(config) as store, RunProgress() as progress:
        cursor = last_event(store)  # before the table is read: what is published meanwhile comes with the next export
        selected = Selected(store, config, what, selection)
        total = selected.count()
        rows = export_to(
            store,
            config,
            what,
            path,
            selection,
            lambda done: progress("export", f"{done:,} of {total:,} rows", done=done, total=total),
        )
        log, seen = AccessLog(store), selected.personal()
        log.read(who, "export", object_type="export", object_id=what, attributes=seen, rows=rows, cursor=cursor)
    seconds = time.monotonic() - began
    session.show(f"{rows:,} rows in {path} ({seconds:.1f} s); --since {cursor} gives what changes from here")
    session.result({"export": what, "file": str(path), "rows": rows, "seconds": round(seconds, 3), "cursor": cursor})


@click.command(short_help="Write what a source should correct.")
@click.argument("source", metavar="SOURCE")
@click.option(
    "--to",
    "path",
    metavar="FILE",
    required=True,
    type=click.Path(path_type=Path),
    help="Where to write, as kehu export.",
)
@with_session
def corrections(session: Session, source: str, path: Path) -> None:
    """Write where a source holds another value than the golden record: a row per value that it should correct."""
    from serving.access import AccessLog, Masking, Principal
    from serving.cli.keys import _who
    from serving.corrections import write_corrections
    from serving.customers import Asker
    from serving.naming import known_source

    config = session.config()
    with session.store(config) as store, store.snapshot():
        known_source(config, store, source)
        asker = Asker(
            store, config, Principal.system(_who()), Masking(config), AccessLog(store, config.workspace / "reads")
        )
        rows = write_corrections(asker, source, path)
    session.show(f"{rows:,} values to correct in {source} are in {path}.")
    session.result({"source": source, "file": str(path), "rows": rows})


@click.command(short_help="Show the rows that were set aside.")
@click.option("--run", "run_id", metavar="RUN", help="Only this run; 'latest' for the newest that set rows aside.")
@click.option("--source", metavar="NAME", help="Only this source.")
@click.option("--limit", default=20, show_default=True, type=click.IntRange(0), help="How many rows to show.")
@with_session
def quarantine(session: Session, run_id: str | None, source: str | None, limit: int) -> None:
    """Show the rows that were set aside, with their reasons."""
    from serving.naming import known_source
    from serving.quarantine import quarantined

    config = session.config()
    with session.store(config) as store:
        groups, rows = quarantined(store, run_id=run_id, source=source, limit=limit)
        if source is not None and not groups:  # rows of a source that was taken out are still shown
            known_source(config, store, source)
    if groups:
        session.show(
            table(
                ("source", "stream", "reason", "rows"),
                [(g["source"], g["stream"], g["reason"], g["rows"]) for g in groups],
            )
        )
        session.show("")
        session.show(
            table(
                ("source", "stream", "row", "key", "field", "value", "reason"),
                [
                    (r["source"], r["stream"], r["row"], r["source_key"], r["field"], r["value"], r["reason"])
                    for r in rows
                ],
            )
        )
    else:
        session.show("No rows were set aside.")
    session.result({"total": sum(g["rows"] for g in groups), "groups": groups, "rows": rows})


@click.command(short_help="Show the SQL views for analysts.")
@click.option("--sql", "with_sql", is_flag=True, help="Print the statement of each view instead of its columns.")
@with_session
def views(session: Session, with_sql: bool) -> None:
    """List the read-only SQL views for analysts with their columns, and make them fit the configuration's attributes.

    On PostgreSQL they are in the schemas analyst and analyst_personal, on SQLite their names begin so.
    """
    from serving.analysts import attributes_in_views, refresh, shown_views

    config = session.config()
    with session.store(config) as store:
        made = refresh(store, config)
        shown = shown_views(store.dialect, attributes_in_views(config))
    if with_sql:
        for one in shown:
            session.show(f"CREATE VIEW {one.name} AS\n{one.select};\n")
    else:
        rows = [(one.name, c.name, c.kind, c.about) for one in shown for c in one.columns]
        session.show(table(("view", "column", "type", "meaning"), rows))
    session.result(
        {
            "made": made,
            "views": [
                {
                    "name": one.name,
                    "about": one.view.about,
                    "columns": [c._asdict() for c in one.columns],
                    "sql": one.select,
                }
                for one in shown
            ],
        }
    )
