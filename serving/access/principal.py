"""Somebody who asks: a person with an account or a program with a key, with what they may do and see."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal, cast

from models.errors import KehuError
from models.stewardship import Role
from models.vocabulary import Sensitivity
from serving.access.rights import RIGHTS, ROLE_RIGHTS, ROLE_SEES, SENSITIVITIES

PURPOSE = "purpose:"
"""What a scope starts with that binds a key to a purpose, as `purpose:marketing`."""


class AccessError(KehuError):
    """A request that is refused for who makes it; `status` is the HTTP status, `code` the stable word for programs."""

    status = 403
    code = "forbidden"


class NotSignedIn(AccessError):
    """Nobody, or somebody whose key or session does not hold (any more)."""

    status = 401
    code = "not_signed_in"


class NotAllowed(AccessError):
    """Somebody who lacks a right."""

    def __init__(self, right: str):
        self.right = right
        super().__init__(f"this needs the right '{right}': to {RIGHTS.get(right, right)}")


@dataclass(frozen=True)
class Principal:
    """Who asks. `name` is what the audit log calls them: `NAME` of an account, `key:CONSUMER/KEY` of a program.

    `purpose` is what a program uses data of persons for; persons who have not consented to it are withheld.
    """

    name: str
    kind: Literal["account", "key", "system"]
    role: Role
    rights: frozenset[str]
    sees: frozenset[Sensitivity]
    consumer: str | None = None
    key_id: str | None = None
    purpose: str | None = None

    @classmethod
    def of_account(cls, name: str, role: Role) -> Principal:
        """Somebody who is signed in with an account."""
        return cls(name, "account", role, ROLE_RIGHTS[role], ROLE_SEES[role])

    @classmethod
    def of_key(cls, key: Mapping[str, Any]) -> Principal:
        """A program, by the row of its key. Without rights among its scopes it has those of its role.

        Personal and secret attributes it sees only where a scope says so, and never more than its role.
        """
        role = cast(Role, key["role"])
        scopes = set(key["scopes"])
        rights, sees = ROLE_RIGHTS[role], ROLE_SEES[role] & (scopes | {"public"})
        purposes = sorted(s.removeprefix(PURPOSE) for s in scopes if s.startswith(PURPOSE))
        return cls(
            f"key:{key['consumer']}/{key['key_id']}",
            "key",
            role,
            rights & scopes if scopes & RIGHTS.keys() else rights,
            sees,
            consumer=key["consumer"],
            key_id=key["key_id"],
            purpose=purposes[0] if purposes else None,
        )

    @classmethod
    def system(cls, name: str = "system") -> Principal:
        """The hub itself, or who works on its machine with the command line: may do and see everything."""
        return cls(name, "system", "admin", frozenset(RIGHTS), frozenset(SENSITIVITIES))

    def may(self, right: str) -> bool:
        """Whether they have a right. Raises KeyError for one that does not exist."""
        if right not in RIGHTS:
            raise KeyError(right)
        return right in self.rights

    def require(self, right: str) -> None:
        """Raises NotAllowed unless they have a right."""
        if not self.may(right):
            raise NotAllowed(right)

    def without(self, sensitivities: Iterable[Sensitivity]) -> Principal:
        """The same, but seeing less."""
        return replace(self, sees=self.sees - set(sensitivities))
