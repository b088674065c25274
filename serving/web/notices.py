"""What stands on top of a page after something was done: taken from the log, so that an address says nothing untrue."""

from __future__ import annotations

from typing import Any

from serving import stewardship
from serving.web.visits import Visit


def notice_of(visit: Visit) -> dict[str, Any] | None:
    """The notice that the address asks for: `said`, a decision's number; `done`, how many tasks."""
    said, done = visit.asked("said"), visit.asked("done")
    if done.isdecimal():
        text = visit.speech.several("Done for %(n)s task.", "Done for %(n)s tasks.", int(done))
        return {"kind": "done", "text": text}
    if not said.isdecimal() or not visit.may("tasks.read"):
        return None
    try:
        decision = stewardship.decision_view(visit.store, visit.config, visit.reader, int(said))
    except stewardship.StewardError:
        return None
    if decision["by"] != visit.who:
        return None
    return {"kind": "done" if decision["holds"] or decision["undoes"] or decision["approves"] else "waits"} | {
        "text": _words(visit, decision),
        "undo": decision["id"] if _can_be_undone(decision) else None,
    }


def _can_be_undone(decision: dict[str, Any]) -> bool:
    return decision["undoes"] is None and decision["approves"] is None and decision["undone_by"] is None


def _words(visit: Visit, decision: dict[str, Any]) -> str:
    say = visit.speech
    if decision["undoes"] is not None:
        return say("Undone. It is as it was before.")
    if decision["approves"] is not None:
        return say("Approved.") if decision["verdict"] == "approve" else say("Rejected.")
    if decision["undone_by"] is not None:
        return say("That decision was undone.")
    if decision["approval"] is not None and decision["settled"] is None:
        return say("Saved. It takes effect when a second person approves it.")
    if decision["kind"] == "pair" and decision["verdict"] != "unsure":
        homes = visit.store.memberships([decision["left_id"], decision["right_id"]]).to_pylist()
        one = len({row["golden_id"] for row in homes}) == 1
        if decision["verdict"] == "match":
            if one:
                return say("Saved. The two records share one golden record now.")
            if _running(visit):
                return say("Saved. It takes effect when the run that is under way ends.")
            return say("Saved.")
        return say("Saved. The two records are of two customers.") if not one else say("Saved.")
    if decision["verdict"] == "move":
        return say("Saved. The record went over to the other golden record.")
    if decision["verdict"] == "unsure":
        return say("Saved. The task waits for somebody who knows more.")
    return say("Saved.")


def _running(visit: Visit) -> bool:
    last = visit.store.last_run(None)
    return last is not None and last["status"] == "running"
