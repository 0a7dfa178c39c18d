"""Deep plain networks on MNIST half-way, by depth: their variance collapses, and REPAIR puts it back (Jordan 2022)."""

from __future__ import annotations

from collections.abc import Sequence

from lmc_core.options import Option
from lmc_core.report import Report, silent
from lmc_core.training.reproduce._deep import ORDERED, REPAIRED, VANILLA, compared, recipe
from lmc_core.training.reproduce._experiment import Experiment
from lmc_core.training.reproduce._mlp import DATA
from lmc_core.training.reproduce._trained import KEEP

DEPTHS = (2, 4, 6, 11, 21, 41)
"""Published as 1, 3, 5, 10, 20 and 40: the authors' notebook counts the layers after the first."""

PARAMETERS = (
    DATA,
    Option("depths", int, DEPTHS, "Hidden layers.", low=1, high=100, many=True),
    Option("width", int, 128, "Units of every hidden layer.", low=2, high=4096),
    Option("pairs", int, 4, "Independent pairs of networks for every depth.", low=1, high=20),
    Option("epochs", int, 50, "Epochs of training.", low=1, high=1000),
    KEEP,
)
QUICK = {"depths": (1, 3, 5), "pairs": 1, "epochs": 3}

PUBLISHED = {
    VANILLA: ((0.3960, 1.656), (0.1531, 2.691), (0.1055, 2.252), (0.0974, 2.391), (0.0892, 2.421), (0.1135, None)),
    ORDERED: ((0.9682, 0.111), (0.9367, 0.231), (0.9353, 0.224), (0.8118, 0.665), (0.5060, 1.921), (0.1958, None)),
    REPAIRED: ((0.9751, 0.094), (0.9638, 0.139), (0.9587, 0.185), (0.9531, 0.240), (0.9463, 0.332), (0.7555, None)),
}
"""Method → (accuracy, test loss) at each depth: the raw data of the authors' figure, one pair each."""


def reproduce(
    *,
    data: str = "mnist",
    depths: Sequence[int] = DEPTHS,
    width: int = 128,
    pairs: int = 4,
    epochs: int = 50,
    keep: str = "",
    seed: int = 0,
    device: str = "cpu",
    report: Report = silent,
) -> Experiment:
    """Mean test accuracy and loss at t = ½ over independent pairs, for every depth."""
    known = (data, width, epochs) == ("mnist", 128, 50)
    published = {
        (float(depth), name): (*value, None)
        for name, values in PUBLISHED.items()
        for depth, value in zip(DEPTHS, values, strict=True)
    }
    return compared(
        "hidden layers",
        {float(depth): recipe(data, depth, width, epochs) for depth in depths},
        pairs,
        published if known else {},
        title=f"REPAIR on {data} by depth, width {width}",
        notes=(
            f"{pairs} independent pairs for every depth, {epochs} epochs, BatchNorm folded in before averaging; "
            "aligned by the correlation of activations on all training examples, REPAIR by 4096 of them.",
            "Published values are of one pair, and of one hidden layer more than the number they are published under: "
            "the authors' notebook counts the layers after the first.",
        ),
        settings={"data": data, "depths": list(depths), "width": width, "pairs": pairs, "epochs": epochs},
        keep=keep,
        seed=seed,
        device=device,
        report=report,
    )
