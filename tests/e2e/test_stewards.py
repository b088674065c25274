"""What stewards do all day, in a real browser."""

from __future__ import annotations

import re
import subprocess
import sys
import time

import orjson
import pytest
import sqlalchemy as sa
from playwright.sync_api import Page, expect

from models.store import lifecycle_tables as lt
from models.store import tables as t
from tests.e2e.conftest import PASSWORD, Served, Visitor

pytestmark = pytest.mark.slow


def address(task: dict[str, object], query: str = "") -> str:
    return f"/tasks/{task['task_key']}?{query}"


def press_and_go(page: Page, key: str) -> None:
    """Press a key that leads to another page, and wait for it."""
    with page.expect_navigation():
        page.keyboard.press(key)


def match_and_go(page: Page) -> None:
    """Press `m`; where the golden records contradict each other, say that they are one all the same."""
    press_and_go(page, "m")
    if page.locator(".choosing").count():
        press_and_go(page, "1")


def test_signing_in_and_out(hub: Served, visitor: Visitor) -> None:
    page = visitor(None)
    page.goto("/inbox")
    expect(page).to_have_url(re.compile("/sign-in"))
    page.keyboard.type("wang")
    page.keyboard.press("Tab")
    page.keyboard.type(PASSWORD)
    press_and_go(page, "Enter")
    expect(page).to_have_url(re.compile("/inbox"))
    page.get_by_text("wang").first.click()
    page.get_by_role("button", name="Sign out").click()
    expect(page).to_have_url(re.compile("/sign-in"))
    page.goto("/inbox")
    expect(page).to_have_url(re.compile("/sign-in"))


def test_the_keys_of_a_page_are_listed(hub: Served, visitor: Visitor) -> None:
    page = visitor("wang")
    page.goto(address(hub.tasks()[0]))
    page.keyboard.press("?")
    listed = page.locator("#keys kbd").all_inner_texts()
    assert {"m", "n", "u", "j", "k", "r", "/", "?"} <= set(listed)
    page.keyboard.press("Escape")
    expect(page.locator("#keys")).not_to_be_visible()


def test_enter_in_a_reason_decides_nothing_and_an_input_method_keeps_its_keys(hub: Served, visitor: Visitor) -> None:
    page = visitor("wang", language="zh")
    task = hub.tasks()[0]
    page.goto(address(task))
    page.keyboard.press("r")
    field = page.locator("#reason")
    page.keyboard.type("同一电话")
    # While a word is being composed, Escape and Enter belong to the input method.
    for key in ("Escape", "Enter"):
        given = f"{{key: '{key}', isComposing: true, bubbles: true}}"
        field.evaluate(f"el => el.dispatchEvent(new KeyboardEvent('keydown', {given}))")
        expect(field).to_be_focused()
    page.keyboard.press("Enter")
    expect(field).not_to_be_focused()
    expect(field).to_have_value("同一电话")
    page.wait_for_timeout(300)
    assert task["task_key"] in page.url and task["task_key"] in {t["task_key"] for t in hub.tasks()}
    page = visitor("lead")
    page.goto("/inbox")
    page.keyboard.press("j")
    page.keyboard.press("x")
    page.locator("#reason").focus()
    page.keyboard.press("Enter")
    page.wait_for_timeout(300)
    expect(page.locator("[data-marked]")).to_be_visible()  # nothing was done to what is marked


def test_merge_look_undo_look(hub: Served, visitor: Visitor) -> None:
    sizes = {g["golden_id"]: g["records"] for g in hub.store.golden("organization").to_pylist()}
    apart = [t for t in hub.tasks() if len(set(hub.homes(t["left_id"], t["right_id"]))) == 2]
    task = min(apart, key=lambda t: sum(sizes[g] for g in hub.homes(t["left_id"], t["right_id"])))
    pair = (task["left_id"], task["right_id"])
    before = hub.homes(*pair)
    page = visitor("lead")
    page.goto(address(task))
    expect(page.get_by_text("If merged")).to_be_visible()
    named = page.locator("table.compare th a[href^='/customers/']").all_inner_texts()
    assert len(named) == 2 and named[0] != named[1]  # golden records of one run begin with the same time
    match_and_go(page)
    if len(set(hub.homes(*pair))) == 2:
        hub.run()
    assert len(set(hub.homes(*pair))) == 1
    (survivor,) = set(hub.homes(*pair))
    gone = next(g for g in before if g != survivor)
    page.goto(f"/customers/{gone}")
    expect(page).to_have_url(re.compile(survivor))
    expect(page.get_by_text("went on under this id")).to_be_visible()
    page.goto(f"/customers/{survivor}/data")
    page.get_by_role("button", name="Undo").first.click()
    expect(page.locator(".message.done")).to_contain_text("Undone")
    if hub.homes(*pair) != before:
        hub.run()
    assert hub.homes(*pair) == before
    for golden_id in before:
        page.goto(f"/customers/{golden_id}/data")
        expect(page).to_have_url(re.compile(golden_id))


def test_a_morning_of_twenty_tasks_by_keyboard_alone(hub: Served, visitor: Visitor) -> None:
    before = hub.store.last_decision()
    page = visitor("wang")
    page.goto("/inbox")
    press_and_go(page, "o")
    for number in range(20):
        expect(page.locator("h1")).to_be_visible()
        if number == 3:  # look at the next one first, and come back
            press_and_go(page, "j")
            press_and_go(page, "k")
        if number == 5:
            page.keyboard.press("r")
            page.keyboard.type("the same door, another spelling")
            page.keyboard.press("Escape")
        match_and_go(page) if number % 4 == 3 else press_and_go(page, ("n", "u", "n")[number % 4])
        expect(page.locator(".message.done, .message.waits").first).to_contain_text("Saved.")
    said = [row for row in hub.store.decisions(after=before).to_pylist() if row["by"] == "wang"]
    assert len(said) == 20
    assert sum(row["reason"] == "the same door, another spelling" for row in said) == 1


def test_an_edit_needs_a_second_person(hub: Served, visitor: Visitor) -> None:
    golden = next(g for g in hub.store.golden("organization").to_pylist() if g["records"] == 2)
    page = visitor("wang")
    page.goto(f"/customers/{golden['golden_id']}/data")
    row = page.locator("tr", has_text="account owner").first
    row.locator("summary[aria-label]").click()
    row.locator("input[name=value]").fill("赵敏")
    row.get_by_role("textbox", name="Reason").fill("told on the phone")
    row.get_by_role("button", name="Ask for this value").click()
    expect(page.locator(".message.waits").first).to_contain_text("second person")
    (task,) = [t for t in hub.store.tasks(kind="change_request").to_pylist() if "赵敏" in (t["detail"] or "")]
    page.goto(address(task))
    expect(page.get_by_role("button", name="Approve")).to_be_disabled()
    lead = visitor("lead")
    lead.goto(address(task))
    expect(lead.get_by_text("赵敏").first).to_be_visible()
    press_and_go(lead, "a")
    expect(lead.locator(".message.done")).to_contain_text("Approved")
    decision = hub.store.decision(task["decision_id"])
    assert decision is not None and decision["holds"] and decision["settled"] == "approve"


def test_a_merge_of_many_records_needs_a_second_person(
    hub: Served, visitor: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    rules = hub.config.stewardship.four_eyes
    monkeypatch.setitem(rules.__dict__, "merge_records", 2)  # as the configuration would say
    task = next(t for t in hub.tasks() if len(set(hub.homes(t["left_id"], t["right_id"]))) == 2)
    pair = (task["left_id"], task["right_id"])
    before = hub.homes(*pair)
    wang, lead = visitor("wang"), visitor("lead")
    wang.goto(address(task))
    match_and_go(wang)
    expect(wang.locator(".message.waits").first).to_contain_text("second person")
    assert hub.homes(*pair) == before
    asked = next(t for t in hub.tasks("approval") if (t["left_id"], t["right_id"]) == pair)
    wang.goto(address(asked))
    expect(wang.get_by_role("button", name="Approve")).to_be_disabled()
    lead.goto(address(asked))
    press_and_go(lead, "a")
    expect(lead.locator(".message.done")).to_contain_text("Approved")
    assert len(set(hub.homes(*pair))) == 1


def test_golden_records_that_contradict_each_other_are_joined_knowingly_or_one_record_goes_over(
    hub: Served, visitor: Visitor
) -> None:
    page = visitor("lead")
    rows = {g["golden_id"]: orjson.loads(g["values"]) for g in hub.store.golden("organization").to_pylist()}
    several = [g["golden_id"] for g in hub.store.golden("organization").to_pylist() if g["records"] > 1]
    taxed = [g for g in several if len(str(rows[g].get("tax_id") or "")) == 18]
    left, right = taxed[:2]
    before = hub.store.crosswalk().num_rows, {g: set(members_of(hub, {"golden_id": g})) for g in (left, right)}
    # Found by whoever looks: from the page of one to the other, over the search.
    page.goto(f"/customers/{left}/data")
    press_and_go(page, "w")
    page.locator("#whom").fill(right)
    press_and_go(page, "Enter")
    with page.expect_navigation():
        page.locator("a[data-open]").first.click()
    expect(page.locator("h1")).to_have_text("Are these one customer?")
    expect(page.get_by_text("These golden records contradict each other")).to_be_visible()
    press_and_go(page, "m")
    expect(page.locator(".choosing")).to_contain_text("two valid tax ids")
    press_and_go(page, "x")
    assert {g: set(members_of(hub, {"golden_id": g})) for g in (left, right)} == before[1]
    press_and_go(page, "m")
    press_and_go(page, "1")
    expect(page.locator(".message.done")).to_contain_text("share one golden record")
    assert set(members_of(hub, {"golden_id": min(left, right)})) == before[1][left] | before[1][right]
    page.get_by_role("button", name="Undo").first.click()
    expect(page.locator(".message.done")).to_contain_text("Undone")
    assert {g: set(members_of(hub, {"golden_id": g})) for g in (left, right)} == before[1]
    page.goto(f"/compare?left={left}&right={right}")
    press_and_go(page, "m")
    press_and_go(page, "2")
    expect(page.locator(".message.done")).to_contain_text("went over")
    sizes = [len(members_of(hub, {"golden_id": g})) for g in (left, right)]
    assert sizes == [len(before[1][left]) - 1, len(before[1][right]) + 1]
    page.get_by_role("button", name="Undo").first.click()
    expect(page.locator(".message.done")).to_contain_text("Undone")
    assert {g: set(members_of(hub, {"golden_id": g})) for g in (left, right)} == before[1]


def orders_of(hub: Served) -> dict[int, int]:
    """Record of a customer → how many orders name it as theirs."""
    link, r = lt.record_link.c, t.source_record.c
    query = sa.select(link.target_id, r.standard).join(t.source_record, r.record_id == link.record_id)
    found: dict[int, int] = {}
    for row in hub.store.fetch_arrow(query.where(link.kind == lt.PARTY, r.entity_type == "touchpoint")).to_pylist():
        if orjson.loads(row["standard"]).get("type") == "order":
            found[row["target_id"]] = found.get(row["target_id"], 0) + 1
    return found


def members_of(hub: Served, golden: dict[str, object]) -> list[int]:
    found: list[int] = hub.store.members_of([str(golden["golden_id"])])["record_id"].to_pylist()
    return found


def shown_orders(page: Page, golden_id: str) -> int:
    page.goto(f"/customers/{golden_id}/timeline?kind=order")
    return page.locator("tr[data-row]").count()


def test_a_split_takes_orders_to_the_right_side_at_once_and_stages_follow(hub: Served, visitor: Visitor) -> None:
    orders = orders_of(hub)
    rows = [g for g in hub.store.golden("organization").to_pylist() if g["records"] > 1]
    several = {g["golden_id"]: members_of(hub, g) for g in rows}
    # One record has all the orders of its customer.
    golden, members = next((g, m) for g, m in several.items() if sum(1 for one in m if orders.get(one)) == 1)
    mine = next(one for one in members if orders.get(one))
    page = visitor("lead")
    assert shown_orders(page, golden) == orders[mine]
    page.goto(f"/customers/{golden}/split")
    for one in members:
        page.locator(f"input[name='record-{one}'][value='{2 if one == mine else 1}']").check()
    page.locator("#reason").fill("two firms of one name")
    page.get_by_role("button", name="Split").click()
    expect(page.locator(".message.done")).to_be_visible()
    apart, (other,) = hub.homes(mine)[0], set(hub.homes(*members)) - set(hub.homes(mine))
    assert (shown_orders(page, apart), shown_orders(page, other)) == (orders[mine], 0)
    ended = time.monotonic() + 60
    while hub.store.to_follow(str(hub.store.lifecycle_run()))[0] and time.monotonic() < ended:
        page.wait_for_timeout(100)
    states = {row["golden_id"]: row for row in hub.store.customer_states([apart, other]).to_pylist()}
    assert orjson.loads(states[apart]["profile"])["orders"] and not orjson.loads(states[other]["profile"])["orders"]
    page.goto(f"/customers/{apart}/data")
    page.get_by_role("button", name="Undo").first.click()
    expect(page.locator(".message.done")).to_contain_text("Undone")
    assert set(hub.homes(*members)) == {golden} and shown_orders(page, golden) == orders[mine]


def test_of_two_stewards_on_one_task_the_second_is_told(hub: Served, visitor: Visitor) -> None:
    kinds = ("grey_pair", "refused_merge", "weak_bridge")
    task = next(t for t in hub.store.tasks().to_pylist()[::-1] if t["kind"] in kinds)
    slow, quick = visitor("wang"), visitor("li")
    slow.goto(address(task))
    quick.goto(address(task))
    press_and_go(quick, "n")
    slow.locator("#reason").fill("I looked for long")
    slow.keyboard.press("Escape")
    slow.keyboard.press("m")
    expect(slow.locator(".message.wrong")).to_contain_text("li decided this already: no match")
    said = [r for r in hub.store.decisions_about([task["left_id"]]).to_pylist() if r["right_id"] == task["right_id"]]
    assert [(r["by"], r["verdict"]) for r in said] == [("li", "no_match")]


def test_deciding_while_a_run_goes_on_loses_nothing(hub: Served, visitor: Visitor) -> None:
    before = hub.store.last_decision()
    page = visitor("li")
    page.goto("/inbox?type=organization&kind=grey_pair")
    press_and_go(page, "o")
    command = [sys.executable, "-m", "serving.cli", "run", "--full", "--config", str(hub.config.file)]
    run = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    decided = 0
    while run.poll() is None and decided < 6 and "/tasks/" in page.url:
        press_and_go(page, "n")
        expect(page.locator("h1")).not_to_have_text("Something went wrong")
        decided += 1
        page.wait_for_timeout(300)
    _, told = run.communicate(timeout=240)
    assert run.returncode == 0, told
    said = [r for r in hub.store.decisions(after=before).to_pylist() if r["by"] == "li"]
    assert len(said) == decided > 0
    hub.run()
    held = {r["id"] for r in hub.store.decisions(active_only=True).to_pylist()}
    assert {r["id"] for r in said} <= held
    for row in said:
        assert len(set(hub.homes(row["left_id"], row["right_id"]))) == 2
