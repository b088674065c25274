"""The command that shows one customer."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from serving.cli.session import Session, count, table, with_session

if TYPE_CHECKING:
    from lifecycle.view360 import Customer360


@click.command(short_help="Show everything that is known of one customer.")
@click.argument("customer", metavar="CUSTOMER")
@click.option("--timeline", default=15, show_default=True, type=click.IntRange(0), help="How many touchpoints to show.")
@with_session
def show(session: Session, customer: str, timeline: int) -> None:
    """Show the 360 view of one customer: where it stands, its people, vehicles, touchpoints and open findings.

    CUSTOMER is a golden id (one that went on under another id, too) or a source record, as SOURCE:KEY. With --json
    the whole document; its schema is in docs/customer-360.md.
    """
    from serving.customer360 import resolve, view

    config = session.config()
    with session.store(config) as store:
        document = view(store, config, resolve(store, config, customer))
    assert document is not None
    _overview(session, document)
    _people(session, document)
    _business(session, document)
    _happened(session, document, timeline)
    session.result(document.model_dump())


def _overview(session: Session, d: Customer360) -> None:
    s, t = d.standing, d.totals
    session.show(f"{d.identity.name or '(no name)'}   {d.golden_id}")
    if d.asked_for != d.golden_id:
        session.show(f"({d.asked_for} went on under this id)")
    place = [
        d.dimensions.city,
        d.dimensions.industry,
        f"tier {d.dimensions.city_tier}" if d.dimensions.city_tier else None,
    ]
    session.show("   ".join(filter(None, place)))
    rows = [
        ("stage", f"{s.stage or '-'} since {s.stage_since or '-'}"),
        ("customer", f"{s.kind or '-'}" + (f" since {s.existing_since}" if s.existing_since else "")),
        ("segment", (d.segment.name or "-") + (", key account" if d.segment.key_account else "")),
        ("owner", s.account_owner or "nobody"),
        ("last contact", f"{s.last_contact}, {count(s.days_since_contact or 0, 'day')} ago" if s.last_contact else "-"),
        ("health", "-" if d.health.score is None else f"{d.health.score:g} of 100"),
        ("revenue", f"{t.revenue:,.0f} {d.currency} in {count(t.orders, 'order')}"),
        ("pipeline", f"{d.pipeline.amount:,.0f} {d.currency} in {d.pipeline.months} months, {d.pipeline.number} open"),
        ("vehicles", f"{d.service.vehicles}, {d.service.covered} with a service contract"),
        ("relationship", f"{d.closeness.level}, {count(d.closeness.contacts_12_months, 'contact')} in 12 months"),
        ("records", f"{d.quality.records} of {', '.join(d.quality.sources)}; {d.quality.completeness:.0%} complete"),
    ]  # fmt: skip
    session.show("\n".join(f"  {name:13} {value}" for name, value in rows))
    if len(d.hierarchy.nodes) > 1:
        session.show("\nGroup (own / with everything below)")
        for node in d.hierarchy.nodes[:20]:
            mark = "→" if node.is_self else " "
            name = "  " * node.level + (node.name or node.golden_id)
            revenue = f"{node.own.revenue:,.0f} / {node.rolled_up.revenue:,.0f}"
            session.show(f" {mark} {name}   {revenue} {d.currency}")


def _people(session: Session, d: Customer360) -> None:
    centre = d.buying_centre
    if centre.contacts:
        names = {c.golden_id: c.name for c in centre.contacts}
        rows = [
            (c.name, c.job_title, c.buying_role, c.influence, c.affinity, names.get(c.reports_to or ""), c.last_contact)
            for c in centre.contacts
        ]
        session.show(f"\nBuying centre, {centre.completeness or 0:.0%} complete")
        session.show(table(("name", "title", "role", "influence", "attitude", "reports to", "last contact"), rows))
    if centre.single_contact:
        session.show("! everything hangs on one person")
    if centre.roles_missing and centre.contacts:
        session.show(f"! nobody known as {', '.join(centre.roles_missing)}")
    current = [f"{m.name} ({m.role})" for m in d.team.members if m.current]
    if current:
        session.show(f"\nAccount team: {', '.join(current)}")
    if d.team.opportunity_owners:
        session.show(f"Opportunities: {', '.join(d.team.opportunity_owners)}")


def _business(session: Session, d: Customer360) -> None:
    marks = []
    for phase in d.phases:
        state = (
            "not reached" if not phase.reached else f"missing {', '.join(phase.missing)}" if phase.missing else "whole"
        )
        marks.append(f"{phase.phase.replace('_', ' ')}: {state}")
    session.show(f"\n{'; '.join(marks)}")
    if d.plan is not None:
        done = sum(action.status not in (None, "open") for action in d.plan.actions)
        session.show(
            f"Plan until {d.plan.valid_to}: {d.plan.goal}; {d.plan.achieved:,.0f} of {d.plan.target or 0:,.0f} "
            f"{d.currency}, {done} of {count(len(d.plan.actions), 'action')} done"
        )
    for need in [n for n in d.needs if n.status == "open"][:5]:
        session.show(f"Needs: {need.subject} ({need.product or '-'})")
    if d.competitors:
        session.show(f"Competitors: {', '.join(f'{c.competitor} ({c.mentions})' for c in d.competitors)}")
    if d.replacements:
        due = ", ".join(f"{r.half_year}: {r.vehicles}" for r in d.replacements)
        session.show(f"Due for replacement: {due}")


def _happened(session: Session, d: Customer360, timeline: int) -> None:
    rows = [
        (e.date, e.kind + (" (planned)" if e.planned else ""), e.subject or e.product, e.status, e.owner, e.source)
        for e in d.timeline[:timeline]
    ]
    if rows:
        session.show(f"\nTimeline, {len(rows)} of {count(d.timeline_total, 'touchpoint')}")
        session.show(table(("date", "what", "subject", "status", "owner", "system"), rows))
    if d.findings:
        session.show(f"\n{count(len(d.findings), 'open finding')}")
        for finding in d.findings:
            said = finding.words["en"] if finding.words else finding.rule
            where = f" [{finding.source}:{finding.source_key}]" if finding.source_key else ""
            session.show(f"  {finding.severity:8}{said}{where}{' (waived)' if finding.waived else ''}")
    else:
        session.show("\nNo open findings.")
