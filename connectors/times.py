"""Reads the times and dates that sources write, set-based; a date that is none is null.

Used for the source's own time of change and to set impossible dates aside. What a birth date means to matching is
decided there, from the raw value.
"""

from __future__ import annotations

import datetime as dt
import re

import duckdb
import pyarrow as pa

from connectors.arrow import Flags, Texts, Times, pc

# ISO 8601 and what is close to it is read by DuckDB's own cast; these are the others, with `-` for `/`, `.`, 年 and 月.
_TAILS = ("", " %H:%M:%S", " %H:%M", " %I:%M %p", " %I:%M:%S %p")
_COMPACT = ("%Y%m%d", "%Y%m%d%H%M%S", "%Y%m%d%H%M", "%Y%m%dT%H%M%S", "%Y%m%dT%H%M%SZ")
_NAMED = tuple(
    f + t for f in ("%d-%b-%Y", "%d %B %Y", "%d %b %Y", "%B %d, %Y", "%b %d, %Y", "%b %d %Y") for t in _TAILS
)
_MONTH_FIRST = tuple("%m-%d-%Y" + t for t in _TAILS)
_DAY_FIRST = tuple("%d-%m-%Y" + t for t in _TAILS)
_ZONED = ("%a, %d %b %Y %H:%M:%S %z", "%Y-%m-%d %H:%M:%S %z", "%Y-%m-%d %H:%M %z")
_DAY_FIRST_ONLY = r"^(1[3-9]|2\d|3[01])[-/.]\d{1,2}[-/.]\d"
_FIRST_YEAR, _LAST_YEAR = 1800, 2199
"""Outside of these years a date is a slip of the pen or a placeholder."""


def _tried(pattern: str, formats: tuple[str, ...], text: str = "t.text") -> str:
    """The time of texts of this shape in the first of the formats that fits."""
    names = ", ".join(f"'{f}'" for f in formats)
    return _shape(pattern, f"CAST(try_strptime({text}, [{names}]) AS TIMESTAMPTZ)")


def _shape(pattern: str, then: str, text: str = "t.text") -> str:
    return f"CASE WHEN regexp_full_match({text}, '{pattern}') THEN {then} END"


def _time_sql(day_first: bool, with_format: bool) -> str:
    dashed = "regexp_replace(regexp_replace(t.text, '[日秒]', '', 'g'), '[年月/.]', '-', 'g')"
    orders = (*_DAY_FIRST, *_MONTH_FIRST) if day_first else (*_MONTH_FIRST, *_DAY_FIRST)
    year_first = r"\d{4}-\d{1,2}-\d{1,2}([ T].*)?"
    tries = [
        *(["CAST(try_strptime(t.text, $date_format) AS TIMESTAMPTZ)"] if with_format else []),
        _shape(year_first, "TRY_CAST(t.text AS TIMESTAMPTZ)"),
        _tried(r"\d{8}|\d{8}T\d{6}Z?|\d{12}|\d{14}", _COMPACT),
        # Seconds and milliseconds since 1970, as programs deliver them.
        _shape(r"\d{10}(\.\d+)?", "to_timestamp(TRY_CAST(t.text AS DOUBLE))"),
        _shape(r"\d{13}", "to_timestamp(TRY_CAST(t.text AS DOUBLE) / 1000)"),
        _shape(year_first, f"TRY_CAST({dashed} AS TIMESTAMPTZ)", dashed),
        _tried(r"\d{1,2}\.\d{1,2}\.\d{4}( .*)?", _DAY_FIRST, dashed),
        _tried(r"\d{1,2}[-/]\d{1,2}[-/]\d{4}( .*)?", orders, dashed),
        _tried(r"\d{1,2}[-/]\d{1,2}[-/]\d{2}( .*)?", _short(orders), dashed),
        _tried(r".*[A-Za-z]{3}.*\d{4}.*", _NAMED),
        _tried(r"\d{1,2}[- ][A-Za-z]{3,9}[- ]\d{2}( .*)?", _short(_NAMED)),
        _shape(r".*[+-]\d{4}", f"try_strptime(t.text, [{', '.join(map(repr, _ZONED))}])"),
    ]
    return f"coalesce({', '.join(tries)})"


def _short(formats: tuple[str, ...]) -> tuple[str, ...]:
    """The formats with years of two digits."""
    return tuple(f.replace("%Y", "%y") for f in formats)


_PLAIN = r"\d{4}-\d\d-\d\d[T ]([01]\d|2[0-3]):[0-5]\d:[0-5]\d(\.\d{1,6})?"
_FIRST, _AFTER = dt.datetime(_FIRST_YEAR, 1, 1), dt.datetime(_LAST_YEAR + 1, 1, 1)


def _plain_times(texts: Texts, timezone: str) -> Times | None:
    """Times of texts that are all alike, in UTC by their offset or the column's zone; None for any others."""
    sample = next((text for text in texts[:100].to_pylist() if text is not None), "")
    zone = re.fullmatch(f"{_PLAIN}(Z|[+]00:00)?", sample)
    if zone is None or (zone[3] is None and timezone != "UTC"):
        return None
    ending = "" if zone[3] is None else re.escape(zone[3])
    if pc.all(pc.match_substring_regex(texts, f"^{_PLAIN}{ending}$")).as_py() is not True:
        return None
    bare = pc.utf8_slice_codeunits(texts, 0, -len(zone[3])) if zone[3] else texts
    try:
        times = bare.cast(pa.timestamp("us"))
    except pa.ArrowInvalid:  # such as 30 February
        return None
    bounds = pc.min_max(times).as_py()
    if bounds["min"] is not None and not _FIRST <= bounds["min"] <= bounds["max"] < _AFTER:
        return None
    return times.cast(pa.timestamp("us", "UTC"))


def parse_times(
    connection: duckdb.DuckDBPyConnection,
    texts: Texts,
    *,
    date_format: str | None = None,
    timezone: str = "UTC",
) -> Times:
    """Times of trimmed texts as timestamp[us, UTC]; null where a text is none, or is of no year from 1800 to 2199.

    ISO 8601 with or without offset, dates with `/`, `.` or 年月日, compact digits, English month names, RFC 2822 and
    seconds or milliseconds since 1970. `03/04/2026` is read month first unless another value of the same column can
    only be day first; `date_format` (strptime) goes before everything. Times without offset are in `timezone`.
    """
    if date_format is None and (plain := _plain_times(texts, timezone)) is not None:
        return plain
    connection.execute("SET TimeZone = ?", [timezone])
    connection.register("texts_of_times", pa.table({"text": texts}))
    parameters = {} if date_format is None else {"date_format": date_format}
    try:
        count = f"SELECT count(*) FROM texts_of_times AS t WHERE regexp_matches(t.text, '{_DAY_FIRST_ONLY}')"
        day_first = connection.execute(count).fetchall()[0][0]
        query = f"""
            SELECT CASE WHEN year(moment) BETWEEN {_FIRST_YEAR} AND {_LAST_YEAR} THEN moment END
            FROM (SELECT {_time_sql(bool(day_first), date_format is not None)} AS moment FROM texts_of_times AS t)"""
        found = connection.sql(query, params=parameters).to_arrow_table().column(0)
    finally:
        connection.unregister("texts_of_times")
        connection.execute("SET TimeZone = 'UTC'")
    return found.cast(pa.timestamp("us", "UTC")).combine_chunks()


def unreadable_dates(connection: duckdb.DuckDBPyConnection, texts: Texts, *, date_format: str | None = None) -> Flags:
    """Which trimmed texts are no date at all. A year alone, or a year and a month, is a date that is not complete."""
    partial = pc.match_substring_regex(texts, r"^(1[89]|2[01])\d\d([-/.年]?(0?[1-9]|1[0-2]))?[年月]?$")
    none = pc.is_null(parse_times(connection, texts, date_format=date_format))
    return pc.fill_null(pc.and_(none, pc.invert(partial)), False)
