"""Files of the workspace that may hold somebody who was erased: landed rows of persons, and folders of runs."""

from __future__ import annotations

import shutil
from pathlib import Path

from models.config import Config


def clear_files(config: Config, *, but: Path | None, runs: bool = True) -> None:
    """Remove the landed files of all streams of persons, and with `runs` the folders of runs but one.

    Only whoever holds the hub may do that: a run reads both. Everything that stood in them is in the store, or gone.
    """
    for source, stream in config.streams("person"):
        shutil.rmtree(config.workspace / "landing" / source.name / stream.name, ignore_errors=True)
    folder = config.workspace / "runs"
    for old in folder.iterdir() if runs and folder.is_dir() else ():
        if old != but:
            shutil.rmtree(old, ignore_errors=True)
    shutil.rmtree(config.workspace / "exports", ignore_errors=True)
