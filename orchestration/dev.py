"""How to open Dagster's pages on a hub: the command, its environment, and the settings of the local Dagster.

Imports nothing of Dagster, so that it costs nothing to ask.
"""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from models.config import Config
from models.errors import KehuError

SETTINGS = """\
# Settings of the local Dagster. Everything it records stays in this folder; delete the folder to start afresh.
telemetry:
  enabled: false
# Only one run holds the hub at a time; the others wait here instead of waiting for its lock.
concurrency:
  runs:
    max_concurrent_runs: 1
freshness:
  enabled: true
run_monitoring:
  enabled: true
# No window that asks for a mail address in front of the first page.
nux:
  enabled: false
"""


@dataclass(frozen=True)
class DagsterDev:
    """A command with its environment and its folder, as `subprocess.Popen` takes them."""

    argv: list[str]
    env: dict[str, str]
    cwd: Path
    home: Path
    url: str
    new: bool
    """Whether Dagster has no records there yet."""


def refuse_taken(host: str, port: int) -> None:
    """Raises KehuError when something listens there already: Dagster would quietly take another port."""
    try:
        with socket.create_connection((host, port), timeout=1):
            pass
    except OSError:
        return
    raise KehuError(f"port {port} of {host} is taken; is 'kehu dev' running already? --port names another")


def dagster_dev(config: Config, *, host: str = "127.0.0.1", port: int = 3000, more: Sequence[str] = ()) -> DagsterDev:
    """`dagster dev` on this configuration, to be started from any folder; writes the settings where there are none.

    DAGSTER_HOME is the one of the environment, or `dagster/` in the workspace. `more` are further arguments.
    """
    home = Path(os.environ.get("DAGSTER_HOME") or config.workspace / "dagster").absolute()
    home.mkdir(parents=True, exist_ok=True)
    settings = home / "dagster.yaml"
    new = not settings.exists()
    if new:
        settings.write_text(SETTINGS, encoding="utf-8")
    # The command that Dagster recommends instead, `dg dev`, wants a project of its own layout.
    argv = [sys.executable, "-W", "ignore:Function `dev_command` is superseded", "-m", "dagster", "dev"]
    argv += ["-m", "orchestration.definitions"]
    argv += ["-h", host, "-p", str(port), *more]
    env = {**os.environ, "DAGSTER_HOME": str(home), "KEHU_CONFIG": str(config.file)}
    return DagsterDev(argv, env, config.base, home, f"http://{host}:{port}", new)
