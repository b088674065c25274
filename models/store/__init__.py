"""The hub store: source records, crosswalk, golden records and their histories, on SQLite or PostgreSQL.

Publishes what a run computed and reads it back in Arrow; computes nothing of it.
"""

from models.store import account_tables, lifecycle_tables, search_tables, serving_tables
from models.store.columns import parse_json_column
from models.store.open import open_store
from models.store.outcome import LifecycleOutcome, RunOutcome, StreamState
from models.store.publish import STEPS
from models.store.store import Store

__all__ = [
    "STEPS",
    "LifecycleOutcome",
    "RunOutcome",
    "Store",
    "StreamState",
    "account_tables",
    "lifecycle_tables",
    "open_store",
    "parse_json_column",
    "search_tables",
    "serving_tables",
]
