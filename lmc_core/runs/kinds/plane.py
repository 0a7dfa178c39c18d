"""Runs that measure the plane through A, B and aligned B."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lmc_core.figures.plane_words import plane_finding
from lmc_core.methods import METHODS
from lmc_core.paths.profile import Profile
from lmc_core.paths.surface import Surface
from lmc_core.runs.card import ModelCard, pair_title
from lmc_core.runs.kinds._kind import Kind
from lmc_core.runs.kinds._pair import method_options, open_pair, pair_options
from lmc_core.runs.request import integer

if TYPE_CHECKING:
    from lmc_core.report import Report
    from lmc_core.runs.request import Request

GRID = (5, 61)
MARGIN = 0.25
READ, ALIGN, PATHS, MEASURE = STAGES = (
    "Reading the networks",
    "Aligning B to A",
    "Evaluating both paths",
    "Measuring the plane",
)


@dataclass(frozen=True, eq=False)
class PlaneResult:
    """The plane through A, B and aligned B, and the two straight paths in it."""

    request: Mapping[str, Any]
    models: tuple[ModelCard, ModelCard]
    data: str
    method: str
    surface: Surface
    naive: Profile
    aligned: Profile
    seconds: Mapping[str, float] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)
    device: str = "cpu"
    finding: str = ""
    notes: tuple[str, ...] = ()

    @property
    def title(self) -> str:
        """Both models by name."""
        return pair_title(*self.models)

    @property
    def json(self) -> dict[str, Any]:
        """The plane as one JSON object."""
        surface = self.surface
        return {
            "method": self.method,
            "data": self.data,
            "models": [{"id": m.id, "title": m.name, "fingerprint": m.fingerprint} for m in self.models],
            "x": surface.x.tolist(),
            "y": surface.y.tolist(),
            **{s: {m: values.tolist() for m, values in metrics.items()} for s, metrics in surface.values.items()},
            "corners": {name: list(point) for name, point in surface.corners.items()},
            "recalibrate": surface.recalibrate,
            "seconds": dict(self.seconds),
            "device": self.device,
            "finding": self.finding,
            "notes": list(self.notes),
        }


def options(
    a: str,
    b: str,
    data: str = "digits",
    method: str = "activation-matching",
    settings: Mapping[str, Any] | None = None,
    grid: int = 25,
    seed: int = 0,
    train_examples: int = 1_000,
    device: str = "auto",
) -> dict[str, Any]:
    """A pair, how B is aligned, and how fine the grid is (cells along the longer side)."""
    pair = pair_options(a, b, data, seed, train_examples, device)
    return pair | method_options(method, settings) | {"grid": integer("grid", grid, *GRID)}


def work(request: Request, report: Report, folder: Path, device: str) -> PlaneResult:
    """Align, evaluate both straight paths, then the grid around all three networks."""
    from lmc_core.paths.evaluate import evaluate_many
    from lmc_core.paths.path import LinearPath
    from lmc_core.paths.plane import Plane, evaluate_plane
    from lmc_core.paths.recalibrate import default_recalibration
    from lmc_core.runs.bench import Clock, device_name, within
    from lmc_core.runs.facts import versions

    asked, clock = request.options, Clock()
    pair = open_pair(request, report, READ, device)
    with clock("align"):
        _, aligned = pair.aligned(asked["method"], asked["settings"], asked["seed"], within(report, ALIGN))
    plane = Plane.through(pair.a, pair.b, aligned)
    recalibrate = default_recalibration(pair.a)
    used: dict[str, Any] = {
        "recalibrate": recalibrate,
        "train_examples": asked["train_examples"],
        "test_examples": asked["train_examples"],
        "seed": asked["seed"],
    }
    with clock("evaluate"):
        lines = [LinearPath(pair.a, pair.b), LinearPath(pair.a, aligned)]
        naive, after = evaluate_many(lines, pair.data, **used, report=within(report, PATHS, details=False))
    with clock("plane"):
        surface = evaluate_plane(
            plane, pair.data, points=asked["grid"], margin=MARGIN, **used, report=within(report, MEASURE, details=False)
        )
    title = METHODS[asked["method"]].title
    return PlaneResult(
        request={"kind": "plane", **asked},
        models=pair.cards,
        data=pair.data.name,
        method=title,
        surface=surface,
        naive=naive,
        aligned=after,
        seconds=clock.seconds,
        versions=versions(),
        device=device_name(device),
        finding=plane_finding(surface, naive, after, title).text,
        notes=(*pair.notes, *surface.notes),
    )


PLANE = Kind(
    "plane",
    "Measuring the plane through A, B and aligned B",
    STAGES,
    options,
    work,
    (PlaneResult, Surface),
    example={"a": "digits-mlp-128/seed0", "b": "digits-mlp-128/seed1"},
)
