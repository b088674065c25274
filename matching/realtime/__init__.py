"""One record against the hub, while somebody waits: which golden records it may be, how surely, and why.

Gives what a run would give, without DuckDB, Splink or Dagster; reads the hub store and writes nothing.
"""
