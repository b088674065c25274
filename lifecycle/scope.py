"""Whom a run touches, and what must be loaded to evaluate them: everything that their evaluation looks at.

A customer's evaluation reads the golden record, its people, what hangs on its members, what that refers to or is
referred to by, and what is on the same vehicles. Whoever has one of these changed is evaluated again, and nobody else.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from lifecycle.standard import ENTITIES, LINKS, pc
from lifecycle.work import Work, array_of, load_all, load_golden, load_homes, load_some
from models.store import lifecycle_tables as lt
from models.vocabulary import PARTY_TYPES

WHOLE_SHARE = 0.25
WHOLE_LEAST = 20_000
"""From so many touched customers on, evaluating all of them costs less than looking some up."""


@dataclass
class Touched:
    """Customers and records to evaluate again; `by_data` are the customers of whom more than the day changed."""

    golden: set[str] = field(default_factory=set)
    by_data: set[str] = field(default_factory=set)
    records: set[int] = field(default_factory=set)


def links_file(work: Work, name: str) -> pa.Table:
    """The links that the run's changed records have (`links`) or have no more (`unlinks`)."""
    path: Path = work.folder / "lifecycle" / f"{name}.parquet"
    return pq.read_table(path).cast(LINKS) if path.exists() else LINKS.empty_table()


def load_everything(work: Work) -> None:
    """Load all customers and everything that hangs on them."""
    for entity in ENTITIES:
        load_all(work, entity)
    load_homes(work)
    load_golden(work)
    work.sql("CREATE TABLE scope AS SELECT golden_id FROM gold")
    work.sql("CREATE TABLE own_records (record_id BIGINT)")
    _party_links(work, LINKS.empty_table() if work.restated else work.store.links_of_parties())


def touched(
    work: Work,
    *,
    after_action: int,
    orphans_are_stale: bool,
    since: str | None = None,
    decided: tuple[set[str], set[int]] | None = None,
) -> Touched:
    """Whom the run's changes, people's actions on findings and the day touch. Loads the records that it meets.

    `since` is the run of the last evaluation: what stewards decided after it changed golden records already. With
    `decided` (golden records, records that moved) only these touch anybody.
    """
    store, found = work.store, Touched()
    links, unlinks = links_file(work, "links"), links_file(work, "unlinks")
    both = pa.concat_tables([links, unlinks])
    changed = _numbers(work, " UNION ALL ".join(f"SELECT record_id FROM changed_{entity}" for entity in ENTITIES))
    parties = set(_numbers(work, "SELECT record_id FROM moved_home"))
    golden, moved = store.decided_since(since) if decided is None else decided
    found.by_data |= golden
    parties |= moved
    for entity in PARTY_TYPES:
        if (file := work.file("changes", entity)) is not None:
            parties |= set(_numbers(work, f"SELECT record_id FROM {file} WHERE change <> 'late'"))
        if (file := work.file("golden", entity)) is not None:
            found.by_data |= set(work.ids(f"SELECT golden_id FROM {file}").to_pylist())
    found.by_data |= set(work.ids("SELECT golden_id FROM moved_home WHERE golden_id IS NOT NULL").to_pylist())
    found.by_data |= set(store.memberships(array_of(parties))["golden_id"].to_pylist())
    found.records |= set(changed)
    if decided is None:
        found.golden |= set(store.stale_customers(work.today.isoformat()))
        _acted_on(work, found, after_action)
    if orphans_are_stale and decided is None:
        found.records |= set(store.findings_without_customer()["record_id"].to_pylist()) - {None}

    # Records that refer to changed ones, are on the same vehicles, or name a party that came, went or moved.
    vins = both.filter(pc.equal(both["kind"], lt.VEHICLE))["target_id"].to_pylist()
    near = store.links_to(array_of({*changed, *vins, *parties, *_old_keys(work, parties)}))
    found.records |= set(near.filter(pc.less(near["kind"], lt.ORGANIZATION))["record_id"].to_pylist())
    persons = parties | set(store.members_of(pa.array(sorted(found.by_data), pa.string()))["record_id"].to_pylist())
    employed = pa.concat_tables([both, store.links_of_parties(array_of(persons)).cast(LINKS)])
    works = store.links_to(array_of(persons - parties))
    found.records |= set(works.filter(pc.equal(works["kind"], lt.FROM))["record_id"].to_pylist())
    load_some(work, array_of(found.records))
    load_homes(work, pa.concat_arrays([_named(work), _flat(employed["target_id"])]))
    with work.table("employed_rows", employed), work.table("old_links", unlinks):
        found.by_data |= set(
            work.ids(
                f"SELECT DISTINCT golden_id FROM home WHERE record_id IN (SELECT target_id FROM employed_rows) "
                f"OR record_id IN (SELECT target_id FROM old_links) OR record_id IN ({_NAMED})"
            ).to_pylist()
        )
    found.by_data -= {None}
    found.golden |= found.by_data
    return found


def load_scope(work: Work, found: Touched) -> None:
    """Load what the evaluation of the touched customers and records reads, besides what `touched` loaded."""
    store = work.store
    golden = pa.array(sorted(found.golden), pa.string())
    with work.table("scope_rows", pa.table({"golden_id": golden})):
        work.sql("CREATE TABLE scope AS SELECT golden_id FROM scope_rows")
    with work.table("own_rows", pa.table({"record_id": array_of(found.records)})):
        work.sql("CREATE TABLE own_records AS SELECT record_id FROM own_rows")
    with work.table("stored", store.members_of(golden).select(["record_id", "golden_id"])):
        work.sql(
            "CREATE TABLE members AS SELECT record_id FROM moved_home SEMI JOIN scope USING (golden_id) UNION "
            "SELECT record_id FROM stored ANTI JOIN moved_home USING (record_id)"
        )
    work.sql("INSERT INTO members SELECT old_id FROM successor JOIN members ON record_id = new_id")
    members = work.ids("SELECT record_id FROM members")
    hanging = pa.concat_tables([store.links_to(members).cast(LINKS), links_file(work, "links")])
    load_some(work, hanging.filter(pc.less(hanging["kind"], lt.ORGANIZATION))["record_id"].combine_chunks())
    _load_context(work)
    people = hanging.filter(pc.equal(hanging["kind"], lt.ORGANIZATION))
    _party_links(work, pa.concat_tables([people, store.links_of_parties(members).cast(LINKS)]))
    load_homes(work, pa.concat_arrays([_named(work), members, work.ids("SELECT record_id FROM employer")]))
    load_homes(work, work.ids("SELECT target_id FROM employer UNION SELECT target_id FROM parent"))
    works = "SELECT golden_id FROM home WHERE record_id IN (SELECT record_id FROM employer)"
    related = f"SELECT golden_id FROM home WHERE record_id IN ({_NAMED_BY_RELATIONS})"
    load_golden(work, work.ids(f"SELECT golden_id FROM scope UNION {works} UNION {related}"))


def _load_context(work: Work) -> None:
    """What the loaded records refer to, are referred to by, and share vehicles with."""
    vins = work.ids(
        "SELECT vin_id FROM raw_touchpoint WHERE vin_id IS NOT NULL UNION SELECT vin_id FROM raw_vehicle "
        "WHERE vin_id IS NOT NULL"
    )
    links = links_file(work, "links")
    records = work.ids(
        "SELECT record_id FROM raw_touchpoint UNION SELECT old_id FROM successor JOIN raw_touchpoint ON "
        "record_id = new_id"
    )
    near = pa.concat_tables([work.store.links_to(pa.concat_arrays([vins, records])).cast(LINKS), links])
    wanted = pa.concat_arrays([vins, records])
    near = near.filter(pc.is_in(near["target_id"], value_set=wanted))
    targets = work.ids(
        "SELECT coalesce(s.new_id, t.id) FROM (SELECT unnest(refers_ids) AS id FROM raw_touchpoint) t "
        "LEFT JOIN successor s ON s.old_id = t.id"
    )
    load_some(work, pa.concat_arrays([_flat(near["record_id"]), targets]))


def _party_links(work: Work, stored: pa.Table) -> None:
    """Creates `employer` and `parent` (record_id, target_id): on whom parties hang, by the records as they are now."""
    links, unlinks = links_file(work, "links"), links_file(work, "unlinks")
    with work.table("stored", stored.cast(LINKS)), work.table("new_links", links), work.table("old_links", unlinks):
        work.sql(
            "CREATE TEMP TABLE party_link AS SELECT DISTINCT record_id, target_id, kind FROM (SELECT * FROM "
            "stored ANTI "
            "JOIN old_links USING (record_id, target_id, kind) UNION ALL SELECT * FROM new_links)"
        )
    for name, kind in (("employer", lt.ORGANIZATION), ("parent", lt.PARENT)):
        work.sql(f"CREATE TABLE {name} AS SELECT record_id, target_id FROM party_link WHERE kind = {kind}")


_NAMED_BY_RELATIONS = "SELECT unnest(from_ids) FROM raw_relation UNION SELECT unnest(to_ids) FROM raw_relation"
_NAMED = (
    "SELECT unnest(party_ids) FROM raw_touchpoint UNION SELECT unnest(party_ids) FROM raw_vehicle UNION "
    f"{_NAMED_BY_RELATIONS}"
)


def _named(work: Work) -> Any:
    """The parties' records that loaded records name."""
    return work.ids(f"SELECT DISTINCT * FROM ({_NAMED} UNION SELECT unnest(contact_ids) FROM raw_touchpoint)")


def _acted_on(work: Work, found: Touched, after: int) -> None:
    """Customers, or records without one, whose findings people waived or handed back since the last run."""
    actions = work.store.finding_actions(after=after)
    if actions.num_rows:
        findings = work.store.findings_by_id(pc.unique(actions["finding_id"]))
        found.golden |= set(findings["golden_id"].to_pylist()) - {None}
        alone = findings.filter(pc.is_null(findings["golden_id"]))
        found.records |= set(alone["record_id"].to_pylist()) - {None}


def _old_keys(work: Work, parties: set[int]) -> list[int]:
    """Records that go on as one of these."""
    with work.table("parties", pa.table({"id": array_of(parties)})):
        return _numbers(work, "SELECT old_id FROM successor JOIN parties ON id = new_id")


def _numbers(work: Work, query: str) -> list[int]:
    return [int(number) for number in work.ids(query).to_pylist() if number is not None]


def _flat(column: Any) -> Any:
    return column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
