"""Who may use the hub: the accounts, sessions, links and keys of a store, as rows.

Knows no passwords and no cookies: what is hashed how, and who may do what, is serving's work.
"""

from __future__ import annotations

import datetime as dt
from typing import Any

import orjson
import sqlalchemy as sa

from models.store.account_tables import account, api_key, one_time_link, web_session
from models.store.database import Database, moment
from models.store.looks import Ask
from models.store.serving_tables import webhook

Row = dict[str, Any]


class Accounts:
    """The half of a store that keeps who may use it."""

    database: Database

    def account(self, name: str) -> Row | None:
        """One account as a dictionary; None if there is none of this name."""
        return self._one(sa.select(account).where(account.c.name == name))

    def account_of_subject(self, subject: str) -> Row | None:
        """The account of somebody whom a single sign-on vouches for."""
        return self._one(sa.select(account).where(account.c.subject == subject))

    def accounts(self) -> list[Row]:
        """All accounts by name, disabled ones too."""
        with self.database.read() as connection:
            return [dict(row) for row in connection.execute(sa.select(account).order_by(account.c.name)).mappings()]

    def has_accounts(self) -> bool:
        """Whether anybody can sign in at all."""
        return not self.database.is_empty(account)

    def add_account(self, name: str, role: str, *, by: str, **values: Any) -> bool:
        """Make an account. Returns False, and changes nothing, when there is one of this name."""
        row = {"name": name, "role": role, "created_by": by, "created_at": _now(), "failures": 0, **values}
        with self.database.write() as connection:
            if connection.scalar(sa.select(account.c.name).where(account.c.name == name)) is not None:
                return False
            connection.execute(sa.insert(account).values(**row))
        return True

    def change_account(self, name: str, *, end_sessions: bool = False, **values: Any) -> bool:
        """Set columns of an account, and with `end_sessions` sign it out everywhere. Returns whether there is one."""
        with self.database.write() as connection:
            if end_sessions:
                connection.execute(sa.delete(web_session).where(web_session.c.account == name))
            where = account.c.name == name
            return bool(connection.execute(sa.update(account).where(where).values(**values)).rowcount)

    def add_session(self, row: Row) -> None:
        """Begin a session; those that are over are forgotten on the way."""
        with self.database.write() as connection:
            connection.execute(sa.delete(web_session).where(web_session.c.expires_at < _now()))
            connection.execute(sa.insert(web_session).values(**row))

    def session(self, number: str) -> Row | None:
        """A session with its account (`role`, `display`, `language`, `disabled_at`); None if there is none."""
        a, s = account.c, web_session
        query = sa.select(s, a.role, a.display, a.language, a.disabled_at)
        return self._one(query.join_from(s, account, s.c.account == a.name).where(s.c.id == number))

    def sessions_of(self, name: str) -> list[Row]:
        """The sessions of an account, the newest first."""
        query = sa.select(web_session).where(web_session.c.account == name)
        with self.database.read() as connection:
            rows = connection.execute(query.order_by(web_session.c.created_at.desc())).mappings()
            return [dict(row) for row in rows]

    def saw_session(self, number: str, name: str) -> None:
        """Note that a session is in use; left out where another process is writing, since nobody should wait for it."""
        now = _now()
        with self.database.write(wait=False) as connection:
            connection.execute(sa.update(web_session).where(web_session.c.id == number).values(seen_at=now))
            connection.execute(sa.update(account).where(account.c.name == name).values(seen_at=now))

    def end_session(self, number: str) -> None:
        """Forget a session."""
        with self.database.write() as connection:
            connection.execute(sa.delete(web_session).where(web_session.c.id == number))

    def add_link(self, number: str, name: str | None, expires_at: dt.datetime) -> None:
        """Keep a link; those given out before for the same account lead nowhere from now on."""
        mine = one_time_link.c.account.is_(None) if name is None else one_time_link.c.account == name
        with self.database.write() as connection:
            connection.execute(sa.delete(one_time_link).where(mine, one_time_link.c.used_at.is_(None)))
            row = {"id": number, "account": name, "created_at": _now(), "expires_at": expires_at}
            connection.execute(sa.insert(one_time_link).values(**row))

    def link(self, number: str) -> Row | None:
        """A link that can still be used; None for one that was used, is too old, or never was."""
        c = one_time_link.c
        return self._one(sa.select(one_time_link).where(c.id == number, c.used_at.is_(None), c.expires_at > _now()))

    def use_link(self, number: str) -> bool:
        """Use a link. Of two who try at once one gets True."""
        c = one_time_link.c
        usable = sa.and_(c.id == number, c.used_at.is_(None), c.expires_at > _now())
        with self.database.write() as connection:
            return bool(connection.execute(sa.update(one_time_link).where(usable).values(used_at=_now())).rowcount)

    def add_key(self, row: Row) -> None:
        """Keep a key of a program; `scopes` as a list."""
        values = {"created_at": _now(), **row, "scopes": orjson.dumps(list(row.get("scopes", ()))).decode()}
        with self.database.write() as connection:
            connection.execute(sa.insert(api_key).values(**values))

    def key(self, key_id: str) -> Row | None:
        """A key by its public half, `scopes` as a list; None if there is none. Says nothing of whether it holds."""
        return _key_of(self.database.row(_KEY, key_id))

    def key_and(self, key_id: str, other: Ask) -> tuple[Row | None, tuple[Any, ...] | None]:
        """`key`, and the row of another statement, whose first column is never null, on one way to the database."""
        key, row = self.database.both((_KEY, (key_id,)), len(_KEY_COLUMNS), other)
        return _key_of(key), row

    def keys(self, consumer: str | None = None) -> list[Row]:
        """All keys, or those of a program, the newest first."""
        query = sa.select(api_key).order_by(api_key.c.created_at.desc(), api_key.c.key_id)
        query = query if consumer is None else query.where(api_key.c.consumer == consumer)
        with self.database.read() as connection:
            rows = [dict(row) for row in connection.execute(query).mappings()]
        return [{**row, "scopes": orjson.loads(row["scopes"])} for row in rows]

    def change_key(self, key_id: str, *, wait: bool = True, **values: Any) -> bool:
        """Set columns of a key; without `wait` left out where another process is writing."""
        with self.database.write(wait=wait) as connection:
            where = api_key.c.key_id == key_id
            return bool(connection.execute(sa.update(api_key).where(where).values(**values)).rowcount)

    def hand_over_webhooks(self, key_id: str, to: str) -> int:
        """Let the webhooks of a key go on with the key that takes its place; how many there are."""
        with self.database.write() as connection:
            mine = sa.update(webhook).where(webhook.c.key_id == key_id)
            return int(connection.execute(mine.values(key_id=to)).rowcount)

    def _one(self, query: sa.Select[Any]) -> Row | None:
        with self.database.read() as connection:
            row = connection.execute(query).mappings().first()
            return None if row is None else dict(row)


_KEY_COLUMNS = tuple(column.name for column in api_key.c)
_KEY = f"SELECT {', '.join(_KEY_COLUMNS)} FROM api_key WHERE key_id = ?"  # asked with every request of a program


def _key_of(row: tuple[Any, ...] | None) -> Row | None:
    if row is None:
        return None
    found = dict(zip(_KEY_COLUMNS, row, strict=True))
    times = {name: moment(found[name]) for name in ("created_at", "expires_at", "revoked_at", "used_at")}
    return {**found, **times, "scopes": orjson.loads(found["scopes"])}


def _now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)
