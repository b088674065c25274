"""The assets, by layer: `raw` as delivered, `core` on the way to golden records, `out` what is published."""
