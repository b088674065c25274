"""Benchmarks: how well the hub matches and how fast it runs, every figure beside its baseline.

`python -m benchmarks quality` and `python -m benchmarks scale`; see docs/benchmarks.md. Not installed with the package.
"""
