"""Carries out rules over all customers in scope at once, a statement or two per rule; adds to `violation` and `stale`.

What a rule may say is in `contracts.rules`; what becomes of violations, in `findings`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from lifecycle.contracts.bound import BoundRule
from lifecycle.rules import references, timing, values
from lifecycle.rules.base import VIOLATION, Subject, subject_of
from lifecycle.work import Work

CARRIED_OUT: dict[str, Callable[[Subject], None]] = {
    "presence": values.presence,
    "format": values.format_rule,
    "range": values.range_rule,
    "reference": references.reference,
    "sequence": references.sequence,
    "followed": timing.followed,
    "count": timing.count,
    "recent": timing.recent,
    "consistent": references.consistent,
    "sql": values.sql,
    "readable": values.readable,
    "unclosed": timing.unclosed,
    "stuck": timing.stuck,
}
"""Kind of rule → the function that finds its violations."""


def carry_out(work: Work, rules: Sequence[BoundRule]) -> None:
    """Creates `violation`, whose `rule` is the place of a rule in `rules`, and adds to `stale`."""
    work.sql(f"CREATE TABLE violation ({VIOLATION})")
    for table in ("judged", "misfit"):
        work.sql(f"CREATE TEMP TABLE {table} (form VARCHAR, value VARCHAR)")
    there, stages = _subjects(work), {row[0] for row in work.rows("SELECT DISTINCT stage FROM state")}
    for number, bound in enumerate(rules):
        # A small run looks at few customers, of whom most rules have nothing to say; planning a query is what costs.
        if bound.rule.about in there and (not bound.stages or stages.intersection(bound.stages)):
            CARRIED_OUT[bound.kind](subject_of(work, bound, number))
    work.sql(
        "INSERT INTO stale SELECT no, record_id, day FROM (SELECT no, record_id, unnest([due, until]) AS day "
        f"FROM violation WHERE due > {work.day} OR until > {work.day}) WHERE day > {work.day}"
    )
    work.sql(f"DELETE FROM violation WHERE due > {work.day} OR until <= {work.day}")


def _subjects(work: Work) -> set[str]:
    """Of what there is something to check: kinds of touchpoints, and the other subjects of rules."""
    query = "SELECT DISTINCT kind FROM touchpoint WHERE own AND kind IS NOT NULL"
    for about, table in (("vehicle", "vehicle WHERE own"), ("relation", "relation WHERE own"), ("contact", "contact")):
        query += f" UNION ALL SELECT '{about}' WHERE EXISTS (SELECT 1 FROM {table})"
    return {"customer", *(row[0] for row in work.rows(query))}


__all__ = ["CARRIED_OUT", "carry_out"]
