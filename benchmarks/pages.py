"""How long the pages of stewards take on a standing hub, each asked for many times with other subjects.

The pages are asked of the whole application, signed in, as a browser asks; the server is in this process, so that the
processor's time can be told from waiting for it. Ratios are against the page of the account, which reads nothing of the
hub: what signing in, translating and rendering cost.
"""

import json
import random
import resource
import sys
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks import incremental_base
from benchmarks.stewardship import told
from benchmarks.table import table

PASSWORD = "correct horse 9"
LIMIT_MS = 200.0
_OF_ADMINS = "runs"
"""From this page on they are asked for by an administrator."""


def run(size: int, asks: int, as_json: bool, keep: Path | None) -> int:
    """Measure every page `asks` times on a hub of `size` records; prints a table. Returns 0."""
    with TemporaryDirectory(dir=keep) as folder:
        base = incremental_base.base(keep or Path(folder), size)
        found = measure(incremental_base.copied(base, Path(folder) / "copy"), asks)
    if as_json:
        print(json.dumps({"records": size, **found}))
        return 0
    floor = found["pages"]["account"]["p50"]
    rows = [
        (
            name,
            int(one["n"]),
            one["cpu"],
            one["p50"],
            one["p95"],
            one["p50"] / floor,
            "" if one["p95"] <= LIMIT_MS else "!",
        )
        for name, one in found["pages"].items()
    ]
    print(f"{size:,} records, peak {found['peak_rss_mb']:,.0f} MB; ! marks what takes more than {LIMIT_MS:.0f} ms")
    print(table(["page", "n", "cpu ms", "p50 ms", "p95 ms", "x account", ""], rows))
    return 0


def measure(config_path: Path, asks: int) -> dict[str, Any]:
    """Milliseconds per page."""
    from starlette.testclient import TestClient

    from models.config import load_config
    from serving import accounts
    from serving.http.app import create_app
    from serving.hub import open_hub

    config = load_config(config_path)
    found: dict[str, Any] = {}
    with open_hub(config) as store:
        roles: tuple[Any, ...] = ("lead_steward", "admin")
        for role in roles:
            accounts.use_link(store, accounts.add_person(store, role, role, by="benchmark"), PASSWORD)
        with TestClient(create_app(config, store), base_url="http://kehu.bench", follow_redirects=True) as client:
            client.post("/sign-in", data={"name": "lead_steward", "password": PASSWORD})
            for name, addresses in _addresses(store, asks):
                print(name, file=sys.stderr, flush=True)
                if name == _OF_ADMINS:
                    client.cookies.clear()
                    client.post("/sign-in", data={"name": "admin", "password": PASSWORD})
                client.get(addresses[0])  # models are compiled and templates read once per process
                found[name] = told([_timed(partial(client.get, a)) for a in addresses])
    return {"pages": found, "peak_rss_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}


def _timed(ask: Callable[[], Any]) -> tuple[float, float]:
    began, busy = time.perf_counter(), time.process_time()
    answer = ask()
    spent = (time.perf_counter() - began) * 1000, (time.process_time() - busy) * 1000
    if answer.status_code != 200:
        raise RuntimeError(f"{answer.url} answered {answer.status_code}")
    return spent


def _addresses(store: Any, asks: int) -> list[tuple[str, list[str]]]:
    """Pages by name, each with its addresses, of subjects drawn at random."""
    from urllib.parse import quote

    dice = random.Random(5)
    tasks = store.find_tasks(_any(), limit=asks)
    subjects = _subjects(store, asks, dice)
    golden = [row["golden_id"] for row in subjects]
    names = [row["name"] for row in subjects if row["name"]]

    def each(form: str, values: Sequence[str]) -> list[str]:
        return [form.format(quote(value)) for value in values]

    def often(*addresses: str) -> list[str]:
        return [addresses[i % len(addresses)] for i in range(max(asks // 4, 8))]

    sources = list(dict.fromkeys(state["source"] for state in store.stream_states()))
    last = store.last_run()
    pages = [
        ("account", often("/account")),
        ("inbox", often("/inbox")),
        ("inbox, filtered", often("/inbox?kind=grey_pair", "/inbox?type=person&sort=oldest", "/inbox?page=3")),
        ("inbox, of a source", each("/inbox?source={}", sources)),
        ("task", each("/tasks/{}", [task["task_key"] for task in tasks])),
        ("search, name", each("/search?q={}", names)),
        ("search, slip", each("/search?q={}", [_slipped(name, dice) for name in names])),
        ("search, start", each("/search/suggest?q={}", [name[:4] for name in names])),
        ("search, pinyin", each("/search?q={}", [name for name in (_pinyin(one) for one in names) if name])),
        ("search, phone", each("/search?q={}", [row["phone"] for row in subjects if row["phone"]])),
        ("search, source key", each("/search?q={}", [row["source_key"] for row in subjects])),
        ("customers", often("/customers", "/customers?type=person")),
        *((name, each("/customers/{}/" + name, golden)) for name in ("data", "history", "overview", "timeline")),
        ("split", each("/customers/{}/split", [row["golden_id"] for row in subjects if row["records"] > 1])),
        ("matching", often("/matching")),
        ("models", often("/matching/models")),
        ("findings", often("/findings")),
        ("matrix", often("/matrix")),
        ("runs", often("/runs")),
        *([("run", often(f"/runs/{last['run_id']}"))] if last else []),
        ("sources", often("/sources")),
        ("quarantine", often("/quarantine")),
        ("settings", often("/settings")),
        ("audit", often("/audit", "/audit?actor=admin")),
    ]  # fmt: skip
    return [(name, addresses) for name, addresses in pages if addresses]


def _any() -> Any:
    from models.store.tasks import TaskFilter

    return TaskFilter()


def _subjects(store: Any, count: int, dice: random.Random) -> list[dict[str, Any]]:
    """Records drawn at random: their golden record with how many records it has, its name, a phone, the source key."""
    import orjson
    import sqlalchemy as sa

    from models.store import tables as t
    from serving.asking import shown_name

    g, m, r = t.golden_record.c, t.membership.c, t.source_record.c
    chosen = sa.select(g.golden_id, g.records, g["values"], r.source_key)
    chosen = chosen.join(t.membership, m.golden_id == g.golden_id).join(t.source_record, r.record_id == m.record_id)
    found = []
    with store.database.read() as connection:
        first, last = connection.execute(sa.select(sa.func.min(m.record_id), sa.func.max(m.record_id))).one()
        for _ in range(count):  # ids of records are hashes: the first behind a random number is a random record
            query = chosen.where(m.record_id >= dice.randint(first, last)).order_by(m.record_id).limit(1)
            if (row := connection.execute(query).mappings().first()) is not None:
                values = orjson.loads(row["values"])
                phones = values.get("phone") or [None]
                found.append({**row, "name": shown_name(values), "phone": phones[0]})
    return found


def _slipped(name: str, dice: random.Random) -> str:
    """A name with two neighbours swapped, or one character left out."""
    at = dice.randrange(len(name) - 1) if len(name) > 2 else 0
    return name[:at] + name[at + 1 :] if dice.random() < 0.5 else name[:at] + name[at : at + 2][::-1] + name[at + 2 :]


def _pinyin(name: str) -> str:
    from pypinyin import lazy_pinyin

    return "".join(lazy_pinyin(name)) if any("\u4e00" <= c <= "\u9fff" for c in name) else ""
