"""Commands around a project: start one, check its configuration, examine what it stands on."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from serving.cli.session import Session, count, table, with_session

if TYPE_CHECKING:
    from connectors.protocol import Discovered
    from lifecycle.contracts import Contracts
    from serving.check import Seen


@click.command(short_help="Start a project with sample data.")
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path, file_okay=False))
@with_session
def init(session: Session, folder: Path) -> None:
    """Start a project in DIR: a commented kehu.yaml and sample deliveries of three systems."""
    from serving.starter import write_project

    name = "kehu.yaml"
    if session.config_given is not None:
        if session.config_given.absolute().parent != folder.absolute():
            raise click.UsageError(f"'init' writes the configuration into DIR ({folder}); --config may only name it")
        name = session.config_given.name
    written = write_project(folder, name)
    config = written[0]
    here = folder.absolute() == Path.cwd()
    session.show(f"Wrote {len(written)} files to {'this folder' if here else folder}. The configuration is {config}.")
    session.show(f"Next: {'' if here else f'cd {folder} && '}kehu check && kehu run")
    session.result({"folder": str(folder), "config": str(config), "files": [str(p) for p in written]})


@click.command(short_help="Check the configuration and look at the sources.")
@click.option("--rules", is_flag=True, help="Say every rule of the contracts in words; look at no source.")
@click.option("--language", type=click.Choice(["en", "zh"]), help="With --rules: in this language alone.")
@with_session
def check(session: Session, rules: bool, language: str | None) -> None:
    """Check the configuration and look at each source: what will be read, what is mapped, what looks forgotten."""
    config = session.config()
    if language is not None and not rules:
        raise click.UsageError("--language belongs to --rules")
    from lifecycle.contracts import load_contracts

    contracts = load_contracts(config)
    if rules:
        return _rules(session, contracts, language)
    from serving.check import held_otherwise, look_at, wrong_overrides

    of_other_type, notes = held_otherwise(config)
    besides = [str(mistake) for mistake in (*of_other_type, *wrong_overrides(config))]
    seen: list[Seen] = []
    told: set[str] = set()  # mistakes in a source's options are those of each of its streams
    for source, configured in config.streams():
        # Said before it is opened: a server that does not answer takes its time.
        session.show(f"{source.name}.{configured.name} → {configured.entity}")
        stream = look_at(config, source, configured)
        seen.append(stream)
        personal = {n for n, a in config.attributes_of(stream.entity).items() if a.sensitivity != "public"}
        rows = [(a, ", ".join(c), _example(stream, a, a in personal)) for a, c in stream.mapping.items()]
        session.show(_indented(table(("attribute", "column", "for example"), rows)))
        if stream.empty:
            session.show("  " + _nothing(stream))
        if stream.unmapped:
            session.show(f"  kept, but filling no attribute: {', '.join(stream.unmapped)}")
        for column, attribute in stream.suggestions.items():
            session.show(f"  suggestion: '{column}' looks like {attribute}; to use it, add {attribute}: {column}")
        for error in stream.errors:
            if error not in told:
                session.say(f"kehu: {error}")
        told.update(stream.errors)
        session.show("")
    for error in besides:
        session.say(f"kehu: {error}")
    for note in notes:
        session.show(note)
    errors = [*dict.fromkeys(error for stream in seen for error in stream.errors), *besides]
    unread = {error for stream in seen if stream.unreadable for error in stream.errors}
    counts = ((len(errors) - len(unread), "to be mended"), (len(unread), "not to be read at this time"))
    state = ", ".join(f"{number:,} {words}" for number, words in counts if number) or "ready to run"
    session.show(f"{config.file}: {count(len(config.sources), 'source')}, {count(len(seen), 'stream')}, {state}")
    streams = [vars(stream) for stream in seen]
    told_all = {"ok": not errors, "config": str(config.file), "streams": streams, "errors": errors, "notes": notes}
    session.result(told_all)
    if errors:
        raise click.exceptions.Exit(2 if set(errors) - unread else 1)


def _rules(session: Session, contracts: Contracts, language: str | None) -> None:
    from lifecycle.contracts.words import rules_in_words

    found = rules_in_words(contracts)
    stage: str | None = ""
    for rule in found:
        if rule["stage"] != stage:
            stage = rule["stage"]
            named = f"{contracts.label(stage, language or 'en')} ({stage}), {rule['owner']}" if stage else "segments"
            session.show(f"\n{named}")
        words = [rule[one] for one in ("en", "zh") if language in (one, None)]
        session.show(f"  {rule['rule']} [{rule['severity']}]\n    " + "\n    ".join(words))
    session.show(f"\n{contracts.name} {contracts.version}: {count(len(found), 'rule')}")
    session.result({"ok": True, "contracts": contracts.name, "version": contracts.version, "rules": found})


@click.command(short_help="Ask a source what it offers.")
@click.argument("source", metavar="SOURCE")
@click.argument("streams", metavar="[STREAM]...", nargs=-1)
@with_session
def discover(session: Session, source: str, streams: tuple[str, ...]) -> None:
    """Ask SOURCE what it offers, and print a 'streams:' block that is ready to be put under it.

    The source needs no streams in the configuration yet. What its columns mean is suggested by their names and by what
    stands in them: read it before you use it.
    """
    from serving.discover import block_of
    from serving.discover import discover as ask

    config = session.config(bare=source)
    names = [s.name for s in config.sources]
    if source not in names:
        from models.config import nearest
        from models.errors import ConfigError

        said = f"no source is named '{source}'; there are {', '.join(names)}"
        raise ConfigError(said, file=str(config.file), key="sources", nearest=nearest(source, names))
    found = ask(config, source, streams)
    block = block_of(found)
    session.show(block.rstrip("\n"))
    session.result({"source": source, "streams": [_told(stream) for stream in found], "yaml": block})


@click.command(short_help="Examine the installation and the project.")
@with_session
def doctor(session: Session) -> None:
    """Examine the installation and the project: packages, memory, disk, store, sources, Dagster."""
    from serving.doctor import Check, examine

    checks: list[Check] = []
    for found in examine(session.config_path):
        checks.append(found)
        session.show(f"{found.state:8} {found.name}: {found.message}")
    failed = [c for c in checks if c.state == "failed"]
    session.result({"ok": not failed, "checks": [vars(c) for c in checks]})
    if failed:
        raise click.exceptions.Exit(1)


def _told(stream: Discovered) -> dict[str, Any]:
    from connectors.suggest import propose

    return {"columns": stream.columns, **propose(stream)}


def _example(stream: Seen, attribute: str, personal: bool) -> str:
    if not stream.columns or stream.errors or stream.empty:
        return ""
    return "(personal, not shown)" if personal else stream.examples.get(attribute, "(no value in the first rows)")


def _nothing(stream: Seen) -> str:
    if stream.columns:
        return "it has no rows at this time: columns are compared, values are not"
    return "it is empty, without rows and without names of columns: nothing could be compared"


def _indented(text: str) -> str:
    return "\n".join("  " + line for line in text.splitlines())
