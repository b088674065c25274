"""What people do with findings: waive them, take a waiver back, note that they were handed to their source.

A person never closes a finding; that is done by a delivery that satisfies its rule. Everything stands in the audit log,
from the pages and from the command line alike.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any

from models.store import Store
from models.store.audits import audit_entry
from serving.access import Principal
from serving.findings.searching import FindingError, today_of

RIGHT, ACT = "findings.read", "findings.act"


def act(
    store: Store, who: Principal, finding_ids: Sequence[int], action: str, *, reason: str = "", until: str = "",
    target: str = "",
) -> int:  # fmt: skip
    """Waive findings (with a reason, to a day), take a waiver back, or note that they were handed to their source.

    Returns how many. Waivers count from the next run on; one without a day ends when it is taken back. All or nothing.
    Raises FindingError and NotAllowed.
    """
    who.require(ACT)
    if action not in ("waive", "unwaive", "hand_back"):
        raise FindingError("a finding can be waived, taken up again, or handed back to its source")
    if action == "waive" and not reason:
        raise FindingError("say why these findings may stay as they are")
    if until:
        try:
            day = dt.date.fromisoformat(until)
        except ValueError:
            raise FindingError(f"'{until}' is no day; one is written like 2026-12-31") from None
        if day.isoformat() < today_of(store):
            raise FindingError(f"{until} has passed already")
    ids = list(dict.fromkeys(finding_ids))
    known = set(store.findings_by_id(ids)["finding_id"].to_pylist())
    if strange := [number for number in ids if number not in known]:
        raise FindingError(f"there is no finding {strange[0]}")
    if action == "unwaive":
        held = store.waivers(ids)
        if absent := [number for number in ids if number not in held]:
            raise FindingError(f"finding {absent[0]} is not waived")
    rows: list[dict[str, Any]] = [
        {"finding_id": i, "action": action, "by": who.name, "reason": reason or None, "until": until or None,
         "target": target or None}
        for i in ids
    ]  # fmt: skip
    store.add_finding_actions(rows)
    detail = {"reason": reason, "until": until, "target": target}
    store.add_audits(
        [
            audit_entry(who.name, f"finding.{action}", object_type="finding", object_id=str(i), detail=detail)
            for i in ids
        ]
    )
    return len(rows)
