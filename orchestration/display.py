"""Tables and small pictures for a page: Markdown tables, histograms as SVG, how far columns are filled.

Plain functions from numbers to text; what is shown where is the assets' affair.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow.parquet as pq

WIDTH, HEIGHT, MARGIN = 640, 220, 36
"""Size of a picture in pixels; the margin holds the scales."""


def table(headers: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    """A Markdown table; numbers with thousands separators, to the right."""
    numeric = [bool(rows) and all(isinstance(row[i], int | float) for row in rows) for i in range(len(headers))]
    lines = [_line(headers), _line(["---:" if right else "---" for right in numeric], raw=True)]
    return "\n".join([*lines, *(_line(row) for row in rows)])


def _line(cells: Sequence[Any], raw: bool = False) -> str:
    return "| " + " | ".join(str(cell) if raw else _cell(cell) for cell in cells) + " |"


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:,.3f}".rstrip("0").rstrip(".")
    return " ".join(str(value).split()).replace("|", "\\|")


def filled(path: Path) -> list[tuple[str, float]]:
    """(column, share of rows that hold a value) of a Parquet file, from its statistics; lists have none."""
    metadata = pq.read_metadata(path)
    nulls: dict[str, int] = {}
    for group in range(metadata.num_row_groups):
        for i in range(metadata.num_columns):
            column = metadata.row_group(group).column(i)
            statistics = column.statistics
            empty = None if statistics is None else statistics.null_count
            if "." not in column.path_in_schema and empty is not None:
                nulls[column.path_in_schema] = nulls.get(column.path_in_schema, 0) + empty
    rows = metadata.num_rows
    return [(name, 1 - count / rows) for name, count in nulls.items()] if rows else []


def filled_table(path: Path) -> str:
    """`filled` as a Markdown table, in percent."""
    return table(("column", "filled, %"), [(name, round(100 * share, 1)) for name, share in filled(path)])


def weight_histogram(
    weights: npt.NDArray[np.float64], marks: Mapping[str, float], title: str
) -> tuple[str, list[tuple[str, int]]]:
    """Match weights in bits as a picture (Markdown with an inline SVG) and as (range, pairs) rows.

    `marks` are thresholds to draw, by name. Bars are on a logarithmic scale: what is rare is what is looked for.
    """
    if not len(weights):
        return f"{title}: no pairs", []
    low, high = np.floor(weights.min()), np.ceil(weights.max())
    step = max(1.0, float(np.ceil((high - low) / 40)))
    edges = np.arange(low, high + step, step)
    if len(edges) < 2:
        edges = np.array([low, low + step])
    counts, edges = np.histogram(weights, bins=edges)
    rows = [(f"{a:g} to {b:g}", int(n)) for a, b, n in zip(edges[:-1], edges[1:], counts, strict=True)]
    return image(_bars(counts, float(edges[0]), float(edges[-1]), marks, title), title), rows


def size_histogram(sizes: Mapping[int, int], title: str) -> str:
    """How many golden records hold how many source records (size → number), as a Markdown table."""
    bounds = [1, 2, 3, 4, 5, 10, 20, 50, 100, 200]
    rows: list[tuple[str, int, int]] = []
    for low, after in zip(bounds, [*bounds[1:], None], strict=True):
        inside = {s: n for s, n in sizes.items() if s >= low and (after is None or s < after)}
        if inside:
            label = f"{low} and more" if after is None else str(low) if after == low + 1 else f"{low} to {after - 1}"
            rows.append((label, sum(inside.values()), sum(s * n for s, n in inside.items())))
    return f"{title}\n\n" + table(("source records in one", "golden records", "source records"), rows)


def image(svg: str, words: str) -> str:
    """An SVG as a Markdown image that needs no file beside it."""
    return f"![{words}](data:image/svg+xml;base64,{base64.b64encode(svg.encode()).decode()})"


def _bars(counts: npt.NDArray[Any], low: float, high: float, marks: Mapping[str, float], title: str) -> str:
    inner, base, tallest = WIDTH - 2 * MARGIN, HEIGHT - MARGIN, np.log10(1 + counts.max())
    heights = (base - MARGIN) * np.log10(1 + counts) / (tallest or 1)
    each = inner / len(counts)

    def across(weight: float) -> float:
        return MARGIN + inner * (weight - low) / ((high - low) or 1)

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}" '
        'font-family="sans-serif" font-size="11">',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/>',
        f'<text x="{MARGIN}" y="16" fill="#222" font-size="13">{escape(title)}</text>',
    ]
    for i, (count, tall) in enumerate(zip(counts, heights, strict=True)):
        if count:
            x = MARGIN + i * each
            parts.append(
                f'<rect x="{x:.1f}" y="{base - tall:.1f}" width="{each * 0.9:.1f}" height="{tall:.1f}" fill="#4a7ba6">'
                f"<title>{int(count):,}</title></rect>"
            )
    for name, weight in marks.items():
        if low <= weight <= high:
            x = across(weight)
            parts.append(f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{MARGIN}" y2="{base}" stroke="#c0392b"/>')
            parts.append(f'<text x="{x + 3:.1f}" y="{MARGIN + 9}" fill="#c0392b">{escape(name)} {weight:g}</text>')
    parts.append(f'<line x1="{MARGIN}" x2="{WIDTH - MARGIN}" y1="{base}" y2="{base}" stroke="#222"/>')
    for weight in np.linspace(low, high, 5):
        parts.append(f'<text x="{across(weight):.1f}" y="{base + 15}" text-anchor="middle">{weight:.0f}</text>')
    parts.append(
        f'<text x="{MARGIN}" y="{HEIGHT - 5}" fill="#555">match weight (bits); bars on a logarithmic scale</text>'
    )
    return "".join(parts) + "</svg>"
