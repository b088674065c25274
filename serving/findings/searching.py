"""Findings searched, counted, and one with its history; set-based, whoever asks: a page, the command line, a list."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import sqlalchemy as sa

from lifecycle.contracts import Contracts, bound_rules, explain
from models.errors import KehuError
from models.store import Store
from models.store import lifecycle_tables as lt
from models.store.tables import source_record

_PART = 500
_ORDER = {"error": 0, "warning": 1, "info": 2}
NOBODY = "none"
_HELD = 8
_words: dict[tuple[str, str | None], dict[str, list[str]]] = {}


class FindingError(KehuError):
    """A request about findings that cannot be carried out."""


@dataclass(frozen=True)
class FindingFilter:
    """Which findings are wanted; empty fields do not filter."""

    status: str = ""
    """open, waived, unclosed (both of these), closed or all; by default what is open and not waived."""
    severity: str = ""
    rule: str = ""
    dimension: str = ""
    about: str = ""
    stage: str = ""
    source: str = ""
    owner: str = ""
    role: str = ""
    customer: str = ""
    """A golden id, or `none`: on records of whom nobody knows whose they are."""
    text: str = ""

    @classmethod
    def asked(cls, get: Any) -> FindingFilter:
        """From the parameters of an address; `get` gives the text of one."""
        return cls(**{f.name: get(f.name) for f in fields(cls)})

    def as_dict(self) -> dict[str, str]:
        """What filters, by name."""
        return {f.name: value for f in fields(self) if (value := getattr(self, f.name))}


def find_findings(store: Store, wanted: FindingFilter, *, limit: int | None, after: int = 0) -> list[dict[str, Any]]:
    """The findings that fit, the gravest first, then by money and age. `after` rows are passed over.

    Rows are those of the store with `waived`, `waived_until` (9999-12-31 for good) and `last_seen`.
    """
    f, today = lt.finding.c, today_of(store)
    waived = _waived(today)
    query = sa.select(lt.finding, waived.c.finding_id.is_not(None).label("waived"), waived.c.until)
    query = query.select_from(lt.finding.outerjoin(waived, waived.c.finding_id == f.finding_id))
    query = query.where(*_conditions(wanted, waived))
    order: tuple[Any, ...] = (sa.literal_column(lt.MOST_STAKE).desc(), sa.literal_column(lt.SINCE), f.finding_id)
    rows: list[dict[str, Any]]
    if limit is None or wanted.rule or wanted.customer:
        query = query.order_by(sa.case(_ORDER, value=f.severity, else_=3), *order)
        rows = store.fetch_arrow(query.limit(limit).offset(after)).to_pylist()
    else:
        rows = _first(store, query.order_by(*order), wanted, limit, after)
    for row in rows:
        row["waived_until"] = (row["until"] or "9999-12-31") if row["waived"] else None
        row["last_seen"] = row["closed_on"] or today
    return rows


def _first(store: Store, query: sa.Select[Any], wanted: FindingFilter, limit: int, after: int) -> list[dict[str, Any]]:
    """A page of many findings, severity by severity: an index has those of each in the order of the list."""
    rows: list[dict[str, Any]] = []
    for severity in _ORDER:
        if wanted.severity not in ("", severity) or len(rows) >= limit:
            continue
        mine = query.where(lt.finding.c.severity == severity)
        rows += (found := store.fetch_arrow(mine.limit(limit - len(rows)).offset(after)).to_pylist())
        if found:
            after = 0
        elif after:
            after -= count_findings(store, replace(wanted, severity=severity))["all"]
    return rows


def count_findings(store: Store, wanted: FindingFilter) -> dict[str, Any]:
    """How many fit, by severity, and the money at stake."""
    f = lt.finding.c
    waived = _waived(today_of(store))
    query = sa.select(
        f.severity, sa.func.count().label("n"), sa.func.sum(sa.literal_column(lt.MOST_STAKE)).label("stake")
    )
    query = query.select_from(lt.finding.outerjoin(waived, waived.c.finding_id == f.finding_id))
    with store.database.read() as connection:
        rows = connection.execute(query.where(*_conditions(wanted, waived)).group_by(f.severity)).all()
    by = {severity: int(n) for severity, n, _ in rows}
    return {"by_severity": by, "all": sum(by.values()), "stake": sum(float(stake or 0) for _, _, stake in rows)}


def words_of_findings(store: Store) -> dict[str, list[str]]:
    """The values by which open findings can be filtered, as of the last run: read once for it, in one pass."""
    names = ("rule", "stage", "source", "owner", "owner_role", "about")
    at = str(store.database.shown), store.lifecycle_run()
    if at not in _words:
        columns = [lt.finding.c[name] for name in names]
        rows = store.fetch_arrow(sa.select(*columns).where(lt.finding.c.status == "open").distinct())
        if len(_words) >= _HELD:
            _words.clear()
        _words[at] = {name: sorted(set(rows[name].drop_null().to_pylist())) for name in names}
    return _words[at]


def finding_with_history(store: Store, finding_id: int) -> dict[str, Any] | None:
    """One finding; `changes` are its closings and re-openings, `actions` what people did, both oldest first."""
    with store.database.read() as connection:
        row = connection.execute(sa.select(lt.finding).where(lt.finding.c.finding_id == finding_id)).mappings().first()
        if row is None:
            return None
        c, a = lt.finding_change.c, lt.finding_action.c
        changes = connection.execute(
            sa.select(lt.finding_change).where(c.finding_id == finding_id).order_by(c.run_id)
        ).mappings()
        actions = connection.execute(
            sa.select(lt.finding_action).where(a.finding_id == finding_id).order_by(a.id)
        ).mappings()
        found = {**row, "changes": [dict(x) for x in changes], "actions": [dict(x) for x in actions]}
    last = next((x for x in reversed(found["actions"]) if x["action"] in ("waive", "unwaive")), None)
    today = today_of(store)
    holds = last is not None and last["action"] == "waive" and (last["until"] is None or last["until"] >= today)
    return found | {
        "waived": holds,
        "until": last["until"] if holds and last else None,
        "waived_until": (last["until"] or "9999-12-31") if holds and last else None,
        "last_seen": found["closed_on"] or today,
    }


def told_finding(store: Store, contracts: Contracts, finding_id: int) -> dict[str, Any]:
    """One finding with its rule in words, its stage's procedure, its history. Raises FindingError."""
    with store.snapshot():
        found = finding_with_history(store, finding_id)
    if found is None:
        raise FindingError(f"there is no finding {finding_id}")
    bound = next((rule for rule in bound_rules(contracts) if rule.id == found["rule"]), None)
    words = explain(bound, contracts) if bound is not None else None
    stage = contracts.stages.get(found["stage"])
    changes = found.pop("changes")
    return {
        **found,
        "says": None if words is None else {"en": words.en, "zh": words.zh},
        "procedure": None if stage is None else {"en": stage.procedure.en, "zh": stage.procedure.zh},
        "affects": [] if stage is None else list(stage.affects),
        "history": [
            {"day": found["first_seen"], "change": "opened", "because": None},
            *({name: change[name] for name in ("day", "change", "because")} for change in changes),
        ],
    }


def today_of(store: Store) -> str:
    """The day for which findings were evaluated last, by which waivers hold or have ended."""
    return store.lifecycle_day() or dt.date.today().isoformat()


def _waived(today: str) -> sa.Subquery:
    """finding_id, until of the waivers that hold."""
    a = lt.finding_action.c
    last = (
        sa.select(sa.func.max(a.id).label("id")).where(a.action.in_(("waive", "unwaive"))).group_by(a.finding_id)
    ).subquery()
    query = sa.select(a.finding_id, a.until).join(last, last.c.id == a.id)
    return query.where(a.action == "waive", sa.or_(a.until.is_(None), a.until >= today)).subquery()


def _conditions(wanted: FindingFilter, waived: sa.Subquery) -> list[sa.ColumnElement[bool]]:
    f = lt.finding.c
    found: list[sa.ColumnElement[bool]] = []
    match wanted.status or "open":
        case "open":
            found += [f.status == "open", waived.c.finding_id.is_(None)]
        case "waived":
            found += [f.status == "open", waived.c.finding_id.is_not(None)]
        case "unclosed":
            found.append(f.status == "open")
        case "closed":
            found.append(f.status == "closed")
    for name, column in (
        ("severity", f.severity), ("rule", f.rule), ("dimension", f.dimension), ("about", f.about), ("stage", f.stage),
        ("source", f.source), ("owner", f.owner), ("role", f.owner_role), ("customer", f.golden_id),
    ):  # fmt: skip
        if value := getattr(wanted, name):
            found.append(column.is_(None) if (name, value) == ("customer", NOBODY) else column == value)
    if wanted.text:
        like = f"%{wanted.text}%"
        found.append(sa.or_(f.source_key.like(like), f.value.like(like), f.rule.like(like)))
    return found


def types_of_records(connection: sa.Connection, records: Sequence[int]) -> dict[int, str]:
    """What the records of findings describe, which says how sensitive a value of theirs is."""
    r, found = source_record.c, dict[int, str]()
    for start in range(0, len(records), _PART):
        query = sa.select(r.record_id, r.entity_type).where(r.record_id.in_(records[start : start + _PART]))
        found |= {row.record_id: row.entity_type for row in connection.execute(query)}
    return found
