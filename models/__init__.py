"""The vocabulary of the hub: errors, canonical attributes, configuration, match models, work tables and the hub store.

Everything else builds on this package; it imports nothing of ours, no Dagster, no Splink and no HTTP.
"""
