"""Runs the hub as Dagster assets: what is read when, in which order, with which checks. The work itself is elsewhere.

Nothing is imported here, so that `orchestration.dev` does not load Dagster.
"""
