"""`Matcher`: one record against the hub, while somebody waits.

Standardise the record, make its match keys, read the records under them, score those with the compiled model, and group
them by golden record. What it says is what a run that brought the record would find: the same standard values, keys,
block caps, contact roles and weights.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import orjson

from matching.in_use import rules_in_use
from matching.model.compiled import DIGITS
from matching.realtime.answer import MatchAnswer
from matching.realtime.candidates import Asked, candidates_of
from matching.realtime.contacts import ContactRoles
from matching.realtime.question import checked_entity, standard_of, texts_of
from matching.realtime.ranking import Words, ranked
from matching.realtime.rules import Rules
from matching.said import said_by_tables, said_of
from matching.standardise.schema import PARSER_VERSION
from models.config import Config
from models.errors import ConfigError, ModelError
from models.store import Store
from models.store.lookup import Lookup, looking
from models.vocabulary import record_id

Edge = tuple[int, int, float]
BELOW_REVIEW = 6.0
"""Golden records are answered down to this many bits below the weight from which stewards see a pair."""


class Matcher:
    """Answers which golden records a record may be of. Made once, used from any number of threads.

    Reads the hub store in one snapshot per question, so that an answer rests on one published state; a newly published
    state or model is noticed by the next question. Writes nothing. The model is the one that the published state rests
    on: one that was published since, and that no run has applied, is not used yet.
    """

    def __init__(self, store: Store, config: Config):
        self._store, self._config = store, config
        self._rules = rules_in_use(store, config)

    def match(
        self, entity: str, record: Mapping[str, Any], *, limit: int = 10, at_least: float | None = None
    ) -> MatchAnswer:
        """The golden records that a record may be of, the best first, at most `limit`.

        `record` holds canonical attributes of the entity type (`organization` or `person`) and those that the
        configuration adds: text, numbers, or lists of text where an attribute has several values. Golden records
        below `at_least` bits (default: `BELOW_REVIEW` bits under the weight from which stewards see a pair) are left
        out. A value that cannot be used is named in `problems` of the answer.

        Raises ConfigError for an unknown entity type or attribute, or a value of the wrong kind; ModelError where the
        hub has no published state with a model yet; StoreError where the store cannot be read.
        """
        config = self._config
        texts = texts_of(config, checked_entity(entity), record)
        standard, problems = standard_of(config, entity, texts)
        # As a rule the rules of the last question hold: under them the first look goes out with the snapshot.
        last = self._rules.last(entity) if self._store.dialect == "postgresql" else None
        question = None if last is None else Asked.of(last, standard)
        ahead = None if question is None else question.ahead()
        with looking(self._store.database, ahead) as lookup:
            run_id, rules, notes = self._state(lookup, entity)
            if question is None or question.rules is not rules:
                question = Asked.of(rules, standard)
            asked, roles = question.features, question.roles
            found = candidates_of(lookup, question)
            words = self._words(lookup, entity)
            matches = ranked(lookup, rules, asked, roles, found, None, limit, _floor(rules, at_least), words)
        return MatchAnswer(
            entity, run_id, rules.model.model_id, len(found.records), matches, found.cut, problems, notes
        )

    def keys(self, entity: str, standard: Mapping[str, Any]) -> list[int]:
        """The match keys of a record of these standard values, under which the hub's next questions will find it.

        Raises ModelError where the hub has no published state with a model yet.
        """
        with looking(self._store.database) as lookup:
            _, rules, _ = self._state(lookup, entity)
        return list(dict.fromkeys(key.key for key in rules.keys(rules.features(standard, ContactRoles(rules)))))

    def edges(self, entity: str, number: int, standard: Mapping[str, Any], records: Collection[int]) -> list[Edge]:
        """What a run would keep of a record of these standard values and others of the hub, which it will find again:
        left_id, right_id, weight of the pairs from which on stewards see one.

        Raises ModelError where the hub has no published state with a model yet.
        """
        with looking(self._store.database) as lookup:
            _, rules, _ = self._state(lookup, entity)
            roles = ContactRoles(rules)
            asked = rules.features(standard, roles)
            held = {i: rules.features(orjson.loads(text), roles) for i, text in lookup.standards(sorted(records))}
            roles.learn(lookup, [asked, *held.values()])
            found = [
                (min(number, i), max(number, i), round(rules.compiled.weight(asked, other), DIGITS))
                for i, other in held.items()
                if i != number
            ]
        return [edge for edge in found if edge[2] >= rules.declaration.review]

    def match_source(
        self, source: str, source_key: str, *, stream: str | None = None, limit: int = 10, at_least: float | None = None
    ) -> MatchAnswer:
        """`match` for a source record that the hub holds, by its key; its own golden record is marked as `own`.

        The record itself is not compared; of its own golden record the other members are. `stream` is needed where
        several streams of the source hold the key.

        Raises as `match`, and ConfigError where there is no such record, or where it is deleted.
        """
        with looking(self._store.database) as lookup:
            number, entity, text = self._held(lookup, source, source_key, stream)
            run_id, rules, notes = self._state(lookup, entity)
            question = Asked.of(rules, orjson.loads(text), number)
            asked, roles = question.features, question.roles
            found = candidates_of(lookup, question)
            words = self._words(lookup, entity)
            matches = ranked(lookup, rules, asked, roles, found, number, limit, _floor(rules, at_least), words)
        problems = orjson.loads(asked["reasons"]) if isinstance(asked["reasons"], str) else asked["reasons"] or {}
        return MatchAnswer(
            entity, run_id, rules.model.model_id, len(found.records), matches, found.cut, problems, notes
        )

    def _state(self, lookup: Lookup, entity: str) -> tuple[str, Rules, list[str]]:
        """The published run, the rules that it rests on, and what is to be noted about them."""
        run_id = lookup.last_run()
        if run_id is None:
            raise ModelError("nothing is published yet; 'kehu run' publishes golden records")
        rules = self._rules.within(lookup, entity)
        if rules is None:
            raise ModelError(f"the hub has no match model for {entity} yet; 'kehu run' trains one")
        version = self._rules.standing(lookup, run_id).get("parser", {}).get("version")
        notes = []
        if version is not None and version != PARSER_VERSION:
            notes.append("the hub's records were standardised by another version of Kehu; the next run renews them")
        return run_id, rules, notes

    def _words(self, lookup: Lookup, entity: str) -> Words:
        """What stewards and the tables of overrides say about records."""
        return lambda ids: said_of(lookup.decided(ids), entity, tables=said_by_tables(self._config, entity))

    def _held(self, lookup: Lookup, source: str, source_key: str, stream: str | None) -> tuple[int, str, str]:
        """Number, entity type and standard values of a source record."""
        places = [
            t
            for s, t in self._config.streams("organization", "person")
            if s.name == source and (stream is None or t.name == stream)
        ]
        if not places:
            named = f"{source}.{stream}" if stream else source
            raise ConfigError(f"no stream of '{named}' delivers organizations or persons")
        numbers = {record_id(source, t.name, source_key): t.name for t in places}
        held = {number: row for number in numbers if (row := lookup.record(number)) is not None}
        living = {number: row for number, row in held.items() if not row.deleted and row.standard is not None}
        if len(living) > 1:
            names = ", ".join(numbers[number] for number in living)
            raise ConfigError(f"source {source} has the key '{source_key}' in several streams ({names}); name one")
        for number, row in living.items():
            return number, row.entity_type, str(row.standard)
        said = "is deleted" if held else "is not in the hub"
        raise ConfigError(f"the record {source}{'.' + stream if stream else ''}:{source_key} {said}")


def _floor(rules: Rules, at_least: float | None) -> float:
    return rules.declaration.review - BELOW_REVIEW if at_least is None else at_least
