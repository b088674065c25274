"""What the client raises."""

from __future__ import annotations

from typing import Any


class HubError(Exception):
    """A refusal of the hub. `code` is its stable word, `status` the HTTP status, `problem` everything that it said."""

    def __init__(self, status: int, problem: dict[str, Any]):
        self.status, self.problem = status, problem
        self.code = str(problem.get("code", "error"))
        super().__init__(f"{self.code} ({status}): {problem.get('detail', '')}")
