"""Where files lie: the local disk, or any file system that fsspec knows (SFTP, S3, …), fetched before they are read.

Lists, tells whether a file changed, and hands out a local copy; what is in a file is the readers' affair.
"""

from __future__ import annotations

import datetime as dt
import glob
import re
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from types import TracebackType
from typing import Any, Protocol
from urllib.parse import unquote, urlsplit

import fsspec
import xxhash

from connectors.encoding import content_hash

S3_OPTIONS = ("access_key", "secret_key", "session_token", "region", "endpoint", "anonymous")
SFTP_OPTIONS = ("password", "key_file", "passphrase", "known_hosts", "timeout")


@dataclass(frozen=True)
class Found:
    """A file that is there: how it is named to people, where it lies, its size in bytes and time of change in ns.

    `number` is the file system's own for it, 0 where there is none: what was put in its place has another.
    """

    name: str
    place: str
    size: int
    mtime: int
    number: int = 0

    @property
    def identity(self) -> dict[str, Any]:
        """What tells it from an earlier version of itself, without looking inside."""
        return {"size": self.size, "mtime": self.mtime}


class Storage(Protocol):
    """A place with files. Leaving its `with` block gives back what it holds."""

    def __enter__(self) -> Storage:
        """Itself."""
        ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Throw copies away and hang up."""
        ...

    def find(self, pattern: str) -> list[Found]:
        """The files that a glob fits, by name; hidden ones are passed over."""
        ...

    def local(self, file: Found) -> Path:
        """A copy on the local disk, or the file itself."""
        ...

    def again(self, file: Found) -> Found:
        """The file as it is now. Raises FileNotFoundError."""
        ...


def storage_of(path: str, base: Path, options: Mapping[str, Any]) -> Storage:
    """The place that a path or URL leads to. Raises ValueError for a kind that nothing installed can reach."""
    return Remote(path, options) if is_remote(path) else Local(base)


def is_remote(path: str) -> bool:
    """Whether a path is a URL."""
    return re.match(r"[A-Za-z][A-Za-z0-9+.-]+://", path) is not None


class Local:
    """The local disk; paths start from the configuration's folder."""

    def __init__(self, base: Path):
        self.base = base

    def __enter__(self) -> Local:
        return self

    def __exit__(self, *error: object) -> None:
        """Nothing is held."""

    def find(self, pattern: str) -> list[Found]:
        """The files that a glob fits; a path that is no glob may hold any character."""
        where = str(self.base / Path(pattern).expanduser())
        paths = [Path(where)] if Path(where).is_file() else sorted(Path(p) for p in glob.glob(where, recursive=True))
        return [self._found(path) for path in paths if path.is_file() and not is_hidden(path.name)]

    def local(self, file: Found) -> Path:
        """The file itself."""
        return Path(file.place)

    def again(self, file: Found) -> Found:
        """The file as it is now."""
        return self._found(Path(file.place))

    def _found(self, path: Path) -> Found:
        status = path.stat()
        name = str(path.relative_to(self.base)) if path.is_relative_to(self.base) else str(path)
        return Found(name, str(path), status.st_size, status.st_mtime_ns, status.st_ino)


class Remote:
    """A file system behind a URL; files are copied into a folder that goes with the object."""

    def __init__(self, url: str, options: Mapping[str, Any]):
        self.kind, _, rest = url.partition("://")
        self.kind = {"s3a": "s3", "ssh": "sftp"}.get(self.kind.lower(), self.kind.lower())
        self.host = ""
        if self.kind == "sftp":
            parts = urlsplit(f"//{rest.partition('/')[0]}")
            self.host = f"{parts.hostname or ''}{f':{parts.port}' if parts.port else ''}"
            self.system = _sftp(parts, options)
        elif self.kind == "s3":
            self.system = _s3(options)
        else:
            self.system = _other(self.kind, options)
        self._folder = tempfile.TemporaryDirectory(prefix="kehu-files-")

    def __enter__(self) -> Remote:
        return self

    def __exit__(self, *error: object) -> None:
        self._folder.cleanup()
        close = getattr(self.system, "close", None)
        if self.kind == "sftp" and close is not None:
            with suppress(Exception):  # what was read is read; a line that broke on leaving changes nothing
                close()

    def find(self, pattern: str) -> list[Found]:
        """The files that the URL fits."""
        rest = pattern.partition("://")[2]
        where = f"/{rest.partition('/')[2]}" if self.kind == "sftp" else rest
        self.system.invalidate_cache()
        with _worded():
            if glob.has_magic(where):
                names = sorted(self.system.glob(where))
            else:
                names = [where] if self.system.isfile(where) else []
            shown = [name for name in names if not is_hidden(PurePosixPath(name).name) and self._is_file(name)]
            return [self._found(name) for name in shown]

    def local(self, file: Found) -> Path:
        """A copy; the endings of its name stay."""
        copy = Path(self._folder.name) / f"{content_hash_of(file.place)}-{PurePosixPath(file.place).name}"
        if not copy.exists():
            with _worded():
                self.system.get_file(file.place, str(copy))
            if copy.stat().st_size != file.size:
                raise OSError(f"{file.name} changed while it was fetched")
        return copy

    def again(self, file: Found) -> Found:
        """The file as it is now."""
        self.system.invalidate_cache()
        with _worded():
            return self._found(file.place)

    def _is_file(self, name: str) -> bool:
        return str(self.system.info(name).get("type", "file")) == "file"

    def _found(self, name: str) -> Found:
        info = self.system.info(name)
        shown = f"{self.kind}://{self.host}{name}" if self.host else f"{self.kind}://{name.lstrip('/')}"
        return Found(shown, name, int(info.get("size") or 0), _mtime(info))


@contextmanager
def _worded() -> Iterator[None]:
    """What a file system throws, as errors of the system: those of its library are no OSError."""
    try:
        yield
    except (OSError, ValueError):
        raise
    except Exception as error:
        lasting = type(error).__name__ in ("PermissionDenied", "HostKeyNotVerifiable", "KeyExchangeFailed")
        words = f"{type(error).__name__}: {error}"
        raise (PermissionError if lasting else OSError)(words) from None


def is_hidden(name: str) -> bool:
    """Whether a file is one that programs keep for themselves, or that is still being written."""
    return name.startswith((".", "~$"))


def content_hash_of(text: str) -> str:
    """A short name for a place, so that files of one name in two folders do not meet."""
    return xxhash.xxh3_64_hexdigest(text.encode())


def identity(file: Found, storage: Storage, before: Mapping[str, Any] | None) -> dict[str, Any]:
    """Size, time of change and content hash; the hash is taken over when neither of the others moved."""
    found = file.identity
    if before is not None and all(before.get(name) == value for name, value in found.items()):
        return {**found, "hash": before["hash"]}
    with storage.local(file).open("rb") as opened:
        return {**found, "hash": content_hash(opened)}


def shape_of(pattern: str) -> re.Pattern[str]:
    """A regular expression for paths that a glob with `{stream}` fits; its group `name` is the stream's name."""
    if is_remote(pattern):
        pattern = pattern.partition("://")[2].partition("/")[2]
    parts = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]", "{stream}": "(?P<name>[^/]+?)"}
    tokens = re.split(r"(\*\*/|\*\*|\*|\?|\{stream\}|\[[^\]]+\])", pattern)
    text = "".join(parts.get(t, t.replace("[!", "[^") if t[:1] == "[" else re.escape(t)) for t in tokens)
    return re.compile(f"(?:.*/)?{text}")


def _mtime(info: Mapping[str, Any]) -> int:
    value = next((info[name] for name in ("mtime", "LastModified", "last_modified", "modified") if info.get(name)), 0)
    if isinstance(value, dt.datetime):
        value = value if value.tzinfo else value.replace(tzinfo=dt.UTC)
        return int(value.timestamp() * 1_000_000) * 1000
    return int(float(value) * 1_000_000) * 1000 if isinstance(value, int | float) else 0


def _s3(options: Mapping[str, Any]) -> Any:
    """S3 through Arrow, whose client comes with it."""
    from fsspec.implementations.arrow import ArrowFSWrapper
    from pyarrow.fs import S3FileSystem

    _known("s3", options, S3_OPTIONS)
    scheme, _, host = str(options.get("endpoint") or "").rpartition("://")
    given = {name: options[name] for name in S3_OPTIONS if name in options and name != "endpoint"}
    if host:
        given |= {"endpoint_override": host, "scheme": scheme or "https"}
    return ArrowFSWrapper(S3FileSystem(connect_timeout=10, request_timeout=60, **given))


def _sftp(parts: Any, options: Mapping[str, Any]) -> Any:
    """SFTP; the server must be one that `known_hosts` knows."""
    _known("sftp", options, SFTP_OPTIONS)
    try:
        from sshfs import SSHFileSystem
    except ImportError:
        raise ValueError("sftp:// needs the package sshfs: pip install 'kehu[sftp]'") from None
    # Left to itself sshfs takes any server; the empty tuple stands for the user's own known_hosts.
    given: dict[str, Any] = {"connect_timeout": options.get("timeout", 30), "known_hosts": ()}
    password = options.get("password") or (unquote(parts.password) if parts.password else None)
    if parts.username:
        given["username"] = unquote(parts.username)
    if password:
        given["password"] = str(password)
    if "key_file" in options:
        given |= {"client_keys": [str(Path(options["key_file"]).expanduser())], "passphrase": options.get("passphrase")}
    if "known_hosts" in options:
        given["known_hosts"] = str(Path(options["known_hosts"]).expanduser())
    with _worded():
        return SSHFileSystem(parts.hostname, port=parts.port or 22, skip_instance_cache=True, **given)


def _other(kind: str, options: Mapping[str, Any]) -> Any:
    try:
        return fsspec.filesystem(kind, skip_instance_cache=True, **options)
    except (ValueError, ImportError) as error:
        raise ValueError(f"{kind}:// cannot be reached: {error}") from None


def _known(kind: str, options: Mapping[str, Any], names: tuple[str, ...]) -> None:
    for name in options:
        if name not in names:
            raise ValueError(f"storage of {kind} has no option '{name}'; there are {', '.join(names)}")
