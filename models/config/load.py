"""From the path of `kehu.yaml` to a Config, or to every mistake in it at once."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from models.config.checks import cross_checks
from models.config.document import expand, parse
from models.config.mistakes import Loc, Mistake, nearest, told_once, translate
from models.config.root import Config
from models.errors import ConfigError, ConfigErrors


def load_config(path: str | Path, *, bare: str | None = None) -> Config:
    """Read and check a configuration file.

    `bare` names a source whose streams do not count: it comes without any, and others may be without. `${NAME}` is
    replaced from the environment; relative paths (and the file of a SQLite store) start from the file's
    folder. Raises ConfigError when the file cannot be read at all, ConfigErrors with every mistake otherwise.
    """
    path, shown = Path(path), str(path)
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise _not_found(path) from None
    except IsADirectoryError:
        raise ConfigError("is a folder, not a file", file=shown) from None
    except UnicodeDecodeError as error:
        raise ConfigError(f"is not UTF-8 (byte {error.start})", file=shown) from None
    except OSError as error:
        raise ConfigError(f"cannot be read: {error.strerror}", file=shown) from None
    return parse_config(text, path, bare=bare)


def _not_found(path: Path) -> ConfigError:
    """There is no such file: what there is instead, or how one is made."""
    folder = path.parent
    if not folder.is_dir():
        said = f"file not found: there is no folder {folder}; 'kehu init {folder}' starts a project there"
        return ConfigError(said, file=str(path))
    around = sorted(p.name for p in folder.glob("*.y*ml"))
    if near := nearest(path.name, around):
        return ConfigError("file not found", file=str(path), nearest=near)
    others = f"; there are {', '.join(around[:5])}{' …' if len(around) > 5 else ''}" if around else ""
    said = f"file not found{others}; name another with --config FILE, or start a project with 'kehu init DIR'"
    return ConfigError(said, file=str(path))


def parse_config(
    text: str, path: str | Path, environment: Mapping[str, str] | None = None, *, bare: str | None = None
) -> Config:
    """Like `load_config`, for text that is already there; `path` says where it belongs and is named in messages."""
    shown, path = str(path), Path(path).absolute()
    written = parse(text, shown)
    if bare is not None:
        written = _without_streams(written, bare)
    document, mistakes = expand(written, environment)
    mistakes += cross_checks(document, path.parent)
    config = None
    try:
        config = Config.model_validate(document)
    except ValidationError as error:
        mistakes += translate(error, Config, written)
    if config is not None:
        try:
            store = _store_url(config.store, path.parent)
        except ValueError as error:
            mistakes.append(Mistake(("store",), str(error)))
    if mistakes or config is None:
        raise ConfigErrors([mistake.error(shown) for mistake in _in_order(mistakes, written)])
    update: dict[str, Any] = {"store": store, "workspace": path.parent / config.workspace}
    if config.lifecycle.contracts is not None:
        contracts = path.parent / config.lifecycle.contracts
        update["lifecycle"] = config.lifecycle.model_copy(update={"contracts": contracts})
    files = config.stewardship.overrides
    absolute = {name: path.parent / file for name, file in files.__dict__.items() if file is not None}
    if absolute:
        options = {"overrides": files.model_copy(update=absolute)}
        update["stewardship"] = config.stewardship.model_copy(update=options)
    update["sources"] = [
        source.model_copy(
            update={
                "streams": [
                    stream.model_copy(update={"rekey": path.parent / stream.rekey}) if stream.rekey else stream
                    for stream in source.streams
                ]
                if source.streams[0].name != _ANY_STREAM["name"]
                else []
            }
        )
        for source in config.sources
    ]
    config = config.model_copy(update=update)
    config._file = path
    return config


_ANY_STREAM = {"name": "none--yet", "entity": "organization", "key": "id", "fields": {"name": "name"}}


def _without_streams(document: dict[str, Any], bare: str) -> dict[str, Any]:
    """The document with a stream that is none for one source, and for those that have none."""
    sources = document.get("sources")
    if not isinstance(sources, list):
        return document
    return {**document, "sources": [{**s, "streams": [_ANY_STREAM]} if _is_bare(s, bare) else s for s in sources]}


def _is_bare(source: Any, bare: str) -> bool:
    return isinstance(source, dict) and (source.get("name") == bare or not source.get("streams"))


def _store_url(text: str, base: Path) -> str:
    """The store's URL with an absolute file and an explicit driver. Raises ValueError with the mistake."""
    try:
        url = make_url(text)
    except ArgumentError:
        raise ValueError("is no database URL; sqlite:///hub.db or postgresql+psycopg://user@host/database") from None
    match url.get_backend_name():
        case "sqlite":
            if not url.database or url.database == ":memory:" or url.host:
                raise ValueError("names no file; sqlite:///hub.db is a file beside the configuration")
            return _text(url.set(drivername="sqlite", database=str(base / url.database)))
        case "postgresql":
            return _text(url.set(drivername="postgresql+psycopg"))
        case other:
            raise ValueError(f"a hub lives in sqlite or postgresql, not in {other}")


def _text(url: URL) -> str:
    return url.render_as_string(hide_password=False)


def _in_order(mistakes: list[Mistake], document: Any) -> list[Mistake]:
    """One mistake per place, in the order of the file."""
    first: dict[Loc, Mistake] = {}
    for mistake in told_once(mistakes):
        first.setdefault(mistake.loc, mistake)
    return sorted(first.values(), key=lambda mistake: _position(document, mistake.loc))


def _position(document: Any, loc: Loc) -> tuple[int, ...]:
    found: list[int] = []
    for part in loc:
        if isinstance(document, dict):
            keys = list(document)
            found.append(keys.index(part) if part in keys else len(keys))
            document = document.get(part)
        elif isinstance(document, list) and isinstance(part, int) and part < len(document):
            found.append(part)
            document = document[part]
        else:
            break
    return tuple(found)
