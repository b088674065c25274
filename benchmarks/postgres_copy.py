"""A hub store copied from SQLite into a PostgreSQL server of its own, reached over loopback."""

import contextlib
import datetime as dt
import socket
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import psycopg
import sqlalchemy as sa
import yaml
from psycopg import sql

from models.config import load_config
from models.store import open_store
from models.store import tables as t
from serving.operating.backup import set_sequences
from tests.support import postgres


@contextlib.contextmanager
def server_with(config: Path, folder: Path) -> Iterator[Path]:
    """A configuration in `folder` whose store is a copy of that of `config`; the server ends with the block."""
    loaded = load_config(config)
    server = postgres.start()
    try:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        settings = {"listen_addresses": "127.0.0.1", "port": port, **_as_documented()}
        for name, value in settings.items():
            server.admin(f"ALTER SYSTEM SET {name} = '{value}'")
        server.run(
            "pg_ctl", "-D", str(server.folder / "data"), "-l", str(server.folder / "log"), "-w", "-m", "fast", "restart"
        )
        url = f"postgresql+psycopg://postgres@127.0.0.1:{port}/postgres"
        open_store(url).close()
        _copy(str(sa.make_url(loaded.store).database), f"host=127.0.0.1 port={port} user=postgres dbname=postgres")
        with open_store(url) as store, store.engine.begin() as connection:
            set_sequences(connection)
        document = yaml.safe_load(config.read_text(encoding="utf-8")) | {"store": url}
        other = folder / "kehu-postgresql.yaml"
        other.write_text(yaml.safe_dump(document, allow_unicode=True), encoding="utf-8")
        yield other
    finally:
        with contextlib.suppress(RuntimeError):
            server.stop()


def _as_documented() -> dict[str, str]:
    """What docs/operations.md says of a server's settings."""
    memory = psutil.virtual_memory().total // 2**20
    return {
        "shared_buffers": f"{memory // 4}MB",
        "effective_cache_size": f"{memory // 2}MB",
        "max_wal_size": "4GB",
    }


def _copy(file: str, target: str) -> None:
    with contextlib.closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as old, psycopg.connect(target) as new:
        new.execute("SET session_replication_role = replica")
        for table in t.metadata.sorted_tables:
            columns = [column.name for column in table.c]
            # The migrations wrote a row here and there already.
            new.execute(sql.SQL("DELETE FROM {}").format(sql.Identifier(table.name)))
            names = ", ".join(f'"{name}"' for name in columns)
            makers = [_maker(column.type) for column in table.c]
            into = sql.SQL("COPY {} ({}) FROM STDIN").format(
                sql.Identifier(table.name), sql.SQL(", ").join(map(sql.Identifier, columns))
            )
            with new.cursor().copy(into) as copy:
                for row in old.execute(f'SELECT {names} FROM "{table.name}"'):
                    copy.write_row([None if v is None else make(v) for v, make in zip(row, makers, strict=True)])
        new.commit()
        new.autocommit = True
        new.execute("VACUUM ANALYZE")


def _maker(kind: sa.types.TypeEngine[Any]) -> Any:
    if isinstance(kind, sa.Boolean):
        return bool
    if isinstance(kind, t.UtcTime):
        return lambda text: dt.datetime.fromisoformat(text).replace(tzinfo=dt.UTC)
    return lambda value: value
