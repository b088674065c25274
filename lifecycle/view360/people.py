"""People: the customer's buying centre, the account team, who runs the opportunities, how close the relationship is."""

from __future__ import annotations

import datetime as dt
from typing import Literal

from lifecycle.view360.common import current, entering, happened, is_open, text, touchpoints
from lifecycle.view360.document import BuyingCentre, Closeness, Contact, Member, Team
from lifecycle.view360.gather import Facts, name_of

WANTED = ("job_title", "buying_role", "influence", "affinity", "phone", "email")
"""What should be known of a person of the customer; the line of reporting on top, save for whoever is at its head."""
FEWEST = 2
"""With fewer people than this the relationship hangs on one."""
SUPPORTERS, CRITICS = ("supporter", "promoter", "friend", "支持"), ("critic", "opponent", "enemy", "反对")


def buying_centre(facts: Facts) -> BuyingCentre:
    """Who decides, how complete the picture is, which roles nobody has."""
    managers = _managers(facts)
    last = _last_contacts(facts)
    contacts = []
    for golden_id, person in facts.people.items():
        values = person.values
        missing = [name for name in WANTED if values.get(name) in (None, "", [])]
        is_head = golden_id in managers.values()
        if golden_id not in managers and not is_head:
            missing.append("reports_to")
        contacts.append(
            Contact(
                golden_id=golden_id,
                name=name_of(person),
                job_title=_text(values.get("job_title")),
                buying_role=_text(values.get("buying_role")),
                influence=_text(values.get("influence")),
                affinity=_text(values.get("affinity")),
                phone=_list(values.get("phone")),
                email=_list(values.get("email")),
                reports_to=managers.get(golden_id),
                last_contact=last.get(golden_id),
                missing=missing,
            )
        )
    contacts.sort(key=lambda c: (-_influence(c), c.name or "", c.golden_id))
    roles = {contact.buying_role for contact in contacts}
    share = None
    if contacts:
        known = sum(len(WANTED) + 1 - len(contact.missing) for contact in contacts)
        share = round(known / (len(contacts) * (len(WANTED) + 1)), 3)
    return BuyingCentre(
        contacts=contacts,
        completeness=share,
        roles_missing=[role for role in facts.contracts.buying_roles if role not in roles],
        single_contact=facts.golden.entity_type == "organization" and len(contacts) == FEWEST - 1,
    )


def team(facts: Facts) -> Team:
    """Who covers the account, those of today first, and who runs its open opportunities."""
    members = []
    for record in facts.relations:
        role = text(record, "role")
        if text(record, "type") != "account_team" and role not in facts.contracts.team_roles:
            continue
        party = facts.party(record, "from_ids")
        name = (facts.names.get(party) if party else None) or text(record, "from_key")
        if name is None:
            continue
        begin, end = text(record, "valid_from"), text(record, "valid_to")
        members.append(
            Member(name=name, role=role, valid_from=begin, valid_to=end, current=current(record, facts.today))
        )
    members.sort(key=lambda m: (not m.current, m.role or "", m.valid_from or ""))
    owners = [text(r, "owner") for r, kind in entering(facts, "opportunity") if is_open(r, kind)]
    return Team(
        account_owner=facts.state.get("owner"),
        members=members,
        opportunity_owners=list(dict.fromkeys(owner for owner in owners if owner)),
    )


def closeness(facts: Facts, centre: BuyingCentre) -> Closeness:
    """How close the relationship is: people who support us, and contacts within a year."""
    since = (facts.today - dt.timedelta(days=365)).isoformat()
    contacts = [
        r
        for r, _ in touchpoints(facts, lambda _, kind: kind.contact and not kind.planned)
        if happened(facts, r) and (text(r, "occurred_at") or "") >= since
    ]
    supporters = sum(_among(c.affinity, SUPPORTERS) for c in centre.contacts)
    critics = sum(_among(c.affinity, CRITICS) for c in centre.contacts)
    level: Literal["close", "known", "distant"] = "distant"
    if contacts and centre.contacts:
        level = "close" if supporters > critics and len(contacts) >= 4 else "known"
    return Closeness(
        level=level,
        contacts=len(centre.contacts),
        supporters=supporters,
        critics=critics,
        contacts_12_months=len(contacts),
    )


def _managers(facts: Facts) -> dict[str, str]:
    """Person → the person they report to, both of this customer."""
    found: dict[str, str] = {}
    for record in facts.reports:
        person, manager = facts.party(record, "from_ids"), facts.party(record, "to_ids")
        if person in facts.people and manager in facts.people and person != manager and current(record, facts.today):
            found[str(person)] = str(manager)
    return found


def _last_contacts(facts: Facts) -> dict[str, str]:
    found: dict[str, str] = {}
    for record in facts.touchpoints:
        person, day = facts.party(record, "contact_ids"), text(record, "occurred_at")
        if person is not None and day is not None and happened(facts, record):
            found[person] = max(day, found.get(person, ""))
    return found


def _influence(contact: Contact) -> float:
    try:
        return float(contact.influence or 0)
    except ValueError:
        return 0.0


def _among(value: str | None, words: tuple[str, ...]) -> bool:
    return value is not None and value.lower() in words


def _text(value: object) -> str | None:
    return None if value in (None, "") else str(value)


def _list(value: object) -> list[str]:
    if isinstance(value, list):
        return [str(item) for item in value]
    return [] if value in (None, "") else [str(value)]
