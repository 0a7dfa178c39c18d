"""Runs that measure the plane through A, B and a third network: aligned B, or another model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from lmc_core.errors import SettingError
from lmc_core.options import Option, Options
from lmc_core.paths.profile import Profile
from lmc_core.paths.surface import Surface, Trajectory
from lmc_core.runs.kinds._kind import Chosen, Kind, Known
from lmc_core.runs.kinds._options import (
    DATA,
    DEVICE,
    FEWER_EXAMPLES,
    FEWER_TEST_EXAMPLES,
    METHOD,
    SEED,
    SETTINGS,
    TASK,
    A,
    B,
    Model,
    settled,
)
from lmc_core.runs.values.card import ModelCard, models_title
from lmc_core.runs.values.record import Measured

STAGES = ("Reading the networks", "Aligning B to A", "Evaluating the paths", "Measuring the plane")


@dataclass(frozen=True, eq=False, kw_only=True)
class PlaneResult(Measured):
    """The plane through three networks, and the straight paths between them.

    models      A and B; and the third network, where it is not B aligned
    naive       from A to B
    aligned     from A to the third network
    across      from B to the third network, where it is not B aligned; None in results from before it was measured
    checkpoints of the training run that is drawn on it, in order
    """

    surface: Surface
    naive: Profile
    aligned: Profile
    across: Profile | None = None
    checkpoints: tuple[ModelCard, ...] = ()

    @property
    def json(self) -> dict[str, Any]:
        """The plane as one JSON object."""
        surface = self.surface
        walked = {} if surface.trajectory is None else {"training": _listed(surface.trajectory)}
        return (
            super().json
            | walked
            | {
                "x": surface.x.tolist(),
                "y": surface.y.tolist(),
                **{s: {m: values.tolist() for m, values in metrics.items()} for s, metrics in surface.values.items()},
                "corners": {name: list(point) for name, point in surface.corners.items()},
                "recalibrate": surface.recalibrate,
                "barriers": {name: path.barrier() for name, path in self.sides.items()},
            }
        )

    @property
    def sides(self) -> Mapping[str, Profile]:
        """Corners that a straight path joins → that path."""
        third = "aligned" if "aligned" in self.surface.corners else "c"
        found = {"a-b": self.naive, f"a-{third}": self.aligned}
        return found if self.across is None else found | {f"b-{third}": self.across}


def _listed(walked: Trajectory) -> dict[str, Any]:
    values = {s: {m: found.tolist() for m, found in metrics.items()} for s, metrics in walked.values.items()}
    return {"x": walked.x.tolist(), "y": walked.y.tolist(), "off": walked.off.tolist(), **values}


MOST = 60
GRID = Option("grid", int, 25, "Networks along the longer side of the plane.", low=5, high=61, label="Cells")
THIRD = Model(
    "third",
    str,
    None,
    "A model that spans the plane instead of B aligned; then nothing is aligned, whatever the method.",
    low=1,
    high=200,
    optional=True,
    label="Third network",
    left_out=True,
)


TRAINING = Model(
    "training",
    str,
    None,
    "Checkpoints of one training run, in order: each is drawn at the closest point of the plane.",
    low=1,
    high=200,
    many=True,
    optional=True,
    label="Training run",
    left_out=True,
)


def _settle(options: Chosen) -> dict[str, Any]:
    """No method where a third model spans the plane, and its settings filled in where none does."""
    third, walked = options["third"], options["training"]
    if walked is not None and not 2 <= len(walked) <= MOST:
        raise SettingError(f"training: a run is drawn from 2 to {MOST} checkpoints, not {len(walked)}")
    if third is None:
        return settled({**options, "method": METHOD.check(options["method"])})
    if third in (options["a"], options["b"]):
        raise SettingError(f"three networks span a plane, and {third!r} is named twice; choose another one")
    return {**options, "method": None, "settings": {}}


def _models(options: Chosen) -> list[str]:
    return [options[name] for name in ("a", "b", "third") if options.get(name)] + list(options.get("training") or ())


def _title(options: Chosen, cards: Sequence[ModelCard]) -> str:
    """The networks that span the plane, and how many checkpoints are drawn on it."""
    walked = len(options.get("training") or ())
    return models_title(*cards[: len(cards) - walked]) + (f", {walked} checkpoints" if walked else "")


def _bound(options: Chosen, known: Known) -> dict[str, Any]:
    return {**options, "fingerprints": [known.card(model).fingerprint for model in _models(options)]}


PLANE = Kind(
    "plane",
    "Measuring the plane through three networks",
    STAGES,
    Options(
        "plane",
        (
            *(A, B, THIRD, TRAINING, DATA, TASK, replace(METHOD, optional=True), SETTINGS),
            *(GRID, FEWER_EXAMPLES, FEWER_TEST_EXAMPLES, SEED, DEVICE),
        ),
    ),
    (PlaneResult, Surface, Trajectory),
    models=_models,
    settle=_settle,
    bind=_bound,
    title=_title,
    example={"a": "digits-mlp-128/seed0", "b": "digits-mlp-128/seed1", "method": "activation-matching"},
    version=3,
)
