"""Loss planes of A, B, B aligned, and the fused network: connected layers, convolutions, residuals, recurrences
(Akash 2022).

The fused network is the barycentre of both: Wasserstein, and Gromov–Wasserstein where weights recur. B is aligned by
its coupling with it. The table runs along two sides of the plane; the file holds the whole plane.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from lmc_core.data.dataset import Dataset
from lmc_core.data.registry import dataset
from lmc_core.fusion.fuse import fusion
from lmc_core.networks.network import Network
from lmc_core.options import Option
from lmc_core.paths.evaluate import evaluate
from lmc_core.paths.path import LinearPath
from lmc_core.paths.plane import Plane, evaluate_plane
from lmc_core.paths.recalibrate import default_recalibration
from lmc_core.report import Report, silent
from lmc_core.training.recipes import RECIPES
from lmc_core.training.reproduce._experiment import Chart, Experiment, Run
from lmc_core.training.reproduce._trained import KEEP
from lmc_core.training.reproduce._work import Made, Work
from lmc_core.training.reproduce.recurrent_mnist import recipe as recurrent

KINDS: Mapping[str, str] = {
    "fully connected": "digits-mlp-128",
    "convolutional": "digits-cnn",
    "residual": "cifar10-resnet8",
    "LSTM": "digits-lstm",
    "RNN": "",
}
"""Title → recipe of the shipped networks; the RNN is trained here."""

PARAMETERS = (
    Option("kinds", str, tuple(KINDS), "Which networks.", choices=tuple(KINDS), many=True),
    Option("points", int, 15, "Points along the longer side of a plane.", low=3, high=101),
    Option("test_examples", int, 500, "Test examples.", low=50, high=10_000),
    KEEP,
)
QUICK = {"kinds": ("fully connected", "convolutional", "LSTM"), "points": 5}

PLAIN, ALIGNED, FUSED = "A to B as it is", "A to B aligned", "fused"
RNN_EPOCHS, RNN_HIDDEN = 40, 64


def reproduce(
    *,
    kinds: tuple[str, ...] = tuple(KINDS),
    points: int = 15,
    test_examples: int = 500,
    keep: str = "",
    seed: int = 0,
    device: str = "cpu",
    report: Report = silent,
) -> Experiment:
    """Test loss along the sides of the plane and at the fused network, for every kind of network."""
    rows: list[tuple[Any, ...]] = []
    runs: list[Run] = []
    losses: dict[str, dict[str, list[list[float]]]] = {}
    planes: dict[str, Any] = {}
    for kind in kinds:
        plan, data = _pair(kind, seed)
        work = Work(plan, data, keep=keep, device=device, report=report)
        what = {"plane": points, "test examples": test_examples, "seed": seed}
        measured = work.number(what, plan, plane(kind, data, points, test_examples, seed, report))
        losses[kind], planes[kind] = measured["losses"], measured["plane"]
        for title, values in measured["losses"].items():
            ts = [0.5] if title == FUSED else np.linspace(0, 1, points)
            rows += [(kind, float(t), title, value) for t, (value,) in zip(ts, values, strict=True)]
            middle = float(np.interp(0.5, ts, [value for (value,) in values]))
            opens = None if title == PLAIN else {"kind": "fuse", "method": _method(kind), "seed": seed}
            runs += work.runs([plan], {"network": kind, "method": title}, {"loss half-way": [middle]}, opens)
    return Experiment(
        "Sides of the loss planes of two networks, aligned and fused",
        ("network", "t", "method", "loss"),
        tuple(rows),
        (
            f"One pair of each kind, {test_examples} test examples; where there is BatchNorm its statistics are "
            "estimated anew between the ends. The RNN: "
            f"{RNN_HIDDEN} hidden units, {RNN_EPOCHS} epochs on digits; all others are the shipped networks.",
        ),
        {
            "losses": losses,
            "planes": planes,
            "settings": {"kinds": list(kinds), "points": points, "test_examples": test_examples},
            "seed": seed,
        },
        Chart("t", "loss", "method", panel="network", apart=True),
        tuple(runs),
    )


def _pair(kind: str, seed: int) -> tuple[list[Made], Dataset]:
    """Two networks of a kind, and what they learn."""
    if KINDS[kind]:
        recipe = RECIPES[KINDS[kind]]
        return [(recipe, seed + k) for k in (0, 1)], dataset(recipe.data)
    return [(recurrent("digits", "rnn", RNN_HIDDEN, RNN_EPOCHS), 2 * seed + k) for k in (0, 1)], dataset("digits")


def plane(
    kind: str, data: Dataset, points: int, test_examples: int, seed: int, report: Report
) -> Callable[[Network, Network], dict[str, Any]]:
    """The losses along two sides of the plane of A, B and B aligned, and all over it."""

    def measured(a: Network, b: Network) -> dict[str, Any]:
        b = a.with_state(b.state)
        result = fusion([a, b], _method(kind), seed=seed, report=report)
        moved = a.with_state(result.carried[1].state)
        how = default_recalibration(a)
        few: dict[str, Any] = {"recalibrate": how, "train_examples": 100, "test_examples": test_examples, "seed": seed}
        surface = evaluate_plane(Plane.through(a, b, moved), data, points=points, report=report, **few)
        lines = {
            PLAIN: _line(a, b, data, points, few),
            ALIGNED: _line(a, moved, data, points, few),
            FUSED: [_line(a, a.with_state(_mirror(a, result.network)), data, 3, few)[1]],
        }
        return {
            "losses": {title: [[value] for value in values] for title, values in lines.items()},
            "plane": {
                "x": surface.x.tolist(),
                "y": surface.y.tolist(),
                "loss": surface.loss().tolist(),
                "corners": {name: list(corner) for name, corner in surface.corners.items()},
            },
        }

    return measured


def _method(kind: str) -> str:
    """The fusion of the paper for this kind of network."""
    return "gromov-wasserstein-barycenter" if kind in ("LSTM", "RNN") else "wasserstein-barycenter"


def _mirror(a: Network, fused: Network) -> Mapping[str, Any]:
    """Where a line from A has to end for the fused network to be its middle."""
    return {name: 2 * fused.state[name] - x if x.is_floating_point() else x for name, x in a.state.items()}


def _line(a: Network, b: Network, data: Dataset, points: int, few: Mapping[str, Any]) -> list[float]:
    """Test losses at evenly spaced t."""
    return [float(x) for x in evaluate(LinearPath(a, b), data, points=points, **few).values["test"]["loss"]]
