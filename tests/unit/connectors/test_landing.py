from __future__ import annotations

import dataclasses
import json
import os
from pathlib import Path
from typing import Any

import pytest

from connectors import batch, landing
from connectors.files import FilesConnector
from connectors.landing import Landed
from models.errors import SourceError
from tests.unit.connectors.hub import Hub

GOOD = "id,name,tel,mobile,city\n1,ACME,010-1,,Beijing\n2,Beta,,139,Suzhou\n"


def text(*rows: str, header: str = "id,name,tel,mobile,city") -> str:
    return "\n".join([header, *rows]) + "\n"


def test_a_batch_holds_what_was_delivered_and_a_manifest(hub: Hub) -> None:
    landed = hub.deliver(GOOD)
    assert hub.rows(landed) == [
        {"id": "1", "name": "ACME", "tel": "010-1", "mobile": None, "city": "Beijing", "_row": 1},
        {"id": "2", "name": "Beta", "tel": None, "mobile": "139", "city": "Suzhou", "_row": 2},
    ]
    assert (landed.rows, landed.bad_rows, landed.mode, landed.drift, landed.extra_columns) == (2, 0, "snapshot", [], [])
    assert landed.batch_dir is not None and landed.batch_dir.startswith("landing/crm/accounts/")
    manifest = json.loads((hub.batch(landed) / "manifest.json").read_text())
    assert manifest["rows"] == 2 and manifest["run_id"] == "r" and manifest["schema"]["id"] == "string"
    assert manifest["files"] == [{"name": "accounts.csv", "format": "csv", "encoding": "utf-8", "delimiter": ","}]
    assert Landed(**json.loads(json.dumps(dataclasses.asdict(landed)))) == landed


def test_nothing_half_written_is_left_or_visible(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(batch, "_sync", full)
    with pytest.raises(OSError, match="No space"):
        hub.land(GOOD)
    assert list((hub.folder / "work" / "landing" / "crm" / "accounts").iterdir()) == []


def test_leftovers_of_dead_processes_are_removed_and_those_of_living_ones_kept(hub: Hub) -> None:
    folder = hub.folder / "work" / "landing" / "crm" / "accounts"
    dead, alive = (
        folder / ".20260101T000000000000Z-abc.99999999",
        folder / f".20260101T000000000000Z-abd.{os.getppid()}",
    )
    dead.mkdir(parents=True)
    alive.mkdir()
    hub.land(GOOD)
    assert not dead.exists() and alive.exists()


def test_unchanged_files_are_not_landed_again(hub: Hub) -> None:
    hub.deliver(GOOD)
    assert hub.land().status == "unchanged"
    os.utime(hub.folder / "accounts.csv")  # touched, same content
    assert hub.land().status == "unchanged"
    assert hub.land(again=True).status == "landed"
    assert hub.land(GOOD + "3,C,,,\n").status == "landed"


def test_another_way_of_reading_lands_unchanged_files_again(hub: Hub) -> None:
    hub.deliver(GOOD)
    hub.stream["fields"] = {"name": "name"}
    assert hub.land().status == "unchanged"  # what a column means does not change what was delivered
    hub.stream["key"] = ["id", "name"]
    assert hub.land().status == "landed"


@pytest.mark.parametrize(
    ("column", "error"),
    [
        ("nmae", "crm.accounts: column 'nmae' (fields.name) is not delivered (did you mean 'name'?)"),
        ("zzz", "crm.accounts: column 'zzz' (fields.name) is not delivered; there are id, name, tel, mobile, city"),
    ],
)
def test_a_missing_mapped_column_refuses_the_stream(hub: Hub, column: str, error: str) -> None:
    hub.stream["fields"] = {"name": column}
    landed = hub.land(GOOD)
    assert (landed.status, landed.error, landed.missing_columns) == ("refused", error, [column])
    assert landed.batch_dir is None


@pytest.mark.parametrize("place", ["key", "updated_at", "deleted"])
def test_other_configured_columns_are_wanted_too(hub: Hub, place: str) -> None:
    hub.stream[place] = "gone"
    assert hub.land(GOOD).missing_columns == ["gone"]


def test_drift_is_told(hub: Hub) -> None:
    header = "id,name,tel,mobile,city,since,size"
    hub.deliver(text("1,ACME,,,,2020-01-01,5", "2,B,,,,2021-01-01,6", header=header))
    landed = hub.land(text("1,ACME,,,,large,x", "2,B,,,,small,y", header="id,name,tel,mobile,city,size,owner"))
    assert landed.status == "landed"
    assert landed.drift == [
        "new column 'owner' (text)",
        "missing column 'since'",
        "column 'size' held numbers and holds text now",
    ]
    assert landed.extra_columns == ["size", "owner"]


def test_a_column_without_values_is_no_drift(hub: Hub) -> None:
    hub.deliver(text("1,ACME,5,,"))
    assert hub.land(text("1,ACME,,,")).drift == []


def test_a_snapshot_below_the_floor_is_refused_unless_it_is_accepted(hub: Hub) -> None:
    hub.deliver(text(*(f"{i},n,,," for i in range(10))))
    small = text(*(f"{i},n,,," for i in range(4)))
    landed = hub.land(small)
    assert landed.status == "refused" and landed.batch_dir is None
    assert landed.error == (
        "crm.accounts: 4 rows are fewer than volume_floor 0.5 of the last 10; taking them would delete the others; "
        "if that is right, lower volume_floor"
    )
    assert hub.land(text(*(f"{i},n,,," for i in range(5)))).status == "landed"
    assert hub.land(small, accept_shrink=True).status == "landed"
    hub.stream["volume_floor"] = 0.3
    assert hub.land(small).status == "landed"


def test_an_empty_snapshot_is_refused_by_any_floor(hub: Hub) -> None:
    hub.stream["volume_floor"] = 0.01
    assert hub.land(text()).status == "landed"  # nothing was there before
    hub.deliver(text("1,a,,,"))
    landed = hub.land(text())
    assert (landed.status, landed.error) == (
        "refused",
        "crm.accounts: nothing usable was delivered (0 rows), after 1 rows the last time",
    )
    assert hub.land(text(",a,,,")).status == "refused"
    hub.stream["volume_floor"] = 0
    assert hub.land(text()).status == "landed"


def test_a_delta_has_no_floor(hub: Hub) -> None:
    hub.stream["mode"] = "delta"
    hub.deliver(text(*(f"{i},n,,," for i in range(10))))
    landed = hub.land(text())
    assert (landed.status, landed.rows, landed.mode) == ("landed", 0, "delta")


def test_a_missing_file_fails_at_once(hub: Hub) -> None:
    landed = hub.land()
    assert landed.status == "failed" and hub.slept == []
    assert landed.error == f"crm.accounts: there is no file {hub.folder / 'accounts.csv'}"


class Flaky(FilesConnector):
    """Fails some times, then reads."""

    faults: list[Exception] = []

    def read(self, *args: Any, **more: Any) -> Any:
        items = super().read(*args, **more)
        yield next(items)
        yield next(items)
        if self.faults:
            raise self.faults.pop(0)
        yield from items


@pytest.fixture
def flaky(monkeypatch: pytest.MonkeyPatch) -> type[Flaky]:
    class Fresh(Flaky):
        faults: list[Exception] = []

    monkeypatch.setattr(landing, "connector_for", Fresh)
    return Fresh


def lost(message: str = "connection lost") -> SourceError:
    return SourceError(message, source="crm", stream="accounts", retryable=True)


def test_what_may_pass_is_tried_again_with_growing_pauses(hub: Hub, flaky: type[Flaky]) -> None:
    flaky.faults = [lost(), lost()]
    landed = hub.land(GOOD)
    assert landed.status == "landed" and hub.usable(landed) == ["1", "2"]
    assert 0.375 <= hub.slept[0] <= 0.625 and 0.75 <= hub.slept[1] <= 1.25
    assert len(list((hub.folder / "work" / "landing" / "crm" / "accounts").iterdir())) == 1


def test_after_the_last_try_the_stream_has_failed(hub: Hub, flaky: type[Flaky]) -> None:
    flaky.faults = [lost(), lost(), lost("still lost")]
    landed = hub.land(GOOD)
    assert (landed.status, landed.error) == ("failed", "crm.accounts: still lost (tried 3 times)")
    assert len(hub.slept) == 2


def test_what_a_connector_throws_is_a_fault_of_the_source_and_tells_no_secret(hub: Hub, flaky: type[Flaky]) -> None:
    flaky.faults = [RuntimeError("cannot reach postgres://ann:geheim@db/x?password=geheim")]
    landed = hub.land(GOOD)
    assert landed.error == "crm.accounts: RuntimeError: cannot reach postgres://***@db/x?password=***"
    assert hub.slept == []


def test_a_wrong_option_fails_the_stream(hub: Hub) -> None:
    hub.connector = {"type": "files", "pth": "x.csv"}
    landed = hub.land(GOOD)
    assert landed.status == "failed"
    assert "sources[crm].connector" in (landed.error or "")


def test_secrets_leave_no_trace_in_batch_or_state(hub: Hub) -> None:
    first = landing.fingerprint(hub.config.sources[0], hub.config.sources[0].streams[0])
    hub.connector["token"] = "geheim"
    hub.connector["url"] = "https://ann:one@host/"
    second = landing.fingerprint(hub.config.sources[0], hub.config.sources[0].streams[0])
    hub.connector["url"] = "https://ann:two@host/"
    assert first != second == landing.fingerprint(hub.config.sources[0], hub.config.sources[0].streams[0])


def test_rows_are_numbered_over_files_and_bad_rows(hub: Hub) -> None:
    hub.connector["path"] = "in/*.csv"
    hub.write(text("1,a,,,", "2,b", "3,c,,,"), "in/a.csv")
    hub.write(text("4,d,,,"), "in/b.csv")
    landed = hub.land()
    assert [(r["_row"], r["id"]) for r in hub.rows(landed)] == [(1, "1"), (3, "3"), (4, "4")]
    assert [(b["row"], b["source_key"]) for b in hub.bad(landed)] == [(2, "2")]


def test_files_with_other_columns_make_parts_of_their_own(hub: Hub) -> None:
    hub.connector["path"] = "in/*.csv"
    hub.write(text("1,a,,,"), "in/a.csv")
    hub.write("city,id,name,tel,mobile,owner\nX,2,b,,,Ann\n", "in/b.csv")
    landed = hub.land()
    assert landed.status == "landed" and landed.extra_columns == ["owner"]
    assert hub.rows(landed)[1]["owner"] == "Ann"


def test_a_delivered_column_named_like_ours_is_kept_under_another_name(hub: Hub) -> None:
    landed = hub.land("id,name,tel,mobile,city,_row\n1,a,,,,x\n")
    assert hub.rows(landed)[0]["_row_delivered"] == "x"


def test_big_deliveries_are_cut_into_parts(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batch, "_PART", 100)
    monkeypatch.setattr(batch, "_GROUP", 10)
    hub.connector["path"] = "in/*.csv"
    for part in range(5):
        hub.write(text(*(f"{part}-{i},n,,," for i in range(60))), f"in/{part}.csv")
    landed = hub.land()
    assert len(list(hub.batch(landed).glob("part-*.parquet"))) == 3
    assert len(set(hub.usable(landed))) == 300


def test_batches_sort_by_time() -> None:
    names = [batch.new_batch_id() for _ in range(3)]
    assert [n.split("-")[0] for n in names] == sorted(n.split("-")[0] for n in names)


def test_the_file_must_not_change_while_it_is_read(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    from connectors import file_reading

    real = file_reading.read_csv

    def growing(file: Any) -> Any:
        yield from real(file)
        with Path(hub.folder / "accounts.csv").open("a") as out:
            out.write("9,late,,,\n")

    monkeypatch.setattr(file_reading, "read_csv", growing)
    landed = hub.land(GOOD)
    assert landed.status == "failed" and "changed while it was read (tried 3 times)" in (landed.error or "")


def test_nor_may_another_be_put_in_its_place(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    """One of the same size and time of change: what was read is the former, half of each, or the new one."""
    from connectors import file_reading

    real, times = file_reading.read_csv, [0]

    def replaced(file: Any) -> Any:
        times[0] += 1
        if times[0] == 1:
            old = hub.folder / "accounts.csv"
            new = hub.write(GOOD.replace("1", "7"), "new.tmp")
            os.utime(new, ns=(old.stat().st_atime_ns, old.stat().st_mtime_ns))
            assert new.stat().st_size == old.stat().st_size
            new.replace(old)
        yield from real(file)

    monkeypatch.setattr(file_reading, "read_csv", replaced)
    landed = hub.land(GOOD)
    assert (landed.status, times[0]) == ("landed", 2), landed.error
    assert [row["id"] for row in hub.rows(landed)][0] == "7"
