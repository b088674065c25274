"""The description of the connectors names every option, and its example works."""

from __future__ import annotations

import re
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import pytest

from connectors import landing, protocol, registry
from connectors.conformance import CHECKS, Subject, checks_of, run
from connectors.file_reading import FORMATS
from connectors.files import FilesOptions
from connectors.protocol import Options
from connectors.rest import options as rest
from connectors.rest.options import RestOptions
from connectors.sql import SqlOptions
from connectors.text import TRUE_WORDS
from tests.unit.connectors.hub import Hub

_TABLES = re.compile(r"^\| `(\w+)` \|(.*?)\| (.*) \|$", re.M)
DOCS = Path(__file__).parents[3] / "docs"
TEXT = (DOCS / "connectors.md").read_text(encoding="utf-8")
TUTORIAL = (DOCS / "connector-tutorial.md").read_text(encoding="utf-8")


def section(title: str) -> str:
    return TEXT.split(f"\n## {title}\n")[1].split("\n## ")[0]


@pytest.mark.parametrize(
    ("title", "options"), [("Options of every connector", Options), ("files", FilesOptions), ("sql", SqlOptions)]
)
def test_every_option_is_described_with_its_default(title: str, options: type[Options]) -> None:
    table = section(title).split("| Option |")[1].split("\n\n")[0]
    rows = {name: cell.strip() for name, cell in re.findall(r"^\| `(\w+)` \|(.*?)\|", table, re.M)}
    own = {n: f for n, f in options.model_fields.items() if options is Options or n not in Options.model_fields}
    assert list(rows) == list(own)
    for name, field in own.items():
        shown = rows[name].replace("`", "")
        assert (shown == "") == field.is_required(), name
        if isinstance(field.default, int | float) and not field.is_required():
            assert float(shown) == field.default


def test_every_option_of_rest_is_described() -> None:
    """The tables of the page are those of the models: name, whether it must be given, and its meaning."""
    text = (DOCS / "connector-rest.md").read_text(encoding="utf-8")
    rows = {(name, " ".join(meaning.split())): cell.strip() for name, cell, meaning in _TABLES.findall(text)}
    parts = [m for m in vars(rest).values() if isinstance(m, type) and issubclass(m, rest.Part | RestOptions)]
    own = {RestOptions: [n for n in RestOptions.model_fields if n not in Options.model_fields]}
    wanted = {
        (name, " ".join(str(part.model_fields[name].description).split())): part.model_fields[name].is_required()
        for part in parts
        for name in own.get(part, [n for n in part.model_fields if n != "type"])
    }
    assert set(rows) == set(wanted)
    assert {key for key, cell in rows.items() if not cell} == {key for key, required in wanted.items() if required}


PRODUCTS = [kind for kind in registry.BUILT_IN if ".products." in registry.BUILT_IN[kind]]


@pytest.mark.parametrize("kind", PRODUCTS)
def test_every_product_is_described(kind: str) -> None:
    text = (DOCS / "connector-products.md").read_text(encoding="utf-8")
    shared = {name for name, _, _ in _TABLES.findall(text.split("\n## ")[1])}
    own = text.split(f"\n## {kind}\n")[1].split("\n## ")[0]
    product = registry.connector_class(kind)
    options = {name for name in product.options.model_fields if name not in Options.model_fields}
    described = set(re.findall(r"^\| `(\w+)` \|", own, re.M)) | shared
    assert options <= described
    resources = product.resources  # type: ignore[attr-defined]
    for resource in resources:
        line = next(line for line in own.splitlines() if line.startswith(f"| `{resource.name}` |"))
        assert [a for a in resource.fields if a not in line] == []
        assert f"| `{resource.key}` |" in line and resource.entity in line


def test_every_ending_state_and_word_is_described() -> None:
    assert [ending for ending in FORMATS if f"`{ending}`" not in TEXT] == []
    assert [state for state in landing.Status.__args__ if f"| {state} |" not in TEXT] == []  # type: ignore[attr-defined]
    assert " ".join(TRUE_WORDS) in TEXT


def test_every_item_of_a_reading_is_described() -> None:
    assert [kind for kind in protocol.Item.__args__ if f"{kind.__name__}` |" not in TEXT] == []


def test_every_check_of_the_kit_is_described() -> None:
    rows = dict(re.findall(r"^\| `(\w+)` \| (.*) \|$", TUTORIAL, re.M))
    assert {n: " ".join((c.__doc__ or "").split()) for n, c in CHECKS.items()} == {n: rows.get(n) for n in CHECKS}
    words = set(re.findall(r"\| `(\w+)` \|", Subject.__doc__ or ""))
    assert words and words <= set(rows)


def _example(place: int, **known: Any) -> dict[str, Any]:
    """What a piece of code of the tutorial makes."""
    made = {"__name__": "example", **known}
    exec(compile(TUTORIAL.split("```python\n")[place].split("```")[0], "docs/connector-tutorial.md", "exec"), made)
    return made


@pytest.fixture
def mail(monkeypatch: pytest.MonkeyPatch) -> None:
    """The connector of the tutorial, as if its package were installed."""
    made = _example(1)

    class Point(EntryPoint):
        def load(self) -> Any:
            return made["MailConnector"]

    monkeypatch.setattr(registry, "entry_points", lambda **_: [Point("mail", "my_package.mail:MailConnector", "g")])


MAILBOX = _example(2)["MailBox"]


@pytest.mark.usefixtures("mail")
@pytest.mark.parametrize("check", checks_of(MAILBOX))
def test_the_example_passes_the_conformance_kit(check: str, tmp_path: Path) -> None:
    run(check, MAILBOX(tmp_path), tmp_path)


@pytest.mark.usefixtures("mail")
def test_the_example_of_a_connector_works(hub: Hub) -> None:
    hub.connector = {"type": "mail", "path": "in.mbox"}
    hub.stream |= {"entity": "person", "key": "address", "fields": {"full_name": "name", "email": "address"}}
    first = "From a\nFrom: Ann <ann@example.com>\n\nHello\n\nFrom b\nFrom: nobody\n\nHello\n\n"
    hub.write(first, "in.mbox")
    landed = hub.land()
    assert (landed.status, landed.mode, hub.usable(landed), landed.bad_rows) == (
        "landed",
        "delta",
        ["ann@example.com"],
        1,
    )
    state = landed.new_state
    assert hub.land(state=state).status == "unchanged"
    hub.write(first + "From c\nFrom: =?utf-8?b?5p2O5aic?= <bob@example.com>\n\nHello\n\n", "in.mbox")
    landed = hub.land(state=state)
    assert hub.usable(landed) == ["bob@example.com"] and hub.rows(landed)[0]["name"] == "李娜"
