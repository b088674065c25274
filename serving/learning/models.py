"""Match models: which there are, what publishing one would change, publishing it, going back to the one before."""

from __future__ import annotations

from typing import Any

from models.config import nearest
from models.store import Store
from serving.access import Principal
from serving.stewardship.errors import Refused, Unknown


def models_of(store: Store, who: Principal, entity: str | None = None) -> list[dict[str, Any]]:
    """The models, the newest first: model_id, entity_type, status, created_at, published_at, `compared` (whether it was
    compared with the one in use). Raises NotAllowed.
    """
    who.require("models.read")
    rows = store.list_models(entity)[::-1]
    in_use = {row["entity_type"]: row["model_id"] for row in rows if row["status"] == "published"}
    for row in rows:
        against = in_use.get(row["entity_type"])
        row["compared"] = against is not None and store.comparison(row["model_id"], against) is not None
    return rows


def model_comparison(store: Store, who: Principal, model_id: str, against: str | None = None) -> dict[str, Any]:
    """What publishing a model would change against another (by default the one in use): see `matching.compare`.

    Raises NotAllowed, Unknown where there is no such model, Refused where the two were not compared yet.
    """
    who.require("models.read")
    row = _model(store, model_id)
    against = against or _in_use(store, row["entity_type"])
    if against is None or against == model_id:
        raise Refused(f"{model_id} is the model in use; name another one to compare it with")
    found = store.comparison(model_id, against)
    if found is None:
        raise Refused(f"{model_id} was not compared with {against} yet; 'kehu model diff {model_id}' does it")
    return found


def publish_model(store: Store, who: Principal, model_id: str) -> dict[str, Any]:
    """Put a model into use, from the next run on, which resolves everything with it. Returns model_id and `before`.

    Raises NotAllowed, Unknown, Refused where it was not compared with the one in use before.
    """
    who.require("runs.start")
    row = _model(store, model_id)
    before = _in_use(store, row["entity_type"])
    if before == model_id:
        raise Refused(f"{model_id} is in use already")
    if before is not None:
        model_comparison(store, Principal.system(), model_id, before)
    store.publish_model(model_id)
    store.add_audit(who.name, "model.publish", object_type="model", object_id=model_id, detail={"before": before})
    return {"model_id": model_id, "entity_type": row["entity_type"], "before": before}


def roll_back(store: Store, who: Principal, entity: str) -> dict[str, Any]:
    """Put the model into use again that was in use before the present one. Returns model_id and `before`.

    Raises NotAllowed, Refused where there was none before.
    """
    who.require("runs.start")
    retired = [row for row in store.list_models(entity) if row["status"] == "retired" and row["published_at"]]
    if not retired:
        raise Refused(f"no model of {entity} was in use before the present one")
    last = max(retired, key=lambda row: row["published_at"])
    before = _in_use(store, entity)
    store.publish_model(last["model_id"])
    detail = {"before": before}
    store.add_audit(who.name, "model.rollback", object_type="model", object_id=last["model_id"], detail=detail)
    return {"model_id": last["model_id"], "entity_type": entity, "before": before}


def _model(store: Store, model_id: str) -> dict[str, Any]:
    rows = {row["model_id"]: row for row in store.list_models()}
    if model_id not in rows:
        near = nearest(model_id, rows)
        hint = f" (did you mean '{near}'?)" if near else ""
        raise Unknown(f"there is no match model '{model_id}'{hint}")
    return rows[model_id]


def _in_use(store: Store, entity: str) -> str | None:
    return next((r["model_id"] for r in store.list_models(entity) if r["status"] == "published"), None)
