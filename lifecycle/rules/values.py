"""Rules on the values of one record: presence, readable, format, range, and guarded expressions."""

from __future__ import annotations

import re

import pyarrow as pa

from lifecycle.contracts.guard import TODAY
from lifecycle.rules.base import Subject
from lifecycle.work import Work, text


def presence(subject: Subject) -> None:
    """Every one of the fields has a value, at once or some days after the beginning."""
    days = subject.rule.after_days
    began = subject.began()
    due = f"{began} + {days + 1}" if days else "NULL"
    for name in subject.rule.fields:
        if subject.about == "customer" and not _applies(subject, name):
            continue
        where = [f"NOT {subject.has(name)}"]
        if subject.about == "customer":
            where += _of_type(subject, name)
        if days:
            where.append(f"{began} IS NOT NULL")
        subject.add(f"{text(name)}, NULL, NULL, {due if days else began}, {due}, NULL", where)


def _applies(subject: Subject, name: str) -> bool:
    return name in subject.attributes


def _of_type(subject: Subject, name: str) -> list[str]:
    """An attribute that only organizations have is not missed of a person, and the other way round."""
    config = subject.work.config
    having = [entity for entity in ("organization", "person") if name in config.attributes_of(entity)]
    return [] if len(having) == 2 else [f"s.entity_type = {text(having[0])}"]


def readable(subject: Subject) -> None:
    """Every date and number that was delivered can be read."""
    subject.add(
        "x.key, x.value ->> '$', NULL, s.recorded, NULL, NULL",
        ["s.reasons IS NOT NULL"],
        ", LATERAL (SELECT key, value FROM json_each(s.reasons)) x",
    )


def format_rule(subject: Subject) -> None:
    """The value has a form: one with check digits, a pattern, or one of a list."""
    rule = subject.rule
    multi = subject.kind_of(rule.field).multi
    value = "x.item" if multi else subject.text_of(rule.field)
    joins = f", LATERAL (SELECT unnest({subject.column(rule.field)}) AS item) x" if multi else ""
    if rule.form:
        _judge(subject)
        bad = f"{value} IN (SELECT value FROM misfit WHERE form = {text(rule.form)})"
    elif rule.pattern:
        bad = f"NOT regexp_full_match({value}, {text(rule.pattern)})"
    else:
        bad = f"lower({value}) NOT IN ({', '.join(text(one.lower()) for one in rule.one_of)})"
    part = value if multi else "NULL"
    subject.add(
        f"{text(rule.field)}, {value}, {part}, {subject.began()}, NULL, NULL", [f"{value} IS NOT NULL", bad], joins
    )


def _judge(subject: Subject) -> None:
    """Put the values that do not have the form into `misfit`; every different value is looked at once."""
    work, rule = subject.work, subject.rule
    multi = subject.kind_of(rule.field).multi
    value = f"unnest({subject.column(rule.field)})" if multi else subject.text_of(rule.field)
    values = work.ids(
        f"SELECT DISTINCT value FROM (SELECT {value} AS value {subject.source()}) WHERE value IS NOT NULL "
        "AND value NOT "
        f"IN (SELECT value FROM judged WHERE form = {text(rule.form)})"
    ).to_pylist()
    fits = work.forms[rule.form]
    _remember(work, "judged", rule.form, values)
    _remember(work, "misfit", rule.form, [value for value in values if not fits(value)])


def _remember(work: Work, table: str, form: str, values: list[str]) -> None:
    with work.table("value_rows", pa.table({"value": pa.array(values, pa.string())})):
        work.sql(f"INSERT INTO {table} SELECT {text(form)}, value FROM value_rows")


def range_rule(subject: Subject) -> None:
    """The value lies between two numbers, or two dates."""
    rule = subject.rule
    value = subject.column(rule.field)
    outside = []
    if rule.min is not None:
        outside.append(f"{value} < {rule.min!r}")
    if rule.max is not None:
        outside.append(f"{value} > {rule.max!r}")
    for name, sign in ((rule.not_after, ">"), (rule.not_before, "<")):
        if name is not None:
            outside.append(f"{value} {sign} {'s.recorded' if name == 'recorded' else subject.column(name)}")
    subject.add(
        f"{text(rule.field)}, {subject.text_of(rule.field)}, NULL, {subject.began()}, NULL, NULL",
        [f"({' OR '.join(outside)})"],
    )


def sql(subject: Subject) -> None:
    """An expression that is true where the rule is violated; where it cannot be computed, it is not."""
    rule, work = subject.rule, subject.work
    words = set(re.findall(r"[A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_]*)?", rule.violated))
    own = [name for name in subject.attributes if name in words]
    derived = [name for name in ("segment", "stage", "kind") if subject.about == "customer" and name in words]
    columns = [f'{subject.column(name)} AS "{name}"' for name in dict.fromkeys((*own, *derived))]
    of_customer = sorted({word.removeprefix("customer.") for word in words if word.startswith("customer.")})
    if of_customer:
        fields = ", ".join(f'"{name}" := {_of_customer(subject, name)}' for name in of_customer)
        columns.append(f"struct_pack({fields}) AS customer")
    columns.append(f"{work.day} AS {TODAY}")
    shown = subject.text_of(rule.field) if rule.field else "NULL"
    record = "s.record_id" if subject.is_record or subject.about == "contact" else "NULL"
    person = "s.person_id" if subject.about == "contact" else "NULL"
    joins = " LEFT JOIN state cs ON cs.no = s.no LEFT JOIN cust cg ON cg.no = s.no"
    inner = (
        f"SELECT {record} AS _record, s.no AS _no, {person} AS _person, {shown} AS _value, "
        f"{subject.began()} AS _since, "
        f"{', '.join(columns)} {subject.source((), joins)}"
    )
    field = text(rule.field) if rule.field else "NULL"
    work.sql(
        f"INSERT INTO violation SELECT {subject.number}, _record, _no, _person, {field}, _value, NULL, "
        "_since, NULL, NULL "
        f"FROM ({inner}) WHERE coalesce(TRY(CAST(({rule.violated}) AS BOOLEAN)), FALSE)"
    )
    if TODAY in words:  # nobody knows when such an expression changes its mind
        work.sql(
            f"INSERT INTO stale SELECT DISTINCT s.no, {record if subject.is_record else 'NULL'}, {work.day} + 1 "
            f"{subject.source()}"
        )


def _of_customer(subject: Subject, name: str) -> str:
    if name in ("segment", "stage", "kind"):
        return f"cs.{name}"
    kind = subject.customer_attributes[name].type
    column = f'cg."a_{name}"'
    return f"TRY_CAST({column} AS {'DOUBLE' if kind == 'number' else 'DATE'})" if kind in ("number", "date") else column
