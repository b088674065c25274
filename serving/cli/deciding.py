"""The command with which a person decides about pairs of records, and takes decisions back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from serving.cli.session import Session, table, with_session

_SHOWN = 20


@click.command(short_help="Decide about pairs of records.")
@click.argument("word", required=False, type=click.Choice(["match", "no-match", "undo", "list"]))
@click.argument("left", required=False, metavar="[SOURCE:KEY | ID]")
@click.argument("right", required=False, metavar="[SOURCE:KEY]")
@click.option("--by", metavar="WHO", help="Who decides. With --file: for rows that do not say.")
@click.option("--reason", metavar="TEXT", help="Why. With --file: for rows that do not say.")
@click.option(
    "--file",
    "path",
    metavar="FILE",
    type=click.Path(path_type=Path, dir_okay=False),
    help="CSV with verdict, left, right, by, reason; all rows are taken, or none.",
)
@click.option("--all", "everything", is_flag=True, help="With list: undone decisions too, and what undid them.")
@click.option("--limit", type=click.IntRange(0), help=f"With list: how many to show.  [default: {_SHOWN}]")
@with_session
def decide(
    session: Session,
    word: str | None,
    left: str | None,
    right: str | None,
    by: str | None,
    reason: str | None,
    path: Path | None,
    everything: bool,
    limit: int | None,
) -> None:
    """Decide that two source records are one customer (match) or are not (no-match); undo a decision; list them.

    A decision is kept for good, outranks every score, and takes effect with the next run. Name a record SOURCE:KEY, or
    SOURCE.STREAM:KEY where one source has the key in several streams, and a decision that is to be undone by its
    number in 'kehu decide list'.
    """
    if path is not None and word is not None:
        raise click.UsageError(f"give either {'a pair' if word.endswith('match') else repr(word)} or --file, not both")
    if word != "list" and (everything or limit is not None):
        raise click.UsageError("--all and --limit belong to 'list'")
    if word == "list":
        if left:
            raise click.UsageError("'list' takes no record")
        _list(session, everything, _SHOWN if limit is None else limit)
    elif word == "undo":
        _needed("an undoing", {"the decision's number": left, "--by": by, "--reason": reason})
        if right or not str(left).isdecimal():
            raise click.UsageError("'undo' takes one number, as 'kehu decide list' shows it")
        _undo(session, int(str(left)), str(by), str(reason))
    else:
        if path is None:
            records = left if right else None
            _needed("a decision", {"match|no-match": word, "two records": records, "--by": by, "--reason": reason})
        _record(session, path, word, left, right, by, reason)


def _needed(what: str, given: dict[str, str | None]) -> None:
    absent = [name for name, value in given.items() if not value]
    if absent:
        raise click.UsageError(f"{what} needs {', '.join(absent)}")


def _record(
    session: Session,
    path: Path | None,
    verdict: str | None,
    left: str | None,
    right: str | None,
    by: str | None,
    reason: str | None,
) -> None:
    from serving.decisions import Verdict, read_verdicts, record_verdicts

    if path is not None:
        verdicts = read_verdicts(path, by=by, reason=reason)
    else:
        verdicts = [Verdict(str(verdict), str(left), str(right), str(by), str(reason))]
    config = session.config()
    with session.store(config) as store:
        ids = record_verdicts(store, config, verdicts, file=path)
    session.show(
        table(("decision", "left", "right", "by"), [(v.verdict, v.left, v.right, v.by) for v in verdicts[:_SHOWN]])
    )
    session.show(
        f"{len(verdicts)} decisions recorded; they take effect with the next 'kehu run'."
        if len(verdicts) != 1
        else f"Decision {ids[0]} is recorded; it takes effect with the next 'kehu run'."
    )
    session.result({"decisions": len(verdicts), "ids": ids})


def _undo(session: Session, number: int, by: str, reason: str) -> None:
    from serving.decisions import undo

    with session.store() as store:
        entry = undo(store, number, by=by, reason=reason)
    session.show(f"Decision {number} is undone (by decision {entry}); that takes effect with the next 'kehu run'.")
    session.result({"undone": number, "id": entry})


def _list(session: Session, everything: bool, limit: int) -> None:
    from serving.decisions import decided

    with session.store() as store:
        total, rows = decided(store, everything=everything, limit=limit)
    headers = ("id", "decision", "left", "right", "by", "at", "reason")
    cells = [
        (str(r["id"]), _what(r), r["left"], r["right"], r["by"], f"{r['at']:%Y-%m-%d %H:%M}", r["reason"]) for r in rows
    ]
    session.show(f"{table(headers, cells)}\n{len(rows)} of {total:,}, newest first" if total else "No decisions.")
    session.result({"total": total, "decisions": rows})


def _what(row: dict[str, Any]) -> str:
    if row["undoes"] is not None:
        return f"undoes {row['undoes']}"
    return f"{row['verdict']}, undone by {row['undone_by']}" if row["undone_by"] is not None else str(row["verdict"])
