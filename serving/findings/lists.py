"""Lists of findings that go back to the systems they come from, as CSV and as XLSX."""

from __future__ import annotations

import csv
import io
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import IO, Any

import httpx2
import orjson

from lifecycle.contracts import Contracts, bound_rules, explain
from models.errors import KehuError
from models.signing import secret_from, signed
from models.store import Store
from serving.access import Principal
from serving.feed.targets import Target
from serving.findings.acting import ACT
from serving.findings.searching import FindingError, FindingFilter, find_findings

SHOWN = ("finding_id", "rule", "severity", "dimension", "about", "stage", "golden_id", "source", "stream", "source_key",
         "field", "value", "owner", "owner_role", "stake", "since", "first_seen", "reopened", "waived_until", "says_en",
         "says_zh")  # fmt: skip
"""The columns of a list."""
KINDS = {
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
"""Kind of file → its media type."""
PER_POST = 1_000
"""Findings in one request of a webhook."""
SECRET = "KEHU_HAND_BACK_SECRET"  # the name of a variable, no secret
"""Environment variable of the secret that posted lists are signed with; without it they are not signed."""
_TIMEOUT = 30.0


def hand_back(
    store: Store,
    who: Principal,
    contracts: Contracts,
    to: Path | Target,
    *,
    kind: str = "csv",
    source: str | None = None,
) -> list[dict[str, Any]]:
    """Give each system's owners what they have to correct, a list per system and owner role, and note that they got it.

    Open findings without the waived ones, as files in a folder, or posted as JSON to a checked address, `PER_POST` at a
    time and signed where the environment has a `SECRET`. Returns source, owner_role, findings and file (or address) of
    each list; only lists that arrived are noted.
    Raises FindingError for a folder that is not there, KehuError where it cannot be written or posted, ConfigError for
    too short a secret, NotAllowed.
    """
    who.require(ACT)
    if isinstance(to, Path) and not to.is_dir():
        raise FindingError(f"{to}: the folder does not exist")
    rows = find_findings(store, FindingFilter(source=source or ""), limit=None)
    piles: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for row in in_words(rows, contracts):
        piles.setdefault((row["source"] or "customers", row["owner_role"] or "nobody"), []).append(row)
    given = []
    for (system, role), pile in sorted(piles.items()):
        if isinstance(to, Path):
            place = str(to / f"findings-{system}-{role}.{kind}")
            _to_file(Path(place), pile, kind)
        else:
            place = to.host
            _to_address(to, system, role, pile)
        target = f"{system}/{role}"
        store.add_finding_actions(
            [{"finding_id": r["finding_id"], "action": "hand_back", "by": who.name, "target": target} for r in pile]
        )
        detail = {"target": target, "to": place, "findings": len(pile)}
        store.add_audit(who.name, "findings.hand_back", object_type="finding", detail=detail)
        given.append({"source": system, "owner_role": role, "file": place, "findings": len(pile)})
    return given


def _to_file(path: Path, pile: Sequence[Mapping[str, Any]], kind: str) -> None:
    try:
        with open(path, "wb") as file:
            write(file, pile, kind)
    except OSError as error:
        raise KehuError(f"{path}: cannot be written: {error.strerror or error}") from error


def _to_address(to: Target, system: str, role: str, pile: Sequence[Mapping[str, Any]]) -> None:
    """Post a list as JSON: source, owner_role, part, parts, findings with the columns SHOWN, ids as text."""
    parts = range(0, len(pile), PER_POST)
    headers = {"Host": to.host, "Content-Type": "application/json"}
    name, secret = to.host.rpartition("@")[2].partition(":")[0], secret_from(SECRET)
    with httpx2.Client(timeout=_TIMEOUT, follow_redirects=False, trust_env=False) as client:
        for number, start in enumerate(parts, 1):
            rows = [
                {name: str(row[name]) if name == "finding_id" else row[name] for name in SHOWN}
                for row in pile[start : start + PER_POST]
            ]
            told = {"source": system, "owner_role": role, "part": number, "parts": len(parts), "findings": rows}
            body = orjson.dumps(told)
            proof = signed(secret, int(time.time()), body) if secret else {}
            try:
                answer = client.post(to.url, content=body, headers=headers | proof, extensions={"sni_hostname": name})
            except httpx2.HTTPError as error:
                raise KehuError(f"{to.host}: {type(error).__name__}; nothing of {system}/{role} is noted") from error
            if not answer.is_success:
                raise KehuError(f"{to.host}: answered {answer.status_code}; nothing of {system}/{role} is noted")


def in_words(rows: Iterable[dict[str, Any]], contracts: Contracts) -> list[dict[str, Any]]:
    """The rows with what their rules say, in English and Chinese."""
    said = {bound.id: explain(bound, contracts) for bound in bound_rules(contracts)}
    found = []
    for row in rows:
        words = said.get(row["rule"])
        found.append({**row, "says_en": words.en if words else None, "says_zh": words.zh if words else None})
    return found


def write(file: IO[bytes], rows: Sequence[Mapping[str, Any]], kind: str) -> None:
    """Write rows with the columns SHOWN as CSV or XLSX. No cell is a formula, whatever a source delivered."""
    (_write_xlsx if kind == "xlsx" else _write_csv)(file, rows)


def _write_csv(file: IO[bytes], rows: Sequence[Mapping[str, Any]]) -> None:
    # With a byte order mark, by which spreadsheets know that the text is UTF-8.
    text = io.TextIOWrapper(file, encoding="utf-8-sig", newline="")
    writer = csv.DictWriter(text, SHOWN, extrasaction="ignore")
    writer.writeheader()
    writer.writerows({name: _cell(value) for name, value in row.items()} for row in rows)
    text.flush()
    text.detach()


def _write_xlsx(file: IO[bytes], rows: Sequence[Mapping[str, Any]]) -> None:
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
    book.save(file)


def _cell(value: Any) -> Any:
    """A value that no spreadsheet takes for a formula."""
    return "'" + value if isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t", "\r") else value
