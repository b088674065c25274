"""Where every customer, opportunity and vehicle stands, and since when, from their touchpoints alone.

A touchpoint of a kind that enters a stage takes its customer there, if that is further on. A customer in service (or
lost, dormant, talking about renewal) begins another round with a lead, an opportunity, a quote or an order; service
visits do not end a round. A round whose last open opportunity, lead or order failed ends: lost for somebody who never
got a delivery, in service for others. Without contact for `dormant_days` a customer is dormant, until the next contact.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from lifecycle.contracts import ASIDE, STAGES
from lifecycle.prepare import OWNING
from lifecycle.work import Work, text

ALL = (*STAGES, *ASIDE)
RANK = {stage: i for i, stage in enumerate(ALL)}
PROSPECT, LEAD, ORDER, DELIVERY, SERVICE, RENEWAL, LOST, DORMANT = (
    RANK[s] for s in ("prospect", "lead", "order", "delivery", "in_service", "renewal", "lost", "dormant")
)
# What an event does, in the order in which the events of one day count.
WAKE, ENTER, WIN, LOSE, SLEEP = 0, 1, 2, 3, 4
_OF_OPPORTUNITY, _OF_VEHICLE = "1::TINYINT", "2::TINYINT"
_HISTORY = pa.schema([("no", pa.int64()), ("stage", pa.int16()), ("entered", pa.date32()), ("exited", pa.date32())])


def derive_stages(work: Work) -> None:
    """Creates `stage_of` (no, stage, since), `path` (no, rank, stage, entered, exited) and `subject_path`."""
    _events(work)
    events = work.arrow(
        "SELECT no, day, what, stage, coalesce(item, -1) AS item FROM event ORDER BY no, day, what, stage, item"
    )
    history = histories(
        events["no"].to_numpy(),
        events["day"].cast(pa.int32()).to_numpy(),
        *(events[name].to_numpy() for name in ("what", "stage", "item")),
    )
    with work.table("history_rows", history):
        names = ", ".join(text(stage) for stage in ALL)
        work.sql(
            f"CREATE TABLE path AS SELECT no, stage AS rank, ([{names}])[stage + 1] AS stage, entered, exited "
            "FROM history_rows"
        )
    work.sql("DROP TABLE event")
    work.sql(
        "CREATE TABLE stage_of AS SELECT c.no, coalesce(p.stage, 'prospect') AS stage, p.entered AS since "
        "FROM cust c LEFT JOIN (SELECT * FROM path WHERE exited IS NULL) p USING (no)"
    )
    _chains(work)
    _subjects(work)


def _events(work: Work) -> None:
    """Creates `event` (no, day, what, stage, item), and `stale` with the days on which a stage changes by itself."""
    kinds = work.contracts.touchpoints
    enters = {name: kind.enters for name, kind in kinds.items() if kind.enters and not kind.planned}
    rank = "CASE kind " + " ".join(f"WHEN {text(k)} THEN {RANK[s]}" for k, s in enters.items()) + " END"
    among = f"({', '.join(map(text, enters))})" if enters else "('')"
    failing = (
        f"({', '.join(text(k) for k in enters if kinds[k].lost)})" if any(kinds[k].lost for k in enters) else "('')"
    )
    ended = _status(work, "closed")
    failed = _status(work, "lost")
    work.sql(
        "CREATE TABLE event AS WITH mine AS (SELECT no, record_id, kind, a_occurred_at AS day, "
        f"greatest(a_occurred_at, coalesce(a_closed_at, a_occurred_at)) AS ended, {rank} AS stage, "
        f"{ended} AS is_closed, {failed} AS has_failed FROM touchpoint WHERE own AND no IS NOT NULL "
        f"AND kind IN {among} AND a_occurred_at IS NOT NULL) "
        f"SELECT no, day, {ENTER} AS what, stage, CASE WHEN kind IN {failing} THEN record_id END AS item FROM mine "
        f"WHERE day <= {work.day} UNION ALL "
        f"SELECT no, ended, CASE WHEN has_failed THEN {LOSE} ELSE {WIN} END, stage, record_id FROM mine "
        f"WHERE is_closed AND kind IN {failing} AND ended <= {work.day}"
    )
    work.sql("CREATE TABLE stale (no BIGINT, record_id BIGINT, day DATE)")
    work.sql(
        "INSERT INTO stale SELECT no, record_id, unnest([a_occurred_at, a_closed_at]) AS day FROM touchpoint "
        f"WHERE own AND (a_occurred_at > {work.day} OR a_closed_at > {work.day})"
    )
    work.sql(f"DELETE FROM stale WHERE day <= {work.day} OR day IS NULL")
    contacts = work.kinds(lambda kind: kind.contact and not kind.planned)
    work.sql(
        f"CREATE TABLE contact_day AS SELECT DISTINCT no, a_occurred_at AS day FROM touchpoint WHERE own AND no IS NOT "
        f"NULL AND kind IN {contacts} AND a_occurred_at <= {work.day}"
    )
    # Whoever was only visited, or answered a campaign, is a prospect from then on.
    work.sql(f"INSERT INTO event SELECT no, min(day), {ENTER}, {PROSPECT}, NULL FROM contact_day GROUP BY no")
    if (limit := work.contracts.dormant_days) is None:
        return
    work.sql(
        "CREATE TEMP TABLE silence AS SELECT no, day + "
        f"{limit} AS begins, coming AS ends FROM (SELECT no, day, lead(day) OVER (PARTITION BY no ORDER BY day) AS "
        f"coming FROM contact_day) WHERE coming IS NULL OR coming > day + {limit}"
    )
    work.sql(f"INSERT INTO event SELECT no, begins, {SLEEP}, {DORMANT}, NULL FROM silence WHERE begins <= {work.day}")
    work.sql(f"INSERT INTO event SELECT no, ends, {WAKE}, {PROSPECT}, NULL FROM silence WHERE ends IS NOT NULL")
    work.sql(f"INSERT INTO stale SELECT no, NULL, begins FROM silence WHERE begins > {work.day}")


def _status(work: Work, part: str) -> str:
    """Whether the status of a touchpoint is one of those that its kind names in `part`, in SQL."""
    said = [
        f"(kind = {text(name)} AND lower(a_status) IN ({', '.join(text(s.lower()) for s in getattr(kind, part))}))"
        for name, kind in work.contracts.touchpoints.items()
        if getattr(kind, part)
    ]
    return f"coalesce({' OR '.join(said)}, FALSE)" if said else "FALSE"


def histories(no: Any, day: Any, what: Any, stage: Any, item: Any) -> pa.Table:
    """The stages of customers, from their events in the order of customer, day and effect.

    `day` counts from 1970; `item` is the number of what can fail, -1 for nothing. Stages that begin on the day on which
    they end are passed over. All customers take their next event at once: as many steps as the longest has events.
    """
    if not len(no):
        return _HISTORY.empty_table()
    begins = np.flatnonzero(np.append(True, no[1:] != no[:-1]))
    counts = np.diff(np.append(begins, len(no)))
    pending, delivered = _so_far(begins, counts, what, stage, item)
    order = np.argsort(-counts, kind="stable")
    begins, longest = begins[order], -counts[order]
    current = np.full(len(begins), -1, np.int64)
    slept = np.full(len(begins), -1, np.int64)
    after = np.empty(len(no), np.int16)
    for step in range(-int(longest[0])):
        few = int(np.searchsorted(longest, -step, side="left"))  # who has more events than that
        at = begins[:few] + step
        now, held, effect = current[:few], slept[:few], what[at]
        new = np.where(effect == ENTER, _ENTERED[now + 1, stage[at]], now)
        asleep = effect == SLEEP
        new[asleep] = DORMANT
        awake = (effect == WAKE) & (now == DORMANT)
        new[awake] = np.where(held[awake] >= 0, held[awake], PROSPECT)
        ended = (effect == LOSE) & (pending[at] == 0) & (now >= LEAD) & (now <= ORDER)
        new[ended] = np.where(delivered[at][ended], SERVICE, LOST)
        held[asleep] = now[asleep]
        current[:few] = new
        after[at] = new
    # The day's last word counts; what is the same as before is no change.
    final = np.append((no[1:] != no[:-1]) | (day[1:] != day[:-1]), True) & (after >= 0)
    numbers, where, when = no[final], after[final], day[final]
    changes = np.append(True, (numbers[1:] != numbers[:-1]) | (where[1:] != where[:-1]))
    numbers, where, when = numbers[changes], where[changes], when[changes].astype(np.int32)
    last = np.append(numbers[1:] != numbers[:-1], True)
    exited = pa.array(np.append(when[1:], when[:1]), mask=last)
    return pa.table([numbers, where, pa.array(when).cast(pa.date32()), exited.cast(pa.date32())], schema=_HISTORY)


def _so_far(begins: Any, counts: Any, what: Any, stage: Any, item: Any) -> tuple[Any, Any]:
    """After each event: how much of its customer's can still fail, and whether anything was delivered."""
    enters = what == ENTER
    change = np.where(enters & (item >= 0), 1, np.where((what == WIN) | (what == LOSE), -1, 0))
    came = (enters & ((stage == DELIVERY) | (stage == SERVICE))).astype(np.int64)
    sums = []
    for numbers in (change, came):
        total = np.cumsum(numbers)
        sums.append(total - np.repeat(total[begins] - numbers[begins], counts))
    return sums[0], sums[1] > 0


def _entered(current: int, where: int) -> int:
    """The stage after a touchpoint that enters a stage."""
    if current < 0:
        return where
    if where == PROSPECT:
        return current
    if current in (LOST, DORMANT):
        return where
    if where == SERVICE:  # a workshop visit ends no round of selling
        return SERVICE if current in (PROSPECT, DELIVERY) else current
    if current == RENEWAL:
        return where if where != RENEWAL else current
    if current == SERVICE:
        return where if where != DELIVERY else current
    if current == DELIVERY:
        return where if where != DELIVERY else current
    return max(current, where)


# The stage after a touchpoint: for no stage yet (row 0) and every stage, by the stage that it enters.
_ENTERED = np.array([[_entered(i - 1, where) for where in range(len(ALL))] for i in range(len(ALL) + 1)])


def _chains(work: Work) -> None:
    """Creates `chain` (root, record_id): what refers to a touchpoint, or to what refers to it, of the same customer."""
    rules = [rule for contract in work.contracts.stages.values() for rule in contract.rules.values()]
    asked = {rule.about for rule in rules if rule.gate or (rule.kind == "followed" and rule.match == "refers")}
    roots = work.kinds(lambda kind: kind.enters == "opportunity")[:-1]
    roots += "".join(f", {text(name)}" for name in sorted(asked & set(work.contracts.touchpoints))) + ")"
    work.sql(
        "CREATE TEMP TABLE inner_ref AS SELECT r.record_id, r.target_id FROM ref r JOIN touchpoint t USING (record_id) "
        "JOIN touchpoint o ON o.record_id = r.target_id WHERE t.own AND o.own AND t.no = o.no"
    )
    work.sql(
        "CREATE TABLE chain AS SELECT r.target_id AS root, r.record_id FROM inner_ref r JOIN touchpoint t "
        f"ON t.record_id = r.target_id WHERE t.kind IN {roots}"
    )
    for _ in range(3):  # opportunity, quote, order, delivery
        work.sql(
            "INSERT INTO chain SELECT DISTINCT c.root, r.record_id FROM chain c JOIN inner_ref r "
            "ON r.target_id = c.record_id WHERE r.record_id <> c.root "
            "AND (c.root, r.record_id) NOT IN (SELECT root, record_id FROM chain)"
        )


def _subjects(work: Work) -> None:
    """Creates `subject_path` (no, subject, subject_id, rank, entered): of opportunities (o) and vehicles (v).

    Grouped and ordered by numbers, since this is the largest of the histories.
    """
    kinds = work.contracts.touchpoints
    ranked = " ".join(f"WHEN {text(name)} THEN {RANK[kind.enters]}" for name, kind in kinds.items() if kind.enters)
    rank = f"CAST(CASE t.kind {ranked} END AS TINYINT)" if ranked else "NULL::TINYINT"
    opportunity, delivery = RANK["opportunity"], RANK["delivery"]
    opportunities = work.kinds(lambda kind: kind.enters == "opportunity")
    deliveries = work.kinds(lambda kind: kind.enters == "delivery")
    after = work.kinds(lambda kind: kind.enters in ("in_service", "renewal"))
    failed = _status(work, "lost")
    work.sql(
        f"""CREATE TABLE subject_path AS
        WITH steps AS (
            SELECT no, {_OF_OPPORTUNITY} AS of, record_id AS subject_id, {opportunity}::TINYINT AS rank,
                a_occurred_at AS day
            FROM touchpoint WHERE own AND no IS NOT NULL AND kind IN {opportunities}
            UNION ALL
            SELECT t.no, {_OF_OPPORTUNITY}, c.root, {rank}, t.a_occurred_at FROM chain c JOIN touchpoint t USING
                (record_id)
            JOIN touchpoint o ON o.record_id = c.root WHERE o.kind IN {opportunities}
            UNION ALL
            SELECT no, {_OF_OPPORTUNITY}, record_id, {LOST}::TINYINT,
                greatest(a_occurred_at, coalesce(a_closed_at, a_occurred_at))
            FROM touchpoint WHERE own AND no IS NOT NULL AND kind IN {opportunities} AND {failed}
            UNION ALL
            SELECT t.no, {_OF_VEHICLE}, t.vin_id, {rank}, t.a_occurred_at FROM touchpoint t
            WHERE t.own AND t.no IS NOT NULL AND t.vin_id IS NOT NULL
                AND (t.kind IN {deliveries} OR t.kind IN {after})
            UNION ALL
            SELECT no, {_OF_VEHICLE}, vin_id, {delivery}::TINYINT, a_delivered_on FROM vehicle WHERE own
                AND no IS NOT NULL AND vin_id IS NOT NULL AND (a_role IS NULL OR a_role IN {OWNING})),
        firsts AS (
            SELECT no, of, subject_id, rank, min(day) AS entered FROM steps
            WHERE rank IS NOT NULL AND day <= {work.day} GROUP BY ALL),
        ordered AS (
            SELECT *, max(rank) OVER (PARTITION BY no, of, subject_id ORDER BY entered, rank
                ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS before FROM firsts)
        SELECT no, CASE of WHEN {_OF_VEHICLE} THEN 'v' ELSE 'o' END AS subject, subject_id, rank, entered
        FROM ordered WHERE before IS NULL OR rank > before"""
    )
    work.sql(
        "INSERT INTO stale SELECT no, NULL, a_delivered_on FROM vehicle WHERE own AND no IS NOT NULL "
        f"AND a_delivered_on > {work.day}"
    )
