"""The command with which a person decides about pairs of records."""

from __future__ import annotations

from pathlib import Path

import click

from serving.cli.session import Session, table, with_session


@click.command(short_help="Decide about pairs of records.")
@click.argument("verdict", required=False, type=click.Choice(["match", "no-match"]))
@click.argument("left", required=False, metavar="[SOURCE:KEY]")
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
@with_session
def decide(
    session: Session,
    verdict: str | None,
    left: str | None,
    right: str | None,
    by: str | None,
    reason: str | None,
    path: Path | None,
) -> None:
    """Decide that two source records are one customer (match) or are not (no-match).

    A decision is kept for good, outranks every score, and takes effect with the next run. Name a record SOURCE:KEY, or
    SOURCE.STREAM:KEY where one source has the key in several streams.
    """
    from serving.decisions import Verdict, read_verdicts, record_verdicts

    if path is not None:
        if verdict is not None:
            raise click.UsageError("give either a pair or --file, not both")
        verdicts = read_verdicts(path, by=by, reason=reason)
    else:
        given = {"match|no-match": verdict, "two records": left and right, "--by": by, "--reason": reason}
        absent = [name for name, value in given.items() if not value]
        if absent:
            raise click.UsageError(f"a decision needs {', '.join(absent)}")
        verdicts = [Verdict(str(verdict), str(left), str(right), str(by), str(reason))]
    config = session.config()
    with session.store(config) as store:
        ids = record_verdicts(store, config, verdicts, file=path)
    session.show(
        table(("decision", "left", "right", "by"), [(v.verdict, v.left, v.right, v.by) for v in verdicts[:20]])
    )
    session.show(f"{len(verdicts)} decisions recorded; they take effect with the next 'kehu run'.")
    session.result({"decisions": len(verdicts), "ids": ids})
