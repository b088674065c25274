"""From what pydantic found to lines that a user can act on: file, key, what is wrong, and the nearest valid name.

Used for `kehu.yaml` here and by connectors for the options that they declare themselves.
"""

from __future__ import annotations

import types
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails
from rapidfuzz import fuzz, process

from models.errors import ConfigError

Loc = tuple[str | int, ...]
UNKNOWN_KEY = "unknown key"
ABSENT = ("is required", "names no source")
"""How the messages about keys begin that are not there."""

_EXPECTED = {
    "string_type": "text",
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "float_parsing": "a number",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "list_type": "a list",
    "dict_type": "a mapping (key: value)",
    "model_type": "a mapping (key: value)",
    "path_type": "a path",
    "url_type": "a URL",
}
_LIMITS = {
    "greater_than": ("gt", "must be above"),
    "greater_than_equal": ("ge", "must be at least"),
    "less_than": ("lt", "must be below"),
    "less_than_equal": ("le", "must be at most"),
}


@dataclass(frozen=True)
class Mistake:
    """One mistake before it is tied to a file."""

    loc: Loc
    message: str
    nearest: str | None = None

    def error(self, file: str | None) -> ConfigError:
        """The mistake as an error of that file."""
        return ConfigError(self.message, file=file, key=key_of(self.loc) or None, nearest=self.nearest)


def nearest(name: str, valid: Iterable[str]) -> str | None:
    """The valid name that the user most likely meant, or None when none is close."""
    found = process.extractOne(name.lower(), list(valid), scorer=fuzz.ratio, processor=str.lower, score_cutoff=60)
    return str(found[0]) if found else None


def unknown(noun: str, name: str, valid: Iterable[str]) -> tuple[str, str | None]:
    """(message, nearest) for a name that is not among the valid ones; lists them when none is close."""
    names = list(valid)
    close = nearest(name, names)
    if close or not names:
        return f"unknown {noun}", close
    return f"unknown {noun}; valid: {', '.join(names)}", None


def key_of(loc: Sequence[str | int]) -> str:
    """`sources[0].streams[1].fields` for ("sources", 0, "streams", 1, "fields")."""
    text = ""
    for part in loc:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text


def at(raw: Any, loc: Loc) -> Any:
    """The value at this place of a parsed document, or None."""
    for part in loc:
        try:
            raw = raw[part]
        except (KeyError, IndexError, TypeError):
            return None
    return raw


def mistakes_of(
    error: ValidationError, model: type[BaseModel], *, file: str | None = None, prefix: Sequence[str | int] = ()
) -> list[ConfigError]:
    """One ConfigError per mistake that pydantic found in the options of `model`.

    `prefix` is the place of these options in the file, such as ("sources", 0, "connector"). Values are not shown, since
    they may be secrets that came from the environment.
    """
    return [Mistake((*prefix, *m.loc), m.message, m.nearest).error(file) for m in translate(error, model)]


def translate(error: ValidationError, model: type[BaseModel], raw: Any = None) -> list[Mistake]:
    """The mistakes that pydantic found. `raw` is the document before expansion, from which wrong values are quoted."""
    found: dict[Loc, Mistake] = {}
    for detail in error.errors(include_url=False):
        mistake = _mistake(detail, model, raw)
        found.setdefault(mistake.loc, mistake)  # of a union's members the first speaks
    return told_once(list(found.values()))


def told_once(mistakes: list[Mistake]) -> list[Mistake]:
    """The mistakes without those of keys that are missing only because they are misspelt, which is told already."""
    meant = {(*m.loc[:-1], m.nearest) for m in mistakes if m.message == UNKNOWN_KEY and m.nearest}
    return [m for m in mistakes if m.loc not in meant or not m.message.startswith(ABSENT)]


def _mistake(detail: ErrorDetails, model: type[BaseModel], raw: Any) -> Mistake:
    kind, context = detail["type"], detail.get("ctx", {})
    loc, within = _untagged(model, tuple(part for part in detail["loc"] if part != "[key]"))
    # Unions that another key chooses put their own words to it.
    by_type = context.get("discriminator") == "'type'"
    if kind == "union_tag_invalid" and by_type:
        tags = _literals(context["expected_tags"])
        message, close = unknown("type", str(context["tag"]), tags)
        return Mistake((*loc, "type"), message, close)
    if kind == "union_tag_not_found" and by_type:
        return Mistake((*loc, "type"), "is required")
    if kind == "extra_forbidden":
        return Mistake(loc, *unknown("key", str(loc[-1]), _keys(within)))
    if kind == "literal_error":
        # A key of a mapping is at fault by itself; a value is quoted, since the line shows only its key.
        value, valid = detail["input"], [v for v in _literals(context.get("expected", ""))]
        if "[key]" in detail["loc"]:
            return Mistake(loc, *unknown("entity type", str(value), valid))
        noun = {"entity": "entity type", "family": "family", "rule": "rule", "survivorship": "rule"}.get(str(loc[-1]))
        message, close = unknown(noun or "value", str(value), valid)
        head, _, tail = message.partition(";")
        return Mistake(loc, f"{head} {_shown(value, loc, raw)}{';' + tail if tail else ''}", close)
    if kind == "missing":
        return Mistake(loc, "is required")
    if kind in _EXPECTED:
        return Mistake(loc, f"expected {_EXPECTED[kind]}, got {_shown(detail['input'], loc, raw)}")
    if kind in _LIMITS:
        name, words = _LIMITS[kind]
        return Mistake(loc, f"{words} {context[name]:g}, got {_shown(detail['input'], loc, raw)}")
    if kind == "too_short":
        return Mistake(loc, "must not be empty")
    if kind == "string_pattern_mismatch":
        return Mistake(loc, f"{_shown(detail['input'], loc, raw)} is not of the form {context['pattern']}")
    return Mistake(loc, detail["msg"])


def _literals(expected: str) -> list[str]:
    return [part.strip().strip("'") for part in expected.replace(" or ", ", ").split(",") if part.strip()]


def _shown(value: Any, loc: Loc, raw: Any) -> str:
    """The value as the user wrote it; only its type when the text of the document is not at hand."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "true or false (put it in quotes if it is text)"
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list):
        return "a list"
    written = at(raw, loc)
    if written is None and isinstance(at(raw, loc[:-1]), str):
        written = at(raw, loc[:-1])  # the short form of what became a mapping
    if written is None:
        return "text" if isinstance(value, str) else str(value)
    text = str(written)
    return f"'{text if len(text) <= 60 else text[:57] + '…'}'"


def _untagged(model: type[BaseModel], loc: Loc) -> tuple[Loc, Any]:
    """The place without the tags that pydantic names where a key `type` chooses a model, and what its parent may be."""
    kind: Any = model
    kept: list[str | int] = []
    parent: Any = model
    for part in loc:
        tagged = _tagged(kind, part)
        if tagged is not None:
            kind = tagged
            continue
        parent, kind = kind, _step(kind, part)
        kept.append(part)
    return tuple(kept), parent


def _tagged(kind: Any, part: str | int) -> Any:
    """The member of a union whose `type` is this word, where the word is no key of any."""
    models = [m for m in _members(kind) if isinstance(m, type) and issubclass(m, BaseModel)]
    if len(models) < 2 or any(part in m.model_fields for m in models):
        return None
    return next(
        (m for m in models if "type" in m.model_fields and part in get_args(m.model_fields["type"].annotation)), None
    )


def _keys(kind: Any) -> list[str]:
    """The keys that are valid in what may stand at a place."""
    for member in _members(kind):
        if isinstance(member, type) and issubclass(member, BaseModel):
            return [field.alias or name for name, field in member.model_fields.items()]
    return []


def _step(kind: Any, part: str | int) -> Any:
    for member in _members(kind):
        if isinstance(member, type) and issubclass(member, BaseModel):
            field = member.model_fields.get(str(part))
            return field.annotation if field else None
        if get_origin(member) in (list, tuple) and isinstance(part, int):
            return get_args(member)[0]
        if get_origin(member) is dict:
            return get_args(member)[1]
    return None


def _members(kind: Any) -> list[Any]:
    """The alternatives of a type, without annotations and None."""
    if get_origin(kind) is Annotated:
        return _members(get_args(kind)[0])
    if get_origin(kind) in (Union, types.UnionType):
        return [m for arg in get_args(kind) for m in _members(arg)]
    return [] if kind is type(None) else [kind]
