"""Rules on what records refer to and agree with: reference, sequence, consistent."""

from __future__ import annotations

from lifecycle.prepare import OWNING
from lifecycle.rules.base import Subject, same_customer
from lifecycle.work import text


def reference(subject: Subject) -> None:
    """It refers to something that is known: its customer, a person, a vehicle, an earlier touchpoint."""
    match subject.rule.to:
        case ["customer"]:
            key = "party_key"
            if subject.about == "relation":
                key = "to_key"
            subject.add(f"'{key}', s.a_{key}, NULL, {subject.began()}, NULL, NULL", ["s.no IS NULL"])
        case ["contact"]:
            _key(subject, "contact_key", "s.contact_no IS NULL")
        case ["vehicle"]:
            known = "SELECT vin_id FROM vehicle WHERE vin_id IS NOT NULL"
            _key(subject, "vin", f"(s.vin_id IS NULL OR s.vin_id NOT IN ({known}))")
        case ["delivered_vehicle"]:
            _delivered(subject)
        case _:
            _touchpoint(subject)


def _key(subject: Subject, name: str, unknown: str) -> None:
    there = subject.has(name) if subject.rule.optional else "TRUE"
    subject.add(f"{text(name)}, {subject.text_of(name)}, NULL, {subject.began()}, NULL, NULL", [there, unknown])


def _delivered(subject: Subject) -> None:
    """Delivered to this customer, or held by it as buyer, owner or operator."""
    work = subject.work
    deliveries = work.kinds(lambda kind: kind.enters == "delivery")
    known = (
        f"SELECT no, vin_id FROM touchpoint WHERE kind IN {deliveries} AND vin_id IS NOT NULL AND no IS NOT NULL UNION "
        f"SELECT no, vin_id FROM vehicle WHERE vin_id IS NOT NULL AND no IS NOT NULL AND a_role IN {OWNING}"
    )
    there = "s.vin_id IS NOT NULL" if subject.rule.optional else "TRUE"
    subject.add(
        f"'vin', s.a_vin, NULL, {subject.began()}, NULL, NULL",
        [there, "s.no IS NOT NULL", "d.vin_id IS NULL"],
        f"LEFT JOIN ({known}) d ON d.no = s.no AND d.vin_id = s.vin_id",
    )


def _touchpoint(subject: Subject) -> None:
    rule = subject.rule
    kinds = ", ".join(map(text, rule.to))
    same = f"AND {same_customer('s', 'o')}" if rule.same_customer else ""
    fits = (
        f"EXISTS (SELECT 1 FROM ref r JOIN touchpoint o ON o.record_id = r.target_id WHERE r.record_id = s.record_id "
        f"AND o.kind IN ({kinds}) {same})"
    )
    there = "len(s.a_refers_to) > 0" if rule.optional else "TRUE"
    value = "array_to_string(s.a_refers_to, ' | ')"
    subject.add(f"'refers_to', {value}, NULL, {subject.began()}, NULL, NULL", [there, f"NOT {fits}"])


def sequence(subject: Subject) -> None:
    """It does not happen before what it refers to."""
    rule = subject.rule
    kinds = ", ".join(map(text, rule.not_before))
    earliest = (
        "SELECT r.record_id, max(o.a_occurred_at) AS day FROM ref r JOIN touchpoint o ON o.record_id = r.target_id "
        f"WHERE o.kind IN ({kinds}) GROUP BY r.record_id"
    )
    subject.add(
        "'occurred_at', CAST(s.a_occurred_at AS VARCHAR), NULL, s.a_occurred_at, NULL, NULL",
        [f"s.a_occurred_at < b.day - {rule.tolerance_days}"],
        f"JOIN ({earliest}) b ON b.record_id = s.record_id",
    )


def consistent(subject: Subject) -> None:
    """Systems that know the same vehicle agree; whoever differs from the most trusted system is asked."""
    rule, work = subject.rule, subject.work
    order = " ".join(f"WHEN {text(s.name)} THEN {s.priority}" for s in work.config.sources)
    rank = f"(CASE o.source {order or 'WHEN NULL THEN 0'} ELSE 1000000 END, o.source, o.record_id)"
    table = "touchpoint" if subject.is_touchpoint else subject.about
    kind = f"AND o.kind = {text(subject.about)}" if subject.is_touchpoint else ""
    plain = f'o."a_{rule.field}"'
    lead = (
        f"SELECT o.vin_id, arg_min({plain}, {rank}) AS value, arg_min(o.source, {rank}) AS source FROM {table} o "
        f"WHERE o.vin_id IS NOT NULL AND {plain} IS NOT NULL {kind} GROUP BY o.vin_id "
        "HAVING count(DISTINCT o.source) > 1"
    )
    value = f's."a_{rule.field}"'
    match subject.kind_of(rule.field).type:
        case "number":
            differs = f"abs({value} - b.value) > {rule.tolerance!r} * abs(b.value)"
        case "date":
            differs = f"abs({value} - b.value) > {rule.tolerance!r}"
        case _:
            differs = f"lower({value}) <> lower(b.value)"
    shown = f"{subject.text_of(rule.field)} || ' (' || b.source || ': ' || CAST(b.value AS VARCHAR) || ')'"
    subject.add(
        f"{text(rule.field)}, {shown}, NULL, s.recorded, NULL, NULL",
        [f"{value} IS NOT NULL", "s.source <> b.source", differs],
        f"JOIN ({lead}) b ON b.vin_id = s.vin_id",
    )
