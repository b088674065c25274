"""The lifecycle at size: customers with touchpoints taken in, evaluated and published, then a delta of touchpoints,
then 360 pages and documents and the list of findings over HTTP.

The customers are made directly as golden records, one source record each, so that what is measured is the lifecycle
alone. Nearly every customer has one finding. The baseline of the same run is DuckDB counting the same touchpoints per
customer and kind from the same file.
"""

import datetime as dt
import itertools
import json
import random
import shutil
import socket
import statistics
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb
import httpx2 as httpx
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.hub import KEHU
from benchmarks.measure import Watch
from benchmarks.table import table

ASKS = 300
TODAY = dt.date(2026, 6, 1)
CONFIG = """
store: sqlite:///hub.db
workspace: work
memory_limit: 4GB
lifecycle: {{today: 2026-06-01}}
sources:
  - name: crm
    family: sales
    connector: {{type: files, path: "{{stream}}.csv"}}
    streams:
      - {{name: accounts, entity: organization, key: id, fields: {{name: name}}}}
      - {{name: events, entity: touchpoint, key: id, fields: {{{fields}}}}}
"""
# Five touchpoints per customer: most finish a sale, some stop before; every twentieth lacks something.
EVENTS = """
    SELECT c.i * 5 + e.e AS n, c.i,
        CASE WHEN c.i % 4 = 3 THEN ['lead', 'visit', 'visit', 'opportunity', 'quote'][e.e + 1]
            ELSE ['opportunity', 'quote', 'order', 'delivery', 'service_visit'][e.e + 1] END AS type,
        DATE '2025-01-01' + CAST((c.i * 7) % 400 + e.e * 20 AS INTEGER) AS day, e.e
    FROM range({first}, {last}) c(i), range(5) e(e)"""
CHANGE = """
    SELECT n, 'K' || n AS source_key, type, CAST(day AS VARCHAR) AS occurred_at, 'A' || i AS party_key,
        CASE WHEN type NOT IN ('lead', 'opportunity') AND e > 0 THEN ['K' || (n - 1)] END AS refers_to,
        CASE WHEN n % 20 = 7 THEN NULL ELSE 'Li' || (i % 500) END AS owner,
        CASE WHEN type IN ('opportunity', 'quote', 'order') THEN CAST(100000 + (i % 90) * 10000 + {more} AS VARCHAR) END
            AS amount,
        CASE type WHEN 'order' THEN 'delivered' WHEN 'lead' THEN 'converted' WHEN 'opportunity' THEN
            CASE WHEN i % 4 = 3 THEN 'open' ELSE 'won' END END AS status,
        CAST(day + 30 AS VARCHAR) AS due_at,
        CASE WHEN type IN ('opportunity', 'lead') THEN CAST(day + 15 AS VARCHAR) END AS closed_at,
        CASE WHEN type = 'quote' THEN CAST(day + 60 AS VARCHAR) END AS valid_to,
        CASE WHEN type IN ('delivery', 'service_visit') THEN vin END AS vin,
        'talk' AS subject, 'T7' AS product, CASE WHEN type = 'order' THEN '1' END AS quantity, 'price' AS reason
    FROM ({events}) JOIN vins USING (i)"""


def run(customers: int, delta: int, as_json: bool) -> int:
    """Measure a full evaluation of so many customers and one of a delta of touchpoints; prints the result."""
    folder = Path(tempfile.mkdtemp(prefix="kehu-lifecycle-"))
    try:
        (folder / "kehu.yaml").write_text(_config(), encoding="utf-8")
        rows = [
            _measured(folder, "full", customers, 0, customers),
            _measured(folder, "delta", customers, 1, delta // 5),
        ]
        asked = _asked(folder, customers)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    if as_json:
        print(json.dumps([*rows, asked]))
        return 0
    phases = ("take in", "evaluate", "publish records", "publish lifecycle", "baseline")
    heads = [
        "run",
        "customers",
        "touchpoints",
        "findings",
        *(f"{name} s" for name in phases),
        "lifecycle × baseline",
        "peak MB",
    ]
    cells = [[row["run"], row["customers"], row["touchpoints"], row["findings"], *(row[name] for name in phases),
              row["ratio"], row["peak_mb"]] for row in rows]  # fmt: skip
    print(table(heads, cells))
    print("\n".join(f"{row['run']}: {row['seconds']}" for row in rows))
    print(f"360 and findings over HTTP, asked {ASKS} times: {asked}")
    return 0


def _measured(folder: Path, name: str, customers: int, more: int, last: int) -> dict[str, Any]:
    from lifecycle.contracts import load_contracts
    from lifecycle.engine import evaluate, plan_lifecycle
    from lifecycle.intake import take_in
    from matching.standardise.forms import FORMS
    from models.config import parse_config
    from models.store import RunOutcome, open_store
    from orchestration.lifecycle import readers_of

    config = parse_config(_config(), folder / "kehu.yaml")
    contracts = load_contracts(config)
    work = folder / "work" / name
    work.mkdir(parents=True)
    kind = "insert" if more == 0 else "update"
    count = _write(work, customers if more == 0 else 0, last, more, kind)
    seconds: dict[str, float] = {}

    @contextmanager
    def timed(part: str) -> Iterator[None]:
        began = time.perf_counter()
        yield
        seconds[part] = round(time.perf_counter() - began, 2)

    run_id = f"run-{more}"
    with Watch() as watch, open_store(f"sqlite:///{folder / 'hub.db'}") as store, store.lock(run_id):
        store.start_run(run_id)
        with timed("take in"):
            plan = plan_lifecycle(store, config, contracts, TODAY)
            take_in(store, config, contracts, work, readers_of(config), lambda entity, rows: rows,
                    everything=plan.everything)  # fmt: skip
        with timed("evaluate"):
            result = evaluate(store, config, contracts, work, run_id=run_id, today=TODAY, forms=FORMS, plan=plan)
        entities = ("organization", "touchpoint") if more == 0 else ("touchpoint",)
        outcome = RunOutcome(run_id, work, entities, lifecycle=result.outcome, memory_limit="4GB")
        steps: list[tuple[str, float]] = []
        store.publish(outcome, on_step=lambda step: steps.append((step, time.perf_counter())))
        steps.append(("end", time.perf_counter()))
        took = {step: after - at for (step, at), (_, after) in itertools.pairwise(steps)}
        seconds["publish lifecycle"] = round(took.pop("lifecycle") + took.pop("commit"), 2)
        seconds["publish records"] = round(sum(took.values()), 2)
    with timed("baseline"), duckdb.connect() as con:
        path = work / "changes_touchpoint.parquet"
        con.execute(f"SELECT party_key, type, count(*), max(occurred_at) FROM '{path}' GROUP BY ALL").fetchall()
    whole = seconds["evaluate"] + seconds["publish lifecycle"]
    return {
        "run": name, "customers": result.customers, "touchpoints": count, "findings": result.findings,
        "full": result.full, **seconds, "ratio": round(whole / max(seconds["baseline"], 0.01), 1),
        "peak_mb": round(watch.peak_mb), "seconds": {n: round(s, 2) for n, s in result.seconds.items()},
    }  # fmt: skip


def _config() -> str:
    from models.vocabulary import attributes

    return CONFIG.format(fields=", ".join(f"{one}: {one}" for one in attributes("touchpoint")))


def _write(work: Path, customers: int, last: int, more: int, kind: str) -> int:
    """The files of a run; without `customers` the golden records are there already."""
    from models.vocabulary import record_ids

    with duckdb.connect() as con:
        if customers:
            keys = [f"A{i}" for i in range(customers)]
            ids = pa.table(
                {"i": pa.array(range(customers), pa.int64()), "record_id": record_ids("crm", "accounts", keys)}
            )
            con.register("ids", ids)
            _copy(con, work / "membership_organization.parquet", "SELECT record_id, 'g' || i AS golden_id FROM ids")
            _copy(
                con,
                work / "golden_organization.parquet",
                "SELECT 'g' || i AS golden_id, 'created' AS action, 1::BIGINT AS version, '{\"name\":\"A' || i || "
                '\'","industry":"logistics","phone":["13812345678"],'
                '"tax_id":"91310115MA1K3ABC1G"\' || CASE WHEN i % 50 = 3 THEN \'\' ELSE '
                "',\"account_owner\":\"Li\"' END || '}' AS \"values\", '{}' AS provenance, 1::BIGINT AS records, "
                "NULL::TIMESTAMPTZ AS valid_from FROM ids",
            )
            _copy(
                con,
                work / "changes_organization.parquet",
                f"SELECT record_id, 'crm' AS source, 'accounts' AS stream, 'A' || i AS source_key, '{kind}' AS change, "
                "i AS content_hash, NULL::TIMESTAMPTZ AS source_time, '{}' AS payload, 1 AS version FROM ids",
            )
            # The index of search has the names, as after a run.
            names = "SELECT record_id, 'A' || i AS name_core FROM ids"
            _copy(con, work / "standard_organization.parquet", names)
        con.register("vins", pa.table({"i": pa.array(range(last), pa.int64()), "vin": _vins(last)}))
        events = EVENTS.format(first=0, last=last)
        change = CHANGE.format(events=events, more=more)
        rows: Any = con.sql(f"SELECT source_key FROM ({change}) ORDER BY n").to_arrow_table()
        numbers = record_ids("crm", "events", rows.column(0).to_pylist())
        con.register("numbers", pa.table({"n": pa.array(range(len(numbers)), pa.int64()), "record_id": numbers}))
        _copy(
            con,
            work / "changes_touchpoint.parquet",
            f"SELECT record_id, 'crm' AS source, 'events' AS stream, c.* EXCLUDE (n), '{kind}' AS change, "
            f"c.n + {more} AS "
            f"content_hash, TIMESTAMPTZ '2026-05-30 00:00:00+00' AS source_time, '{{}}' AS payload, "
            f"{more + 1} AS version "
            f"FROM ({change}) c JOIN numbers USING (n)",
        )
    return int(pq.read_metadata(work / "changes_touchpoint.parquet").num_rows)


def _vins(count: int) -> list[str]:
    """As many different valid VINs."""
    from matching.standardise.ids import vin_check_char

    plain = (f"LZZ5ELSD0FA{i:06d}" for i in range(count))
    return [f"{vin[:8]}{vin_check_char(vin)}{vin[9:]}" for vin in plain]


def _asked(folder: Path, customers: int) -> dict[str, float]:
    """Milliseconds in which 360 pages and documents of random customers and the list of findings are answered.

    Over HTTP, median and p95.
    """
    from models.store import open_store
    from serving.access.keys import issue
    from serving.accounts import add_person, begin_session, use_link

    with open_store(f"sqlite:///{folder / 'hub.db'}") as store:
        token = issue(store, "benchmark", by="benchmark", role="viewer", scopes=()).token
        use_link(store, add_person(store, "reader", "viewer", by="benchmark"), "only for this benchmark")
        session = begin_session(store, "reader")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = subprocess.Popen(
        [KEHU, "serve", "--port", str(port), "--config", str(folder / "kehu.yaml")], stderr=subprocess.DEVNULL
    )
    try:
        base = f"http://127.0.0.1:{port}"
        with httpx.Client(base_url=base, timeout=60, headers={"Authorization": f"Bearer {token}"}) as program:
            _wait(program)
            documents = _times(program, "/v1/customers/g{}/360", customers)
        with httpx.Client(base_url=base, timeout=60, cookies={"kehu_session": session}) as browser:
            pages = _times(browser, "/customers/g{}/overview", customers)
            lists = _times(browser, "/findings", customers)
    finally:
        server.terminate()
        server.wait()
    told = {}
    for name, times in (("document", documents), ("page", pages), ("findings", lists)):
        told[f"{name} ms"] = round(statistics.median(times), 1)
        told[f"{name} p95 ms"] = round(statistics.quantiles(times, n=20)[-1], 1)
    return told


def _wait(client: httpx.Client) -> None:
    for _ in range(300):
        try:
            client.get("/v1/customers/g0/360").raise_for_status()
            return
        except httpx.TransportError:
            time.sleep(0.2)
    raise TimeoutError("the server did not begin to answer")


def _times(client: httpx.Client, path: str, customers: int) -> list[float]:
    some = random.Random(7).choices(range(customers), k=ASKS)
    times = []
    for number in some[:5] + some:
        began = time.perf_counter()
        client.get(path.format(number)).raise_for_status()
        times.append(1000 * (time.perf_counter() - began))
    return times[5:]


def _copy(con: duckdb.DuckDBPyConnection, path: Path, query: str) -> None:
    con.execute(f"COPY ({query}) TO '{path}' (FORMAT parquet)")
