"""Splink with the settings that its documentation shows, on raw data: the baseline of the quality benchmark.

No standardisation but lower case and empty values to null, as in the examples; thresholds as in the examples.
"""

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import duckdb
import splink.comparison_library as cl
from splink import DuckDBAPI, Linker, SettingsCreator, block_on

Clusters = dict[tuple[str, str], str]


def historical(data: Path) -> Clusters:
    """The documentation's example "Deduplicate 50k rows historical persons", clustered at probability 0.95."""
    path = next(iter(sorted((data / "historical").glob("*.parquet"))))
    con = duckdb.connect()
    con.execute(
        "CREATE TABLE people AS SELECT unique_id, first_name, surname, dob, postcode_fake, birth_place, occupation,"
        " CASE WHEN first_name IS NOT NULL AND surname IS NOT NULL THEN first_name || ' ' || surname END"
        " AS first_name_surname_concat FROM read_parquet(?)",
        [str(path)],
    )
    rules = [
        block_on("substr(first_name,1,3)", "substr(surname,1,4)"),
        block_on("surname", "dob"),
        block_on("first_name", "dob"),
        block_on("postcode_fake", "first_name"),
        block_on("postcode_fake", "surname"),
        block_on("dob", "birth_place"),
        block_on("substr(postcode_fake,1,3)", "dob"),
        block_on("substr(postcode_fake,1,3)", "first_name"),
        block_on("substr(postcode_fake,1,3)", "surname"),
        block_on("substr(first_name,1,2)", "substr(surname,1,2)", "substr(dob,1,4)"),
    ]
    comparisons = [
        cl.ForenameSurnameComparison(
            "first_name", "surname", forename_surname_concat_col_name="first_name_surname_concat"
        ),
        cl.DateOfBirthComparison("dob", input_is_string=True),
        cl.PostcodeComparison("postcode_fake"),
        cl.ExactMatch("birth_place").configure(term_frequency_adjustments=True),
        cl.ExactMatch("occupation").configure(term_frequency_adjustments=True),
    ]
    deterministic = [
        "l.first_name = r.first_name and l.surname = r.surname and l.dob = r.dob",
        "substr(l.first_name,1,2) = substr(r.first_name,1,2) and l.surname = r.surname"
        " and substr(l.postcode_fake,1,2) = substr(r.postcode_fake,1,2)",
        "l.dob = r.dob and l.postcode_fake = r.postcode_fake",
    ]
    sessions = [block_on("first_name", "surname"), block_on("dob")]
    return _run(con, "people", "wikidata", comparisons, rules, deterministic, 0.6, sessions)


def early_childhood(data: Path) -> Clusters:
    """A plain model in the style of the documentation's examples, over raw name, address, phone and zip."""
    con = duckdb.connect()
    con.execute(
        "CREATE TABLE sites AS SELECT CAST(id AS VARCHAR) AS unique_id, nullif(lower(trim(name)), '') AS name,"
        " nullif(lower(trim(address)), '') AS address, nullif(trim(zip), '') AS zip, nullif(trim(phone), '') AS phone"
        " FROM read_csv(?, all_varchar=true)",
        [str(data / "early_childhood" / "sites.csv")],
    )
    rules = [
        block_on("name"),
        block_on("phone"),
        block_on("address"),
        block_on("substr(name,1,5)", "substr(address,1,4)"),
        block_on("substr(address,1,8)"),
        block_on("substr(name,1,8)"),
    ]
    comparisons = [
        cl.JaroWinklerAtThresholds("name", [0.95, 0.88]).configure(term_frequency_adjustments=True),
        cl.JaroWinklerAtThresholds("address", [0.95, 0.88]).configure(term_frequency_adjustments=True),
        cl.LevenshteinAtThresholds("phone", 1),
        cl.ExactMatch("zip"),
    ]
    deterministic = ["l.name = r.name and l.address = r.address", "l.name = r.name and l.phone = r.phone"]
    sessions = [block_on("name"), block_on("address"), block_on("phone")]
    return _run(con, "sites", "sites", comparisons, rules, deterministic, 0.6, sessions)


def _run(
    con: duckdb.DuckDBPyConnection,
    table: str,
    source: str,
    comparisons: Sequence[Any],
    rules: Sequence[Any],
    deterministic: list[Any],
    recall: float,
    sessions: Sequence[Any],
    probability: float = 0.95,
) -> Clusters:
    """Train without labels, predict, cluster; returns the cluster of every record."""
    logging.getLogger("splink").setLevel(logging.ERROR)
    settings = SettingsCreator(
        link_type="dedupe_only",
        comparisons=list(comparisons),
        blocking_rules_to_generate_predictions=list(rules),
        max_iterations=10,
        em_convergence=0.01,
    )
    linker = Linker(DuckDBAPI(con).register(table), settings, log_level=logging.ERROR)
    linker.training.estimate_probability_two_random_records_match(deterministic, recall=recall)
    linker.training.estimate_u_using_random_sampling(max_pairs=5e6, seed=1)
    for session in sessions:
        linker.training.estimate_parameters_using_expectation_maximisation(session)
    predicted = linker.inference.predict()
    clustered = linker.clustering.cluster_pairwise_predictions_at_threshold(
        predicted, threshold_match_probability=probability
    )
    rows = con.execute(f"SELECT unique_id, cluster_id FROM {clustered.physical_name}").fetchall()
    return {(source, str(key)): str(cluster) for key, cluster in rows}


BASELINES = {"historical": historical, "early_childhood": early_childhood}
