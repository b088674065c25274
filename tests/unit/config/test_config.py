"""What a sound configuration becomes: defaults, paths, environment, added attributes, rules."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import yaml

from models.config import AttributeRule, Config, Trust, load_config, parse_config
from models.config.cron import cron_mistake
from models.config.document import expand

TEXT = """
store: sqlite:///hub.db
workspace: work/
sources:
  - name: sales_crm
    family: sales
    priority: 10
    connector: {type: files, path: "data/sales/{stream}.csv", password: "$${LITERAL} ${PASSWORD}"}
    schedule: "*/15 6-22 * * mon-fri"
    trust: {max: 90, decay_days: 30}
    streams:
      - name: accounts
        entity: organization
        key: account_id
        updated_at: modified_on
        deleted: is_deleted
        fields: {name: account_name, tax_id: uscc, phone: [tel, mobile], axle_count: axles}
        encoding: GBK
        rekey: rekey.csv
attributes:
  organization:
    axle_count: {type: number, comparison: exact, survivorship: most_recent, sensitivity: personal}
survivorship:
  organization:
    name: longest
    address: {rule: trust, trust: {sales_crm: {max: 80, min: 10, decay_days: 100, curve: slow_initial_rapid_later}}}
matching:
  organization: {auto: 12.5, review: 4, block_cap: 500}
"""


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Config:
    monkeypatch.setenv("PASSWORD", "s3cret")
    (tmp_path / "kehu.yaml").write_text("\ufeff" + TEXT, encoding="utf-8")
    (tmp_path / "rekey.csv").write_text("old_key,new_key\n")
    monkeypatch.chdir("/")
    return load_config(tmp_path / "kehu.yaml")


def test_paths_start_from_the_folder_of_the_file(config: Config, tmp_path: Path) -> None:
    assert config.store == f"sqlite:///{tmp_path}/hub.db"
    assert config.workspace == tmp_path / "work"
    assert config.source("sales_crm").stream("accounts").rekey == tmp_path / "rekey.csv"
    assert (config.base, config.file) == (tmp_path, tmp_path / "kehu.yaml")


def test_what_is_not_said_has_a_default(config: Config) -> None:
    source = config.sources[0]
    assert (source.retry.attempts, source.retry.backoff, source.freshness, source.sensor) == (3, 2.0, None, None)
    stream = source.streams[0]
    assert (stream.mode, stream.volume_floor, stream.options) == (None, 0.5, {})
    assert (config.memory_limit, config.threads, config.matching.person.auto) == ("4GB", None, None)
    assert source.trust == Trust(max=90, min=0, decay_days=30, curve="linear")


def test_environment_variables_are_expanded_once(config: Config) -> None:
    assert config.sources[0].connector["password"] == "${LITERAL} s3cret"


def test_columns_are_lists_for_who_asks_for_lists(config: Config) -> None:
    stream = config.sources[0].streams[0]
    assert stream.key_columns == ["account_id"]
    assert stream.field_columns["phone"] == ["tel", "mobile"] and stream.field_columns["name"] == ["account_name"]
    assert stream.encoding == "gbk"


def test_an_added_attribute_is_an_attribute(config: Config) -> None:
    attribute = config.attributes_of("organization")["axle_count"]
    assert (attribute.type, attribute.rule, attribute.sensitivity) == ("number", "most_recent", "personal")
    assert "axle_count" not in config.attributes_of("person")


def test_every_attribute_has_its_rule(config: Config) -> None:
    rules = config.rules("organization")
    assert rules["name"] == AttributeRule(rule="longest")
    assert rules["city"].rule == rules["address_line"].rule == "trust"
    assert rules["city"].trust["sales_crm"].curve == "slow_initial_rapid_later"
    assert (rules["axle_count"].rule, rules["tax_id"].rule) == ("most_recent", "source_priority")
    assert set(rules) == set(config.attributes_of("organization"))


def test_streams_are_found_by_entity_type(config: Config) -> None:
    assert [(s.name, t.name) for s, t in config.streams("organization", "person")] == [("sales_crm", "accounts")]
    assert config.streams("vehicle") == []
    assert config.entities() == ["organization"]
    with pytest.raises(KeyError):
        config.source("nobody")


def test_json_is_yaml(tmp_path: Path) -> None:
    source = {"name": "a", "family": "sales", "connector": {"type": "files", "path": "客户\U0001f69a.csv"}}
    stream = {"name": "rows", "entity": "person", "key": ["a", "b"], "fields": {"full_name": "n"}}
    document = {"store": "sqlite:////var/hub.db", "sources": [{**source, "streams": [stream]}]}
    for dumped in (json.dumps(document, indent="\t"), json.dumps(document, ensure_ascii=False)):
        config = parse_config(dumped, tmp_path / "kehu.yaml")
        assert config.sources[0].connector["path"] == "客户\U0001f69a.csv"
        assert config.store == "sqlite:////var/hub.db"


def test_postgresql_gets_its_driver(tmp_path: Path) -> None:
    text = TEXT.replace("sqlite:///hub.db", "postgresql://u:p%40ss@host/hub").replace("rekey: rekey.csv", "")
    config = parse_config(text, tmp_path / "kehu.yaml", {"PASSWORD": "x"})
    assert config.store == "postgresql+psycopg://u:p%40ss@host/hub"


@pytest.mark.parametrize("sound", ["0 3 * * *", "*/5 * * * *", "0,30 9-17/2 1 jan,jul sun", "@daily", "0 0 * * 7"])
def test_sound_cron_expressions(sound: str) -> None:
    assert cron_mistake(sound) is None


@pytest.mark.parametrize(
    "wrong", ["*/0 * * * *", "5-1 * * * *", "* 24 * * *", "* * 0 * *", "* * * foo *", "a b c d e", ""]
)
def test_wrong_cron_expressions(wrong: str) -> None:
    assert cron_mistake(wrong)


def test_the_schema_for_editors_is_the_present_one() -> None:
    # After a change of the models: write Config.json_schema() to the file again.
    written = (Path(__file__).parents[3] / "docs/kehu.schema.json").read_text(encoding="utf-8")
    assert json.loads(written) == Config.json_schema()


def test_the_examples_in_the_documents_are_sound() -> None:
    text = (Path(__file__).parents[3] / "docs/configuration.md").read_text(encoding="utf-8")
    whole, *parts = re.findall(r"```yaml\n(.*?)```", text, re.S)
    assert len(parts) == 6
    extra = yaml.safe_load(whole)["sources"][0] | {"name": "service_dms"}
    secrets = {"KEHU_SSO_SECRET": "x", "ALERT_SECRET": "known to both of us"}
    for part in ("", *parts):
        document = yaml.safe_load(whole) | (yaml.safe_load(part) or {})
        document["sources"].append(extra)
        assert parse_config(yaml.safe_dump(document), "kehu.yaml", secrets)


REFERRING = """
sources:
  - name: crm
    family: sales
    connector: {type: files, path: "{stream}.csv"}
    streams:
      - {name: people, entity: person, key: id, fields: {full_name: n, organization_key: account}}
      - {name: accounts, entity: organization, key: id, fields: {name: n, parent_key: parent}}
      - {name: quotes, entity: touchpoint, key: id, constants: {type: quote}, fields: {party_key: a, refers_to: b}}
      - name: orders
        entity: touchpoint
        key: id
        fields: {party_key: account, contact_key: contact, refers_to: quote, status: status}
        refers: {party_key: [accounts, people], refers_to: quotes}
        codes: {status: {赢单: won}}
  - name: dms
    family: service
    connector: {type: files, path: "{stream}.csv"}
    streams:
      - {name: owners, entity: person, key: id, fields: {full_name: n}}
      - {name: cars, entity: vehicle, key: vin, fields: {vin: vin, party_key: owner}}
      - {name: visits, entity: touchpoint, key: id, fields: {party_key: a}, refers: {party_key: crm.accounts}}
"""


@pytest.mark.parametrize(
    ("place", "attribute", "expected"),
    [
        ("crm.people", "organization_key", ["crm.accounts"]),
        ("crm.accounts", "parent_key", ["crm.accounts"]),
        ("crm.quotes", "party_key", ["crm.accounts"]),
        ("crm.quotes", "refers_to", ["crm.quotes", "crm.orders"]),
        ("crm.orders", "party_key", ["crm.accounts", "crm.people"]),
        ("crm.orders", "contact_key", ["crm.people"]),
        ("crm.orders", "refers_to", ["crm.quotes"]),
        ("dms.cars", "party_key", ["dms.owners"]),
        ("dms.visits", "party_key", ["crm.accounts"]),
        ("dms.visits", "contact_key", ["dms.owners"]),
        ("dms.visits", "refers_to", ["dms.visits"]),
    ],
)
def test_where_keys_of_other_records_lead(place: str, attribute: str, expected: list[str]) -> None:
    config = parse_config(REFERRING, "kehu.yaml")
    source, _, stream = place.partition(".")
    found = config.targets(config.source(source), config.source(source).stream(stream), attribute)
    assert [f"{s.name}.{t.name}" for s, t in found] == expected


def test_constants_are_mapped_like_columns() -> None:
    stream = parse_config(REFERRING, "kehu.yaml").source("crm").stream("quotes")
    assert stream.mapped == ["party_key", "refers_to", "type"]


def test_secrets_come_from_files_that_the_environment_names(tmp_path: Path) -> None:
    secret = tmp_path / "password"
    secret.write_text("p w\n", encoding="utf-8")
    found, mistakes = expand({"a": "x${CRM}y", "b": "${GONE}"}, {"CRM_FILE": str(secret), "GONE_FILE": "/nowhere/x"})
    assert found == {"a": "xp wy", "b": "${GONE}"}
    assert [m.message for m in mistakes] == ["the file that GONE_FILE names cannot be read: No such file or directory"]
    assert expand("${CRM}", {"CRM": "set", "CRM_FILE": str(secret)})[0] == "set"
