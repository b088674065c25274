"""What every command shares: `--config`, `--json`, and where words and results go.

Results go to stdout, everything else to stderr; with `--json` stdout holds one JSON object and nothing more.
"""

from __future__ import annotations

import functools
import json
import os
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, TypeVar

import click

if TYPE_CHECKING:
    from models.config import Config
    from models.store import Store

P = ParamSpec("P")
R = TypeVar("R")

DEFAULT_CONFIG = "kehu.yaml"


@dataclass
class Session:
    """One call of the command line. `config_given` is what stood behind `--config`, if anything did."""

    config_given: Path | None
    as_json: bool

    @property
    def config_path(self) -> Path:
        """The configuration file: the one that was named, else `kehu.yaml` in the current folder."""
        return self.config_given or Path(DEFAULT_CONFIG)

    def config(self, *, bare: str | None = None) -> Config:
        """The checked configuration; the source `bare` comes without streams. Raises ConfigError."""
        from models.config import load_config

        if self.config_given is None and not self.config_path.exists():
            raise click.UsageError(
                f"there is no {DEFAULT_CONFIG} in {Path.cwd()}; "
                "name one with --config FILE, or start one with 'kehu init DIR'"
            )
        return load_config(self.config_path, bare=bare)

    def store(self, config: Config | None = None) -> Store:
        """The hub store that the configuration names; `with` closes it. Raises StoreError, also for none yet."""
        from serving.hub import open_hub

        return open_hub(config or self.config())

    def say(self, text: str) -> None:
        """Tell the user something that is no result."""
        click.echo(text, err=True)

    def show(self, text: str) -> None:
        """Print a result for people; left out with `--json`, where `result` speaks."""
        if not self.as_json:
            click.echo(text)

    def result(self, values: dict[str, Any]) -> None:
        """End with one JSON object when `--json` was given."""
        if self.as_json:
            sys.stdout.flush()
            click.echo(json.dumps(values, ensure_ascii=False, default=str))


def with_session(command: Callable[Concatenate[Session, P], R]) -> Callable[..., R]:
    """Give a command the options that all commands have, and a Session as its first argument."""

    @click.option(
        "--config",
        "config_given",
        metavar="FILE",
        type=click.Path(path_type=Path, dir_okay=False),
        help=f"The configuration file.  [default: {DEFAULT_CONFIG} in the current folder]",
    )
    @click.option("--json", "as_json", is_flag=True, help="End with one JSON object on stdout.")
    @functools.wraps(command)
    def called(*args: Any, config_given: Path | None, as_json: bool, **options: Any) -> R:
        return command(Session(config_given, as_json), *args, **options)

    return called


def failure_log(arguments: Sequence[str]) -> Path:
    """Write the traceback being handled to a new file and return its path. The file is for a bug report."""
    descriptor, name = tempfile.mkstemp(prefix=f"kehu-error-{time.strftime('%Y%m%d-%H%M%S')}-", suffix=".log")
    with os.fdopen(descriptor, "w", encoding="utf-8") as log:
        log.write(f"kehu {' '.join(arguments)}\nin {Path.cwd()}\npython {sys.version}\n\n")
        log.write(traceback.format_exc())
    return Path(name)


def in_journal() -> bool:
    """Whether stderr is systemd's journal: a service has a /tmp of its own, and a file there is gone when it ends."""
    try:
        stream = os.fstat(sys.stderr.fileno())
    except (OSError, ValueError):
        return False
    return os.environ.get("JOURNAL_STREAM") == f"{stream.st_dev}:{stream.st_ino}"


def table(headers: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    """Rows as aligned text, numbers to the right; wide (Chinese) characters count two columns."""
    from rich.cells import cell_len

    cells = [[_cell(v) for v in row] for row in rows]
    widths = [max([cell_len(h), *(cell_len(r[i]) for r in cells)]) for i, h in enumerate(headers)]
    right = [bool(rows) and all(isinstance(r[i], int | float | None) for r in rows) for i in range(len(headers))]

    def line(values: Sequence[str]) -> str:
        padded = [
            " " * (w - cell_len(v)) + v if r else v + " " * (w - cell_len(v))
            for v, w, r in zip(values, widths, right, strict=True)
        ]
        return "  ".join(padded).rstrip()

    return "\n".join([line(headers), line(["-" * w for w in widths]), *(line(r) for r in cells)])


def count(number: int, noun: str) -> str:
    """A number with its noun, which takes an s where it is not one."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:.4f}"
    text = " ".join(str(value).split())
    return text if len(text) <= 80 else text[:79] + "…"
