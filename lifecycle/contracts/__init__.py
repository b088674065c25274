"""Contracts per stage: what `lifecycle.yaml` may say, the pack that comes with Kehu, and every rule in words.

Checks no data; how a rule is carried out is said in `lifecycle.rules`.
"""

from lifecycle.contracts.bound import BoundRule, bound_rules
from lifecycle.contracts.document import Contracts
from lifecycle.contracts.kinds import ASIDE, PHASES, STAGES
from lifecycle.contracts.load import load_contracts, pack_text, parse_contracts
from lifecycle.contracts.words import explain

__all__ = [
    "ASIDE",
    "PHASES",
    "STAGES",
    "BoundRule",
    "Contracts",
    "bound_rules",
    "explain",
    "load_contracts",
    "pack_text",
    "parse_contracts",
]
