"""The application: puts pages and interface together over one hub, with what every answer carries.

Pages come from the modules of `serving.web.pages`. The interface for programs comes from `serving.api`, whose
`include(app)` adds its routes. Both find configuration and store through `hub_of(request)`.
"""

from __future__ import annotations

import importlib
import importlib.util
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from importlib.metadata import version

from fastapi import FastAPI, Request

from models.config import Config
from models.store import Store
from serving.access import AccessLog, Masking
from serving.accounts.single import Provider
from serving.http.errors import add_error_pages, unexpected
from serving.http.middleware import Headers
from serving.search import warm
from serving.stewardship.bench import warm as warm_decisions
from serving.stewardship.following import Follower
from serving.web.registry import add_pages


@dataclass(frozen=True)
class Hub:
    """What every request works on: configuration, store, what of it who may see, and the record of who saw what."""

    config: Config
    store: Store
    masking: Masking
    reads: AccessLog


def create_app(config: Config, store: Store, *, secure: bool = False, close: bool = False) -> FastAPI:
    """The application over an open store. With `close` the store is closed when the server ends.

    `secure` says that browsers reach it by https: cookies are then sent no other way.
    """
    reads = AccessLog(store, config.workspace / "reads")

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        for loads in (warm, warm_decisions, *getattr(app.state, "warms", ())):
            threading.Thread(target=loads, name="kehu-warm", daemon=True).start()
        dispatcher = getattr(app.state, "dispatcher", None)
        if dispatcher is not None:
            dispatcher.start()
        follower = Follower(store, config)
        follower.start()
        try:
            yield
        finally:
            follower.stop()
            if dispatcher is not None:
                dispatcher.stop()
            reads.close()
            if usage := getattr(app.state, "usage", None):
                usage.save()
            if close:
                store.close()

    app = FastAPI(
        title="Kehu",
        description="Customer master-data hub: golden records, their sources and their history.",
        version=version("kehu"),
        docs_url=None,  # FastAPI's own page takes its scripts from elsewhere in the network
        redoc_url=None,
        redirect_slashes=False,  # a client that follows there leaves its body or key behind: 404 says it at once
        lifespan=lifespan,
    )
    app.state.hub = Hub(config, store, Masking(config), reads)
    app.state.secure = secure
    sso = config.serving.single_sign_on
    app.state.single_sign_on = Provider(sso) if sso is not None else None
    add_error_pages(app)
    if importlib.util.find_spec("serving.api") is not None:
        importlib.import_module("serving.api").include(app)
    add_pages(app, max_body_size=config.serving.max_body_kb * 1024)
    # The last one is the outermost: what another answers in place of the application carries the headers too.
    app.add_middleware(Headers, failed=unexpected, secure=secure)
    return app


def hub_of(request: Request) -> Hub:
    """Configuration and store of the application that a request reached; to be used with `Depends`."""
    hub: Hub = request.app.state.hub
    return hub
