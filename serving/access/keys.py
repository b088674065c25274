"""Keys of programs: made, proved, replaced, revoked. A key is shown once; the store keeps a hash of its secret half."""

from __future__ import annotations

import datetime as dt
import hashlib
import hmac
import re
import secrets
import threading
from collections.abc import Sequence
from typing import Any, NamedTuple

from models.config import nearest
from models.errors import ConfigError, StoreError
from models.stewardship import Role
from models.store import Store
from models.store.looks import Ask
from serving.access.principal import PURPOSE, NotSignedIn, Principal
from serving.access.rights import RIGHTS, ROLE_RIGHTS, ROLE_SEES, ROLES, SENSITIVITIES

PREFIX = "kehu"
DEFAULT_DAYS = 365
GRACE_HOURS = 24.0
_TOKEN = re.compile(r"kehu_([0-9a-f]{12})_([A-Za-z0-9_-]{43})")
_CONSUMER = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")
_PURPOSE = re.compile(r"purpose:[a-z0-9][a-z0-9_-]{0,62}")
_NOTED_EVERY = dt.timedelta(minutes=1)


class Issued(NamedTuple):
    """A new key: its public half, and the whole, which nobody will see again."""

    key_id: str
    token: str


def issue(
    store: Store,
    consumer: str,
    *,
    by: str,
    role: str = "consumer",
    scopes: Sequence[str] = (),
    days: float | None = DEFAULT_DAYS,
) -> Issued:
    """Make a key for a program. Raises ConfigError for a name, role or scope that cannot be.

    Scopes are rights, sensitivities (`personal`, `secret`) and one `purpose:NAME`; without a right among them the key
    has those of its role. `days` None makes a key that does not expire.
    """
    check(consumer, role, scopes)
    key_id, secret = secrets.token_hex(6), secrets.token_urlsafe(32)
    store.add_key(
        {
            "key_id": key_id,
            "consumer": consumer,
            "role": role,
            "hash": _hash(secret),
            "scopes": sorted(set(scopes)),
            "created_by": by,
            "expires_at": None if days is None else _now() + dt.timedelta(days=days),
        }
    )
    detail = {"consumer": consumer, "role": role, "scopes": sorted(set(scopes))}
    store.add_audit(by, "key.add", object_type="key", object_id=key_id, detail=detail)
    return Issued(key_id, f"{PREFIX}_{key_id}_{secret}")


def check(consumer: str, role: str, scopes: Sequence[str]) -> None:
    """Raises ConfigError for what no key can have."""
    if not _CONSUMER.fullmatch(consumer):
        raise ConfigError(f"'{consumer}' cannot name a program: small letters, digits, - and _, at most 63")
    if role not in ROLES:
        raise ConfigError(f"there is no role '{role}'; there are {', '.join(ROLES)}", nearest=nearest(role, ROLES))
    known: Role = next(r for r in ROLES if r == role)
    for scope in scopes:
        if scope in RIGHTS:
            if scope not in ROLE_RIGHTS[known]:
                raise ConfigError(f"the role '{role}' does not have the right '{scope}'")
        elif scope in SENSITIVITIES:
            if scope not in ROLE_SEES[known]:
                raise ConfigError(f"the role '{role}' does not see attributes that are {scope}")
        elif not _PURPOSE.fullmatch(scope):
            names = [*RIGHTS, *SENSITIVITIES, f"{PURPOSE}NAME"]
            raise ConfigError(
                f"there is no scope '{scope}'; there are {', '.join(names)}", nearest=nearest(scope, names)
            )
    if sum(s.startswith(PURPOSE) for s in scopes) > 1:
        raise ConfigError("a key serves one purpose; make a key for each")


def rotate(store: Store, key_id: str, *, by: str, grace_hours: float = GRACE_HOURS) -> Issued:
    """A new key in place of one, with the same rights and span; the old one holds for some hours more.

    Webhooks that were set up with it go on with the new one. Raises ConfigError for a key that is not there or holds no
    longer.
    """
    old = _holding(store, key_id)
    span = None if old["expires_at"] is None else (old["expires_at"] - old["created_at"]) / dt.timedelta(days=1)
    new = issue(store, old["consumer"], by=by, role=old["role"], scopes=old["scopes"], days=span)
    end = _now() + dt.timedelta(hours=grace_hours)
    if old["expires_at"] is None or old["expires_at"] > end:
        store.change_key(key_id, expires_at=end)
    moved = store.hand_over_webhooks(key_id, new.key_id)
    detail = {"replaced_by": new.key_id, "grace_hours": grace_hours, "webhooks": moved}
    store.add_audit(by, "key.rotate", object_type="key", object_id=key_id, detail=detail)
    return new


def revoke(store: Store, key_id: str, *, by: str) -> None:
    """Let a key hold no longer, from the next request on. Raises ConfigError for a key that does not hold."""
    _holding(store, key_id)
    store.change_key(key_id, revoked_at=_now())
    store.add_audit(by, "key.revoke", object_type="key", object_id=key_id)


def authenticate(store: Store, token: str) -> Principal:
    """The program whose key this is. Raises NotSignedIn, which does not say why, for any that does not hold."""
    found = _TOKEN.fullmatch(token)
    return _proved(store, found, store.key(found[1]) if found else None)


def authenticate_and(store: Store, token: str, other: Ask) -> tuple[Principal, tuple[Any, ...] | None]:
    """`authenticate`, and the row of another statement, whose first column is never null, on one way to the database.

    Whoever does not see what the row says must not be told of it: it is read before the key is proved.
    """
    found = _TOKEN.fullmatch(token)
    key, row = store.key_and(found[1], other) if found else (None, None)
    return _proved(store, found, key), row


def _proved(store: Store, found: re.Match[str] | None, key: dict[str, Any] | None) -> Principal:
    # Something is compared in any case, so that the time taken does not tell which ids there are.
    right = hmac.compare_digest(_hash(found[2] if found else ""), key["hash"] if key else _hash("none"))
    if key is None or not right or state(key) != "active":
        raise NotSignedIn("the key does not hold: unknown, expired or revoked")
    _note_use(store, key)
    return Principal.of_key(key)


def state(key: dict[str, Any]) -> str:
    """`active`, `expired` or `revoked`."""
    if key["revoked_at"] is not None:
        return "revoked"
    return "expired" if key["expires_at"] is not None and key["expires_at"] <= _now() else "active"


def _note_use(store: Store, key: dict[str, Any]) -> None:
    """When a key was last used, to the minute; nobody waits for it."""
    now = _now()
    if key["used_at"] is not None and now - key["used_at"] < _NOTED_EVERY:
        return
    if not _NOTING.acquire(blocking=False):
        return  # another request of this moment does it
    threading.Thread(target=_note, args=(store, key["key_id"], now), name="kehu-key-used", daemon=True).start()


def _note(store: Store, key_id: str, now: dt.datetime) -> None:
    try:
        store.change_key(key_id, wait=False, used_at=now)
    except StoreError:
        pass  # a run is publishing; the next request notes it
    finally:
        _NOTING.release()


_NOTING = threading.Lock()


def _holding(store: Store, key_id: str) -> dict[str, Any]:
    key = store.key(key_id)
    if key is None:
        known = [k["key_id"] for k in store.keys()]
        raise ConfigError(f"there is no key '{key_id}'", nearest=nearest(key_id, known))
    if state(key) != "active":
        raise ConfigError(f"the key '{key_id}' is {state(key)} already")
    return key


def _hash(secret: str) -> str:
    # The secret is 256 random bits: a slow hash, which protects what people think up, would only slow down requests.
    return hashlib.sha256(secret.encode()).hexdigest()


def _now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)
