"""What the hub knows of customers, as somebody may see it: golden records, sources, history, relations, search.

Reads the store and masks; knows no HTTP. Callers hold `store.snapshot()` so that several reads rest on one state.
"""

from serving.customers.asker import Asker
from serving.customers.golden import Golden, find, many, version_at

__all__ = ["Asker", "Golden", "find", "many", "version_at"]
