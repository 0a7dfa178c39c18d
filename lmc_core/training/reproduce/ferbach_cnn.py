"""Test loss half-way between convolutional networks on CIFAR-10 against their width, and their dimensions: weight
against activation matching (Ferbach 2024, figure 3, whose set-up and values are not known here).

Three convolutions of w, 2w and 4w channels with a pooling after each, and a hidden linear layer of 4w units.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from lmc_core.networks.families import architecture
from lmc_core.options import Option
from lmc_core.report import Report, silent
from lmc_core.training.reproduce import _cifar
from lmc_core.training.reproduce._experiment import ENDS, Chart, Experiment, Run, spread
from lmc_core.training.reproduce._pairs import alone, dimensions, halfway
from lmc_core.training.reproduce._trained import KEEP
from lmc_core.training.reproduce._work import Work, sets
from lmc_core.training.reproduce.ferbach_mnist import HALFWAY, JUDGES, WAYS
from lmc_core.training.train import Recipe

WIDTHS = (8, 16, 32, 64)
PARAMETERS = (
    _cifar.DATA,
    Option("widths", int, WIDTHS, "Channels of the first convolution.", low=1, high=1024, many=True),
    Option("pairs", int, 2, "Independent pairs of networks for every width.", low=1, high=20),
    Option("epochs", int, 20, "Epochs of training.", low=1, high=1000),
    _cifar.TRAIN,
    _cifar.TEST,
    _cifar.FILE,
    Option("examples", int, 10_000, "Training examples that statistics are taken of; 0 = all.", low=0),
    KEEP,
)
QUICK = {"widths": (8, 16), "pairs": 1, "epochs": 2, "train_examples": 5000, "test_examples": 2000, "examples": 1000}


def recipe(data: str, width: int, epochs: int) -> Recipe:
    """A convolutional network without norms."""
    stages = ((width,), (2 * width,), (4 * width,))
    made = architecture("cnn", stages=stages, hidden=(4 * width,), input_shape=_cifar.shape(data))
    return _cifar.recipe(f"{data} CNN, width {width}", made, data, epochs, rate=0.03, decay=5e-4)


def reproduce(
    *,
    data: str = "cifar10",
    widths: Sequence[int] = WIDTHS,
    pairs: int = 2,
    epochs: int = 20,
    train_examples: int = 50_000,
    test_examples: int = 10_000,
    file: str = "",
    examples: int = 10_000,
    keep: str = "",
    seed: int = 0,
    device: str = "cpu",
    report: Report = silent,
) -> Experiment:
    """Mean test loss at t = ½ over independent pairs, and mean dimension of every layer, for each width."""
    images = _cifar.examples(data, train_examples, test_examples, file)
    seeds = range(2 * pairs * seed, 2 * pairs * (seed + 1))
    rows: list[tuple[Any, ...]] = []
    runs: list[Run] = []
    spans: dict[str, Any] = {}
    losses: dict[str, Any] = {}
    for width in widths:
        nets = [(recipe(data, width, epochs), number) for number in seeds]
        work = Work(nets, images, keep=keep, device=device, report=report)
        each: dict[str, list[float]] = {
            ENDS: [work.number({"scores": "test"}, [net], alone(images))["loss"] for net in nets]
        }
        for title, (method, settings) in WAYS.items():
            what = {"halfway": method, "settings": settings, "examples": examples}
            middle = halfway(method, settings, images, examples=examples, report=report)
            each[title] = [work.number(what, nets[i : i + 2], middle)["plain"]["loss"] for i in range(0, len(nets), 2)]
        rows += [(HALFWAY, float(width), title, *spread(values)) for title, values in each.items()]
        for title, values in each.items():
            at = {"quantity": HALFWAY, "width": float(width), "method": title}
            runs += work.runs(sets(nets, 1 if title == ENDS else 2), at, {"value": values})
        what = {"dimensions": examples}
        own = [work.number(what, [net], dimensions(images, examples=examples, report=report)) for net in nets[::2]]
        spans[str(width)] = {group: [found[group] for found in own] for group in own[0]}
        losses[str(width)] = each
        for layer, found in enumerate(spans[str(width)].values(), 1):
            for title, matrix in JUDGES.items():
                if values := [one[matrix] for one in found if matrix in one]:
                    at = {"quantity": f"dimension of layer {layer}", "width": float(width), "method": title}
                    runs += work.runs(sets(nets[::2], 1), at, {"value": values})
    rows += _dimensions(spans, JUDGES)
    return Experiment(
        f"Test loss half-way between convolutional networks on {data}, and their dimensions, by width",
        ("quantity", "width", "method", "value", "± over pairs", "count"),
        tuple(sorted(rows, key=lambda row: row[0] != HALFWAY)),
        (
            f"{pairs} independent pairs for every width, {epochs} epochs on {train_examples} training examples.",
            "Dimension: of WᵀW for layer-wise matching, of W Σ Wᵀ for covariance-weighted, of the uncentred second "
            "moment of activations for activation matching; the file also has them with the means taken out.",
        ),
        {
            "losses": losses,
            "dimensions": spans,
            "settings": {
                "data": data,
                "widths": list(widths),
                "pairs": pairs,
                "epochs": epochs,
                "train_examples": train_examples,
                "test_examples": test_examples,
                "examples": examples or "all",
            },
            "seed": seed,
        },
        Chart("width", "value", "method", "± over pairs", "quantity", lower=True, powers=True, apart=True),
        tuple(runs),
    )


def _dimensions(spans: Mapping[str, Any], judges: Mapping[str, str]) -> list[tuple[Any, ...]]:
    """Rows, layer by layer."""
    found = []
    for layer, group in enumerate(next(iter(spans.values())), 1):
        for width, layers in spans.items():
            for title, matrix in judges.items():
                values = [own[matrix] for own in layers[group] if matrix in own]
                if values:
                    found.append((f"dimension of layer {layer}", float(width), title, *spread(values)))
    return found
