"""Quality of matching, and its models: what publishing another one would change, publish, roll back."""

from __future__ import annotations

import math
from typing import Any

from fastapi import APIRouter
from fastapi.exceptions import HTTPException
from fastapi.responses import Response

from models.match_model import PublishedModel
from models.vocabulary import PARTY_TYPES
from serving.learning.models import publish_model, roll_back
from serving.learning.quality import MatchQuality, match_quality
from serving.model_view import describe_model, get_model
from serving.stewardship import StewardError
from serving.web.languages import N_
from serving.web.registry import Entry
from serving.web.rendering import go, page
from serving.web.told import told
from serving.web.visits import SignedIn, Visit

RIGHT, PUBLISH = "models.read", "runs.start"
NAVIGATION = (Entry("matching", N_("Matching"), "/matching", 50, "git-merge", RIGHT),)
router = APIRouter()
_BELOW = {"nameLocation": "middle", "nameGap": 26}


@router.get("/matching")
def matching(visit: SignedIn) -> Response:
    """Histogram of weights with thresholds, precision and recall by stewards' verdicts, workload."""
    visit.require(RIGHT)
    given = (visit.store, visit.config, visit.reader)
    found = [q for entity in PARTY_TYPES if (q := match_quality(*given, entity)) is not None]
    return page(
        visit,
        "matching/quality.html",
        title=visit.speech("Matching"),
        here="matching",
        tab="quality",
        found=found,
        charts={q.entity_type: _histogram(visit, q) for q in found},
        work={q.entity_type: _workload(visit, q) for q in found},
    )


@router.get("/matching/models")
def models(visit: SignedIn) -> Response:
    """All models, the newest first."""
    visit.require(RIGHT)
    return _models(visit, None)


@router.get("/matching/models/{model_id}")
def model(visit: SignedIn, model_id: str) -> Response:
    """One model: what it learned, and what it would change against the one in use."""
    visit.require(RIGHT)
    row = next((m for m in visit.store.list_models() if m["model_id"] == model_id), None)
    if row is None:
        raise HTTPException(404, visit.speech("There is no model %(name)s.", name=model_id))
    document = get_model(visit.store, model_id)
    _, levels = describe_model(document)
    used = visit.store.load_published_model(row["entity_type"])
    against = used["model_id"] if used and used["model_id"] != model_id else None
    comparison = visit.store.comparison(model_id, against) if against else None
    return page(
        visit,
        "matching/model.html",
        title=model_id,
        here="matching",
        tab="models",
        model=row,
        lines=_lines(visit, document),
        levels=levels,
        widest=max((abs(level[4]) for level in levels), default=1.0),
        against=against,
        comparison=comparison,
        told=comparison["document"] if comparison else None,
        flips=_flips(visit, comparison["document"]) if comparison else [],
        may_publish=visit.may(PUBLISH),
    )


@router.post("/matching/models/{model_id}/publish")
def publish(visit: SignedIn, model_id: str) -> Response:
    """Put a model into use; the one before is kept."""
    try:
        publish_model(visit.store, visit.reader, model_id)
    except StewardError as refused:
        return _models(visit, {"kind": "wrong", "text": told(visit.speech, str(refused))}, refused.status)
    return go(visit, f"/matching/models?published={model_id}")


@router.post("/matching/rollback/{entity}")
def rollback(visit: SignedIn, entity: str) -> Response:
    """Put the model into use again that was in use before."""
    try:
        done = roll_back(visit.store, visit.reader, entity)
    except StewardError as refused:
        return _models(visit, {"kind": "wrong", "text": told(visit.speech, str(refused))}, refused.status)
    return go(visit, f"/matching/models?published={done['model_id']}")


def _models(visit: Visit, notice: dict[str, Any] | None, status: int = 200) -> Response:
    if notice is None and visit.asked("published"):
        text = visit.speech("%(name)s is in use from the next run on.", name=visit.asked("published"))
        notice = {"kind": "done", "text": text}
    models = visit.store.list_models()[::-1]
    return page(
        visit,
        "matching/models.html",
        title=visit.speech("Models"),
        here="matching",
        tab="models",
        status=status,
        notice=notice,
        models=models,
        behind={m["entity_type"] for m in models if m["status"] == "retired"},
        may_publish=visit.may(PUBLISH),
    )


def _flips(visit: Visit, told: dict[str, Any]) -> list[tuple[str, str, Any, Any, bool]]:
    """Examples of golden values that would be others: golden id, attribute, before, after, whether one may see it."""
    entity, found = told["entity_type"], []
    for row in told["examples"]:
        before, after = row["before"] or {}, row["after"] or {}
        for name in sorted(before.keys() | after.keys()):
            if before.get(name) != after.get(name):
                sees = visit.masking.sees(visit.reader, entity, name)
                found.append((row["golden_id"], name, before.get(name), after.get(name), sees))
    seen = sorted(
        {name for _, name, _, _, sees in found if sees and visit.masking.sensitivity(entity, name) != "public"}
    )
    visit.reads.read(visit.reader, "model.view", object_type="model", object_id=told["model_id"], attributes=seen)
    return found


def _histogram(visit: Visit, found: MatchQuality) -> dict[str, Any]:
    """The chart of the histogram; pairs on a logarithmic scale, since few are doubtful and most are not."""

    def colour(weight: float) -> str:
        return "var:agree" if weight >= found.auto else "var:person" if weight >= found.review else "var:missing"

    known = {b.start: b.pairs for b in found.bins}
    edges = list(range(min(known), max(known) + 1)) if known else []
    bars = [{"value": known.get(w) or None, "itemStyle": {"color": colour(w + 0.5)}} for w in edges]
    lines = [
        {
            "xAxis": min(max(int(at - edges[0]), 0), len(edges) - 1),
            "label": {"formatter": f"{name} {at:g}", "align": side, "distance": 14},
        }
        for name, at, side in (
            (visit.speech("review"), found.review, "right"),  # the two lines stand close: each label to its own side
            (visit.speech("merge"), found.auto, "left"),
        )
        if edges
    ]
    mark = {"symbol": "none", "lineStyle": {"color": "var:ink"}, "label": {"color": "var:ink"}, "data": lines}
    return {
        "grid": {"left": 64, "right": 24, "top": 40, "bottom": 40},
        "tooltip": {"trigger": "axis"},
        "xAxis": {
            "type": "category",
            "data": [f"{w:g}" for w in edges],
            "name": "bit",
            "nameLocation": "middle",
            "nameGap": 26,
        },
        # Bars stand on what is less than one pair: on 1, the one pair of a weight would not be seen.
        "yAxis": {"type": "log", "min": 0.5, "startValue": 0.5, "axisLabel": {"showMinLabel": False}},
        "series": [{"type": "bar", "data": bars, "barCategoryGap": "10%", "markLine": mark}],
    }


def _workload(visit: Visit, found: MatchQuality) -> dict[str, Any]:
    days = found.days
    say = visit.speech
    named = (
        ("decisions", say("decisions"), "var:accent"),
        ("opened", say("tasks opened"), "var:person"),
        ("closed", say("tasks closed"), "var:agree"),
    )
    return {
        "grid": {"left": 48, "right": 16, "top": 34, "bottom": 28},
        "tooltip": {"trigger": "axis"},
        "legend": {"top": 0},
        "xAxis": {"type": "category", "data": [f"{d.day:%m-%d}" for d in days]},
        "yAxis": {"type": "value", "minInterval": 1},
        "series": [
            {"type": "bar", "name": name, "data": [getattr(d, key) for d in days], "itemStyle": {"color": colour}}
            for key, name, colour in named
        ],
    }


def _lines(visit: Visit, document: dict[str, Any]) -> list[str]:
    """What a model rests on, in sentences."""
    say, learned = visit.speech, PublishedModel.model_validate(document)
    declared, odds = learned.declaration, math.log2(learned.prior / (1 - learned.prior))
    probability = f"{learned.prior:.3g}"
    return [
        say("trained %(when)s on %(n)s records", when=say.moment(learned.created_at), n=say.number(learned.records)),
        say(
            "two records drawn at random match with probability %(p)s (%(w)s bits)",
            p=probability,
            w=say.number(odds, 2),
        ),
        say(
            "merged from %(auto)s bits, shown to a steward from %(review)s bits",
            auto=say.number(declared.auto, 1),
            review=say.number(declared.review, 1),
        ),
        say("candidates share one of: %(rules)s", rules=", ".join(rule.name for rule in declared.blocking)),
    ]
