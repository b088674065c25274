"""Drawings of the lifecycle's pages: options of ECharts, colours by their names (`var:…`), and trees as rows."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Say = Callable[[str], str]
_GRID = {"left": 8, "right": 28, "top": 28, "bottom": 4, "containLabel": True}
PHASE_COLOUR = {"before_order": "var:accent", "during_order": "var:person", "after_order": "var:agree"}
_SUPPORT = {"supporter": "agree", "critic": "differ"}


def timeline(events: Sequence[Mapping[str, Any]], label: Say, phase: Say) -> dict[str, Any]:
    """Touchpoints as dots: a lane per kind, time to the right; what is planned is hollow."""
    lanes = [kind for kind in dict.fromkeys(str(e["kind"]) for e in events)]
    series: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for event in events:
        if not event["date"]:
            continue
        colour = PHASE_COLOUR.get(event["phase"] or "", "var:missing")
        style: dict[str, Any] = {"color": colour, "opacity": 0.8}
        if event["planned"]:
            style = {"color": "transparent", "borderColor": colour, "borderWidth": 1.5}
        name = " · ".join(filter(None, (label(event["kind"]), event["subject"], event["status"], event["owner"])))
        point = {"value": [event["date"], lanes.index(event["kind"])], "name": name, "itemStyle": style}
        series[event["phase"] or ""].append(point)
    return {
        "grid": {**_GRID, "top": 8},
        "tooltip": {"formatter": "{b}"},
        "xAxis": {"type": "time"},
        "yAxis": {
            "type": "category",
            "data": [label(lane) for lane in lanes],
            "inverse": True,
            "axisTick": {"show": False},
            "splitLine": {"show": True},
        },
        "series": [
            {"type": "scatter", "symbolSize": 9, "name": phase(name) if name else "", "data": points}
            for name, points in series.items()
        ],
    }


def months(events: Sequence[Mapping[str, Any]], sources: Sequence[str]) -> dict[str, Any]:
    """How many touchpoints each month, by system."""
    count: dict[tuple[str, str], int] = defaultdict(int)
    seen = sorted({str(e["date"])[:7] for e in events if e["date"] and not e["planned"]})[-24:]
    for event in events:
        if event["date"] and not event["planned"]:
            count[event["source"], event["date"][:7]] += 1
    colours = ("var:accent", "var:agree", "var:person", "var:missing")
    return {
        "grid": _GRID,
        "legend": {"top": 0, "right": 0, "itemWidth": 10, "itemHeight": 10},
        "tooltip": {"trigger": "axis"},
        "xAxis": {"type": "category", "data": seen},
        "yAxis": {"type": "value", "minInterval": 1},
        "series": [
            {
                "type": "bar",
                "stack": "all",
                "name": source,
                "itemStyle": {"color": colours[i % len(colours)]},
                "data": [count[source, month] for month in seen],
            }
            for i, source in enumerate(sources)
        ],
    }


@dataclass(frozen=True)
class Leaf:
    """A row of a tree that is drawn as nested lists: what it says, how far down it hangs, its dot (radius, colour)."""

    level: int
    name: str
    told: str
    radius: float
    tone: str
    href: str = ""
    here: bool = False


def people(name: str, contacts: Sequence[Mapping[str, Any]], role: Say) -> list[Leaf]:
    """The buying centre as a tree of who reports to whom; size is influence, colour the attitude towards us."""
    known = {c["golden_id"] for c in contacts}
    below: dict[str | None, list[Mapping[str, Any]]] = defaultdict(list)
    for contact in contacts:
        below[contact["reports_to"] if contact["reports_to"] in known else None].append(contact)
    placed: set[str] = set()
    found = [Leaf(0, name, "", 7, "accent")]

    def hang(heads: Sequence[Mapping[str, Any]]) -> None:
        waiting = [(contact, 1) for contact in reversed(heads)]
        while waiting:
            contact, level = waiting.pop()
            if contact["golden_id"] in placed:
                continue
            placed.add(contact["golden_id"])
            told = " · ".join(filter(None, (contact["job_title"], role(contact["buying_role"] or ""))))
            radius, tone = 4 + 1.6 * _influence(contact), _SUPPORT.get((contact["affinity"] or "").lower(), "missing")
            found.append(Leaf(level, contact["name"] or "?", told, radius, tone, f"/customers/{contact['golden_id']}"))
            waiting += [(c, level + 1) for c in reversed(below[contact["golden_id"]])]

    hang(below[None])
    for contact in contacts:  # whoever reports in a circle
        hang([contact])
    return found


def _influence(contact: Mapping[str, Any]) -> float:
    try:
        return min(float(contact["influence"] or 1), 6.0)
    except ValueError:
        return 1.0


def group(nodes: Sequence[Mapping[str, Any]], money: Callable[[float], str]) -> list[Leaf]:
    """The group as a tree, from its head down; a company is as large as its revenue with everything below it."""
    most = max((float(n["rolled_up"]["revenue"]) for n in nodes), default=0.0) or 1.0
    return [
        Leaf(
            company["level"],
            company["name"] or company["golden_id"],
            money(company["rolled_up"]["revenue"]),
            4 + 10 * (float(company["rolled_up"]["revenue"]) / most) ** 0.5,
            "person" if company["is_self"] else "accent",
            f"/customers/{company['golden_id']}/hierarchy",
            company["is_self"],
        )
        for company in nodes
    ]


def replacements(vehicles: Sequence[Mapping[str, Any]], halves: Sequence[str]) -> dict[str, Any]:
    """How many vehicles are due for replacement in each half-year, by model."""
    models = list(dict.fromkeys(v["model"] or "?" for v in vehicles if v["replacement_due"]))
    count: dict[tuple[str, str], int] = defaultdict(int)
    for vehicle in vehicles:
        if due := vehicle["replacement_due"]:
            half = f"{due[:4]}-H{1 if due[5:7] < '07' else 2}"
            count[vehicle["model"] or "?", half if half >= halves[0] else halves[0]] += 1
    colours = ("var:accent", "var:agree", "var:person", "var:missing", "var:differ", "var:line-strong")
    return {
        "grid": _GRID,
        "legend": {"top": 0, "right": 0, "itemWidth": 10, "itemHeight": 10},
        "tooltip": {"trigger": "axis"},
        "xAxis": {"type": "category", "data": list(halves)},
        "yAxis": {"type": "value", "minInterval": 1},
        "series": [
            {
                "type": "bar",
                "stack": "all",
                "barMaxWidth": 40,
                "name": model,
                "itemStyle": {"color": colours[i % len(colours)]},
                "data": [count[model, half] for half in halves],
            }
            for i, model in enumerate(models)
        ],
    }


def mileages(vehicles: Sequence[Mapping[str, Any]], covered: str, bare: str) -> dict[str, Any]:
    """Vehicles by the day of their delivery and their mileage, with and without a service contract."""
    points: dict[bool, list[dict[str, Any]]] = {True: [], False: []}
    for v in vehicles:
        if v["delivered_on"] and v["mileage"]:
            name = f"{v['vin']} · {v['model'] or ''}"
            points[bool(v["contract_until"])].append({"value": [v["delivered_on"], v["mileage"]], "name": name})
    return {
        "grid": _GRID,
        "legend": {"top": 0, "right": 0, "itemWidth": 10, "itemHeight": 10},
        "tooltip": {"formatter": "{b}"},
        "xAxis": {"type": "time"},
        "yAxis": {"type": "value", "name": "km"},
        "series": [
            {"type": "scatter", "symbolSize": 9, "name": covered, "itemStyle": {"color": "var:agree"},
             "data": points[True]},
            {"type": "scatter", "symbolSize": 9, "name": bare, "itemStyle": {"color": "var:missing"},
             "data": points[False]},
        ],
    }  # fmt: skip


def line(points: Sequence[tuple[str, float]], *, least: float = 0, most: float | None = None) -> dict[str, Any]:
    """Values over time."""
    axis: dict[str, Any] = {"type": "value", "min": least, "splitNumber": 4}
    if most is not None:  # else the last of the round numbers stands close below the end
        axis |= {"max": most, "interval": (most - least) / 4}
    return {
        "grid": {**_GRID, "top": 10},
        "tooltip": {"trigger": "axis"},
        "xAxis": {"type": "category", "data": [day for day, _ in points], "boundaryGap": False},
        "yAxis": axis,
        "series": [
            {
                "type": "line",
                "data": [value for _, value in points],
                "symbolSize": 5,
                "lineStyle": {"color": "var:accent", "width": 2},
                "itemStyle": {"color": "var:accent"},
                "areaStyle": {"color": "var:accent-soft"},
            }
        ],
    }


def bars(names: Sequence[str], values: Sequence[float], *, colour: str = "var:accent", flat: bool = False,
         links: Sequence[str] = ()) -> dict[str, Any]:  # fmt: skip
    """Bars; with `flat` they lie, for long names."""
    data = [{"value": value, **({"href": links[i]} if i < len(links) else {})} for i, value in enumerate(values)]
    names_axis: dict[str, Any] = {"type": "category", "data": list(names), "axisTick": {"show": False}}
    values_axis: dict[str, Any] = {"type": "value", "splitNumber": 4}
    if flat:
        names_axis["inverse"] = True
    return {
        "grid": {**_GRID, "top": 10},
        "tooltip": {"trigger": "axis"},
        "xAxis": values_axis if flat else names_axis,
        "yAxis": names_axis if flat else values_axis,
        "series": [{"type": "bar", "barMaxWidth": 26, "data": data, "itemStyle": {"color": colour}}],
    }


def funnel(stages: Sequence[tuple[str, float, str]]) -> dict[str, Any]:
    """How many customers got into each stage: (name, number, address)."""
    return {
        "tooltip": {"formatter": "{b}"},
        "series": [
            {
                "type": "funnel",
                "sort": "none",
                "left": 8,
                "right": 150,
                "top": 8,
                "bottom": 8,
                "minSize": "2%",
                "gap": 3,
                "label": {"position": "right", "color": "var:ink", "formatter": "{b}"},
                "labelLine": {"lineStyle": {"color": "var:line"}},
                "itemStyle": {"borderWidth": 0},
                "data": [
                    {
                        "name": f"{name}  {number:,.0f}",
                        "value": number,
                        "href": href,
                        "itemStyle": {"color": "var:accent"},
                    }
                    for name, number, href in stages
                ],
            }
        ],
    }
