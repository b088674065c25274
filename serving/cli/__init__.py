"""The command `kehu`: what a person or a scheduler types.

Commands parse, call one plain function and print; what they call can be used and tested without them. Nothing heavy is
imported before a command needs it, so that a help page comes at once.
"""

from __future__ import annotations

import errno
import json
import os
import sys
import traceback
from collections.abc import Sequence
from typing import Any

import click

from models.errors import ConfigError, KehuError
from serving.cli.commands import cli
from serving.cli.session import failure_log, in_journal

__all__ = ["cli", "main"]

_OF_THE_PLACE = {errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOSPC, errno.EDQUOT, errno.ENOTDIR, errno.EEXIST}
"""What a file system refuses: the user mends it there, and no traceback would help."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code: 0 done, 1 failed, 2 wrong usage or configuration, 130 interrupted.

    A failure is told on stderr; with `--json` the last line of stdout is an object with `error` and `exit_code` as
    well. Set KEHU_DEBUG=1 to see tracebacks.
    """
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    debug = os.environ.get("KEHU_DEBUG", "") not in ("", "0")
    try:
        ended = cli.main(args=arguments, prog_name="kehu", standalone_mode=False)
        return ended if isinstance(ended, int) else 0
    except click.exceptions.NoArgsIsHelpError as called:
        called.show()
        return 2
    except click.ClickException as wrong:
        usage = wrong.ctx.get_usage() + "\n" if isinstance(wrong, click.UsageError) and wrong.ctx else ""
        return _failed(arguments, wrong.format_message(), 2, before=usage)
    except KehuError as expected:
        if debug:
            traceback.print_exc()
        mistakes = expected.mistakes if isinstance(expected, ConfigError) else []
        places = [{"file": m.file, "key": m.key, "message": m.message, "nearest": m.nearest} for m in mistakes]
        return _failed(arguments, str(expected), expected.exit_code, mistakes=places)
    except (KeyboardInterrupt, click.Abort):
        return _failed(arguments, "interrupted; nothing half done was published", 130)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as unexpected:  # the last resort: nobody above could show it to the user
        if debug:
            traceback.print_exc()
        if isinstance(unexpected, OSError) and unexpected.errno in _OF_THE_PLACE:
            place = f"{unexpected.filename}: " if unexpected.filename else ""
            return _failed(arguments, f"{place}{unexpected.strerror}", 1)
        said = str(unexpected).strip().splitlines()
        what = f"{type(unexpected).__name__}{': ' + said[0] if said else ''}"
        if in_journal():
            if not debug:
                traceback.print_exc()
            return _failed(arguments, f"unexpected error: {what} (details above)", 1)
        return _failed(arguments, f"unexpected error: {what} (details in {failure_log(arguments)})", 1)


def _failed(
    arguments: Sequence[str], message: str, code: int, before: str = "", mistakes: list[dict[str, Any]] | None = None
) -> int:
    said = "\n".join(f"kehu: {line}" for line in message.splitlines())
    click.echo(before + said, err=True)
    if "--json" in arguments:
        found = {"error": message, "exit_code": code, **({"mistakes": mistakes} if mistakes else {})}
        click.echo(json.dumps(found, ensure_ascii=False))
    return code
