"""A MariaDB for the tests: one server per test process, started on first use, one fresh database per test.

The server is Debian's `mariadb-server-core`, which the set-up installs. Where there is none, tests fail.
"""

from __future__ import annotations

import itertools
import os
import pwd
import shutil
import subprocess
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

import sqlalchemy as sa

PASSWORD = "p@ss/w:rd"
_START_SECONDS = 60
_TABLES = ("mysql_system_tables.sql", "mysql_performance_tables.sql", "mysql_system_tables_data.sql")
_SETTINGS = ("--no-defaults", "--innodb-flush-log-at-trx-commit=0", "--innodb-buffer-pool-size=64M", "--skip-log-bin")


@dataclass
class Server:
    """A running server, reached through a socket in its own folder."""

    folder: Path
    process: subprocess.Popen[bytes]
    numbers: itertools.count[int] = field(default_factory=lambda: itertools.count(1))

    def url(self, database: str, user: str = "root", password: str | None = None) -> str:
        """The SQLAlchemy URL of a database."""
        made = sa.URL.create("mysql+pymysql", user, password, database=database)
        return made.update_query_dict({"unix_socket": str(self.folder / "socket")}).render_as_string(False)

    def admin(self, *statements: str) -> None:
        """Run statements as root."""
        engine = sa.create_engine(self.url(""), poolclass=sa.NullPool)
        with engine.begin() as connection:
            for statement in statements:
                connection.exec_driver_sql(statement)

    def fresh_database(self) -> str:
        """The name of a new database."""
        name = f"crm_{next(self.numbers)}"
        self.admin(f"CREATE DATABASE {name} CHARACTER SET utf8mb4")
        return name

    def drop(self, database: str) -> None:
        """Throw a database away."""
        self.admin(f"DROP DATABASE {database}")

    def stop(self) -> None:
        """End the server and delete its files."""
        self.process.terminate()
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait(30)
        shutil.rmtree(self.folder, ignore_errors=True)


def start() -> Server:
    """Start a server. Raises RuntimeError that says what to install when there is none to start."""
    program = shutil.which("mariadbd", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
    share = next((path for path in (Path("/usr/share/mysql"), Path("/usr/share/mariadb")) if path.is_dir()), None)
    if program is None or share is None:
        raise RuntimeError("no MariaDB to test on: make install-dev as root, or apt-get install mariadb-server-core")
    folder = Path(tempfile.mkdtemp(prefix="kehu-my-", dir="/tmp"))  # the path of a socket must stay short
    data = folder / "data"
    data.mkdir()
    common = [program, *_SETTINGS, f"--datadir={data}"]
    if os.geteuid() == 0:  # it refuses to run as root
        nobody = pwd.getpwnam("nobody")
        for path in (folder, data):
            os.chown(path, nobody.pw_uid, nobody.pw_gid)
        folder.chmod(0o755)
        common.append("--user=nobody")
    given = ["CREATE DATABASE mysql;", "USE mysql;", "SET @auth_root_socket = NULL, @skip_auth_anonymous = 1;"]
    tables = "\n".join([*given, *((share / name).read_text("utf-8") for name in _TABLES)])
    done = subprocess.run([*common, "--bootstrap"], input=tables, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"MariaDB could not be set up: {done.stderr[-2000:]}")
    log = folder / "log"
    with log.open("wb") as out:
        command = [*common, "--skip-networking", f"--socket={folder / 'socket'}", f"--pid-file={folder / 'pid'}"]
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT)
    server = Server(folder, process)
    deadline = time.monotonic() + _START_SECONDS
    while True:
        try:
            server.admin("SELECT 1")
            break
        except sa.exc.OperationalError:
            if process.poll() is not None or time.monotonic() > deadline:
                server.stop()
                raise RuntimeError(f"MariaDB does not start: {done.stderr[-500:]}") from None
            time.sleep(0.1)
    server.admin(f"CREATE USER reader@localhost IDENTIFIED BY '{PASSWORD}'", "GRANT SELECT ON *.* TO reader@localhost")
    return server
