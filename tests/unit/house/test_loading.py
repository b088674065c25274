"""Every module can be the first that is loaded: what a command imports does not depend on what was imported before."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize(
    "module",
    ["matching.in_use", "matching.realtime", "matching.effect", "serving.http.server", "serving.api", "serving.client",
     "serving.stewardship", "orchestration.run"],
)  # fmt: skip
def test_a_module_can_be_loaded_first(module: str) -> None:
    ended = subprocess.run([sys.executable, "-c", f"import {module}"], cwd=ROOT, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr[-800:]
