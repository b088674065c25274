"""Who may do what, and who may see what: one declaration, read by the interface for programs, the pages and the tests.

Says nothing of how somebody proves who they are (`keys`, and the sessions of the pages).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import get_args

from models.stewardship import Role
from models.vocabulary import Sensitivity

RIGHTS: Mapping[str, str] = {
    "customers.read": "read golden records, their sources, history, relations and 360 view",
    "customers.create": "create a customer, or attach one that is already there (search before create)",
    "match": "ask which golden records a description may be",
    "changes.read": "read the change feed",
    "exports.make": "have whole tables written",
    "corrections.read": "read where a source holds another value than the golden record",
    "findings.read": "read findings and the matrix of touchpoints",
    "findings.act": "waive findings, or hand them back",
    "tasks.read": "read tasks and decisions",
    "tasks.work": "claim and comment tasks, decide about pairs and values, and undo own decisions",
    "tasks.lead": "assign tasks, decide in bulk, split, approve, and undo anybody's decisions",
    "models.read": "read match models and how runs went",
    "sources.read": "read the state of sources, deliveries, runs and quarantine",
    "runs.start": "start runs, and publish match models",
    "webhooks.manage": "set up webhooks, pause and replay them",
    "usage.read": "read which program used what, and how far behind it is",
    "audit.read": "read the audit log",
    "accounts.manage": "make and change accounts and keys",
    "privacy.manage": "subject access, erasure and consent",
}
"""Every right there is, with what it allows."""

_READS = frozenset({"customers.read", "findings.read"})
_STEWARD = _READS | {"tasks.read", "tasks.work", "findings.act", "match", "customers.create", "corrections.read"}

ROLE_RIGHTS: Mapping[Role, frozenset[str]] = {
    "viewer": _READS,
    "steward": _STEWARD,
    "lead_steward": _STEWARD | {"tasks.lead", "exports.make", "models.read", "audit.read", "privacy.manage"},
    "engineer": _READS
    | {
        "tasks.read",
        "models.read",
        "sources.read",
        "runs.start",
        "changes.read",
        "corrections.read",
        "webhooks.manage",
        "usage.read",
    },
    "admin": frozenset(RIGHTS) - {"tasks.work", "tasks.lead", "customers.create", "findings.act"},
    "consumer": _READS
    | {"customers.create", "match", "changes.read", "exports.make", "corrections.read", "webhooks.manage"},
}
"""What each role may do. An admin runs the hub but decides about no customer."""

ROLE_SEES: Mapping[Role, frozenset[Sensitivity]] = {
    "viewer": frozenset({"public"}),
    "steward": frozenset({"public", "personal"}),
    "lead_steward": frozenset({"public", "personal", "secret"}),
    "engineer": frozenset({"public"}),
    "admin": frozenset({"public", "personal"}),
    "consumer": frozenset({"public", "personal", "secret"}),  # the most that a key may be given; see `keys`
}
"""Attributes of which sensitivity each role sees unmasked."""

ROLES: tuple[Role, ...] = get_args(Role)
SENSITIVITIES: tuple[Sensitivity, ...] = get_args(Sensitivity)
