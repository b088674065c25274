"""Files of SFTP and S3 servers that run on loopback, and what is read of a folder when each file is read once."""

from __future__ import annotations

import asyncio
import gzip
import json
import os
import threading
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import asyncssh
import openpyxl
import pyarrow.fs
import pytest

from connectors.registry import check_source, connector_for
from connectors.storage import shape_of
from tests.unit.connectors.hub import Hub

CSV = "id,name,tel,mobile,city\n"


def rows(*keys: str, name: str = "n") -> str:
    return CSV + "".join(f"{key},{name},,,\n" for key in keys)


class Sftp:
    """An SFTP server on loopback over a folder, for one user with a password."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.key = asyncssh.generate_private_key("ssh-ed25519")
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self.thread.start()
        self.server = asyncio.run_coroutine_threadsafe(self._start(), self.loop).result(20)
        self.port = self.server.sockets[0].getsockname()[1]
        known = folder.parent / "known_hosts"
        known.write_text(f"[127.0.0.1]:{self.port} {self.key.export_public_key().decode()}")
        self.known_hosts = str(known)

    async def _start(self) -> Any:
        class Users(asyncssh.SSHServer):
            def password_auth_supported(self) -> bool:
                return True

            def validate_password(self, username: str, password: str) -> bool:
                return (username, password) == ("kehu", "s3cret")

        def chrooted(channel: Any) -> asyncssh.SFTPServer:
            return asyncssh.SFTPServer(channel, chroot=os.fsencode(self.folder))

        return await asyncssh.listen(
            "127.0.0.1", 0, server_host_keys=[self.key], server_factory=Users, sftp_factory=chrooted
        )

    def stop(self) -> None:
        self.server.close()
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join(10)


@pytest.fixture
def sftp(hub: Hub, tmp_path: Path) -> Iterator[Hub]:
    served = tmp_path / "served"
    (served / "in").mkdir(parents=True)
    server = Sftp(served)
    hub.connector = {
        "type": "files",
        "path": f"sftp://kehu@127.0.0.1:{server.port}/in/{{stream}}_*.csv.gz",
        "storage": {"password": "s3cret", "known_hosts": server.known_hosts},
    }
    yield hub
    server.stop()


def send(hub: Hub, name: str, text: str) -> None:
    hub.write(gzip.compress(text.encode()), f"served/in/{name}")


def test_files_of_an_sftp_server(sftp: Hub) -> None:
    send(sftp, "accounts_1.csv.gz", rows("a", "b"))
    send(sftp, ".accounts_2.csv.gz", "still being sent")
    assert check_source(sftp.config.sources[0], sftp.folder) == []
    landed = sftp.land()
    assert (landed.status, landed.mode, sftp.usable(landed)) == ("landed", "snapshot", ["a", "b"])
    written = json.dumps(vars(landed)) + (sftp.batch(landed) / "manifest.json").read_text()
    assert "s3cret" not in written and "/in/accounts_1.csv.gz" in written
    sftp.state = landed.new_state
    assert sftp.land().status == "unchanged"
    send(sftp, "accounts_2.csv.gz", rows("c"))
    assert sftp.usable(sftp.land()) == ["a", "b", "c"]
    assert [stream.name for stream in connector_for(sftp.config.sources[0], sftp.folder).discover()] == ["accounts"]


def test_a_server_that_is_not_known_is_not_spoken_to(sftp: Hub, tmp_path: Path) -> None:
    send(sftp, "accounts_1.csv.gz", rows("a"))
    other = asyncssh.generate_private_key("ssh-ed25519").export_public_key().decode()
    port = sftp.connector["path"].split(":")[2].split("/")[0]
    (tmp_path / "others").write_text(f"[127.0.0.1]:{port} {other}")
    for known in (tmp_path / "others", tmp_path / "empty"):
        known.touch()
        sftp.connector["storage"] = {"password": "s3cret", "known_hosts": str(known)}
        landed = sftp.land()
        assert landed.status == "failed" and "Host key is not trusted" in (landed.error or "") and sftp.slept == []
        assert "s3cret" not in (landed.error or "")


def test_a_wrong_password_is_no_passing_fault(sftp: Hub) -> None:
    sftp.connector["storage"]["password"] = "wr0ng"
    landed = sftp.land()
    assert landed.status == "failed" and "Permission denied" in (landed.error or "") and sftp.slept == []
    assert "wr0ng" not in (landed.error or "")


def test_a_server_that_is_away_is_tried_again(hub: Hub, tmp_path: Path) -> None:
    (tmp_path / "known").touch()
    hub.connector = {"type": "files", "path": "sftp://kehu@127.0.0.1:1/{stream}.csv"}
    hub.connector["storage"] = {"password": "x", "known_hosts": str(tmp_path / "known"), "timeout": 5}
    assert "(tried 3 times)" in (hub.land().error or "")


def test_options_of_places_that_are_unknown(hub: Hub) -> None:
    hub.connector = {"type": "files", "path": "sftp://h/x.csv", "storage": {"pasword": "x"}}
    assert "storage of sftp has no option 'pasword'" in (hub.land().error or "")
    hub.connector = {"type": "files", "path": "nosuch://h/x.csv"}
    assert "nosuch:// cannot be reached" in (hub.land().error or "")


@pytest.fixture(scope="module")
def s3_server() -> Iterator[str]:
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def s3(hub: Hub, s3_server: str) -> tuple[Hub, Any]:
    given = {"access_key": "AKIAEXAMPLE", "secret_key": "s3cret/key", "region": "us-east-1"}
    system = pyarrow.fs.S3FileSystem(
        endpoint_override=s3_server[7:], scheme="http", allow_bucket_creation=True, **given
    )
    system.create_dir("deliveries")
    system.delete_dir_contents("deliveries")
    hub.connector = {
        "type": "files",
        "path": "s3://deliveries/crm/{stream}_*.csv",
        "storage": {**given, "endpoint": s3_server},
    }
    return hub, system


def put(system: Any, name: str, text: str) -> None:
    with system.open_output_stream(f"deliveries/crm/{name}") as out:
        out.write(text.encode())


def test_files_of_s3(s3: tuple[Hub, Any]) -> None:
    hub, system = s3
    put(system, "accounts_1.csv", rows("a"))
    put(system, "other.csv", rows("x"))
    landed = hub.land()
    assert (landed.status, hub.usable(landed)) == ("landed", ["a"]), landed.error
    assert "s3cret" not in json.dumps(vars(landed)) + (hub.batch(landed) / "manifest.json").read_text()
    hub.state = landed.new_state
    assert hub.land().status == "unchanged"
    put(system, "accounts_2.csv", rows("b"))
    hub.connector["only"] = "new"
    assert hub.usable(hub.land()) == ["a", "b"]
    offered = connector_for(hub.config.sources[0], hub.folder).discover()
    assert [stream.name for stream in offered] == ["accounts"]


def test_what_is_not_in_s3(s3: tuple[Hub, Any]) -> None:
    hub, _ = s3
    hub.connector["path"] = "s3://nowhere/x.csv"
    assert "there is no file s3://nowhere/x.csv" in (hub.land().error or "")


def age(hub: Hub, name: str, seconds: int) -> None:
    os.utime(hub.folder / name, ns=(seconds * 10**9, seconds * 10**9))


@pytest.mark.parametrize("only", ["new", "newer", "changed"])
def test_each_file_is_read_once(sqlite_hub: Hub, only: str) -> None:
    hub = sqlite_hub
    hub.connector = {"type": "files", "path": "in/{stream}_*.csv", "only": only}
    hub.write(rows("a", "b"), "in/accounts_1.csv")
    age(hub, "in/accounts_1.csv", 1000)
    landed = hub.land()
    assert (landed.status, landed.mode) == ("landed", "delta"), landed.error
    hub.run(landed)
    hub.state = landed.new_state
    assert hub.land().status == "unchanged"
    hub.write(rows("b", "c", name="x"), "in/accounts_2.csv")
    age(hub, "in/accounts_2.csv", 1000)
    hub.write(rows("c", name="y"), "in/accounts_3.csv")
    age(hub, "in/accounts_3.csv", 2000)
    landed = hub.land()
    assert hub.usable(landed) == ["b", "c"] and landed.bad_rows == 0
    counts = hub.run(landed)
    assert (counts.inserted, counts.updated, counts.deleted) == (1, 1, 0)
    assert hub.changes()["c"]["name"] == "y"
    hub.state = landed.new_state
    for number in (1, 2, 3):
        (hub.folder / f"in/accounts_{number}.csv").unlink()
    assert hub.land().status == "unchanged"
    hub.write(rows("d"), "in/accounts_0.csv")
    age(hub, "in/accounts_0.csv", 3000)
    assert hub.usable(hub.land()) == ["d"]
    assert hub.usable(hub.land(again=True)) == ["d"]


def test_a_file_that_changed_under_its_name(hub: Hub) -> None:
    hub.connector = {"type": "files", "path": "{stream}.csv", "only": "new"}
    first = hub.deliver(rows("a"))
    age(hub, "accounts.csv", 1000)
    hub.write(rows("a", "b"))
    assert hub.land().status == "unchanged"
    for only in ("changed", "newer"):
        hub.connector["only"] = only
        hub.state = None
        hub.write(rows("a"))
        age(hub, "accounts.csv", 1000)
        hub.state = hub.land().new_state
        hub.write(rows("a", "b"))
        age(hub, "accounts.csv", 2000)
        assert hub.usable(hub.land()) == ["a", "b"]
    assert first.mode == "delta"


def test_young_files_are_left_alone(hub: Hub) -> None:
    hub.connector = {"type": "files", "path": "in/{stream}_*.csv", "only": "new", "min_age": 3600}
    hub.write(rows("a"), "in/accounts_1.csv")
    age(hub, "in/accounts_1.csv", 1000)
    hub.write(rows("b"), "in/accounts_2.csv")
    assert hub.usable(hub.land()) == ["a"]


def test_compressed_files(hub: Hub) -> None:
    import lzma

    hub.connector = {"type": "files", "path": "{stream}.csv.*"}
    hub.write(lzma.compress(rows("a").encode()), "accounts.csv.xz")
    with zipfile.ZipFile(hub.folder / "accounts.csv.zip", "w") as archive:
        archive.writestr("inner.csv", rows("b"))
    landed = hub.land()
    assert hub.usable(landed) == ["a", "b"], landed.error
    with zipfile.ZipFile(hub.folder / "accounts.csv.zip", "a") as archive:
        archive.writestr("second.csv", rows("c"))
    assert "must hold one file, and this one holds 2" in (hub.land().error or "")


def test_several_sheets(hub: Hub) -> None:
    book = openpyxl.Workbook()
    for sheet, key in (("North", "a"), ("南方 区", "b")):
        page = book.create_sheet(sheet)
        page.append(["id", "name", "tel", "mobile", "city"])
        page.append([key, "n", None, None, "x"])
    del book["Sheet"]
    book.save(hub.folder / "accounts.xlsx")
    hub.connector = {"type": "files", "path": "{stream}.xlsx", "sheet": "*"}
    landed = hub.land()
    assert [(row["id"], row["_sheet"]) for row in hub.rows(landed)] == [("a", "North"), ("b", "南方 区")]
    hub.connector["sheet"] = ["南方 区", 1]
    assert hub.usable(hub.land()) == ["b", "a"]
    hub.stream["key"] = ["_sheet", "id"]
    assert hub.usable(hub.land()) == ["南方 区|b", "North|a"]
    del hub.connector["sheet"]
    found = connector_for(hub.config.sources[0], hub.folder).discover()
    assert [(s.name, s.options["sheet"]) for s in found] == [
        ("accounts_North", "North"),
        ("accounts_NanFang_Qu", "南方 区"),
    ]


@pytest.mark.parametrize(
    ("pattern", "path", "name"),
    [
        ("in/{stream}_*.csv", "in/accounts_2026.csv", "accounts"),
        ("{stream}.csv", "a.b.csv", "a.b"),
        ("**/{stream}/[0-9]*.csv", "x/y/accounts/1.csv", "accounts"),
        ("{stream}.csv", "in/a.csv", "a"),
    ],
)
def test_the_stream_in_a_path(pattern: str, path: str, name: str) -> None:
    found = shape_of(pattern).fullmatch(path)
    assert found and found["name"] == name
