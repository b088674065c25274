"""The inbox: tasks that wait, with filters that have an address of their own, and things done to several at once."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from typing import Any, cast
from urllib.parse import parse_qsl, urlencode, urlsplit

from fastapi import APIRouter
from fastapi.responses import Response

from models.stewardship import TASK_KINDS
from models.vocabulary import PARTY_TYPES
from serving import stewardship
from serving.stewardship.inbox import SORTS
from serving.web.languages import N_
from serving.web.notices import notice_of
from serving.web.registry import Entry
from serving.web.rendering import go, page
from serving.web.told import told
from serving.web.visits import SignedIn, Visit

NAVIGATION = (Entry("inbox", N_("Inbox"), "/inbox", 10, "inbox", "tasks.read"),)
router = APIRouter()

FILTERS = ("status", "kind", "type", "segment", "holder", "free", "source", "golden", "due", "min", "sort")


def queue_of(visit: Visit, *, but: tuple[str, ...] = ()) -> dict[str, str]:
    """The words of the address that say which tasks one is going through."""
    asked = {name: visit.asked(name) for name in FILTERS if name not in but}
    return {name: value for name, value in asked.items() if value}


@router.get("/inbox")
def inbox(visit: SignedIn) -> Response:
    """The tasks that a filter finds, the most pressing first."""
    queue = queue_of(visit)
    try:
        wanted, sort, number = stewardship.read_filter(visit.reader, {**queue, "page": visit.asked("page", "1")})
    except stewardship.Refused as refused:
        found = stewardship.inbox(visit.store, visit.config, visit.reader)
        return _page(visit, {}, found, {"kind": "wrong", "text": told(visit.speech, str(refused))}, 422)
    found = stewardship.inbox(visit.store, visit.config, visit.reader, wanted, sort=sort, page=number)
    return _page(visit, queue, found, notice_of(visit))


def _back(visit: Visit, notice: dict[str, Any], status: int) -> Response:
    """The list that one was looking at, with word of what could not be done."""
    asked = dict(parse_qsl(urlsplit(visit.sent("next")).query))
    queue = {name: value for name, value in asked.items() if name in FILTERS}
    wanted, sort, number = stewardship.read_filter(visit.reader, {**queue, "page": asked.get("page", "1")})
    found = stewardship.inbox(visit.store, visit.config, visit.reader, wanted, sort=sort, page=number)
    return _page(visit, queue, found, notice, status)


def _page(
    visit: Visit, queue: dict[str, str], found: stewardship.Inbox, notice: dict[str, Any] | None, status: int = 200
) -> Response:
    personal = {r.task["task_key"] for r in found.rows if r.task["entity_type"] == "person" and r.names}
    seen = visit.sees("personal")
    if seen and personal:
        visit.reads.read(visit.reader, "inbox.view", object_type="tasks", attributes=["full_name"], tasks=len(personal))
    return page(
        visit,
        "inbox/inbox.html",
        title=visit.speech("Inbox"),
        here="inbox",
        status=status,
        notice=notice,
        found=found,
        queue=dict.fromkeys(FILTERS, "") | queue,
        query=urlencode(queue),
        hidden=set() if seen else personal,
        kinds=TASK_KINDS,
        types=PARTY_TYPES,
        sorts=SORTS,
        sources=[s.name for s in visit.config.sources],
        people=stewards_of(visit),
    )


@router.post("/inbox/bulk")
def bulk(visit: SignedIn) -> Response:
    """Do one thing to all tasks that are marked."""
    keys = [str(key) for key in visit.form.getlist("task")]
    store, config, who = visit.store, visit.config, visit.reader
    action, answers = visit.sent("action"), cast(dict[str, Any], {})
    match action:
        case "claim" | "release":
            act = stewardship.claim if action == "claim" else stewardship.release
            answers = stewardship.for_each(act, store, config, who, keys)
        case "assign":
            answers = stewardship.for_each(stewardship.assign, store, config, who, keys, visit.sent("to") or None)
        case "due":
            try:
                due = due_of(visit)
            except stewardship.Refused as refused:
                return _back(visit, {"kind": "wrong", "text": told(visit.speech, str(refused))}, refused.status)
            answers = stewardship.for_each(stewardship.set_due, store, config, who, keys, due)
        case "match" | "no_match" | "unsure":
            answers = stewardship.decide_tasks(store, config, who, keys, action, reason=visit.sent("reason"))
    failed = Counter(told(visit.speech, str(answer)) for answer in answers.values() if isinstance(answer, Exception))
    done = len(answers) - failed.total()
    if failed:
        said = visit.speech.several("Done for %(n)s task.", "Done for %(n)s tasks.", done)
        why = visit.speech.several("Not for %(n)s task:", "Not for %(n)s tasks:", failed.total())
        signs = visit.speech.signs
        reasons = signs.semicolon.join(
            one + (signs.aside.format(n) if n > 1 else "") for one, n in failed.most_common(5)
        )
        return _back(visit, {"kind": "waits", "text": f"{said} {why} {reasons}"}, status=409)
    back = visit.sent("next", "/inbox")
    return go(visit, f"{back}{'&' if '?' in back else '?'}done={done}")


def due_of(visit: Visit) -> dt.datetime | None:
    """The due date that a form sends: when that day begins for the company. Raises Refused."""
    sent = visit.sent("due")
    try:
        return visit.speech.midnight(dt.date.fromisoformat(sent)) if sent else None
    except ValueError:
        raise stewardship.Refused(f"'{sent}' is no day; one is written like 2026-12-31") from None


def stewards_of(visit: Visit) -> list[str]:
    """The accounts to whom tasks can be given."""
    return [a["name"] for a in visit.store.accounts() if not a["disabled_at"] and "steward" in a["role"]]
