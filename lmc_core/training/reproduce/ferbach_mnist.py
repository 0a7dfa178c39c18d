"""Test loss half way between MNIST networks, aligned by the methods of Ferbach 2024, figure 2 (left).

MLPs 784-512-512-512-10, 50 epochs of SGD with momentum 0.9 in batches of 500 with warm-up and cosine decay, at the
fifth of the paper's six learning rates, 2.5e-2: the shipped networks. The paper takes 4 independent pairs; here all
pairs of the networks are taken, which share members.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations
from typing import Any

from lmc_core.data.registry import dataset
from lmc_core.methods import METHODS
from lmc_core.methods.align import align
from lmc_core.options import Option
from lmc_core.report import Report, silent
from lmc_core.symmetry.infer import symmetry
from lmc_core.training.finetune import measure
from lmc_core.training.recipes import RECIPES
from lmc_core.training.reproduce._experiment import Chart, Experiment, spread
from lmc_core.training.reproduce._trained import KEEP, by_recipe

PUBLISHED_RECIPE = "mnist-mlp-512"
PARAMETERS = (
    Option("recipe", str, PUBLISHED_RECIPE, "The recipe of the networks.", choices=tuple(RECIPES)),
    Option("networks", int, 4, "Networks, by their seeds from 0; all their pairs are aligned.", low=2, high=20),
    Option("examples", int, 0, "Training examples that activations are taken of; 0 = all.", low=0),
    KEEP,
)

ENDS = "the networks themselves"
WAYS: Mapping[str, tuple[str, Mapping[str, Any], float | None]] = {
    "no alignment": ("identity", {}, None),
    "layer-wise weight matching": ("layerwise-weight-matching", {}, 0.387),
    "covariance-weighted weight matching": ("covariance-weight-matching", {"bias": False}, 0.141),
    "covariance-weighted, with biases": ("covariance-weight-matching", {"bias": True}, None),
    "activation matching": ("activation-matching", {}, 0.127),
    "Git Re-Basin weight matching": ("weight-matching", {}, None),
}
"""Title → method, its settings, and the published loss (read off the figure)."""

PUBLISHED_ENDS = 0.067


def reproduce(
    *,
    recipe: str = PUBLISHED_RECIPE,
    networks: int = 4,
    examples: int = 0,
    keep: str = "",
    seed: int = 0,
    device: str = "cpu",
    report: Report = silent,
) -> Experiment:
    """Mean test loss at t = ½ over all pairs, with its standard deviation, beside the published one."""
    data = dataset(RECIPES[recipe].data)
    nets = by_recipe(recipe, networks, seed, data=data, keep=keep, device=device, report=report)
    found = symmetry(nets[0], verify=False)
    ends = [measure(net, data, ("test",))["test"]["loss"] for net in nets]
    pairs = list(combinations(range(networks), 2))
    each: dict[str, list[float]] = {ENDS: ends}
    known = recipe == PUBLISHED_RECIPE
    rows: list[tuple[Any, ...]] = []
    for done, (title, (method, settings, published)) in enumerate(WAYS.items()):
        each[title] = []
        for number, (i, j) in enumerate(pairs):
            report(f"aligning by {title}", done * len(pairs) + number, len(WAYS) * len(pairs))
            given: dict[str, Any] = {**settings, **({"examples": examples} if METHODS[method].needs_data else {})}
            moved = align(nets[i], nets[j], method, data, symmetry=found, seed=seed, **given).transport(nets[j])
            middle = {name: (x + moved.state[name]) / 2 for name, x in nets[i].state.items()}
            each[title].append(measure(nets[i].with_state(middle), data, ("test",))["test"]["loss"])
        above = [loss - (ends[i] + ends[j]) / 2 for loss, (i, j) in zip(each[title], pairs, strict=True)]
        mean, deviation, count = spread(each[title])
        rows.append((title, mean, deviation, spread(above)[0], published if known else None, count))
    mean, deviation, count = spread(ends)
    rows.insert(0, (ENDS, mean, deviation, None, PUBLISHED_ENDS if known else None, count))
    return Experiment(
        f"Test loss half way between networks: {RECIPES[recipe].title}",
        ("method", "loss at t = ½", "± over pairs", "above the ends", "published", "count"),
        tuple(rows),
        (
            f"{networks} networks, seeds from {seed}, and all their pairs; the first row is of the networks.",
            *(("Published values are means of 4 independent pairs, read off figure 2 (left) of the paper.",) * known),
        ),
        {
            "losses": each,
            "settings": {"recipe": recipe, "networks": networks, "examples": examples or "all"},
            "seed": seed,
        },
        Chart("method", "loss at t = ½", error="± over pairs", also="published" if known else None, lower=True),
    )
