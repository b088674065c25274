"""Commands for persons who ask: what the hub holds of them, and to be forgotten."""

from __future__ import annotations

from pathlib import Path

import click

from serving.cli.keys import _who
from serving.cli.session import Session, with_session


@click.command(short_help="Everything the hub holds of a person.")
@click.argument("person", metavar="PERSON")
@click.option(
    "--to", "path", metavar="FILE", type=click.Path(path_type=Path, dir_okay=False), help="Write it to a file."
)
@with_session
def subject(session: Session, person: str, path: Path | None) -> None:
    """Show everything the hub holds of a person, as one JSON document for them. PERSON is a golden id or SOURCE:KEY.

    That it was read is written to the audit log.
    """
    import orjson

    from serving.privacy.subject import subject_access

    config = session.config()
    with session.store(config) as store:
        document = subject_access(store, config, person, by=_who())
    text = orjson.dumps(document, option=orjson.OPT_INDENT_2 | orjson.OPT_NON_STR_KEYS, default=str)
    if path is not None:
        path.write_bytes(text + b"\n")
        path.chmod(0o600)
        session.show(f"Everything about {document['golden_id']} is in {path}.")
    else:
        session.show(text.decode())
    session.result({"golden_id": document["golden_id"], **({"file": str(path)} if path else {"document": document})})


@click.command(short_help="Forget a person.")
@click.argument("person", metavar="PERSON")
@click.option("--reason", required=True, metavar="TEXT", help="Why; kept in the audit log, so name nobody in it.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@with_session
def erase(session: Session, person: str, reason: str, yes: bool) -> None:
    """Forget a person: remove them from the hub and keep them out. PERSON is a golden id or SOURCE:KEY.

    Records, versions, history, values in events, tasks and decisions are removed, and a scan proves that nothing is
    left. It cannot be undone. While a run is under way it waits for that one. Exit 1 where the scan finds something.
    """
    from serving.privacy.proof import prove_and_note
    from serving.privacy.subject import request_erasure

    config = session.config()
    if not yes:
        click.confirm(f"Forget {person} for good?", abort=True, err=True)
    with session.store(config) as store:
        erasure = request_erasure(store, config, person, by=_who(), reason=reason)
        if not erasure.removed:
            session.say("a run is under way; what it holds of them goes when it ends …")
        left = prove_and_note(store, config, erasure, by=_who())
    for hit in left:
        session.say(f"still there: {hit}")
    session.show(
        f"{len(erasure.records)} records are gone (erasure {erasure.erasure}); "
        + ("a scan of store and workspace found nothing of them." if not left else f"{len(left)} places are left.")
    )
    told = {"erasure": erasure.erasure, "golden_id": erasure.golden_id, "records": len(erasure.records)}
    session.result({**told, "looked_for": len(erasure.needles), "left": left})
    if left:
        raise click.exceptions.Exit(1)
