"""Running a hub: whether it lives and is ready, numbers for Prometheus, logs, who used what, backups."""
