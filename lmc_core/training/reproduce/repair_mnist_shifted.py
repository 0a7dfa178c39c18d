"""Plain networks on MNIST half-way, by width, as the authors seem to have trained them (Jordan 2022).

Their notebook counts the layers after the first, so that their ten are eleven here; and it shifts images at random, as
it says of other data sets only.
"""

from __future__ import annotations

from collections.abc import Sequence

from lmc_core.options import Option
from lmc_core.report import Report, silent
from lmc_core.training.reproduce._deep import by_width
from lmc_core.training.reproduce._experiment import Experiment
from lmc_core.training.reproduce._mlp import DATA
from lmc_core.training.reproduce._trained import KEEP

WIDTHS = (32, 64, 128, 256)
DEPTH = 11
PARAMETERS = (
    DATA,
    Option("widths", int, WIDTHS, "Units of every hidden layer.", low=2, high=4096, many=True),
    Option("pairs", int, 1, "Independent pairs of networks for every width.", low=1, high=20),
    Option("epochs", int, 100, "Epochs of training.", low=1, high=1000),
    KEEP,
)
QUICK = {"widths": (32, 64), "epochs": 2}


def reproduce(
    *,
    data: str = "mnist",
    widths: Sequence[int] = WIDTHS,
    pairs: int = 1,
    epochs: int = 100,
    keep: str = "",
    seed: int = 0,
    device: str = "cpu",
    report: Report = silent,
) -> Experiment:
    """Mean test accuracy and loss at t = ½ over independent pairs, for every width."""
    return by_width(
        widths,
        title=f"REPAIR on {data} by width, {DEPTH} hidden layers, images shifted",
        data=data,
        depth=DEPTH,
        shift=True,
        pairs=pairs,
        epochs=epochs,
        known=(data, epochs) == ("mnist", 100),
        keep=keep,
        seed=seed,
        device=device,
        report=report,
    )
