"""What people do with findings: look at them, waive them for a time, hand them back to the systems they come from.

Who may do it is not decided here; what becomes of a finding is the next run's word.
"""

from __future__ import annotations

import csv
import datetime as dt
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from lifecycle.contracts import Contracts, bound_rules, explain
from models.errors import ConfigError, KehuError
from models.store import Store
from models.store import lifecycle_tables as lt
from serving.export_lifecycle import finding_rows, lifecycle_exports

FILTERS = ("rule", "severity", "stage", "source", "owner", "owner_role", "golden_id", "about")
"""By what findings are chosen."""
SHOWN = ("finding_id", "rule", "severity", "golden_id", "source", "stream", "source_key", "field", "value", "owner",
         "owner_role", "stake", "since", "first_seen", "reopened", "waived_until", "says_en", "says_zh")  # fmt: skip
"""The columns of the list that goes back to a system."""


def list_findings(
    store: Store,
    config: Any,
    chosen: Mapping[str, str],
    *,
    status: str = "open",
    waived: bool = True,
    limit: int | None,
) -> tuple[int, list[dict[str, Any]]]:
    """How many findings fit, and the first of them: the gravest first, then the oldest. Rows as `kehu export` has them.

    `chosen` is some of FILTERS; `status` open, closed or all; without `waived` those with a waiver that holds are left
    out.
    """
    f = lt.finding.c
    where = [f[name] == value for name, value in chosen.items()]
    if status != "all":
        where.append(f.status == status)
    rank = sa.case((f.severity == "error", 0), (f.severity == "warning", 1), else_=2)
    table = lifecycle_exports(config)["findings"]
    with store.snapshot():
        statement = table.statement.where(*where).order_by(None).order_by(rank, f.first_seen, f.finding_id)
        rows: list[dict[str, Any]] = []
        for batch in store.fetch_batches(statement):
            rows += finding_rows(store, batch, table.schema).to_pylist()
        today = store.lifecycle_day() or ""
    if not waived:
        rows = [row for row in rows if row["waived_until"] is None or row["waived_until"] < today]
    return len(rows), rows if limit is None else rows[:limit]


def show_finding(store: Store, config: Any, contracts: Contracts, number: int) -> dict[str, Any]:
    """One finding: its rule in words, its stage's procedure, its history, what people did. Raises ConfigError."""
    table = lifecycle_exports(config)["findings"]
    with store.snapshot():
        found = store.fetch_arrow(table.statement.where(lt.finding.c.finding_id == number))
        if not found.num_rows:
            raise ConfigError(f"there is no finding {number}; 'kehu findings list' shows them")
        row = finding_rows(store, found.to_batches()[0], table.schema).to_pylist()[0]
        changes = store.fetch_arrow(
            sa.select(lt.finding_change).where(lt.finding_change.c.finding_id == number).order_by("run_id")
        ).to_pylist()
        actions = store.finding_actions([number]).to_pylist()
    bound = next((rule for rule in bound_rules(contracts) if rule.id == row["rule"]), None)
    words = explain(bound, contracts) if bound is not None else None
    stage = contracts.stages.get(row["stage"])
    return {
        **row,
        "says": None if words is None else {"en": words.en, "zh": words.zh},
        "procedure": None if stage is None else {"en": stage.procedure.en, "zh": stage.procedure.zh},
        "affects": [] if stage is None else list(stage.affects),
        "history": [
            {"day": row["first_seen"], "change": "opened", "because": None},
            *({name: change[name] for name in ("day", "change", "because")} for change in changes),
        ],
        "actions": [{n: a[n] for n in ("id", "action", "by", "reason", "at", "until", "target")} for a in actions],
    }


def waive(store: Store, numbers: Sequence[int], *, by: str, reason: str, until: dt.date | None) -> int:
    """Let findings rest until the end of a day (None: for good); they stay open, but are not counted.

    Raises ConfigError for a finding that is not there, and for a day that has passed.
    A waiver is never taken back by a run; it ends by itself, or by `unwaive`.
    """
    _known(store, numbers)
    if until is not None and (today := store.lifecycle_day()) and until.isoformat() < today:
        raise ConfigError(f"--until {until} has passed already")
    day = until.isoformat() if until else None
    return store.add_finding_actions(
        [{"finding_id": n, "action": "waive", "by": by, "reason": reason, "until": day} for n in numbers]
    )


def unwaive(store: Store, numbers: Sequence[int], *, by: str, reason: str) -> int:
    """Take waivers back. Raises ConfigError for a finding that has none."""
    _known(store, numbers)
    held = store.waivers(numbers)
    if absent := [number for number in numbers if number not in held]:
        raise ConfigError(f"finding {absent[0]} is not waived")
    return store.add_finding_actions(
        [{"finding_id": n, "action": "unwaive", "by": by, "reason": reason} for n in numbers]
    )


def hand_back(
    store: Store,
    config: Any,
    contracts: Contracts,
    folder: Path,
    *,
    by: str,
    kind: str = "csv",
    source: str | None = None,
) -> list[dict[str, Any]]:
    """Write what each system's owners have to correct, a file per system and owner role, and note that they got it.

    Open findings on records, without the waived ones. Returns source, owner_role, file, findings of each file. Raises
    ConfigError for a folder that is not there, KehuError where it cannot be written to.
    """
    if not folder.is_dir():
        raise ConfigError("the folder does not exist", file=str(folder))
    _, rows = list_findings(store, config, {} if source is None else {"source": source}, waived=False, limit=None)
    said = {bound.id: explain(bound, contracts) for bound in bound_rules(contracts)}
    piles: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for row in rows:
        words = said.get(row["rule"])
        row |= {"says_en": words.en if words else None, "says_zh": words.zh if words else None}
        piles.setdefault((row["source"] or "customers", row["owner_role"] or "nobody"), []).append(row)
    written, actions = [], []
    for (system, role), pile in sorted(piles.items()):
        path = folder / f"findings-{system}-{role}.{kind}"
        try:
            (_write_xlsx if kind == "xlsx" else _write_csv)(path, pile)
        except OSError as error:
            raise KehuError(f"{path}: cannot be written: {error.strerror or error}") from error
        written.append({"source": system, "owner_role": role, "file": str(path), "findings": len(pile)})
        actions += [
            {"finding_id": row["finding_id"], "action": "hand_back", "by": by, "target": f"{system}/{role}"}
            for row in pile
        ]
    store.add_finding_actions(actions)
    return written


def _known(store: Store, numbers: Sequence[int]) -> None:
    found = set(store.findings_by_id(list(numbers))["finding_id"].to_pylist())
    for number in numbers:
        if number not in found:
            raise ConfigError(f"there is no finding {number}; 'kehu findings list' shows them")


def _write_csv(path: Path, rows: list[dict[str, Any]]) -> None:
    # With a byte order mark, by which spreadsheets know that the text is UTF-8.
    with open(path, "w", encoding="utf-8-sig", newline="") as file:
        writer = csv.DictWriter(file, SHOWN, extrasaction="ignore")
        writer.writeheader()
        writer.writerows({name: _cell(value) for name, value in row.items()} for row in rows)


def _write_xlsx(path: Path, rows: list[dict[str, Any]]) -> None:
    from openpyxl import Workbook
    from openpyxl.cell import WriteOnlyCell
    from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE

    book = Workbook(write_only=True)
    sheet = book.create_sheet("findings")
    sheet.append(list(SHOWN))
    for row in rows:
        cells = []
        for name in SHOWN:
            value = row.get(name)
            cell = WriteOnlyCell(sheet)
            # Never a formula, whatever a source delivered; and no number of sixteen digits, which Excel rounds.
            if isinstance(value, float):
                cell.value = value
            elif value is not None:
                cell.value = ILLEGAL_CHARACTERS_RE.sub("", str(value))
                cell.data_type = "s"
            cells.append(cell)
        sheet.append(cells)
    book.save(path)


def _cell(value: Any) -> Any:
    """A value that no spreadsheet takes for a formula."""
    return "'" + value if isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t", "\r") else value


def rules_in_words(contracts: Contracts) -> list[dict[str, Any]]:
    """Every rule: id, stage, owner, severity, dimension, and what it says in both languages."""
    found = []
    for bound in bound_rules(contracts):
        words = explain(bound, contracts)
        stage = contracts.stages.get(bound.stage) if bound.stage else None  # type: ignore[call-overload]
        found.append(
            {
                "rule": bound.id,
                "stage": bound.stage,
                "owner": None if stage is None else stage.owner,
                "severity": bound.severity,
                "dimension": bound.dimension,
                "en": words.en,
                "zh": words.zh,
            }
        )
    return found
