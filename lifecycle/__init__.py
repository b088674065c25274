"""Touchpoints, stages, contracts and findings: what is known of a customer's life with the company, and what is not.

Works on what was standardised and on golden ids; knows neither where records came from nor how they were matched, no
Dagster and no HTTP. "Today" is always given, never read from a clock.
"""
