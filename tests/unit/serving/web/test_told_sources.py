"""What is told of deliveries is Chinese on Chinese pages, and English on English ones."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from serving.web.languages import Speech
from serving.web.told import told
from serving.web.told_sources import SENTENCES

ROOT = Path(__file__).parents[4]
HAN = re.compile(r"[\u4e00-\u9fff]")


@pytest.mark.parametrize(
    "text",
    [
        "new column 'region' (text)",
        "column 'tel' held numbers and holds text now",
        "accounts.csv holds no row below its header",
        "4 columns where the header has 3 (people.csv, row 3)",
        "no key: id is empty",
        "key twice in one delivery with different content; row 3, which is newer, is kept",
        "crm.accounts: 1 rows are fewer than volume_floor 0.5 of the last 5; taking them would delete the others; "
        "if that is right, lower volume_floor",
        "crm.accounts: column 'id' (key) is not delivered; column 'tel' (fields.phone) is not delivered; there are a",
        "crm.accounts: 127.0.0.1:9 does not answer: Connection refused (tried 2 times)",
        'crm.accounts: crm.example.com/api/a answered 401 sign-in was refused: {"error":"bad token"}',
        "crm.accounts: column 'id' (key) is not delivered (did you mean 'ID'?)",
    ],
)
def test_what_is_told_has_its_chinese(text: str) -> None:
    assert HAN.search(told(Speech("zh"), text)) and told(Speech("en"), text) == text


def test_each_missing_column_is_told_by_itself() -> None:
    text = "crm.a: column 'id' (key) is not delivered; column 'tel' (fields.phone) is not delivered; there are x, y"
    assert told(Speech("zh"), text).count("没有交付列") == 2 and "column" not in told(Speech("zh"), text)


def test_a_place_in_a_file_is_told_in_the_readers_language() -> None:
    said = told(Speech("zh"), "4 columns where the header has 3 (in/a, b.csv, line 3)")
    assert "in/a, b.csv" in said and "第 3 行" in said and "line" not in said


def test_every_sentence_has_its_chinese_and_every_reason_its_sentence() -> None:
    chinese = Speech("zh")
    assert [
        sentence for sentence in SENTENCES if not HAN.search(told(chinese, re.sub(r"%\(\w+\)s", "1", sentence)))
    ] == []
    said = []
    for path in (ROOT / "connectors").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") in ("BadRow", "Note") and node.args:
                first = node.args[0]
                if isinstance(first, ast.Constant):
                    said.append(str(first.value))
                elif isinstance(first, ast.JoinedStr):
                    said.append("".join(str(p.value) if isinstance(p, ast.Constant) else "X" for p in first.values))
    assert len(said) > 6
    unknown = {"X X"}  # put together from two sentences above
    assert [text for text in said if not HAN.search(told(chinese, text)) and text not in unknown] == []
