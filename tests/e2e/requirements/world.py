"""A small demo world in a hub: what ran, what was planted in it, and the ways in which a user looks at it."""

from __future__ import annotations

import csv
import json
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from click.testing import CliRunner
from starlette.testclient import TestClient

from models.config import Config, load_config
from models.store import Store, open_store
from models.store import lifecycle_tables as lt
from orchestration.run import run_hub
from serving import accounts, customer360
from serving.http.app import create_app
from worlds import demo

Key = tuple[str, str, str, str, str, str]
"""rule, source, stream, source_key, field, golden_id of a finding."""
PASSWORD = "correct horse 9"
CAST = "sales_crm:ACC-765433"
"""The customer with whom the demo's story begins: a key account in three systems."""


@dataclass
class Hub:
    """The hub of a demo world after a run."""

    folder: Path
    config: Config
    store: Store
    _documents: dict[str, dict[str, Any]] = field(default_factory=dict)
    _client: TestClient | None = None

    def home(self, party: str) -> str:
        """The golden id of a record, SOURCE:KEY."""
        return customer360.resolve(self.store, self.config, party)

    def view(self, customer: str) -> dict[str, Any]:
        """The 360 document of a customer, by golden id or SOURCE:KEY."""
        golden_id = self.home(customer)
        if golden_id not in self._documents:
            document = customer360.view(self.store, self.config, golden_id)
            assert document is not None
            self._documents[golden_id] = document.model_dump()
        return self._documents[golden_id]

    def forget(self) -> None:
        """Build documents anew from now on."""
        self._documents.clear()

    def rows(self, query: str, *values: Any) -> list[tuple[Any, ...]]:
        """The rows of a query on the store."""
        bound = {f"v{i}": value for i, value in enumerate(values)}
        with self.store.database.read() as connection:
            return [tuple(row) for row in connection.execute(sa.text(query), bound)]

    def planted(self, rule: str) -> list[dict[str, str]]:
        """The findings of a rule that must be there."""
        with open(self.folder / "expected_findings.csv", encoding="utf-8", newline="") as f:
            return [row for row in csv.DictReader(f) if row["rule"] == rule]

    def customer_of(self, rule: str) -> str:
        """The customer into whose history a gap of this rule was planted."""
        return self.planted(rule)[0]["party"]

    def expected(self) -> set[Key]:
        """Every finding that must be open."""
        with open(self.folder / "expected_findings.csv", encoding="utf-8", newline="") as f:
            rows = list(csv.DictReader(f))
        homes = {party: self.home(party) for party in {row["party"] for row in rows} if party}
        return {
            (r["rule"], r["source"], r["stream"], r["source_key"], r["field"], homes.get(r["party"], "")) for r in rows
        }

    def found(self) -> set[Key]:
        """Every finding that is open."""
        f = lt.finding.c
        names = (f.rule, f.source, f.stream, f.source_key, f.field, f.golden_id)
        with self.store.database.read() as connection:
            rows = connection.execute(sa.select(*names).where(f.status == "open")).all()
        return {tuple(value or "" for value in row) for row in rows}  # type: ignore[misc]

    def measures(self, name: str) -> dict[str, float]:
        """The parts of a measure after the last run."""
        run = self.rows("SELECT max(run_id) FROM lifecycle_measure")[0][0]
        return {row["part"]: row["value"] for row in self.store.measures(run).to_pylist() if row["measure"] == name}

    def states(self) -> dict[str, list[str]]:
        """Stage → the customers in it."""
        found: dict[str, list[str]] = defaultdict(list)
        for golden_id, stage in self.rows("SELECT golden_id, stage FROM customer_state ORDER BY golden_id"):
            found[stage].append(golden_id)
        return found

    def page(self, path: str) -> str:
        """A page as a lead steward sees it, in English."""
        if self._client is None:
            accounts.use_link(self.store, accounts.add_person(self.store, "li", "lead_steward", by="test"), PASSWORD)
            self._client = TestClient(create_app(self.config, self.store), base_url="http://kehu.test")
            signed = self._client.post("/sign-in", data={"name": "li", "password": PASSWORD}, follow_redirects=False)
            assert signed.status_code == 303, signed.text
        answer = self._client.get(path, headers={"Accept-Language": "en"})
        assert answer.status_code == 200, (path, answer.status_code, answer.text[:500])
        return answer.text

    def command(self, *arguments: str) -> dict[str, Any]:
        """The object with which a command ends."""
        from serving.cli.commands import cli

        given = [*arguments, "--config", str(self.config.file), "--json"]
        result = CliRunner().invoke(cli, given, catch_exceptions=False)
        assert result.exit_code == 0, result.output
        found: dict[str, Any] = json.loads(result.stdout.splitlines()[-1])
        return found


def make(folder: Path, size: int = 100, seed: int = 7) -> Hub:
    """Generate a world, run it once, and open its hub."""
    demo.generate(folder, size, seed)
    return run(folder)


def next_day(folder: Path) -> Hub:
    """Play the next day of a world, run it, and open its hub."""
    demo.generate_next_day(folder)
    return run(folder)


def run(folder: Path) -> Hub:
    """Run a world and open its hub."""
    config = load_config(folder / "kehu.yaml")
    run_hub(config, full=False, source=None)
    return Hub(folder, config, open_store(config.store))
