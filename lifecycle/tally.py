"""What each customer adds to the matrix, to the results of the rules and to the measures; and their sums.

A customer's parts are kept with its state, so that a run that evaluates few customers takes out their old parts and
puts in the new ones; what the state itself tells is not kept twice. Money is counted in hundredths, which add up the
same in any order. The sums of old and of new parts are made by the same statements.
"""

from __future__ import annotations

from lifecycle.contracts import ASIDE, STAGES
from lifecycle.packed import pack
from lifecycle.stages import _status
from lifecycle.work import Work, text

ALL = (*STAGES, *ASIDE)
PART = "no BIGINT, sort VARCHAR, a VARCHAR, b VARCHAR, c VARCHAR, n1 BIGINT, n2 BIGINT, n3 BIGINT, n4 BIGINT"
CENTS = "CAST(round(100 * {}) AS BIGINT)"


def tally(work: Work) -> None:
    """Creates `tally_part`, the parts of every customer in scope, each (sort, a, b, c) once.

    Sorts: `m` touchpoint, stage, source → touchpoints, complete, valid, fresh (null once the customer has left the
    stage: nobody expects news from there); `p` → the stages passed as bits; `r`
    rule, source → subjects that break it; `t` vehicle or relation, source → records; `f` severity, role → findings,
    money at stake, cost; `s` measure, part → number.
    """
    work.sql(f"CREATE TABLE tally_part ({PART})")
    _cells(work)
    _results(work)
    _measures(work)


def pack_tally(work: Work) -> None:
    """Creates `tallied` (no, document): the parts of each customer as a JSON object of `sort:a/b/c` → numbers."""
    key = "sort || ':' || concat_ws('/', a, b, c)"
    # Reasons and competitors are what people wrote; all other names need no escape.
    name = f"CASE WHEN sort IN ('s', 'f') THEN to_json({key})::VARCHAR ELSE '\"' || {key} || '\"' END"
    numbers = "':[' || concat_ws(',', n1, n2, n3, n4) || ']'"
    pack(work, "tallied", f"SELECT no, {name} || {numbers} AS part FROM tally_part WHERE {{range}} "
         "ORDER BY no, part", "{}")  # fmt: skip


def _cells(work: Work) -> None:
    kinds = work.contracts.touchpoints
    fixed = {name: kind.stage or kind.enters for name, kind in kinds.items()}
    stage = "CASE t.kind " + " ".join(f"WHEN {text(n)} THEN {text(s)}" for n, s in fixed.items() if s) + " END"
    fresh = {name: kind.fresh_days for name, kind in kinds.items() if kind.fresh_days}
    age = "CASE kind " + " ".join(f"WHEN {text(n)} THEN {d}" for n, d in fresh.items()) + " END" if fresh else "NULL"
    work.sql(
        "CREATE TEMP TABLE bad AS SELECT record_id, bool_or(r.dimension = 'complete') AS gap, "
        "bool_or(r.dimension = 'valid') AS wrong FROM violation v JOIN rule_of r ON r.number = v.rule "
        "WHERE record_id IS NOT NULL GROUP BY record_id"
    )
    # A touchpoint whose kind belongs to no stage counts where its customer was at its time.
    roaming = [name for name in kinds if not fixed[name]]
    placed = (
        "ASOF LEFT JOIN path p ON p.no = t.no AND p.entered <= coalesce(t.a_occurred_at, DATE '0001-01-01') "
        if roaming
        else ""
    )
    parts = []
    for names, at, join in ((kinds.keys() - set(roaming), stage, ""), (roaming, "coalesce(p.stage, s.stage)", placed)):
        if names:
            parts.append(
                f"SELECT t.no, t.kind, {at} AS stage, s.stage AS now, t.source, t.record_id, "
                "coalesce(t.a_occurred_at, t.a_valid_from, t.recorded) AS day "
                f"FROM touchpoint t JOIN stage_of s ON s.no = t.no {join}"
                f"WHERE t.own AND t.kind IN ({', '.join(map(text, sorted(names)))})"
            )
    is_fresh = (
        "CASE WHEN stage IS DISTINCT FROM now THEN NULL "
        f"WHEN ({age}) IS NULL OR max(day) + ({age}) >= {work.day} THEN 1 ELSE 0 END"
    )
    work.sql(
        f"""CREATE TEMP TABLE latest AS
        SELECT no, kind, stage, source, count(*) AS n, count(*) FILTER (b.gap IS NOT TRUE) AS complete,
            count(*) FILTER (b.wrong IS NOT TRUE) AS valid, max(day) AS day, {is_fresh} AS fresh
        FROM ({" UNION ALL ".join(parts)}) LEFT JOIN bad b USING (record_id) GROUP BY no, kind, stage, now, source"""
    )
    work.sql("INSERT INTO tally_part SELECT no, 'm', kind, stage, source, n, complete, valid, fresh FROM latest")
    if fresh:
        asked = f"({age}) IS NOT NULL AND fresh IS NOT NULL"
        work.sql(
            "INSERT INTO stale SELECT no, NULL, day + 1 FROM (SELECT no, kind, source, max(day) + "
            f"({age}) AS day FROM latest WHERE {asked} GROUP BY no, kind, source) WHERE day >= {work.day}"
        )


def _results(work: Work) -> None:
    for entity in ("vehicle", "relation"):
        work.sql(
            f"INSERT INTO tally_part SELECT no, 't', '{entity}', source, NULL, count(*), NULL, NULL, NULL "
            f"FROM {entity} WHERE own AND no IS NOT NULL GROUP BY no, source"
        )
    work.sql(
        "INSERT INTO tally_part SELECT no, 'r', rule, coalesce(source, ''), NULL, "
        "count(DISTINCT coalesce(record_id, 0)), NULL, NULL, NULL FROM present WHERE no IS NOT NULL "
        "GROUP BY no, rule, source"
    )


def _measures(work: Work) -> None:
    work.sql(
        "INSERT INTO tally_part SELECT no, 'p', NULL, NULL, NULL, bit_or(1::BIGINT << rank), NULL, NULL, NULL "
        "FROM path SEMI JOIN state USING (no) GROUP BY no"
    )
    for name, contract in work.contracts.stages.items():
        if limit := contract.max_days:
            stuck = f"state WHERE stage = {text(name)} AND since + {limit + 1} <= {work.day}"
            _measure(work, "'stuck'", text(name), "1", stuck)
    _plans(work)
    _reasons(work)
    work.sql(
        "CREATE OR REPLACE TEMP TABLE counting AS SELECT no, severity, owner_role, stake FROM present p ANTI JOIN "
        "waived USING (finding_id) WHERE no IS NOT NULL"
    )
    costs = work.contracts.cost
    prices = " ".join(f"WHEN {text(s)} THEN {p!r}" for s, p in costs.finding.items())
    price = f"CASE severity {prices} ELSE 0 END" if prices else "0"
    cost = CENTS.format(f"({price} + coalesce(stake, 0) * {costs.stake_share!r})")
    work.sql(
        "INSERT INTO tally_part SELECT no, 'f', severity, coalesce(owner_role, ''), NULL, count(*), "
        f"sum({CENTS.format('coalesce(stake, 0)')}), sum({cost}), NULL FROM counting GROUP BY no, severity, owner_role"
    )
    _measure(work, "'duplicates'", "source", "n - 1", "duplicate WHERE n > 1")
    price = f"sum({CENTS.format(f'(n - 1) * {costs.duplicate!r}')})"
    _measure(work, "'cost'", "'duplicates'", price, "duplicate WHERE n > 1 GROUP BY no")
    work.sql("DELETE FROM tally_part WHERE no NOT IN (SELECT no FROM state)")


def _measure(work: Work, measure: str, part: str, number: str, source: str) -> None:
    """Add parts of sort s; everything is SQL, `source` what follows FROM."""
    work.sql(
        f"INSERT INTO tally_part SELECT no, 's', {measure}, {part}, NULL, {number}, NULL, NULL, NULL FROM {source}"
    )


def _plans(work: Work) -> None:
    """Plans that are due, and how many were carried out: what the first rule `followed` asks of a planned kind."""
    counted: set[str] = set()
    for contract in work.contracts.stages.values():
        for rule in contract.rules.values():
            kind = work.contracts.touchpoints.get(rule.about)
            if rule.kind != "followed" or kind is None or not kind.planned or rule.match != "refers":
                continue
            if rule.about in counted:
                continue
            counted.add(rule.about)
            by = ", ".join(map(text, rule.by))
            mine = f"own AND no IS NOT NULL AND kind = {text(rule.about)} AND a_{rule.since}"
            carried_out = (
                "EXISTS (SELECT 1 FROM ref r JOIN touchpoint f ON f.record_id = r.record_id "
                f"WHERE r.target_id = t.record_id AND f.kind IN ({by}))"
            )
            due = f"touchpoint t WHERE {mine} <= {work.day}"
            _measure(work, "'planned'", text(rule.about), "count(*)", f"{due} GROUP BY no")
            _measure(work, "'done'", text(rule.about), "count(*)", f"{due} AND {carried_out} GROUP BY no")
            work.sql(f"INSERT INTO stale SELECT no, NULL, a_{rule.since} FROM touchpoint WHERE {mine} > {work.day}")


def _reasons(work: Work) -> None:
    """Why opportunities were won and lost, and to whom."""
    kinds = work.kinds(lambda kind: kind.enters == "opportunity")
    for word, fits in (("won", _status(work, "won")), ("lost", _status(work, "lost"))):
        mine = f"touchpoint WHERE own AND no IS NOT NULL AND kind IN {kinds} AND {fits}"
        _measure(work, "'opportunities'", text(word), "count(*)", f"{mine} GROUP BY no")
        because = text(f"{word}_because")
        _measure(work, because, "coalesce(a_reason, '')", "count(*)", f"{mine} GROUP BY no, a_reason")
    competitors = f"{mine} AND a_competitor IS NOT NULL GROUP BY no, a_competitor"
    _measure(work, "'lost_to'", "a_competitor", "count(*)", competitors)
