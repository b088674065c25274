"""The command that asks whether a record is known."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from serving.cli.session import Session, table, with_session


@click.command("match", short_help="Ask whether a record is a known customer.")
@click.argument("record", required=False, metavar="[JSON | - | SOURCE:KEY]")
@click.option("--entity", metavar="TYPE", help="organization or person.  [default: told by the attributes]")
@click.option("--set", "given", metavar="NAME=VALUE", multiple=True, help="An attribute; again for further values.")
@click.option(
    "--file",
    "path",
    metavar="FILE",
    type=click.Path(path_type=Path, dir_okay=False),
    help="A file that holds the record as a JSON object.",
)
@click.option("--limit", default=5, show_default=True, type=click.IntRange(1), help="How many golden records to show.")
@click.option("--at-least", type=float, metavar="BITS", help="Leave out what weighs less.")
@click.option("--explain", is_flag=True, help="Show what each comparison adds.")
@with_session
def match(
    session: Session,
    record: str | None,
    entity: str | None,
    given: tuple[str, ...],
    path: Path | None,
    limit: int,
    at_least: float | None,
    explain: bool,
) -> None:
    """Ask which golden records a record may be of, how surely, and why.

    The record is a JSON object of canonical attributes (as an argument, from FILE, or '-' for stdin), attributes given
    with --set, or both; or a record that the hub holds, as SOURCE:KEY or SOURCE.STREAM:KEY. Nothing is stored.
    """
    from serving.asking import ask, named_record, read_record

    if path is not None and record is not None:
        raise click.UsageError("give the record as an argument or with --file, not both")
    config = session.config()
    named = None if record is None else named_record(config, record)
    if named is not None and (given or entity):
        raise click.UsageError("--set and --entity do not go with a record of the hub")
    text = path.read_text(encoding="utf-8") if path else sys.stdin.read() if record == "-" else record
    values = {} if named is not None else read_record(config, text, given)
    if named is None and not values:
        raise click.UsageError("give a record: --set name=…, a JSON object, or SOURCE:KEY")
    with session.store(config) as store:
        answer = ask(store, config, named or values, entity=entity, limit=limit, at_least=at_least)
    _show(session, answer, explain)
    session.result(answer)


def _show(session: Session, answer: dict[str, Any], explain: bool) -> None:
    for note in answer["notes"]:
        session.say(f"kehu: {note}")
    for attribute, reason in answer["problems"].items():
        session.show(f"{attribute} is not used: {reason}")
    if answer["cut"]:
        rules = ", ".join(dict.fromkeys(cut["rule"] for cut in answer["cut"]))
        session.show(f"not compared, because more records than block_cap share them: keys of {rules}")
    found = answer["matches"]
    if not found:
        session.show(f"No golden record comes near ({answer['candidates']:,} records compared).")
        return
    rows = [
        (m["golden_id"], m["shown"], m["weight"], m["probability"], m["outcome"] + (", its own" if m["own"] else ""))
        for m in found
    ]
    session.show(table(("golden record", "", "weight", "probability", "outcome"), rows))
    for match in found:
        if match["why"]:
            session.show(f"{match['golden_id']} is kept apart: {match['why']}")
    if explain:
        for match in found:
            best = match["best"]
            session.show(f"\n{match['golden_id']}, by {best['source']}.{best['stream']}:{best['source_key']}")
            told = [(r["comparison"], r["level"], r["weight"]) for r in match["reasons"] if r["weight"]]
            told.append(("before anything is compared", "", match["weight"] - sum(r[2] for r in told)))
            session.show(table(("comparison", "level", "bits"), told))
