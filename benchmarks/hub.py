"""Where the benchmarks touch the hub, and nowhere else: its command line, and its parts for one comparison."""

import csv
import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from benchmarks.measure import call

KEHU = str(Path(sys.executable).parent / "kehu")
PARTIES = ("organization", "person")


class HubFailed(Exception):
    """A `kehu` command that did not end with 0; carries the end of what it said."""


def kehu(config: Path, *arguments: str) -> dict[str, Any]:
    """A command with `--json`: its summary, with `wall_seconds` and the child's `peak_mb` added. Raises HubFailed."""
    ended = call([KEHU, *arguments, "--config", str(config), "--json"], config.parent)
    if ended.code:
        said = (ended.err or ended.out).strip()[-1500:]
        raise HubFailed(f"kehu {' '.join(arguments)} ended with {ended.code}: {said}")
    lines = ended.out.strip().splitlines()
    summary: dict[str, Any] = json.loads(lines[-1]) if lines else {}
    return {**summary, "wall_seconds": ended.seconds, "peak_mb": ended.peak_mb}


def crosswalk(config: Path) -> dict[tuple[str, str], str]:
    """(source, source_key) → golden_id of the published state."""
    path = config.parent / "crosswalk.csv"
    kehu(config, "export", "crosswalk", "--to", str(path))
    with open(path, encoding="utf-8", newline="") as f:
        return {(r["source"], r["source_key"]): r["golden_id"] for r in csv.DictReader(f)}


def copy_models(donor: Path, taker: Path) -> list[str]:
    """Publish the match models of one project's hub in another's; returns their entity types."""
    from models.config import load_config
    from models.store import open_store

    copied = []
    with open_store(load_config(donor).store) as old, open_store(load_config(taker).store) as new:
        for entity in PARTIES:
            if model := old.load_published_model(entity):
                new.save_model(model["model_id"], entity, model["document"])
                copied.append(entity)
    return copied


def run_here(config: Path, *, full: bool = False) -> dict[str, Any]:
    """The whole run inside this process, so that what follows is measured under the same conditions."""
    from models.config import load_config
    from orchestration.run import run_hub

    summary: dict[str, Any] = run_hub(load_config(config), full=full, source=None, progress=None)
    return summary


@dataclass(frozen=True, slots=True)
class SplinkInput:
    """What bare Splink gets: a table in `connection`, the published model as settings, blocking rules, a threshold."""

    connection: duckdb.DuckDBPyConnection
    table: str
    settings: dict[str, Any]
    rules: list[str | dict[str, Any]]
    weight: float
    rows: int


def splink_input(config: Path, run_id: str, entity: str) -> SplinkInput:
    """The records that a run standardised, and the published model, made ready for bare Splink. Raises HubFailed."""
    from models.config import load_config
    from models.match_model import PublishedModel
    from models.store import open_store

    loaded = load_config(config)
    with open_store(loaded.store) as store:
        found = store.load_published_model(entity)
    if found is None:
        raise HubFailed(f"the hub has no model for {entity}")
    con = duckdb.connect()
    path = Path(loaded.workspace) / "runs" / run_id / f"standard_{entity}.parquet"
    con.execute("CREATE TABLE standard AS SELECT * FROM read_parquet(?)", [str(path)])
    return prepared(con, PublishedModel.model_validate(found["document"]))


def prepared(con: duckdb.DuckDBPyConnection, model: Any) -> SplinkInput:
    """What bare Splink needs, out of the table `standard` in `con` and a PublishedModel.

    Each of the hub's blocking rules becomes a column of keys, without those of blocks above the cap: Splink gets the
    same candidate pairs, and finds them itself. Making this table is not part of what is measured.
    """
    from matching.features import build_features, prepare
    from matching.keys import build_keys, count_blocks
    from matching.model.splink_model import add_term_frequencies, splink_settings
    from matching.profile import profile_contacts

    declaration = model.declaration
    prepare(con, declaration.entity_type, "standard")
    build_features(con, declaration, "prepared", profile_contacts(con, declaration, "prepared"), "bare")
    add_term_frequencies(con, model, "bare", "features")
    build_keys(con, declaration, "features")
    count_blocks(con, declaration)
    joins, columns, rules = [], [], list[str | dict[str, Any]]()
    for number in range(len(declaration.blocking)):
        con.execute(
            f"CREATE TABLE keys_{number} AS SELECT k.record_id, list(k.key) AS keys FROM keys k"
            f" JOIN sizes_keys s ON s.key = k.key AND s.rule = k.rule"
            f" WHERE k.rule = {number} AND s.n BETWEEN 2 AND s.cap GROUP BY k.record_id"
        )
        several = con.execute(f"SELECT coalesce(max(len(keys)), 0) > 1 FROM keys_{number}").fetchall()[0][0]
        joins.append(f"LEFT JOIN keys_{number} USING (record_id)")
        columns.append(f"keys_{number}.keys{'' if several else '[1]'} AS key_{number}")
        rule = f"l.key_{number} = r.key_{number}"
        rules.append({"blocking_rule": rule, "arrays_to_explode": [f"key_{number}"]} if several else rule)
    read = [f'"{c}"' for c in dict.fromkeys(declaration.columns())]
    read += [f'"tf_{c}"' for c in declaration.term_frequency_columns()]
    chosen = ", ".join(["record_id", *read, *columns])
    con.execute(f"CREATE TABLE bare_input AS SELECT {chosen} FROM features {' '.join(joins)}")
    rows = int(con.execute("SELECT count(*) FROM bare_input").fetchall()[0][0])
    return SplinkInput(con, "bare_input", splink_settings(model), rules, declaration.auto, rows)
