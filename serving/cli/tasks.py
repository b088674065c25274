"""The commands with which a person works on the tasks that wait for stewards."""

from __future__ import annotations

import dataclasses
import datetime as dt
from typing import Any

import click

from serving.cli.session import Session, table, with_session

_BY = click.option("--by", metavar="WHO", required=True, help="Who does it.")


@click.group(short_help="Work on the tasks that wait for stewards.")
def tasks() -> None:
    """List, show, claim, assign and comment the tasks that wait for stewards; decide with 'kehu decide'."""


@tasks.command("list", short_help="List tasks, the most pressing first.")
@click.option("--kind", metavar="KIND", help="Only of these kinds, joined by commas.")
@click.option("--status", metavar="STATUS", help="open, unsure, closed, joined by commas.  [default: open,unsure]")
@click.option("--type", "entity", metavar="TYPE", help="Only of this entity type.")
@click.option("--segment", metavar="SEGMENT", help="Only of customers of these segments, joined by commas.")
@click.option("--holder", metavar="WHO", help="Only those claimed by or assigned to this person.")
@click.option("--sort", metavar="ORDER", help="priority, value, weight, due, oldest, newest.  [default: priority]")
@click.option("--page", type=click.IntRange(1), default=1, help="Which page of fifty.")
@with_session
def tasks_list(session: Session, /, page: int, entity: str | None, **words: str | None) -> None:
    """List the tasks that wait, ordered by value times doubt."""
    from serving.access import Principal
    from serving.stewardship import inbox, read_filter

    who, config = Principal.system(), session.config()
    given = {name: value for name, value in {**words, "type": entity}.items() if value}
    wanted, sort, _ = read_filter(who, given)
    with session.store(config) as store:
        found = inbox(store, config, who, wanted, sort=sort, page=page)
    cells = [
        (r.task["task_key"], r.task["kind"], " ~ ".join(r.names), r.task["weight"], r.task["priority"], _holder(r.task))
        for r in found.rows
    ]
    shown = table(("task", "kind", "records", "weight", "priority", "who"), cells)
    session.show(f"{shown}\npage {found.page} of {found.pages}, {found.total:,} tasks" if cells else "No tasks.")
    session.result(found.as_dict())


@tasks.command("show", short_help="Show one task with everything around it.")
@click.argument("task_key", metavar="TASK")
@with_session
def tasks_show(session: Session, task_key: str) -> None:
    """Show a task: its records side by side, how their match weight comes about, what a merge would make."""
    from serving.access import Principal
    from serving.stewardship import task_view

    config = session.config()
    with session.store(config) as store:
        view = task_view(store, config, Principal.system(), task_key)
    session.show(f"{view.task['kind']}: {view.task['reason']}")
    heads = ("attribute", *(record.name for record in view.records), "agreement")
    rows = [(a.attribute, *("; ".join(cell.raw) for cell in a.cells), a.agreement) for a in view.attributes]
    session.show(table(heads, rows))
    if view.waterfall is not None:
        w = view.waterfall
        bars = [("prior", "", w.prior), *((b.comparison, b.level, b.weight) for b in w.bars)]
        session.show(table(("comparison", "level", "weight"), [*bars, ("sum", "", w.weight)]))
        session.show(f"review from {w.review:g}, merge from {w.auto:g}" + (f"; {w.forbidden}" if w.forbidden else ""))
    if view.preview is not None:
        session.show(f"a merge would keep {view.preview.survivor} with {view.preview.records} records")
    for said in view.comments:
        session.show(f"{said['at']:%Y-%m-%d %H:%M} {said['by']}: {said['text']}")
    session.result(view.as_dict())


@tasks.command("claim", short_help="Take a task.")
@click.argument("task_key", metavar="TASK")
@_BY
@with_session
def tasks_claim(session: Session, task_key: str, by: str) -> None:
    """Take a task, so that others see who is working on it."""
    _act(session, "claim", task_key, by)


@tasks.command("release", short_help="Let go of a task.")
@click.argument("task_key", metavar="TASK")
@_BY
@with_session
def tasks_release(session: Session, task_key: str, by: str) -> None:
    """Let go of a task that somebody took."""
    _act(session, "release", task_key, by)


@tasks.command("assign", short_help="Give a task to somebody.")
@click.argument("task_key", metavar="TASK")
@click.option("--to", metavar="WHO", help="Who is to do it; nobody when absent.")
@click.option("--due", metavar="DATE", type=click.DateTime(["%Y-%m-%d"]), help="Until when (UTC).")
@_BY
@with_session
def tasks_assign(session: Session, task_key: str, to: str | None, due: dt.datetime | None, by: str) -> None:
    """Give a task to somebody, with a date by which it is to be done."""
    _act(session, "assign", task_key, by, to)
    if due is not None:
        _act(session, "set_due", task_key, by, due.replace(tzinfo=dt.UTC), told=False)


@tasks.command("comment", short_help="Say something about a task.")
@click.argument("task_key", metavar="TASK")
@click.argument("text")
@_BY
@with_session
def tasks_comment(session: Session, task_key: str, text: str, by: str) -> None:
    """Say something about a task, for whoever looks at it next."""
    _act(session, "comment", task_key, by, text)


@tasks.command("done", short_help="Say that what a finding asked for is done.")
@click.argument("task_key", metavar="TASK")
@click.option("--note", metavar="TEXT", default="", help="What was done.")
@_BY
@with_session
def tasks_done(session: Session, task_key: str, note: str, by: str) -> None:
    """Close the task of a finding; the finding itself closes with the delivery that mends it."""
    from serving import stewardship
    from serving.access import Principal

    config, who = session.config(), dataclasses.replace(Principal.system(), name=by)
    with session.store(config) as store:
        task = stewardship.finish(store, config, who, task_key, note=note)
    session.show(f"{task_key}: {task['status']}")
    session.result({"task": task})


def _act(session: Session, name: str, task_key: str, by: str, *args: Any, told: bool = True) -> None:
    from serving import stewardship
    from serving.access import Principal

    config, who = session.config(), dataclasses.replace(Principal.system(), name=by)
    with session.store(config) as store:
        getattr(stewardship, name)(store, config, who, task_key, *args)
        task = store.task(task_key)
        comments = store.comments(task_key)
    assert task is not None
    if told:
        session.show(f"{task_key}: {task['status']}, {_holder(task) or 'nobody has it'}, {len(comments)} comments")
        session.result({"task": task, "comments": comments})


def _holder(task: dict[str, Any]) -> str | None:
    return task["claimed_by"] or (f"for {task['assigned_to']}" if task["assigned_to"] else None)
