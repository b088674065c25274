"""Seconds and memory: of a child process, and of a piece of work inside this one."""

import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

import psutil


@dataclass(frozen=True, slots=True)
class Ended:
    """A process that ended: its exit code, output, wall seconds, largest resident memory."""

    code: int
    out: str
    err: str
    seconds: float
    peak_mb: float


# A process inherits the memory mark of the one that forks it, and this one may be large by now. So the command is
# started by a small process in between, which asks the kernel about this very child.
_LAUNCHER = """
import os, subprocess, sys
p = subprocess.Popen(sys.argv[2:])
_, status, usage = os.wait4(p.pid, 0)
p.returncode = os.waitstatus_to_exitcode(status)
open(sys.argv[1], "w").write(str(usage.ru_maxrss))
sys.exit(p.returncode if p.returncode >= 0 else 128 - p.returncode)
"""


def call(command: Sequence[str], cwd: Path) -> Ended:
    """Run a command to its end. Memory is the largest of any one process of it, as the kernel counts it."""
    with tempfile.NamedTemporaryFile("r") as usage:
        began = time.monotonic()
        launcher = [sys.executable, "-I", "-S", "-c", _LAUNCHER, usage.name, *command]
        done = subprocess.run(launcher, cwd=cwd, capture_output=True, text=True, check=False)
        seconds = time.monotonic() - began
        return Ended(done.returncode, done.stdout, done.stderr, seconds, int(usage.read() or 0) / 1024)


class Watch:
    """Wall seconds and the largest resident memory of this process while a block runs (looked at 50 times a second)."""

    def __init__(self) -> None:
        self.seconds = self.peak_mb = 0.0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)

    def _look(self) -> None:
        process = psutil.Process()
        while True:
            self.peak_mb = max(self.peak_mb, process.memory_info().rss / 2**20)
            if self._stop.wait(0.02):
                return

    def __enter__(self) -> "Watch":
        self._began = time.monotonic()
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.seconds = time.monotonic() - self._began
        self._stop.set()
        self._thread.join()
