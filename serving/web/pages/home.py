"""The first page."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import Response

from serving.web.rendering import page

router = APIRouter()


@router.get("/")
def home(request: Request) -> Response:
    """Where everybody begins."""
    return page(request, "home.html", title="Kehu")
