"""Real systems as subjects of the conformance kit; each sets its times of change, and the keys, itself."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any, ClassVar

from connectors.conformance import Row, Subject
from tests.systems.servers import PASSWORD, Bottle, Helpdesk, Tryton


class Numbered(Subject):
    """A system that gives its own keys."""

    def __init__(self, folder: Path):
        super().__init__(folder)
        self.numbers: dict[str, Any] = {}

    def hub_key(self, key: str) -> str:
        return str(self.numbers.get(key, key))


class Parties(Numbered):
    """Parties of Tryton."""

    can: ClassVar[frozenset[str]] = frozenset({"deletes", "empties", "incremental", "nulls"})
    secrets = (PASSWORD,)

    def __init__(self, folder: Path, server: Tryton):
        super().__init__(folder)
        self.server = server
        server.clear()

    @property
    def connector(self) -> dict[str, Any]:
        server = {"type": "tryton", "url": self.server.url, "database": "crm"}
        return {**server, "user": "admin", "password": PASSWORD, "overlap": 0}

    @property
    def stream(self) -> dict[str, Any]:
        fields = {"name": "name", "city": "address.city"}
        given = {"name": "parties", "entity": "organization", "key": "id", "updated_at": "last_modified_at"}
        return {**given, "deleted": "_deleted", "fields": fields, "options": {"resource": "parties"}}

    def put(self, rows: Iterable[Row]) -> None:
        fresh: dict[str, dict[str, Any]] = {}
        for row in rows:
            address = [["create", [{"city": row.city}]]] if row.city is not None else []
            if row.key not in self.numbers:
                fresh[row.key] = {"name": row.name, "addresses": address}
                continue
            number = self.numbers[row.key]
            old = self.server.call("party.address.search", [["party", "=", number]], 0, None, None)
            if old:
                self.server.call("party.address.delete", old)
            self.server.call("party.party.write", [number], {"name": row.name, "addresses": address})
        # What is written in one call has one time of change: the last row has one of its own, which is the cursor then.
        *keys, last = [*fresh] or [None]
        for some in (keys, [last] if last else []):
            if some:
                made = self.server.call("party.party.create", [fresh[key] for key in some])
                self.numbers |= dict(zip(some, made, strict=True))
                time.sleep(1.1 if len(keys) > 50 else 0)

    def remove(self, keys: Iterable[str], at: dt.datetime) -> None:
        self.server.call("party.party.delete", [self.numbers.pop(key) for key in keys])


class Tickets(Numbered):
    """Tickets of django-helpdesk: there is no time of change."""

    can: ClassVar[frozenset[str]] = frozenset({"deletes", "empties"})
    secrets = (PASSWORD,)

    def __init__(self, folder: Path, server: Helpdesk):
        super().__init__(folder)
        self.server = server
        server.clear()

    @property
    def connector(self) -> dict[str, Any]:
        return {"type": "django_helpdesk", "url": self.server.url, "user": "kehu", "password": PASSWORD}

    @property
    def stream(self) -> dict[str, Any]:
        fields = {"name": "title", "city": "description"}
        return {"name": "tickets", "entity": "organization", "key": "id", "fields": fields}

    def put(self, rows: Iterable[Row]) -> None:
        wanted = {row.key: row for row in rows}
        given = [
            {"title": row.name, "description": row.city, "submitter_email": "a@example.com"}
            | ({"id": self.numbers[key]} if key in self.numbers else {})
            for key, row in wanted.items()
        ]
        self.numbers |= dict(zip(wanted, self.server.write(*given), strict=True))

    def remove(self, keys: Iterable[str], at: dt.datetime) -> None:
        for key in keys:
            self.server.delete_ticket(self.numbers.pop(key))


class Contacts(Numbered):
    """Contacts of BottleCRM: there is a time of change, and no way to ask for what came after one."""

    can: ClassVar[frozenset[str]] = frozenset({"deletes", "empties"})

    def __init__(self, folder: Path, server: Bottle):
        super().__init__(folder)
        self.server, self.secrets = server, (server.token,)
        server.clear()

    @property
    def connector(self) -> dict[str, Any]:
        return {"type": "bottlecrm", "url": self.server.url, "token": self.server.token, "page_size": 50}

    @property
    def stream(self) -> dict[str, Any]:
        fields = {"name": "first_name", "city": "city"}
        return {"name": "contacts", "entity": "organization", "key": "id", "updated_at": "updated_at", "fields": fields}

    def put(self, rows: Iterable[Row]) -> None:
        for row in rows:
            values = {"first_name": row.name or "", "last_name": "x", "city": row.city}
            if row.key in self.numbers:
                self.server.write(f"contacts/{self.numbers[row.key]}/", **values)
            else:
                self.numbers[row.key] = self.server.write("contacts/", **values)

    def remove(self, keys: Iterable[str], at: dt.datetime) -> None:
        for key in keys:
            self.server.delete(f"contacts/{self.numbers.pop(key)}/")
