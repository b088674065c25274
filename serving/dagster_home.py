"""The folder in which a local Dagster keeps its own records, and the file that tells it where the hub's assets are."""

from __future__ import annotations

from pathlib import Path

SETTINGS = """\
# Settings of the local Dagster; everything it records stays in this folder.
telemetry:
  enabled: false
"""
WORKSPACE = """\
load_from:
  - python_module:
      module_name: orchestration.definitions
      location_name: kehu
"""
"""The same as workspace.yaml in the project's root, which an installed package does not have."""


def prepare(workspace: Path) -> tuple[Path, Path]:
    """Make the folder under the hub's workspace; returns (DAGSTER_HOME, workspace file). Settings there are kept."""
    home = workspace / "dagster"
    home.mkdir(parents=True, exist_ok=True)
    settings, locations = home / "dagster.yaml", home / "workspace.yaml"
    if not settings.exists():
        settings.write_text(SETTINGS, encoding="utf-8")
    locations.write_text(WORKSPACE, encoding="utf-8")
    return home, locations
