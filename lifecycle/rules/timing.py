"""Rules on what happens when: followed, count, recent, unclosed, stuck."""

from __future__ import annotations

from lifecycle.rules.base import Subject
from lifecycle.work import text

_PERIOD = {"week": "week", "month": "month", "quarter": "quarter", "year": "year"}


def followed(subject: Subject) -> None:
    """Something happens within some days of it; late is better than never."""
    rule = subject.rule
    kinds = ", ".join(map(text, rule.by))
    base = f"s.a_{rule.since}"
    match rule.match:
        case "refers":
            # An order that refers to the quote of an opportunity follows the opportunity, too.
            after = (
                "SELECT 1 FROM (SELECT target_id AS root, record_id FROM ref UNION ALL SELECT root, "
                "record_id FROM chain) r "
                f"JOIN touchpoint f USING (record_id) WHERE r.root = s.record_id AND f.kind IN ({kinds})"
            )
        case "vehicle":
            after = (
                f"SELECT 1 FROM touchpoint f WHERE f.vin_id = s.vin_id AND f.kind IN ({kinds}) "
                f"AND f.a_occurred_at >= {base}"
            )
        case _:
            after = (
                f"SELECT 1 FROM touchpoint f WHERE f.no = s.no AND f.kind IN ({kinds}) AND f.a_occurred_at >= {base}"
            )
    where = [f"{base} IS NOT NULL", f"NOT EXISTS ({after})"]
    where += {"vehicle": ["s.vin_id IS NOT NULL"], "customer": ["s.no IS NOT NULL"]}.get(rule.match, [])
    due = f"{base} + {rule.within_days + 1}"
    subject.add(f"{text(rule.since)}, CAST({base} AS VARCHAR), NULL, {due}, {due}, NULL", where)


def count(subject: Subject) -> None:
    """There are at least, or at most, so many."""
    rule = subject.rule
    if subject.is_touchpoint:
        kinds = ", ".join(map(text, rule.of))
        rows = (
            "SELECT r.target_id AS id, f.a_occurred_at AS day FROM ref r JOIN touchpoint f ON f.record_id = "
            "r.record_id "
            f"WHERE f.kind IN ({kinds})"
        )
        key = "s.record_id"
    else:
        parts = []
        if touchpoints := [name for name in rule.of if name != "contact"]:
            kinds = ", ".join(map(text, touchpoints))
            parts.append(
                f"SELECT no AS id, a_occurred_at AS day FROM touchpoint WHERE kind IN ({kinds}) AND no IS NOT NULL"
            )
        if "contact" in rule.of:
            parts.append("SELECT no AS id, NULL::DATE AS day FROM contact")
        rows, key = " UNION ALL ".join(parts), "s.no"
    began = subject.began()
    due = f"{began} + {rule.after_days + 1}" if rule.after_days else "NULL"
    grace = [f"{began} IS NOT NULL"] if rule.after_days else []
    what = text(",".join(rule.of))
    if rule.at_least is not None:
        counted = f"SELECT id, count(*) AS n FROM ({rows}) GROUP BY id"
        subject.add(
            f"NULL, coalesce(n.n, 0) || ' ' || {what}, 'least', {due if rule.after_days else began}, {due}, NULL",
            [f"coalesce(n.n, 0) < {rule.at_least}", *grace],
            f"LEFT JOIN ({counted}) n ON n.id = {key}",
        )
    if rule.at_most is not None:
        if rule.per is None:
            counted = f"SELECT id, 'most' AS part, NULL::DATE AS day, count(*) AS n FROM ({rows}) GROUP BY id"
            shown = f"n.n || ' ' || {what}"
        else:
            start = f"CAST(date_trunc('{_PERIOD[rule.per]}', day) AS DATE)"
            counted = (
                f"SELECT id, CAST({start} AS VARCHAR) AS part, {start} AS day, count(*) AS n FROM ({rows}) "
                "WHERE day IS NOT NULL GROUP BY ALL"
            )
            shown = f"n.n || ' ' || {what} (' || n.part || ')'".replace(f"{what} (' ||", f"{what} || ' (' ||")
        subject.add(
            f"NULL, {shown}, n.part, coalesce(n.day, {began}), {due}, NULL",
            [f"n.n > {rule.at_most}", *grace],
            f"JOIN ({counted}) n ON n.id = {key}",
        )


def recent(subject: Subject) -> None:
    """The latest one is not older than some days; where there is none, the stage's beginning counts."""
    rule, work = subject.rule, subject.work
    kinds = ", ".join(map(text, rule.of))
    last = (
        f"SELECT no, max(a_occurred_at) FILTER (a_occurred_at <= {work.day}) AS day, "
        f"min(a_occurred_at) FILTER (a_occurred_at > {work.day}) AS coming FROM touchpoint "
        f"WHERE kind IN ({kinds}) AND no IS NOT NULL GROUP BY no"
    )
    since = "coalesce(l.day, c.since)"
    due = f"{since} + {rule.days + 1}"
    subject.add(
        f"NULL, CAST(l.day AS VARCHAR), NULL, {due}, {due}, l.coming",
        [f"{since} IS NOT NULL"],
        f"LEFT JOIN ({last}) l ON l.no = s.no",
    )


def unclosed(subject: Subject) -> None:
    """It is closed within some days of its time, or of the date on which it is due."""
    rule = subject.rule
    base = f"s.a_{rule.since}"
    if rule.closed:
        is_open = f"NOT coalesce(lower(s.a_status) IN ({', '.join(text(c.lower()) for c in rule.closed)}), FALSE)"
    else:
        is_open = "s.a_closed_at IS NULL"
    due = f"{base} + {rule.days + 1}"
    subject.add(
        f"'status', s.a_status, NULL, {due}, {due}, NULL",
        [f"{base} IS NOT NULL", is_open],
    )


def stuck(subject: Subject) -> None:
    """A customer leaves the stage within some days."""
    due = f"c.since + {subject.rule.days + 1}"
    subject.add(f"NULL, CAST(c.since AS VARCHAR), NULL, {due}, {due}, NULL", ["c.since IS NOT NULL"])
