"""What all rules share when they are carried out: subjects as tables, columns by attribute, conditions, violations.

A rule becomes one statement that adds rows to `violation`. `due` is the day from which a violation is one (null: from
the beginning), `until` the day on which it ends by itself; the rows that do not count today tell when to look again.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from lifecycle.contracts import Contracts
from lifecycle.contracts.bound import BoundRule
from lifecycle.contracts.document import ENTITY_OF, OF_CUSTOMER
from lifecycle.stages import RANK
from lifecycle.work import Work, text
from models.vocabulary import Attribute

VIOLATION = (
    "rule INTEGER, record_id BIGINT, no BIGINT, person_id VARCHAR, field VARCHAR, value VARCHAR, part VARCHAR, "
    "since DATE, due DATE, until DATE"
)


@dataclass(frozen=True)
class Subject:
    """What a rule is about: a table `s` in SQL with its customer `c`, and the columns of its attributes."""

    work: Work
    bound: BoundRule
    number: int
    attributes: Mapping[str, Attribute]
    customer_attributes: Mapping[str, Attribute]

    @property
    def rule(self) -> Any:
        """The rule."""
        return self.bound.rule

    @property
    def about(self) -> str:
        """What it is about."""
        return self.bound.rule.about

    @property
    def is_touchpoint(self) -> bool:
        """Whether it is about a kind of touchpoint."""
        return self.about in self.work.contracts.touchpoints

    @property
    def is_record(self) -> bool:
        """Whether its subjects are source records."""
        return self.about not in ("customer", "contact")

    def source(self, where: Iterable[str] = (), joins: str = "") -> str:
        """FROM and WHERE over the subjects that fit the conditions of the rule, and `where`."""
        work, conditions = self.work, [*where, *self._conditions()]
        if self.about == "customer":
            # One row per customer; `s` and `c` are the same.
            tables = "cust s JOIN state c ON c.no = s.no"
        elif self.about == "contact":
            tables = "contact s JOIN state c ON c.no = s.no"
        else:
            tables = "touchpoint s" if self.is_touchpoint else f"{self.about} s"
            tables += " LEFT JOIN state c ON c.no = s.no" if self._needs_customer() else ""
            conditions.insert(0, "s.own")
            if self.is_touchpoint:
                conditions.insert(0, f"s.kind = {text(self.about)}")
        if self.bound.stages:
            conditions.append(f"c.stage IN ({', '.join(map(text, self.bound.stages))})")
        if self._reads_golden():
            tables += " LEFT JOIN cust g ON g.no = s.no"
        if self.rule.gate:
            conditions.append(self._gate(work))
        return f"FROM {tables} {joins} WHERE {' AND '.join(conditions) or 'TRUE'}"

    def _needs_customer(self) -> bool:
        said = {*self.rule.when, *self.rule.unless}
        return bool(self.bound.stages) or any(name.removeprefix("customer.") in OF_CUSTOMER for name in said)

    def _reads_golden(self) -> bool:
        said = {name for name in (*self.rule.when, *self.rule.unless) if name.startswith("customer.")}
        return any(name.removeprefix("customer.") not in OF_CUSTOMER for name in said)

    def _gate(self, work: Work) -> str:
        """Only what has passed the gate: the stage after which it must be in order was entered."""
        rank = RANK[self.rule.gate]
        stages = ", ".join(text(stage) for stage, place in RANK.items() if rank <= place < RANK["lost"])
        if self.is_touchpoint:
            later = work.kinds(lambda kind: kind.enters is not None and rank <= RANK[kind.enters] < RANK["lost"])
            return (
                "s.record_id IN (SELECT x.root FROM chain x JOIN touchpoint l ON l.record_id = x.record_id "
                f"WHERE l.kind IN {later})"
            )
        return f"s.no IN (SELECT no FROM path WHERE stage IN ({stages}))"

    def _conditions(self) -> list[str]:
        found = []
        for given, negated in ((self.rule.when, False), (self.rule.unless, True)):
            for name, values in given.items():
                listed = ", ".join(text(value.lower()) for value in values)
                column = self.text_of(name)
                if self.kind_of(name).multi:
                    fits = f"len(list_filter(coalesce({self.column(name)}, []), x -> lower(x) IN ({listed}))) > 0"
                else:
                    fits = f"coalesce(lower({column}) IN ({listed}), FALSE)"
                found.append(f"NOT {fits}" if negated else fits)
        return found

    def kind_of(self, name: str) -> Attribute:
        """The attribute of a name in a rule."""
        head, _, rest = name.rpartition("customer.")
        plain = rest if name.startswith("customer.") else name
        if (head or name.startswith("customer.") or self.about == "customer") and plain in OF_CUSTOMER:
            return Attribute(plain)
        if name.startswith("customer."):
            return self.customer_attributes[plain]
        return self.attributes[plain]

    def column(self, name: str) -> str:
        """The column of an attribute, in the type in which it is compared."""
        plain = name.removeprefix("customer.")
        if (name.startswith("customer.") or self.about == "customer") and plain in OF_CUSTOMER:
            return f"c.{plain}"
        if name.startswith("customer."):
            return f'g."a_{plain}"'
        if self.is_record:
            return f's."a_{name}"'
        kind = {"number": "DOUBLE", "date": "DATE"}.get(self.attributes[name].type)
        return f'TRY_CAST(s."a_{name}" AS {kind})' if kind else f's."a_{name}"'

    def stored(self, name: str) -> str:
        """The column of an attribute as it is stored."""
        return f's."a_{name}"' if not name.startswith("customer.") else self.column(name)

    def text_of(self, name: str) -> str:
        """An attribute as it is shown and compared with words."""
        kind, column = self.kind_of(name), self.column(name)
        if kind.multi:
            return f"array_to_string({column}, ' | ')"
        if kind.type == "number":
            return f"regexp_replace(CAST({column} AS VARCHAR), '\\.0$', '')"
        return f"CAST({column} AS VARCHAR)"

    def has(self, name: str) -> str:
        """Whether an attribute has a value, readable or not."""
        kind, column = self.kind_of(name), self.stored(name)
        if kind.multi:
            return f"(coalesce(len({column}), 0) > 0)"
        if self.is_record and kind.type in ("number", "date"):
            return f"({column} IS NOT NULL OR contains(coalesce(s.reasons, ''), '\"{name}\":'))"
        return f"({column} IS NOT NULL)"

    def began(self) -> str:
        """The day from which time counts: of the touchpoint, or of the customer's coming into the stage."""
        if self.is_touchpoint:
            return "s.a_occurred_at"
        return "c.since" if not self.is_record else "s.recorded"

    def add(self, columns: str, where: Iterable[str] = (), joins: str = "") -> None:
        """Add violations; `columns` are field, value, part, since, due, until in SQL."""
        record = "s.record_id" if self.is_record or self.about == "contact" else "NULL"
        person = "s.person_id" if self.about == "contact" else "NULL"
        self.work.sql(
            f"INSERT INTO violation SELECT {self.number}, {record}, s.no, {person}, {columns} "
            f"{self.source(where, joins)}"
        )


def subject_of(work: Work, bound: BoundRule, number: int) -> Subject:
    """The subject of a rule under the work's configuration."""
    about = bound.rule.about
    config = work.config
    own = dict(config.attributes_of(ENTITY_OF.get(about, "touchpoint")))
    if about == "customer":
        own = {**config.attributes_of("person"), **own}
    return Subject(work, bound, number, own, config.attributes_of("organization"))


def role_of(contracts: Contracts, stage: str) -> str | None:
    """The role that is in charge of a stage."""
    contract = contracts.stages.get(stage)  # type: ignore[call-overload]  # keys are of a Literal type, any text may be asked
    return None if contract is None else str(contract.owner)


def same_customer(left: str, right: str) -> str:
    """Whether two touchpoints are of one customer, as far as both have one."""
    return f"({left}.no IS NULL OR {right}.no IS NULL OR {left}.no = {right}.no)"
