"""The declaration and the limits that hold for a hub: the model's, with what the configuration changes about them."""

from __future__ import annotations

from dataclasses import dataclass

from matching.added import with_added
from matching.defaults import DEFAULTS
from models.config import Config
from models.match_model import CannotLink, Declaration, condition_columns


@dataclass(frozen=True)
class Limits:
    """Thresholds and caps that hold for this hub: the declaration's, unless the configuration says otherwise."""

    auto: float
    review: float
    block_cap: int
    max_cluster: int


def declared(config: Config, entity: str, base: Declaration | None = None) -> Declaration:
    """The declaration with what the configuration changes about it: `base`, a trained one, or the entity type's own."""
    options = getattr(config.matching, entity)
    given = {k: v for k in ("auto", "review", "block_cap", "max_cluster") if (v := getattr(options, k)) is not None}
    declaration = with_added(config, entity, base or DEFAULTS[entity], trained=base is not None)
    if options.merge_branches:
        given["cannot_link"] = [rule for rule in declaration.cannot_link if not _is_branch_rule(rule)]
    if "auto" in given and "review" not in given:
        given["review"] = min(declaration.review, given["auto"])
    return declaration.model_copy(update=given)


def _is_branch_rule(rule: CannotLink) -> bool:
    return "branch_mark" in condition_columns(rule.when)


def limits_of(declaration: Declaration) -> Limits:
    """The limits of a declaration."""
    return Limits(declaration.auto, declaration.review, declaration.block_cap, declaration.max_cluster)
