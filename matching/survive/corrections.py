"""What a source should correct: values of its records that lost against another golden value."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from matching.survive.provenance import expand_provenance


def lost_values(values: Mapping[str, Any], provenance: str | bytes, source: str) -> list[dict[str, Any]]:
    """Per lost value of the source: record (number as text), stream, key, attribute, source_value, golden_value, rule.

    A record that lost an attribute with several values to others, and one whose value equals the golden one in its
    standard form, have nothing to correct.
    """
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for name, told in expand_provenance(provenance, values).items():
        golden = values.get(name)
        for loser in told.get("losers", ()):
            if loser["source"] != source or golden is None or loser["value"] == golden:
                continue
            found.setdefault(
                (loser["record"], name),
                {
                    "record": loser["record"],
                    "stream": loser["stream"],
                    "source_key": loser["key"],
                    "attribute": name,
                    "source_value": loser["value"],
                    "golden_value": golden,
                    "rule": told["rule"],
                },
            )
    return list(found.values())
