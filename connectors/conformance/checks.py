"""The checks of the kit: each fills the system, reads it through the connector as runs do, and looks at the hub."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from connectors.conformance.hub import Hub, hub_of
from connectors.conformance.subject import START, Row, Subject
from connectors.protocol import Delivery, State
from connectors.text import clean
from models.errors import SourceError

Check = Callable[[Hub], None]
_NEEDS: dict[str, frozenset[str]] = {}
CHECKS: dict[str, Check] = {}
"""Every check by its name."""

_TEXTS = (
    "华东汽车运输有限公司",
    "𠮷野家物流（上海）",  # beyond the basic plane
    'Zoë O\'Brien & "Sons" <ltd>',
    "cafe\u0301 = café?",  # combining and composed stay what they were
    "شركة النقل",
    "🚚 Trucks",
    "a\\b/c|d;e,f\tg",
    "two\nlines",
    "100% {braces} ${NOT_A_VARIABLE} :colon",
)


def _check(*needs: str) -> Callable[[Check], Check]:
    def keep(check: Check) -> Check:
        CHECKS[check.__name__] = check
        _NEEDS[check.__name__] = frozenset(needs)
        return check

    return keep


def checks_of(subject: type[Subject] | Subject) -> list[str]:
    """The names of the checks that make sense for a subject, by its `can`."""
    return [name for name in CHECKS if _NEEDS[name] <= subject.can]


def run(check: str, subject: Subject, folder: Path) -> None:
    """Put a subject through one check; `folder` is empty or holds the subject's own files. Raises AssertionError."""
    try:
        with hub_of(subject, folder) as hub:
            CHECKS[check](hub)
    finally:
        subject.close()


@_check()
def declares_itself(hub: Hub) -> None:
    """`check` accepts a sound stream and names a column that is not there; `discover` finds the stream."""
    hub.subject.put(_rows(3))
    connector = hub.connector()
    stream = hub.config.sources[0].streams[0]
    mistakes = connector.check(stream)
    assert not mistakes, f"check found mistakes in a sound stream: {[str(m) for m in mistakes]}"
    found = connector.discover()
    named = {column for columns in stream.field_columns.values() for column in columns} | set(stream.key_columns)
    assert any(named <= set(one.columns) for one in found), (
        f"discover found no stream with the columns {sorted(named)}, but {[(s.name, sorted(s.columns)) for s in found]}"
    )


@_check()
def delivers_everything_once(hub: Hub) -> None:
    """All rows arrive with their values, and reading again changes nothing."""
    rows = _rows(57)
    hub.subject.put(rows)
    counts = hub.run()
    _same(hub, rows)
    assert counts.inserted == 57, f"57 rows make {counts.inserted} records"
    again = hub.run()
    changed = again.inserted + again.updated + again.deleted
    assert not changed, f"nothing changed in the source, but {vars(again)}"


@_check()
def begins_with_its_delivery_and_ends_with_its_state(hub: Hub) -> None:
    """The first item is a Delivery, the last a State that survives JSON."""
    hub.subject.put(_rows(3))
    items = list(hub.connector().read(hub.config.sources[0].streams[0], None))
    assert isinstance(items[0], Delivery), f"the first item is {type(items[0]).__name__}, not Delivery"
    assert sum(isinstance(item, Delivery) for item in items) == 1, "there is more than one Delivery"
    assert isinstance(items[-1], State), f"the last item is {type(items[-1]).__name__}, not State"
    assert json.loads(json.dumps(items[-1].values)) == items[-1].values, "the state is not what JSON gives back"


@_check()
def goes_on_after_a_kill(hub: Hub) -> None:
    """A reading that is cut off anywhere, or landed and never published, costs no row."""
    rows = _rows(40)
    hub.subject.put(rows)
    hub.run()
    changed = [Row(r.key, "after", r.city, _later(100 + i)) for i, r in enumerate(rows[:20])]
    hub.subject.put(changed)
    stream = hub.config.sources[0].streams[0]
    for length in (1, 2, 3):
        _cut_off(iter(hub.connector().read(stream, (hub.state or {}).get("connector"))), length)
    lost = hub.land()
    assert lost.status == "landed", f"the changes were not landed: {lost.status}, {lost.error}"
    hub.run()
    _same(hub, [*changed, *rows[20:]])


@_check()
def survives_its_changes(hub: Hub) -> None:
    """Changed and new rows arrive, in the order in which they were changed or not."""
    rows = _rows(12)
    hub.subject.put(rows)
    hub.run()
    changed = [Row(rows[5].key, "x", "y", _later(100)), Row("k900", "new", None, _later(101))]
    hub.subject.put(changed)
    counts = hub.run()
    _same(hub, [r for r in rows if r.key != rows[5].key] + changed)
    assert (counts.inserted, counts.updated) == (1, 1), f"one new and one changed row make {vars(counts)}"


@_check("incremental")
def reads_little_when_little_changed(hub: Hub) -> None:
    """Of many old rows and one changed one, few are delivered."""
    rows = [Row(f"k{i:03}", "n", None, START + dt.timedelta(days=i)) for i in range(60)]
    hub.subject.put(rows)
    hub.run()
    hub.subject.put([Row("k001", "changed", None, START + dt.timedelta(days=70))])
    landed = hub.land()
    count = len(hub.delivered(landed)) if landed.status == "landed" else 0
    assert 1 <= count <= 10, f"one of 60 rows changed, and {count} were delivered"


@_check()
def loses_no_row_of_one_moment(hub: Hub) -> None:
    """Many rows that changed in the same moment arrive, over all pages, and one more that does so later."""
    moment = _later(5)
    rows = [Row(f"k{i:03}", "n", None, moment) for i in range(130)]
    hub.subject.put(rows)
    hub.run()
    _same(hub, rows)
    more = [Row("k500", "one more", None, moment), Row("k007", "changed again", None, moment)]
    hub.subject.put(more)
    hub.run()
    _same(hub, [r for r in rows if r.key != "k007"] + more)


@_check("late")
def sees_what_was_committed_late(hub: Hub) -> None:
    """A row that shows up with a time shortly before the last one that was read arrives."""
    rows = _rows(5)
    hub.subject.put(rows)
    hub.run()
    late = Row("k900", "late", None, rows[-1].changed - dt.timedelta(seconds=20))
    hub.subject.put([late])
    hub.run()
    _same(hub, [*rows, late])


@_check()
def takes_a_row_twice(hub: Hub) -> None:
    """A row that is written again, the same or another, stays one record."""
    rows = _rows(6)
    hub.subject.put(rows)
    hub.subject.put(rows[:3])
    hub.subject.put([Row(rows[4].key, "first", None, _later(50)), Row(rows[4].key, "last", None, _later(51))])
    hub.run()
    _same(hub, [*rows[:4], Row(rows[4].key, "last", None, _later(51)), rows[5]])


@_check("deletes")
def sees_deletions(hub: Hub) -> None:
    """Rows that were deleted are gone from the hub, others stay, and one that comes back is there again."""
    rows = _rows(30)
    hub.subject.put(rows)
    hub.run()
    hub.subject.remove([rows[3].key, rows[29].key], _later(60))
    counts = hub.run()
    _same(hub, [r for r in rows if r.key not in (rows[3].key, rows[29].key)])
    assert counts.deleted == 2, f"two rows were deleted, and the hub counts {counts.deleted}"
    assert hub.run().deleted == 0, "a deletion is counted twice"
    back = Row(rows[3].key, "back", None, _later(90))
    hub.subject.put([back])
    hub.run()
    _same(hub, [r for r in rows if r.key not in (rows[3].key, rows[29].key)] + [back])


@_check("deletes")
def sees_changes_and_deletions_together(hub: Hub) -> None:
    """A row that was changed and then deleted is gone; one that was deleted and made anew is there."""
    rows = _rows(30)
    hub.subject.put(rows)
    hub.run()
    hub.subject.put([Row(rows[1].key, "changed", None, _later(61)), Row("k900", "short life", None, _later(61))])
    hub.subject.remove([rows[1].key, "k900", rows[2].key], _later(62))
    anew = Row(rows[2].key, "anew", None, _later(63))
    hub.subject.put([anew])
    hub.run()
    _same(hub, [rows[0], anew, *rows[3:]])


@_check("empties")
def reads_nothing(hub: Hub) -> None:
    """A stream without rows is no fault, and gets its first ones."""
    assert hub.run().rows == 0
    rows = _rows(2)
    hub.subject.put(rows)
    hub.run()
    _same(hub, rows)


@_check("empties", "deletes")
def keeps_records_when_a_stream_is_suddenly_empty(hub: Hub) -> None:
    """A system that is emptied at once does not empty the hub unseen, unless it says of every row that it is gone."""
    rows = _rows(20)
    hub.subject.put(rows)
    hub.run()
    hub.subject.remove([row.key for row in rows], _later(70))
    landed = hub.land()
    if landed.status == "landed":
        gone = (hub.folder / "work" / str(landed.batch_dir) / "gone.parquet").exists() or landed.rows == len(rows)
        assert gone, "an empty delivery was taken for the truth"
    else:
        assert landed.status in ("refused", "failed"), f"the empty delivery is {landed.status}"


@_check("widen")
def tells_of_new_columns(hub: Hub) -> None:
    """A column that is added is told as drift, and its values arrive."""
    hub.subject.put(_rows(3))
    hub.run()
    hub.subject.widen("extra")
    hub.subject.put([Row("k900", "n", None, _later(80), {"extra": "told"})])
    landed = hub.land()
    assert any("extra" in line for line in landed.drift), f"the new column is not among the drift {landed.drift}"
    hub.publish(landed)
    assert "told" in str(hub.held()[hub.subject.hub_key("k900")]["payload"]), "the new column's value did not arrive"


@_check("times")
def knows_what_time_it_was(hub: Hub) -> None:
    """The source's own times are the same moments in the hub, whatever zone they were written in."""
    zones = [dt.UTC, dt.timezone(dt.timedelta(hours=8)), dt.timezone(dt.timedelta(hours=-9, minutes=-30))]
    rows = [Row(f"k{i:03}", "n", None, _later(i * 60).astimezone(zones[i % 3])) for i in range(6)]
    hub.subject.put(rows)
    hub.run()
    held = hub.held()
    for row in rows:
        got = held[hub.subject.hub_key(row.key)]["source_time"]
        assert got == row.changed, f"{row.key} changed at {row.changed.isoformat()}, and the hub says {got}"


@_check("huge")
def carries_huge_rows(hub: Hub) -> None:
    """A value of a megabyte arrives whole, beside small ones."""
    rows = [Row("k001", "a"), Row("k002", "客" * 350_000), Row("k003", "b")]
    hub.subject.put(rows)
    hub.run()
    _same(hub, rows)


@_check("any_text")
def carries_every_character(hub: Hub) -> None:
    """Text of every script arrives as it was."""
    rows = [Row(f"k{i:03}", text, text) for i, text in enumerate(_TEXTS)]
    hub.subject.put(rows)
    hub.run()
    _same(hub, rows)


@_check("nulls")
def tells_nothing_from_something(hub: Hub) -> None:
    """A value that is not there is none, and one that goes away is gone."""
    rows = [Row("k001", "a", None), Row("k002", None, "b"), Row("k003", "c", "d")]
    hub.subject.put(rows)
    hub.run()
    _same(hub, rows)
    hub.subject.put([Row("k003", "c", None, _later(40))])
    hub.run()
    _same(hub, [*rows[:2], Row("k003", "c", None)])


@_check()
def keeps_its_secrets(hub: Hub) -> None:
    """No secret stands in a batch, a manifest or a state."""
    hub.subject.put(_rows(3))
    text = hub.written(hub.land())
    for secret in hub.subject.secrets:
        assert secret not in text, "a secret was written down"


@_check()
def reads_the_same_again(hub: Hub) -> None:
    """Two readings from one state deliver the same rows."""
    hub.subject.put(_rows(35))
    first, second = hub.land(), hub.land()
    assert sorted(hub.delivered(first)) == sorted(hub.delivered(second)), "two readings from one state differ"


def _rows(count: int) -> list[Row]:
    return [Row(f"k{i:03}", f"name {i}", f"city {i % 7}", _later(i)) for i in range(count)]


def _later(seconds: int) -> dt.datetime:
    return START + dt.timedelta(seconds=seconds)


def _cut_off(items: Iterator[Any], length: int) -> None:
    """Take so many items and let the reading go, as a process that is killed does."""
    try:
        for _ in range(length):
            next(items)
    except (StopIteration, SourceError):
        pass
    close = getattr(items, "close", None)
    if close is not None:
        close()


def _same(hub: Hub, rows: Sequence[Row]) -> None:
    """The hub holds these rows, and no others of theirs."""
    held = hub.held()
    wanted = {hub.subject.hub_key(row.key): row for row in rows}
    missing, more = sorted(wanted.keys() - held.keys()), sorted(held.keys() - wanted.keys())
    assert not missing and not more, f"missing in the hub: {missing[:5]}; not in the system: {more[:5]}"
    for key, row in wanted.items():
        for name, value in (("name", row.name), ("city", row.city)):
            got, said = (clean(pa.array([text], pa.string()))[0].as_py() for text in (held[key][name], value))
            assert got == said, f"{key}.{name} is {str(got)[:80]!r}, and should be {str(said)[:80]!r}"
