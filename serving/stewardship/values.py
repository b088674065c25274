"""Decisions about golden values: pin one that a record delivers, ignore one, or set one that no source has.

They belong to records, not to golden ids, and so hold through merges and splits: the golden record that holds the
record they were made about has them.
"""

from __future__ import annotations

from typing import Any

from matching.realtime.question import standard_of, texts_of
from models.config import Config, nearest
from models.stewardship import VALUE
from models.store import Store
from serving.access import Principal
from serving.stewardship.bench import bench_of
from serving.stewardship.deciding import LEAD, WORK, _golden
from serving.stewardship.done import Done
from serving.stewardship.errors import Overtaken, Refused, Unknown
from serving.stewardship.recording import record


def pin_value(
    store: Store,
    config: Config,
    who: Principal,
    golden_id: str,
    attribute: str,
    record_id: int,
    *,
    reason: str,
    value: str | None = None,
    lasting: bool = False,
    version: int | None = None,
) -> Done:
    """Let a record's value of an attribute (or block) win, whatever the rules say; `value` picks one of several.

    It holds while the record delivers that value; with `lasting` also for what the record delivers later.
    Raises NotAllowed, Unknown, Refused, Overtaken (the golden record is not `version` any more).
    """
    who.require(WORK)
    golden = _seen(store, golden_id, version)
    delivered = _delivered(store, config, golden, attribute, record_id)
    if value is not None and value not in delivered:
        raise Refused(f"the record does not deliver '{value}' as {attribute}", delivered=delivered)
    picked = value if value is not None else (None if _is_multi(config, golden, attribute) else delivered[0])
    detail = {"attribute": attribute, "value": None if lasting else picked, "record_id": record_id}
    return _record(store, config, who, "pin", golden, record_id, detail, reason)


def ignore_value(
    store: Store,
    config: Config,
    who: Principal,
    golden_id: str,
    attribute: str,
    value: str,
    *,
    reason: str,
    record_id: int | None = None,
    version: int | None = None,
) -> Done:
    """Let a value never win in this golden record, whichever record delivers it; with `record_id` only of that record.

    Raises as `pin_value`.
    """
    who.require(WORK)
    golden = _seen(store, golden_id, version)
    members = _members(store, golden)
    wanted = members if record_id is None else [record_id]
    delivering = [
        number for number in wanted if value in _delivered(store, config, golden, attribute, number, empty=True)
    ]
    if not delivering:
        raise Refused(f"no record of the golden record delivers '{value}' as {attribute}")
    detail = {"attribute": attribute, "value": value, "record_id": record_id}
    return _record(store, config, who, "ignore", golden, delivering[0], detail, reason)


def edit_value(
    store: Store,
    config: Config,
    who: Principal,
    golden_id: str,
    attribute: str,
    value: str,
    *,
    reason: str,
    version: int | None = None,
) -> Done:
    """Set a golden value that no source delivers; it wins until it is undone. The sources keep what they have.

    Whoever may not edit makes a change request of it (state `waiting`), for somebody who may. A value that cannot be
    right (a check digit, a telephone number) is refused. In a block the other attributes keep their values.

    Raises as `pin_value`.
    """
    who.require(WORK)
    golden = _seen(store, golden_id, version)
    entity = golden["entity_type"]
    _known(config, entity, attribute)
    if not value.strip():
        raise Refused("an empty value wins nothing; ignore the value instead")
    block = config.attributes_of(entity)[attribute].block
    values: dict[str, Any] = {}
    if block is not None:
        same = [name for name, a in config.attributes_of(entity).items() if a.block == block]
        values = {name: golden["values"][name] for name in same if name in golden["values"]}
    values[attribute] = value.strip()
    _, problems = standard_of(config, entity, texts_of(config, entity, values))
    if attribute in problems:
        raise Refused(f"'{value}' is no {attribute}: {problems[attribute]}", attribute=attribute)
    detail = {"attribute": attribute, "value": value.strip(), "values": values}
    return _record(store, config, who, "edit", golden, _members(store, golden)[0], detail, reason)


def _record(
    store: Store,
    config: Config,
    who: Principal,
    verdict: str,
    golden: dict[str, Any],
    anchor: int,
    detail: dict[str, Any],
    reason: str,
) -> Done:
    attribute, members = detail["attribute"], _members(store, golden)
    bench = bench_of(store, config)
    seen = {str(number): _delivered(store, config, golden, attribute, number, empty=True) for number in members}
    entry = {
        "kind": VALUE,
        "verdict": verdict,
        "entity_type": golden["entity_type"],
        "left_id": anchor,
        "by": who.name,
        "reason": reason,
        "detail": {**detail, "golden_id": golden["golden_id"], "before": golden["values"].get(attribute)},
        "evidence": {"values": seen},
        "records": members,
    }
    if verdict == "edit" and not who.may(LEAD):
        entry["approval"] = "change_request"
    return record(bench, who, entry)


def _seen(store: Store, golden_id: str, version: int | None) -> dict[str, Any]:
    import orjson

    golden = dict(_golden(store, golden_id))
    if version is not None and golden["version"] != version:
        raise Overtaken(f"the golden record changed meanwhile (version {golden['version']}, you saw {version})")
    return golden | {"values": orjson.loads(golden["values"])}


def _members(store: Store, golden: dict[str, Any]) -> list[int]:
    return sorted(store.members_of([golden["golden_id"]])["record_id"].to_pylist())


def _known(config: Config, entity: str, attribute: str) -> None:
    known = config.attributes_of(entity)
    if attribute not in known:
        near = nearest(attribute, known)
        hint = f" (did you mean '{near}'?)" if near else ""
        raise Unknown(f"{entity} has no attribute '{attribute}'{hint}")


def _is_multi(config: Config, golden: dict[str, Any], attribute: str) -> bool:
    return config.attributes_of(golden["entity_type"])[attribute].multi


def _delivered(
    store: Store, config: Config, golden: dict[str, Any], attribute: str, number: int, *, empty: bool = False
) -> list[str]:
    """The values of an attribute that a record of the golden record delivers, as they came and as they are shown."""
    from serving.stewardship.raw import raw_values

    _known(config, golden["entity_type"], attribute)
    if number not in _members(store, golden):
        raise Refused(f"record {number} is not part of the golden record")
    found = raw_values(bench_of(store, config), [number])[number].get(attribute)
    values = found if isinstance(found, list) else [] if found is None else [found]
    if not values and not empty:
        raise Refused(f"the record delivers no {attribute}")
    return values
