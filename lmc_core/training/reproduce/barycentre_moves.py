"""When the Wasserstein barycentre by exact plans is more than OT fusion: how many units change their place after round
one, by how many networks are fused, into which widths, and from which first template (Akash 2022).

After one round a unit of the template is the mean of the units coupled to it, so that each of them makes up 1/N of it.
In d directions the inner product with another mean is by chance up to √(2 log n / d) times as large as with itself: a
unit may change its place once N exceeds about √(d / 2 log n), never for N = 2 in equal widths.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lmc_core.alignment.coupling import Coupling
from lmc_core.data.dataset import Dataset
from lmc_core.data.registry import dataset
from lmc_core.fusion.fuse import FusionResult, fusion
from lmc_core.networks.network import Network
from lmc_core.options import Option
from lmc_core.report import Report, silent
from lmc_core.training.reproduce._experiment import Chart, Experiment, Run, spread
from lmc_core.training.reproduce._mlp import DATA, hidden, mlp, seeds
from lmc_core.training.reproduce._pairs import alone
from lmc_core.training.reproduce._trained import KEEP
from lmc_core.training.reproduce._work import Work

COUNTS = (2, 3, 4, 6, 8, 12, 16)
PARAMETERS = (
    DATA,
    Option("counts", int, COUNTS, "How many networks are fused.", low=2, high=100, many=True),
    Option("epochs", int, 20, "Epochs of training.", low=1, high=1000),
    Option("width", float, 0.25, "Factor on the hidden widths 400, 200, 100.", low=0.05, high=10),
    Option("train_examples", int, 60_000, "Training examples.", low=500, high=60_000),
    Option("draws", int, 3, "Sets of networks for every number of them.", low=1, high=100),
    KEEP,
)
QUICK = {"data": "digits", "counts": (2, 4), "epochs": 5, "draws": 1}

BARYCENTRE = "wasserstein-barycenter"
CASES = {
    "equal widths": (1.0, "identity"),
    "equal widths, distilled start": (1.0, "distill"),
    "half the widths": (0.5, "distill"),
    "twice the widths": (2.0, "distill"),
}
"""Title → factor on the widths, and the first template."""

ROUNDS = 100  # at most, until nothing moves


def reproduce(
    *,
    data: str = "mnist",
    counts: Sequence[int] = COUNTS,
    epochs: int = 20,
    width: float = 0.25,
    train_examples: int = 60_000,
    draws: int = 3,
    keep: str = "",
    seed: int = 0,
    device: str = "cpu",
    report: Report = silent,
) -> Experiment:
    """Share of the coupled mass that later rounds move, and what they change of the accuracy."""
    examples = dataset(data)
    nets = [(mlp(data, epochs, width, train_examples), number) for number in seeds(max(counts), seed)]
    work = Work(nets, examples, keep=keep, device=device, report=report)
    rows: list[tuple[Any, ...]] = []
    runs: list[Run] = []
    each: dict[str, dict[str, dict[str, list[float]]]] = {}
    for count in counts:
        rng = np.random.default_rng([seed, count])
        drawn = [[nets[int(i)] for i in rng.choice(len(nets), count, replace=False)] for _ in range(draws)]
        for title, (factor, start) in CASES.items():
            wanted = {f"fc{k}": n for k, n in enumerate(hidden(factor * width), 1)}
            what = {"rounds": [1, ROUNDS], "start": start, "widths": wanted, "seed": seed}
            measured = rounds(examples, wanted, start, seed, report)
            every = [work.number(what, chosen, measured) for chosen in drawn]
            found = {key: [one[key] for one in every] for key in ("moved", "one", "all")}
            share, deviation, number = spread(found["moved"])
            rows.append((float(count), title, share, deviation, *(spread(found[k])[0] for k in ("one", "all")), number))
            each.setdefault(title, {})[str(count)] = found
            named = {
                "moved": found["moved"],
                "accuracy after one round": found["one"],
                "accuracy in the end": found["all"],
            }
            runs += work.runs(drawn, {"networks": float(count), "method": title}, named)
    return Experiment(
        f"When the barycentre is more than OT fusion: {data} MLPs, hidden widths {'-'.join(map(str, hidden(width)))}",
        ("networks", "method", "moved", "± over sets", "accuracy after one round", "accuracy in the end", "sets"),
        tuple(rows),
        (
            "Moved: half of Σ |π − π′| over all groups and models, as a share of their mass; π after the first round "
            "of couplings and means, π′ when nothing moves any more. After one round, from a copy of the first "
            "network, the barycentre is OT fusion.",
        ),
        {
            "curves": each,
            "settings": {
                "data": data,
                "counts": list(counts),
                "epochs": epochs,
                "width": width,
                "train_examples": train_examples,
                "draws": draws,
            },
            "seed": seed,
        },
        Chart("networks", "moved", "method", "± over sets"),
        tuple(runs),
    )


def rounds(
    data: Dataset, widths: Mapping[str, int], start: str, seed: int, report: Report
) -> Callable[..., dict[str, float]]:
    """The share of the mass that moves after round one ("moved"), and accuracies after that ("one") and in the end
    ("all")."""

    def measured(*networks: Network) -> dict[str, float]:
        once, often = (
            fusion(networks, BARYCENTRE, widths=widths, seed=seed, start=start, iterations=n, report=report)
            for n in (1, ROUNDS)
        )
        one, end = (alone(data)(result.network)["accuracy"] for result in (once, often))
        return {"moved": moved(once, often), "one": one, "all": end}

    return measured


def moved(one: FusionResult, other: FusionResult) -> float:
    """Half of Σ |π − π′|, as a share of the mass."""
    pairs = [
        (_plan(a[group]), _plan(b[group])) for a, b in zip(one.couplings, other.couplings, strict=True) for group in a
    ]
    return float(np.mean([np.abs(p - q).sum() / 2 for p, q in pairs]))


def _plan(coupling: Coupling) -> NDArray[np.float64]:
    """Of mass 1."""
    if coupling.plan is not None:
        return coupling.plan
    assert coupling.perm is not None
    n = len(coupling.perm)
    return np.asarray(np.eye(n)[coupling.perm] / n)
