"""Names of assets and jobs, made from the names in the configuration."""

from __future__ import annotations

from collections import Counter

from models.config import Config, Source


def plain(name: str) -> str:
    """A source's or stream's name in the letters that Dagster takes."""
    return name.replace("-", "_")


def source_asset(source: Source) -> str:
    """The asset that stands for what a source delivered as a whole."""
    return f"raw_{plain(source.name)}"


def stream_assets(config: Config) -> dict[tuple[str, str], str]:
    """(source, stream) → asset name, `raw_<source>_<stream>`.

    Where that would name two assets alike (source `a_b` with stream `c`, source `a` with stream `b_c`), a double line
    tells the parts apart.
    """
    short = {(s.name, t.name): f"{source_asset(s)}_{plain(t.name)}" for s, t in config.streams()}
    taken = Counter(name.lower() for name in [*short.values(), *map(source_asset, config.sources)])
    return {
        (source, stream): name if taken[name.lower()] == 1 else f"raw_{plain(source)}__{plain(stream)}"
        for (source, stream), name in short.items()
    }


def backfill_asset(source: Source) -> str:
    """The asset whose partitions are periods of the past of a source; the job that reads them has the same name."""
    return f"backfill_{plain(source.name)}"


def source_job(source: Source) -> str:
    """The job that reads one source, resolves what changed and publishes it."""
    return f"source_{plain(source.name)}"
