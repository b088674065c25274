"""The first page: the inbox for whoever works on tasks, customers for the others."""

from __future__ import annotations

from fastapi import APIRouter
from fastapi.responses import Response

from serving.web.rendering import go
from serving.web.visits import SignedIn

router = APIRouter()


@router.get("/")
def home(visit: SignedIn) -> Response:
    """Where everybody begins."""
    return go(visit, "/inbox" if visit.may("tasks.read") else "/customers")
