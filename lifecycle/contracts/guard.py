"""Guards expressions that stand in contracts: one boolean expression over known columns, with harmless functions alone.

The expression is parsed by the engine that will run it; what its syntax tree holds beyond comparisons, arithmetic and
the functions named here is refused, so that no expression reads a file, a table or the clock.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any

import orjson

from lifecycle.contracts.document import ENTITY_OF, OF_CUSTOMER, Attributes, Contracts
from lifecycle.contracts.rules import Sql
from models.config.mistakes import Mistake, nearest
from models.duck import connect_small

FUNCTIONS = frozenset(
    {
        *("+", "-", "*", "/", "%", "||", "~~", "!~~", "~~*", "!~~*", "abs", "round", "floor", "ceil", "greatest"),
        *("least", "length", "lower", "upper", "trim", "left", "right", "substr", "substring", "replace", "contains"),
        *("starts_with", "ends_with", "prefix", "suffix", "regexp_matches", "regexp_full_match", "coalesce", "nullif"),
        *("date_diff", "datediff", "date_trunc", "year", "month", "day", "to_days", "to_months", "to_years", "len"),
        *("list_contains", "if", "date_part", "trunc", "to_weeks", "to_hours"),
    }
)
_HARMLESS = {
    "COMPARISON",
    "CONJUNCTION",
    "CONSTANT",
    "COLUMN_REF",
    "FUNCTION",
    "OPERATOR",
    "BETWEEN",
    "CASE",
    "CAST",
    "INTERVAL",
    "TYPE",
}
TODAY = "today"


def expression_mistakes(contracts: Contracts, attributes: Attributes) -> Iterator[Mistake]:
    """A mistake for every expression that cannot be allowed or does not parse."""
    for stage, contract in contracts.stages.items():
        for name, rule in contract.rules.items():
            if isinstance(rule, Sql):
                columns = columns_of(rule.about, attributes)
                if wrong := expression_mistake(rule.violated, columns):
                    yield Mistake(("stages", stage, "rules", name, "violated"), *wrong)


def columns_of(subject: str, attributes: Attributes) -> list[str]:
    """The names that an expression on a subject may use."""
    own = [*attributes[ENTITY_OF.get(subject, "touchpoint")], TODAY]
    if subject == "customer":
        return [*own, *attributes["person"], *OF_CUSTOMER]
    return [*own, *(f"customer.{name}" for name in (*attributes["organization"], *OF_CUSTOMER))]


def expression_mistake(text: str, columns: Collection[str]) -> tuple[str, str | None] | None:
    """(what is wrong, nearest valid name), or None for an expression that may run."""
    with connect_small() as connection:
        row = connection.execute("SELECT json_serialize_sql('SELECT ' || ?)", [text]).fetchone()
    parsed: dict[str, Any] = orjson.loads(row[0]) if row else {}
    if parsed.get("error"):
        return f"is no expression: {' '.join(str(parsed.get('error_message')).split())}", None
    statements = parsed["statements"]
    node = statements[0]["node"]
    plain = node["type"] == "SELECT_NODE" and node["from_table"]["type"] == "EMPTY" and not node["cte_map"]["map"]
    whole = not node.get("where_clause") and not node.get("modifiers") and not node.get("group_expressions")
    if len(statements) != 1 or not plain or not whole or len(node["select_list"]) != 1:
        return "must be one expression, not a query", None
    return next(_refusals(node["select_list"][0], columns), None)


def _refusals(node: Any, columns: Collection[str]) -> Iterator[tuple[str, str | None]]:
    if isinstance(node, list):
        for item in node:
            yield from _refusals(item, columns)
        return
    if not isinstance(node, dict):
        return
    kind = node.get("class")
    if kind is not None and kind not in _HARMLESS:
        yield f"{str(kind).lower()} is not allowed in an expression", None
        return
    if kind == "COLUMN_REF":
        name = ".".join(node["column_names"])
        if name not in columns:
            yield f"unknown attribute '{name}'", nearest(name, columns)
    if kind == "FUNCTION" and node["function_name"].lower() not in FUNCTIONS:
        yield f"the function '{node['function_name']}' is not allowed", nearest(node["function_name"], FUNCTIONS)
    for value in node.values():
        if isinstance(value, dict | list):
            yield from _refusals(value, columns)
