"""The rounds of a lead: work given out and taken back, filters handed on, values steered, logs and models read."""

from __future__ import annotations

import csv
import io
import re

import orjson
import pytest
from playwright.sync_api import Page, expect

from models.store import Store
from orchestration.run import compare_models
from tests.e2e.conftest import Served, Visitor
from tests.e2e.test_pages import serious
from tests.e2e.test_stewards import press_and_go

pytestmark = pytest.mark.slow
TABLET = 820


def marked(page: Page, n: int) -> list[str]:
    """Mark the first rows of the inbox by keyboard; the keys of their tasks."""
    for _ in range(n):
        page.keyboard.press("j")
        page.keyboard.press("x")
    expect(page.locator("[data-count]")).to_have_text(str(n))
    boxes = page.locator("tbody input[name=task]:checked")
    return [str(boxes.nth(at).get_attribute("value")) for at in range(n)]


def press_button(page: Page, name: str) -> None:
    with page.expect_navigation():
        page.get_by_role("button", name=name, exact=True).first.click()


def test_work_is_given_out_talked_about_and_taken_back(hub: Served, visitor: Visitor) -> None:
    lead, wang = visitor("lead", width=TABLET), visitor("wang", language="zh", width=TABLET)
    lead.goto("/inbox?kind=refused_merge&sort=weight")
    keys = marked(lead, 2)
    lead.locator("#to").select_option("wang")
    press_button(lead, "Assign")
    expect(lead.locator(".message.done")).to_contain_text("Done for 2 tasks.")
    assert "kind=refused_merge" in lead.url and "sort=weight" in lead.url
    assert marked(lead, 2) == keys
    lead.locator("input[name=due]").fill("2020-01-31")
    press_button(lead, "Set due")
    expect(lead.locator("tbody tr .person").first).to_be_visible()
    # The address of what the lead sees is opened by the one whose work it is, in another language.
    lead.goto("/inbox?holder=wang&due=over")
    assert lead.locator("tbody tr").count() == 2
    wang.goto(lead.url)
    assert wang.locator("tbody tr").count() == 2
    expect(wang.locator("tbody[data-rows]")).to_contain_text("2020年1月31日")
    press_and_go(wang, "o")
    press_and_go(wang, "c")
    wang.keyboard.press("t")
    wang.keyboard.type("两家的税号都对过了")
    press_button(wang, "发表")
    expect(wang.get_by_text("两家的税号都对过了")).to_be_visible()
    (key,) = [k for k in keys if (hub.store.task(k) or {})["claimed_by"] == "wang"]
    assert [c["by"] for c in hub.store.comments(key)] == ["wang"]
    press_and_go(wang, "c")
    task = hub.store.task(key)
    assert task is not None and (task["claimed_by"], task["assigned_to"]) == (None, "wang")
    lead.goto(f"/tasks/{key}")
    lead.locator("#to").select_option("")
    press_button(lead, "Assign")
    assert (hub.store.task(key) or {})["assigned_to"] is None
    # An auditor finds who gave it to whom, and takes that away as a file.
    root = visitor("root", theme="dark")
    root.goto("/audit?actor=lead")
    with root.expect_navigation():
        root.select_option("#action", "task.assign")
    rows = root.locator("tbody[data-rows] tr")
    assert rows.count() == 3 and rows.filter(has_text="wang").count() == 2
    with root.expect_download() as taken:
        root.get_by_role("link", name="CSV", exact=True).click()
    lines = list(csv.DictReader(io.StringIO(taken.value.path().read_text(encoding="utf-8-sig"))))
    assert [(line["actor"], line["action"]) for line in lines] == [("lead", "task.assign")] * 3
    root.goto("/audit?action=audit.export")
    expect(rows.first).to_contain_text("root")


def test_tasks_are_decided_together_and_what_others_did_is_told(hub: Served, visitor: Visitor) -> None:
    lead, li = visitor("lead"), visitor("li")
    lead.goto("/inbox?kind=grey_pair&type=organization")
    keys = marked(lead, 3)
    li.goto(f"/tasks/{keys[0]}")
    press_and_go(li, "n")
    lead.locator("#reason").fill("none of these")
    lead.get_by_role("button", name="No match").click()
    told = lead.locator(".message.waits").first
    expect(told).to_contain_text("Done for 2 tasks. Not for 1 task: li decided this already: no match")
    expect(lead.locator("#kind")).to_have_value("grey_pair")  # the list is the one that was looked at
    assert [(hub.store.task(k) or {})["status"] for k in keys] == ["closed"] * 3
    said = [row for row in hub.store.decisions().to_pylist() if row["reason"] == "none of these"]
    assert [row["verdict"] for row in said] == ["no_match"] * 2


def test_values_are_pinned_ignored_edited_and_seen_as_of_then(hub: Served, visitor: Visitor) -> None:
    golden, before, other = losing(hub.store)
    page = visitor("lead", language="zh", theme="dark", width=TABLET)
    page.goto(f"/customers/{golden}/data")
    row = page.locator("tr[data-row]", has=page.locator("input[name=attribute][value=name]")).first
    row.locator("details summary").first.click()
    with page.expect_navigation():
        row.locator("details div", has_text=other).get_by_role("button").first.click()
    assert value(hub, golden) == other
    row.locator("summary[aria-label]").click()
    row.locator("input[name=value]").fill("改名后的公司")
    row.locator("input[name=reason]:visible").fill("营业执照")
    press_button(page, "设为此值")
    assert value(hub, golden) == "改名后的公司"
    slider = page.locator("#asof")
    slider.focus()
    with page.expect_navigation():
        page.keyboard.press("Home")
    expect(page.locator(".message.waits").first).to_contain_text("版本 1")
    expect(page.locator("tr[data-row]").first).to_contain_text(before)
    page.goto(f"/customers/{golden}/history")
    for _ in range(2):
        press_button(page, "撤销")
        expect(page.locator(".message.done")).to_be_visible()
    assert value(hub, golden) == before
    page.goto(f"/customers/{golden}/data")
    row.locator("summary[aria-label]").click()
    row.locator("input[name=reason]:visible").fill("写错了")
    press_button(page, "忽略此值")
    assert value(hub, golden) not in (before, None)


def losing(store: Store) -> tuple[str, str, str]:
    """A golden record of several names, the one that won and one that lost."""
    for row in store.golden("organization").to_pylist():
        why, name = orjson.loads(row["provenance"])["fields"].get("name", {}), orjson.loads(row["values"])["name"]
        others = [lost[1] for lost in why.get("lost", []) if len(lost) > 1 and lost[1] not in name]
        if row["records"] > 2 and others:
            return row["golden_id"], name, others[0]
    raise AssertionError("every golden record has one name only")


def value(hub: Served, golden: str) -> str | None:
    found: str | None = orjson.loads(hub.store.golden_by_id([golden]).to_pylist()[0]["values"]).get("name")
    return found


def test_two_customers_are_compared_by_keyboard_alone(hub: Served, visitor: Visitor) -> None:
    one, other = [g["golden_id"] for g in hub.store.golden("organization").to_pylist()[:2]]
    page = visitor("wang", language="zh", width=TABLET)
    page.goto(f"/customers/{one}/data")
    press_and_go(page, "w")
    page.keyboard.press("Tab")
    page.locator("#whom").focus()
    page.keyboard.type(other)
    press_and_go(page, "Enter")
    page.keyboard.press("j")
    press_and_go(page, "Enter")
    expect(page).to_have_url(re.compile("/compare"))
    page.keyboard.press("r")
    page.keyboard.type("两家公司")
    page.keyboard.press("Escape")
    press_and_go(page, "n")
    expect(page.locator(".message.done")).to_be_visible()
    decision = hub.store.decisions().to_pylist()[-1]
    assert (decision["verdict"], decision["by"], decision["reason"]) == ("no_match", "wang", "两家公司")
    press_and_go(page, "z")
    assert hub.store.decisions(active_only=True).to_pylist()[-1:] != [decision]
    assert hub.store.decision(decision["id"])["undone_by"] is not None  # type: ignore[index]


def test_a_draft_is_compared_and_the_histogram_drawn(hub: Served, visitor: Visitor) -> None:
    used = next(m["model_id"] for m in hub.store.list_models("organization") if m["status"] == "published")
    document = hub.store.load_model(used)
    assert document is not None
    document["declaration"]["auto"] += 3.0
    document["model_id"] = "organization-draft"
    hub.store.save_model("organization-draft", "organization", document, publish=False)
    compare_models(hub.config, "organization-draft", used)
    page = visitor("lead", language="zh", theme="dark", width=TABLET)
    page.goto("/matching/models/organization-draft")
    expect(page.locator(".tile")).not_to_have_count(0)
    expect(page.get_by_text("将改变的黄金值").first).to_be_visible()
    wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert serious(page) == [] and wide <= 0
    page.goto("/matching")
    drawn = page.locator("[data-chart^=histogram] canvas, [data-chart^=histogram] svg")
    expect(drawn.first).to_be_visible()
