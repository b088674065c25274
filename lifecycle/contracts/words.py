"""Every rule in words, in English and Chinese, made from the rule itself so that they cannot say anything else."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from lifecycle.contracts.bound import BoundRule, Readable, Stuck, Unclosed, bound_rules
from lifecycle.contracts.document import Contracts
from lifecycle.contracts.kinds import STAGES, Words
from lifecycle.contracts.rules import (
    Base,
    Consistent,
    Count,
    Followed,
    FormatRule,
    Presence,
    Range,
    Recent,
    Reference,
    Sql,
)
from lifecycle.contracts.rules import (
    Sequence as InOrder,
)
from lifecycle.contracts.terms import ATTRIBUTES, FORMS, MATCH, PERIODS, THINGS, VALUES


class _Language:
    """The names of things in one language."""

    def __init__(self, contracts: Contracts, index: int):
        self.contracts, self.index, self.code = contracts, index, ("en", "zh")[index]

    def thing(self, name: str) -> str:
        return THINGS[name][self.index] if name in THINGS else self.contracts.label(name, self.code)

    def field(self, name: str) -> str:
        head, _, rest = name.rpartition("customer.")
        told = ATTRIBUTES[rest][self.index] if rest in ATTRIBUTES else rest
        return told if not name.startswith("customer.") else ("customer's " + told, "客户" + told)[self.index]

    def stages(self, names: Sequence[str]) -> str:
        """Stages, neighbours drawn together."""
        labels = [self._label(self.contracts.stages, name) for name in names]
        places = [list(STAGES).index(name) for name in names if name in STAGES]
        if len(places) == len(names) > 2 and places == list(range(places[0], places[0] + len(places))):
            return (f"between {labels[0]} and {labels[-1]}", f"{labels[0]}至{labels[-1]}")[self.index]
        return self._joined(labels, (" or ", "或"))

    def value(self, attribute: str, value: str) -> str:
        """A value of an attribute."""
        match attribute.removeprefix("customer."):
            case "segment":
                return self._label(self.contracts.segments, value)
            case "stage":
                return self._label(self.contracts.stages, value)
            case "role" if value in self.contracts.team_roles:
                return str(getattr(self.contracts.team_roles[value], self.code))
        return VALUES.get(value, value) if self.index else value

    def _label(self, part: Mapping[Any, Any], name: str) -> str:
        return str(getattr(part[name].label, self.code)) if name in part else name

    def one(self, name: str) -> str:
        """With its article."""
        thing = self.thing(name)
        return thing if self.index else f"{'an' if thing[0] in 'aeiou' else 'a'} {thing}"

    def ones(self, names: Sequence[str]) -> str:
        return self._joined([self.one(name) for name in names], (" or ", "或"))

    def many(self, names: Sequence[str]) -> str:
        """In the plural."""
        if self.index:
            return self.things(names)
        return self._joined([_plural(self.thing(name)) for name in names], (" or ", "或"))

    def things(self, names: Sequence[str], last: tuple[str, str] = (" or ", "或")) -> str:
        return self._joined([self.thing(name) for name in names], last)

    def fields(self, names: Sequence[str]) -> str:
        return self._joined([self.field(name) for name in names], (" and ", "和"))

    def _joined(self, names: list[str], last: tuple[str, str]) -> str:
        if len(names) < 2:
            return "".join(names)
        return (", ", "、")[self.index].join(names[:-1]) + last[self.index] + names[-1]

    def where(self, bound: BoundRule) -> str:
        """The conditions, as something to put behind the subject."""
        rule, parts = bound.rule, []
        for given, (en, zh) in ((rule.when, (" is ", "为")), (rule.unless, (" is not ", "不为"))):
            for name, values in given.items():
                known = [self.value(name, value) for value in values]
                parts.append(self.field(name) + (en, zh)[self.index] + self._joined(known, (" or ", "或")))
        if bound.stages and rule.about in ("customer", "contact"):
            stages = self.stages(bound.stages)
            whose = "customer's stage is " if rule.about == "contact" else "stage is "
            parts.append(
                (whose + stages, ("客户" if rule.about == "contact" else "") + "处于" + stages + "阶段")[self.index]
            )
        if not parts:
            return ""
        return (" whose " + " and ".join(parts), "（" + "，".join(parts) + "）")[self.index]

    def number(self, value: float) -> str:
        return f"{value:,.15g}"


def explain(bound: BoundRule, contracts: Contracts) -> Words:
    """What a rule says, as a sentence in each language."""
    english, chinese = _Language(contracts, 0), _Language(contracts, 1)
    told = _SENTENCES[type(bound.rule)](bound, english), _SENTENCES[type(bound.rule)](bound, chinese)
    gate = bound.rule.gate
    if gate:
        told = (
            f"Before {english.stages([gate])}: {told[0][0].lower()}{told[0][1:]}",
            f"进入{chinese.stages([gate])}阶段前：{told[1]}",
        )
    return Words(en=told[0], zh=told[1])


def _plural(thing: str) -> str:
    head, of, tail = thing.partition(" of ")
    return f"{head[:-1]}ies{of}{tail}" if head.endswith("y") else f"{head}s{of}{tail}"


def _of(rule: Base, bound: BoundRule, say: _Language) -> str:
    """The subject with its conditions."""
    return f"{say.thing(rule.about)}{say.where(bound)}"


def _presence(bound: BoundRule, say: _Language) -> str:
    rule: Any = bound.rule
    of, fields = _of(rule, bound, say), say.fields(rule.fields)
    days = rule.after_days
    if say.index:
        return f"每个{of}{f'在 {days} 天内' if days else ''}必须填写{fields}。"
    return f"Every {of} has {fields}{f' within {days} days' if days else ''}."


def _format(bound: BoundRule, say: _Language) -> str:
    rule: Any = bound.rule
    of, field = _of(rule, bound, say), say.field(rule.field)
    if rule.form:
        form = FORMS[rule.form][say.index]
    elif rule.pattern:
        form = (f"text of the form {rule.pattern}", f"符合格式 {rule.pattern} 的文本")[say.index]
    else:
        form = say._joined([say.value(rule.field, v) for v in rule.one_of], (" or ", "或"))
    return (f"The {field} of every {of} is {form}.", f"每个{of}的{field}应为{form}。")[say.index]


def _range(bound: BoundRule, say: _Language) -> str:
    rule: Any = bound.rule
    of, field = _of(rule, bound, say), say.field(rule.field)
    low, high = rule.min, rule.max
    parts: list[tuple[str, str]] = []
    if low is not None and high is not None:
        parts.append(
            (
                f"lies between {say.number(low)} and {say.number(high)}",
                f"应在 {say.number(low)} 与 {say.number(high)} 之间",
            )
        )
    elif low is not None:
        parts.append((f"is at least {say.number(low)}", f"不少于 {say.number(low)}"))
    elif high is not None:
        parts.append((f"is at most {say.number(high)}", f"不超过 {say.number(high)}"))
    if rule.not_before:
        parts.append((f"is not before its {say.field(rule.not_before)}", f"不早于{say.field(rule.not_before)}"))
    if rule.not_after:
        parts.append((f"is not after its {say.field(rule.not_after)}", f"不晚于{say.field(rule.not_after)}"))
    if say.index:
        return f"每个{of}的{field}{'且'.join(zh for _, zh in parts)}。"
    return f"The {field} of every {of} {' and '.join(en for en, _ in parts)}."


def _reference(bound: BoundRule, say: _Language) -> str:
    rule: Any = bound.rule
    of = _of(rule, bound, say)
    if rule.to == ["customer"]:
        return (f"Every {of} belongs to a known customer.", f"每个{of}必须属于已知的客户。")[say.index]
    if rule.to == ["delivered_vehicle"]:
        if say.index:
            return f"每个{of}的车辆{'（如有）' if rule.optional else ''}必须已交付给该客户。"
        return (
            f"The vehicle of every {of}{', if it names one,' if rule.optional else ''} was delivered to this customer."
        )
    same = rule.same_customer and not set(rule.to) & set(THINGS)
    if say.index:
        kept = f"已知的{'同一客户的' if same else ''}{say.things(rule.to)}"
        return f"每个{of}如关联其他单据，应为{kept}。" if rule.optional else f"每个{of}必须关联{kept}。"
    behind = " of the same customer" if same else ""
    if rule.optional:
        return f"If a {of} refers to anything, it is {say.ones(rule.to)}{behind} that is known."
    return f"Every {of} refers to {say.ones(rule.to)}{behind} that is known."


def _sequence(bound: BoundRule, say: _Language) -> str:
    rule: Any = bound.rule
    of, before = _of(rule, bound, say), say.things(rule.not_before)
    days = rule.tolerance_days
    if say.index:
        return f"每个{of}不得早于其{before}{f'（{days} 天以内的差异除外）' if days else ''}。"
    return f"No {of} is earlier than its {before}{f' (by more than {days} days)' if days else ''}."


def _followed(bound: BoundRule, say: _Language) -> str:
    rule: Any = bound.rule
    of, by, days = _of(rule, bound, say), say.things(rule.by), rule.within_days
    since, match = say.field(rule.since), MATCH[rule.match][say.index]
    if say.index:
        return f"每个{of}的{since}起 {days} 天内应有{by}{match}。"
    by = say.ones(rule.by)
    return f"Every {of} is followed by {by}{match} within {days} days of its {since}."


def _count(bound: BoundRule, say: _Language) -> str:
    rule: Any = bound.rule
    of, what, grace = _of(rule, bound, say), say.things(rule.of), rule.after_days
    bounds: list[tuple[str, str]] = []
    if rule.at_least is not None:
        bounds.append((f"at least {rule.at_least}", f"至少 {rule.at_least} 个"))
    if rule.at_most is not None:
        bounds.append((f"at most {rule.at_most}", f"至多 {rule.at_most} 个"))
    per = PERIODS[rule.per][say.index] if rule.per else ""
    if say.index:
        when = f"{f'每{per}' if per else ''}{f'在 {grace} 天后' if grace else ''}"
        return f"每个{of}{when}应有{'、'.join(zh for _, zh in bounds)}{what}。"
    after = f", {grace} days after it began" if grace else ""
    what = say.things(rule.of) if rule.at_least == 1 else say.many(rule.of)
    return f"Every {of} has {' and '.join(e for e, _ in bounds)} {what}{f' per {per}' if per else ''}{after}."


def _recent(bound: BoundRule, say: _Language) -> str:
    rule: Any = bound.rule
    of, what = _of(rule, bound, say), say.things(rule.of)
    return (
        f"Every {of} has had {say.ones(rule.of)} within the last {rule.days} days.",
        f"每个{of}最近 {rule.days} 天内应有{what}。",
    )[say.index]


def _consistent(bound: BoundRule, say: _Language) -> str:
    rule: Any = bound.rule
    of, field, by = _of(rule, bound, say), say.field(rule.field), say.field(rule.by)
    slack = ""
    if rule.tolerance:
        share = (
            f"{rule.tolerance:.0%}"
            if rule.tolerance < 1
            else ("{:g} days", "{:g} 天")[say.index].format(rule.tolerance)
        )
        slack = (f" within {share}", f"（允许相差 {share}）")[say.index]
    return (
        f"Systems that know the same {of} (by {by}) agree on its {field}{slack}.",
        f"各系统中同一{of}（按{by}识别）的{field}应一致{slack}。",
    )[say.index]


def _sql(bound: BoundRule, say: _Language) -> str:
    rule: Any = bound.rule
    return str(rule.words[say.code])


def _readable(bound: BoundRule, say: _Language) -> str:
    of = say.thing(bound.rule.about)
    return (f"Every date and number of {say.one(bound.rule.about)} can be read.", f"{of}中的日期与数字必须可以识别。")[
        say.index
    ]


def _unclosed(bound: BoundRule, say: _Language) -> str:
    rule: Any = bound.rule
    of = _of(rule, bound, say)
    if rule.since == "due_at":
        return (
            f"Every {of} is closed within {rule.days} days of its due date.",
            f"每个{of}应在计划日期后 {rule.days} 天内关闭。",
        )[say.index]
    return (f"Every {of} is closed within {rule.days} days.", f"每个{of}应在 {rule.days} 天内关闭。")[say.index]


def _stuck(bound: BoundRule, say: _Language) -> str:
    rule: Any = bound.rule
    stage = say.stages([str(bound.stage)])
    return (
        f"No customer stays in stage {stage} for more than {rule.days} days.",
        f"客户停留在{stage}阶段不得超过 {rule.days} 天。",
    )[say.index]


_SENTENCES: dict[type[Base], Callable[[BoundRule, _Language], str]] = {
    Presence: _presence,
    FormatRule: _format,
    Range: _range,
    Reference: _reference,
    InOrder: _sequence,
    Followed: _followed,
    Count: _count,
    Recent: _recent,
    Consistent: _consistent,
    Sql: _sql,
    Readable: _readable,
    Unclosed: _unclosed,
    Stuck: _stuck,
}


def rules_in_words(contracts: Contracts) -> list[dict[str, Any]]:
    """Every rule: id, stage, owner, severity, dimension, and what it says in both languages."""
    found = []
    for bound in bound_rules(contracts):
        words = explain(bound, contracts)
        stage = contracts.stages.get(bound.stage) if bound.stage else None  # type: ignore[call-overload]  # keys are of a Literal type, any text may be asked
        found.append(
            {
                "rule": bound.id,
                "stage": bound.stage,
                "owner": None if stage is None else stage.owner,
                "severity": bound.severity,
                "dimension": bound.dimension,
                "en": words.en,
                "zh": words.zh,
            }
        )
    return found
