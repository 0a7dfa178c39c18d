"""Plain networks of ten hidden layers on MNIST half-way, by width (Jordan 2022)."""

from __future__ import annotations

from collections.abc import Sequence

from lmc_core.options import Option
from lmc_core.report import Report, silent
from lmc_core.training.reproduce._deep import ORDERED, REPAIRED, compared, recipe
from lmc_core.training.reproduce._experiment import Experiment
from lmc_core.training.reproduce._mlp import DATA
from lmc_core.training.reproduce._trained import KEEP

WIDTHS = (32, 64, 128, 256, 512, 1024, 2048)
PARAMETERS = (
    DATA,
    Option("widths", int, WIDTHS, "Units of every hidden layer.", low=2, high=4096, many=True),
    Option("depth", int, 10, "Hidden layers.", low=1, high=100),
    Option("pairs", int, 2, "Independent pairs of networks for every width.", low=1, high=20),
    Option("epochs", int, 100, "Epochs of training.", low=1, high=1000),
    Option("shift", bool, False, "Train on images shifted by up to 4 pixels."),
    KEEP,
)
QUICK = {"widths": (32, 64, 128), "pairs": 1, "epochs": 3}

PUBLISHED = {
    ORDERED: (0.5799, 0.6832, 0.8077, 0.8327, 0.8240, 0.7298, 0.7628),
    REPAIRED: (0.7372, 0.9276, 0.9592, 0.9719, 0.9797, 0.9828, 0.9847),
}
"""Method → accuracy at each width: the raw data of the authors' figure, one pair each."""

BARRIERS = (0.924, 0.237, 0.138, 0.091, 0.064, 0.055, 0.051)
"""Published test-loss barriers after REPAIR."""


def reproduce(
    *,
    data: str = "mnist",
    widths: Sequence[int] = WIDTHS,
    depth: int = 10,
    pairs: int = 2,
    epochs: int = 100,
    shift: bool = False,
    keep: str = "",
    seed: int = 0,
    device: str = "cpu",
    report: Report = silent,
) -> Experiment:
    """Mean test accuracy and loss at t = ½ over independent pairs, for every width."""
    known = (data, depth, epochs) == ("mnist", 10, 100)
    published = {
        (float(width), name): (accuracy, None, barrier if name == REPAIRED else None)
        for name, values in PUBLISHED.items()
        for width, accuracy, barrier in zip(WIDTHS, values, BARRIERS, strict=True)
    }
    return compared(
        "width",
        {float(width): recipe(data, depth, width, epochs, shift=shift) for width in widths},
        pairs,
        published if known else {},
        title=f"REPAIR on {data} by width, {depth} hidden layers",
        notes=(
            f"{pairs} independent pairs for every width, {epochs} epochs, BatchNorm folded in before averaging; "
            "aligned by the correlation of activations on all training examples, REPAIR by 4096 of them.",
            "Published values are of one pair.",
        ),
        settings={
            "data": data,
            "widths": list(widths),
            "depth": depth,
            "pairs": pairs,
            "epochs": epochs,
            "shift": shift,
        },
        keep=keep,
        seed=seed,
        device=device,
        report=report,
    )
