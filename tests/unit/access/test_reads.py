"""Reads of personal data are recorded: none lost by a kill, none of values, nobody waits for the store."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

from models.store import Store, open_store
from models.store.audits import AuditFilter
from serving.access import AccessLog, Principal

WHO = Principal.of_account("wang", "steward")


def entries(store: Store) -> list[tuple[str, str, object]]:
    return [(e["actor"], e["object_id"], e["detail"]) for e in store.find_audit(AuditFilter(), oldest_first=True)]


def test_reads_reach_the_audit_log_and_reads_of_nothing_personal_do_not(store: Store, tmp_path: Path) -> None:
    with AccessLog(store, tmp_path / "reads") as log:
        log.read(WHO, "read", object_id="g1", attributes=["phone", "full_name"])
        log.read(WHO, "read", object_id="g2")
        log.flush()
        assert entries(store) == [("wang", "g1", {"attributes": ["full_name", "phone"]})]
        log.read(WHO, "read", object_id="g3", attributes=["phone"])
    assert [e[1] for e in entries(store)] == ["g1", "g3"]
    assert list((tmp_path / "reads").iterdir()) == []


def test_without_a_folder_an_entry_is_there_at_once(store: Store) -> None:
    AccessLog(store).read(WHO, "read", object_id="g1", attributes=["phone"])
    assert len(entries(store)) == 1


def test_while_another_process_writes_reads_wait_in_their_file(sqlite_template: Path, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'hub.db'}"
    (tmp_path / "hub.db").write_bytes(sqlite_template.read_bytes())
    with open_store(url) as store, open_store(url) as other, AccessLog(store, tmp_path / "r", every=3600) as log:
        with other.database.write():
            log.read(WHO, "read", object_id="g1", attributes=["phone"])
            assert log.flush() == 0
        assert entries(store) == []
        assert log.flush() == 1
        assert len(entries(store)) == 1


def test_what_a_killed_process_read_is_recorded_by_the_next_one(store: Store, tmp_path: Path) -> None:
    url = store.database.url.render_as_string(hide_password=False)
    program = f"""
import os, signal
from pathlib import Path
from models.store import open_store
from serving.access import AccessLog, Principal
log = AccessLog(open_store({url!r}), Path({str(tmp_path / "r")!r}), every=3600)
for i in range(3):
    log.read(Principal.of_account("li", "steward"), "read", object_id=f"g{{i}}", attributes=["phone"])
os.kill(os.getpid(), signal.SIGKILL)
"""
    ended = subprocess.run([sys.executable, "-c", program], cwd=Path(__file__).parents[3], env=os.environ.copy())
    assert ended.returncode == -signal.SIGKILL
    assert entries(store) == []
    with AccessLog(store, tmp_path / "r", every=3600) as log:
        log.read(WHO, "read", object_id="g9", attributes=["phone"])
    assert sorted(e[1] for e in entries(store)) == ["g0", "g1", "g2", "g9"]
