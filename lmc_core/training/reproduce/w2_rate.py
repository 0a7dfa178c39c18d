"""The dimension of a law of units from how W₂² falls: planted laws, then trained layers (Ferbach 2024, §5).

E W₂² between two sets of m independent units of a law of dimension d > 4 falls as m^(−2/d). The rate is read off twice:
between pairs of networks of several widths, and between disjoint subsets of the units of one network.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lmc_core.alignment.moments import input_moments
from lmc_core.data.dataset import Dataset
from lmc_core.data.registry import DATASETS, dataset
from lmc_core.diagnostics.cost import transport_cost
from lmc_core.diagnostics.intrinsic import neighbour_dimension, subset_scaling
from lmc_core.diagnostics.labels import labels
from lmc_core.diagnostics.units import functions_of
from lmc_core.diagnostics.width import Scaling, scaling
from lmc_core.errors import SettingError
from lmc_core.networks.families import architecture
from lmc_core.networks.network import Network
from lmc_core.options import Option
from lmc_core.report import Report, silent
from lmc_core.symmetry.infer import symmetry
from lmc_core.training.recipes import RECIPES
from lmc_core.training.reproduce._experiment import Chart, Experiment, Run, spread
from lmc_core.training.reproduce._mlp import DATA
from lmc_core.training.reproduce._pairs import aligned
from lmc_core.training.reproduce._trained import KEEP
from lmc_core.training.reproduce._work import Work
from lmc_core.training.train import Recipe

DIMENSIONS, WIDTHS = (2, 4, 6, 8, 12, 16), (32, 64, 128, 256, 512)
PARAMETERS = (
    Option("dimensions", int, DIMENSIONS, "Dimensions of the planted laws.", low=1, high=256, many=True),
    Option("draws", int, 8, "Pairs of networks drawn from every planted law.", low=2, high=100),
    DATA,
    Option("widths", int, WIDTHS, "Units of a layer; the widest is looked at by itself.", low=16, many=True),
    Option("pairs", int, 2, "Independent pairs of trained networks for every width.", low=1, high=20),
    Option("epochs", int, 50, "Epochs of training.", low=1, high=1000),
    Option("examples", int, 10_000, "Training examples that units are seen by; 0 = all.", low=0),
    KEEP,
)
QUICK = {"dimensions": (2, 6), "draws": 2, "widths": (32, 64, 128), "pairs": 1, "epochs": 3, "examples": 2000}

Array = NDArray[np.float64]
Law = Callable[[np.random.Generator, int, int], Array]

SWEEP, SUBSETS, NEIGHBOURS = "pairs of several widths", "subsets of one network", "two nearest neighbours"
PLANTED, TRAINED = "planted", "trained"


def gaussian(rng: np.random.Generator, units: int, dimension: int) -> Array:
    """(units, d) standard normal."""
    return rng.normal(size=(units, dimension))


def sphere(rng: np.random.Generator, units: int, dimension: int) -> Array:
    """(units, d + 1) uniform on a sphere, whose dimension is one less than that of the space."""
    rows = rng.normal(size=(units, dimension + 1))
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True))


LAWS: Mapping[str, Law] = {"Gaussian": gaussian, "sphere": sphere}


def recipe(data: str, width: int, epochs: int) -> Recipe:
    """The networks of Ferbach 2024, of another width."""
    shape = DATASETS[data].shape
    return replace(
        RECIPES["mnist-mlp-512"],
        title=f"{data} MLP, 3 × {width}",
        architecture=architecture("mlp", widths=(prod(shape), *[width] * 3, 10), input_shape=shape),
        data=data,
        epochs=epochs,
    )


def reproduce(
    *,
    dimensions: Sequence[int] = DIMENSIONS,
    draws: int = 8,
    data: str = "mnist",
    widths: Sequence[int] = WIDTHS,
    pairs: int = 2,
    epochs: int = 50,
    examples: int = 10_000,
    keep: str = "",
    seed: int = 0,
    device: str = "cpu",
    report: Report = silent,
) -> Experiment:
    """The dimension of every planted law, and of every layer of trained networks, found in three ways."""
    widths = sorted(set(widths))
    if len(widths) < 2 or widths[-1] < 32:
        raise SettingError(
            f"a rate needs two widths, and subsets of 8 and 16 units twice; {widths} lacks them: give another width, "
            "of 32 or more"
        )
    found = {
        **planted(dimensions, draws, widths, seed, report),
        **trained(data, widths, pairs, epochs, examples, keep=keep, seed=seed, device=device, report=report),
    }
    rows = [
        (kind, name, way, *summed(each), -2 / dimension if dimension else None, dimension, len(each))
        for (kind, name, dimension), ways in found.items()
        for way, each in ways.items()
    ]
    return Experiment(
        "The dimension of a law of units, by the rate of W₂²",
        ("units", "law", "method", "dimension", "± over networks", "slope", "planted slope", "planted", "count"),
        tuple(rows),
        (
            f"Planted: {draws} pairs of independent draws for each of the widths {', '.join(map(str, widths))}; "
            "subsets and neighbours are of networks of the widest.",
            f"Trained: {pairs} independent pairs of MLPs on {data} for every width, {epochs} epochs; a unit is what it "
            "computes from the activations of A, bias included, on "
            f"{examples or 'all'} training examples; W₂² is over the mean squared norm of the units.",
            "The rate −2/d holds for d > 4; below that W₂² falls no faster than the mean of m numbers does.",
        ),
        {
            "dimensions": {f"{kind}: {name}": ways for (kind, name, _), ways in found.items()},
            "settings": {
                "dimensions": list(dimensions),
                "draws": draws,
                "data": data,
                "widths": list(widths),
                "pairs": pairs,
                "epochs": epochs,
                "examples": examples or "all",
            },
            "seed": seed,
        },
        Chart("law", "dimension", "method", "± over networks", panel="units", also="planted", apart=True),
        tuple(_runs(found, data, widths, range(2 * pairs * seed, 2 * pairs * (seed + 1)))),
    )


Found = dict[str, list[dict[str, Any]]]
"""Way → one value per pair or per network."""


def _runs(
    found: Mapping[tuple[str, str, float | None], Found], data: str, widths: Sequence[int], seeds: Sequence[int]
) -> Iterator[Run]:
    """Every draw of a planted law; every pair of trained networks at all widths, and every network of the widest."""
    every, widest = f"{data} MLPs, widths {', '.join(map(str, widths))}", f"{data} MLP, width {widths[-1]}"
    for (kind, name, dimension), ways in found.items():
        for way, each in ways.items():
            for i, one in enumerate(each):
                of = (i,) if dimension else tuple(seeds[2 * i : 2 * i + 2]) if way == SWEEP else (seeds[i],)
                recipe = f"draws of {name}" if dimension else every if way == SWEEP else widest
                told: dict[str, float | None] = {key: one[key] for key in ("slope", "dimension") if key in one}
                yield Run(recipe, of, {"units": kind, "law": name, "method": way}, told)


def summed(each: Sequence[Mapping[str, Any]]) -> tuple[float | None, float | None, float | None]:
    """Dimension, its deviation, and the mean slope s where there are lines: −2/s of the mean, since a single line may
    hardly fall, and to first order 2σ/s² of the deviation σ of the slopes. None where the mean does not fall."""
    slopes = [one["slope"] for one in each if "slope" in one]
    if slopes:
        slope, deviation, _ = spread(slopes)
        if slope >= 0:
            return None, None, slope
        return -2 / slope, None if deviation is None else 2 * deviation / slope**2, slope
    values = [one["dimension"] for one in each if "dimension" in one]
    return (*spread(values)[:2], None) if values else (None, None, None)


def planted(
    dimensions: Sequence[int], draws: int, widths: Sequence[int], seed: int, report: Report
) -> dict[tuple[str, str, float | None], Found]:
    """(kind, law, its dimension) → what is found of networks drawn from it."""
    found: dict[tuple[str, str, float | None], Found] = {}
    total = len(LAWS) * len(dimensions)
    for number, (name, law, dimension) in enumerate((n, f, d) for n, f in LAWS.items() for d in dimensions):
        report("drawing units", number, total)
        rng = np.random.default_rng([seed, number])
        ways: Found = {SWEEP: [], SUBSETS: [], NEIGHBOURS: []}
        for _ in range(draws):
            costs = [transport_cost(law(rng, m, dimension), law(rng, m, dimension)) for m in widths]
            ways[SWEEP].append(_line(scaling(SWEEP, widths, costs)))
            alone(law(rng, widths[-1], dimension), rng, ways)
        found[PLANTED, f"{name}, {dimension}", float(dimension)] = ways
    return found


def alone(rows: Array, rng: np.random.Generator, ways: Found) -> None:
    """Add what the units of one network say by themselves to `ways`."""
    ways[SUBSETS].append(_line(subset_scaling(SUBSETS, rows, rng=rng)))
    dimension = neighbour_dimension(rows)
    ways[NEIGHBOURS].append({} if dimension is None else {"dimension": dimension})


def _line(line: Scaling | None) -> dict[str, Any]:
    return {"slope": line.slope, "units": line.widths.tolist(), "costs": line.costs.tolist()} if line else {}


def trained(
    data: str,
    widths: Sequence[int],
    pairs: int,
    epochs: int,
    examples: int,
    *,
    keep: str,
    seed: int,
    device: str,
    report: Report,
) -> dict[tuple[str, str, float | None], Found]:
    """(kind, layer, None) → what is found of pairs of trained networks."""
    whole = dataset(data)
    seeds = range(2 * pairs * seed, 2 * pairs * (seed + 1))
    recipes = {width: recipe(data, width, epochs) for width in widths}
    work = Work([(one, s) for one in recipes.values() for s in seeds], whole, keep=keep, device=device, report=report)
    apart: list[dict[str, list[float]]] = [{} for _ in range(pairs)]
    for one in recipes.values():
        for number in range(pairs):
            made = [(one, s) for s in seeds[2 * number : 2 * number + 2]]
            costs = work.number({"W2": "functions", "examples": examples}, made, distances(whole, examples, report))
            for label, cost in costs.items():
                apart[number].setdefault(label, []).append(cost)
    found: dict[tuple[str, str, float | None], Found] = {}
    for label in apart[0]:
        sweep = [_line(scaling(label, widths, costs[label])) for costs in apart]
        found[TRAINED, f"{data}, {label}", None] = {SWEEP: sweep, SUBSETS: [], NEIGHBOURS: []}
    for s in seeds:
        what = {"alone": "functions", "examples": examples, "seed": seed}
        own = work.number(what, [(recipes[widths[-1]], s)], by_itself(whole, examples, seed, report))
        for label, ways in own.items():
            for way, each in ways.items():
                found[TRAINED, f"{data}, {label}", None][way] += each
    return found


def distances(data: Dataset, examples: int, report: Report) -> Callable[[Network, Network], dict[str, float]]:
    """Layer → W₂² between the units of A and of B, whose inputs are in A's order, over their mean squared norm."""

    def measured(a: Network, b: Network) -> dict[str, float]:
        found = symmetry(a, verify=False)
        moved = a.with_state(aligned(a, b, "activation-matching", {}, data, examples, report)(1.0))
        moments = input_moments(a, found, data.x_train[: examples or None], report=report)
        costs = {}
        for group, label in labels(found).items():
            first, second = functions_of((a, moved), found, group, moments)
            size = float((first**2).sum() + (second**2).sum()) / (2 * len(first))
            costs[label] = transport_cost(first, second) / size
        return costs

    return measured


def by_itself(data: Dataset, examples: int, seed: int, report: Report) -> Callable[[Network], dict[str, Found]]:
    """Layer → dimensions that the units of one network show by themselves."""

    def measured(network: Network) -> dict[str, Found]:
        found = symmetry(network, verify=False)
        moments = input_moments(network, found, data.x_train[: examples or None], report=report)
        layers: dict[str, Found] = {}
        for group, label in labels(found).items():
            layers[label] = {SUBSETS: [], NEIGHBOURS: []}
            alone(functions_of((network,), found, group, moments)[0], np.random.default_rng(seed), layers[label])
        return layers

    return measured
