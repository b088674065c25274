"""Each mistake in a configuration, with the exact line that the user reads."""

# ruff: noqa: E501 - a mistake and its message stand in one line, however long

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import BaseModel, ValidationError

from models.config import load_config, mistakes_of, parse_config
from models.errors import ConfigError, ConfigErrors

SOUND: dict[str, Any] = {
    "store": "sqlite:///hub.db",
    "sources": [
        {
            "name": "crm",
            "family": "sales",
            "connector": {"type": "files", "path": "{stream}.csv"},
            "streams": [{"name": "accounts", "entity": "organization", "key": "id", "fields": {"name": "n"}}],
        }
    ],
}
SOURCE, STREAM = "sources[0]", "sources[0].streams[0]"


def changed(path: str, value: Any) -> dict[str, Any]:
    """SOUND with the value at a place such as `sources.0.name` replaced; `…` takes the key away."""
    document: Any = yaml.safe_load(yaml.safe_dump(SOUND))
    node, *parts = document, *path.split(".")
    for part in parts[:-1]:
        node = node[int(part)] if isinstance(node, list) else node.setdefault(part, {})
    last: Any = int(parts[-1]) if isinstance(node, list) else parts[-1]
    if value is ...:
        del node[last]
    else:
        node[last] = value
    return dict(document)


def said(document: Any, **environment: str) -> list[str]:
    """The lines that the user reads."""
    text = document if isinstance(document, str) else yaml.safe_dump(document, sort_keys=False, allow_unicode=True)
    with pytest.raises(ConfigError) as caught:
        parse_config(text, "kehu.yaml", environment)
    assert caught.value.exit_code == 2
    return str(caught.value).splitlines()


def test_the_sound_one_is_sound() -> None:
    assert parse_config(yaml.safe_dump(SOUND), "kehu.yaml").sources[0].name == "crm"


STREAM_0, SOURCE_0 = "sources.0.streams.0", "sources.0"
ORG = "organization"
ENTITY_TYPES = "organization, person, vehicle, touchpoint, relation"


@pytest.mark.parametrize(
    ("place", "value", "line"),
    [
        ("memry_limit", "1GB", "memry_limit: unknown key (did you mean 'memory_limit'?)"),
        ("zzz", 1, "zzz: unknown key; valid: store, workspace, sources, removed, attributes, matching, survivorship, lifecycle, serving, stewardship, memory_limit, threads"),
        (f"{SOURCE_0}.prority", 1, f"{SOURCE}.prority: unknown key (did you mean 'priority'?)"),
        (f"{STREAM_0}.feilds", {}, f"{STREAM}.feilds: unknown key (did you mean 'fields'?)"),
        (f"{STREAM_0}.fields.nmae", "x", f"{STREAM}.fields.nmae: unknown attribute (did you mean 'name'?)"),
        (f"{STREAM_0}.constants", {"nmae": "x"}, f"{STREAM}.constants.nmae: unknown attribute (did you mean 'name'?)"),
        (f"{STREAM_0}.constants", {"name": "x"}, f"{STREAM}.constants.name: is mapped to a column already; it cannot be constant too"),
        (f"{STREAM_0}.constants", {"city": 1}, f"{STREAM}.constants.city: expected text; put it in quotes"),
        (f"{STREAM_0}.codes", {"nam": {"a": "b"}}, f"{STREAM}.codes.nam: unknown attribute (did you mean 'name'?)"),
        (f"{STREAM_0}.refers", {"parent": "accounts"}, f"{STREAM}.refers.parent: unknown reference (did you mean 'parent_key'?)"),
        (f"{STREAM_0}.refers", {"parent_key": "acounts"}, f"{STREAM}.refers.parent_key: 'acounts': unknown stream of entity organization (did you mean 'accounts'?)"),
        (f"{STREAM_0}.refers", {"parent_key": []}, f"{STREAM}.refers.parent_key: expected the name of a stream or a list of them"),
        (f"{STREAM_0}.entity", "organisation", f"{STREAM}.entity: unknown entity type 'organisation' (did you mean 'organization'?)"),
        (f"{STREAM_0}.entity", "xx", f"{STREAM}.entity: unknown entity type 'xx'; valid: {ENTITY_TYPES}"),
        (f"{SOURCE_0}.family", "sale", f"{SOURCE}.family: unknown family 'sale' (did you mean 'sales'?)"),
        (f"{SOURCE_0}.family", ..., f"{SOURCE}.family: is required"),
        (f"{SOURCE_0}.connector", "files", f"{SOURCE}.connector: expected a mapping (key: value), got 'files'"),
        (f"{SOURCE_0}.connector", {"path": "x"}, f"{SOURCE}.connector: needs a 'type', for example {{type: files}}"),
        (f"{SOURCE_0}.streams", [], f"{SOURCE}.streams: must not be empty"),
        (f"{SOURCE_0}.streams", ..., f"{SOURCE}.streams: is required; 'kehu discover crm' prints what the source offers, to be put here"),
        (f"{SOURCE_0}.name", "a b", f"{SOURCE}.name: a name is made of the letters a-z, digits, '_' and '-'"),
        (f"{SOURCE_0}.priority", "ten", f"{SOURCE}.priority: expected a whole number, got 'ten'"),
        (f"{SOURCE_0}.priority", 1.5, f"{SOURCE}.priority: expected a whole number, got '1.5'"),
        (f"{SOURCE_0}.schedule", "* * * *", f"{SOURCE}.schedule: a cron expression has five fields (minute hour day month weekday), '* * * *' has 4"),
        (f"{SOURCE_0}.schedule", "61 * * * *", f"{SOURCE}.schedule: '61' is no minute (0-59)"),
        (f"{SOURCE_0}.schedule", "@often", f"{SOURCE}.schedule: '@often' is none of @hourly, @daily, @midnight, @weekly, @monthly, @yearly, @annually"),
        (f"{SOURCE_0}.sensor", {"every": 0}, f"{SOURCE}.sensor.every: must be above 0, got '0'"),
        (f"{SOURCE_0}.retry", {"attempts": 0}, f"{SOURCE}.retry.attempts: must be at least 1, got '0'"),
        (f"{SOURCE_0}.trust", {"max": 10, "min": 20}, f"{SOURCE}.trust: min must not be above max"),
        (f"{SOURCE_0}.trust", {"curve": "liner"}, f"{SOURCE}.trust.curve: unknown value 'liner' (did you mean 'linear'?)"),
        (f"{STREAM_0}.key", [], f"{STREAM}.key: expected a column name or a list of column names"),
        (f"{STREAM_0}.key", ["a", "a"], f"{STREAM}.key: names a column twice"),
        (f"{STREAM_0}.fields", {}, f"{STREAM}.fields: must not be empty"),
        (f"{STREAM_0}.fields.phone", {"a": 1}, f"{STREAM}.fields.phone: expected a column name or a list of column names"),
        (f"{STREAM_0}.deleted", False, f"{STREAM}.deleted: expected text, got true or false (put it in quotes if it is text)"),
        (f"{STREAM_0}.updated_at", None, None),
        (f"{STREAM_0}.mode", "snapshots", f"{STREAM}.mode: unknown value 'snapshots' (did you mean 'snapshot'?)"),
        (f"{STREAM_0}.volume_floor", 2, f"{STREAM}.volume_floor: must be at most 1, got '2'"),
        (f"{STREAM_0}.encoding", "gbk7", f"{STREAM}.encoding: unknown encoding"),
        (f"{STREAM_0}.rekey", "nowhere.csv", f"{STREAM}.rekey: file not found: {{base}}/nowhere.csv"),
        ("store", "mysql://h/d", "store: a hub lives in sqlite or postgresql, not in mysql"),
        ("store", "hub.db", "store: is no database URL; sqlite:///hub.db or postgresql+psycopg://user@host/database"),
        ("store", "sqlite://", "store: names no file; sqlite:///hub.db is a file beside the configuration"),
        ("memory_limit", "lots", r"memory_limit: 'lots' is not of the form ^\d+(\.\d+)? ?([KMGT]i?B|%)$"),
        ("threads", 0, "threads: must be at least 1, got '0'"),
        ("sources", [], "sources: names no source"),
        ("removed", ["crm"], "removed[0]: 'crm' is configured as well; take it out of one of the two places"),
        ("removed", ["dms", "crm.accounts"], "removed[1]: 'crm.accounts' is configured as well; take it out of one of the two places"),
        ("removed", ["dms", "crm.leads"], None),
        ("sources", {"crm": {}}, "sources: expected a list, got a mapping"),
        ("attributes.organisation", {}, "attributes.organisation: unknown entity type (did you mean 'organization'?)"),
        (f"attributes.{ORG}.axles", {"type": "numbr"}, f"attributes.{ORG}.axles.type: unknown value 'numbr' (did you mean 'number'?)"),
        (f"attributes.{ORG}.name", {}, f"attributes.{ORG}.name: is already an attribute of organization"),
        (f"attributes.{ORG}.payload", {}, f"attributes.{ORG}.payload: is a reserved name"),
        (f"attributes.{ORG}.Axles", {}, f"attributes.{ORG}.Axles: an attribute's name is made of a-z, digits and '_', and starts with a letter"),
        (f"attributes.{ORG}.axles", {"multi": True, "comparison": "similar"}, f"attributes.{ORG}.axles: lists are compared by equality only; say exact"),
        (f"attributes.{ORG}.axles", {"type": "bool", "comparison": "similar"}, f"attributes.{ORG}.axles: true and false are compared by equality only; say exact"),
        ("attributes.vehicle.axles", {"comparison": "exact"}, "attributes.vehicle.axles.comparison: no vehicle is matched; leave it out"),
        (f"attributes.{ORG}.axles", {"survivorship": "xx"}, f"attributes.{ORG}.axles.survivorship: unknown rule 'xx'; valid: source_priority, trust, most_recent, most_frequent, longest, most_complete"),
        (f"survivorship.{ORG}.name", "longst", f"survivorship.{ORG}.name.rule: unknown rule 'longst' (did you mean 'longest'?)"),
        (f"survivorship.{ORG}.nmae", "longest", f"survivorship.{ORG}.nmae: unknown attribute (did you mean 'name'?)"),
        (f"survivorship.{ORG}.city", "longest", f"survivorship.{ORG}.city: wins together with its block; give the rule to 'address'"),
        (f"survivorship.{ORG}.name", {"rule": "trust", "trust": {"cmr": {}}}, f"survivorship.{ORG}.name.trust.cmr: unknown source (did you mean 'crm'?)"),
        (f"survivorship.{ORG}.name", {"rule": "longest", "trust": {"crm": {}}}, f"survivorship.{ORG}.name: trust is given, but the rule is not 'trust'"),
        ("matching.persn", {}, "matching.persn: unknown key (did you mean 'person'?)"),
        (f"matching.{ORG}.auto", "high", f"matching.{ORG}.auto: expected a number, got 'high'"),
        (f"matching.{ORG}", {"auto": 1, "review": 2}, f"matching.{ORG}: review must not be above auto"),
        (f"matching.{ORG}.block_cap", 1, f"matching.{ORG}.block_cap: must be at least 2, got '1'"),
    ],
)  # fmt: skip
def test_one_mistake_one_line(place: str, value: Any, line: str | None) -> None:
    if line is None:
        assert parse_config(yaml.safe_dump(changed(place, value)), "kehu.yaml")
    else:
        assert said(changed(place, value)) == [
            f"kehu.yaml: {line.format(base=Path.cwd()) if '{base}' in line else line}"
        ]


def test_two_sources_and_two_streams_with_one_name() -> None:
    document = changed("threads", 1)
    document["sources"][0]["streams"] *= 2
    document["sources"].append(
        {**document["sources"][0], "name": "CRM", "streams": document["sources"][0]["streams"][:1]}
    )
    document["sources"].append({**document["sources"][0], "streams": document["sources"][0]["streams"][:1]})
    assert said(document) == [
        "kehu.yaml: sources[0].streams[1].name: two streams are named 'accounts'; the other is streams[0]",
        "kehu.yaml: sources[1].name: 'CRM' and 'crm' are too alike to name two sources; the other is sources[0]",
        "kehu.yaml: sources[2].name: two sources are named 'crm'; the other is sources[0]",
    ]


@pytest.mark.parametrize(
    ("place", "wrong"),
    [
        ("sources", "soures"),
        (f"{SOURCE_0}.family", "famly"),
        (f"{SOURCE_0}.name", "nme"),
        (f"{SOURCE_0}.streams", "stream"),
        (f"{STREAM_0}.entity", "enity"),
        (f"{STREAM_0}.key", "keys"),
        (f"{STREAM_0}.fields", "feilds"),
    ],
)
def test_a_misspelt_key_is_not_told_to_be_missing_as_well(place: str, wrong: str) -> None:
    document: Any = changed("threads", 1)
    *parts, right = place.split(".")
    node = document
    for part in parts:
        node = node[int(part)] if isinstance(node, list) else node[part]
    node[wrong] = node.pop(right)
    key = ".".join([*parts, wrong]).replace("sources.0", SOURCE).replace("streams.0", "streams[0]")
    assert said(document) == [f"kehu.yaml: {key}: unknown key (did you mean '{right}'?)"]


def test_all_mistakes_are_shown_in_the_order_of_the_file() -> None:
    document = changed(f"{STREAM_0}.fields.nmae", "x")
    document["sources"][0]["priority"] = "${NOPE}"
    document["threads"] = "many"
    document["store"] = "mysql://h/d"
    assert said(document) == [
        "kehu.yaml: sources[0].streams[0].fields.nmae: unknown attribute (did you mean 'name'?)",
        "kehu.yaml: sources[0].priority: environment variable NOPE is not set",
        "kehu.yaml: threads: expected a whole number, got 'many'",
    ]


def test_an_unset_environment_variable_is_named_with_the_nearest() -> None:
    document = changed(f"{SOURCE_0}.connector", {"type": "sql", "url": "postgresql://u:${CRM_PASWORD}@h/d"})
    assert said(document, CRM_PASSWORD="s3cret") == [
        "kehu.yaml: sources[0].connector.url: environment variable CRM_PASWORD is not set (did you mean 'CRM_PASSWORD'?)"
    ]
    document["sources"][0]["connector"]["url"] = "${not a name}"
    assert said(document) == ["kehu.yaml: sources[0].connector.url: '${not a name}' names no environment variable"]


def test_an_expanded_secret_is_never_shown() -> None:
    lines = said(changed(f"{SOURCE_0}.priority", "${TOKEN}"), TOKEN="s3cret")
    assert lines == ["kehu.yaml: sources[0].priority: expected a whole number, got '${TOKEN}'"]
    assert "s3cret" not in str(said(changed("store", "mysql://u:${TOKEN}@h/d"), TOKEN="s3cret"))


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("store: [\n", "line 2, column 1: expected the node content, but found '<stream end>'"),
        (
            "a:\n    b: 1\n  c: 2\n",
            "line 3, column 3: expected <block end>, but found '<block mapping start>'; is the line indented as its neighbours are?",
        ),
        ("a: 1\n  b: 2\n", "line 2, column 4: mapping values are not allowed here"),
        ("store: a\nsources: []\nstore: b\n", "line 3, column 1: key 'store' is given twice"),
        ('{"store": "a", "store": "b"}', "key 'store' is given twice"),
        ("", "is empty"),
        ("- a\n", "expected a mapping (key: value) at the top"),
        (
            "a: 1\nd: 2024-02-31\n",
            "line 2, column 4: '2024-02-31' is no date: day is out of range for month; put it in quotes if it is text",
        ),
    ],
)
def test_text_that_is_no_configuration(text: str, line: str) -> None:
    assert said(text) == [f"kehu.yaml: {line}"]


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "kehu.yml").write_text("store: x")
    with pytest.raises(ConfigError, match=r"kehu.yaml: file not found \(did you mean 'kehu.yml'\?\)"):
        load_config(tmp_path / "kehu.yaml")
    next_step = r"name another with --config FILE, or start a project with 'kehu init DIR'"
    with pytest.raises(ConfigError, match=rf"nowhere.yaml: file not found; there are kehu.yml; {next_step}"):
        load_config(tmp_path / "nowhere.yaml")
    with pytest.raises(ConfigError, match=rf"there is no folder {tmp_path}/hub; 'kehu init {tmp_path}/hub' starts"):
        load_config(tmp_path / "hub" / "kehu.yaml")
    with pytest.raises(ConfigError, match="is a folder, not a file"):
        load_config(tmp_path)
    (tmp_path / "gbk.yaml").write_bytes("store: 客户".encode("gbk"))
    with pytest.raises(ConfigError, match=r"gbk.yaml: is not UTF-8 \(byte 7\)"):
        load_config(tmp_path / "gbk.yaml")


def test_json_with_a_mistake_says_where(tmp_path: Path) -> None:
    (tmp_path / "kehu.json").write_text('{\n"store": }')
    with pytest.raises(ConfigError, match="line 2, column 10: Expecting value"):
        load_config(tmp_path / "kehu.json")


def test_the_mistakes_are_also_there_one_by_one() -> None:
    with pytest.raises(ConfigErrors) as caught:
        parse_config(yaml.safe_dump(changed(f"{STREAM_0}.fields.nmae", "x")), "kehu.yaml")
    (mistake,) = caught.value.mistakes
    assert (mistake.file, mistake.key, mistake.nearest) == ("kehu.yaml", f"{STREAM}.fields.nmae", "name")


def test_options_of_others_are_explained_the_same_way() -> None:
    class Options(BaseModel, extra="forbid"):
        path: str
        header: bool = True

    with pytest.raises(ValidationError) as caught:
        Options.model_validate({"pth": "x", "header": "s3cret"})
    lines = [str(m) for m in mistakes_of(caught.value, Options, file="kehu.yaml", prefix=("sources", 0, "connector"))]
    assert lines == [
        "kehu.yaml: sources[0].connector.header: expected true or false, got text",
        "kehu.yaml: sources[0].connector.pth: unknown key (did you mean 'path'?)",
    ]
