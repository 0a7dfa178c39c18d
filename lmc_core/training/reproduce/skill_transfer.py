"""Skill transfer: a network that knows all digits a little and digit 4 well, fused with one that never saw a 4
(Singh 2020; Akash 2022).

A trains on every 4 and a tenth of the other digits (SGD at rate 0.01, momentum 0.5, 10 epochs), B on the rest, without
a single 4 (momentum 0.9, 20 epochs), from the same start as in Akash 2022, and again from different ones; λ is the
weight of A. The accuracies of the papers are not known here; what is checked is whether some λ beats both parents, and
the order of the methods.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from lmc_core.data.dataset import Dataset
from lmc_core.data.registry import dataset
from lmc_core.fusion.fuse import fusion
from lmc_core.networks.network import Network
from lmc_core.options import Option
from lmc_core.report import Report, silent
from lmc_core.training.reproduce._experiment import Chart, Experiment, Run, spread
from lmc_core.training.reproduce._mlp import DATA, WIDTH, mlp
from lmc_core.training.reproduce._pairs import alone
from lmc_core.training.reproduce._trained import KEEP
from lmc_core.training.reproduce._work import Work
from lmc_core.training.train import Recipe

PARAMETERS = (
    DATA,
    Option("pairs", int, 5, "Pairs of networks, each on a split of its own.", low=1),
    Option("start", str, "both", "Do A and B start alike?", choices=("both", "same", "different")),
    Option("epochs", int, 20, "Epochs of training for B; half as many for A.", low=1, high=1000),
    Option("steps", int, 10, "Steps of λ from 0 to 1.", low=1, high=100),
    Option("skill", int, 4, "The class that only A knows.", low=0, high=9),
    WIDTH,
    KEEP,
)
QUICK = {"pairs": 2, "epochs": 2, "steps": 2, "width": 0.25}

WAYS: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    "Wasserstein barycentre": ("wasserstein-barycenter", {}),
    "Wasserstein barycentre, ε 0.005": (
        "wasserstein-barycenter",
        {"solver": "sinkhorn", "epsilon": 0.005, "iterations": 5},
    ),
    "OT fusion": ("ot-fusion", {}),
    "vanilla average": ("vanilla-average", {}),
}
"""What is compared; the template starts as A."""

OTHER = 500  # added to the seed of an A that starts apart from B
SCORED = ("accuracy", "on the skill", "on the rest")
COLUMNS = ("start", "method", "λ of A", "accuracy", "± over pairs", "on the skill", "on the rest", "pairs")


@dataclass(frozen=True, eq=False)
class Heterogeneous:
    """Training examples in two parts: those of A, with the skill, and those of B, without it."""

    a: Dataset
    b: Dataset


def split(data: Dataset, skill: int, seed: int) -> Heterogeneous:
    """All examples of class `skill` and about a tenth of the others for A, the others for B; the test set is whole."""
    drawn = np.random.default_rng([seed, 4]).random(len(data.y_train)) >= 0.9
    mine = (data.y_train == skill) | drawn
    parts = (
        replace(data, name=f"{data.name}-{name}", x_train=data.x_train[chosen], y_train=data.y_train[chosen])
        for name, chosen in (("with-skill", mine), ("without", ~mine))
    )
    return Heterogeneous(*parts)


def recipes(data: str, epochs: int, width: float) -> tuple[Recipe, Recipe]:
    """Of A and of B."""
    b = replace(mlp(data, epochs, width), rate=0.01, momentum=0.9)
    return replace(b, momentum=0.5, epochs=max(1, epochs // 2)), b


def reproduce(
    *,
    data: str = "mnist",
    pairs: int = 5,
    start: str = "both",
    epochs: int = 20,
    steps: int = 10,
    skill: int = 4,
    width: float = 1.0,
    keep: str = "",
    seed: int = 0,
    device: str = "cpu",
    report: Report = silent,
) -> Experiment:
    """Test accuracy of the fused network against λ for every method, mean over the pairs."""
    examples = dataset(data)
    splits = [split(examples, skill, seed + k) for k in range(pairs)]
    a, b = recipes(data, epochs, width)
    shares = [step / steps for step in range(steps + 1)]
    rows: list[tuple[Any, ...]] = []
    runs: list[Run] = []
    each: dict[str, dict[str, list[list[float]]]] = {}
    notes = [f"{pairs} pairs; λ = 1 is A, λ = 0 is B; no training after the fusion."]
    for beginning in ("same", "different") if start == "both" else (start,):
        apart = 0 if beginning == "same" else OTHER
        plan = [(recipe, seed + k + moved) for k in range(pairs) for recipe, moved in ((a, apart), (b, 0))]
        parts = [part for both in splits for part in (both.a, both.b)]
        work = Work(plan, parts, keep=keep, device=device, report=report)
        couples = list(zip(plan[::2], plan[1::2], strict=True))
        each[beginning] = {name: [] for name in (*"AB", *WAYS)}
        for number, name in enumerate("AB"):
            alike = [[couple[number]] for couple in couples]
            scores = [work.number({"parts": skill}, made, _alone(examples, skill)) for made in alike]
            each[beginning][name].append([whole for whole, _, _ in scores])
            runs += work.runs(alike, {"start": beginning, "method": name}, _scored(*zip(*scores, strict=True)))
        for title, (method, settings) in WAYS.items():
            for share in shares:
                what = {"parts": skill, "fused": method, "settings": settings, "λ": share, "seed": seed}
                measured = _fused(method, settings, share, examples, skill, seed, report)
                found = [work.number(what, couple, measured) for couple in couples]
                whole, known, rest = ([f[i] for f in found] for i in range(3))
                mean, deviation, count = spread(whole)
                on = float(np.mean(known)), float(np.mean(rest))
                rows.append((beginning, title, share, mean, deviation, *on, count))
                each[beginning][title].append(whole)
                at = {"start": beginning, "method": title, "λ of A": share}
                runs += work.runs(couples, at, _scored(whole, known, rest))
        notes += _notes(beginning, each[beginning], shares, skill)
    return Experiment(
        f"Skill transfer: class {skill} of {data} known to one network of two",
        COLUMNS,
        tuple(rows),
        tuple(notes),
        {
            "accuracies": each,
            "shares": shares,
            "settings": {"data": data, "pairs": pairs, "epochs": epochs, "skill": skill, "width": width},
            "seed": seed,
        },
        Chart("λ of A", "accuracy", "method", "± over pairs", panel="start"),
        tuple(runs),
    )


def _scored(*found: Sequence[float]) -> dict[str, Sequence[float]]:
    """By their columns."""
    return dict(zip(SCORED, found, strict=True))


def _alone(data: Dataset, skill: int) -> Callable[[Network], tuple[float, float, float]]:
    """Test accuracy on all examples, on those of the skill, and on the others."""
    mine = data.y_test == skill
    parts = [replace(data, x_test=data.x_test[chosen], y_test=data.y_test[chosen]) for chosen in (mine, ~mine)]
    share = float(mine.mean())

    def measured(network: Network) -> tuple[float, float, float]:
        known, rest = (alone(part)(network)["accuracy"] for part in parts)
        return share * known + (1 - share) * rest, known, rest

    return measured


def _fused(
    method: str, settings: Mapping[str, Any], share: float, data: Dataset, skill: int, seed: int, report: Report
) -> Callable[[Network, Network], tuple[float, float, float]]:
    """The same of A and B fused, A by so large a share."""
    scored = _alone(data, skill)

    def measured(a: Network, b: Network) -> tuple[float, float, float]:
        weights = (share, 1 - share)
        return scored(fusion((a, b), method, weights=weights, seed=seed, report=report, **settings).network)

    return measured


def _notes(beginning: str, each: Mapping[str, list[list[float]]], shares: list[float], skill: int) -> Iterator[str]:
    a, b = (spread(each[name][0]) for name in "AB")
    yield (
        f"From {beginning} start{'s' * (beginning == 'different')}: A, which knows class {skill}, has {_percent(a)}, "
        f"B, which never saw it, {_percent(b)}."
    )
    better = np.maximum(each["A"][0], each["B"][0])
    titles = list(WAYS)
    if all(each[title] == each["vanilla average"] for title in titles):
        yield "All methods give the average here: every unit is nearest to its namesake."
        titles = ["vanilla average"]
    for title in titles:
        means = [float(np.mean(x)) for x in each[title]]
        best = int(np.argmax(means))
        gains = 100 * (np.array(each[title][best]) - better)
        yield (
            f"{title}: best at λ = {shares[best]:g} with {_percent(spread(each[title][best]))}, {gains.mean():+.2f} "
            f"points against the better parent (ahead in {int((gains > 0).sum())} of {len(gains)} pairs); at λ = ½ "
            f"{float(np.interp(0.5, shares, means)):.2%}."
        )


def _percent(found: tuple[float, float | None, int]) -> str:
    mean, deviation, _ = found
    return f"{mean:.2%}" if deviation is None else f"{mean:.2%} ± {100 * deviation:.2f}"
