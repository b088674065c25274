"""From loaded records to the tables that stages, rules and measures read: who is whose customer, what refers to what.

Customers are golden organizations, and golden persons with whom something happened or who bought, own or operate a
vehicle. Inside of an evaluation they go by a number, `no`.
"""

from __future__ import annotations

from lifecycle.standard import types_of
from lifecycle.work import STRUCTURE, Work

OWNING = "('buyer', 'owner', 'operator')"
"""Roles towards a vehicle that make a customer."""


def prepare(work: Work) -> None:
    """Creates `number`, `touchpoint`, `vehicle`, `relation`, `ref`, `cust` and `contact`."""
    work.sql(
        "CREATE TABLE number AS SELECT row_number() OVER () AS no, golden_id FROM "
        "(SELECT golden_id FROM home UNION SELECT golden_id FROM gold)"
    )
    work.sql("CREATE TABLE place AS SELECT h.record_id, n.no FROM home h JOIN number n USING (golden_id)")
    work.sql("CREATE TABLE scope_no AS SELECT no FROM number SEMI JOIN scope USING (golden_id)")
    _touchpoints(work)
    _vehicles(work)
    _relations(work)
    _references(work)
    _customers(work)
    _contacts(work)


def _first(work: Work, entity: str, column: str, target: str) -> None:
    """Creates a table record_id → no: the first of the records that a key may name which is known."""
    longest = work.number(f"SELECT max(len({column})) FROM raw_{entity}")
    if longest <= 1:
        work.sql(
            f"CREATE OR REPLACE TEMP TABLE {target} AS SELECT r.record_id, p.no FROM raw_{entity} r "
            f"JOIN place p ON p.record_id = r.{column}[1]"
        )
        return
    work.sql(
        f"CREATE OR REPLACE TEMP TABLE {target} AS SELECT r.record_id, arg_min(p.no, r.i) AS no FROM "
        "(SELECT record_id, "
        f"unnest({column}) AS id, generate_subscripts({column}, 1) AS i FROM raw_{entity}) r "
        "JOIN place p ON p.record_id = r.id GROUP BY r.record_id"
    )


_OWN = "(x.no IN (SELECT no FROM scope_no) OR (x.no IS NULL AND r.record_id IN (SELECT record_id FROM own_records)))"


def _own(work: Work) -> str:
    return "TRUE" if work.full else _OWN


def _attributes(work: Work, entity: str) -> str:
    return ", ".join(f'r."a_{name}"' for name in types_of(work.config, entity) if name not in STRUCTURE)


def _touchpoints(work: Work) -> None:
    _first(work, "touchpoint", "party_ids", "of_party")
    _first(work, "touchpoint", "contact_ids", "of_contact")
    work.sql(
        f"CREATE TABLE touchpoint AS SELECT r.record_id, r.source, r.stream, r.source_key, r.recorded, x.no, "
        f"p.no AS contact_no, r.a_type AS kind, {_attributes(work, 'touchpoint')}, r.refers_ids, r.refers_n, r.vin_id, "
        f"r.reasons, {_own(work)} AS own FROM raw_touchpoint r LEFT JOIN of_party x USING (record_id) "
        "LEFT JOIN of_contact p ON p.record_id = r.record_id"
    )
    work.sql("DROP TABLE raw_touchpoint")


def _vehicles(work: Work) -> None:
    _first(work, "vehicle", "party_ids", "of_party")
    work.sql(
        f"CREATE TABLE vehicle AS SELECT r.record_id, r.source, r.stream, r.source_key, r.recorded, x.no, "
        f"{_attributes(work, 'vehicle')}, r.vin_id, r.reasons, {_own(work)} AS own FROM raw_vehicle r "
        "LEFT JOIN of_party x USING (record_id)"
    )
    work.sql("DROP TABLE raw_vehicle")


def _relations(work: Work) -> None:
    """The customer of a relation is the party at its end, or else the one at its beginning."""
    _first(work, "relation", "to_ids", "of_to")
    _first(work, "relation", "from_ids", "of_from")
    work.sql(
        "CREATE OR REPLACE TEMP TABLE of_party AS SELECT record_id, coalesce(t.no, f.no) AS no, f.no AS from_no "
        "FROM of_to t FULL JOIN of_from f USING (record_id)"
    )
    work.sql(
        f"CREATE TABLE relation AS SELECT r.record_id, r.source, r.stream, r.source_key, r.recorded, x.no, x.from_no, "
        f"{_attributes(work, 'relation')}, r.reasons, {_own(work)} AS own FROM raw_relation r "
        "LEFT JOIN of_party x USING (record_id)"
    )
    work.sql("DROP TABLE raw_relation")


def _references(work: Work) -> None:
    """Creates `ref` (record_id, target_id): each key leads to the first record that is known."""
    work.sql("CREATE TABLE known AS SELECT record_id AS id, record_id FROM touchpoint")
    work.sql(
        "INSERT INTO known SELECT s.old_id, s.new_id FROM successor s JOIN known k ON k.id = s.new_id "
        "ANTI JOIN known o ON o.id = s.old_id"
    )
    work.sql(
        "CREATE TABLE ref AS SELECT DISTINCT record_id, target_id FROM (SELECT r.record_id, "
        "arg_min(k.record_id, r.i) AS target_id FROM (SELECT record_id, refers_n, unnest(refers_ids) AS id, "
        "generate_subscripts(refers_ids, 1) - 1 AS i FROM touchpoint) r JOIN known k USING (id) "
        "GROUP BY r.record_id, r.i // r.refers_n)"
    )
    work.sql("DROP TABLE known")
    work.sql("ALTER TABLE touchpoint DROP refers_ids")


def _customers(work: Work) -> None:
    """Creates `cust`: the customers in scope with the values of their golden records."""
    work.sql(
        "CREATE TABLE cust AS SELECT n.no, g.* FROM gold g SEMI JOIN scope USING (golden_id) JOIN number n "
        "USING (golden_id) WHERE g.entity_type = 'organization' OR n.no IN (SELECT no FROM touchpoint WHERE no IS NOT "
        f"NULL UNION SELECT no FROM vehicle WHERE a_role IN {OWNING} AND no IS NOT NULL)"
    )


def _contacts(work: Work) -> None:
    """Creates `contact`: the people of each customer, by their employer or by a relation `works_for`."""
    attributes = ", ".join(f'g."a_{name}"' for name in work.config.attributes_of("person"))
    work.sql(
        "CREATE TABLE contact AS WITH pairs AS (SELECT c.no, p.no AS person_no, min(e.record_id) AS record_id FROM "
        "employer e JOIN place p ON p.record_id = e.record_id JOIN place c ON c.record_id = e.target_id GROUP BY ALL "
        "UNION ALL SELECT no, from_no, NULL FROM relation WHERE a_type = 'works_for' AND no <> from_no), "
        "people AS (SELECT no, person_no, min(record_id) AS record_id FROM pairs GROUP BY ALL) "
        f"SELECT x.no, x.person_no, x.record_id, n.golden_id AS person_id, {attributes} FROM people x "
        "JOIN cust USING (no) JOIN number n ON n.no = x.person_no JOIN gold g ON g.golden_id = n.golden_id "
        "WHERE g.entity_type = 'person'"
    )
