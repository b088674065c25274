"""Keys of programs: made once, proved by their secret half, replaced, revoked."""

from __future__ import annotations

import datetime as dt
import time

import pytest
import sqlalchemy as sa

from models.errors import ConfigError
from models.store import Store
from models.store.account_tables import api_key
from serving.access import NotSignedIn
from serving.access.keys import authenticate, issue, revoke, rotate, state


def test_a_key_proves_its_program_and_its_use_is_noted(store: Store) -> None:
    made = issue(store, "erp", by="admin", scopes=["changes.read", "personal"])
    who = authenticate(store, made.token)
    assert (who.consumer, who.key_id, who.kind) == ("erp", made.key_id, "key")
    assert who.rights == {"changes.read"} and who.sees == {"public", "personal"}
    # It is noted beside the request, and by one request of a moment only.
    until = time.monotonic() + 30
    while (row := store.key(made.key_id)) and row["used_at"] is None and time.monotonic() < until:
        time.sleep(0.02)
        authenticate(store, made.token)
    assert row is not None and row["used_at"] is not None


def test_the_store_holds_no_secret_half(store: Store) -> None:
    made = issue(store, "erp", by="admin")
    secret = made.token.rpartition("_")[2][:20]
    with store.database.read() as connection:
        kept = str([dict(r) for r in connection.execute(sa.select(api_key)).mappings()]) + str(
            connection.execute(sa.text("SELECT detail FROM audit")).all()
        )
    assert secret not in kept and made.token not in kept


@pytest.mark.parametrize(
    "spoil",
    [
        lambda token: token[:-1] + ("A" if token[-1] != "A" else "B"),
        lambda token: token.replace(token.split("_")[1], "0" * 12),
        lambda token: "",
        lambda token: token + "x",
        lambda token: token.upper(),
        lambda token: "kehu_" + "\u0660" * 12 + "_" + "a" * 43,
    ],
)
def test_any_other_text_is_refused(store: Store, spoil: object) -> None:
    made = issue(store, "erp", by="admin")
    with pytest.raises(NotSignedIn):
        authenticate(store, spoil(made.token))  # type: ignore[operator]


def test_revoked_and_expired_keys_are_refused(store: Store) -> None:
    made, short = issue(store, "erp", by="admin"), issue(store, "erp", by="admin", days=0)
    revoke(store, made.key_id, by="admin")
    for key in (made, short):
        with pytest.raises(NotSignedIn):
            authenticate(store, key.token)
    assert [state(k) for k in store.keys("erp")].count("revoked") == 1
    with pytest.raises(ConfigError, match="revoked already"):
        revoke(store, made.key_id, by="admin")


def test_a_replaced_key_holds_for_the_grace_and_the_new_one_has_its_rights_and_span(store: Store) -> None:
    old = issue(store, "erp", by="admin", scopes=["match", "secret"], days=30)
    new = rotate(store, old.key_id, by="admin", grace_hours=2)
    assert authenticate(store, old.token).rights == authenticate(store, new.token).rights == {"match"}
    rows = {k["key_id"]: k for k in store.keys("erp")}
    now = dt.datetime.now(dt.UTC)
    assert now < rows[old.key_id]["expires_at"] <= now + dt.timedelta(hours=2)
    assert rows[new.key_id]["expires_at"] > now + dt.timedelta(days=29)
    rotate(store, new.key_id, by="admin", grace_hours=0)
    with pytest.raises(NotSignedIn):
        authenticate(store, new.token)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"consumer": "ERP 1"}, "cannot name a program"),
        ({"role": "consumr"}, "did you mean 'consumer'"),
        ({"scopes": ["changes.raed"]}, "did you mean 'changes.read'"),
        ({"scopes": ["accounts.manage"]}, "does not have the right"),
        ({"role": "viewer", "scopes": ["personal"]}, "does not see"),
        ({"scopes": ["purpose:a", "purpose:b"]}, "one purpose"),
    ],
)
def test_what_no_key_can_have_is_refused(store: Store, values: dict[str, object], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        issue(store, **{"consumer": "erp", "by": "admin", **values})  # type: ignore[arg-type]
    assert store.keys() == []


def test_every_change_of_a_key_is_in_the_audit_log(store: Store) -> None:
    from models.store.audits import AuditFilter

    made = issue(store, "erp", by="cli:li")
    revoke(store, rotate(store, made.key_id, by="cli:li").key_id, by="cli:li")
    entries = store.find_audit(AuditFilter(actor="cli:li"), oldest_first=True)
    assert [e["action"] for e in entries] == ["key.add", "key.add", "key.rotate", "key.revoke"]
