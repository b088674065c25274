"""Pictures of the pages for the documents: `python -m tests.e2e.screenshots PROJECT FOLDER [NAME …]`.

PROJECT is a folder whose hub has run, such as the one that `kehu demo` makes; FOLDER is docs/images. The hub is copied
first, so that nothing of the project changes.
"""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
import threading
import time
from pathlib import Path

import sqlalchemy as sa
import uvicorn
from playwright.sync_api import sync_playwright

from models.config import Config, load_config
from models.store import Store, open_store
from models.store import lifecycle_tables as lt
from orchestration.run import compare_models
from serving import accounts
from serving.http.app import create_app
from tests.e2e.conftest import CHROMIUM, FLAGS, PASSWORD

PORT = 8765


def pages(store: Store) -> dict[str, tuple[str, str, str]]:
    """Name of the picture → who looks, the address, `light` or `dark`."""
    task = max(store.tasks(kind="grey_pair").to_pylist(), key=lambda t: t["weight"] or 0.0)["task_key"]
    golden = max(store.golden("organization").to_pylist(), key=lambda g: (g["records"] <= 6, g["records"]))["golden_id"]
    run = store.last_run()
    assert run is not None
    customer = f"/customers/{golden}"
    record = store.members_of([golden])["record_id"][0].as_py()
    draft = next(m["model_id"] for m in store.list_models() if m["status"] == "draft")
    return {
        "sign-in": ("", "/sign-in", "light"),
        "inbox": ("lead", "/inbox", "light"),
        "task": ("lead", f"/tasks/{task}", "light"),
        "task-dark": ("lead", f"/tasks/{task}", "dark"),
        "compare": ("lead", _contradicting(store), "light"),
        "record": ("lead", f"/records/{record}", "light"),
        "model": ("lead", f"/matching/models/{draft}", "light"),
        "row": ("root", "/quarantine/1", "light"),
        "settings": ("root", "/settings", "light"),
        "customers": ("lead", "/customers", "light"),
        "search": ("lead", "/search?q=tongtong", "light"),
        "overview": ("lead", f"/customers/{eventful(store)}/overview", "light"),
        "data": ("lead", f"{customer}/data", "light"),
        "history": ("lead", f"{customer}/history", "light"),
        "split": ("lead", f"{customer}/split", "light"),
        "matching": ("lead", "/matching", "light"),
        "findings": ("lead", "/findings", "light"),
        "matrix": ("lead", "/matrix", "light"),
        "funnel": ("lead", "/funnel", "light"),
        "runs": ("root", "/runs", "light"),
        "run": ("root", f"/runs/{run['run_id']}", "light"),
        "sources": ("root", "/sources", "light"),
        "quarantine": ("root", "/quarantine", "light"),
        "audit": ("root", "/audit", "light"),
        "users": ("root", "/users", "light"),
    }


def eventful(store: Store) -> str:
    """A customer with touchpoints of the most stages, so that the 360 view shows what it is for."""
    c = lt.customer_state.c
    rows = store.fetch_arrow(sa.select(c.golden_id, c.tally).where(c.entity_type == "organization")).to_pylist()

    def stages(row: dict[str, str]) -> tuple[int, int, str]:
        """How many stages and kinds of touchpoints its parts of the matrix name, `m:KIND/STAGE/SOURCE`."""
        cells = [name[2:].split("/") for name in json.loads(row["tally"]) if name.startswith("m:")]
        return len({stage for _, stage, _ in cells}), len({kind for kind, _, _ in cells}), row["golden_id"]

    return max(rows, key=stages)["golden_id"]


def _contradicting(store: Store) -> str:
    """The address of two customers with a tax id each."""
    rows = [g for g in store.golden("organization").to_pylist() if g["records"] > 1]
    taxed = [g["golden_id"] for g in rows if len(str(json.loads(g["values"]).get("tax_id") or "")) == 18]
    return f"/compare?left={taxed[0]}&right={taxed[1]}"


def _draft(store: Store, config: Config) -> None:
    """A model that merges a little later, compared with the one in use."""
    used = next(m["model_id"] for m in store.list_models("organization") if m["status"] == "published")
    document = store.load_model(used)
    assert document is not None
    document["declaration"]["auto"] += 3.0
    document["model_id"] = "organization-draft"
    store.save_model("organization-draft", "organization", document, publish=False)
    compare_models(config, "organization-draft", used)


def main(project: Path, folder: Path, names: list[str]) -> None:
    """Take the pictures, in English and Chinese (`…-zh`)."""
    with tempfile.TemporaryDirectory() as scratch:
        copy = Path(scratch) / "project"
        shutil.copytree(project, copy)
        config = load_config(copy / "kehu.yaml")
        with open_store(config.store) as store:
            for name, role in (("root", "admin"), ("lead", "lead_steward")):
                if store.account(name) is None:
                    accounts.use_link(store, accounts.add_person(store, name, role, by="pictures"), PASSWORD)
            _draft(store, config)
            app = create_app(config, store)
            server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=PORT, log_level="warning"))
            thread = threading.Thread(target=server.run, daemon=True)
            thread.start()
            while not server.started:
                time.sleep(0.05)
            _take(store, folder, names)
            server.should_exit = True
            thread.join()


def _take(store: Store, folder: Path, names: list[str]) -> None:
    browser_path = next(path for name in CHROMIUM if (path := shutil.which(name)))
    tokens = {who: accounts.begin_session(store, who) for who in ("root", "lead")}
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=browser_path, args=FLAGS)
        for language, locale in (("", "en-US"), ("-zh", "zh-CN")):
            for name, (who, address, theme) in pages(store).items():
                if names and name not in names or language and name not in ("inbox", "task", "overview", "data"):
                    continue
                scheme = "dark" if theme == "dark" else "light"
                context = browser.new_context(
                    locale=locale,
                    color_scheme=scheme,
                    viewport={"width": 1360, "height": 900},  # type: ignore[arg-type]
                )
                if who:
                    url = f"http://127.0.0.1:{PORT}"
                    context.add_cookies([{"name": "kehu_session", "value": tokens[who], "url": url}])
                page = context.new_page()
                page.goto(f"http://127.0.0.1:{PORT}{address}")
                if name == "compare":  # what is asked where two golden records contradict each other
                    page.keyboard.press("m")
                    page.wait_for_selector(".choosing")
                page.wait_for_timeout(200)
                page.screenshot(path=folder / f"{name}{language}.png")
                context.close()
        browser.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3:])
