"""What is drawn of a plane through three networks, whether as maps or as a relief."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from lmc_core.figures.palette import Ink, Theme
from lmc_core.paths.profile import Metric, Profile, Split
from lmc_core.paths.surface import Point, Surface
from lmc_core.words.measures import Measures, measures
from lmc_core.words.plane import own, third_key, third_name

ABOVE = 1.3
"""Losses above this multiple of the highest path are drawn alike: they are no part of the story."""
Dash = Literal["solid", "dash", "dot", "dashdot"]
SPLITS = {"test": "test", "train": "training"}


@dataclass(frozen=True)
class Corner:
    """One of the three networks: where it lies, its letter, its loss and accuracy."""

    place: Point
    letter: str
    colour: Ink
    values: Mapping[Metric, float]


@dataclass(frozen=True, eq=False)
class Route:
    """A straight path between two corners: its points in the plane, and what was measured on it."""

    name: str
    colour: Ink
    dash: Dash
    x: NDArray[np.float64]
    y: NDArray[np.float64]
    profile: Profile


@dataclass(frozen=True, eq=False)
class Scene:
    """One split of a surface with its paths and corners, in the colours of one theme.

    low, high   the losses that are told apart
    third       "aligned B" or "C"
    """

    surface: Surface
    split: Split
    low: float
    high: float
    corners: tuple[Corner, ...]
    routes: tuple[Route, ...]
    third: str

    @property
    def measures(self) -> Measures:
        """What loss and score are called."""
        return measures(route.profile for route in self.routes)

    def clipped(self, losses: NDArray[np.float64]) -> NDArray[np.float64]:
        """Losses as they are drawn."""
        return np.clip(np.nan_to_num(losses, nan=self.high, posinf=self.high), self.low, self.high)

    def drawn(self, values: NDArray[np.float64], metric: Metric) -> NDArray[np.float64]:
        """Values of either metric as they are drawn."""
        return self.clipped(values) if metric == "loss" else np.nan_to_num(values)

    def bounds(self, metric: Metric) -> Point:
        """From the lowest to the highest value that is drawn."""
        if metric == "loss":
            return self.low, self.high
        least = float(np.floor(10 * np.nan_to_num(self.surface.accuracy(self.split)).min()) / 10)
        return min(least, 0.9), 1.0


def scene(
    surface: Surface, naive: Profile, aligned: Profile, split: Split, ink: Theme, across: Profile | None = None
) -> Scene:
    """The scene of `PlaneResult`: `naive` leads to B, `aligned` to the third network, `across` from B to it."""
    aligns, key = own(surface), third_key(surface)
    low, high = loss_range(surface, naive, aligned, split, across)
    ends = (
        ("a", "A", ink.a, naive, 0),
        ("b", "B", ink.b, naive, -1),
        (key, "B aligned" if aligns else "C", ink.b if aligns else ink.grey, aligned, -1),
    )
    routes = [
        _route("naive" if aligns else "A to B", naive, surface, ("a", "b"), ink.naive, "dash"),
        _route("aligned" if aligns else "A to C", aligned, surface, ("a", key), *_look(aligns, ink)),
    ]
    if across is not None:
        routes.append(_route("B to C", across, surface, ("b", key), ink.naive, "dashdot"))
    corners = tuple(
        Corner(
            surface.corners[end],
            letter,
            colour,
            {"loss": float(profile.loss(split)[at]), "accuracy": float(profile.accuracy(split)[at])},
        )
        for end, letter, colour, profile, at in ends
    )
    return Scene(surface, split, low, high, corners, tuple(routes), third_name(surface))


def loss_range(
    surface: Surface, naive: Profile, aligned: Profile, split: Split = "test", across: Profile | None = None
) -> Point:
    """From the lowest loss of the plane to a little above the highest path."""
    values = surface.loss(split)
    low = float(values[np.isfinite(values)].min(initial=np.inf))
    walked = np.concatenate([p.loss(split) for p in (naive, aligned, across) if p is not None])
    walked = walked[np.isfinite(walked)]
    low = min(low, float(walked.min(initial=np.inf)))
    low = low if np.isfinite(low) else 0.0
    high = low + ABOVE * (float(walked.max(initial=low)) - low)
    return low, high if high > low else low + 1.0


def _look(aligns: bool, ink: Theme) -> tuple[Ink, Dash]:
    """Green and solid is the path to B aligned; every other path is one without alignment."""
    return (ink.aligned, "solid") if aligns else (ink.naive, "dot")


def _route(name: str, profile: Profile, surface: Surface, ends: Sequence[str], colour: Ink, dash: Dash) -> Route:
    (x0, y0), (x1, y1) = (surface.corners[end] for end in ends)
    return Route(name, colour, dash, x0 + profile.t * (x1 - x0), y0 + profile.t * (y1 - y0), profile)
