"""The command with which a person decides about records, golden records and values, and takes decisions back."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from serving.cli.session import Session, table, with_session

if TYPE_CHECKING:
    from models.config import Config
    from models.store import Store
    from serving.stewardship import Done

_SHOWN = 20
_WORDS = ["match", "no-match", "unsure", "split", "pin", "ignore", "edit", "approve", "reject", "undo", "list"]
_PAIRS = ("match", "no-match", "unsure")
_NUMBERED = ("approve", "reject", "undo")
_VALUES = {"pin": "SOURCE:KEY", "ignore": "VALUE", "edit": "VALUE"}


@click.command(short_help="Decide about records, golden records, values.")
@click.argument("word", required=False, type=click.Choice(_WORDS))
@click.argument("what", nargs=-1, metavar="[SOURCE:KEY | GOLDEN | ID]...")
@click.option("--by", metavar="WHO", help="Who decides. With --file: for rows that do not say.")
@click.option("--reason", metavar="TEXT", help="Why. With --file: for rows that do not say.")
@click.option(
    "--file",
    "path",
    metavar="FILE",
    type=click.Path(path_type=Path, dir_okay=False),
    help="CSV with verdict, left, right, by, reason; all rows are taken, or none.",
)
@click.option("--lasting", is_flag=True, help="With pin: also for what the record delivers later.")
@click.option("--despite", is_flag=True, help="With match: although hard rules keep the golden records apart.")
@click.option(
    "--move", is_flag=True, help="With match: the first record alone goes over to the second's golden record."
)
@click.option("--all", "everything", is_flag=True, help="With list: undone decisions too, and what undid them.")
@click.option("--limit", type=click.IntRange(0), help=f"With list: how many to show.  [default: {_SHOWN}]")
@with_session
def decide(
    session: Session,
    word: str | None,
    what: tuple[str, ...],
    by: str | None,
    reason: str | None,
    path: Path | None,
    lasting: bool,
    despite: bool,
    move: bool,
    everything: bool,
    limit: int | None,
) -> None:
    """Decide whether two source records are one customer (match, no-match, unsure); split a golden record; pin, ignore
    or edit one of its values; approve, reject or undo a decision; list them.

    A match joins the golden records of the two, whole; where hard rules keep these apart it is refused, naming what
    contradicts, until --despite or --move says what is meant. In a file it is taken, and contradictions become tasks.

    A decision is kept for good, outranks every score, and takes effect at once, or, while a run is under way, when that
    has ended. A record is named SOURCE:KEY, or SOURCE.STREAM:KEY where one source has the key in several streams; a
    golden record by its id or one of its records; a decision by its number in 'kehu decide list'.
    """
    if path is not None and word is not None:
        raise click.UsageError(f"give either {'a pair' if word.endswith('match') else repr(word)} or --file, not both")
    if word != "list" and (everything or limit is not None):
        raise click.UsageError("--all and --limit belong to 'list'")
    if lasting and word != "pin":
        raise click.UsageError("--lasting belongs to 'pin'")
    if (despite or move) and word != "match":
        raise click.UsageError("--despite and --move belong to 'match'")
    if word == "list":
        if what:
            raise click.UsageError("'list' takes no record")
        return _list(session, everything, _SHOWN if limit is None else limit)
    if path is not None:
        return _file(session, path, by, reason)
    _checked(word, what, by, reason)
    from dataclasses import replace

    from serving.access import Principal
    from serving.stewardship.following import follow

    config, who = session.config(), replace(Principal.system(), name=str(by))
    with session.store(config) as store:
        done = _done(store, config, who, str(word), what, str(reason), lasting, despite, move)
        follow(store, config)
    if done.state == "recorded":
        session.show(f"Decision {done.decision_id} is recorded; it takes effect with the next 'kehu run'.")
    else:
        session.show(f"{done.words} It is decision {done.decision_id}.")
    undone = {"undone": int(what[0]), "id": done.decision_id} if word == "undo" else {}
    session.result({"decisions": 1, "ids": [done.decision_id], **undone, **done.as_dict()})


def _checked(word: str | None, what: tuple[str, ...], by: str | None, reason: str | None) -> None:
    """Raises UsageError for what is missing or too much."""
    who = {"--by": by, "--reason": reason}
    if word in _NUMBERED:
        names = {"undo": "an undoing", "approve": "an approval", "reject": "a rejection"}
        _needed(names[word], {"the decision's number": what[0] if what else None, **who})
        if len(what) != 1 or not what[0].isdecimal():
            raise click.UsageError(f"'{word}' takes one number, as 'kehu decide list' shows it")
    elif word == "split":
        parts = " ".join(what[1:]) if len(what) > 2 else None
        _needed("a split", {"the golden record and two parts (SOURCE:KEY,SOURCE:KEY … rest)": parts, **who})
    elif word in _VALUES:
        named = what[2] if len(what) == 3 else None
        _needed(f"'{word}'", {f"GOLDEN ATTRIBUTE {_VALUES[word]}": named, **who})
    else:
        records = what[0] if len(what) == 2 else None
        _needed("a decision", {"match|no-match": word, "two records": records, **who})


def _needed(what: str, given: dict[str, str | None]) -> None:
    absent = [name for name, value in given.items() if not value]
    if absent:
        raise click.UsageError(f"{what} needs {', '.join(absent)}")


def _done(
    store: Store,
    config: Config,
    who: Any,
    word: str,
    what: tuple[str, ...],
    reason: str,
    lasting: bool,
    despite: bool,
    move: bool,
) -> Done:
    from serving import stewardship as acts
    from serving.decisions import golden_named, pair_named, record_named

    if word in _PAIRS:
        left, right = pair_named(store, config, what[0], what[1])
        verdict: Any = word.replace("-", "_")
        only: Any = "left" if move else None
        try:
            return acts.decide_pair(store, config, who, verdict, left, right, reason=reason, despite=despite, only=only)
        except acts.Contradicts as found:
            told = f"{found}\n'--despite' says that they are one all the same, '--move' takes only {what[0]} over"
            raise acts.Contradicts(told, **found.detail) from None
    if word == "undo":
        return acts.undo(store, config, who, int(what[0]), reason=reason)
    if word in _NUMBERED:
        return (acts.approve if word == "approve" else acts.reject)(store, config, who, int(what[0]), reason=reason)
    golden = golden_named(store, config, what[0])
    if word == "split":
        members = store.members_of([golden])["record_id"].to_pylist()
        named = [[] if p == "rest" else [record_named(store, config, n) for n in p.split(",")] for p in what[1:]]
        taken = {record for part in named for record in part}
        parts = [part or [record for record in members if record not in taken] for part in named]
        return acts.split(store, config, who, golden, parts, reason=reason)
    if word == "pin":
        record = record_named(store, config, what[2])
        return acts.pin_value(store, config, who, golden, what[1], record, reason=reason, lasting=lasting)
    if word == "ignore":
        return acts.ignore_value(store, config, who, golden, what[1], what[2], reason=reason)
    return acts.edit_value(store, config, who, golden, what[1], what[2], reason=reason)


def _file(session: Session, path: Path, by: str | None, reason: str | None) -> None:
    from serving.decisions import read_verdicts, record_verdicts, take_effect_now
    from serving.stewardship.following import follow

    verdicts = read_verdicts(path, by=by, reason=reason)
    config = session.config()
    with session.store(config) as store:
        before = _conflicts(store)
        ids = record_verdicts(store, config, verdicts, file=path)
        applied = take_effect_now(store, config)
        follow(store, config)
        conflicts = sorted(_conflicts(store) - before)
    session.show(
        table(("decision", "left", "right", "by"), [(v.verdict, v.left, v.right, v.by) for v in verdicts[:_SHOWN]])
    )
    if len(verdicts) == 1:
        said = "took effect" if applied else "takes effect with the next 'kehu run'"
        session.show(f"Decision {ids[0]} is recorded; it {said}.")
    else:
        said = "took effect" if applied else "take effect with the next 'kehu run'"
        session.show(f"{len(verdicts)} decisions recorded; they {said}.")
    if conflicts:
        tasks = "1 conflict task was" if len(conflicts) == 1 else f"{len(conflicts)} conflict tasks were"
        session.show(
            f"{tasks} opened: what was decided contradicts rules, or other decisions; "
            "'kehu tasks list --kind conflict' lists them."
        )
    state = "applied" if applied else "recorded"
    session.result({"decisions": len(verdicts), "ids": ids, "state": state, "conflicts": conflicts})


def _conflicts(store: Store) -> set[str]:
    return set(store.tasks(kind="conflict")["task_key"].to_pylist())


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
