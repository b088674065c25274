"""What a matching declaration means: its SQL for Splink and DuckDB, its Python for real time, and its training."""
