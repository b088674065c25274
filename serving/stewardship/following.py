"""The lifecycle follows decisions: stages, findings and totals of whom they touched, within seconds.

Evaluating a customer takes longer than a steward should wait. A server does it in a thread beside the answers
(`Follower`); a command does it before it ends (`follow`). What was decided is not lost where either is stopped.
"""

from __future__ import annotations

import logging
import threading
import weakref

from lifecycle.following import follow_decisions
from matching.standardise.forms import FORMS
from models.config import Config
from models.errors import KehuError
from models.store import Store
from serving.stewardship.bench import bench_of

_LOOKS = 60.0
"""Seconds after which the thread looks by itself, for what other processes decided."""


def follow(store: Store, config: Config) -> bool:
    """Let the lifecycle follow what was decided; whether there was something to follow.

    Raises StoreError, ConfigErrors.
    """
    return follow_decisions(store, bench_of(store, config).config, FORMS) is not None


class Follower:
    """The thread of a server that lets the lifecycle follow decisions, soon after `tell` said that one was taken."""

    def __init__(self, store: Store, config: Config):
        self._store, self._config = store, config
        self._told, self._ended = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._run, name="kehu-follow", daemon=True)

    def start(self) -> None:
        """Begin, with what was left over by whoever was stopped."""
        _FOLLOWERS[self._store] = self
        self._told.set()
        self._thread.start()

    def stop(self) -> None:
        """End after what is under way."""
        _FOLLOWERS.pop(self._store, None)
        self._ended.set()
        self._told.set()
        self._thread.join()

    def tell(self) -> None:
        """Somebody decided."""
        self._told.set()

    def _run(self) -> None:
        while True:
            self._told.wait(_LOOKS)
            self._told.clear()
            if self._ended.is_set():
                return
            try:
                follow(self._store, self._config)
            except KehuError as error:  # the next run does it
                logging.getLogger("kehu").warning("stages and findings do not follow decisions yet: %s", error)


_FOLLOWERS: weakref.WeakKeyDictionary[Store, Follower] = weakref.WeakKeyDictionary()


def tell(store: Store) -> None:
    """Say to the server's thread, if there is one in this process, that something was decided."""
    if (follower := _FOLLOWERS.get(store)) is not None:
        follower.tell()
