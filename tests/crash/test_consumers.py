"""Programs that read the change feed of a served hub are killed at any moment, and end equal to the hub.

Each is a process of its own, killed with SIGKILL and started again on the same file, while customers are created over
HTTP and runs merge, split and delete. A few kills each time; `make kills` kills as often as KILLS says.
"""

from __future__ import annotations

import multiprocessing
import os
import random
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from orchestration.run import run_hub
from serving.access.keys import issue
from serving.client import Hub, Replica
from tests.unit.creating.test_creating import CONFIG, Served, rows
from tests.unit.creating.test_creating import resolved as resolved
from tests.unit.creating.test_creating import served as served

KILLS = int(os.environ.get("KEHU_KILLS", "6"))
"""How many times a consumer is killed."""
FORK = multiprocessing.get_context("forkserver")
FORK.set_forkserver_preload(["serving.client"])


def follow(url: str, key: str, path: str) -> None:
    """Keep a copy in step until somebody ends the process."""
    with Hub(url, key) as hub, Replica(hub, path) as copy:
        while True:
            copy.sync(wait=1)


@pytest.fixture
def url(served: Served) -> Iterator[str]:
    """`kehu serve` over the hub."""
    file = served.folder / "kehu.yaml"
    limits = "serving: {requests_per_second: 100000, burst: 100000}\n"
    file.write_text(CONFIG.format(store=f"sqlite:///{served.folder / 'hub.db'}") + limits, encoding="utf-8")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "serving.cli", "serve", "--config", str(file), "--port", str(port)]
    log = served.folder / "serve.log"
    with log.open("wb") as out:
        server = subprocess.Popen(command, stdout=out, stderr=out, cwd=served.folder)
        try:
            for _ in range(1200):
                with socket.socket() as probe:
                    if probe.connect_ex(("127.0.0.1", port)) == 0:
                        break
                assert server.poll() is None, log.read_text(encoding="utf-8")
                time.sleep(0.1)
            yield f"http://127.0.0.1:{port}"
        finally:
            server.terminate()
            server.wait(timeout=60)


def test_consumers_that_are_killed_end_equal_to_the_hub(served: Served, url: str, tmp_path: Path) -> None:
    key = issue(served.store, "copy", by="test", scopes=["personal"]).token
    path, dice, lines = str(tmp_path / "copy.db"), random.Random(11), rows()
    with Hub(url, issue(served.store, "erp", by="test").token) as hub:
        for turn in range(KILLS):
            reader = FORK.Process(target=follow, args=(url, key, path), daemon=True)
            reader.start()
            hub.create("organization", {"name": f"第{turn}号{chr(0x5000 + turn * 7)}租赁公司"}, on_doubt="create")
            if turn % 10 == 3:
                gone = dice.randrange(len(lines))
                lines = [
                    line.replace(dice.choice(("上海市", "武汉市")), "杭州市") for line in lines if line != lines[gone]
                ]
                served.deliver(lines)
                run_hub(served.config)
            time.sleep(dice.random() * 0.5)
            assert reader.is_alive(), "a consumer gave up by itself"
            reader.kill()
            reader.join()
        with Hub(url, key) as again, Replica(again, path) as copy:
            copy.sync()
            assert copy.differences() == [] and len(copy.golden()) > 50 + KILLS
            assert copy.seq == again.cursor()
    print(f"\n{KILLS} kills; {len(served.store.events_after(0, 10**6))} events; equal to the hub")
