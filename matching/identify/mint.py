"""New golden ids: UUIDs of version 7 (RFC 9562), which sort as text by the time of their making.

Only makes ids; who gets one is decided in `assign`.
"""

from __future__ import annotations

import uuid

import uuid_utils


def mint_ids(count: int, after: str | None = None) -> list[str]:
    """`count` new ids in ascending order, all greater than `after`.

    `after` is the newest id already known: where the clock of this machine lags behind the one that made it, the new
    ids take its millisecond + 1, because "created first" is read from the id and must not be turned round.
    """
    made = sorted(str(uuid_utils.uuid7()) for _ in range(count))
    if after is None or not made or made[0] > after:
        return made
    milliseconds = (uuid.UUID(after).int >> 80) + 1
    below = (1 << 80) - 1
    return sorted(str(uuid.UUID(int=milliseconds << 80 | uuid.UUID(one).int & below)) for one in made)
