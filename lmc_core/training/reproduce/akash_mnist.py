"""Fusion of fully connected networks on MNIST: Wasserstein barycentre, OT fusion and average (Akash 2022).

Bias-free networks 784-400-200-100-10, trained apart by SGD at rate 0.05 with momentum 0.5 in batches of 64; N of them
are fused in their own widths, and pairs into 800-400-200 and 200-100-50. The accuracies of the paper are not known
here; what is checked is the order WB ≥ OT fusion > average.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from lmc_core.data.registry import dataset
from lmc_core.fusion import FUSIONS
from lmc_core.options import Option
from lmc_core.report import Report, silent
from lmc_core.training.reproduce._experiment import ENDS, Chart, Experiment, spread
from lmc_core.training.reproduce._mlp import DATA, WIDTH, hidden, mlp, seeds
from lmc_core.training.reproduce._pairs import alone, fused
from lmc_core.training.reproduce._trained import KEEP
from lmc_core.training.reproduce._work import Work, sets
from lmc_core.training.train import Recipe

PARAMETERS = (
    DATA,
    Option("networks", int, 10, "Networks trained.", low=2, high=100),
    Option("epochs", int, 20, "Epochs of training.", low=1, high=1000),
    Option("draws", int, 10, "Sets of networks that are fused, for each number of them.", low=1, high=1000),
    Option("train_examples", int, 60_000, "Training examples.", low=1000, high=60_000),
    Option("sinkhorn", bool, True, "Fuse by entropic plans too, which takes most of the time."),
    WIDTH,
    KEEP,
)
QUICK = {"networks": 3, "epochs": 2, "draws": 1, "train_examples": 10_000, "sinkhorn": False}

BARYCENTRE, OT = "wasserstein-barycenter", "ot-fusion"
ENTROPIC = {"solver": "sinkhorn", "epsilon": 0.0005}
WAYS: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    "Wasserstein barycentre": (BARYCENTRE, {}),
    "OT fusion": (OT, {}),
    "Wasserstein barycentre, ε 0.0005": (BARYCENTRE, {**ENTROPIC, "iterations": 5}),
    "OT fusion, ε 0.0005": (OT, ENTROPIC),
    "Wasserstein barycentre, annealed": (
        "gromov-wasserstein-barycenter",  # the same where there are no recurrent weights; it can lower ε step by step
        {"solver": "sinkhorn", "epsilon": 0.02, "anneal": 0.7, "least": 0.00005, "iterations": 30},
    ),
    "Wasserstein barycentre, activations": (BARYCENTRE, {"compare": "activations"}),
    "OT fusion, activations": (OT, {"compare": "activations"}),
    "vanilla average": ("vanilla-average", {}),
    "MergeMany": ("merge-many", {}),
}
"""What is compared, the barycentre and OT fusion in pairs of equal solvers; Sinkhorn stops after five rounds of
couplings and barycentres. MergeMany (Ainsworth 2022) is no method of the paper: it compares outgoing weights too."""

AGAINST = {"": "", ", ε 0.0005": ", ε 0.0005", ", annealed": "", ", activations": ", activations"}
"""Which barycentre is compared with which OT fusion in the notes, by the ends of their titles."""

FIXED_POINT = (
    "By exact plans the barycentre is OT fusion in every set. After one round each unit of the template is the mean of "
    "the units coupled to it. For two networks of the template's widths the same couplings are then provably the best "
    "ones again: Σ_j <(a_j + b_p(j)) / 2, b_q(j)> is largest at q = p in both of its terms. In the other cases every "
    "unit is found to stay with the mean that holds it, as in k-means. Entropic plans do leave that point."
)

COLUMNS = ("networks", "method", "accuracy", "± over sets", "sets")


def recipe(epochs: int, train_examples: int, data: str = "mnist", width: float = 1.0) -> Recipe:
    """The training of the paper: a tenth of the examples chooses the epoch."""
    return replace(mlp(data, epochs, width, train_examples), validation=0.1, validation_seed=543)


def reproduce(
    *,
    data: str = "mnist",
    networks: int = 10,
    epochs: int = 20,
    draws: int = 10,
    train_examples: int = 60_000,
    sinkhorn: bool = True,
    width: float = 1.0,
    keep: str = "",
    seed: int = 0,
    device: str = "cpu",
    report: Report = silent,
) -> Experiment:
    """Mean test accuracy over sets of networks, with its standard deviation, for every N and method."""
    examples = dataset(data)
    nets = [(recipe(epochs, train_examples, data, width), number) for number in seeds(networks, seed)]
    work = Work(nets, examples, keep=keep, device=device, report=report)
    used = min(train_examples, len(examples.y_train))
    own = [hidden(factor * width) for factor in (1, 2, 0.5)]
    cases = [(n, own[0]) for n in (2, 4, 6) if n <= networks] + [(2, own[1]), (2, own[2])]
    ends = [work.number({"scores": "test"}, [net], alone(examples))["accuracy"] for net in nets]
    rows: list[tuple[Any, ...]] = [(f"1 of {_called(own[0])}", ENDS, *spread(ends))]
    runs = work.runs(sets(nets, 1), {"networks": rows[0][0], "method": ENDS}, {"accuracy": ends})
    each: dict[str, dict[str, list[float]]] = {}
    for count, widths in cases:
        drawn = [[nets[i] for i in chosen] for chosen in _sets(networks, count, draws, seed)]
        case = f"{count} into {_called(widths)}"
        found: dict[str, list[float]] = {}
        for title, (method, settings) in WAYS.items():
            if (widths != own[0] and FUSIONS[method].equal_widths) or ("solver" in settings and not sinkhorn):
                continue
            wanted = {f"fc{k}": n for k, n in enumerate(widths, 1)}
            what = {"fused": method, "settings": settings, "widths": wanted, "seed": seed}
            measured = fused(method, settings, examples, seed, report, widths=wanted)
            found[title] = [work.number(what, chosen, measured)["accuracy"] for chosen in drawn]
            runs += work.runs(drawn, {"networks": case, "method": title}, {"accuracy": found[title]})
            rows.append((case, title, *spread(found[title])))
        each[case] = found
    return Experiment(
        f"Fusing {data} networks of hidden widths {_called(own[0])} without biases",
        COLUMNS,
        tuple(rows),
        (
            f"{networks} networks trained for {epochs} epochs on nine tenths of {used} examples, the epoch "
            "chosen by the last tenth; test accuracy of the fused network, no training afterwards.",
            *_verdicts(each),
            *([FIXED_POINT] if all(x["Wasserstein barycentre"] == x["OT fusion"] for x in each.values()) else []),
        ),
        {
            "accuracies": each,
            "settings": {
                "data": data,
                "networks": networks,
                "epochs": epochs,
                "draws": draws,
                "train_examples": train_examples,
                "width": width,
            },
            "seed": seed,
        },
        Chart("networks", "accuracy", "method", "± over sets", least=0.9 if spread(ends)[0] > 0.95 else None),
        tuple(runs),
    )


def _called(widths: tuple[int, ...]) -> str:
    return "-".join(map(str, widths))


def _sets(networks: int, count: int, draws: int, seed: int) -> Iterator[list[int]]:
    """Random sets of networks, the same for every method."""
    rng = np.random.default_rng([seed, count])
    for _ in range(draws):
        yield [int(i) for i in rng.choice(networks, count, replace=False)]


def _verdicts(each: Mapping[str, Mapping[str, list[float]]]) -> Iterator[str]:
    """Where the barycentre does better than OT fusion, set by set."""
    for suffix, other in AGAINST.items():
        said = []
        for case, found in each.items():
            mine, theirs = found.get(f"Wasserstein barycentre{suffix}"), found.get(f"OT fusion{other}")
            if mine and theirs:
                gain = 100 * (np.array(mine) - np.array(theirs))
                if not gain.any():
                    said.append(f"{case}, the same")
                else:
                    error = f" ± {gain.std(ddof=1) / len(gain) ** 0.5:.2f}" if len(gain) > 1 else ""
                    said.append(f"{case}, {gain.mean():+.2f}{error} (ahead in {int((gain > 0).sum())} of {len(gain)})")
        if said:
            yield (
                f"Wasserstein barycentre{suffix} against OT fusion{other}, points of accuracy (mean of the sets ± "
                f"its standard error): {'; '.join(said)}."
            )
