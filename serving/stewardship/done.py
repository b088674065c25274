"""What an action of a steward did, as pages, interface and command line tell it."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any, Literal

State = Literal["applied", "recorded", "waiting"]


@dataclass(frozen=True)
class Done:
    """A decision that was taken.

    `state`: `applied` (golden records are as decided), `recorded` (a run is under way: it takes effect when that run
    ends) or `waiting` (a second person must approve it first; `task_key` names that task).
    `before` and `golden`: golden id of each record concerned, before and now. `events` are the numbers of the events
    that it caused, `opened` and `closed` the keys of tasks. `undo` is the decision to undo to take it back.
    """

    decision_id: int
    state: State
    words: str
    before: dict[int, str] = field(default_factory=dict)
    golden: dict[int, str] = field(default_factory=dict)
    events: list[int] = field(default_factory=list)
    opened: list[str] = field(default_factory=list)
    closed: list[str] = field(default_factory=list)
    task_key: str | None = None

    @property
    def undo(self) -> int:
        """The decision to undo to take it back."""
        return self.decision_id

    def as_dict(self) -> dict[str, Any]:
        """As plain dictionaries and lists, ready for JSON (ids of records as text: they exceed 53 bits)."""
        found = asdict(self)
        for name in ("before", "golden"):
            found[name] = {str(record): golden for record, golden in found[name].items()}
        return found
