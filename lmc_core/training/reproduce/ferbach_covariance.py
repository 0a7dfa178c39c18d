"""What the loss of covariance-weighted matching depends on (Ferbach 2024, §6): whose Σ, bias, centring, examples.

What the assignment of a layer minimises, layer after layer, is the mean squared difference of W^A φ and P W^B Pᵀ φ for
the inputs φ of A. It is solved here for φ of A, of B, of both, with the mean
taken out, with biases, from few examples; and for
the two networks' own pre-activations and activations.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import combinations

import numpy as np
import torch
from numpy.typing import NDArray

from lmc_core.alignment.solve import assignment
from lmc_core.data.dataset import Dataset
from lmc_core.data.registry import dataset
from lmc_core.networks.network import Network
from lmc_core.options import Option
from lmc_core.report import Report, silent
from lmc_core.training.recipes import RECIPES
from lmc_core.training.reproduce._experiment import ENDS, Chart, Experiment, spread
from lmc_core.training.reproduce._pairs import alone
from lmc_core.training.reproduce._trained import KEEP
from lmc_core.training.reproduce._work import Work, sets

MLPS = tuple(name for name, recipe in RECIPES.items() if recipe.architecture.family == "mlp")
PARAMETERS = (
    Option("recipe", str, "mnist-mlp-512", "The recipe of the networks.", choices=MLPS),
    Option("networks", int, 4, "Networks, by their seeds from 0; all their pairs are aligned.", low=2, high=20),
    KEEP,
)
QUICK = {"recipe": "digits-mlp-128", "networks": 2}

Array = NDArray[np.float64]
Costs = Callable[["Layer"], Array]


class Layer:
    """What two networks compute at one layer, B's inputs in A's order: weights, biases, inputs (examples, units)."""

    def __init__(self, weights: tuple[Array, Array], biases: tuple[Array, Array], inputs: tuple[Array, Array]) -> None:
        self.weights, self.biases, self.inputs = weights, biases, inputs

    def cost(self, second: Array) -> Array:
        """(units, units) W^A S W^Bᵀ."""
        return self.weights[0] @ second @ self.weights[1].T

    def outputs(self, which: int) -> Array:
        """Pre-activations of one network, (examples, units)."""
        return self.inputs[which] @ self.weights[which].T + self.biases[which]


def moment(x: Array, y: Array) -> Array:
    """E[x yᵀ]."""
    return np.asarray(x.T @ y / len(x))


def centred(x: Array) -> Array:
    """Without its mean."""
    return np.asarray(x - x.mean(0))


def biased(layer: Layer, which: int) -> Array:
    """Gains with the bias as the weight of a constant input."""
    a, b = (layer.inputs[which] @ layer.weights[k].T + layer.biases[k] for k in (0, 1))
    return moment(a, b)


WAYS: Mapping[str, Costs] = {
    "Σ of A": lambda layer: layer.cost(moment(layer.inputs[0], layer.inputs[0])),
    "Σ of B": lambda layer: layer.cost(moment(layer.inputs[1], layer.inputs[1])),
    "Σ of both, averaged": lambda layer: layer.cost(
        (moment(*layer.inputs[:1] * 2) + moment(*layer.inputs[1:] * 2)) / 2
    ),
    "E[φ^A φ^Bᵀ] instead of Σ": lambda layer: layer.cost(moment(*layer.inputs)),
    "Σ of A from 10 000 examples": lambda layer: layer.cost(moment(*[layer.inputs[0][:10_000]] * 2)),
    "Σ of A from 1000 examples": lambda layer: layer.cost(moment(*[layer.inputs[0][:1000]] * 2)),
    "Σ of A, mean taken out": lambda layer: layer.cost(moment(*[centred(layer.inputs[0])] * 2)),
    "Σ of A, with biases": lambda layer: biased(layer, 0),
    "Σ of B, with biases": lambda layer: biased(layer, 1),
    "pre-activations, uncentred": lambda layer: moment(layer.outputs(0), layer.outputs(1)),
    "pre-activations, centred": lambda layer: moment(centred(layer.outputs(0)), centred(layer.outputs(1))),
    "activations, uncentred": lambda layer: moment(*(layer.outputs(k).clip(min=0) for k in (0, 1))),
    "activations, centred": lambda layer: moment(*(centred(layer.outputs(k).clip(min=0)) for k in (0, 1))),
}
"""Title → gains of pairs of units."""

MAIN = "Σ of A"
PUBLISHED = {MAIN: 0.141, "activations, centred": 0.127}


def reproduce(
    *,
    recipe: str = "mnist-mlp-512",
    networks: int = 4,
    keep: str = "",
    seed: int = 0,
    device: str = "cpu",
    report: Report = silent,
) -> Experiment:
    """Mean test loss at t = ½ over all pairs, for every reading of the method."""
    data = dataset(RECIPES[recipe].data)
    nets = [(RECIPES[recipe], number) for number in range(seed, seed + networks)]
    work = Work(nets, data, keep=keep, device=device, report=report)
    ends = [work.number({"scores": "test"}, [net], alone(data))["loss"] for net in nets]
    pairs = list(combinations(nets, 2))
    each: dict[str, list[float]] = {}
    for done, (title, costs) in enumerate(WAYS.items()):
        report(f"aligning by {title}", done, len(WAYS))
        each[title] = [work.number({"reading": title}, pair, middle(data, costs)) for pair in pairs]
    rows = []
    runs = work.runs(sets(nets, 1), {"method": ENDS}, {"test loss": ends})
    for title, losses in each.items():
        mean, deviation, count = spread(losses)
        gain = np.array(losses) - np.array(each[MAIN])
        error = float(gain.std(ddof=1) / len(gain) ** 0.5) if len(gain) > 1 else None
        known = PUBLISHED.get(title) if recipe == "mnist-mlp-512" else None
        rows.append((title, mean, deviation, float(gain.mean()), error, known, count))
        runs += work.runs(pairs, {"method": title}, {"loss at t = ½": losses, "over Σ of A": gain.tolist()})
    return Experiment(
        f"What covariance-weighted matching depends on: {RECIPES[recipe].title}",
        ("method", "loss at t = ½", "± over pairs", "over Σ of A", "± of its mean", "published", "count"),
        tuple(rows),
        (
            f"{networks} networks, test losses {', '.join(f'{loss:.4f}' for loss in ends)}, and all their pairs; one "
            "pass from input to output.",
        ),
        {"losses": each, "ends": ends, "settings": {"recipe": recipe, "networks": networks}, "seed": seed},
        Chart("method", "loss at t = ½", error="± over pairs", also="published", lower=True),
        tuple(runs),
    )


def middle(data: Dataset, costs: Costs) -> Callable[[Network, Network], float]:
    """The test loss half-way, B in A's order."""

    def measured(a: Network, b: Network) -> float:
        a, b = a.to("cpu"), b.to("cpu")
        state = matched(a, b, data, costs)
        half = {name: (x + state[name]) / 2 for name, x in a.state.items()}
        return alone(data)(a.with_state(half))["loss"]

    return measured


def matched(a: Network, b: Network, data: Dataset, costs: Costs) -> dict[str, torch.Tensor]:
    """The state of B in A's order, layer after layer."""
    x = a.prepare(torch.from_numpy(data.x_train)).flatten(1).numpy()
    inputs = x, x
    state = {name: tensor.clone() for name, tensor in b.state.items()}
    layers = sum(name.endswith("weight") for name in state)
    for number in range(1, layers):
        names = f"fc{number}.weight", f"fc{number}.bias"
        weights, biases = ((a.state[name].numpy(), state[name].numpy()) for name in names)
        layer = Layer(weights, biases, inputs)
        order = assignment(np.asarray(costs(layer), np.float64))
        for name in names:
            state[name] = state[name][order]
        following = f"fc{number + 1}.weight"
        state[following] = state[following][:, order]
        inputs = layer.outputs(0).clip(min=0), layer.outputs(1).clip(min=0)[:, order]
    return state
