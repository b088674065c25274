"""Resolving in one batch: features, match keys, pairs, weights and clusters of all records of an entity type.

DuckDB holds the tables: `standard`, `features`, `keys`, `pairs`, `scored`. What becomes of the clusters (golden ids,
values, tasks) is said elsewhere.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from matching.declared import Limits, limits_of
from matching.features import build_features, prepare
from matching.inputs import Progress, Verdicts, no_progress
from matching.keys import BlockCount, build_keys, candidate_pairs, count_blocks
from matching.link import Links, link
from matching.model.splink_model import add_term_frequencies, score_pairs
from matching.profile import Profile, profile_contacts
from matching.standardise import schema_of
from models.config import Config
from models.duck import small_database
from models.match_model import Declaration, PublishedModel

KEEP_BELOW = 6.0
"""Edges are kept down to this many bits below the weight from which stewards see a pair."""


@dataclass
class Work:
    """One entity type being resolved: its DuckDB connection, its model's declaration, the standard columns of its
    records, and the seconds of its phases.
    """

    con: duckdb.DuckDBPyConnection
    entity: str
    declaration: Declaration
    limits: Limits
    schema: pa.Schema
    progress: Progress = no_progress
    seconds: dict[str, float] = field(default_factory=dict)

    @contextlib.contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """A phase: told, and timed."""
        self.progress(name, 0, 0)
        began = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[name] = self.seconds.get(name, 0.0) + time.perf_counter() - began


@contextlib.contextmanager
def working(
    config: Config,
    entity: str,
    declaration: Declaration,
    folder: Path,
    progress: Progress | None = None,
    *,
    small: bool = False,
) -> Iterator[Work]:
    """A DuckDB of its own within the configured memory, which spills into the run's folder.

    `small`: little work, for which a database in the engine that every small work shares will do.
    """
    with small_database() if small else _engine(config, folder) as con:
        yield Work(con, entity, declaration, limits_of(declaration), schema_of(config, entity), progress or no_progress)


@contextlib.contextmanager
def _engine(config: Config, folder: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    con = duckdb.connect()
    try:
        con.execute(f"SET memory_limit = '{config.memory_limit}'")
        con.execute("SET temp_directory = ?", [str(folder / "spill")])
        con.execute("SET preserve_insertion_order = false")
        if config.threads:
            con.execute(f"SET threads = {int(config.threads)}")
        yield con
    finally:
        con.close()


def load_features(work: Work, standard: pa.Table) -> Profile:
    """Creates `features` from standard columns of every record; returns the contact profile that it rests on."""
    with work.phase("profile"):
        work.con.register("standard", standard)
        prepare(work.con, work.entity, "standard")
        work.con.unregister("standard")
        profile = profile_contacts(work.con, work.declaration, "prepared")
        build_features(work.con, work.declaration, "prepared", profile)
        work.con.execute("DROP TABLE prepared")
    return profile


@dataclass
class Solved:
    """Clusters of all records, counts of the blocks and of the pairs that were scored."""

    links: Links
    blocks: list[BlockCount]
    pairs: int

    def blocks_report(self) -> list[dict[str, Any]]:
        """One dictionary per blocking rule."""
        return [asdict(block) for block in self.blocks]


def solve(work: Work, model: PublishedModel, said: Verdicts) -> Solved:
    """Keys, pairs, weights and clusters of everything in `features`; leaves `known`, `keys`, `scored`, `clusters`."""
    con = work.con
    with work.phase("block"):
        build_keys(con, work.declaration, "features")
        blocks = count_blocks(con, work.declaration)
        pairs = candidate_pairs(con)
        add_term_frequencies(con, model, "features", "known")
        con.execute("DROP TABLE features")
    with work.phase("score"):
        score_pairs(con, model, "known", "pairs", "scored")
        con.execute("DROP TABLE pairs")
    with work.phase("cluster"):
        links = cluster(work, model, said)
    return Solved(links, blocks, pairs)


def cluster(work: Work, model: PublishedModel, said: Verdicts, records: str = "known") -> Links:
    """Clusters what `known` and `scored` hold; creates `clusters` (record_id, cluster) for all of table `records`."""
    con = work.con
    links = link(
        con, model, "known", "scored", auto=work.limits.auto, must=said.match, never=said.no_match, despite=said.despite
    )
    con.register("cluster_rows", links.clusters)
    con.execute(
        "CREATE OR REPLACE TABLE clusters AS SELECT f.record_id, coalesce(c.cluster, f.record_id) AS cluster "
        f"FROM {records} f LEFT JOIN cluster_rows c USING (record_id)"
    )
    con.unregister("cluster_rows")
    return links
