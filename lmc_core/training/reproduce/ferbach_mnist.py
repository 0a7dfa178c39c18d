"""Test loss half-way between MNIST networks, and their approximate dimensions (Ferbach 2024, figure 2).

MLPs 784-512-512-512-10, 50 epochs of SGD with momentum 0.9 in batches of 500 with warm-up and cosine decay, at six
learning rates from 1e-4 to 1e-1, four independent pairs each. Statistics are of all training examples.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from lmc_core.data.registry import dataset
from lmc_core.options import Option
from lmc_core.report import Report, silent
from lmc_core.training.recipes import RECIPES
from lmc_core.training.reproduce._experiment import ENDS, Chart, Experiment, Run, spread
from lmc_core.training.reproduce._pairs import alone, dimensions, halfway
from lmc_core.training.reproduce._trained import KEEP
from lmc_core.training.reproduce._work import Made, Work, sets

PUBLISHED_RECIPE = "mnist-mlp-512"
RATES = (1e-4, 3.981e-4, 1.585e-3, 6.31e-3, 2.5e-2, 1e-1)
"""Of the paper, evenly spaced in the logarithm; the fifth is that of the shipped networks."""

PARAMETERS = (
    Option("recipe", str, PUBLISHED_RECIPE, "The recipe of the networks.", choices=tuple(RECIPES)),
    Option("rates", float, RATES, "Learning rates.", low=1e-6, high=10, many=True),
    Option("pairs", int, 4, "Independent pairs of networks for every learning rate.", low=1, high=20),
    Option("epochs", int, 50, "Epochs of training.", low=1, high=1000),
    Option("examples", int, 0, "Training examples that statistics are taken of; 0 = all.", low=0),
    KEEP,
)
QUICK = {"rates": (2.5e-2,), "pairs": 1, "epochs": 5, "examples": 10_000}

NAIVE, COVARIANCE, ACTIVATIONS = (
    "layer-wise weight matching",
    "covariance-weighted weight matching",
    "activation matching",
)
WAYS: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    "no alignment": ("identity", {}),
    NAIVE: ("layerwise-weight-matching", {}),
    COVARIANCE: ("covariance-weight-matching", {"bias": False}),
    "covariance-weighted, with biases": ("covariance-weight-matching", {"bias": True}),
    ACTIVATIONS: ("activation-matching", {}),
    "Git Re-Basin weight matching": ("weight-matching", {}),
}
"""Title → method and its settings."""

PUBLISHED: Mapping[str, tuple[float, ...]] = {
    ENDS: (1.024, 0.331, 0.190, 0.083, 0.067, 0.076),
    NAIVE: (2.05, 1.41, 1.27, 0.89, 0.387, 0.0845),
    COVARIANCE: (1.35, 0.55, 0.405, 0.254, 0.141, 0.097),
    ACTIVATIONS: (1.22, 0.48, 0.32, 0.178, 0.127, 0.100),
}
"""Losses at the six rates: of the networks from the paper's log, the others read off the figure's left panel."""

JUDGES: Mapping[str, str] = {NAIVE: "weights", COVARIANCE: "seen", ACTIVATIONS: "activations"}
"""The matrix whose dimension the paper holds against each method."""

FIRST: Mapping[str, tuple[float, ...]] = {
    NAIVE: (308, 306, 303, 296, 279, 218),
    COVARIANCE: (2.9, 2.1, 2.4, 3.7, 8.0, 6.8),
    ACTIVATIONS: (2.05, 1.7, 1.8, 2.2, 3.5, 8.8),
}
"""Dimensions of layer 1 at the six rates, read off the figure's right panel."""

HALFWAY = "test loss at t = ½"


def reproduce(
    *,
    recipe: str = PUBLISHED_RECIPE,
    rates: Sequence[float] = RATES,
    pairs: int = 4,
    epochs: int = 50,
    examples: int = 0,
    keep: str = "",
    seed: int = 0,
    device: str = "cpu",
    report: Report = silent,
) -> Experiment:
    """Mean test loss at t = ½ over independent pairs, and mean dimension of every layer, for each learning rate."""
    known = recipe == PUBLISHED_RECIPE and epochs == 50

    def published(values: Mapping[str, tuple[float, ...]], title: str, rate: float) -> float | None:
        return values[title][RATES.index(rate)] if known and title in values and rate in RATES else None

    data = dataset(RECIPES[recipe].data)
    seeds = range(2 * pairs * seed, 2 * pairs * (seed + 1))
    made: dict[float, list[Made]] = {
        rate: [(replace(RECIPES[recipe], rate=rate, epochs=epochs), number) for number in seeds] for rate in rates
    }
    plan = [each for nets in made.values() for each in nets]
    work = Work(plan, data, keep=keep, device=device, report=report)
    rows: list[tuple[Any, ...]] = []
    runs: list[Run] = []
    losses: dict[str, dict[str, list[float]]] = {}
    spans: dict[str, dict[str, list[dict[str, float]]]] = {}
    for rate, nets in made.items():
        ends = [work.number({"scores": "test"}, [net], alone(data))["loss"] for net in nets]
        each = losses[f"{rate:g}"] = {ENDS: ends}
        for title, (method, settings) in WAYS.items():
            what = {"halfway": method, "settings": settings, "examples": examples}
            middle = halfway(method, settings, data, examples=examples, report=report)
            each[title] = [work.number(what, nets[i : i + 2], middle)["plain"]["loss"] for i in range(0, len(nets), 2)]
        for title, values in each.items():
            mean, deviation, count = spread(values)
            rows.append((HALFWAY, rate, title, mean, deviation, published(PUBLISHED, title, rate), count))
            at = {"quantity": HALFWAY, "rate": rate, "method": title}
            if title == ENDS:
                runs += work.runs(sets(nets, 1), at, {"value": values})
            else:
                method, settings = WAYS[title]
                opens = {"kind": "path", "method": method, "settings": settings}
                runs += work.runs(sets(nets, 2), at, {"value": values}, opens)
    for rate, nets in made.items():
        what = {"dimensions": examples}
        own = [work.number(what, [net], dimensions(data, examples=examples, report=report)) for net in nets[::2]]
        spans[f"{rate:g}"] = {group: [found[group] for found in own] for group in own[0]}
    for layer, group in enumerate(next(iter(spans.values())), 1):
        for rate in rates:
            for title, matrix in JUDGES.items():
                values = [found[matrix] for found in spans[f"{rate:g}"][group]]
                mean, deviation, count = spread(values)
                known_value = published(FIRST, title, rate) if layer == 1 else None
                rows.append((f"dimension of layer {layer}", rate, title, mean, deviation, known_value, count))
                at = {"quantity": f"dimension of layer {layer}", "rate": rate, "method": title}
                runs += work.runs(sets(made[rate][::2], 1), at, {"value": values})
    return Experiment(
        f"Test loss half-way between networks, and their dimensions: {RECIPES[recipe].title}",
        ("quantity", "rate", "method", "value", "± over pairs", "published", "count"),
        tuple(rows),
        (
            f"{pairs} independent pairs of networks for every learning rate, seeds from {seeds[0]}; the first column "
            "is of the networks themselves, dimensions are of the first network of each pair.",
            "Dimension: of WᵀW for layer-wise matching, of W Σ Wᵀ for covariance-weighted, of the uncentred second "
            "moment of activations for activation matching; the file also has them with the means taken out.",
            *(("In brackets: published, read off figure 2; the networks' own losses are exact.",) * known),
        ),
        {
            "losses": losses,
            "dimensions": spans,
            "settings": {
                "recipe": recipe,
                "rates": list(rates),
                "pairs": pairs,
                "epochs": epochs,
                "examples": examples or "all",
            },
            "seed": seed,
        },
        Chart(
            "rate",
            "value",
            "method",
            "± over pairs",
            "quantity",
            also="published" if known else None,
            lower=True,
            powers=True,
            apart=True,
        ),
        tuple(runs),
    )
