"""What stops an action of a steward, with the HTTP status and the stable word that answers of the interface carry."""

from __future__ import annotations

from typing import Any

from models.errors import KehuError


class StewardError(KehuError):
    """An action that is refused. `status` is the HTTP status, `code` the word for programs, `detail` what goes with it.

    The message is for people; nothing was changed.
    """

    exit_code = 2
    status = 422
    code = "refused"

    def __init__(self, message: str, **detail: Any):
        self.detail = detail
        super().__init__(message)


class Unknown(StewardError):
    """There is no such task, decision, golden record, record or attribute."""

    status = 404
    code = "unknown"


class Refused(StewardError):
    """What was asked for cannot be meant: parts that do not fit a golden record, a value that is none …"""


class Overtaken(StewardError):
    """Somebody else was quicker; `detail` has `by`, `at`, `verdict` and `decision` of what they said, where known."""

    status = 409
    code = "overtaken"


class Claimed(StewardError):
    """The task is somebody else's; `detail` has `by`."""

    status = 409
    code = "claimed"
