"""The text of a configuration file as plain values: YAML (or JSON), no key twice, environment variables expanded."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Hashable, Mapping
from pathlib import Path
from typing import Any

import yaml

from models.config.mistakes import Loc, Mistake, nearest
from models.errors import ConfigError

_VARIABLE = re.compile(r"\$?\$\{([^{}]*)\}")
_VARIABLE_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


class _KeyTwice(yaml.MarkedYAMLError):
    pass


class _NoDate(yaml.MarkedYAMLError):
    pass


class _Loader(yaml.SafeLoader):
    """SafeLoader that refuses a key given twice, where YAML would silently keep the last."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        seen: set[str] = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode) and key.value != "<<":
                if key.value in seen:
                    raise _KeyTwice(problem=f"key '{key.value}' is given twice", problem_mark=key.start_mark)
                seen.add(key.value)
        return super().construct_mapping(node, deep)


def _timestamp(loader: _Loader, node: yaml.ScalarNode) -> Any:
    """A date or a moment; one that does not exist is told with its line."""
    try:
        return yaml.SafeLoader.construct_yaml_timestamp(loader, node)
    except ValueError as error:
        problem = f"'{node.value}' is no date: {error}; put it in quotes if it is text"
        raise _NoDate(problem=problem, problem_mark=node.start_mark) from None


_Loader.add_constructor("tag:yaml.org,2002:timestamp", _timestamp)


def parse(text: str, file: str) -> dict[str, Any]:
    """The document as a mapping. Raises ConfigError with the line of the mistake."""
    if text.lstrip().startswith("{"):
        # JSON allows what YAML forbids (tabs, escaped slashes, surrogate pairs), so it is tried as what it looks like.
        try:
            return _mapping(json.loads(text, object_pairs_hook=_once), file)
        except json.JSONDecodeError as error:
            if file.endswith(".json"):
                raise ConfigError(f"line {error.lineno}, column {error.colno}: {error.msg}", file=file) from None
        except _KeyTwice as error:
            raise ConfigError(str(error.problem), file=file) from None
    try:
        return _mapping(yaml.load(text, Loader=_Loader), file)  # _Loader is a SafeLoader
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
        said = error.problem or "is not YAML"
        if "<block end>" in said:  # how the parser says that a line stands further left or right than its neighbours
            said += "; is the line indented as its neighbours are?"
        raise ConfigError(f"{where}{said}", file=file) from None
    except yaml.YAMLError as error:
        raise ConfigError("is not YAML: " + " ".join(str(error).split()), file=file) from None
    except ValueError as error:  # a date such as 2024-02-31
        raise ConfigError(f"is not YAML: {error}", file=file) from None


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise _KeyTwice(problem=f"key '{key}' is given twice")
        found[key] = value
    return found


def _mapping(value: Any, file: str) -> dict[str, Any]:
    if value is None:
        raise ConfigError("is empty", file=file)
    if not isinstance(value, dict):
        raise ConfigError("expected a mapping (key: value) at the top", file=file)
    checked: dict[str, Any] = _text_keys(value)
    return checked


def _text_keys(value: Any) -> Any:
    """Keys as text: YAML reads `no:` or `1:` as something else, and pydantic's messages name keys."""
    if isinstance(value, dict):
        return {_key(key): _text_keys(item) for key, item in value.items()}
    return [_text_keys(item) for item in value] if isinstance(value, list) else value


def _key(key: object) -> str:
    return str(key).lower() if isinstance(key, bool) else str(key)


def expand(value: Any, environment: Mapping[str, str] | None = None) -> tuple[Any, list[Mistake]]:
    """The document with `${NAME}` replaced from the environment, and a mistake per name that is not set.

    Where NAME is not set and NAME_FILE names a file, as secrets of Docker and Kubernetes come, its content is taken,
    without the end of its last line. `$${NAME}` stands for the text `${NAME}`. Keys are not expanded. What is not set
    stays as it is.
    """
    mistakes: list[Mistake] = []
    return _expand(value, (), os.environ if environment is None else environment, mistakes), mistakes


def _expand(value: Any, loc: Loc, environment: Mapping[str, str], mistakes: list[Mistake]) -> Any:
    if isinstance(value, dict):
        return {key: _expand(item, (*loc, key), environment, mistakes) for key, item in value.items()}
    if isinstance(value, list):
        return [_expand(item, (*loc, i), environment, mistakes) for i, item in enumerate(value)]
    if not isinstance(value, str):
        return value

    def replaced(match: re.Match[str]) -> str:
        whole, name = match.group(0), match.group(1)
        if whole.startswith("$$"):
            return whole[1:]
        if not _VARIABLE_NAME.fullmatch(name):
            mistakes.append(Mistake(loc, f"'{whole}' names no environment variable"))
        elif name in environment:
            return environment[name]
        elif file := environment.get(f"{name}_FILE"):
            try:
                return Path(file).read_text(encoding="utf-8").rstrip("\r\n")
            except (OSError, UnicodeDecodeError) as error:
                why = error.strerror if isinstance(error, OSError) else "is no UTF-8"
                mistakes.append(Mistake(loc, f"the file that {name}_FILE names cannot be read: {why}"))
        else:
            mistakes.append(Mistake(loc, f"environment variable {name} is not set", nearest(name, environment)))
        return whole

    return _VARIABLE.sub(replaced, value)
