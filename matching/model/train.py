"""Training without labels: u from random pairs and value counts, m and the prior by EM over the blocks.

Fails loudly (ModelError) when nothing can be learned; every level says whether data or the declaration's prior stands
behind it. Scores are made by Splink with the result (`matching.model.splink_model`).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from matching.keys import BlockCount, build_keys, candidate_pairs, count_blocks
from matching.model import em
from matching.model.conditions import quoted
from matching.model.patterns import Patterns, count_patterns
from matching.standardise.wordlists import list_groups
from models.errors import ModelError
from models.match_model import (
    All,
    Comparison,
    Condition,
    Declaration,
    Exact,
    Level,
    PublishedModel,
    TrainedLevel,
)

Floats = npt.NDArray[np.float64]
_RANDOM_PAIRS = 600_000
_SESSION_PAIRS = 400_000
_UNSEEN = 0.25
_ONE_CUSTOMER = 2.5
# A handful of records is a sample of a larger world, in which most pairs do not match.
_MOST_PRIOR = 0.002
_CHANCE_PAIRS = 100_000
_CHANCE_RECORDS = 20_000
_FEW_RECORDS = 100


@dataclass
class TrainingReport:
    """What training saw: pairs per rule, share of matches per session, levels taken from the prior or pooled."""

    records: int = 0
    blocks: list[BlockCount] = field(default_factory=list)
    sessions: dict[str, dict[str, float]] = field(default_factory=dict)
    from_prior: list[str] = field(default_factory=list)
    pooled: list[str] = field(default_factory=list)
    expected_matches: float = 0.0


def surname_shares() -> dict[str, float]:
    """Surname in ASCII → the share of persons who bear it, of the common ones."""
    return {name: float(per_cent) / 100.0 for name, per_cent in list_groups("surname_shares").items()}


def default_m(comparison: Comparison) -> Floats:
    """The prior of m: declared shares where there are any, the rest spread over the other levels, strongest first."""
    levels = comparison.levels
    m = np.zeros(len(levels))
    declared = sum(level.m or 0.0 for level in levels[1:])
    open_levels = [i for i, level in enumerate(levels) if i and level.m is None]
    spread = np.array([0.5**i for i in range(len(open_levels))])
    for i, level in enumerate(levels):
        m[i] = level.m or 0.0
    if open_levels:
        m[open_levels] = max(1.0 - declared, 0.02 * len(open_levels)) * spread / spread.sum()
    m[1:] /= m[1:].sum()
    return m


def strengths(declaration: Declaration) -> list[float]:
    """The weight of each comparison's prior, in pairs."""
    return [c.strength or declaration.prior_strength for c in declaration.comparisons]


def declared_ratios(declaration: Declaration) -> list[Floats]:
    """ln(m/u) of the levels whose weight is declared, NaN for those that are learned; one array per comparison."""
    return [
        np.array([np.nan if (w := level.declared_weight) is None else w * np.log(2.0) for level in c.levels])
        for c in declaration.comparisons
    ]


def random_pairs(con: duckdb.DuckDBPyConnection, features: str, target: str, seed: int = 1) -> float:
    """Creates `target` (left_id, right_id): all pairs of a small base, else about 600,000 drawn at random.

    Returns the number of all pairs of the base.
    """
    n = int(con.execute(f"SELECT count(*) FROM {features}").fetchall()[0][0])
    total = n * (n - 1) / 2
    if total <= _RANDOM_PAIRS:
        con.execute(
            f"CREATE OR REPLACE TEMP TABLE {target} AS SELECT a.record_id AS left_id, b.record_id AS right_id "
            f"FROM {features} a JOIN {features} b ON a.record_id < b.record_id"
        )
        return total
    ids = np.sort(con.execute(f"SELECT record_id FROM {features}").fetchnumpy()["record_id"])
    rng = np.random.default_rng(seed)
    left, right = rng.integers(0, n, _RANDOM_PAIRS), rng.integers(0, n, _RANDOM_PAIRS)
    keep = left != right
    drawn = pa.table({"left_id": ids[left[keep]], "right_id": ids[right[keep]]})
    con.register("drawn_pairs", drawn)
    con.execute(f"CREATE OR REPLACE TEMP TABLE {target} AS SELECT * FROM drawn_pairs")
    con.unregister("drawn_pairs")
    return total


def _equal_columns(when: Condition) -> list[str]:
    """The columns of a condition that is plain equality of them all; none where it is anything else."""
    parts = when.of if isinstance(when, All) else [when]
    columns = [part.column for part in parts if isinstance(part, Exact)]
    return columns if len(columns) == len(parts) else []


def _agreeing_pairs(con: duckdb.DuckDBPyConnection, level: Level, features: str) -> float | None:
    """Pairs of all records that agree, by counting values, for levels that are plain equality; else None."""
    when = level.when
    if when.kind == "overlap":
        each = f"SELECT DISTINCT record_id, unnest({quoted(when.column)}) AS v FROM {features}"
        counted = f"SELECT count(*) AS n FROM ({each}) GROUP BY v"
    elif columns := _equal_columns(when):
        given = " AND ".join(f"{quoted(c)} IS NOT NULL" for c in columns)
        counted = f"SELECT count(*) AS n FROM {features} WHERE {given} GROUP BY {', '.join(quoted(c) for c in columns)}"
    else:
        return None
    return float(con.execute(f"SELECT coalesce(sum(n * (n - 1) / 2), 0) FROM ({counted})").fetchall()[0][0])


def observed_u(
    con: duckdb.DuckDBPyConnection, declaration: Declaration, sample: Patterns, features: str, total: float
) -> list[Floats]:
    """Shares of the levels among all comparable pairs: from the sample, and from value counts for plain equality."""
    out = []
    for k, comparison in enumerate(declaration.comparisons):
        counts = np.bincount(sample.levels[:, k], weights=sample.counts, minlength=len(comparison.levels))
        seen = counts[1:].sum()
        u = np.zeros(len(comparison.levels))
        # A level never seen among n pairs is likely below 1/n, not impossible: half a pair each.
        if not seen:
            # No two records have it: agreement is taken to be as rare as it is for most attributes.
            u[1:] = 0.01 / max(len(u) - 2, 1)
            u[-1] = 0.99
            out.append(u)
            continue
        u[1:] = (counts[1:] + 0.5) / (seen + 0.5 * (len(u) - 1))
        comparable = max(seen / sample.pairs * total, 1.0)
        for i, level in enumerate(comparison.levels[1:-1], start=1):
            # Counting is exact for the first level; for a later one it is right as long as the earlier are rare.
            agreeing = _agreeing_pairs(con, level, features)
            if agreeing is None or (i > 1 and level.when.kind == "overlap"):
                break
            u[i] = max(agreeing / comparable, 0.1 / comparable)
        u[1:] /= u[1:].sum()
        out.append(u)
    return out


def without_matches(
    declaration: Declaration, u_all: list[Floats], m: list[Floats], prior: float, comparable: list[float]
) -> list[Floats]:
    """U of non-matches: the share among all pairs less what matches put there, never below 3 % of it.

    Where the declaration says how often chance agrees, that counts as `_CHANCE_PAIRS` pairs seen: of a small base
    nearly all agreement is that of matches. `comparable` is the number of pairs that each comparison could compare.
    """
    out = []
    for comparison, all_pairs, matched, pairs in zip(declaration.comparisons, u_all, m, comparable, strict=True):
        u = np.maximum((all_pairs - prior * matched) / (1.0 - prior), 0.03 * all_pairs)
        for i, level in enumerate(comparison.levels):
            if level.chance is not None:
                u[i] = (u[i] * pairs + level.chance * _CHANCE_PAIRS) / (pairs + _CHANCE_PAIRS)
        u[0] = 0.0
        u[1:] /= u[1:].sum()
        out.append(u)
    return out


def comparable_pairs(declaration: Declaration, sample: Patterns, total: float) -> list[float]:
    """Of all `total` pairs, how many each comparison can compare: neither side is missing."""
    return [
        float(sample.counts[sample.levels[:, k] > 0].sum() / max(sample.pairs, 1.0) * total)
        for k in range(len(declaration.comparisons))
    ]


def monotonic(weights: Floats, sizes: Floats) -> Floats:
    """Weights made non-increasing by pooling adjacent violators (Ayer et al. 1955), weighted by `sizes`."""
    blocks: list[list[float]] = []
    for weight, size in zip(weights, sizes, strict=True):
        blocks.append([float(weight), float(max(size, 1e-9)), 1])
        while len(blocks) > 1 and blocks[-2][0] < blocks[-1][0]:
            w, s, n = blocks.pop()
            blocks[-1] = [
                (blocks[-1][0] * blocks[-1][1] + w * s) / (blocks[-1][1] + s),
                blocks[-1][1] + s,
                blocks[-1][2] + n,
            ]
    return np.array([w for w, _, n in blocks for _ in range(int(n))])


def term_frequencies(
    con: duckdb.DuckDBPyConnection,
    column: str,
    features: str,
    cluster_size: float,
    chance: float | None = None,
    shares: Mapping[str, float] | None = None,
) -> tuple[dict[str, float], float]:
    """How likely another customer's record shows a value: per value seen more often than once, and for all others.

    The records of one customer share their values, so the customer's own `cluster_size` records are taken off the
    count before it speaks of chance; a count that one customer may well have alone (`_ONE_CUSTOMER` times the usual)
    says nothing, and counts as a quarter of a customer. A count of few records is drawn towards that, since what is
    frequent among a hundred records need not be so elsewhere. `chance` is how often a value that is not common is met
    elsewhere; it counts as `_CHANCE_RECORDS` records seen.

    With `shares` (value → how common it is in the world) those count as `_CHANCE_RECORDS` records seen, too, and what
    is rare here is at least as rare as `chance`: few records cannot tell.
    """
    (have,) = con.execute(f"SELECT count(*) FROM {features} WHERE {quoted(column)} IS NOT NULL").fetchall()[0]
    have = max(int(have), 1)
    floor = _UNSEEN * cluster_size
    rows = con.execute(
        f"SELECT {quoted(column)}, count(*) FROM {features} WHERE {quoted(column)} IS NOT NULL "
        f"GROUP BY 1 HAVING count(*) > {_ONE_CUSTOMER * cluster_size!r} ORDER BY 1"
    ).fetchall()
    known = 0 if chance is None else _CHANCE_RECORDS
    rare = (floor + known * (chance or 0.0)) / (have + known)
    if shares is not None:
        rare = min(rare, floor / have)
    found = {str(v): max((n - cluster_size + rare * _FEW_RECORDS) / (have + _FEW_RECORDS), rare) for v, n in rows}
    if shares is not None:
        of_world = _CHANCE_RECORDS / (have + _CHANCE_RECORDS)
        here = 1.0 - of_world
        found |= {v: max(found.get(v, rare) * here + share * of_world, rare) for v, share in shares.items()}
    return found, rare


@dataclass
class _Session:
    """Counted comparison vectors of one blocking rule's pairs, and the comparisons that the rule does not touch."""

    rule: str
    patterns: Patterns
    used: list[int]
    pairs: int


def _sessions(con: duckdb.DuckDBPyConnection, declaration: Declaration, features: str) -> list[_Session]:
    """The pairs of each training rule (at most `_SESSION_PAIRS` of them, drawn evenly), as counted vectors."""
    out = []
    for number, rule in enumerate((*declaration.blocking, *declaration.training)):
        touched = {part.column for part in rule.parts}
        used = [k for k, c in enumerate(declaration.comparisons) if not touched & set(c.columns)]
        if not rule.train or not used:
            continue
        con.execute(
            f"CREATE OR REPLACE TEMP TABLE session_pairs AS WITH usable AS (SELECT k.key, k.record_id FROM keys k "
            f"JOIN sizes_keys s ON s.key = k.key AND s.rule = k.rule WHERE k.rule = {number} AND s.n <= s.cap) "
            f"SELECT DISTINCT a.record_id AS left_id, b.record_id AS right_id FROM usable a JOIN usable b "
            f"ON a.key = b.key AND a.record_id < b.record_id"
        )
        (n,) = con.execute("SELECT count(*) FROM session_pairs").fetchall()[0]
        if not n:
            continue
        patterns = count_patterns(con, declaration, _thinned(con, "session_pairs", int(n)), features)
        out.append(_Session(rule.name, patterns, used, int(n)))
    return out


def _thinned(con: duckdb.DuckDBPyConnection, pairs: str, n: int) -> str:
    """The table `pairs`, of more than `_SESSION_PAIRS` pairs about so many, chosen by their ids alone."""
    if n > _SESSION_PAIRS:
        share = int(1000003 * _SESSION_PAIRS / n)
        con.execute(f"DELETE FROM {pairs} WHERE (left_id % 1000003 + right_id % 1000003) % 1000003 >= {share}")
    return pairs


def _fit_sessions(
    declaration: Declaration, sessions: list[_Session], u: list[Floats], report: TrainingReport
) -> tuple[list[Floats], float, list[Floats]]:
    """One EM per session: m over all sessions, the most matches that one expects, and the matches seen per level."""
    start = [default_m(c) for c in declaration.comparisons]
    strength, declared = strengths(declaration), declared_ratios(declaration)
    gathered = [weight * s for weight, s in zip(strength, start, strict=True)]
    most = 0.0
    for session in sessions:
        fitted = em.fit(session.patterns, u, start, session.used, declared, strength=strength, share=0.3)
        report.sessions[session.rule] = {"pairs": float(session.pairs), "share": fitted.share}
        most = max(most, session.pairs * fitted.share)
        # A rule with many more matches than the others must not drown what they say.
        scale = min(1.0, 20_000 / max(session.patterns.pairs * fitted.share, 1.0))
        for k in session.used:
            gathered[k][1:] += fitted.matches[k][1:] * scale
    m = []
    for g in gathered:
        m.append(np.concatenate([[0.0], g[1:] / g[1:].sum()]))
    seen = [g - weight * s for g, weight, s in zip(gathered, strength, start, strict=True)]
    return m, most, seen


def train(
    con: duckdb.DuckDBPyConnection,
    declaration: Declaration,
    features: str,
    *,
    model_id: str,
    parser_version: str,
    versions: Mapping[str, str],
    now: dt.datetime | None = None,
) -> tuple[PublishedModel, TrainingReport]:
    """Trains a model for `declaration` on the DuckDB table `features` (record_id and the declaration's columns).

    Raises ModelError when there are too few records or no attribute that two records could agree on.
    """
    report = TrainingReport()
    report.records = int(con.execute(f"SELECT count(*) FROM {features}").fetchall()[0][0])
    if report.records < 2:
        raise ModelError(f"{declaration.entity_type}: {report.records} records are too few to train a model")
    build_keys(con, declaration, features)
    candidate = "training_pairs"
    report.blocks = count_blocks(con, declaration)
    n = candidate_pairs(con, candidate)
    wider = declaration.model_copy(update={"blocking": [*declaration.blocking, *declaration.training], "training": []})
    build_keys(con, wider, features)
    count_blocks(con, wider)
    total = random_pairs(con, features, "random_pairs")
    sample = count_patterns(con, declaration, "random_pairs", features)
    u_all = observed_u(con, declaration, sample, features, total)
    start = [default_m(c) for c in declaration.comparisons]
    candidates = count_patterns(con, declaration, _thinned(con, candidate, n), features)
    candidates = Patterns(candidates.levels, candidates.counts * (n / max(candidates.pairs, 1.0)))
    m, prior = start, min(0.01, max(1.0 / report.records, 1.0 / total))
    comparable = comparable_pairs(declaration, sample, total)
    u = without_matches(declaration, u_all, m, prior, comparable)
    used = list(range(len(declaration.comparisons)))
    sessions = _sessions(con, declaration, features)
    for _ in range(3):
        m, expected, gathered = _fit_sessions(declaration, sessions, u, report)
        prior = float(np.clip(expected / total, 0.02 / total, 0.2))
        fitted = em.fit(
            candidates,
            u,
            m,
            used,
            declared_ratios(declaration),
            strength=strengths(declaration),
            share=prior,
            total_pairs=total,
            learn_m=False,
        )
        prior = min(fitted.share, _MOST_PRIOR)
        report.expected_matches = prior * total
        u = without_matches(declaration, u_all, m, prior, comparable)
    matches = gathered
    levels = _levels(declaration, m, u, matches, sample, report)
    frequencies: dict[str, dict[str, float]] = {}
    rare: dict[str, float] = {}
    size = 1.0 + 2.0 * report.expected_matches / report.records
    told = {at.term_frequency: at for c in declaration.comparisons for at in c.levels if at.term_frequency}
    for column in declaration.term_frequency_columns():
        level = told[column]
        shares = surname_shares() if level.shares else None
        frequencies[column], rare[column] = term_frequencies(con, column, features, size, level.rare, shares)
    for name in ("session_pairs", "random_pairs", "training_pairs"):
        con.execute(f"DROP TABLE IF EXISTS {name}")
    return (
        PublishedModel(
            model_id=model_id,
            entity_type=declaration.entity_type,
            declaration=declaration,
            parser_version=parser_version,
            versions=dict(versions),
            records=report.records,
            prior=prior,
            levels=levels,
            term_frequencies=frequencies,
            rare=rare,
            created_at=(now or dt.datetime.now(dt.UTC)).isoformat(),
        ),
        report,
    )


def _levels(
    declaration: Declaration,
    m: list[Floats],
    u: list[Floats],
    matches: list[Floats],
    sample: Patterns,
    report: TrainingReport,
) -> dict[str, list[TrainedLevel | None]]:
    out: dict[str, list[TrainedLevel | None]] = {}
    for k, comparison in enumerate(declaration.comparisons):
        weights = np.log2(m[k][1:]) - np.log2(u[k][1:])
        learned = np.array([level.declared_weight is None for level in comparison.levels[1:]])
        straight = weights.copy()
        straight[learned] = monotonic(weights[learned], matches[k][1:][learned] + 1.0)
        trained: list[TrainedLevel | None] = [None]
        for i, level in enumerate(comparison.levels[1:]):
            if level.declared_weight is not None:
                trained.append(TrainedLevel(m=level.m or 0.0, u=level.u or 0.0, origin="declared"))
                continue
            origin: Any = "data" if matches[k][i + 1] >= 5 else "prior"
            name = f"{comparison.name}: {level.label}"
            if origin == "prior":
                report.from_prior.append(name)
            m_i, u_i = float(m[k][i + 1]), float(u[k][i + 1])
            if abs(straight[i] - weights[i]) > 1e-9 and not level.tie:
                origin = "pooled"
                report.pooled.append(name)
                u_i = m_i / 2.0 ** float(straight[i])
            trained.append(TrainedLevel(m=m_i, u=min(u_i, 1.0), origin=origin))
        out[comparison.name] = trained
    told = (one for levels in out.values() for one in levels if one is not None and one.origin != "declared")
    if all(abs(np.log2(one.m / one.u)) < 0.1 for one in told):
        raise ModelError(f"{declaration.entity_type}: no attribute tells records apart; map more attributes")
    return out
