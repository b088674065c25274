"""Which pages there are: every module of `serving.web.pages` is one more, and no list has to be kept.

A module there defines `router` (an APIRouter); to stand in the navigation, `NAVIGATION`: a tuple of `Entry`; to stand
among the pages of one customer, `TABS`: a tuple of `Tab`. Its pages are for people who are signed in, unless it says
`PUBLIC = True`; what else it takes to see them is theirs to ask for.
"""

from __future__ import annotations

import functools
import importlib
import pkgutil
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

from fastapi import APIRouter, Depends, FastAPI
from starlette.staticfiles import StaticFiles

from serving.web import pages
from serving.web.visits import signed_in

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


@dataclass(frozen=True)
class Tab:
    """One of the pages of a customer, at /customers/{golden_id}/{key}. The one of the smallest order is shown first.

    Overview 10, timeline 20, buying centre 30, fleet 40, hierarchy 50, plan 60, data 70, history 80.
    """

    key: str
    title: str
    order: int
    right: str = "customers.read"
    entity_types: tuple[str, ...] = ("organization", "person")


def add_pages(app: FastAPI, *, max_body_size: int | None = None) -> None:
    """Add all pages, and the files they need, to an application; no form may be larger than `max_body_size` bytes."""
    app.mount("/static", StaticFiles(directory=STATIC), name="static")
    for router, _, public in _found():
        guard = [] if public else [Depends(signed_in)]
        app.include_router(router, include_in_schema=False, dependencies=guard, max_body_size=max_body_size)


@functools.cache
def navigation() -> tuple[Entry, ...]:
    """The lines of the navigation, in their order."""
    return tuple(sorted((e for _, entries, _ in _found() for e in entries), key=lambda e: e.order))


@functools.cache
def tabs(entity_type: str) -> tuple[Tab, ...]:
    """The pages of a customer of this entity type, in their order."""
    found = (tab for module in _modules() for tab in getattr(module, "TABS", ()) if entity_type in tab.entity_types)
    return tuple(sorted(found, key=lambda tab: tab.order))


@functools.cache
def _modules() -> tuple[ModuleType, ...]:
    names = sorted(m.name for m in pkgutil.iter_modules(pages.__path__))
    return tuple(importlib.import_module(f"{pages.__name__}.{name}") for name in names)


@functools.cache
def _found() -> tuple[tuple[APIRouter, tuple[Entry, ...], bool], ...]:
    return tuple(
        (m.router, tuple(getattr(m, "NAVIGATION", ())), bool(getattr(m, "PUBLIC", False)))
        for m in _modules()
        if hasattr(m, "router")
    )
