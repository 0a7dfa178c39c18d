"""Plain networks of ten hidden layers on MNIST half-way, by width (Jordan 2022)."""

from __future__ import annotations

from collections.abc import Sequence

from lmc_core.options import Option
from lmc_core.report import Report, silent
from lmc_core.training.reproduce._deep import WIDTHS, by_width
from lmc_core.training.reproduce._experiment import Experiment
from lmc_core.training.reproduce._mlp import DATA
from lmc_core.training.reproduce._trained import KEEP

PARAMETERS = (
    DATA,
    Option("widths", int, WIDTHS, "Units of every hidden layer.", low=2, high=4096, many=True),
    Option("depth", int, 10, "Hidden layers.", low=1, high=100),
    Option("pairs", int, 2, "Independent pairs of networks for every width.", low=1, high=20),
    Option("epochs", int, 100, "Epochs of training.", low=1, high=1000),
    KEEP,
)
QUICK = {"widths": (32, 64, 128), "pairs": 1, "epochs": 3}


def reproduce(
    *,
    data: str = "mnist",
    widths: Sequence[int] = WIDTHS,
    depth: int = 10,
    pairs: int = 2,
    epochs: int = 100,
    keep: str = "",
    seed: int = 0,
    device: str = "cpu",
    report: Report = silent,
) -> Experiment:
    """Mean test accuracy and loss at t = ½ over independent pairs, for every width."""
    return by_width(
        widths,
        title=f"REPAIR on {data} by width, {depth} hidden layers",
        data=data,
        depth=depth,
        shift=False,
        pairs=pairs,
        epochs=epochs,
        known=(data, depth, epochs) == ("mnist", 10, 100),
        keep=keep,
        seed=seed,
        device=device,
        report=report,
    )
