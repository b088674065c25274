"""Every page, in both languages and colours: nothing broken, nothing that keeps anybody out."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.conftest import Served, Visitor
from tests.e2e.screenshots import eventful

pytestmark = pytest.mark.slow
AXE = (Path(__file__).parents[1] / "support/axe/axe-4.14.1.min.js").read_text(encoding="utf-8")
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"]


def pages(hub: Served) -> dict[str, list[str]]:
    """Addresses by who may see them."""
    task = hub.tasks()[0]["task_key"]
    golden = next(g["golden_id"] for g in hub.store.golden("organization").to_pylist() if g["records"] > 2)
    run = hub.store.last_run()
    assert run is not None
    model = hub.store.list_models()[0]["model_id"]
    record = hub.store.members_of([golden])["record_id"][0].as_py()
    other = next(g["golden_id"] for g in hub.store.golden("organization").to_pylist() if g["golden_id"] != golden)
    steward = ["/inbox", f"/tasks/{task}", "/customers", "/search?q=tong", f"/customers/{golden}/data"]
    steward += [f"/customers/{golden}/history", f"/customers/{golden}/split", f"/records/{record}", "/account"]
    steward += [f"/search?with={golden}&q=tong", f"/compare?left={golden}&right={other}"]
    steward += [
        f"/customers/{golden}/{tab}" for tab in ("overview", "timeline", "people", "fleet", "hierarchy", "plan")
    ]
    lead = ["/matching", "/matching/models", f"/matching/models/{model}", "/audit"]
    lead += ["/findings", "/matrix", "/funnel", "/measures", "/contracts"]
    admin = ["/runs", f"/runs/{run['run_id']}", "/sources", "/quarantine", "/quarantine/1", "/settings", "/users"]
    return {"lead": steward + lead, "root": admin}


def serious(page: Page, only: dict[str, object] | None = None) -> list[str]:
    """What axe finds on a page, of all rules of WCAG 2.1 AA or `only` of some."""
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE)
    options = {"runOnly": only or {"type": "tag", "values": TAGS}, "resultTypes": ["violations"]}
    found = page.evaluate("options => axe.run(document, options)", options)
    return [
        f"{v['id']}: {n['html'][:200]} {n['any'][0]['message'][:160] if n['any'] else ''}"
        for v in found["violations"]
        if v["impact"] in ("serious", "critical")
        for n in v["nodes"]
    ]


def test_no_page_keeps_anybody_out(hub: Served, visitor: Visitor) -> None:
    # Each page is loaded once: in dark, with every rule; then its colours are changed under it, and looked at again.
    wrong: dict[str, list[str]] = {}
    contrast: dict[str, object] = {"type": "rule", "values": ["color-contrast", "link-in-text-block"]}
    for name, addresses in pages(hub).items():
        page = visitor(name, language="zh", theme="dark")
        for address in addresses:
            page.emulate_media(color_scheme="dark")
            answer = page.goto(address)
            assert answer is not None and answer.status == 200, address
            assert page.locator("html").get_attribute("lang") == "zh-CN"
            found = serious(page)
            page.emulate_media(color_scheme="light")
            found += [f"light: {one}" for one in serious(page, contrast)]
            if found:
                wrong[address] = found
    assert wrong == {}


def test_the_sign_in_page_keeps_nobody_out(hub: Served, visitor: Visitor) -> None:
    page = visitor(None)
    page.goto("/sign-in")
    assert serious(page) == []


CUT = """() => {
  const ruler = document.createElement('span'), wide = (of, text) => {
    ruler.style.cssText = 'position: absolute; visibility: hidden; white-space: pre';
    ruler.style.font = getComputedStyle(of).font;
    ruler.textContent = text;
    return ruler.getBoundingClientRect().width;
  };
  document.body.append(ruler);
  const inner = of => {
    const style = getComputedStyle(of);
    return of.clientWidth - parseFloat(style.paddingLeft) - parseFloat(style.paddingRight) + 1;
  };
  const chosen = [...document.querySelectorAll('select')].map(s => [s, s.selectedOptions[0]?.text ?? '']);
  const hints = [...document.querySelectorAll('input[placeholder]')].map(i => [i, i.placeholder]);
  return [...chosen, ...hints].filter(([of, text]) => of.offsetParent && wide(of, text) > inner(of)).map(([, t]) => t);
}"""


def test_on_a_tablet_nothing_is_cut_off(hub: Served, visitor: Visitor) -> None:
    for name, addresses in pages(hub).items():
        page = visitor(name)
        for address in addresses:
            page.set_viewport_size({"width": 820, "height": 900})
            answer = page.goto(address)
            assert answer is not None and answer.status == 200, address
            assert page.locator("html").get_attribute("lang") == "en"
            wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
            assert wide <= 0, address
            assert page.evaluate(CUT) == [], address
            page.set_viewport_size({"width": 390, "height": 800})
            wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
            assert wide <= 0, f"{address} on a telephone"


def test_the_picture_of_the_360_view_is_of_a_customer_with_a_history(hub: Served, visitor: Visitor) -> None:
    page = visitor("lead")
    page.goto(f"/customers/{eventful(hub.store)}/overview")
    # Before, during and after the order: something came in each of them.
    assert [p.locator(".chip.agree").count() > 0 for p in page.locator(".phase").all()] == [True, True, True]
    expect(page.locator("[data-chart]").first).to_be_visible()


def test_every_weight_that_a_pair_has_is_seen_in_the_histogram(hub: Served, visitor: Visitor) -> None:
    page = visitor("lead")
    page.goto("/matching")
    chart = page.locator("[data-chart^=histogram]").first
    expect(chart.locator("svg")).to_be_visible()
    data = "el => JSON.parse(document.getElementById(el.dataset.chart).textContent).series[0].data"
    bars = [bar["value"] for bar in chart.evaluate(data) if bar["value"]]
    assert 1 in bars  # on a logarithmic scale one pair is the first to vanish
    drawn = chart.evaluate(
        """el => [...el.querySelectorAll('svg path')].filter(p => p.getAttribute('fill') !== 'none'
            && p.getAttribute('fill') !== 'transparent' && p.getBBox().height > 3 && p.getBBox().width < 60).length"""
    )
    assert drawn == len(bars)


def test_language_and_colours_are_changed_by_a_button(hub: Served, visitor: Visitor) -> None:
    page = visitor("lead")
    page.goto("/inbox?kind=grey_pair")
    page.get_by_role("button", name="中文").click()
    expect(page.locator("h1")).to_have_text("收件箱")
    expect(page).to_have_url(re.compile("kind=grey_pair"))
    page.get_by_role("button", name="English").click()
    expect(page.locator("h1")).to_have_text("Inbox")
    page.get_by_role("button", name="Change colours").click()
    expect(page.locator("html")).to_have_attribute("data-theme", "light")


def test_search_suggests_while_one_types(hub: Served, visitor: Visitor) -> None:
    golden = next(g for g in hub.store.golden("organization").to_pylist() if g["records"] > 1)
    record = hub.store.members_of([golden["golden_id"]])["record_id"][0].as_py()
    key = hub.store.records_by_id([record], ["source_key"]).to_pylist()[0]["source_key"]
    page = visitor("lead")
    page.goto("/inbox")
    page.keyboard.press("/")
    page.keyboard.type(key)
    first = page.locator("#suggestions a").first
    expect(first).to_have_attribute("href", f"/customers/{golden['golden_id']}")
    page.keyboard.press("ArrowDown")
    with page.expect_navigation():
        page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(golden["golden_id"]))


def test_filters_of_the_inbox_stand_in_the_address(hub: Served, visitor: Visitor) -> None:
    page = visitor("lead")
    page.goto("/inbox")
    with page.expect_navigation():
        page.select_option("#type", "person")
    expect(page).to_have_url(re.compile("type=person"))
    page.goto("/inbox")
    page.keyboard.press("j")
    page.keyboard.press("x")
    expect(page.locator("[data-marked]")).to_be_visible()
    with page.expect_navigation():
        page.keyboard.press("c")
    expect(page.locator(".message.done")).to_contain_text("Done for 1 task.")
    page.goto("/inbox?holder=me")
    assert page.locator("tbody tr").count() == 1
