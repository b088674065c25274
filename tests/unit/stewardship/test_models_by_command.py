"""`kehu model`: a draft is listed, compared, published after that alone, and rolled back; the next run follows."""

from __future__ import annotations

import json

import pytest

from models.store.audits import AuditFilter
from serving.cli import main
from tests.unit.matching.hub import Hub, trained_model
from tests.unit.stewardship.conftest import MakeHub
from tests.unit.stewardship.world import grey_hub


@pytest.fixture
def hub(make_hub: MakeHub) -> Hub:
    return grey_hub(make_hub)


def test_a_model_is_listed_compared_published_and_rolled_back(hub: Hub, capsys: pytest.CaptureFixture[str]) -> None:
    config = ["--config", str(hub.config.file)]

    def said(*words: str) -> dict[str, object]:
        assert main(["model", *words, *config, "--json"]) == 0
        found: dict[str, object] = json.loads(capsys.readouterr().out.strip().splitlines()[-1])
        return found

    def refused(*words: str) -> str:
        assert main(["model", *words, *config]) == 2
        return capsys.readouterr().err

    old = trained_model("person")
    lower = old.declaration.model_copy(update={"auto": -25.0, "review": -30.0, "cohesion": -20.0})
    draft = old.model_copy(update={"model_id": "person-draft", "declaration": lower})
    with hub.store() as store:
        store.save_model("person-draft", "person", json.loads(draft.model_dump_json()), publish=False)
    hub.configure(matching=None)
    hub.run()
    states = {m["model_id"]: m["status"] for m in said("list")["models"]}  # type: ignore[union-attr, attr-defined]
    assert states == {old.model_id: "published", "person-draft": "draft"}
    assert main(["model", "list", *config]) == 0 and "person-draft" in capsys.readouterr().out
    assert "was not compared" in refused("publish", "person-draft", "--by", "li")
    assert "no match model 'person-draf'" in refused("diff", "person-draf")
    assert "before the present one" in refused("rollback", "person", "--by", "li")
    found = said("diff", "person-draft")
    assert found["ids"]["moved"] and found["against"] == old.model_id  # type: ignore[index]
    assert hub.groups() == {"a", "b", "x"}
    assert said("publish", "person-draft", "--by", "li")["before"] == old.model_id
    assert "in use already" in refused("publish", "person-draft", "--by", "li")
    hub.run()
    assert hub.groups() == {"a b", "x"}
    assert said("rollback", "person", "--by", "li")["model_id"] == old.model_id
    hub.run()
    assert hub.groups() == {"a", "b", "x"}
    with hub.store() as store:
        entries = [
            (r["actor"], r["action"]) for r in store.find_audit(AuditFilter()) if r["action"].startswith("model.")
        ]
    assert entries == [("li", "model.rollback"), ("li", "model.publish")]
