"""Whatever the program says to a steward, a page says in Chinese too: refusals, reasons of tasks, levels, audit."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from matching.defaults import DEFAULTS
from matching.resolve import _cut_off
from matching.standardise.single import standardise_one
from matching.training import outgrown
from models.store.apply import FOLLOWED, KIND, STATUS
from models.vocabulary import ENTITY_TYPES, attributes
from serving.web import words
from serving.web.languages import Speech
from serving.web.told import told

ROOT = Path(__file__).parents[4]
ERRORS = {"Refused", "Overtaken", "Claimed", "Unknown", "FindingError", "AccountError"}
SPEAKING = [
    *(ROOT / "serving/stewardship").glob("*.py"),
    ROOT / "serving/learning/models.py",
    *(ROOT / "serving/accounts").glob("*.py"),
    *(ROOT / "serving/findings").glob("*.py"),
]
REASONS = [ROOT / "matching" / name for name in ("cluster.py", "reopen.py", "tasks.py")]
HAN = re.compile(r"[\u4e00-\u9fff]")


def spoken() -> Iterator[str]:
    """What errors say, and what variables `words` and `reason` are set to; what is filled in stands as X."""
    for path in (*SPEAKING, *REASONS):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            given: list[ast.expr] = []
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") in ERRORS:
                given = node.args[:1]
            elif isinstance(node, ast.Assign):
                names = {n.id for target in node.targets for n in ast.walk(target) if isinstance(n, ast.Name)}
                if names & {"words", "reason"} and path.name != "recording.py":
                    given = [node.value, *(node.value.elts if isinstance(node.value, ast.Tuple) else [])]
            for one in given:
                if isinstance(one, ast.Constant) and isinstance(one.value, str):
                    yield one.value
                elif isinstance(one, ast.JoinedStr):
                    parts = (str(p.value) if isinstance(p, ast.Constant) else "X" for p in one.values)
                    yield "".join(parts)


def test_refusals_and_reasons_have_their_chinese() -> None:
    said = sorted({text for text in spoken() if " " in text})
    assert len(said) > 40
    chinese = Speech("zh")
    assert [text for text in said if not HAN.search(told(chinese, text))] == []
    assert told(chinese, "wang decided this already: no match") == "wang已经作出决定：不匹配"
    assert told(Speech("en"), "wang decided this already: no match") == "wang decided this already: no match"


def test_why_values_do_not_count_has_its_chinese() -> None:
    bad = {
        "organization": [
            *({"name": v} for v in ("test", "有限公司", "(已注销)", "xxx")),
            *(
                {"tax_id": v}
                for v in ("91110000", "911100007109310", "91110000710931000X", "9AIIOOOO71O931OOOX", "DE1")
            ),
            *({"phone": v} for v in ("12", "000000000", "1.38E+10", "无", ["12", "1234567890123456789012"])),
            *({"email": v} for v in ("x", "@qq.com", "a@b", "无")),
            *({"website": v} for v in ("qq.com", "x y", "com")),
            *({"address_line": v} for v in ("无", "???")),
            {"registration_id": "1111"},
        ],
        "person": [
            *({"national_id": v} for v in ("11010119900307", "110101199003070000", "000000199003070000", "1" * 18)),
            *({"birth_date": v} for v in ("1990", "1990-02-30", "1900-01-01", "1700-01-01", "gestern", "1990-05")),
            *({"full_name": v} for v in ("test", "(已离职)")),
            {"gender": "vielleicht"},
        ],
    }
    found = {why for entity, rows in bad.items() for raw in rows for why in standardise_one(entity, raw)[1].values()}
    assert len(found) > 15
    assert sorted(why for why in found if not HAN.search(told(Speech("zh"), why))) == []
    assert told(Speech("zh"), "filler digits; too short") == "填充数字；太短"


def test_attributes_have_words() -> None:
    assert {name for entity in ENTITY_TYPES for name in attributes(entity)} - words.ATTRIBUTES.keys() == set()


@pytest.mark.parametrize("entity", sorted(DEFAULTS))
def test_comparisons_levels_and_rules_have_their_chinese(entity: str) -> None:
    declared, chinese = DEFAULTS[entity], Speech("zh")
    said = {c.name for c in declared.comparisons} | {r.name for r in declared.cannot_link}
    said |= {level.label for c in declared.comparisons for level in c.levels}
    assert sorted(text for text in said if not HAN.search(told(chinese, text))) == []


def test_what_the_audit_log_names_has_its_chinese() -> None:
    written = r"(?:add_audit|audit_entry)\([^\"]*\"([a-z_]+(?:\.[a-z_]+)+)\""
    seen = r"reads\.read\([^\"]*\"([a-z_]+\.[a-z_]+)\""
    found = set()
    for path in (ROOT / "serving").rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        found |= set(re.findall(written, text)) | set(re.findall(seen, text))
    assert len(found) > 20
    assert sorted(found - words.TERMS.keys()) == []


def test_kinds_and_states_of_runs_have_words() -> None:
    ended = set()
    for path in (ROOT / "orchestration").rglob("*.py"):
        ended |= set(re.findall(r"finish_run\([^,]+, \"([a-z]+)\"", path.read_text(encoding="utf-8")))
    assert {"compared", "verified", "trained"} <= ended
    assert {*ended, KIND, STATUS, FOLLOWED, "erasure", "full", "incremental"} - words.TERMS.keys() == set()


def test_what_a_run_notes_of_its_models_has_its_chinese() -> None:
    noted = _cut_off({"name": 3}) + outgrown(1_000, 1_000_000)
    files = [ROOT / "matching" / name for name in ("resolve.py", "training.py")]
    nodes = [node for file in files for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))]
    filled = [node.values for node in nodes if isinstance(node, ast.JoinedStr)]
    within = {id(part) for parts in filled for part in parts}
    filled += [[n] for n in nodes if isinstance(n, ast.Constant) and isinstance(n.value, str) and id(n) not in within]
    for parts in filled:
        text = "".join(str(p.value) if isinstance(p, ast.Constant) else "9" for p in parts)
        if text.startswith(("no model was", "fewer than", "compared from")) or "are few to learn" in text:
            noted.append(text)
    assert len(noted) == 6
    assert [text for text in noted if not HAN.search(told(Speech("zh"), text))] == []


def test_codes_have_words_and_other_values_stay() -> None:
    chinese = Speech("zh")

    def coded(name: str, value: object) -> object:
        return words.coded(chinese, str, name, value)

    assert [coded("consent", v) for v in ("true", "False", "opt-in")] == ["是", "否", "opt-in"]
    assert coded("job_title", "true") == "true"
    assert [coded("gender", v) for v in ("m", "f", "女士")] == ["男", "女", "女士"]
