"""Which pages there are: every module of `serving.web.pages` is one more, and no list has to be kept.

A module there defines `router` (an APIRouter) and, to stand in the navigation, `NAVIGATION`: a tuple of `Entry`.
"""

from __future__ import annotations

import functools
import importlib
import pkgutil
from dataclasses import dataclass
from pathlib import Path

from fastapi import APIRouter, FastAPI
from starlette.staticfiles import StaticFiles

from serving.web import pages

STATIC = Path(__file__).parent / "static"


@dataclass(frozen=True)
class Entry:
    """One line of the navigation on the left. `title` is an English message of the catalogue, `right` who sees it.

    Entries stand in the order of `order`: inbox 10, customers 20, findings 30, matrix 40, matching 50,
    runs and sources 60, audit 70. `icon` names a file in static/icons, without its ending.
    """

    key: str
    title: str
    href: str
    order: int
    icon: str
    right: str | None = None


def add_pages(app: FastAPI) -> None:
    """Add all pages, and the files they need, to an application."""
    app.mount("/static", StaticFiles(directory=STATIC), name="static")
    for router, _ in _found():
        app.include_router(router, include_in_schema=False)


@functools.cache
def navigation() -> tuple[Entry, ...]:
    """The lines of the navigation, in their order."""
    return tuple(sorted((e for _, entries in _found() for e in entries), key=lambda e: e.order))


@functools.cache
def _found() -> tuple[tuple[APIRouter, tuple[Entry, ...]], ...]:
    names = sorted(m.name for m in pkgutil.iter_modules(pages.__path__))
    modules = [importlib.import_module(f"{pages.__name__}.{name}") for name in names]
    return tuple((m.router, tuple(getattr(m, "NAVIGATION", ()))) for m in modules if hasattr(m, "router"))
