"""The asset checks: which there are, and their results from deliveries, counts and laws.

Severity: WARN is for looking at, ERROR says that something was not taken or is broken. The checks of a delivery do not
block Dagster's steps even with ERROR, since what they refuse is left out of the run already and the other sources go
on; the laws before publishing do block.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import dagster as dg

from connectors.landing import Landed
from orchestration import laws
from orchestration.steps import FAILED

READ, COLUMNS, VOLUME, DRIFT = "source_read", "mapped_columns", "volume_floor", "schema_drift"
CEILING = "volume_ceiling"
QUARANTINE = "quarantine_share"

QUARANTINE_LIMIT = 0.05
"""Share of a delivery's rows in quarantine from which the check warns: a few broken rows are everyday life."""

_OF_STREAM = {
    READ: "The source could be read, after the attempts that `retry` allows.",
    COLUMNS: "Every column that `fields` and `key` name was delivered; otherwise nothing of the stream is taken.",
    VOLUME: "A snapshot holds at least `volume_floor` of the rows of the one before; otherwise it is refused.",
    CEILING: "A snapshot holds at most `volume_ceiling` times the rows of the one before; otherwise it is refused.",
    DRIFT: "The delivered columns and their types are those of the delivery before.",
}
_OF_LAW = {
    laws.ONE_GOLDEN: "Every current source record is in exactly one golden record, every deleted one in none.",
    laws.NO_EMPTY: "Every golden record has at least one source record.",
    laws.CLUSTER_SIZE: "No golden record holds more source records than `max_cluster`.",
    laws.NO_GAP: "Events are numbered from 1 without a gap.",
}
BEFORE = (laws.ONE_GOLDEN, laws.NO_EMPTY, laws.CLUSTER_SIZE)
AFTER = (laws.ONE_GOLDEN, laws.NO_EMPTY, laws.NO_GAP)


def stream_specs(asset: str) -> list[dg.AssetCheckSpec]:
    """The checks of a raw asset."""
    return [dg.AssetCheckSpec(name, asset=asset, description=words) for name, words in _OF_STREAM.items()]


def stream_results(asset: str, landed: Landed) -> Iterator[dg.AssetCheckResult]:
    """How a delivery was found; a check that could not be made, because an earlier one failed, is not reported."""

    def result(name: str, passed: bool, words: str, *, warn: bool = False, **numbers: Any) -> dg.AssetCheckResult:
        severity = dg.AssetCheckSeverity.WARN if warn else dg.AssetCheckSeverity.ERROR
        return dg.AssetCheckResult(
            asset_key=asset, check_name=name, passed=passed, severity=severity, description=words, metadata=numbers
        )

    error = landed.error or ""
    yield result(READ, landed.status != "failed", error if landed.status == "failed" else "read")
    if landed.status == "failed":
        return
    missing = bool(landed.missing_columns)
    few = landed.status == "refused" and not missing and landed.guard != "ceiling"
    many = landed.status == "refused" and not missing and landed.guard == "ceiling"
    yield result(COLUMNS, not missing, error if missing else "all delivered")
    if missing:
        return
    yield result(VOLUME, not few, error if few else f"{landed.rows:,} rows", rows=landed.rows)
    yield result(CEILING, not many, error if many else f"{landed.rows:,} rows", rows=landed.rows)
    drift = "; ".join(landed.drift)
    yield result(DRIFT, not drift, drift or "the same columns as before", warn=True)


def quarantine_spec(asset: str) -> dg.AssetCheckSpec:
    """The check of the share of quarantined rows."""
    words = f"Less than {QUARANTINE_LIMIT:.0%} of the rows of every delivery were set aside."
    return dg.AssetCheckSpec(QUARANTINE, asset=asset, description=words)


def quarantine_result(sources: list[dict[str, Any]]) -> dg.AssetCheckResult:
    """Streams of which too large a share went to quarantine, from `steps.source_rows`."""
    shares = {
        f"{row['source']}.{row['stream']}": row["quarantined"] / (row["rows"] + row["quarantined"])
        for row in sources
        if row["quarantined"] and row["status"] not in FAILED
    }
    much = {name: share for name, share in shares.items() if share >= QUARANTINE_LIMIT}
    words = ", ".join(f"{name}: {share:.1%} set aside" for name, share in much.items())
    return dg.AssetCheckResult(
        check_name=QUARANTINE,
        passed=not much,
        severity=dg.AssetCheckSeverity.WARN,
        description=words or "few rows were set aside, or none",
        metadata={name: round(share, 4) for name, share in much.items()},
    )


def law_specs(asset: str, names: tuple[str, ...], *, blocking: bool) -> list[dg.AssetCheckSpec]:
    """The laws as checks of an asset; with `blocking` a broken one keeps later assets from running."""
    return [
        dg.AssetCheckSpec(name, asset=asset, description=_OF_LAW[name], blocking=blocking and name != laws.CLUSTER_SIZE)
        for name in names
    ]


def law_result(asset: str, verdict: laws.Verdict) -> dg.AssetCheckResult:
    """A verdict as the result of an asset check."""
    return dg.AssetCheckResult(
        asset_key=asset,
        check_name=verdict.law,
        passed=verdict.passed,
        severity=dg.AssetCheckSeverity[verdict.severity],
        description=verdict.words,
        metadata={**verdict.counts, **({"examples": verdict.examples} if verdict.examples else {})},
    )


BLOCKING = "contracts_blocking"


def contract_specs(asset: str, sources: list[str]) -> list[dg.AssetCheckSpec]:
    """One check per source, and one that blocks: for rules of contracts that let nothing be published."""
    words = "No open finding of severity error is on a record of {}, by the contracts of the stages."
    blocking = "No rule of the contracts that says `blocking` has new findings."
    return [
        *(dg.AssetCheckSpec(_of_source(name), asset=asset, description=words.format(name)) for name in sources),
        dg.AssetCheckSpec(BLOCKING, asset=asset, description=blocking, blocking=True),
    ]


def contract_results(
    asset: str, sources: list[str], standing: dict[str, dict[str, dict[str, int]]], blocking: list[str]
) -> list[dg.AssetCheckResult]:
    """How each source's records stand: source → severity → rule → open findings; and what blocks."""
    results = []
    for name in sources:
        found = standing.get(name, {})
        errors = sum(found.get("error", {}).values())
        rules = sorted(((n, rule) for of in found.values() for rule, n in of.items()), reverse=True)
        shown = ", ".join(f"{rule}: {n:,}" for n, rule in rules[:5])
        results.append(
            dg.AssetCheckResult(
                asset_key=asset,
                check_name=_of_source(name),
                passed=not errors,
                severity=dg.AssetCheckSeverity.WARN,
                description=shown or "nothing open",
                metadata={severity: sum(of.values()) for severity, of in found.items()},
            )
        )
    results.append(
        dg.AssetCheckResult(
            asset_key=asset,
            check_name=BLOCKING,
            passed=not blocking,
            severity=dg.AssetCheckSeverity.ERROR,
            description="; ".join(blocking) or "nothing blocks",
        )
    )
    return results


def _of_source(source: str) -> str:
    return f"contracts_{source.replace('-', '_')}"
