"""The plane through three networks, and loss and accuracy over it."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lmc_core.data.dataset import Dataset
from lmc_core.errors import MismatchError, SettingError
from lmc_core.networks.fit import mismatch
from lmc_core.networks.network import Network, State
from lmc_core.paths.evaluate import evaluate
from lmc_core.paths.layers import Recalibration
from lmc_core.paths.path import LinearPath
from lmc_core.paths.surface import Point, Surface
from lmc_core.report import Report, silent

FLAT = 1e-6
"""Three networks are on one line if the third is closer to it than this share of their distances."""


@dataclass(frozen=True, eq=False)
class Plane:
    """θ(x, y) = θ_A + x·u + y·v, u towards B and v the rest of C − A (Gram–Schmidt; Akash 2022, loss planes).

    a        the origin; its computation is that of every point
    b, c     the networks that span it
    length   ‖B − A‖, so B lies at (length, 0)
    foot     ⟨C − A, u⟩ and ‖C − A − ⟨C − A, u⟩u‖: where C lies

    Only floating-point tensors span the plane; whole numbers, such as counters, are A's everywhere.
    """

    a: Network
    b: Network
    c: Network
    length: float
    foot: Point

    @staticmethod
    def through(a: Network, b: Network, c: Network) -> Plane:
        """The plane of three networks of one shape. Raises MismatchError if they differ or lie on one line."""
        for other in (b, c):
            if why := mismatch(a, other):
                raise MismatchError(why)
        first, second = _difference(a.state, b.state), _difference(a.state, c.state)
        squared, mixed, far = (_dot(*pair) for pair in ((first, first), (first, second), (second, second)))
        length = squared**0.5
        along = mixed / length if length else 0.0
        aside = max(far - along**2, 0.0) ** 0.5
        if not length or aside <= FLAT * max(length, far**0.5):
            raise MismatchError(
                "the three networks lie on one line, so they span no plane: the alignment moved nothing, or two of "
                "them are equal"
            )
        return Plane(a, b, c, length, (along, aside))

    def shares(self, x: float, y: float) -> Point:
        """α and β of θ = A + α(B − A) + β(C − A)."""
        beta = y / self.foot[1]
        return (x - self.foot[0] * beta) / self.length, beta

    def state(self, x: float, y: float) -> State:
        """The weights at a point; at the three corners those of the networks."""
        alpha, beta = self.shares(x, y)

        def at(a: Tensor, b: Tensor, c: Tensor) -> Tensor:
            return a + alpha * (b - a) + beta * (c - a) if a.is_floating_point() else a

        return MappingProxyType(
            {name: at(t, self.b.state[name], self.c.state[name]) for name, t in self.a.state.items()}
        )

    def project(self, state: State) -> Point:
        """The coordinates of the point of the plane that is closest to a state."""
        first, second = _difference(self.a.state, self.b.state), _difference(self.a.state, self.c.state)
        moved = _difference(self.a.state, state)
        x = _dot(moved, first) / self.length
        return x, (_dot(moved, second) - x * self.foot[0]) / self.foot[1]

    def seen(self, state: State) -> tuple[float, float, float]:
        """The closest point of the plane to a state, and how far the state is from it."""
        x, y = self.project(state)
        moved = _difference(self.a.state, state)
        return x, y, max(_dot(moved, moved) - x * x - y * y, 0.0) ** 0.5

    def extent(self, margin: float = 0.25, around: Sequence[Point] = ()) -> tuple[Point, Point]:
        """Ranges of x and y around the three corners and more points, wider by `margin` of the larger side."""
        places = [(0.0, 0.0), (self.length, 0.0), self.foot, *around]
        xs, ys = [x for x, _ in places], [y for _, y in places]
        room = margin * max(max(xs) - min(xs), max(ys) - min(ys))
        return (min(xs) - room, max(xs) + room), (min(ys) - room, max(ys) + room)


def evaluate_plane(
    plane: Plane,
    data: Dataset,
    *,
    points: int = 25,
    margin: float = 0.25,
    around: Sequence[Point] = (),
    recalibrate: Recalibration | None = None,
    train_examples: int | None = 1_000,
    test_examples: int | None = 1_000,
    seed: int = 0,
    report: Report = silent,
    partial: Callable[[Surface], None] | None = None,
) -> Surface:
    """Loss and accuracy on a grid: every row is a straight path, so what its points share is computed once.

    points       along the longer side; the shorter has as many as keep the cells square
    around       points of the plane that lie on the grid too, beside the corners
    recalibrate  at every point, corners included

    Raises SettingError for fewer than 2 points, DataError if the network cannot read the data, Cancelled if `report`
    does.
    """
    if points < 2:
        raise SettingError(f"points={points}: a grid needs at least 2 along each side")
    began = time.perf_counter()
    xs, ys = _grid(*plane.extent(margin, around), points)
    # a path never recalibrates its ends, so then each row is one cell longer on both sides
    spare = 0 if recalibrate is None else 1
    step = xs[1] - xs[0]
    found = {s: {m: np.full((len(ys), len(xs)), np.nan) for m in ("loss", "accuracy")} for s in ("train", "test")}
    examples: dict[str, int] = {}
    notes: tuple[str, ...] = ()

    def surface() -> Surface:
        corners = {"a": (0.0, 0.0), "b": (plane.length, 0.0), "aligned": plane.foot}
        return Surface(xs, ys, found, corners, examples, time.perf_counter() - began, recalibrate, notes)

    for row, y in enumerate(ys):
        ends = [
            plane.a.with_state(plane.state(float(x), float(y))) for x in (xs[0] - spare * step, xs[-1] + spare * step)
        ]
        profile = evaluate(
            LinearPath(*ends),
            data,
            points=len(xs) + 2 * spare,
            recalibrate=recalibrate,
            train_examples=train_examples,
            test_examples=test_examples,
            seed=seed,
            report=_row(report, row, len(ys)),
        )
        for split, metrics in found.items():
            for metric, values in metrics.items():
                values[row] = profile.values[split][metric][spare : spare + len(xs)]
        examples, notes = dict(profile.examples), profile.notes
        if partial is not None:
            partial(surface())
    return surface()


def _grid(x: Point, y: Point, points: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Square cells, `points` along the longer side."""
    wide, high = x[1] - x[0], y[1] - y[0]
    cell = max(wide, high) / (points - 1)
    sides = []
    for low, side in ((x[0], wide), (y[0], high)):
        count = max(2, round(side / cell) + 1)
        start = low + side / 2 - cell * (count - 1) / 2
        sides.append(np.asarray(start + cell * np.arange(count), np.float64))
    return sides[0], sides[1]


def _row(report: Report, row: int, rows: int) -> Report:
    def inner(stage: str, done: int, of: int, /, part: str = "") -> None:
        report("the plane", 100 * row + (100 * done // of if of else 0), 100 * rows)

    return inner


def _difference(a: State, b: State) -> list[Tensor]:
    return [(b[name] - x).double().reshape(-1) for name, x in a.items() if x.is_floating_point()]


def _dot(one: list[Tensor], other: list[Tensor]) -> float:
    return float(sum(torch.dot(x, y) for x, y in zip(one, other, strict=True)))
