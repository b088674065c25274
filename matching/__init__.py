"""From source records to golden records: standardise, key, score, cluster, identify, survive.

Plain functions over Arrow tables and DuckDB; knows no Dagster, no HTTP and no connector.
"""
