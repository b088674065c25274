"""Changes that sources announce: a mark per source in the workspace, which whoever reads the source looks at.

A mark is only that: an announcement carries no rows, and a lost or repeated one loses nothing.
"""

from __future__ import annotations

import os
import secrets
from datetime import UTC, datetime
from pathlib import Path

_FOLDER = "announced"


def announce(workspace: Path, source: str) -> str:
    """Note that a source has something new; returns the mark. Raises OSError where it cannot be written."""
    mark = f"{datetime.now(UTC):%Y%m%dT%H%M%S%f}-{secrets.token_hex(3)}"
    folder = workspace / _FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    new = folder / f".{source}.{mark}"
    new.write_text(mark, encoding="ascii")
    os.replace(new, folder / source)
    return mark


def announced(workspace: Path, source: str) -> str | None:
    """The mark of the newest announcement, which sorts by time; None when there was none."""
    try:
        return (workspace / _FOLDER / source).read_text(encoding="ascii") or None
    except OSError:
        return None
