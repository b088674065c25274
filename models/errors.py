"""The errors that end a command, each with its exit code and a message that a user can act on.

Bad rows are not errors: they go to quarantine. Only what stops a source, a run or a command is raised.
"""

from __future__ import annotations


class KehuError(Exception):
    """Base of every error with a message for the user; `exit_code` is what the command ends with."""

    exit_code = 1


class ConfigError(KehuError):
    """A mistake in a configuration or in how a command was called.

    `file` and `key` say where (`sources[0].streams[1].fields.nmae`), `nearest` the closest valid name, if one is close.
    """

    exit_code = 2

    def __init__(self, message: str, *, file: str | None = None, key: str | None = None, nearest: str | None = None):
        self.message, self.file, self.key, self.nearest = message, file, key, nearest
        where = ": ".join(part for part in (file, key) if part)
        hint = f" (did you mean '{nearest}'?)" if nearest else ""
        super().__init__(f"{where}: {message}{hint}" if where else f"{message}{hint}")

    @property
    def mistakes(self) -> list[ConfigError]:
        """Itself, as a list; of `ConfigErrors` each."""
        return [self]


class ConfigErrors(ConfigError):
    """All mistakes of one file at once, in the order of the file; `str` shows one line for each."""

    def __init__(self, mistakes: list[ConfigError]):
        self._mistakes = mistakes
        super().__init__("\n".join(str(mistake) for mistake in mistakes))

    @property
    def mistakes(self) -> list[ConfigError]:
        """Each of them."""
        return self._mistakes


class SourceError(KehuError):
    """A source or one of its streams that cannot be read. `retryable` is true for what may pass by itself."""

    def __init__(self, message: str, *, source: str, stream: str | None = None, retryable: bool = False):
        self.source, self.stream, self.retryable = source, stream, retryable
        super().__init__(f"{source}{'.' + stream if stream else ''}: {message}")


class StoreError(KehuError):
    """The hub store cannot be reached, is of another version, or refused a write."""


class BusyError(StoreError):
    """Another process is writing to the hub store; the same call goes through a little later."""


class AwayError(StoreError):
    """The hub store cannot be reached just now, as while its server starts again; the call may go through later."""


class LockError(StoreError):
    """Another run holds the hub; the message says which process, since when."""


class ModelError(KehuError):
    """Training ended in a model that must not be published (untrained or non-monotonic levels, too little data)."""
