"""Tells people of new findings, by e-mail or webhook; knows no Dagster.

Every run that published findings is told once to each receiver; one that cannot be reached is tried again at the next
look, and keeps the others from nothing.
"""

from __future__ import annotations

import os
import smtplib
import time
from email.message import EmailMessage
from typing import Any
from urllib.parse import unquote, urlsplit

import orjson
import requests
import sqlalchemy as sa
import xxhash

from models.config import Config
from models.config.lifecycle import Alert
from models.errors import KehuError
from models.signing import signed
from models.store import Store
from models.store import lifecycle_tables as lt
from models.store import tables as t

SHOWN = 50
TIMEOUT = 20
RANKS = {"info": 0, "warning": 1, "error": 2}
SMTP_URL, SMTP_FROM = "KEHU_SMTP_URL", "KEHU_SMTP_FROM"


def name_of(alert: Alert) -> str:
    """What stands for a receiver in the sensor's memory; tells neither its address nor its secret."""
    return xxhash.xxh3_64_hexdigest(orjson.dumps(alert.model_dump(mode="json", exclude={"secret"})))


def tell_all(store: Store, config: Config, told: dict[str, str]) -> tuple[dict[str, str], list[str]]:
    """Tell every receiver of the runs after the one that it was told of last.

    `told` is receiver → run; a new receiver begins with the runs to come. Returns the same for the next look, and what
    went wrong, in words without addresses' secrets.
    """
    last = store.last_run()
    latest = "" if last is None else str(last["run_id"])
    now: dict[str, str] = {}
    wrong: list[str] = []
    for alert in config.lifecycle.alerts:
        name = name_of(alert)
        now[name] = told.get(name, latest)
        for run_id in _runs_after(store, now[name]):
            try:
                if findings := new_findings(store, run_id, alert):
                    send(alert, run_id, findings)
            except (KehuError, OSError, smtplib.SMTPException, requests.RequestException) as error:
                wrong.append(f"{_address(alert)}: {type(error).__name__}: {_plain(error)}")
                break
            now[name] = run_id
    return now, wrong


def _runs_after(store: Store, run_id: str) -> list[str]:
    # What decisions did is a run of its own; its findings are there once the lifecycle has followed.
    published = t.run.c.status.in_(("published", "followed"))
    query = sa.select(t.run.c.run_id).where(published, t.run.c.run_id > run_id)
    found: list[str] = store.fetch_arrow(query.order_by(t.run.c.run_id))["run_id"].to_pylist()
    return found


def new_findings(store: Store, run_id: str, alert: Alert) -> list[dict[str, Any]]:
    """The findings that a run opened, or opened again, as far as a receiver wants them; the gravest first."""
    f = lt.finding.c
    severities = [name for name, rank in RANKS.items() if rank >= RANKS[alert.severity]]
    where = [f.opened_run == run_id, f.status == "open", f.severity.in_(severities)]
    if alert.roles:
        where.append(f.owner_role.in_(alert.roles))
    names = ("finding_id", "rule", "severity", "stage", "golden_id", "source", "stream", "source_key", "field", "owner",
             "owner_role", "stake", "since")  # fmt: skip
    rows = store.fetch_arrow(sa.select(*(f[name] for name in names)).where(*where)).to_pylist()
    return sorted(rows, key=lambda row: (-RANKS[row["severity"]], row["rule"], row["finding_id"]))


def send(alert: Alert, run_id: str, findings: list[dict[str, Any]]) -> None:
    """Send findings to one receiver. Raises what the network raises, KehuError where the mail server is not named."""
    if alert.webhook is not None:
        # Large numbers as text: programs in JavaScript would round them.
        shown = [{**row, "finding_id": str(row["finding_id"])} for row in findings[:SHOWN]]
        body = orjson.dumps({"run_id": run_id, "findings": len(findings), "shown": shown})
        headers = {"content-type": "application/json"}
        if alert.secret is not None:
            headers |= signed(alert.secret, int(time.time()), body)
        answer = requests.post(alert.webhook, data=body, headers=headers, timeout=TIMEOUT, allow_redirects=False)
        answer.raise_for_status()
        if answer.status_code >= 300:
            raise KehuError(f"answered {answer.status_code}")
        return
    _mail(message_of(alert, run_id, findings))


def message_of(alert: Alert, run_id: str, findings: list[dict[str, Any]]) -> EmailMessage:
    """The e-mail with new findings: how many of which rule, and the first of them. Values are left out of it."""
    message = EmailMessage()
    message["Subject"] = f"Kehu: {len(findings)} new findings"
    message["From"] = os.environ.get(SMTP_FROM) or "kehu@localhost"
    message["To"] = str(alert.email)
    counts: dict[tuple[str, str], int] = {}
    for row in findings:
        counts[row["severity"], row["rule"]] = counts.get((row["severity"], row["rule"]), 0) + 1
    lines = [f"Run {run_id} opened {len(findings)} findings.", ""]
    lines += [f"{severity:8} {rule}: {number}" for (severity, rule), number in counts.items()]
    lines += ["", *(_line(row) for row in findings[:SHOWN])]
    if len(findings) > SHOWN:
        lines.append(f"… and {len(findings) - SHOWN} more: kehu findings list")
    message.set_content("\n".join(lines))
    return message


def _line(row: dict[str, Any]) -> str:
    place = f"{row['source']}:{row['source_key']}" if row["source_key"] else row["golden_id"]
    return (
        f"{row['finding_id']} {row['rule']} {place} {row['field'] or ''} ({row['owner'] or row['owner_role'] or '-'})"
    )


def _mail(message: EmailMessage) -> None:
    address = urlsplit(os.environ.get(SMTP_URL, ""))
    if address.scheme not in ("smtp", "smtps") or not address.hostname:
        raise KehuError(f"{SMTP_URL} names no mail server, such as smtps://user:password@host:465")
    secure = address.scheme == "smtps"
    connect = smtplib.SMTP_SSL if secure else smtplib.SMTP
    with connect(address.hostname, address.port or (465 if secure else 25), timeout=TIMEOUT) as server:
        if not secure and server.has_extn("starttls"):
            server.starttls()
        if address.username:
            server.login(unquote(address.username), unquote(address.password or ""))
        server.send_message(message)


def _address(alert: Alert) -> str:
    return str(alert.email) if alert.email else str(urlsplit(str(alert.webhook)).hostname)


def _plain(error: Exception) -> str:
    """The first line of an error, without addresses, in which secrets may stand."""
    if isinstance(error, requests.HTTPError) and error.response is not None:
        return f"answered {error.response.status_code}"
    if isinstance(error, requests.RequestException):
        return "could not be reached"
    return str(error).splitlines()[0] if str(error) else ""
