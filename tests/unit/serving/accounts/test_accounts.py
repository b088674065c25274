from __future__ import annotations

import datetime as dt
import threading

import pytest

from models.store import Store
from models.store.audits import AuditFilter
from serving import accounts
from serving.accounts import passwords
from serving.accounts.people import digest

GOOD = "correct horse 9"


@pytest.fixture
def people(store: Store) -> Store:
    for name, role in (("root", "admin"), ("wang", "steward")):
        accounts.use_link(store, accounts.add_person(store, name, role, by="test"), GOOD)
    return store


def test_the_first_account_is_made_once(store: Store) -> None:
    token = accounts.first_link(store)
    assert token
    assert accounts.use_link(store, token, GOOD, name="root") == "root"
    assert store.account("root")["role"] == "admin"  # type: ignore[index]
    assert accounts.first_link(store) is None
    with pytest.raises(accounts.AccountError, match="used already"):
        accounts.use_link(store, token, GOOD, name="other")


def test_of_two_who_use_the_first_link_at_once_one_becomes_administrator(store: Store) -> None:
    token = accounts.first_link(store)
    assert token
    ended: list[str] = []

    def take(name: str) -> None:
        try:
            ended.append(accounts.use_link(store, token, GOOD, name=name))
        except accounts.AccountError:
            ended.append("")

    threads = [threading.Thread(target=take, args=(f"root{i}",)) for i in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(map(bool, ended)) == [False, True]
    assert len(store.accounts()) == 1


def test_a_link_that_is_too_old_leads_nowhere(people: Store) -> None:
    people.add_link(digest("old"), "wang", dt.datetime.now(dt.UTC) - dt.timedelta(seconds=1))
    with pytest.raises(accounts.AccountError, match="too old"):
        accounts.use_link(people, "old", GOOD)


def test_a_new_link_ends_the_one_before_and_a_new_password_all_sessions(people: Store) -> None:
    session = accounts.begin_session(people, "wang")
    first = accounts.link_for(people, "wang", by="root")
    second = accounts.link_for(people, "wang", by="root")
    with pytest.raises(accounts.AccountError):
        accounts.use_link(people, first, GOOD)
    assert accounts.find_session(people, session)
    accounts.use_link(people, second, "another horse 8")
    assert accounts.find_session(people, session) is None
    assert accounts.sign_in(people, "wang", "another horse 8") == "wang"


@pytest.mark.parametrize("password", ["short", "1111111111", "x" * 201, "my WANG password"])
def test_a_poor_password_is_refused(password: str) -> None:
    assert passwords.fault_of(password, "wang")


def test_wrong_passwords_are_slowed_down_and_a_right_one_ends_that(people: Store) -> None:
    for _ in range(4):
        with pytest.raises(accounts.SignInError) as refused:
            accounts.sign_in(people, "wang", "wrong")
        assert refused.value.wait == 0
    accounts.sign_in(people, "wang", GOOD)
    assert people.account("wang")["failures"] == 0  # type: ignore[index]
    for _ in range(7):
        try:
            accounts.sign_in(people, "wang", "wrong")
        except accounts.SignInError:
            people.change_account("wang", wait_until=None)
    with pytest.raises(accounts.SignInError):
        accounts.sign_in(people, "wang", "wrong")
    with pytest.raises(accounts.SignInError) as refused:
        accounts.sign_in(people, "wang", GOOD)  # even the right one has to wait now
    assert 1 < refused.value.wait <= 8


def test_nobody_learns_whether_a_name_exists(people: Store) -> None:
    for name in ("nobody", "wang"):
        with pytest.raises(accounts.SignInError) as refused:
            accounts.sign_in(people, name, "wrong")
        assert refused.value.wait == 0
    assert len(people.find_audit(AuditFilter(action="session.refused"))) == 2


def test_a_session_ends_by_itself_and_with_the_account(people: Store) -> None:
    token = accounts.begin_session(people, "wang", address="127.0.0.1", agent="x" * 999)
    session = accounts.find_session(people, token)
    assert session and (session.name, session.role) == ("wang", "steward")
    assert accounts.find_session(people, token + "x") is None
    accounts.set_role(people, "wang", "lead_steward", by="root")
    assert accounts.find_session(people, token).role == "lead_steward"  # type: ignore[union-attr]
    accounts.disable_person(people, "wang", by="root")
    assert accounts.find_session(people, token) is None
    with pytest.raises(accounts.SignInError):
        accounts.sign_in(people, "wang", GOOD)
    accounts.enable_person(people, "wang", by="root")
    assert accounts.sign_in(people, "wang", GOOD)


def test_a_session_that_nobody_uses_is_over(people: Store) -> None:
    now = dt.datetime.now(dt.UTC)
    row = {
        "id": digest("t"),
        "account": "wang",
        "csrf": "c",
        "created_at": now,
        "expires_at": now + dt.timedelta(days=1),
    }
    people.add_session({**row, "seen_at": now - dt.timedelta(hours=13)})
    assert accounts.find_session(people, "t") is None


def test_the_last_administrator_stays(people: Store) -> None:
    with pytest.raises(accounts.AccountError, match="last administrator"):
        accounts.disable_person(people, "root", by="root")
    with pytest.raises(accounts.AccountError, match="last administrator"):
        accounts.set_role(people, "root", "viewer", by="root")
    accounts.set_role(people, "wang", "admin", by="root")
    accounts.disable_person(people, "root", by="wang")


def test_unknown_names_and_roles_are_told_with_the_nearest(people: Store) -> None:
    with pytest.raises(accounts.AccountError, match="did you mean 'wang'"):
        accounts.disable_person(people, "wagn", by="root")
    with pytest.raises(accounts.AccountError, match="did you mean 'steward'"):
        accounts.set_role(people, "wang", "stewart", by="root")
    with pytest.raises(accounts.AccountError, match="already"):
        accounts.add_person(people, "wang", "viewer", by="root")
    with pytest.raises(accounts.AccountError, match="cannot be the name"):
        accounts.add_person(people, "a b", "viewer", by="root")


def test_every_step_is_in_the_audit_log(people: Store) -> None:
    accounts.change_password(people, "wang", GOOD, "another horse 8")
    with pytest.raises(accounts.AccountError):
        accounts.change_password(people, "wang", GOOD, "another horse 7")
    said = [row["action"] for row in people.find_audit(AuditFilter(object_id="wang"), oldest_first=True)]
    assert said == ["account.add", "account.link", "account.password", "account.password", "account.password_refused"]
