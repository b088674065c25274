"""What is known of every customer as a whole: owner, revenue, pipeline, segment, new or existing, health.

Creates `state`, one row per customer, which the rules read too. Findings are counted elsewhere.
"""

from __future__ import annotations

from lifecycle.contracts.kinds import HealthPart
from lifecycle.prepare import OWNING
from lifecycle.stages import _status
from lifecycle.work import Work, text

HEALTH_STEPS = 10
"""A part of the health score moves in tenths, so that a customer need not be looked at anew every day."""


def describe_customers(work: Work) -> None:
    """Creates `state` (no, stage, since, kind, existing_since, segment, …) and adds to `stale`."""
    _facts(work)
    _segments(work)
    score, parts, steps = _health(work)
    work.sql(
        f"""CREATE TABLE state AS
        SELECT f.*, s.stage, s.since, g.segment, g.segment_since,
            CASE WHEN f.existing_since IS NULL THEN 'new' ELSE 'existing' END AS kind,
            {score} AS health, {parts} AS health_parts
        FROM fact f JOIN stage_of s USING (no) JOIN segment_of g USING (no)"""
    )
    for days in steps:
        work.sql(
            f"INSERT INTO stale SELECT no, NULL, day FROM (SELECT f.no, unnest({days}) AS day FROM fact f) "
            f"WHERE day > {work.day}"
        )
    work.sql("DROP TABLE fact")


def _facts(work: Work) -> None:
    orders = work.kinds(lambda kind: kind.enters == "order")
    opportunities = work.kinds(lambda kind: kind.enters == "opportunity")
    deliveries = work.kinds(lambda kind: kind.enters == "delivery")
    services = work.kinds(lambda kind: kind.enters == "in_service")
    buying = work.kinds(lambda kind: kind.enters in ("order", "delivery", "in_service"))
    covers = work.kinds(_is_service_contract)
    complaints = work.kinds(lambda kind: kind.stage == "in_service" and kind.open_days is not None)
    failed, closed = _status(work, "lost"), _status(work, "closed")
    work.sql(
        f"""CREATE TEMP TABLE happened AS
        SELECT no,
            sum(a_amount) FILTER (kind IN {orders} AND NOT failed) AS revenue,
            count(*) FILTER (kind IN {orders} AND NOT failed) AS orders,
            sum(a_amount) FILTER (kind IN {opportunities} AND NOT closed) AS pipeline,
            count(*) FILTER (kind IN {opportunities} AND NOT closed) AS opportunities,
            count(*) FILTER (kind IN {complaints} AND NOT closed) AS complaints,
            min(a_occurred_at) FILTER (kind IN {buying} AND NOT failed) AS existing_since,
            max(a_occurred_at) FILTER (kind IN {orders} AND NOT failed) AS last_order,
            max(a_occurred_at) FILTER (kind IN {services}) AS last_service,
            min(a_occurred_at) AS first_touchpoint,
            count(*) AS touchpoints
        FROM (SELECT *, {failed} AS failed, {closed} AS closed FROM touchpoint
            WHERE own AND no IS NOT NULL AND (a_occurred_at <= {work.day} OR a_occurred_at IS NULL))
        GROUP BY no"""
    )
    work.sql(
        f"""CREATE TABLE fleet AS
        SELECT no, vin_id, min(day) AS day, bool_or(covered) AS covered FROM (
            SELECT no, vin_id, a_occurred_at AS day, FALSE AS covered FROM touchpoint
            WHERE own AND no IS NOT NULL AND vin_id IS NOT NULL AND kind IN {deliveries} AND a_occurred_at <= {work.day}
            UNION ALL
            SELECT no, vin_id, a_delivered_on, FALSE FROM vehicle WHERE own AND no IS NOT NULL AND vin_id IS NOT NULL
                AND (a_role IS NULL OR a_role IN {OWNING}) AND a_delivered_on <= {work.day}
                AND (a_valid_to IS NULL OR a_valid_to >= {work.day})
            UNION ALL
            SELECT no, vin_id, NULL, TRUE FROM touchpoint WHERE own AND no IS NOT NULL AND vin_id IS NOT NULL
                AND kind IN {covers} AND (a_valid_to IS NULL OR a_valid_to >= {work.day})
                AND (a_valid_from IS NULL OR a_valid_from <= {work.day}))
        GROUP BY no, vin_id HAVING min(day) IS NOT NULL"""
    )
    work.sql(
        "INSERT INTO stale SELECT no, NULL, day FROM (SELECT no, unnest([a_valid_from, a_valid_to + 1]) AS day FROM "
        f"touchpoint WHERE own AND kind IN {covers} UNION ALL SELECT no, a_valid_to + 1 FROM vehicle WHERE own) "
        f"WHERE no IS NOT NULL AND day > {work.day}"
    )
    owner = (
        'coalesce(c."a_account_owner", r.owner)'
        if "account_owner" in work.config.attributes_of("organization")
        else "r.owner"
    )
    work.sql(
        f"""CREATE TABLE fact AS
        SELECT c.no, c.golden_id, c.entity_type, {owner} AS owner, h.* EXCLUDE (no), k.last_contact,
            v.vehicles, v.covered, p.contacts
        FROM cust c LEFT JOIN happened h USING (no)
            LEFT JOIN (SELECT no, max(day) AS last_contact FROM contact_day GROUP BY no) k USING (no)
            LEFT JOIN (SELECT no, count(*) AS vehicles, count(*) FILTER (covered) AS covered FROM fleet
                GROUP BY no) v USING (no)
            LEFT JOIN (SELECT no, count(*) AS contacts FROM contact GROUP BY no) p USING (no)
            LEFT JOIN (SELECT no, arg_max(a_owner, (a_occurred_at, record_id)) AS owner FROM touchpoint
                WHERE own AND a_owner IS NOT NULL AND kind IN {opportunities} GROUP BY no) r USING (no)"""
    )


def _is_service_contract(kind: object) -> bool:
    """A kind that covers a vehicle for a period."""
    required = getattr(kind, "required", [])
    return "vin" in required and "valid_to" in required


def _segments(work: Work) -> None:
    """Creates `segment_of` (no, segment, segment_since): the first that fits, and since when by orders or vehicles."""
    orders = work.kinds(lambda kind: kind.enters == "order")
    failed = _status(work, "lost")
    chosen: list[str] = []
    work.sql(
        "CREATE TEMP TABLE ordered AS SELECT no, a_occurred_at AS day, sum(a_amount) OVER (PARTITION BY no ORDER BY "
        "a_occurred_at, record_id) AS total FROM touchpoint WHERE own AND no IS NOT NULL AND a_amount IS NOT NULL "
        f"AND kind IN {orders} AND a_occurred_at <= {work.day} AND NOT {failed}"
    )
    work.sql(
        "CREATE TEMP TABLE delivered AS SELECT no, day, row_number() OVER (PARTITION BY no ORDER BY day) AS "
        "total FROM fleet"
    )
    work.sql("CREATE TEMP TABLE reached (no BIGINT, segment VARCHAR, day DATE)")
    for name, segment in work.contracts.segments.items():
        asked = []
        if segment.named:
            asked.append(f"lower(c.a_segment) IN ({', '.join(text(n.lower()) for n in segment.named)})")
        for table, limit in (("ordered", segment.revenue), ("delivered", segment.vehicles)):
            if limit is not None:
                work.sql(
                    f"INSERT INTO reached SELECT no, {text(name)}, min(day) FROM {table} WHERE total >= "
                    f"{limit!r} GROUP BY no"
                )
        asked.append(f"EXISTS (SELECT 1 FROM reached r WHERE r.no = c.no AND r.segment = {text(name)})")
        chosen.append(f"WHEN {'TRUE' if not segment.conditional else ' OR '.join(asked)} THEN {text(name)}")
    case = f"CASE {' '.join(chosen)} END" if chosen else "NULL::VARCHAR"
    work.sql(
        "CREATE TABLE segment_of AS SELECT s.no, s.segment, r.day AS segment_since FROM (SELECT c.no, "
        f"{case} AS segment "
        "FROM cust c) s LEFT JOIN (SELECT no, segment, min(day) AS day FROM reached GROUP BY ALL) r "
        "ON r.no = s.no AND r.segment = s.segment"
    )


_MEASURES = {
    "days_since_contact": "last_contact",
    "days_since_service": "last_service",
    "days_since_order": "last_order",
}


def _health(work: Work) -> tuple[str, str, list[str]]:
    """The health score of `fact f` in SQL, its parts as JSON, and the days on which a part moves next.

    A part that cannot be measured (no service for somebody without vehicles) is left out of the score.
    """
    parts = []
    steps = []
    for part in work.contracts.health:
        value = _measured(part, work)
        left = f"({part.bad!r} - ({value})) / {part.bad - part.good!r}"
        # What cannot be measured is null; greatest and least would pass over that.
        share = f"CASE WHEN ({value}) IS NOT NULL THEN round(greatest(0, least(1, {left})) * {HEALTH_STEPS}) "
        share += f"/ {HEALTH_STEPS} END"
        parts.append((part, share))
        if part.measure in _MEASURES:
            width = (part.bad - part.good) / HEALTH_STEPS
            # The share falls by a tenth half a step after the good value, and then with every step; rounding may
            # put the day of the fall on either side.
            passed = f"greatest(0, ceil(({value} - {part.good + width / 2!r}) / {width!r}))"
            falls = f"{part.good + width / 2!r} + {passed} * {width!r}"
            steps.append(
                f"CASE WHEN {value} <= {part.bad + 1!r} THEN [f.{_MEASURES[part.measure]} + CAST(floor({falls} - 1e-6) "
                f"AS INTEGER) + 1, f.{_MEASURES[part.measure]} + CAST(floor({falls} + 1e-6) AS INTEGER) + 1] END"
            )
    if not parts:
        return "NULL::DOUBLE", "NULL::VARCHAR", []
    weight = " + ".join(f"CASE WHEN {share} IS NOT NULL THEN {part.weight!r} ELSE 0 END" for part, share in parts)
    points = " + ".join(f"coalesce({share} * {part.weight!r}, 0)" for part, share in parts)
    told = ", ".join(f"{part.measure} := {share}" for part, share in parts)
    return f"round(100 * ({points}) / nullif({weight}, 0), 1)", f"to_json(struct_pack({told}))::VARCHAR", steps


def _measured(part: HealthPart, work: Work) -> str:
    match part.measure:
        case "open_complaints":
            return "CASE WHEN f.touchpoints > 0 THEN f.complaints END"
        case "coverage":
            return "CASE WHEN f.vehicles > 0 THEN 100.0 * (f.vehicles - f.covered) / f.vehicles END"
        case "days_since_service":
            return f"CASE WHEN f.vehicles > 0 THEN ({work.day} - f.last_service) END"
        case _:
            return f"({work.day} - f.{_MEASURES[part.measure]})"
