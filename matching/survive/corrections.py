"""What a source should correct: values of its records that lost against another golden value."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from matching.survive.provenance import expand_provenance
from matching.survive.spelling import met
from models.config import Config


def lost_values(
    config: Config, entity: str, values: Mapping[str, Any], provenance: str | bytes, source: str
) -> list[dict[str, Any]]:
    """Per lost value of the source: record (number as text), stream, key, attribute, source_value, golden_value, rule.

    A record that lost an attribute with several values to others, and one whose value equals the golden one in its
    standard form, have nothing to correct.
    """
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for name, told in expand_provenance(provenance, values).items():
        golden = values.get(name)
        for loser in told.get("losers", ()):
            if loser["source"] != source or golden is None or _says_the_same(config, entity, name, loser, values):
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


def _says_the_same(config: Config, entity: str, name: str, loser: Mapping[str, Any], values: Mapping[str, Any]) -> bool:
    """Whether a lost value is the golden one, if perhaps in another spelling (广州 and 广州市)."""
    lost, golden = loser["value"], values[name]
    if lost == golden or "reason" in loser or not isinstance(lost, str):
        return bool(lost == golden)
    theirs = [one for one in (golden if isinstance(golden, list) else [golden]) if isinstance(one, str)]
    return met(config, entity, name, ([lost], theirs), (values, values))[0] == [True]
