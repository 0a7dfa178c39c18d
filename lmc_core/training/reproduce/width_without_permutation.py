"""Barriers between networks left in their own order, by width, before and after temperature calibration.

The width-only paper (2025) reports that MLPs of 16 times the usual width on MNIST are connected without any
permutation: an accuracy barrier of 0.519 points and a loss barrier of 0.013. Its base width is not known here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from lmc_core.data.dataset import Dataset
from lmc_core.data.registry import dataset
from lmc_core.fusion.after import calibrate
from lmc_core.networks.network import Network
from lmc_core.options import Option
from lmc_core.report import Report, silent
from lmc_core.training.finetune import measure
from lmc_core.training.reproduce._experiment import Chart, Experiment, Run, spread
from lmc_core.training.reproduce._mlp import DATA
from lmc_core.training.reproduce._pairs import Pair, aligned
from lmc_core.training.reproduce._trained import KEEP
from lmc_core.training.reproduce._work import Work, sets
from lmc_core.training.reproduce.rebasin_width import mlp

WIDTHS = (32, 64, 128, 256, 512, 1024)
PARAMETERS = (
    DATA,
    Option("widths", int, WIDTHS, "Units of the hidden layers.", low=2, high=8192, many=True),
    Option("pairs", int, 2, "Independent pairs of networks for every width.", low=1, high=20),
    Option("epochs", int, 100, "Epochs of training.", low=1, high=1000),
    KEEP,
)
QUICK = {"widths": (32, 64, 128), "pairs": 1, "epochs": 2}

WAYS: Mapping[str, str] = {"no alignment": "identity", "weight matching": "weight-matching"}
CALIBRATED = "{}, calibrated"


def reproduce(
    *,
    data: str = "mnist",
    widths: Sequence[int] = WIDTHS,
    pairs: int = 2,
    epochs: int = 100,
    keep: str = "",
    seed: int = 0,
    device: str = "cpu",
    report: Report = silent,
) -> Experiment:
    """Mean rise of test loss and fall of test accuracy at t = ½ below the ends, for every width."""
    examples = dataset(data)
    seeds = range(2 * pairs * seed, 2 * pairs * (seed + 1))
    rows: list[tuple[Any, ...]] = []
    runs: list[Run] = []
    each: dict[str, dict[str, list[Mapping[str, float]]]] = {}
    for width in widths:
        nets = [(mlp(data, width, epochs), number) for number in seeds]
        work = Work(nets, examples, keep=keep, device=device, report=report)
        found = each[str(width)] = {}
        for title, method in WAYS.items():
            both = [
                work.number({"calibrated": method}, nets[i : i + 2], barriers(method, examples, report))
                for i in range(0, len(nets), 2)
            ]
            found[title] = [own["plain"] for own in both]
            found[CALIBRATED.format(title)] = [own["calibrated"] for own in both]
        for title, values in found.items():
            numbers = {f"{what} barrier": [value[what] for value in values] for what in ("loss", "accuracy")}
            mean, deviation, count = spread(numbers["loss barrier"])
            points = spread(numbers["accuracy barrier"])[0]
            runs += work.runs(sets(nets, 2), {"width": float(width), "method": title}, numbers)
            rows.append((float(width), title, mean, deviation, points, count))
    return Experiment(
        f"Barriers without permutation, by width: MLPs of three hidden layers on {data}",
        ("width", "method", "loss barrier", "± over pairs", "accuracy barrier", "pairs"),
        tuple(rows),
        (
            f"{pairs} independent pairs for every width, {epochs} epochs of Adam; barriers at t = ½ against the mean "
            "of the ends. Calibrated: the logits of the ends and of the middle are each divided by the temperature "
            "that fits 4096 training examples best.",
        ),
        {
            "scores": each,
            "settings": {"data": data, "widths": list(widths), "pairs": pairs, "epochs": epochs},
            "seed": seed,
        },
        Chart("width", "loss barrier", "method", "± over pairs", powers=True),
        tuple(runs),
    )


def barriers(method: str, data: Dataset, report: Report) -> Pair:
    """Rise of the loss and fall of the accuracy at t = ½, as the networks are and calibrated."""

    def measured(a: Network, b: Network) -> dict[str, dict[str, float]]:
        path = aligned(a, b, method, {}, data, 0, report)
        nets = [a.with_state(path(t)) for t in (0.0, 0.5, 1.0)]
        return {
            "plain": _barrier(nets, data),
            "calibrated": _barrier([calibrate(net, data)[0] for net in nets], data),
        }

    return measured


def _barrier(nets: Sequence[Network], data: Dataset) -> dict[str, float]:
    a, middle, b = (measure(net, data, ("test",))["test"] for net in nets)
    return {
        "loss": middle["loss"] - (a["loss"] + b["loss"]) / 2,
        "accuracy": (a["accuracy"] + b["accuracy"]) / 2 - middle["accuracy"],
    }
