"""Features: the standard columns as matching sees them, with contact values split by whom they stand for.

Adds to the standard columns: `<contact>_own` and `<contact>_shared` for each profiled contact, and for organizations
`domains_own`, `valid_tax_id`, `branch_mark` and `owner_kind`. Values that identify nobody are in neither list.
"""

from __future__ import annotations

import duckdb

from matching.model.conditions import quoted
from matching.profile import Profile, effective_sql
from models.match_model import Declaration

# Hard rules ask "both known and different"; a company without a branch is known to be no branch.
_ORGANIZATION = (
    r"list_filter(alt_cores, lambda c: regexp_matches(c, '\p{Han}'))[1] AS han_core",
    r"list_filter(alt_cores, lambda c: NOT regexp_matches(c, '\p{Han}'))[1] AS latin_core",
    "CASE WHEN name_script IN ('han', 'mixed') THEN list_distinct(string_split("
    "concat(name_region, name_core, name_industry), '')) END AS name_chars",
    "CASE WHEN name_script = 'latin' THEN name_tokens END AS words",
    "CASE WHEN coalesce(tax_id_ok, FALSE) AND tax_id_kind = 'uscc' THEN tax_id END AS valid_tax_id",
    "CASE WHEN name_norm IS NOT NULL THEN coalesce(branch, '-') END AS branch_mark",
    "CASE WHEN is_sole_trader THEN 'sole trader' WHEN org_form LIKE '%partnership%' THEN 'partnership' "
    "WHEN org_form IS NOT NULL THEN 'company' END AS owner_kind",
    "CASE WHEN name_script IN ('han', 'mixed') THEN name_industry END AS trade",
    "nullif(list_distinct(list_filter([left(city_code, 4), CASE WHEN right(name_region_code, 4) <> '0000' THEN "
    "left(name_region_code, 4) END, CASE WHEN city_code IS NULL THEN city_norm END], lambda c: c IS NOT NULL)), []) AS cities",
    "nullif(list_distinct(list_filter([left(province_code, 2), left(name_region_code, 2), CASE WHEN province_code IS NULL "
    "THEN province_norm END], lambda c: c IS NOT NULL)), []) AS provinces",
)


def build_features(
    con: duckdb.DuckDBPyConnection, declaration: Declaration, standard: str, profile: Profile, target: str = "features"
) -> None:
    """Creates the table `target` from the DuckDB table `standard` (record_id and all standard columns)."""
    con.register("profile_rows", profile.table)
    have = [row[0] for row in con.execute(f"DESCRIBE {standard}").fetchall()]
    source = standard
    if declaration.entity_type == "organization":
        domains = (
            "list_distinct(list_filter(list_append(coalesce(email_domains, []), web_domain), lambda d: d IS NOT NULL))"
        )
        con.execute(
            f"CREATE OR REPLACE TEMP TABLE with_domains AS SELECT *, nullif({domains}, []) AS domains FROM {standard}"
        )
        source = "with_domains"
    joins, columns = [], []
    for i, kind in enumerate(declaration.contacts):
        con.execute(f"CREATE OR REPLACE TEMP TABLE contact_{i} AS {effective_sql(con, kind, source, 'profile_rows')}")
        joins.append(f"LEFT JOIN contact_{i} c{i} ON c{i}.record_id = s.record_id")
        for suffix in ("_own", "_shared"):
            columns.append(f"c{i}.{quoted(kind.column + suffix)}")
    if declaration.entity_type == "organization":
        columns += _ORGANIZATION
    kept = ", ".join("s." + quoted(c) for c in have)
    extra = "".join(", " + c for c in columns)
    con.execute(f"CREATE OR REPLACE TABLE {target} AS SELECT {kept}{extra} FROM {source} s {' '.join(joins)}")
    con.unregister("profile_rows")
    con.execute("DROP TABLE IF EXISTS with_domains")
    for i in range(len(declaration.contacts)):
        con.execute(f"DROP TABLE IF EXISTS contact_{i}")
