"""Runs that measure the plane through A, B and a third network: aligned B, or another model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import numpy as np

from lmc_core.errors import SettingError
from lmc_core.methods import METHODS
from lmc_core.paths.profile import Metric, Profile, Split
from lmc_core.paths.surface import Surface
from lmc_core.runs.kinds._kind import Kind
from lmc_core.runs.kinds._pair import Pair, method_options, open_pair, pair_options
from lmc_core.runs.kinds._result import Measured
from lmc_core.runs.values.request import integer
from lmc_core.words.plane import plane_finding

if TYPE_CHECKING:
    from lmc_core.networks.network import Network
    from lmc_core.report import Report
    from lmc_core.runs.values.request import Request

GRID = (5, 61)
MARGIN = 0.25
SPLITS: tuple[Split, ...] = get_args(Split)
METRICS: tuple[Metric, ...] = get_args(Metric)
READ, ALIGN, PATHS, MEASURE = STAGES = (
    "Reading the networks",
    "Aligning B to A",
    "Evaluating the paths",
    "Measuring the plane",
)


@dataclass(frozen=True, eq=False, kw_only=True)
class PlaneResult(Measured):
    """The plane through three networks, and the straight paths between them.

    models      A and B; and the third network, where it is not B aligned
    naive       from A to B
    aligned     from A to the third network
    across      from B to the third network, where it is not B aligned; None in results from before it was measured
    """

    surface: Surface
    naive: Profile
    aligned: Profile
    across: Profile | None = None

    @property
    def json(self) -> dict[str, Any]:
        """The plane as one JSON object."""
        surface = self.surface
        return super().json | {
            "x": surface.x.tolist(),
            "y": surface.y.tolist(),
            **{s: {m: values.tolist() for m, values in metrics.items()} for s, metrics in surface.values.items()},
            "corners": {name: list(point) for name, point in surface.corners.items()},
            "recalibrate": surface.recalibrate,
            "barriers": {name: path.barrier() for name, path in self.sides.items()},
        }

    @property
    def sides(self) -> Mapping[str, Profile]:
        """Corners that a straight path joins → that path."""
        third = "aligned" if "aligned" in self.surface.corners else "c"
        found = {"a-b": self.naive, f"a-{third}": self.aligned}
        return found if self.across is None else found | {f"b-{third}": self.across}


def options(
    a: str,
    b: str,
    data: str = "digits",
    method: str | None = "activation-matching",
    settings: Mapping[str, Any] | None = None,
    grid: int = 25,
    seed: int = 0,
    train_examples: int = 1_000,
    device: str = "auto",
    third: str | None = None,
) -> dict[str, Any]:
    """A pair, how B is aligned, and how fine the grid is (cells along the longer side).

    third   a model to span the plane instead of B aligned; then nothing is aligned, whatever `method` says
    """
    from lmc_core.runs.library import models as library

    asked = pair_options(a, b, data, seed, train_examples, device) | {"grid": integer("grid", grid, *GRID)}
    if third is None:
        return asked | method_options(method or "", settings)
    if third in (a, b):
        raise SettingError(f"three networks span a plane, and {third!r} is named twice; choose another one")
    known = [*asked["fingerprints"], library.card(str(third)).fingerprint]
    return asked | {"third": str(third), "fingerprints": known, "method": None, "settings": {}}


def work(request: Request, report: Report, folder: Path, device: str) -> PlaneResult:
    """Find the third network, evaluate the straight paths, then the grid around all three."""
    from lmc_core.paths.evaluate import evaluate_many
    from lmc_core.paths.path import LinearPath
    from lmc_core.paths.plane import Plane, evaluate_plane
    from lmc_core.paths.recalibrate import default_recalibration
    from lmc_core.runs.work.bench import Clock, device_name, within
    from lmc_core.runs.work.facts import versions

    asked, clock = request.options, Clock()
    pair = open_pair(request, report, READ, device)
    with clock("align"):
        third, key, cards = _third(pair, request, report, device)
    used: dict[str, Any] = {
        "recalibrate": default_recalibration(pair.a),
        "train_examples": asked["train_examples"],
        "test_examples": asked["train_examples"],
        "seed": asked["seed"],
    }
    with clock("evaluate"):
        lines = [LinearPath(pair.a, pair.b), LinearPath(pair.a, third)]
        if key == "c":
            lines.append(LinearPath(pair.b, third))
        naive, after, *side = evaluate_many(lines, pair.data, **used, report=within(report, PATHS, details=False))
        across = side[0] if side else None
    with clock("plane"):
        inner = within(report, MEASURE, details=False)
        plane = Plane.through(pair.a, pair.b, third)
        surface = evaluate_plane(plane, pair.data, points=asked["grid"], margin=MARGIN, **used, report=inner)
    surface = replace(surface, corners={"a": (0.0, 0.0), "b": (plane.length, 0.0), key: plane.foot})
    title = METHODS[asked["method"]].title if asked["method"] else ""
    return PlaneResult(
        request={"kind": "plane", **asked},
        models=cards,
        data=pair.data.name,
        method=title,
        surface=surface,
        naive=naive,
        aligned=after,
        across=across,
        seconds=clock.seconds,
        versions=versions(),
        device=device_name(device),
        finding=plane_finding(surface, naive, after, title, across=across).text,
        notes=(*pair.notes, *surface.notes),
    )


def _third(pair: Pair, request: Request, report: Report, device: str) -> tuple[Network, str, tuple[Any, ...]]:
    """The third network, the name of its corner, and the cards of all models."""
    from lmc_core.runs.work.bench import within

    asked = request.options
    if asked.get("third"):
        other = open_pair(request, report, READ, device, (asked["a"], asked["third"]))
        return replace(other.b, module=pair.a.module), "c", (*pair.cards, other.cards[1])
    inner = within(report, ALIGN)
    return pair.aligned(asked["method"], asked["settings"], asked["seed"], inner)[1], "aligned", pair.cards


def proof(result: PlaneResult) -> str:
    """The finding of a plane that can be drawn both ways."""
    from lmc_core.figures.plane.maps import plane_figure
    from lmc_core.figures.plane.relief import relief_figure

    surface, paths = result.surface, (result.naive, result.aligned)
    assert all(axis.ndim == 1 and len(axis) > 1 and (np.diff(axis) > 0).all() for axis in (surface.x, surface.y))
    assert result.across is None or "c" in surface.corners
    assert all(surface.values[s][m].shape == (len(surface.y), len(surface.x)) for s, m in product(SPLITS, METRICS))
    for split in SPLITS:
        plane_figure(surface, *paths, split=split, across=result.across).to_json()
        relief_figure(surface, *paths, split=split, across=result.across).to_json()
    return plane_finding(surface, *paths, result.method, across=result.across).text


PLANE = Kind(
    "plane",
    "Measuring the plane through three networks",
    STAGES,
    options,
    work,
    (PlaneResult, Surface),
    proof=proof,
    example={"a": "digits-mlp-128/seed0", "b": "digits-mlp-128/seed1"},
)
