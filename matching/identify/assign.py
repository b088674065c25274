"""Golden ids for clusters: numbers in, rules, words out.

Reading the tables from the store and publishing the outcome are done elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable

import pyarrow as pa

from matching.identify.mint import mint_ids
from matching.identify.outcome import Identities
from matching.identify.report import describe
from matching.identify.rules import assign
from matching.identify.scope import build_scope


def identify(
    clusters: pa.Table,
    current: pa.Table,
    history: pa.Table | None = None,
    aliases: pa.Table | None = None,
    order: pa.Table | None = None,
    *,
    mint: Callable[[int, str | None], list[str]] = mint_ids,
) -> Identities:
    """Give every cluster its golden id.

    clusters: record_id int64, cluster int64 — every living record in scope.
    current: record_id int64, golden_id[, from_run] — the members so far of every golden record that is touched, also
        those that leave; one that is missing from `clusters` counts as deleted.
    history: record_id, golden_id[, to_run] — former members of ids that are now aliases or retired; complete for each
        id that occurs. With `to_run` only the last members of an id are taken; with `from_run` as well (run ids that
        sort by time) an undone merge is told from an earlier one exactly.
    aliases: alias_id, golden_id — every alias row that names an id of `current` or `history` on either side.
    order: record_id, first_run — decides ties in favour of the records that came first; else by record id.
    mint: makes n new ids, ascending, after the id given.

    Raises StoreError where the input contradicts itself (a record in two clusters or with two ids, an alias that is
    in use or leads to two ids).
    """
    scope = build_scope(clusters, current, history, aliases, order)
    outcome = assign(scope)
    newest = scope.ids[-1].as_py() if len(scope.ids) else None
    return describe(scope, outcome, pa.array(mint(outcome.created, newest), pa.string()))
