"""The bundled contracts are sound and explain themselves; every mistake in a file is named; expressions are guarded."""

# ruff: noqa: E501 - a mistake and its message stand in one line, however long

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from lifecycle.contracts import bound_rules, explain, load_contracts, pack_text, parse_contracts
from lifecycle.contracts.guard import expression_mistake
from lifecycle.contracts.rules import DIMENSIONS
from models.config import parse_config
from models.errors import ConfigError
from models.vocabulary import ENTITY_TYPES, attributes

ATTRIBUTES = {entity: tuple(attributes(entity)) for entity in ENTITY_TYPES}
PACK = parse_contracts(pack_text(), "pack", ATTRIBUTES)
RULES = bound_rules(PACK)
SMALL: dict[str, Any] = {
    "name": "small",
    "version": "1",
    "touchpoints": {"order": {"label": {"en": "order", "zh": "订单"}, "enters": "order"}},
    "stages": {
        "order": {
            "label": {"en": "order", "zh": "订单"},
            "owner": "sales",
            "procedure": {"en": "Sell.", "zh": "销售。"},
            "rules": {"r": {"kind": "presence", "about": "order", "fields": "amount"}},
        }
    },
}


def test_the_bundled_contracts_use_every_kind_of_rule_and_every_stage() -> None:
    assert {rule.kind for rule in RULES} >= set(DIMENSIONS) - {"stuck"}
    assert {rule.stage for rule in RULES} >= {"lead", "opportunity", "quote", "order", "delivery", "in_service", None}
    assert len({rule.id for rule in RULES}) == len(RULES)


@pytest.mark.parametrize("bound", RULES, ids=lambda bound: bound.id)
def test_every_rule_explains_itself_in_both_languages(bound: Any) -> None:
    words = explain(bound, PACK)
    assert words.en.endswith(".") and words.en[0].isupper() and not any("一" <= c <= "鿿" for c in words.en)
    assert words.zh.endswith("。") and not {" every ", "whose", " is "} & set(words.zh.split())


@pytest.mark.parametrize(
    ("name", "english", "chinese"),
    [
        ("lead.open", "Every lead is closed within 30 days.", "每个线索应在 30 天内关闭。"),
        ("gate-quote", "Before quote: every opportunity has amount and due date.", "进入报价阶段前：每个商机必须填写金额和计划日期。"),
        (
            "won-has-order",
            "Every opportunity whose status is won is followed by an order that refers to it within 30 days of its "
            "closing date.",
            "每个商机（状态为赢）的关闭日期起 30 天内应有订单（关联该单据）。",
        ),
        (
            "order-quote",
            "Every order refers to a quote of the same customer that is known.",
            "每个订单必须关联已知的同一客户的报价。",
        ),
        (
            "visit-not-too-often",
            "Every customer whose stage is between lead and renewal has at most 8 visits per month.",
            "每个客户（处于线索至换购阶段）每月应有至多 8 个拜访。",
        ),
    ],
)  # fmt: skip
def test_rules_in_words(name: str, english: str, chinese: str) -> None:
    words = explain(next(rule for rule in RULES if rule.id == name), PACK)
    assert (words.en, words.zh) == (english, chinese)


def test_another_version_has_another_hash_and_a_changed_rule_too() -> None:
    again = parse_contracts(pack_text(), "pack", ATTRIBUTES)
    assert again.hash == PACK.hash
    changed = parse_contracts(pack_text().replace("open_days: 30", "open_days: 31"), "pack", ATTRIBUTES)
    assert changed.hash != PACK.hash
    before, after = ({rule.id: rule.hash for rule in bound_rules(c)} for c in (PACK, changed))
    assert {name for name in before if before[name] != after[name]} == {"lead.open"}


def said(change: dict[str, Any], *path: str) -> str:
    """What a user reads when a part of SMALL is replaced."""
    document = yaml.safe_load(yaml.safe_dump(SMALL))
    node = document
    for part in path:
        node = node.setdefault(part, {})
    node.update(change)
    with pytest.raises(ConfigError) as caught:
        parse_contracts(yaml.safe_dump(document, allow_unicode=True), "lifecycle.yaml", ATTRIBUTES)
    assert caught.value.exit_code == 2
    return str(caught.value)


RULE = ("stages", "order", "rules", "r")


@pytest.mark.parametrize(
    ("change", "path", "line"),
    [
        ({"about": "ordr"}, RULE, "stages.order.rules.r.about: unknown subject 'ordr' (did you mean 'order'?)"),
        ({"fields": ["amout"]}, RULE, "stages.order.rules.r.fields: unknown attribute 'amout' (did you mean 'amount'?)"),
        ({"when": {"statu": "x"}}, RULE, "stages.order.rules.r.when: unknown attribute 'statu' (did you mean 'status'?)"),
        ({"kind": "presense"}, RULE, "stages.order.rules.r.kind: unknown kind of rule (did you mean 'presence'?)"),
        ({"fields": []}, RULE, "stages.order.rules.r.fields: must not be empty"),
        ({"gate": "quot"}, RULE, "stages.order.rules.r.gate: unknown stage 'quot' (did you mean 'quote'?)"),
        ({"sevrity": "error"}, RULE, "stages.order.rules.r.sevrity: unknown key (did you mean 'severity'?)"),
        ({"oder": {}}, ("stages",), "stages.oder: unknown"),
        ({"expects": ["visit"]}, ("stages", "order"), "stages.order.expects: unknown kind of touchpoint 'visit'"),
        ({"required": ["nme"]}, ("touchpoints", "order"), "touchpoints.order.required: unknown attribute 'nme'"),
        ({"r2": {"kind": "sql", "about": "order", "words": {"en": "x"}, "violated": "1 = 1"}},
         RULE[:3], "words needs en and zh"),
        ({"vehicle": SMALL["touchpoints"]["order"]}, ("touchpoints",), "touchpoints.vehicle: is a reserved name"),
        ({"r2": {"kind": "consistent", "about": "vehicle", "field": "plate", "by": "plate"}}, RULE[:3], "stages.order.rules.r2.by: unknown attribute to compare by 'plate'; valid: vin"),
        ({"r2": {"kind": "consistent", "about": "relation", "field": "role"}}, RULE[:3], "r2.about: unknown subject of 'consistent'; valid: order, vehicle"),
        ({"r2": {"kind": "recent", "about": "order", "of": "order", "days": 3}}, RULE[:3], "r2.about: unknown subject of 'recent'; valid: customer"),
        ({"r2": {"kind": "followed", "about": "customer", "by": "order", "within_days": 3}}, RULE[:3], "r2.about: unknown subject of 'followed'; valid: order"),
        ({"r2": {"kind": "reference", "about": "vehicle", "to": "order"}}, RULE[:3], "r2.to: unknown target of a vehicle 'order'; valid: customer"),
        ({"closed": ["x"], "statuses": ["y"]}, ("touchpoints", "order"), "closed names 'x', which is not among the statuses"),
    ],
)  # fmt: skip
def test_mistakes_are_named_with_their_place(change: dict[str, Any], path: tuple[str, ...], line: str) -> None:
    assert f"lifecycle.yaml: {line}" in said(change, *path) or line in said(change, *path)


@pytest.mark.parametrize(
    ("expression", "wrong"),
    [
        ("amount > 3 and status in ('a', 'b')", None),
        ("date_diff('day', occurred_at, due_at) between 1 and 2 or customer.industry is null", None),
        ("case when amount is null then true else false end", None),
        ("today > due_at + interval 3 day", None),
        ("amout > 3", "unknown attribute 'amout'"),
        ("(select 1) = 1", "subquery is not allowed"),
        ("amount > 3 from read_csv('/etc/passwd')", "must be one expression"),
        ("read_text('x') is null", "the function 'read_text' is not allowed"),
        ("getenv('HOME') = 'x'", "the function 'getenv' is not allowed"),
        ("current_date > due_at", "current_date"),
        ("now() > occurred_at", "the function 'now' is not allowed"),
        ("random() > 0.5", "the function 'random' is not allowed"),
        ("1 = 1; drop table finding", "is no expression"),
        ("sum(amount) > 3", "the function 'sum' is not allowed"),
        ("row_number() over () > 3", "window is not allowed"),
        ("amount >", "is no expression"),
        ("amount > 3, 1", "must be one expression"),
        ("* ", "star is not allowed"),
        ("list_transform([1], x -> getenv('A')) is null", "is not allowed"),
        ("amount > 3 -- x\nunion select 1", "must be one expression"),
    ],
)
def test_an_expression_reads_its_attributes_and_nothing_else(expression: str, wrong: str | None) -> None:
    columns = [*ATTRIBUTES["touchpoint"], "today", "customer.industry"]
    found = expression_mistake(expression, columns)
    assert found is None if wrong is None else found is not None and wrong in found[0], found


def test_a_configuration_names_its_own_contracts(tmp_path: Path) -> None:
    text = """
lifecycle: {contracts: lifecycle.yaml, timezone: Asia/Shanghai}
sources:
  - name: crm
    family: sales
    connector: {type: files, path: "x.csv"}
    streams: [{name: a, entity: organization, key: id, fields: {name: n}}]
"""
    config = parse_config(text, tmp_path / "kehu.yaml")
    with pytest.raises(ConfigError, match="lifecycle.contracts: file not found"):
        load_contracts(config)
    (tmp_path / "lifecycle.yaml").write_text(yaml.safe_dump(SMALL, allow_unicode=True), encoding="utf-8")
    assert load_contracts(config).name == "small"
    assert load_contracts(parse_config(text.replace("contracts: lifecycle.yaml,", ""), "kehu.yaml")).hash == PACK.hash
    with pytest.raises(ConfigError, match="unknown time zone"):
        parse_config(text.replace("Asia/Shanghai", "Asia/Shanghi"), "kehu.yaml")
