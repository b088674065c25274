"""Commands around findings: look at them, waive them, hand them back to the systems that they come from."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import click

from serving.cli.session import Session, count, table, with_session


@click.group()
def findings() -> None:
    """List findings, show one, waive it for a time, hand lists back to the systems."""


@findings.command("list")
@click.option("--rule", metavar="ID", help="Only this rule.")
@click.option("--severity", type=click.Choice(["info", "warning", "error"]), help="Only this severity.")
@click.option("--stage", metavar="STAGE", help="Only this stage of the lifecycle.")
@click.option("--source", metavar="NAME", help="Only on records of this source.")
@click.option("--owner", metavar="WHO", help="Only those of this person.")
@click.option("--role", "owner_role", metavar="ROLE", help="Only those of this role.")
@click.option("--customer", "golden_id", metavar="ID", help="Only of this golden record; an earlier id will do.")
@click.option(
    "--status", type=click.Choice(["open", "closed", "all"]), default="open", show_default=True, help="Which."
)
@click.option("--no-waived", is_flag=True, help="Leave out those that are waived.")
@click.option("--limit", default=20, show_default=True, type=click.IntRange(0), help="How many to show.")
@with_session
def findings_list(
    session: Session,
    rule: str | None,
    severity: str | None,
    stage: str | None,
    source: str | None,
    owner: str | None,
    owner_role: str | None,
    golden_id: str | None,
    status: str,
    no_waived: bool,
    limit: int,
) -> None:
    """List findings, the gravest first."""
    from serving.findings import FindingFilter, count_findings, find_findings

    with session.store() as store:
        wanted = FindingFilter(
            status="unclosed" if status == "open" and not no_waived else status,
            rule=rule or "",
            severity=severity or "",
            stage=stage or "",
            source=source or "",
            owner=owner or "",
            role=owner_role or "",
            customer=(store.resolve_id(golden_id) or golden_id) if golden_id else "",
        )
        with store.snapshot():
            total = count_findings(store, wanted)["all"]
            rows = find_findings(store, wanted, limit=limit)
    headers = ("finding", "severity", "rule", "record or customer", "field", "value", "owner", "since", "waived until")
    session.show(
        f"{table(headers, [_row(row) for row in rows])}\n{len(rows)} of {total:,}, the gravest first"
        if total
        else "No findings."
    )
    session.result({"total": total, "findings": rows})


def _row(row: dict[str, Any]) -> tuple[Any, ...]:
    place = f"{row['source']}:{row['source_key']}" if row["source_key"] else row["golden_id"]
    owner = row["owner"] or row["owner_role"]
    return (str(row["finding_id"]), row["severity"], row["rule"], place, row["field"], row["value"], owner,
            row["since"], row["waived_until"])  # fmt: skip


@findings.command("show")
@click.argument("number", metavar="FINDING", type=int)
@with_session
def findings_show(session: Session, number: int) -> None:
    """Show one finding: its rule in words, how the stage is worked, its history, what people did with it."""
    from lifecycle.contracts import load_contracts
    from serving.findings import told_finding

    config = session.config()
    with session.store(config) as store:
        found = told_finding(store, load_contracts(config), number)
    if found["says"]:
        session.show(f"{found['says']['en']}\n{found['says']['zh']}\n")
    plain = [
        (name, found[name]) for name in found if not isinstance(found[name], list | dict) and found[name] is not None
    ]
    session.show(table(("", f"finding {number}"), [(name, str(value)) for name, value in plain]))
    if found["procedure"]:
        session.show(f"\n{found['procedure']['en']}\n{found['procedure']['zh']}")
    done = [(change["day"], change["change"], change["because"] or "") for change in found["history"]]
    done += [
        (f"{a['at']:%Y-%m-%d}", f"{a['action']} by {a['by']}", a["reason"] or a["target"]) for a in found["actions"]
    ]
    session.show("\n" + table(("day", "what", "why"), sorted(done, key=lambda row: str(row[0]))))
    session.result(found)


@findings.command("waive")
@click.argument("numbers", metavar="FINDING...", type=int, nargs=-1, required=True)
@click.option("--by", metavar="WHO", required=True, help="Who waives.")
@click.option("--reason", metavar="TEXT", required=True, help="Why.")
@click.option("--until", type=click.DateTime(["%Y-%m-%d"]), required=True, help="The last day on which it holds.")
@with_session
def findings_waive(session: Session, numbers: tuple[int, ...], by: str, reason: str, until: dt.datetime) -> None:
    """Let findings rest until the end of a day. They stay open, but are not counted."""
    from serving.access import Principal
    from serving.findings import act

    with session.store() as store:
        done = act(store, Principal.system(by), numbers, "waive", reason=reason, until=f"{until:%Y-%m-%d}")
    session.show(f"{count(done, 'finding')} waived until {until:%Y-%m-%d}.")
    session.result({"waived": done, "until": f"{until:%Y-%m-%d}"})


@findings.command("unwaive")
@click.argument("numbers", metavar="FINDING...", type=int, nargs=-1, required=True)
@click.option("--by", metavar="WHO", required=True, help="Who takes the waiver back.")
@click.option("--reason", metavar="TEXT", required=True, help="Why.")
@with_session
def findings_unwaive(session: Session, numbers: tuple[int, ...], by: str, reason: str) -> None:
    """Take waivers back."""
    from serving.access import Principal
    from serving.findings import act

    with session.store() as store:
        done = act(store, Principal.system(by), numbers, "unwaive", reason=reason)
    session.show(f"{count(done, 'waiver')} taken back.")
    session.result({"unwaived": done})


@findings.command("give")
@click.argument("number", metavar="FINDING", type=int)
@click.option("--by", metavar="WHO", required=True, help="Who gives it.")
@click.option("--to", metavar="WHO", help="Who is to see to it; whoever takes it when absent.")
@click.option("--due", metavar="DATE", type=click.DateTime(["%Y-%m-%d"]), help="Until when (UTC).")
@click.option("--note", metavar="TEXT", default="", help="What is to be done.")
@with_session
def findings_give(session: Session, number: int, by: str, to: str | None, due: dt.datetime | None, note: str) -> None:
    """Give a finding to a steward, as a task that 'kehu tasks done' or a delivery that mends it closes."""
    from dataclasses import replace

    from serving.access import Principal
    from serving.stewardship import give_finding

    config, who = session.config(), replace(Principal.system(), name=by)
    until = due.replace(tzinfo=dt.UTC) if due else None
    with session.store(config) as store:
        task = give_finding(store, config, who, number, to=to, due_at=until, note=note)
    session.show(f"{task['task_key']} waits for {to or 'whoever takes it'}.")
    session.result({"task": task})


@findings.command("hand-back")
@click.option("--to", "folder", metavar="DIR", type=click.Path(path_type=Path), help="Folder to write files to.")
@click.option("--webhook", metavar="URL", help="Address to post the lists to as JSON, instead of files.")
@click.option("--by", metavar="WHO", required=True, help="Who hands them back.")
@click.option(
    "--format", "kind", type=click.Choice(["csv", "xlsx"]), default="csv", show_default=True, help="Of the files."
)
@click.option("--source", metavar="NAME", help="Only to this source.")
@with_session
def findings_hand_back(
    session: Session, folder: Path | None, webhook: str | None, by: str, kind: str, source: str | None
) -> None:
    """Give each system and owner role a list of corrections, and note in each finding that it was handed back."""
    from lifecycle.contracts import load_contracts
    from serving.access import Principal
    from serving.feed.targets import checked
    from serving.findings import hand_back

    if (folder is None) == (webhook is None):
        raise click.UsageError("give either --to or --webhook")
    config = session.config()
    to = folder or checked(str(webhook), private=config.serving.private_webhooks)
    with session.store(config) as store:
        written = hand_back(store, Principal.system(by), load_contracts(config), to, kind=kind, source=source)
    rows = [(w["source"], w["owner_role"], w["findings"], w["file"]) for w in written]
    session.show(table(("system", "role", "findings", "where"), rows) if rows else "Nothing to hand back.")
    session.result({"files": written})
