"""Runs the application: one process, or several that share the port."""

from __future__ import annotations

import os
import signal
import socket
import sys
import tempfile
from pathlib import Path
from types import FrameType
from typing import Any

import uvicorn
from fastapi import FastAPI

from models.config import Config, load_config
from models.errors import KehuError
from models.store import open_store
from serving.accounts import first_link
from serving.http.app import create_app
from serving.operating.logs import log_to_stderr

GRACE_SECONDS = 10
"""How long answers that have begun may take when the server is told to end."""

KEPT_SECONDS = 75
"""How long an idle connection is kept: longer than proxies keep theirs, so that they never use a dead one."""

HUNG_SECONDS = 60
"""How long a process may say nothing before it counts as hung and is replaced; a busy machine needs more than five."""

SWITCH_SECONDS = 0.001
"""After how long a thread that computes (a match, an export) lets another answer; Python's own 5 ms are felt."""

_CONFIG = "KEHU_CONFIG"
_SECURE = "KEHU_HTTPS"
SHARED = "PROMETHEUS_MULTIPROC_DIR"


def serve(config: Config, *, host: str, port: int, workers: int = 1, secure: bool = False) -> None:
    """Serve until Ctrl-C or a signal to end; answers that have begun are finished first.

    Raises KehuError where the port is taken or the address is not this machine's.
    """
    refuse_taken(host, port)
    options = options_for(host, port)
    log_to_stderr()
    if workers == 1:
        sys.setswitchinterval(SWITCH_SECONDS)
        app = create_app(config, open_store(config.store), secure=secure, close=True)
        uvicorn.run(lambda: told_of_ending(app), factory=True, **options)
        return
    open_store(config.store).close()  # migrated once, before several processes open it
    with tempfile.TemporaryDirectory(prefix="kehu-metrics-") as shared:
        os.environ[SHARED] = shared  # where the processes add up what they count
        _several(config, workers, secure, options)


def options_for(host: str, port: int) -> dict[str, Any]:
    """How uvicorn serves. Who asks, and by https or not, says a proxy: of this machine, or in FORWARDED_ALLOW_IPS."""
    return {
        "host": host,
        "port": port,
        "log_level": "warning",
        "server_header": False,
        "proxy_headers": True,
        "timeout_graceful_shutdown": GRACE_SECONDS,
        "timeout_keep_alive": KEPT_SECONDS,
    }


def _several(config: Config, workers: int, secure: bool, options: dict[str, Any]) -> None:
    os.environ[_CONFIG], os.environ[_SECURE] = str(config.file), "1" if secure else ""
    several: dict[str, Any] = {"workers": workers, "timeout_worker_healthcheck": HUNG_SECONDS, **options}
    uvicorn.run("serving.http.server:application", factory=True, **several)


def first_account_link(config: Config, url: str) -> str | None:
    """Where the first account is made; None when somebody has one. A new link ends the one before."""
    with open_store(config.store) as store:
        token = first_link(store)
    return f"{url}/link/{token}" if token else None


def application() -> FastAPI:
    """The application of the configuration that the environment names, for servers that start processes of it."""
    log_to_stderr()
    sys.setswitchinterval(SWITCH_SECONDS)
    config = load_config(Path(os.environ[_CONFIG]))
    app = create_app(config, open_store(config.store), secure=os.environ.get(_SECURE) == "1", close=True)
    return told_of_ending(app)


def told_of_ending(app: FastAPI) -> FastAPI:
    """Let `app.state.ending` be true from the signal to end on: an answer that waits for something ends its waiting.

    For a factory of uvicorn, which has set its own handlers when it calls one; they are called behind this one.
    """

    def chained(number: int) -> None:
        before = signal.getsignal(number)

        def told(number: int, frame: FrameType | None) -> None:
            app.state.ending = True
            if callable(before):
                before(number, frame)

        signal.signal(number, told)

    for number in (signal.SIGTERM, signal.SIGINT):
        chained(number)
    return app


def refuse_taken(host: str, port: int) -> None:
    """Raises KehuError for a port that is taken, or an address that cannot be listened on."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            if isinstance(error, PermissionError):
                raise KehuError(f"port {port} needs more rights than this user has; --port names another") from None
            taken = "in use" in str(error).lower()
            said = "is taken; is 'kehu serve' running already? --port names another" if taken else f"fails: {error}"
            raise KehuError(f"port {port} of {host} {said}") from None
