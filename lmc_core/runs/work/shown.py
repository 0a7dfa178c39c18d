"""What is shown of a path while it is measured: first a picture that can be trusted, then the curve as it grows.

A finished run measures all examples in their own order, which may mean something. The first picture is of random ones,
so that it can say how far off it is: on a coarse grid of t, then also around the peaks and on more examples. What it
says stays until the run is done.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lmc_core.data.dataset import Dataset
from lmc_core.paths.evaluate import Partial, evaluate_many
from lmc_core.paths.path import Path
from lmc_core.paths.profile import Profile
from lmc_core.paths.sampling import LEAST
from lmc_core.paths.surface import Surface
from lmc_core.report import Report

POINTS, EXAMPLES, PRECISION = 5, 2_000, 0.1
"""Values of t that come first; test examples around the peaks, unless the barriers are known so well before."""
ROWS = 9
"""Values of t of a method's first row in a comparison."""
CELLS, CELL_EXAMPLES = 9, 500
"""Points along the longer side of a plane's first grid, and test examples of each."""
CALIBRATION = 512
"""Training examples for recalibration: on a CIFAR ResNet-8 pair its barriers are those of 4096 within 0.5 %."""


def shown(paths: Sequence[Path], data: Dataset, how: Mapping[str, Any], stage: str, report: Report) -> Partial | None:
    """Measures the first picture, and passes on the profiles of the two paths to a report that can show them.

    how     settings of the evaluation that follows
    stage   of the run, that the first picture belongs to
    """
    show = getattr(report, "partial", None)
    if show is None:
        return None
    band: dict[str, Any] = {}
    measured: tuple[Profile, ...] = ()

    def known(profiles: tuple[Profile, ...]) -> None:
        nonlocal measured
        if all(profile.sampled() for profile in profiles):
            measured = profiles
            band.update(_band(*profiles))
        if profiles[0].examples["test"] >= band.get("examples", 0):
            show({**_curves(*profiles), **({"band": dict(band)} if band else {})})

    def quiet(detail: str, done: int, of: int, /, part: str = "") -> None:
        report(stage, 0, 0)

    examples = min(how["test_examples"] or len(data.x_test), len(data.x_test))
    if how["precision"] is None and examples > EXAMPLES and how["points"] > POINTS:
        first = {**how, "precision": PRECISION, "calibration": CALIBRATION, "splits": ("test",), "report": quiet}
        grid = np.linspace(0, 1, how["points"])
        chosen = np.unique(np.round(np.linspace(0, how["points"] - 1, POINTS)).astype(int))
        evaluate_many(paths, data, **{**first, "test_examples": LEAST}, at=grid[chosen], partial=known)
        places = around(grid, chosen, [profile.peak() for profile in measured])
        evaluate_many(paths, data, **{**first, "test_examples": EXAMPLES}, at=grid[places], partial=known)
    return known


def finished(naive: Profile, aligned: Profile, finding: str, report: Report) -> None:
    """Shows both paths as they will stay, and what they say, while the layers are still compared."""
    show = getattr(report, "partial", None)
    if show is not None:
        show({**_curves(naive, aligned), "finding": finding})


def first_plane(surface: Surface, lines: Mapping[str, Profile]) -> dict[str, Any]:
    """A coarse surface with the paths on it, as a status has it.

    lines   "naive", "aligned" and, where a third model is looked at, "across"
    """

    def plain(values: NDArray[np.float64]) -> list[list[float | None]]:
        return [[float(v) if np.isfinite(v) else None for v in row] for row in values]

    grid = {"x": surface.x.tolist(), "y": surface.y.tolist(), "corners": dict(surface.corners)}
    found = {metric: plain(values) for metric, values in surface.values["test"].items()}
    drawn = {
        name: {"t": line.t.tolist(), "loss": plain(line.loss()[None])[0], "accuracy": line.accuracy().tolist()}
        for name, line in lines.items()
    }
    return {**grid, **found, "examples": surface.examples["test"], "lines": drawn}


def first_row(method: str, path: Path, data: Dataset, how: Mapping[str, Any]) -> dict[str, Any]:
    """The path after a method on a coarse grid and random test examples, as a status has it.

    how   settings of the evaluation that follows
    """
    examples = min(how["test_examples"] or len(data.x_test), len(data.x_test), EXAMPLES)
    settings = {**how, "points": min(how["points"], ROWS), "test_examples": examples, "precision": PRECISION}
    (found,) = evaluate_many([path], data, **settings, calibration=CALIBRATION, splits=("test",))
    loss = [float(y) if np.isfinite(y) else None for y in found.loss()]
    row = {"method": method, "t": found.t.tolist(), "loss": loss, "accuracy": found.accuracy().tolist()}
    seen = {"examples": found.examples["test"], "of": len(data.x_test)}
    return {**row, **seen, "barrier": found.barrier(), "within": found.uncertainty()}


def around(grid: NDArray[np.float64], chosen: NDArray[np.int64], peaks: Sequence[float]) -> NDArray[np.int64]:
    """The chosen places of a grid, and those a half and a quarter of the way from every peak to its neighbours."""
    added = list(chosen)
    for peak in peaks:
        at = int(np.searchsorted(grid[chosen], peak - 1e-9))
        for other in chosen[max(at - 1, 0) : at + 2]:
            added += [round(chosen[at] + share * (int(other) - int(chosen[at]))) for share in (0.25, 0.5)]
    return np.unique(added)


def _curves(naive: Profile, aligned: Profile) -> dict[str, Any]:
    losses = ([float(y) if np.isfinite(y) else None for y in profile.loss()] for profile in (naive, aligned))
    return {"t": naive.t.tolist(), **dict(zip(("naive", "aligned"), losses, strict=True))}


def _band(naive: Profile, aligned: Profile) -> dict[str, Any]:
    """What is known of both paths from some of the test examples, as a status has it."""
    found: dict[str, Any] = {"t": naive.t.tolist()}
    found |= {"examples": naive.examples["test"], "of": naive.population["test"]}
    for name, profile in (("naive", naive), ("aligned", aligned)):
        loss, margin = profile.loss(), profile.margins["test"]["loss"]
        found[name] = {
            "low": (loss - margin).tolist(),
            "high": (loss + margin).tolist(),
            "barrier": profile.barrier(),
            "within": profile.uncertainty(),
        }
    return found
