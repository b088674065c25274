"""Small drawings that pages hold as SVG: the bars of a waterfall, the graph of a neighbourhood. Numbers, no HTML."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from serving.stewardship.compare import Waterfall
from serving.stewardship.graph import Graph


@dataclass(frozen=True)
class Bar:
    """A bar from `x` over `width`, in hundredths of the drawing."""

    x: float
    width: float
    kind: str


@dataclass(frozen=True)
class WaterfallBars:
    """The bars of a waterfall: of the prior, of each comparison, of the sum; where zero and the thresholds are."""

    prior: Bar
    bars: list[Bar]
    total: Bar
    zero: float
    review: float
    auto: float


def waterfall_bars(found: Waterfall) -> WaterfallBars:
    """The bars of a waterfall, on one scale."""
    sums = [0.0, found.prior, *(bar.after for bar in found.bars), found.review, found.auto]
    low, high = min(sums), max(sums)
    room = (high - low) * 0.02 or 1.0
    low, span = low - room, high - low + 2 * room

    def at(value: float) -> float:
        return round((value - low) / span * 100, 2)

    def bar(begin: float, end: float, kind: str) -> Bar:
        return Bar(min(at(begin), at(end)), max(abs(at(end) - at(begin)), 0.4), kind)

    bars, before = [], found.prior
    for one in found.bars:
        kind = "plus" if one.weight > 0 else "minus" if one.weight < 0 else "none"
        bars.append(bar(before, one.after, kind))
        before = one.after
    prior = bar(0.0, found.prior, "start")
    return WaterfallBars(prior, bars, bar(0.0, found.weight, "sum"), at(0.0), at(found.review), at(found.auto))


@dataclass(frozen=True)
class Place:
    """Where a node stands, and what its circle says."""

    x: float
    y: float
    record_id: int
    name: str
    source: str
    golden_id: str | None
    focus: bool


@dataclass(frozen=True)
class Line:
    """A line between two nodes; `this` is the one that the page asks about."""

    x1: float
    y1: float
    x2: float
    y2: float
    weight: float | None
    kind: str
    bridge: bool
    this: bool


WIDTH, HEIGHT = 320.0, 220.0
_MARGIN = 30.0


def graph_places(graph: Graph, pair: Sequence[int] = ()) -> tuple[list[Place], list[Line]]:
    """The nodes and lines of a graph on a sheet of WIDTH by HEIGHT; the same graph is always drawn the same."""
    numbers = [node.record_id for node in graph.nodes]
    index = {number: i for i, number in enumerate(numbers)}
    links = [(index[e.left], index[e.right]) for e in graph.edges if e.left in index and e.right in index]
    spots = _springs(len(numbers), links)
    places = [
        Place(float(x), float(y), n.record_id, n.name, n.source, n.golden_id, n.focus)
        for n, (x, y) in zip(graph.nodes, spots, strict=True)
    ]
    wanted = set(pair)
    lines = []
    for e in graph.edges:
        if e.left in index and e.right in index:
            (x1, y1), (x2, y2) = (map(float, spots[index[n]]) for n in (e.left, e.right))
            lines.append(Line(x1, y1, x2, y2, e.weight, e.kind, e.bridge, wanted == {e.left, e.right}))
    return places, lines


def _springs(n: int, links: Sequence[tuple[int, int]], steps: int = 120) -> npt.NDArray[np.float64]:
    """Places of nodes that push each other away while links pull them together (Fruchterman and Reingold)."""
    if n == 0:
        return np.zeros((0, 2))
    angle = np.arange(n) * 2 * np.pi / n
    spots = np.column_stack([np.cos(angle), np.sin(angle)]) + np.arange(n)[:, None] * 1e-3
    ideal = 1.2 / np.sqrt(n)
    for step in range(steps if n > 2 else 0):
        away = spots[:, None, :] - spots[None, :, :]
        distance = np.maximum(np.linalg.norm(away, axis=2), 1e-3)
        force = (away * (ideal**2 / distance**2)[:, :, None]).sum(axis=1)
        for a, b in links:
            pull = (spots[a] - spots[b]) * np.linalg.norm(spots[a] - spots[b]) / ideal
            force[a] -= pull
            force[b] += pull
        length = np.maximum(np.linalg.norm(force, axis=1, keepdims=True), 1e-6)
        spots = spots + force / length * np.minimum(length, 0.12 * (1 - step / steps))
    low, high = spots.min(axis=0), spots.max(axis=0)
    span = np.maximum(high - low, 1e-6)
    sheet = np.array([WIDTH - 2 * _MARGIN, HEIGHT - 2 * _MARGIN])
    placed: npt.NDArray[np.float64] = np.round(_MARGIN + (spots - low) / span * sheet, 1)
    return placed
