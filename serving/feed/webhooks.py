"""Events sent to programs that do not ask: signed, in order, each webhook at its own pace.

A delivery that fails is tried again with growing pauses; after the last try it is put aside and the webhook pauses,
until somebody lets it go on. The cursor moves only past what was taken or put aside, so nothing is lost by a kill.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import hmac
import logging
import secrets
import threading
from collections.abc import Callable, Mapping
from typing import Any

import httpx2
import orjson
import sqlalchemy as sa

from models.config import Config
from models.errors import ConfigError, StoreError
from models.signing import SHORTEST, secret_from, signed
from models.store import Store
from models.store.serving_tables import dead_letter, webhook
from serving.access import AccessLog, Masking, Principal
from serving.access.keys import state
from serving.corrections import correction_changes, writes_back
from serving.customers import Asker
from serving.feed.reading import CursorGone, FeedFilter, check_filter, last_event, read_feed
from serving.feed.targets import TargetError, checked

log = logging.getLogger("kehu.webhooks")

SECRET = "KEHU_WEBHOOK_SECRET"
ATTEMPTS = 8
BATCH = 100
LONGEST_PAUSE = 3600.0
TIMEOUT = 10.0
_CLAIM = dt.timedelta(seconds=90)

Post = Callable[[str, bytes, Mapping[str, str]], int]
"""Sends a body to a URL and gives the status of the answer."""


def secret_of(webhook_id: str) -> str:
    """The secret that signs the deliveries of a webhook; it follows from KEHU_WEBHOOK_SECRET and is kept nowhere.

    Raises ConfigError where the environment has none, or too short a one.
    """
    master = secret_from(SECRET)
    if master is None:
        raise ConfigError(
            f"webhooks need the environment variable {SECRET}, of {SHORTEST} letters or more, to sign with"
        )
    return hmac.new(master.encode(), f"webhook/{webhook_id}".encode(), hashlib.sha256).hexdigest()


def add_webhook(
    store: Store,
    config: Config,
    who: Principal,
    url: str,
    wanted: FeedFilter,
    *,
    after: int | None = None,
    corrections_of: str | None = None,
) -> tuple[str, str]:
    """Set up a webhook for the events from now on (or after a number); returns its id and its secret.

    With `corrections_of` it is sent what that source should correct instead, by numbers of their own. It is sent what
    the key that set it up may see, for as long as that key holds. Raises ConfigError, NotAllowed where the key may not
    read what it would be sent, CursorGone for a number that is not reached yet, and TargetError.
    """
    if who.consumer is None or who.key_id is None:
        raise ConfigError("a webhook belongs to a program: set it up with the program's key")
    if corrections_of is not None:
        who.require("corrections.read")
        writes_back(config, corrections_of)
        if wanted != FeedFilter():
            raise ConfigError("'corrections_of' stands alone: the other filters are of events")
    else:
        who.require("changes.read")
        check_filter(Asker(store, config, who, Masking(config), AccessLog(store)), wanted)
    newest = last_event(store) if corrections_of is None else store.last_correction()
    if after is not None and after > newest:
        raise CursorGone(f"the newest number is {newest}, {after} is not reached yet")
    checked(url, private=config.serving.private_webhooks)
    webhook_id = secrets.token_hex(8)
    secret = secret_of(webhook_id)
    row = {
        "webhook_id": webhook_id,
        "consumer": who.consumer,
        "key_id": who.key_id,
        "url": url,
        "filters": orjson.dumps(wanted.words() | {"corrections_of": corrections_of}).decode(),
        "seq": after if after is not None else 0 if corrections_of is not None else newest,
        "state": "active",
        "failures": 0,
        "created_at": _now(),
        "created_by": who.name,
    }
    with store.database.write() as connection:
        connection.execute(sa.insert(webhook).values(**row))
    store.add_audit(who.name, "webhook.add", object_type="webhook", object_id=webhook_id)
    return webhook_id, secret


def webhooks(store: Store, consumer: str | None = None) -> list[dict[str, Any]]:
    """All webhooks, or those of a program, with `filters` as an object."""
    query = sa.select(webhook).order_by(webhook.c.created_at)
    query = query if consumer is None else query.where(webhook.c.consumer == consumer)
    with store.database.read() as connection:
        rows = [dict(row) for row in connection.execute(query).mappings()]
    return [{**row, "filters": orjson.loads(row["filters"])} for row in rows]


def change_webhook(store: Store, webhook_id: str, **values: Any) -> None:
    """Set columns of a webhook."""
    with store.database.write() as connection:
        connection.execute(sa.update(webhook).where(webhook.c.webhook_id == webhook_id).values(**values))


def remove_webhook(store: Store, webhook_id: str) -> None:
    """Forget a webhook and its dead letters."""
    with store.database.write() as connection:
        connection.execute(sa.delete(dead_letter).where(dead_letter.c.webhook_id == webhook_id))
        connection.execute(sa.delete(webhook).where(webhook.c.webhook_id == webhook_id))


def dead_letters(store: Store, webhook_id: str) -> list[dict[str, Any]]:
    """Deliveries that were given up, the newest first."""
    query = sa.select(dead_letter).where(dead_letter.c.webhook_id == webhook_id).order_by(dead_letter.c.id.desc())
    with store.database.read() as connection:
        return [dict(row) for row in connection.execute(query).mappings()]


class Dispatcher:
    """Sends what is due. Several processes may each run one: a webhook is served by one of them at a time."""

    def __init__(self, store: Store, config: Config, *, post: Post | None = None):
        self._store, self._config = store, config
        self._masking = Masking(config)
        self._post = post or self._send
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self, every: float = 1.0) -> None:
        """Look for what is due again and again, in a thread of its own."""
        self._thread = threading.Thread(target=self._keep_on, args=(every,), name="kehu-webhooks", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End after the delivery under way."""
        self._ended.set()
        if self._thread is not None:
            self._thread.join(timeout=TIMEOUT + 5)

    def run_once(self) -> int:
        """Deliver one batch of every webhook that is due; returns how many were taken."""
        newest = {False: last_event(self._store), True: self._store.last_correction()}
        due = [row for row in webhooks(self._store) if row["seq"] < newest[_of_corrections(row)]]
        return sum(self._serve(row) for row in due if self._claim(row))

    def replay(self, letter: int) -> bool:
        """Send a delivery again that was given up. Returns whether it was taken now."""
        with self._store.database.read() as connection:
            row = connection.execute(sa.select(dead_letter).where(dead_letter.c.id == letter)).mappings().first()
        hook = next((h for h in webhooks(self._store) if row and h["webhook_id"] == row["webhook_id"]), None)
        if row is None or hook is None:
            return False
        error, _ = self._deliver(hook, row["first_seq"] - 1, row["last_seq"])
        if error is None:
            with self._store.database.write() as connection:
                where = dead_letter.c.id == letter
                connection.execute(sa.update(dead_letter).where(where).values(replayed_at=_now()))
        return error is None

    def _claim(self, row: Mapping[str, Any]) -> bool:
        """Be the one who serves a webhook now."""
        c, now = webhook.c, _now()
        mine = sa.and_(
            c.webhook_id == row["webhook_id"],
            c.state == "active",
            c.seq == row["seq"],
            sa.or_(c.next_at.is_(None), c.next_at <= now),
        )
        with self._store.database.write(wait=False) as connection:
            return bool(connection.execute(sa.update(webhook).where(mine).values(next_at=now + _CLAIM)).rowcount)

    def _serve(self, row: dict[str, Any]) -> int:
        webhook_id, number = row["webhook_id"], row["failures"] + 1
        error, upto = self._deliver(row, row["seq"], None)
        if error is None:
            change_webhook(self._store, webhook_id, seq=upto, failures=0, error=None, next_at=None, delivered_at=_now())
            return 1
        log.warning("webhook %s: try %d failed: %s", webhook_id, number, error)
        if number < ATTEMPTS and upto > row["seq"]:
            pause = min(LONGEST_PAUSE, 2.0**number)
            next_at = _now() + dt.timedelta(seconds=pause)
            change_webhook(self._store, webhook_id, failures=number, error=error, next_at=next_at)
            return 0
        with self._store.database.write() as connection:
            if upto > row["seq"]:
                letter = {"webhook_id": webhook_id, "first_seq": row["seq"] + 1, "last_seq": upto, "attempts": number}
                connection.execute(sa.insert(dead_letter).values(error=error, at=_now(), **letter))
            connection.execute(
                sa.update(webhook)
                .where(webhook.c.webhook_id == webhook_id)
                .values(seq=upto, state="paused", failures=0, error=error, next_at=None)
            )
        return 0

    def _deliver(self, row: Mapping[str, Any], after: int, upto: int | None) -> tuple[str | None, int]:
        """Send one batch; what went wrong, if anything did, and up to which event it went."""
        key = self._store.key(row["key_id"])
        if key is None or state(key) != "active":
            return "the key that set this webhook up does not hold any more", after
        asker = Asker(self._store, self._config, Principal.of_key(key), self._masking, AccessLog(self._store))
        limit = BATCH if upto is None else upto - after
        name = "corrections" if _of_corrections(row) else "events"
        with self._store.snapshot():
            if name == "corrections":
                told = correction_changes(asker, row["filters"]["corrections_of"], after, limit)
                found = {"events": told["items"], "next": told["next"]}
            else:
                found = read_feed(asker, after, FeedFilter.of(row["filters"]), limit)
        last = int(found["next"]) if upto is None else upto
        events = [e for e in found["events"] if e["seq"] <= last]
        if not events:
            return None, last
        body = orjson.dumps({"webhook_id": row["webhook_id"], name: events, "next": last}, option=orjson.OPT_UTC_Z)
        asker.account_for("webhook")
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "kehu-webhook",
            "X-Kehu-Delivery": f"{row['webhook_id']}:{after + 1}-{last}",
            **signed(secret_of(row["webhook_id"]), int(_now().timestamp()), body),
        }
        try:
            status = self._post(row["url"], body, headers)
        except TargetError as error:
            return str(error), last
        except httpx2.HTTPError as error:
            return f"it cannot be reached ({type(error).__name__})", last
        return (None if 200 <= status < 300 else f"it answered {status}"), last

    def _send(self, url: str, body: bytes, headers: Mapping[str, str]) -> int:
        """To the very address that was checked; redirects are not followed, an answer's body is not read."""
        target = checked(url, private=self._config.serving.private_webhooks)
        name = target.host.rpartition("@")[2].partition(":")[0]
        with (
            httpx2.Client(timeout=TIMEOUT, follow_redirects=False, trust_env=False) as client,
            client.stream(
                "POST",
                target.url,
                content=body,
                headers={**headers, "Host": target.host},
                extensions={"sni_hostname": name},
            ) as answer,
        ):
            return int(answer.status_code)

    def _keep_on(self, every: float) -> None:
        while not self._ended.wait(every):
            try:
                while self.run_once() and not self._ended.is_set():
                    pass
            except StoreError as error:
                log.debug("webhooks wait: %s", error)
            except Exception:  # the thread must not end: nobody would be sent anything any more
                log.exception("webhooks could not be served")


def _of_corrections(row: Mapping[str, Any]) -> bool:
    return row["filters"].get("corrections_of") is not None


def _now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)
