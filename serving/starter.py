"""Writes a new project: a commented `kehu.yaml` and small deliveries of three systems that run as they stand."""

from __future__ import annotations

import shutil
from pathlib import Path

from models.errors import ConfigError

TEMPLATE = Path(__file__).parent / "starter_project"
IGNORED = "hub.db\nhub.db-*\n*.lock\nwork/\n"
"""The new project's .gitignore: the hub and its workspace are data, not source."""


def write_project(folder: Path, config_name: str = "kehu.yaml") -> list[Path]:
    """Fill `folder` (made if absent) and return the files written, the configuration first.

    Raises ConfigError, and writes nothing, when one of them is there already.
    """
    sources = sorted(p for p in TEMPLATE.rglob("*") if p.is_file())
    targets = {
        source: folder / (config_name if source.name == "kehu.yaml" else source.relative_to(TEMPLATE))
        for source in sources
    }
    ignore = folder / ".gitignore"
    if folder.exists() and not folder.is_dir():
        raise ConfigError("is a file, not a folder", file=str(folder))
    for target in targets.values():
        if target.exists():
            raise ConfigError("is there already; nothing was written", file=str(target))
    for source, target in targets.items():
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)
    written = sorted(targets.values(), key=lambda p: (p.name != config_name, p))
    if not ignore.exists():
        ignore.write_text(IGNORED, encoding="utf-8")
        written.append(ignore)
    return written
