"""The left half of the figure of a path: loss and accuracy along both paths."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lmc_core.figures.labels import Area, Label, Side, place
from lmc_core.figures.palette import Ink, Theme, faded
from lmc_core.figures.path.drawing import Drawing
from lmc_core.figures.path.panels import ACCURACY, LOSS
from lmc_core.figures.sheet import f32
from lmc_core.paths.profile import Profile
from lmc_core.words import numbers
from lmc_core.words.measures import measures

Array = NDArray[np.float64]

ACCURACY_RANGE = [-0.03, 1.06]
_LOW = 0.30
"""A peak below this share of the largest loss has its label under the curves."""
_BRACKET = 0.03
"""A barrier below this share of the largest loss has no bracket."""
_ROOM = 0.21
"""Room above and below all curves, in shares of their span: a label and half a dot have room there."""
_SIZE = 13
"""Of the labels of the barriers."""


@dataclass(frozen=True)
class Line:
    """One path and how it is drawn."""

    name: str
    profile: Profile
    ink: Ink
    symbol: str
    width: float


def lines(naive: Profile, aligned: Profile, theme: Theme) -> tuple[Line, Line]:
    """The two paths in drawing order."""
    return (
        Line("naive", naive, theme.naive, "diamond", 2.4),
        Line("aligned", aligned, theme.aligned, "circle", 2.8),
    )


@dataclass(frozen=True)
class Scale:
    """The loss axis: what is drawn for a loss, and the range in axis units.

    log       the axis is logarithmic: losses below `floor` are drawn there
    top       the largest loss of either path
    """

    log: bool
    top: float
    floor: float

    @classmethod
    def of(cls, profiles: tuple[Profile, ...], log: bool) -> Scale:
        """The scale on which all losses of these paths can be read."""
        values = np.concatenate([p.loss(split) for p in profiles for split in p.values])  # type: ignore[arg-type]
        finite = values[np.isfinite(values)]
        top = float(finite.max()) if len(finite) and finite.max() > 0 else 1.0
        positive = finite[finite > 0]
        floor = max(float(positive.min()), 1e-5 * top) if len(positive) else 1e-5 * top
        return cls(log, top, floor)

    def draw(self, losses: Any) -> Array:
        """Losses as they are drawn; an infinite one leaves through the top of the panel."""
        values = np.nan_to_num(np.asarray(losses, dtype=np.float64), nan=10 * self.top, posinf=10 * self.top)
        return np.maximum(values, self.floor) if self.log else values

    @property
    def range(self) -> list[float]:
        """Lowest and highest value of the axis, as plotly has it, with room for labels."""
        if self.log:
            low, high = np.log10(self.floor), np.log10(self.top)
            room = max(high - low, 0.5)
            return [float(low - _ROOM * room), float(high + _ROOM * room)]
        return [-_ROOM * self.top, (1 + _ROOM) * self.top]

    def share(self, value: float) -> float:
        """How high a loss lies in the panel (0 bottom, 1 top)."""
        low, high = self.range
        place = np.log10(max(value, self.floor)) if self.log else value
        return float((place - low) / (high - low))


def draw_curves(drawing: Drawing, paths: tuple[Line, Line], scale: Scale, t: Array, theme: Theme) -> None:
    """Both panels without cursors and labels; t (T,) are the positions of the frames."""
    for path in paths:
        if path.profile.sampled():
            _band(drawing, path, scale, theme)
        _curves(drawing, path, scale, theme)
    for path in paths:
        _bracket(drawing, path, scale)
    _ends(drawing, paths, scale, theme)
    for path in paths:
        _dots(drawing, path, scale, t, theme)


def draw_labels(drawing: Drawing, paths: tuple[Line, Line], places: tuple[Label, Label]) -> None:
    """The barriers, in words."""
    for path, label in zip(paths, places, strict=True):
        drawing.add(
            LOSS,
            mode="text",
            x=[label.x],
            y=[label.y],
            text=[_words(path)],
            textposition=label.position,
            textfont={"color": path.ink.text, "size": _SIZE},
        )


def label_places(paths: tuple[Line, Line], scale: Scale, area: Area, drawn: Array) -> tuple[Label, Label]:
    """Places of the two barrier labels, clear of all that is drawn in the panel of losses in any frame.

    The higher peak has its label above it. The other one is written under all curves if it is low, beside its peak
    if it is not; either is moved to the nearest place that is free.

    drawn   boxes of what is drawn (`labels.drawn`)
    """
    tops = [_peak(path, scale) for path in paths]
    high = 0 if tops[0][1] >= tops[1][1] else 1
    t, peak, foot = tops[1 - high]
    share = scale.share(peak)
    wanted: list[tuple[float, float, Side]] = [(t, peak, "above")] * 2
    wanted[high] = (*tops[high][:2], "above")
    if (scale.log and share < 0.75) or (not scale.log and peak < _LOW * scale.top):
        wanted[1 - high] = (t, scale.floor if scale.log else 0.0, "below")
    elif peak - foot > _BRACKET * scale.top:
        wanted[1 - high] = (t, peak, "right" if t < 0.66 else "left")
    else:
        wanted[1 - high] = (t, foot, "below")
    found: dict[int, Label] = {}
    for k in (high, 1 - high):
        x, y, side = wanted[k]
        found[k] = place(_words(paths[k]), _SIZE, (x, y), area, drawn, side=side)
        drawn = np.concatenate([drawn, [found[k].box]])
    return found[0], found[1]


def _words(path: Line) -> str:
    return f"<b>{path.name}</b>  barrier {numbers.within(path.profile.barrier(), path.profile.uncertainty())}"


def _peak(path: Line, scale: Scale) -> tuple[float, float, float]:
    """t of a path's barrier, the loss drawn there, and that of the chord."""
    profile = path.profile
    excess = np.nan_to_num(profile.excess(), nan=np.inf)
    at = int(excess.argmax())
    foot = (1 - profile.t[at]) * profile.loss()[0] + profile.t[at] * profile.loss()[-1]
    return (
        float(profile.t[at]),
        float(scale.draw(profile.loss())[at]),
        float(scale.draw(foot)),
    )


def draw_cursors(
    drawing: Drawing, scale: Scale, t: Array, area: Area, places: tuple[Label, Label], theme: Theme
) -> None:
    """Where t is, in both panels; the line of the losses is broken where it meets a label."""
    span = area.pixels(0.0, [scale.floor if scale.log else -0.01 * scale.top, scale.top])[:, 1]
    boxes = sorted((label.box for label in places), key=lambda box: box[1])

    def pieces(k: int) -> dict[str, Any]:
        x = area.pixels(t[k], scale.top)[0]
        gaps = [(bottom - 1, top + 1) for left, bottom, right, top in boxes if left - 1 <= x <= right + 1]
        heights = np.clip([span[0], *(end for gap in gaps for end in gap), span[1]], *span)
        pairs = [pair for pair in zip(heights[::2], heights[1::2], strict=True) if pair[0] < pair[1]]
        y = [value for pair in pairs for value in (*(area.values((0.0, end))[1] for end in pair), np.nan)][:-1]
        return {"x": f32([t[k]] * len(y)), "y": f32(y)}

    def move(k: int) -> dict[str, Any]:
        return {"x": f32([t[k], t[k]])}

    line = {"color": theme.grey.mark, "width": 1}
    drawing.add(LOSS, mode="lines", line=line, move=pieces)
    drawing.add(ACCURACY, mode="lines", y=ACCURACY_RANGE, line=line, move=move)


def _band(drawing: Drawing, path: Line, scale: Scale, theme: Theme) -> None:
    """Where the curve of all test examples lies, measured from the line between its ends."""
    profile = path.profile
    loss, margin = profile.loss(), profile.margins["test"]["loss"]
    drawing.add(
        LOSS,
        mode="lines",
        x=f32([*profile.t, *profile.t[::-1]]),
        y=f32([*scale.draw(loss + margin), *scale.draw((loss - margin)[::-1])]),
        line={"color": path.ink.mark, "width": 0},
        fill="toself",
        fillcolor=faded(path.ink.mark, 2 * theme.fill),
        hoverinfo="skip",
    )


def _curves(drawing: Drawing, path: Line, scale: Scale, theme: Theme) -> None:
    profile, t = path.profile, path.profile.t
    chord = (1 - t) * profile.loss()[0] + t * profile.loss()[-1]
    grey = {"color": theme.grey.mark, "width": 0.8, "dash": "2px,3px"}
    solid = {"color": path.ink.mark, "width": path.width}
    dotted = {"color": path.ink.mark, "width": 1.4, "dash": "3px,3px"}
    drawing.add(LOSS, mode="lines", x=f32(t), y=f32(scale.draw(chord)), line=grey)
    drawing.add(
        LOSS,
        mode="lines",
        x=f32(t),
        y=f32(scale.draw(profile.loss())),
        line=solid,
        fill="tonexty",
        fillcolor=faded(path.ink.mark, theme.fill),
        hoveron="points",
        hovertemplate=_hover(path.name, "test", "loss %{y:.3f}"),
    )
    if "train" in profile.values:
        train = f32(scale.draw(profile.loss("train")))
        hover = _hover(path.name, "train", "loss %{y:.3f}")
        drawing.add(LOSS, mode="lines", x=f32(t), y=train, line=dotted, hovertemplate=hover)
        train = f32(profile.accuracy("train"))
        hover = _hover(path.name, "train", f"{measures([profile]).score} %{{y:.1%}}")
        drawing.add(ACCURACY, mode="lines", x=f32(t), y=train, line=dotted, hovertemplate=hover)
    hover = _hover(path.name, "test", f"{measures([profile]).score} %{{y:.1%}}")
    drawing.add(ACCURACY, mode="lines", x=f32(t), y=f32(profile.accuracy()), line=solid, hovertemplate=hover)


def _bracket(drawing: Drawing, path: Line, scale: Scale) -> None:
    t, peak, foot = _peak(path, scale)
    if path.profile.barrier() <= _BRACKET * scale.top:
        return
    drawing.add(
        LOSS,
        mode="lines+markers",
        x=[t, t],
        y=f32([foot, peak]),
        line={"color": path.ink.mark, "width": 1.4},
        marker={"symbol": "line-ew-open", "size": 11, "color": path.ink.mark, "line": {"width": 1.4}},
    )


def _ends(drawing: Drawing, paths: tuple[Line, Line], scale: Scale, theme: Theme) -> None:
    """A and B: the ends of both paths are the same networks, so one dot serves both."""
    profile = paths[0].profile
    for end, (name, ink) in ((0, ("A", theme.a)), (-1, ("B", theme.b))):
        dot = {"color": ink.mark, "size": 9, "line": {"color": theme.halo, "width": 1.5}}
        for panel, value, words in (
            (LOSS, float(scale.draw(profile.loss()[end])), f"test {profile.loss()[end]:.3f}"),
            (ACCURACY, float(profile.accuracy()[end]), f"test {profile.accuracy()[end]:.1%}"),
        ):
            hover = f"<b>{name}</b> alone<br>{words}<extra></extra>"
            drawing.add(
                panel,
                mode="markers",
                x=f32([profile.t[end]]),
                y=f32([value]),
                marker=dot,
                cliponaxis=False,
                hovertemplate=hover,
            )


def _dots(drawing: Drawing, path: Line, scale: Scale, t: Array, theme: Theme) -> None:
    profile = path.profile
    marker = {
        "symbol": path.symbol,
        "size": 10,
        "color": path.ink.mark,
        "line": {"color": theme.halo, "width": 1.5},
    }
    losses = np.interp(t, profile.t, scale.draw(profile.loss()))
    accuracies = np.interp(t, profile.t, profile.accuracy())
    for panel, values in ((LOSS, losses), (ACCURACY, accuracies)):

        def move(k: int, values: Array = values) -> dict[str, Any]:
            return {"x": f32([t[k]]), "y": f32([values[k]])}

        drawing.add(panel, mode="markers", marker=marker, move=move)


def _hover(path: str, split: str, value: str) -> str:
    return f"<b>{path}</b>, {split}<br>t = %{{x:.2f}}<br>{value}<extra></extra>"
