"""From what a person typed, or put into a CSV, to entries of the decision log, and back to what a person reads.

Resolves the names of records and refuses what cannot be meant; what a decision does to clusters is matching's work.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow.compute as pc

from models.config import Config, nearest
from models.errors import ConfigError
from models.vocabulary import record_id

if TYPE_CHECKING:
    from models.store import Store

COLUMNS = ("verdict", "left", "right", "by", "reason")
VERDICTS = {"match": "match", "no-match": "no_match", "no_match": "no_match"}
MISTAKES_SHOWN = 20


@dataclass(frozen=True)
class Verdict:
    """A person's word on two records, as given. `line` is its place in a file (1-based), 0 without one."""

    verdict: str
    left: str
    right: str
    by: str
    reason: str
    line: int = 0


@dataclass(frozen=True)
class Found:
    """A record that a name stands for."""

    record_id: int
    entity_type: str
    stream: str


def read_verdicts(path: Path, *, by: str | None = None, reason: str | None = None) -> list[Verdict]:
    """Read a CSV (UTF-8) of decisions; `by` and `reason` stand in where a row does not say.

    Raises ConfigError naming the lines that are incomplete or have an unknown verdict.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file)
            names = reader.fieldnames or []
            optional = {"by": by, "reason": reason}
            absent = [c for c in COLUMNS if c not in names and not optional.get(c)]
            if absent:
                raise ConfigError(
                    f"decisions need the columns {', '.join(COLUMNS)}; {', '.join(absent)} is missing", file=str(path)
                )
            verdicts = [
                Verdict(
                    verdict=(row["verdict"] or "").strip(),
                    left=(row["left"] or "").strip(),
                    right=(row["right"] or "").strip(),
                    by=(row.get("by") or by or "").strip(),
                    reason=(row.get("reason") or reason or "").strip(),
                    line=reader.line_num,
                )
                for row in reader
            ]
    except FileNotFoundError:
        raise ConfigError("there is no such file", file=str(path)) from None
    except (UnicodeDecodeError, csv.Error) as error:
        raise ConfigError(f"not readable as CSV in UTF-8: {error}", file=str(path)) from error
    mistakes = []
    for v in verdicts:
        empty = [c for c in COLUMNS if not getattr(v, c)]
        if empty:
            mistakes.append(f"line {v.line}: {', '.join(empty)} is empty")
        elif v.verdict not in VERDICTS:
            mistakes.append(f"line {v.line}: unknown verdict '{v.verdict}'; valid: match, no-match")
    _refuse(mistakes, path)
    return verdicts


def record_verdicts(
    store: Store, config: Config, verdicts: Sequence[Verdict], *, file: Path | None = None
) -> list[int]:
    """Append the decisions to the log, all of them or none, and return their ids.

    Raises ConfigError naming every record that is unknown, ambiguous, of another entity type than its partner, or
    given as its own partner.
    """
    found = find_records(store, config, (name for v in verdicts for name in (v.left, v.right)))
    mistakes: list[str] = []
    entries: list[dict[str, Any]] = []
    for v in verdicts:
        where = f"line {v.line}: " if v.line else ""
        said = [
            f"{where}{name}: {found[name]}" for name in dict.fromkeys((v.left, v.right)) if isinstance(found[name], str)
        ]
        if said:
            mistakes.extend(said)
            continue
        try:
            left, right, entity_type = _pair(v, found)
        except ValueError as error:
            mistakes.append(f"{where}{error}")
            continue
        entries.append(
            {
                "kind": "pair",
                "verdict": VERDICTS[v.verdict],
                "entity_type": entity_type,
                "left_id": min(left, right),
                "right_id": max(left, right),
                "by": v.by,
                "reason": v.reason,
                **_evidence(store, config, entity_type, left, right),
            }
        )
    _refuse(mistakes, file)
    return store.add_decisions(entries)


def _evidence(store: Store, config: Config, entity_type: str, left: int, right: int) -> dict[str, Any]:
    from serving.stewardship.bench import bench_of
    from serving.stewardship.evidence import evidence_of

    evidence, model_id = evidence_of(bench_of(store, config), entity_type, [left, right])
    return {"evidence": evidence, "model_id": model_id}


def take_effect_now(store: Store, config: Config) -> bool:
    """Let what was recorded take effect; false where that waits for a run. Raises StoreError."""
    from functools import partial

    from connectors.mapping import remap
    from matching.effect import catch_up

    return catch_up(store, config, lambda entity: partial(remap, config, entity=entity)) is not None


def golden_named(store: Store, config: Config, name: str) -> str:
    """The golden id that is meant: itself, or that of the record SOURCE:KEY. Raises ConfigError."""
    if ":" not in name:
        found = store.resolve_id(name)
        if found is None:
            raise ConfigError(f"there is no golden record '{name}'")
        return found
    homes = store.memberships([record_named(store, config, name)])["golden_id"].to_pylist()
    if not homes:
        raise ConfigError(f"{name} is in no golden record")
    return str(homes[0])


def pair_named(store: Store, config: Config, left: str, right: str) -> tuple[int, int]:
    """The two records that are meant. Raises ConfigError."""
    found = find_records(store, config, [left, right])
    _refuse([f"{n}: {found[n]}" for n in dict.fromkeys((left, right)) if isinstance(found[n], str)], None)
    try:
        one, other, _ = _pair(Verdict("match", left, right, "", ""), found)
    except ValueError as error:
        raise ConfigError(f"{error}\nno decision was recorded") from None
    return one, other


def record_named(store: Store, config: Config, name: str) -> int:
    """The one record that a name stands for. Raises ConfigError."""
    found = find_records(store, config, [name])[name]
    if isinstance(found, str):
        raise ConfigError(f"{name}: {found}")
    if len(found) > 1:
        streams = ", ".join(one.stream for one in found)
        raise ConfigError(f"{name}: the key exists in several streams ({streams}); name it SOURCE.STREAM:KEY")
    return found[0].record_id


def undo(store: Store, number: int, *, by: str, reason: str) -> int:
    """Append that a decision holds no longer; returns the number of that entry. The decision itself stays in the log.

    Raises ConfigError when there is no such decision, or it does not hold any more.
    """
    log = store.decisions()
    known = {row["id"]: row for row in log.filter(pc.field("id") == number).to_pylist()} if number < 2**63 else {}
    if number not in known:
        raise ConfigError(f"there is no decision {number}; 'kehu decide list' shows those that hold")
    said = known[number]
    if said["undoes"] is not None:
        raise ConfigError(f"decision {number} undid decision {said['undoes']}; decide again instead")
    for later in log.filter(pc.field("undoes") == number).to_pylist():
        raise ConfigError(
            f"decision {number} was undone already, by decision {later['id']} "
            f"({later['by']}, {later['at']:%Y-%m-%d %H:%M} UTC)"
        )
    about = {name: said[name] for name in ("kind", "verdict", "entity_type", "left_id", "right_id")}
    entry = {**about, "by": by, "reason": reason, "undoes": number, "records": store.records_of_decision(number)}
    return store.add_decisions([entry])[0]


def decided(store: Store, *, everything: bool = False, limit: int) -> tuple[int, list[dict[str, Any]]]:
    """How many decisions hold, and the newest of them: id, verdict, left, right, by, reason, at, undoes, undone_by.

    With `everything` also those that were undone, and the entries that undid them. Records are named
    SOURCE.STREAM:KEY; those that the hub does not hold by their number.
    """
    with store.snapshot():
        log = store.decisions()
        undone = {row["undoes"]: row["id"] for row in log.select(["id", "undoes"]).to_pylist() if row["undoes"]}
        if not everything:
            log = store.decisions(active_only=True)
        newest = log.slice(max(0, len(log) - limit)).to_pylist()[::-1]
        ids = sorted({row[side] for row in newest for side in ("left_id", "right_id")} - {None})
        columns = ["source", "stream", "source_key"]
        records = store.records_by_id(ids, columns).to_pylist() if ids else []
    names = {r["record_id"]: f"{r['source']}.{r['stream']}:{r['source_key']}" for r in records}
    shown = {given: word for word, given in VERDICTS.items() if word != given}

    def name(record: int | None) -> str | None:
        return None if record is None else names.get(record, f"record {record}")

    return len(log), [
        {
            "id": row["id"],
            "verdict": shown.get(row["verdict"], row["verdict"]),
            "left": name(row["left_id"]),
            "right": name(row["right_id"]),
            **{column: row[column] for column in ("by", "reason", "at", "undoes")},
            "undone_by": undone.get(row["id"]),
        }
        for row in newest
    ]


def find_records(store: Store, config: Config, names: Iterable[str]) -> dict[str, list[Found] | str]:
    """The records that each name may stand for, or a sentence saying why it stands for none."""
    answers: dict[str, list[Found] | str] = {}
    candidates: dict[str, list[tuple[int, str, str]]] = {}
    sources = {s.name: s for s in config.sources}
    for name in dict.fromkeys(names):
        place, colon, key = name.partition(":")
        source_name, _, stream_name = place.partition(".")
        source = sources.get(source_name)
        if not colon or not key:
            answers[name] = "a record is named SOURCE:KEY"
        elif source is None:
            near = nearest(source_name, sources)
            answers[name] = f"no source is named '{source_name}'" + (f" (did you mean '{near}'?)" if near else "")
        elif stream_name and stream_name not in [t.name for t in source.streams]:
            near = nearest(stream_name, [t.name for t in source.streams])
            said = f"source {source_name} has no stream '{stream_name}'"
            answers[name] = said + (f" (did you mean '{near}'?)" if near else "")
        else:
            streams = [t for t in source.streams if stream_name in ("", t.name)]
            candidates[name] = [(record_id(source_name, t.name, key), t.entity, t.name) for t in streams]
    ids = sorted({i for options in candidates.values() for i, _, _ in options})
    known = set(store.records_by_id(ids, ["record_id"])["record_id"].to_pylist()) if ids else set()
    for name, options in candidates.items():
        there = [Found(i, entity, stream) for i, entity, stream in options if i in known]
        answers[name] = there or "the hub holds no such record"
    return answers


def _pair(verdict: Verdict, found: dict[str, list[Found] | str]) -> tuple[int, int, str]:
    """The one pair of records that is meant, and the entity type they share. Raises ValueError."""
    lefts, rights = found[verdict.left], found[verdict.right]
    assert not isinstance(lefts, str) and not isinstance(rights, str)
    if verdict.left == verdict.right:
        raise ValueError(f"{verdict.left}: a record cannot be decided against itself")
    pairs = [
        (a.record_id, b.record_id, a.entity_type)
        for a in lefts
        for b in rights
        if a.entity_type == b.entity_type and a.record_id != b.record_id
    ]
    if not pairs:
        raise ValueError(
            f"{verdict.left} is of type {lefts[0].entity_type}, {verdict.right} of type {rights[0].entity_type}"
        )
    if len(pairs) > 1:
        streams = sorted({f.stream for f in (*lefts, *rights)})
        raise ValueError(
            f"{verdict.left} and {verdict.right}: the keys exist in several streams ({', '.join(streams)}); "
            "name them SOURCE.STREAM:KEY"
        )
    return pairs[0]


def _refuse(mistakes: list[str], file: Path | None) -> None:
    if not mistakes:
        return
    more = f"\n… and {len(mistakes) - MISTAKES_SHOWN} more" if len(mistakes) > MISTAKES_SHOWN else ""
    raise ConfigError(
        "\n".join(mistakes[:MISTAKES_SHOWN]) + more + "\nno decision was recorded", file=str(file) if file else None
    )
