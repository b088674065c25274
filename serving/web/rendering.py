"""Renders pages: templates with what every page needs."""

from __future__ import annotations

from http import HTTPStatus
from pathlib import Path
from typing import Any

import jinja2
from fastapi import Request
from fastapi.responses import HTMLResponse

from serving.web.registry import navigation

_ENVIRONMENT = jinja2.Environment(
    loader=jinja2.FileSystemLoader(Path(__file__).parent / "templates"),
    autoescape=True,
    undefined=jinja2.StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


def page(
    request: Request, template: str, *, status: int = 200, headers: dict[str, str] | None = None, **values: Any
) -> HTMLResponse:
    """A page from a template of serving/web/templates."""
    given = {"request": request, "navigation": navigation(), "here": None, **values}
    return HTMLResponse(_ENVIRONMENT.get_template(template).render(given), status, headers)


def error_page(request: Request, status: int, detail: str, headers: dict[str, str] | None = None) -> HTMLResponse:
    """The page of a failure."""
    number = str(getattr(request.state, "request_id", ""))
    phrase = HTTPStatus(status).phrase
    return page(
        request, "error.html", status=status, headers=headers, code=status, title=phrase, detail=detail, number=number
    )
