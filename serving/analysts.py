"""The views for analysts in words: what each holds, column by column, for the command line and the documentation."""

from __future__ import annotations

from models.config import Config
from models.store import Store
from models.store.analyst_views import Shown, attributes_in_views, ensure_views, shown_views


def refresh(store: Store, config: Config) -> bool:
    """Make the views fit the configuration's attributes; whether anything had to be done."""
    return ensure_views(store.database, attributes_in_views(config))


def as_markdown(shown: list[Shown]) -> str:
    """A section per view with a table of its columns."""
    parts = []
    for one in shown:
        rows = [f"| `{c.name}` | {c.kind} | {c.about} |" for c in one.columns]
        parts.append(
            "\n".join(
                [f"### `{one.name}`", "", one.view.about, "", "| Column | Type | Meaning |", "|---|---|---|", *rows]
            )
        )
    return "\n\n".join(parts) + "\n"


def documentation() -> str:
    """The part of docs/analyst-views.md that is made from the code: PostgreSQL's views, without added attributes."""
    return as_markdown(shown_views("postgresql"))


__all__ = ["as_markdown", "attributes_in_views", "documentation", "refresh", "shown_views"]
