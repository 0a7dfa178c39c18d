"""The plane through three networks."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lmc_core.figures.palette import ThemeName
from lmc_core.figures.plane.maps import plane_figure
from lmc_core.figures.plane.relief import relief_figure
from lmc_core.figures.report import Picture
from lmc_core.runs.kinds.plane import PlaneResult
from lmc_core.runs.library import data as datasets
from lmc_core.runs.summary._summary import Columns, Summary, Table
from lmc_core.words.measures import measures
from lmc_core.words.models import models_line
from lmc_core.words.plane import plane_alt, plane_caption, plane_cards, plane_finding


def summary(result: PlaneResult) -> Summary:
    """What is said of it."""
    parts, across = drawn_from(result), result.across
    seconds = result.seconds.get("plane")
    return Summary(
        result=result,
        finding=plane_finding(*parts, result.method, across=across).sentence,
        about=models_line(result.models, datasets.title(result.data), result.surface.examples),
        cards=plane_cards(*parts, seconds, across=across),
        caption=plane_caption(result.surface, across=across),
        notes=result.notes,
        tables=(
            Table(partial(table, result), "Grid", "Grid", "Loss and accuracy of every network of the plane"),
            *_walked(result),
        ),
        pictures=partial(pictures, result),
    ).named(measures([result.naive]))


def table(result: PlaneResult) -> Columns:
    """One row per cell."""
    surface = result.surface
    y, x = np.meshgrid(_places(surface.y), _places(surface.x), indexing="ij")
    columns = {"x": x.ravel().tolist(), "y": y.ravel().tolist()}
    for split, metrics in surface.values.items():
        columns |= {f"{split} {metric}": values.ravel().tolist() for metric, values in metrics.items()}
    return columns


def _places(grid: NDArray[np.float64]) -> NDArray[np.float64]:
    """Coordinates of a grid, 0 where nothing but rounding is left."""
    return np.where(np.abs(grid) < 1e-9 * np.ptp(grid), 0.0, grid)


def _walked(result: PlaneResult) -> list[Table]:
    """A table of the checkpoints of a training run, where one was drawn."""
    walked = result.surface.trajectory
    if walked is None:
        return []
    columns: dict[str, list[Any]] = {"checkpoint": list(walked.names), "x": walked.x.tolist(), "y": walked.y.tolist()}
    columns["away from the plane"] = walked.off.tolist()
    for split, metrics in walked.values.items():
        columns |= {f"{split} {metric}": values.tolist() for metric, values in metrics.items()}
    return [Table(lambda: columns, "Training", "Training", "Where every checkpoint lies, and what it scores")]


def pictures(result: PlaneResult, look: ThemeName = "light") -> list[Picture]:
    """Both figures of a report."""
    parts, across = drawn_from(result), result.across
    caption = str(plane_caption(result.surface, across=across))
    maps, relief = (draw(*parts, theme=look, standalone=True, across=across) for draw in (plane_figure, relief_figure))
    return [
        Picture("Loss and accuracy", maps, caption, plane_alt(*parts, across=across)),
        Picture("The loss as a relief", relief, "", plane_alt(*parts, "loss", across=across)),
    ]


def drawn_from(result: PlaneResult) -> tuple[Any, Any, Any]:
    """What both figures are drawn from."""
    return result.surface, result.naive, result.aligned
