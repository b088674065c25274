"""Opens the hub of a configuration for reading: a hub that no run has made yet is an error, not an empty answer."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy.engine import make_url

from models.config import Config
from models.errors import StoreError
from models.store import Store, open_store


def open_hub(config: Config) -> Store:
    """The hub store, brought to the current schema. Raises StoreError for none yet, or one that cannot be reached."""
    url = make_url(config.store)
    if url.get_backend_name() == "sqlite" and not Path(url.database or "").exists():
        raise StoreError(f"{url.database}: there is no hub yet; 'kehu run' makes it")
    return open_store(config.store)
