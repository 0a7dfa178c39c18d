"""What the accuracy of deep aligned networks depends on (Jordan 2022): what is matched, what is averaged.

The authors' notebook for MLPs on MNIST trains with BatchNorm and matches units by the correlation of their
activations. Its sub-networks leave the first BatchNorm out, so that the activations compared are not those of the
networks; and it averages weights, scales and running statistics, where here the norms are folded into the weights
first. Each is taken by itself here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from lmc_core.alignment.moments import CrossMoment
from lmc_core.alignment.solve import assignment
from lmc_core.data.dataset import Dataset
from lmc_core.data.registry import dataset
from lmc_core.methods.align import align
from lmc_core.networks.network import Network
from lmc_core.options import Option
from lmc_core.paths.path import LinearPath
from lmc_core.paths.recalibrate import Recalibration, recalibrate
from lmc_core.report import Report, silent
from lmc_core.training.finetune import measure
from lmc_core.training.reproduce._deep import EPSILON, folded, recipe
from lmc_core.training.reproduce._experiment import ENDS, Chart, Experiment, spread
from lmc_core.training.reproduce._mlp import DATA
from lmc_core.training.reproduce._pairs import Scores, alone
from lmc_core.training.reproduce._trained import KEEP
from lmc_core.training.reproduce._work import Work, sets

PARAMETERS = (
    DATA,
    Option("depth", int, 11, "Hidden layers.", low=1, high=100),
    Option("width", int, 128, "Units of every hidden layer.", low=2, high=4096),
    Option("pairs", int, 4, "Independent pairs of networks.", low=1, high=20),
    Option("epochs", int, 50, "Epochs of training.", low=1, high=1000),
    KEEP,
)
QUICK = {"depth": 5, "pairs": 1, "epochs": 3}


@dataclass(frozen=True)
class Reading:
    """One way to align and average.

    matched   what is compared: "activations", "pre-activations" or "weights"
    first     whether the first BatchNorm is applied to what is matched
    folded    whether BatchNorm is folded into the weights before averaging; if not, its statistics are averaged too
    """

    matched: str = "activations"
    first: bool = True
    folded: bool = True


MAIN, NOTEBOOK = "as in the other tables here", "as in the authors' notebook"
READINGS: Mapping[str, Reading] = {
    MAIN: Reading(),
    "norms averaged, not folded": Reading(folded=False),
    "first norm left out of matching": Reading(first=False),
    NOTEBOOK: Reading(first=False, folded=False),
    "pre-activations matched": Reading(matched="pre-activations"),
    "weights matched": Reading(matched="weights"),
}
PUBLISHED = (0.8118, 0.9531)
"""Accuracy at 11 hidden layers of 128 units, aligned and with REPAIR: the raw data of the authors' figure, one pair."""


def reproduce(
    *,
    data: str = "mnist",
    depth: int = 11,
    width: int = 128,
    pairs: int = 4,
    epochs: int = 50,
    keep: str = "",
    seed: int = 0,
    device: str = "cpu",
    report: Report = silent,
) -> Experiment:
    """Mean test accuracy at t = ½ over independent pairs, for every reading."""
    images = dataset(data)
    one = recipe(data, depth, width, epochs)
    nets = [(one, number) for number in range(2 * pairs * seed, 2 * pairs * (seed + 1))]
    work = Work(nets, images, keep=keep, device=device, report=report)
    ends = [work.number({"scores": "test"}, [net], alone(images))["accuracy"] for net in nets]
    each: dict[str, list[dict[str, Scores]]] = {}
    for title, reading in READINGS.items():
        what = {"reading": [reading.matched, reading.first, reading.folded]}
        each[title] = [
            work.number(what, nets[i : i + 2], lambda a, b, reading=reading: halfway(a, b, reading, images, report))
            for i in range(0, len(nets), 2)
        ]
    rows = []
    runs = work.runs(sets(nets, 1), {"method": ENDS}, {"accuracy": ends})
    known = (data, depth, width, epochs) == ("mnist", 11, 128, 50)
    for title, scores in each.items():
        plain, after = ([score[how]["accuracy"] for score in scores] for how in ("aligned", "repaired"))
        mean, deviation, count = spread(plain)
        gains = [own - other["aligned"]["accuracy"] for own, other in zip(plain, each[MAIN], strict=True)]
        gain, error, _ = spread(gains)
        losses = [score["aligned"]["loss"] for score in scores]
        numbers = {
            "accuracy": plain,
            "points more than the first": [100 * more for more in gains],
            "loss": losses,
            "accuracy with REPAIR": after,
        }
        runs += work.runs(sets(nets, 2), {"method": title}, numbers)
        published = PUBLISHED if known and title == NOTEBOOK else (None, None)
        rows.append(
            (
                title,
                mean,
                deviation,
                published[0],
                100 * gain,
                None if error is None else 100 * error / count**0.5,
                spread(losses)[0],
                spread(after)[0],
                published[1],
                count,
            )
        )
    return Experiment(
        f"What aligned networks of {depth} layers depend on, {data}",
        (
            "method",
            "accuracy",
            "± over pairs",
            "published accuracy",
            "points more than the first",
            "± of its mean",
            "loss",
            "accuracy with REPAIR",
            "published accuracy with REPAIR",
            "pairs",
        ),
        tuple(rows),
        (
            f"{pairs} independent pairs of {depth} hidden layers of {width} units, {epochs} epochs; the networks "
            f"themselves are {100 * min(ends):.2f} to {100 * max(ends):.2f} % right.",
            "REPAIR of networks whose norms are averaged is a reset of their statistics.",
        ),
        {
            "scores": each,
            "ends": ends,
            "settings": {"data": data, "depth": depth, "width": width, "pairs": pairs, "epochs": epochs},
            "seed": seed,
        },
        Chart("method", "accuracy", error="± over pairs", also="published accuracy"),
        tuple(runs),
    )


def halfway(a: Network, b: Network, reading: Reading, data: Dataset, report: Report) -> dict[str, Scores]:
    """Test scores at t = ½ aligned, and with statistics put right, of two networks with BatchNorm."""
    if reading.matched == "weights":
        a, b = folded(a), folded(b)
        moved = align(a, b.with_state(b.state), "weight-matching", data, report=report).transport(b)
    else:
        moved = matched(a, b, reading, data)
        a, moved = (folded(a), folded(moved)) if reading.folded else (a, moved)
    path = LinearPath(a, a.with_state(moved.state))
    how: Recalibration = "repair" if reading.folded else "bn-reset"
    after = recalibrate(path, data, method=how, report=report)
    return {
        "aligned": measure(a.with_state(path(0.5)), data, ("test",))["test"],
        "repaired": measure(after, data, ("test",))["test"],
    }


@torch.no_grad()
def matched(a: Network, b: Network, reading: Reading, data: Dataset) -> Network:
    """B with the units of every hidden layer in the order in which they correlate most with those of A."""
    state: dict[str, Tensor] = {name: tensor.clone() for name, tensor in b.state.items()}
    layers = sum(name.endswith("running_mean") for name in state)
    x = a.prepare(torch.from_numpy(data.x_train)).flatten(1)
    ours, theirs = x, x
    for layer in range(1, layers + 1):
        normed = reading.first or layer > 1
        outputs = [layer_outputs(net, layer, seen, normed) for net, seen in ((a, ours), (b, theirs))]
        ours, theirs = (z.relu() for z in outputs)
        x_a, x_b = outputs if reading.matched == "pre-activations" else (ours, theirs)
        order = torch.from_numpy(assignment(correlation(x_a, x_b).numpy()))
        for name in own_tensors(state, layer):
            state[name] = state[name][order]
        state[f"fc{layer + 1}.weight"] = state[f"fc{layer + 1}.weight"][:, order]
    return b.with_state(state)


def own_tensors(state: Mapping[str, Any], layer: int) -> list[str]:
    """Names of the tensors whose first axis is the units of a layer."""
    of_norm = [name for name in state if name.startswith(f"norm{layer}.") and state[name].ndim]
    return [name for name in (f"fc{layer}.weight", f"fc{layer}.bias") if name in state] + of_norm


def layer_outputs(network: Network, layer: int, x: Tensor, normed: bool) -> Tensor:
    """(examples, units) what a hidden layer computes before its ReLU."""
    z = F.linear(x, network.state[f"fc{layer}.weight"])
    if not normed:
        return z
    mean, variance, scale, shift = (
        network.state[f"norm{layer}.{name}"] for name in ("running_mean", "running_var", "weight", "bias")
    )
    return F.batch_norm(z, mean, variance, scale, shift, eps=EPSILON)


def correlation(x: Tensor, y: Tensor) -> Tensor:
    """(units, units) of two sets of columns."""
    x, y = x.double(), y.double()
    powers = (x**2).mean(0), (y**2).mean(0)
    return CrossMoment(x.T @ y / len(x), x.mean(0), y.mean(0), *powers, len(x)).correlation
