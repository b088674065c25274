"""Chinese texts have the punctuation of Chinese: full-width, as readers type it, not that of the code beside it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from babel.messages.pofile import read_po

from lifecycle.contracts import bound_rules, explain, pack_text, parse_contracts
from models.vocabulary import ENTITY_TYPES, attributes
from serving.web.languages import CATALOGUES, Speech
from serving.web.words import shown

ROOT = Path(__file__).parents[3]
SIGN = "[\u3400-\u9fff“”‘’（）《》、。，；：？！…]"
HALF = re.compile(rf"{SIGN} ?[,:;?!()]|[,:;?!()](?= ?{SIGN})")
CODE = re.compile(r"`[^`]*`|\]\([^)\s]*\)|<[^>]*>|\*\*")


def from_catalogues() -> Iterator[str]:
    for path in sorted(CATALOGUES.glob("zh*.po")):
        with path.open("rb") as file:
            for message in read_po(file):
                if message.id:
                    # What is put in may be Chinese as well.
                    texts = [message.string] if isinstance(message.string, str) else list(message.string)
                    yield from (re.sub(r"%\(\w+\)[a-z]", "某", text) for text in texts)


def from_the_introduction() -> Iterator[str]:
    text = re.sub(r"^```.*?^```|^    .*?$", "", (ROOT / "README.zh-CN.md").read_text("utf-8"), flags=re.M | re.S)
    for line in text.splitlines():
        yield CODE.sub("", line)


def within(value: object) -> Iterator[str]:
    """All texts under the key `zh`."""
    for key, one in value.items() if isinstance(value, dict) else ():
        yield from [str(one)] if key == "zh" else within(one)


def from_contracts() -> Iterator[str]:
    yield from within(yaml.safe_load(pack_text()))
    contracts = parse_contracts(pack_text(), "pack", {entity: tuple(attributes(entity)) for entity in ENTITY_TYPES})
    for rule in bound_rules(contracts):
        yield explain(rule, contracts).zh


@pytest.mark.parametrize("texts", [from_catalogues, from_the_introduction, from_contracts])
def test_punctuation_is_full_width(texts: object) -> None:
    said = list(texts())  # type: ignore[operator]
    assert len(said) > 50
    assert [text for text in said if HALF.search(text)] == []


def test_lists_and_what_is_in_a_value_have_the_signs_of_the_language() -> None:
    chinese, english = Speech("zh"), Speech("en")
    assert shown(chinese, ["+8610", "+8621"]).replace("\u200b", "") == "+8610、+8621"
    value = {"城市": ["广州", "深圳"], "省份": "广东"}
    assert shown(chinese, value) == "城市：广州、深圳；省份：广东"
    assert shown(english, value) == "城市: 广州, 深圳; 省份: 广东"
