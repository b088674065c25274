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
    for number, bound in enumerate(rules):
        CARRIED_OUT[bound.kind](subject_of(work, bound, number))
    work.sql(
        "INSERT INTO stale SELECT no, record_id, day FROM (SELECT no, record_id, unnest([due, until]) AS day "
        f"FROM violation WHERE due > {work.day} OR until > {work.day}) WHERE day > {work.day}"
    )
    work.sql(f"DELETE FROM violation WHERE due > {work.day} OR until <= {work.day}")


__all__ = ["CARRIED_OUT", "carry_out"]
