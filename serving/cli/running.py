"""Commands that do the hub's work: run, train, and look at what matching reached."""

from __future__ import annotations

import dataclasses
import datetime as dt
from pathlib import Path
from typing import Any

import click

from serving.cli.progress import RunProgress
from serving.cli.session import Session, table, with_session

SUMMARY = (
    ("records", "records in the hub"),
    ("changed", "new or changed"),
    ("deleted", "deleted"),
    ("quarantined", "quarantined"),
    ("pairs_scored", "pairs scored"),
    ("golden", "golden records"),
    ("merged", "merged"),
    ("split", "split"),
    ("tasks_open", "tasks for stewards"),
    ("findings_open", "findings open"),
    ("events", "events"),
)
"""Keys of a run's result and what they are called on the screen."""


@click.command(short_help="Read the sources and publish golden records.")
@click.option("--full", is_flag=True, help="Resolve every record again, not only what changed.")
@click.option("--source", metavar="NAME", help="Read this source alone; what it changes is resolved as always.")
@click.option("--verify", is_flag=True, help="Read nothing; compare the hub with a resolution of all its records.")
@with_session
def run(session: Session, full: bool, source: str | None, verify: bool) -> None:
    """Read the sources, resolve what changed, publish golden records."""
    config = session.config()
    if verify:
        if full or source is not None:
            raise click.UsageError("--verify reads no source and publishes nothing; give it alone")
        return _verify(session)
    if source is not None:
        names = [s.name for s in config.sources]
        if source not in names:
            from models.config import nearest
            from models.errors import ConfigError

            raise ConfigError(
                f"no source is named '{source}'; there are {', '.join(names)}",
                file=str(config.file),
                key="sources",
                nearest=nearest(source, names),
            )
    from serving.check import check_options

    check_options(config)
    from orchestration.run import run_hub

    with RunProgress() as progress:
        result: dict[str, Any] = run_hub(config, full=full, source=source, progress=progress)
    show_run(session, result)
    session.result(result)
    if result.get("failed_sources"):
        raise click.exceptions.Exit(1)


def _verify(session: Session) -> None:
    from orchestration.run import verify_hub

    with RunProgress() as progress:
        result = verify_hub(session.config(), progress=progress)
    for row in result["differences"]:
        session.say(f"kehu: {row['entity']}: {row['count']:,} rows of {row['what']} differ from a full run")
        for example in row["examples"][:5]:
            session.say(f"  {example}")
    if not result["differences"]:
        session.show("Nothing differs: the published state is that of one run over all records and decisions.")
    session.result(result)
    if result["differences"]:
        raise click.exceptions.Exit(1)


def show_run(session: Session, result: dict[str, Any]) -> None:
    """Print a run's result for people; what went wrong goes to stderr."""
    rows = [(label, result[key]) for key, label in SUMMARY if result.get(key) is not None]
    session.show(table(("run " + str(result["run_id"]), ""), rows))
    seconds = result.get("seconds") or {}
    session.show(f"{sum(seconds.values()):.1f} s, at most {result.get('peak_rss_mb', 0):,.0f} MB of memory")
    for message in result.get("messages") or ():
        session.show(message)
    if result.get("quarantined"):
        session.show("Rows were set aside: 'kehu quarantine --run latest' shows them with their reasons.")
    for law in result.get("broken_laws") or ():
        session.say(f"kehu: broken law: {law}")
    for row in result.get("sources") or ():
        if row.get("source") in (result.get("failed_sources") or ()) and row.get("error"):
            # What a source says of itself begins with its name already.
            place = f"{row['source']}.{row['stream']}: "
            session.say(f"kehu: {place}{str(row['error']).removeprefix(place)}")
    if failed := result.get("failed_sources"):
        session.say(
            f"kehu: not read: {', '.join(failed)}; everything else is published, their records stay as they were"
        )


@click.command(short_help="Train the matching models.")
@click.option("--entity", metavar="TYPE", help="Train the model of this entity type alone.")
@click.option("--with-decisions", is_flag=True, help="Let stewards' verdicts take part; keep the models as drafts.")
@with_session
def train(session: Session, entity: str | None, with_decisions: bool) -> None:
    """Train the matching models on the hub's records, without labels, and publish them.

    With --with-decisions stewards' verdicts take part; what comes of it is compared by 'kehu model diff' before
    'kehu model publish' puts it into use.
    """
    config = session.config()
    if entity is not None:
        from models.config import nearest
        from models.errors import ConfigError
        from models.vocabulary import PARTY_TYPES

        valid = [e for e in config.entities() if e in PARTY_TYPES]
        if entity not in valid:
            said = f"no stream delivers parties of type '{entity}'; there are {', '.join(valid) or 'none'}"
            raise ConfigError(said, file=str(config.file), nearest=nearest(entity, valid))
    from orchestration.run import train_hub

    with RunProgress() as progress:
        result: dict[str, Any] = train_hub(config, entity=entity, progress=progress, with_decisions=with_decisions)
    for model in result["models"]:
        if with_decisions:
            session.show(f"{model['entity_type']}: draft {model['model_id']}, taught by {model['verdicts']:,} verdicts")
            session.show(f"'kehu model diff {model['model_id']}' says what publishing it would change.")
        else:
            session.show(f"{model['entity_type']}: published {model['model_id']}, from {model['records']:,} records")
    if not with_decisions:
        session.show("It is used from the next run on; 'kehu run --full' applies it to every record.")
    session.result(result)


@click.command(short_help="Measure against a truth file.")
@click.option(
    "--truth",
    "truth_file",
    metavar="FILE",
    required=True,
    type=click.Path(path_type=Path, dir_okay=False),
    help="CSV with source, source_key, entity_id; a column stream or entity_type where a key alone is not unique.",
)
@with_session
def evaluate(session: Session, truth_file: Path) -> None:
    """Compare the golden records with a truth file: pairwise and cluster precision, recall, F1."""
    from serving.evaluate import evaluate_tables, read_truth
    from serving.export import read_export

    truth = read_truth(truth_file)
    config = session.config()
    with session.store(config) as store:
        got = evaluate_tables(truth, read_export(store, config, "crosswalk"))
    rows = [
        (name, rates.precision, rates.recall, rates.f1, rates.correct, rates.found, rates.expected)
        for name, rates in (("pairwise", got.pairwise), ("cluster", got.cluster))
    ]
    session.show(table(("", "precision", "recall", "F1", "correct", "found", "expected"), rows))
    session.show(f"{got.records:,} records with truth, {got.missing:,} of them without a golden record")
    session.result(dataclasses.asdict(got))


@click.group()
def model() -> None:
    """List, show and compare matching models; publish one, or roll back to the one before."""


@model.command("list")
@with_session
def model_list(session: Session) -> None:
    """List the matching models, the newest first."""
    with session.store() as store:
        found = store.list_models()[::-1]
    session.show(
        table(
            ("model", "entity type", "published", "status"),
            [(m["model_id"], m["entity_type"], _minute(m["published_at"]), m["status"]) for m in found],
        )
        if found
        else "No model is published yet; the first run trains one."
    )
    session.result({"models": found})


def _minute(at: dt.datetime | None) -> str:
    """A moment to the minute; nothing for what was never published."""
    return "" if at is None else f"{at:%Y-%m-%d %H:%M}"


@model.command("show")
@click.argument("model_id", metavar="MODEL")
@with_session
def model_show(session: Session, model_id: str) -> None:
    """Show one model: its comparisons with the match weight of each level, thresholds, blocking rules.

    MODEL is an id from 'kehu model list', or an entity type for the one in use.
    """
    from serving.model_view import describe_model, get_model

    with session.store() as store:
        document = get_model(store, model_id)
    head, rows = describe_model(document)
    for line in head:
        session.show(line)
    session.show(table(("comparison", "level", "m", "u", "weight", "from"), rows))
    session.result(document)


@model.command("diff")
@click.argument("model_id", metavar="MODEL")
@click.option("--against", metavar="MODEL", help="Compare with this model instead of the one in use.")
@with_session
def model_diff(session: Session, model_id: str, against: str | None) -> None:
    """Say what publishing a model would change: every record is resolved with it, and nothing is published.

    Golden ids that move, golden values that flip, tasks that open or close, precision and recall on stewards' verdicts.
    """
    from serving.access import Principal
    from serving.learning import models_of
    from serving.stewardship import Refused, Unknown

    config = session.config()
    with session.store(config) as store:
        known = {row["model_id"]: row for row in models_of(store, Principal.system())}
    if model_id not in known:
        raise Unknown(f"there is no match model '{model_id}'; 'kehu model list' shows those there are")
    entity = known[model_id]["entity_type"]
    used = next((i for i, r in known.items() if r["entity_type"] == entity and r["status"] == "published"), None)
    other = against or used
    if other is None or other == model_id or other not in known:
        raise Refused(f"there is no other model to compare {model_id} with")
    from orchestration.run import compare_models

    with RunProgress() as progress:
        found = compare_models(config, model_id, other, progress=progress)
    session.show(f"{model_id} instead of {other}")
    counts = [(f"golden records {word}", n) for word, n in found["ids"].items() if word != "moved"]
    values = [(f"golden {name} that flip", n) for name, n in found["values"].items()]
    tasks = [(f"tasks {kind} {word}", n) for word in ("opened", "closed") for kind, n in found["tasks"][word].items()]
    session.show(
        table(("", ""), [("records that move to another id", found["ids"]["moved"]), *counts, *values, *tasks])
    )
    rates = [
        (side, name, rate["precision"]["value"], rate["recall"]["value"], rate["matches"] + rate["no_matches"])
        for side in ("before", "after")
        for name, rate in found["verdicts"][side].items()
    ]
    session.show(table(("verdicts", "from", "precision", "recall", "pairs"), rates))
    session.result(found)


@model.command("publish")
@click.argument("model_id", metavar="MODEL")
@click.option("--by", metavar="WHO", required=True, help="Who decides.")
@with_session
def model_publish(session: Session, model_id: str, by: str) -> None:
    """Put a model into use that was compared with the present one; the next run resolves every record with it."""
    from dataclasses import replace

    from serving.access import Principal
    from serving.learning import publish_model

    with session.store() as store:
        done = publish_model(store, replace(Principal.system(), name=by), model_id)
    session.show(f"{model_id} is used from the next run on, which resolves every record.")
    session.result(done)


@model.command("rollback")
@click.argument("entity", metavar="TYPE")
@click.option("--by", metavar="WHO", required=True, help="Who decides.")
@with_session
def model_rollback(session: Session, entity: str, by: str) -> None:
    """Put the model of an entity type into use again that was in use before the present one."""
    from dataclasses import replace

    from serving.access import Principal
    from serving.learning import roll_back

    with session.store() as store:
        done = roll_back(store, replace(Principal.system(), name=by), entity)
    session.show(f"{done['model_id']} is used again from the next run on, which resolves every record.")
    session.result(done)
