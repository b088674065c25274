"""Bare Splink, as its documentation uses it: register a table, predict, cluster. The baseline for speed."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import duckdb
from splink import DuckDBAPI, Linker, SettingsCreator

from benchmarks.measure import Watch


@dataclass(frozen=True, slots=True)
class BareRun:
    """Wall seconds by phase, the largest resident memory of the process meanwhile, what came out."""

    seconds: dict[str, float]
    peak_mb: float
    pairs: int
    clusters: int

    @property
    def total(self) -> float:
        """Seconds of all phases."""
        return sum(self.seconds.values())


def bare_splink(
    connection: duckdb.DuckDBPyConnection,
    table: str,
    settings: dict[str, Any],
    rules: Sequence[str | dict[str, Any]],
    weight: float,
) -> BareRun:
    """Score and cluster the records of `table` with a trained model.

    `settings` is a Splink settings dictionary with m and u filled, `rules` its blocking rules (SQL, or a dictionary
    with `arrays_to_explode`), `weight` the match weight in bits from which pairs are kept and clustered.
    """
    logging.getLogger("splink").setLevel(logging.ERROR)
    settings = {**settings, "blocking_rules_to_generate_predictions": list(rules)}
    api = DuckDBAPI(connection)
    with Watch() as register:
        linker = Linker(api.register(table), SettingsCreator(**settings), log_level=logging.ERROR)
    with Watch() as predict:
        predicted = linker.inference.predict(threshold_match_weight=weight, warning_mode="never")
    with Watch() as cluster:
        clustered = linker.clustering.cluster_pairwise_predictions_at_threshold(
            predicted, threshold_match_weight=weight
        )
    pairs = connection.execute(f"SELECT count(*) FROM {predicted.physical_name}").fetchall()[0][0]
    clusters = connection.execute(f"SELECT count(DISTINCT cluster_id) FROM {clustered.physical_name}").fetchall()[0][0]
    phases = {"register": register, "predict": predict, "cluster": cluster}
    return BareRun({n: w.seconds for n, w in phases.items()}, max(w.peak_mb for w in phases.values()), pairs, clusters)
