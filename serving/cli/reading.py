"""The commands that read a source otherwise than a run does: a period of the past, or a landed batch again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from serving.cli.progress import RunProgress
from serving.cli.running import show_run
from serving.cli.session import Session, table, with_session

if TYPE_CHECKING:
    from models.config import Config, Source


@click.command(short_help="Read what a source changed in a period of the past.")
@click.argument("source", metavar="SOURCE")
@click.option("--from", "start", required=True, metavar="DAY", help="First day or moment, ISO 8601, UTC.")
@click.option("--to", "end", required=True, metavar="DAY", help="The day or moment before which it ends.")
@with_session
def backfill(session: Session, source: str, start: str, end: str) -> None:
    """Read again what SOURCE changed in a period, by the column `updated_at`, and publish.

    Nothing is deleted for being absent, a row older than what the hub holds becomes history only, and where the next
    reading starts stays as it is.
    """
    from connectors.period import period_of

    config = session.config()
    _known(config, source)
    _run(session, config, source, period=period_of(start, end))


@click.command(short_help="Take a landed batch again, or list those that are kept.")
@click.argument("stream", metavar="SOURCE.STREAM")
@click.argument("batch", required=False, metavar="[BATCH]")
@with_session
def replay(session: Session, stream: str, batch: str | None) -> None:
    """Take a landed batch of a stream again, as if it were delivered now; `latest` is the newest.

    Without BATCH those that are kept are listed. A snapshot replaces what the hub holds of the stream, a delta is
    applied to it; the next reading of the stream reads everything.
    """
    from connectors.replay import batches
    from models.errors import ConfigError

    config = session.config()
    name, _, of = stream.partition(".")
    source = _known(config, name)
    streams = [one.name for one in source.streams]
    if of not in streams:
        from models.config import nearest

        close = nearest(of, streams)
        raise ConfigError(f"{name} has no stream '{of}'; there are {', '.join(streams)}", nearest=close)
    if batch is not None:
        return _run(session, config, name, replay=(of, batch))
    found = batches(config.workspace, source, source.stream(of))
    names = ("batch_id", "began", "mode", "delivered", "rows", "bad_rows", "run_id")
    rows = [tuple(manifest.get(column) for column in names) for manifest in found]
    session.show(table(("batch", "landed", "mode", "delivered", "usable", "set aside", "run"), rows))
    session.result({"batches": [{column: manifest.get(column) for column in names} for manifest in found]})


def _known(config: Config, name: str) -> Source:
    from models.config import nearest
    from models.errors import ConfigError

    names = [source.name for source in config.sources]
    if name not in names:
        raise ConfigError(
            f"no source is named '{name}'; there are {', '.join(names)}",
            file=str(config.file),
            key="sources",
            nearest=nearest(name, names),
        )
    return config.source(name)


def _run(session: Session, config: Config, source: str, **how: Any) -> None:
    from orchestration.run import run_hub

    with RunProgress() as progress:
        result = run_hub(config, source=source, progress=progress, **how)
    show_run(session, result)
    session.result(result)
    if result.get("failed_sources"):
        raise click.exceptions.Exit(1)
