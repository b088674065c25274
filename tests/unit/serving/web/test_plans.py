"""No page reads a whole table that grows with the customers: its queries find their rows by an index."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from models.store import open_store
from tests.unit.serving.filled import fill
from tests.unit.serving.web.pages import application, person, sign_in

GROW = (
    "source_record source_record_version membership membership_history golden_record golden_version golden_alias "
    "golden_lineage match_key edge search_word record_link customer_state decision decision_record task task_record "
    "event contact_profile finding finding_change"
).split()
SCAN = re.compile(rf"SCAN ({'|'.join(GROW)})\b")
COUNTED_ONCE = {("/matching", "edge")}
"""Read whole by the first who asks after a run, and kept until the next."""
PAGES = (
    "/inbox /inbox?kind=grey_pair&source=crm /inbox?holder=me /inbox?due=over /inbox?golden={golden} /tasks/{task} "
    "/search?q=顺丰物流 /search?q=13800138000 /search?q=sfwl /search?q=K1 /customers /customers?type=person "
    "/customers/{golden}/data /customers/{golden}/history /customers/{golden}/split /customers/{golden}/overview "
    "/customers/{golden}/timeline /records/{record} /matching /matching/models /findings /account"
).split()


def test_pages_find_their_rows_by_indexes(tmp_path: Path, sqlite_template: Path) -> None:
    (tmp_path / "hub.db").write_bytes(sqlite_template.read_bytes())
    scans: set[tuple[str, str, str]] = set()
    at = [""]

    def look(connection: Any, cursor: Any, statement: str, values: Any, context: Any, many: bool) -> None:
        if at[0] and statement.lstrip().startswith(("SELECT", "WITH")):
            plan = connection.connection.driver_connection.execute(f"EXPLAIN QUERY PLAN {statement}", values).fetchall()
            scans.update((at[0], found[1], statement[:300]) for row in plan if (found := SCAN.search(row[3])))

    with open_store(f"sqlite:///{tmp_path / 'hub.db'}") as store:
        fill(store)
        person(store, "lead", "lead_steward")
        golden = store.golden("organization").to_pylist()[0]["golden_id"]
        given = {
            "golden": golden,
            "record": store.members_of([golden])["record_id"][0].as_py(),
            "task": store.tasks(status=None).to_pylist()[0]["task_key"],
        }
        sa.event.listen(store.engine, "before_cursor_execute", look)
        with application(store, tmp_path) as client:
            sign_in(client, "lead")
            for path in PAGES:
                at[0] = path.partition("?")[0]
                answer = client.get(path.format(**given), follow_redirects=True)
                assert answer.status_code == 200, (path, answer.status_code)
            at[0] = ""
    assert sorted(one for one in scans if one[:2] not in COUNTED_ONCE) == []
