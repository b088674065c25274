"""One task: everything that a steward needs to decide it, and the keys to do so."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast
from urllib.parse import parse_qsl, quote, urlencode

from fastapi import APIRouter
from fastapi.responses import Response

from models.stewardship import OPEN_STATES, PairVerdict
from serving import stewardship
from serving.attached import attached
from serving.stewardship import Beside, TaskView
from serving.stewardship.compare import AttributeRow
from serving.stewardship.deciding import Side
from serving.web.differences import marked, plain
from serving.web.drawing import HEIGHT, WIDTH, graph_places, waterfall_bars
from serving.web.notices import notice_of
from serving.web.pages.findings import sentences
from serving.web.pages.inbox import FILTERS, due_of, queue_of, stewards_of
from serving.web.rendering import coder, go, page
from serving.web.told import told
from serving.web.visits import SignedIn, Visit

router = APIRouter()
ONLY: dict[str, Side] = {"left": "left", "right": "right"}


@router.get("/tasks/next")
def next_task(visit: SignedIn) -> Response:
    """Lead to the task that comes next, behind `after` or in front of `before`; to the inbox when there is none."""
    onward = _onward(visit, queue_of(visit), after=visit.asked("after"), before=visit.asked("before"))
    said = visit.asked("said")  # what was done before going on is told there
    return go(visit, f"{onward}{'&' if '?' in onward else '?'}said={said}" if said else onward)


@router.get("/tasks/{key}")
def task(visit: SignedIn, key: str) -> Response:
    """The page of a task."""
    return _page(visit, key, queue_of(visit), notice_of(visit))


@router.post("/tasks/{key}/decide")
def decide(visit: SignedIn, key: str) -> Response:
    """Match, no match or unsure; then the next task, with word of what was done and a way back."""
    verdict = cast(PairVerdict, visit.sent("verdict"))
    seen = int(visit.sent("seen")) if visit.sent("seen").isdecimal() else None
    onward = _onward(visit, _sent_queue(visit), after=key)
    try:
        done = stewardship.decide_task(
            visit.store,
            visit.config,
            visit.reader,
            key,
            verdict,
            reason=visit.sent("reason"),
            seen=seen,
            despite=visit.sent("despite") == "1",
            only=ONLY.get(visit.sent("only")),
        )
    except stewardship.Contradicts as refused:
        return _page(visit, key, _sent_queue(visit), None, status=refused.status, choosing=True)
    except (stewardship.Overtaken, stewardship.Claimed, stewardship.Refused) as refused:
        return _refused(visit, key, refused)
    return go(visit, f"{onward}{'&' if '?' in onward else '?'}said={done.decision_id}")


@router.post("/tasks/{key}/{action}")
def work(visit: SignedIn, key: str, action: str) -> Response:
    """Claim, release, assign, set a due date, comment; or say that what a finding asked for is done."""
    given = (visit.store, visit.config, visit.reader, key)
    try:
        match action:
            case "claim":
                stewardship.claim(*given)
            case "release":
                stewardship.release(*given)
            case "assign":
                stewardship.assign(*given, visit.sent("to") or None)
            case "due":
                stewardship.set_due(*given, due_of(visit))
            case "comment":
                stewardship.comment(*given, visit.sent("text"))
            case "done":
                stewardship.finish(*given, note=visit.sent("reason"))
                return go(visit, _onward(visit, _sent_queue(visit), after=key))
            case _:
                raise stewardship.Unknown(f"nothing is called '{action}' that is done to a task")
    except (stewardship.Overtaken, stewardship.Claimed, stewardship.Refused) as refused:
        return _refused(visit, key, refused)
    return go(visit, f"/tasks/{quote(key)}?{urlencode(_sent_queue(visit))}")


def _refused(visit: Visit, key: str, refused: stewardship.StewardError) -> Response:
    notice = {"kind": "wrong", "text": told(visit.speech, str(refused))}
    return _page(visit, key, _sent_queue(visit), notice, status=refused.status)


def _sent_queue(visit: Visit) -> dict[str, str]:
    return {name: value for name, value in parse_qsl(visit.sent("queue")) if name in FILTERS}


def _onward(visit: Visit, queue: dict[str, str], *, after: str = "", before: str = "") -> str:
    """The address of the neighbouring task in the order of the inbox; with neither, of the first one."""
    wanted, sort, _ = stewardship.read_filter(visit.reader, queue)
    found = visit.store.find_tasks(wanted, limit=500, sort=sort)
    keys = [t["task_key"] for t in found if t["claimed_by"] in (None, visit.who) or t["task_key"] in (after, before)]
    at = after or before
    if at in keys:
        place = keys.index(at)
        keys = keys[place + 1 :] if after else keys[:place][::-1]
    elif before:
        keys = []
    query = urlencode(queue)
    return f"/tasks/{quote(keys[0])}?{query}" if keys else f"/inbox?{query}"


def _page(
    visit: Visit,
    key: str,
    queue: dict[str, str],
    notice: dict[str, Any] | None,
    status: int = 200,
    choosing: bool = False,
) -> Response:
    found = stewardship.task_view(visit.store, visit.config, visit.reader, key)
    record_reading(visit, found, "task.view", "task", key)
    pair = [n for n in (found.task["left_id"], found.task["right_id"]) if n is not None]
    waits = found.task["status"] in OPEN_STATES
    return page(
        visit,
        "tasks/task.html",
        title=visit.speech("Task"),
        here="inbox",
        status=status,
        notice=notice,
        task=found.task,
        is_pair=len(pair) == 2,
        waits=waits,
        query=urlencode(queue),
        reason=visit.sent("reason"),
        choosing=choosing,
        act_at=f"/tasks/{quote(key)}/decide",
        sent={"queue": urlencode(queue)},
        back=f"/tasks/{quote(key)}?{urlencode(queue)}",
        deciding=waits and visit.may("tasks.work") and found.asks is None,
        people=stewards_of(visit) if visit.may("tasks.lead") else [],
        rule=_rule(visit, found),
        **beside(visit, found, found.task["entity_type"], pair),
    )


def beside(visit: Visit, found: Beside, entity: str, pair: list[int]) -> dict[str, Any]:
    """What the parts of a page need that show records side by side."""
    places, lines = graph_places(found.graph, pair)
    return {
        "found": found,
        "marks": [_marks(row, coder(visit)) for row in found.attributes],
        "bars": waterfall_bars(found.waterfall) if found.waterfall else None,
        "places": places,
        "lines": lines,
        "sheet": (WIDTH, HEIGHT),
        "sees_names": visit.sees("personal") or entity != "person",
        "moves": _moves(visit, found),
    }


def _marks(row: AttributeRow, coded: Callable[[str, Any], Any]) -> list[Any]:
    raw = [coded(row.attribute, cell.raw) for cell in row.cells]
    if len(raw) == 2 and raw[0] and raw[1] and row.agreement != "same":
        return list(marked(raw[0], raw[1], (row.cells[0].met, row.cells[1].met)))
    return [plain(values) for values in raw]


def record_reading(visit: Visit, found: Beside, action: str, kind: str, number: str) -> None:
    """Record who sees which personal attributes of records side by side."""
    rows = [(r.attribute, r.sensitivity) for r in found.attributes]
    rows += [(name, sensitivity) for one in found.against for name, sensitivity, _, _ in one.attributes]
    seen = list(dict.fromkeys(name for name, kind in rows if kind != "public" and visit.sees(kind)))
    visit.reads.read(visit.reader, action, object_type=kind, object_id=number, attributes=seen)


def _moves(visit: Visit, found: Beside) -> dict[str, int]:
    """How many records of which entity type hang on the golden records that a merge would make aliases."""
    if found.preview is None:
        return {}
    members = visit.store.members_of(found.preview.aliases)["record_id"].to_pylist()
    moves: dict[str, int] = {}
    for kinds in attached(visit.store, members).values():
        for kind, n in kinds.items():
            moves[kind] = moves.get(kind, 0) + n
    return moves


def _rule(visit: Visit, found: TaskView) -> str | None:
    """What the rule says of whose finding the task is."""
    return sentences(visit).get(str(found.task["detail"]["rule"])) if found.task["kind"] == "finding" else None
