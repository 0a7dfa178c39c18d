"""The symmetry as a picture: tensors in the order of the network, and a line per group through all that carry it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import plotly.graph_objects as go

from lmc_core.figures.palette import Theme, ThemeName, theme_of
from lmc_core.figures.sheet import LayoutName, canvas, title_font
from lmc_core.words.inspect import DRAWN, tensor_of

ROW, TOP, BOTTOM = 27, 40, 34
ROWS = 80
"""More rows than this are not drawn."""
WIDTHS = {"wide": 1010, "narrow": 358}
_NAMES = {"wide": 300, "narrow": 150}
_LANES = {"wide": (576, 116), "narrow": (110, 30)}
"""Pixels for all lanes together, and for one at most whose label is short."""
_LABEL = 6.9
"""Pixels of a letter of a label at 11.5 px, or more."""
_LETTER = 7.2
"""Pixels of a bold letter at 12 px, or more."""
_LINE, _KEY_ROW = 15, 17
"""Pixels of one more line of a name, and of a row of the key of groups."""
_LEAST = 44
"""Pixels of a lane that has room for words."""


@dataclass(frozen=True)
class Step:
    """One row: a weight with the vectors of its module, or a module of vectors alone.

    writes, reads   names of groups
    pinned          (size, why) of the axes of its weight that never move
    """

    title: str
    detail: str
    tensors: tuple[str, ...]
    writes: frozenset[str]
    reads: frozenset[str]
    pinned: tuple[tuple[int, str], ...] = ()


@dataclass(frozen=True)
class Lane:
    """One group: its rows, and on which line beside the boxes it is drawn.

    kind   its class: what else than orders leaves the function as it is
    """

    group: str
    size: int
    kind: str
    first: int
    last: int
    place: int
    marks: Mapping[int, str] = field(default_factory=dict)


def groups_figure(
    facts: Any,
    *,
    labels: Mapping[str, str] | None = None,
    theme: ThemeName = "light",
    layout: LayoutName = "wide",
    standalone: bool = False,
) -> go.Figure:
    """Boxes joined by the lines of their groups.

    facts    tables of a symmetry: groups, tensors, pinned (`runs/result.SymmetryFacts`)
    labels   group → what to call it
    """
    ink, named = theme_of(theme), labels or {}
    steps = groups_steps(facts)[:ROWS]
    lanes = groups_lanes(facts, steps)
    width, names = WIDTHS[layout], _NAMES[layout]
    room, most = _LANES[layout]
    longest = max((len(f"{named.get(lane.group, lane.group)} · {lane.size}") for lane in lanes), default=0)
    needed = max(most, _LABEL * longest + 16) if layout == "wide" else most
    gap = min(needed, room / max(1, 1 + max((lane.place for lane in lanes), default=0)))
    across = {lane.group: names + 24 + gap * lane.place for lane in lanes}
    pins = names + 24 + max(gap * (1 + max((lane.place for lane in lanes), default=0)), 64)
    fitting = {lane.group: _label(lane, gap, named) for lane in lanes}
    words = {group: label for group, label in fitting.items() if label}
    colours = {lane.group: ink.groups[number % len(ink.groups)] for number, lane in enumerate(lanes)}
    key: list[str] = []
    if len(words) < len(lanes):  # numbers have room everywhere, and a key says what they are
        words = {lane.group: str(number) for number, lane in enumerate(lanes, 1)}
        key = _key(lanes, words, colours, named, width)
    traces: list[dict[str, Any]] = []
    for lane in lanes:
        traces += _lane(lane, across[lane.group], names, colours[lane.group], ink, gap, named, words[lane.group])
    traces.append(_names(steps, names, ink))
    if any(step.pinned for step in steps):
        traces.append(_pins(steps, pins, (width - pins) / _LETTER, layout, ink))
    boxes = [
        {
            "type": "rect", "x0": 0, "x1": names, "y0": row - 0.36, "y1": row + 0.36, "layer": "below",
            "line": {"color": ink.grid, "width": 1}, "fillcolor": ink.grid,
        }
        for row in range(len(steps))
    ]  # fmt: skip
    foot = BOTTOM + _KEY_ROW * len(key)
    height = TOP + foot + _row(steps, names) * len(steps)
    bare = {"visible": False, "fixedrange": True}
    return go.Figure(
        data=traces,
        layout={
            **canvas(ink, height, (2, TOP, 2, foot), standalone),
            "xaxis": bare | {"range": [0, width]},
            "yaxis": bare | {"range": [len(steps) - 0.5, -0.5]},
            "shapes": boxes,
            "annotations": _heads(names, pins, ink, standalone, key),
        },
    )


def groups_steps(facts: Any) -> list[Step]:
    """The rows: every weight in the order of the network, with the vectors of its module beside it."""
    shapes = {row.name: tuple(row.shape) for row in facts.tensors}
    modules: dict[str, list[list[str]]] = {}
    for name, shape in shapes.items():
        rows = modules.setdefault(name.rpartition(".")[0], [])
        if len(shape) > 1 and not (rows and all(len(shapes[n]) < 2 for n in rows[0])):
            rows.append([name])
        elif shape and rows:
            rows[0].append(name)
        elif shape:
            rows.append([name])
    pinned: dict[str, dict[tuple[int, str], int]] = {}
    for axis in facts.pinned:
        pinned.setdefault(axis.tensor, {})[axis.axis, axis.why] = axis.size
    steps = []
    for module, rows in modules.items():
        for names in rows:
            heads = sorted(names, key=lambda n: -len(shapes[n]))
            inner = [n.removeprefix(f"{module}.") if module else n for n in heads]
            title = f"{module}.{inner[0]}" if module else inner[0]
            more = f" + {', '.join(inner[1:])}" if len(inner) > 1 else ""
            writes, reads = (
                frozenset(g.name for g in facts.groups if {tensor_of(p) for p in side(g)} & set(names))
                for side in (lambda g: g.written, lambda g: g.read)
            )
            held = tuple((size, why) for (_, why), size in pinned.get(heads[0], {}).items())
            detail = " × ".join(map(str, shapes[heads[0]])) + more
            steps.append(Step(title, detail, tuple(heads), writes, reads, held))
    return steps


def groups_lanes(facts: Any, steps: Sequence[Step]) -> list[Lane]:
    """A lane per group, the fewest beside each other: a lane is free again below the last row of its group."""
    lanes: list[Lane] = []
    free: list[int] = []  # first row that a lane may use
    for group in facts.groups:
        marks = {}
        for row, step in enumerate(steps):
            writes, reads = group.name in step.writes, group.name in step.reads
            if writes or reads:
                marks[row] = "both" if writes and reads else "write" if writes else "read"
        if not marks:
            continue
        first, last = min(marks), max(marks)
        place = next((k for k, row in enumerate(free) if row <= first), len(free))
        free[place : place + 1] = [last + 1]
        lanes.append(Lane(group.name, group.size, group.kind, first, last, place, marks))
    return lanes


def _lane(
    lane: Lane, x: float, edge: float, colour: str, ink: Theme, gap: float, named: Mapping[str, str], label: str
) -> list[dict[str, Any]]:
    rows = sorted(lane.marks)
    branches_x = [v for _ in rows for v in (edge, x, None)]
    branches_y = [v for row in rows for v in (row, row, None)]
    quiet: dict[str, Any] = {"type": "scatter", "hoverinfo": "skip", "mode": "lines"}
    does = {"write": "written by", "read": "read by", "both": "written and read by"}
    title = named.get(lane.group, lane.group)
    symbols = {"write": "circle", "read": "circle", "both": "diamond"}
    drawn = DRAWN.get(lane.kind, "")
    # over the first row there is a heading only, so no name is cut
    beside = quiet | {"mode": "text", "x": [x + 9], "textposition": "middle right", "cliponaxis": False}
    return [
        quiet | {"x": branches_x, "y": branches_y, "line": {"color": colour, "width": 1.2, "dash": "2px,3px"}},
        quiet | {"x": [x, x], "y": [lane.first, lane.last], "line": {"color": colour, "width": 3}},
        {
            "type": "scatter",
            "mode": "markers",
            "x": [x] * len(rows),
            "y": rows,
            "marker": {
                "opacity": 1,
                "symbol": [symbols[lane.marks[row]] for row in rows],
                "size": [12 if lane.marks[row] == "both" else 10 for row in rows],
                "color": [ink.page if lane.marks[row] == "read" else colour for row in rows],
                "line": {"color": colour, "width": 2.2},
            },
            "customdata": [does[lane.marks[row]] for row in rows],
            "hovertemplate": f"<b>{title}</b>, {lane.size} units<br>{drawn} leave the function as it is<br>"
            "%{customdata} this tensor<extra></extra>",
        },
        beside
        | {
            "y": [lane.first - 0.28],  # above the branches
            "text": [f"<b>{label}</b>"],
            "textfont": {"size": 11.5, "color": colour},
        },
        beside
        | {
            "y": [lane.first + 0.3],  # below the branches
            "text": [drawn if gap > _LEAST and lane.kind != "permutation" else ""],
            "textfont": {"size": 10, "color": ink.neutral},
        },
    ]


def _letters(width: float) -> int:
    """Letters of a name that have room in a box."""
    return int(width / _LETTER) - 2


def _lines(title: str, letters: int) -> list[str]:
    """The name of a tensor in lines, broken after dots, and within a word only where that is too long by itself."""
    lines = [""]
    for word in re.findall(r"[^.]*\.|[^.]+$", title) or [title]:
        pieces = [word[k : k + letters] for k in range(0, len(word), letters)]
        for piece in pieces:
            if lines[-1] and len(lines[-1] + piece) > letters:
                lines.append("")
            lines[-1] += piece
    return lines


def _row(steps: Sequence[Step], width: float) -> int:
    """Pixels of a row, in which the longest name has room."""
    most = max((len(_lines(step.title, _letters(width))) for step in steps), default=1)
    return ROW + _LINE * (most - 1)


def _label(lane: Lane, gap: float, named: Mapping[str, str]) -> str | None:
    """What stands beside a line; None where it has no room."""
    title, letters = named.get(lane.group, lane.group), int((gap - 14) / _LABEL)
    fits = (name for name in (f"{title} · {lane.size}", title) if len(name) <= letters and gap > _LEAST)
    return next(fits, None)


def _key(
    lanes: Sequence[Lane], words: Mapping[str, str], colours: Mapping[str, str], named: Mapping[str, str], width: float
) -> list[str]:
    """Rows that say which number is which group."""
    rows: list[list[str]] = [[]]
    left = width
    for lane in lanes:
        said = f"{named.get(lane.group, lane.group)} · {lane.size} units"
        said += "" if lane.kind == "permutation" else f", {DRAWN.get(lane.kind, lane.kind)}"
        needed = _LABEL * (len(said) + len(words[lane.group]) + 4)
        if needed > left and rows[-1]:
            rows.append([])
            left = width
        left -= needed
        rows[-1].append(f"<span style='color:{colours[lane.group]}'><b>{words[lane.group]}</b></span> {said}")
    return ["    ".join(row) for row in rows]


def _names(steps: Sequence[Step], width: float, ink: Theme) -> dict[str, Any]:
    letters = _letters(width)
    text = []
    for step in steps:
        *above, last = _lines(step.title, letters)
        left = letters - len(last) - 2
        detail = step.detail if len(step.detail) <= left else step.detail.partition(" + ")[0]
        title = "<br>".join(f"<b>{line}</b>" for line in (*above, last))
        text.append(title + (f"  {detail}" if len(detail) <= left else ""))
    return {
        "type": "scatter",
        "mode": "text",
        "x": [6] * len(steps),
        "y": list(range(len(steps))),
        "text": text,
        "textposition": "middle right",
        "textfont": {"size": 12, "color": ink.neutral},
        "customdata": [f"{', '.join(step.tensors)}<br>{step.detail.partition(' + ')[0]}" for step in steps],
        "hovertemplate": "%{customdata}<extra></extra>",
    }


def _pins(steps: Sequence[Step], x: float, letters: float, layout: str, ink: Theme) -> dict[str, Any]:
    held = [(row, step.pinned) for row, step in enumerate(steps) if step.pinned]
    text = []
    for _, pins in held:
        sizes: dict[str, list[int]] = {}
        for size, why in pins:
            sizes.setdefault(why, []).append(size)
        whole = "; ".join(f"{' × '.join(map(str, n))} {why}" for why, n in sizes.items())
        brief = " × ".join(str(size) for size, _ in pins)
        text.append("⊥ " + (brief if layout == "narrow" or len(whole) > letters - 4 else whole))
    return {
        "type": "scatter",
        "mode": "text",
        "x": [x] * len(held),
        "y": [row for row, _ in held],
        "text": text,
        "textposition": "middle right",
        "textfont": {"size": 11, "color": ink.neutral},
        "customdata": ["<br>".join(f"{size}: {why}" for size, why in pins) for _, pins in held],
        "hovertemplate": "never moves<br>%{customdata}<extra></extra>",
    }


def _heads(names: float, pins: float, ink: Theme, standalone: bool, rows: Sequence[str]) -> list[dict[str, Any]]:
    font = title_font(ink, standalone)
    bare = {"xref": "x", "yref": "paper", "y": 1, "yanchor": "bottom", "xanchor": "left", "showarrow": False}
    titles = [("<b>Tensors</b>, in order", 2), ("<b>Groups</b>", names + 16), ("<b>⊥ Pinned</b>", pins)]
    heads = [bare | {"text": text, "x": x, "yshift": 8, "font": font} for text, x in titles]
    key = "● written   ○ read   ◆ both"
    small = {"size": 11, "color": ink.neutral}
    below = bare | {"x": 2, "y": 0, "yanchor": "top", "font": small}
    heads.append(below | {"text": key, "yshift": -10})
    heads += [below | {"text": row, "yshift": -10 - _KEY_ROW * k} for k, row in enumerate(rows, 1)]
    return heads
