"""ResNet-20 on CIFAR-10 half-way: with BatchNorm aligned and reset, with LayerNorm aligned and REPAIRed (Jordan 2022).

Published: 250 epochs on all examples. Here fewer of both; the settings are beside the table.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from lmc_core.options import Option
from lmc_core.paths.recalibrate import Recalibration
from lmc_core.report import Report, silent
from lmc_core.training.reproduce import _cifar
from lmc_core.training.reproduce._deep import COLUMNS as MEASURED
from lmc_core.training.reproduce._experiment import ENDS, Chart, Experiment, Run, columns, spread
from lmc_core.training.reproduce._pairs import alone, halfway
from lmc_core.training.reproduce._trained import KEEP
from lmc_core.training.reproduce._work import Work, sets
from lmc_core.training.reproduce.rebasin_width import resnet

FACTORS = (1.0, 2.0)
PARAMETERS = (
    _cifar.DATA,
    Option("norms", str, "both", "Which norms.", choices=("both", "bn", "ln")),
    Option("factors", float, FACTORS, "Widths, in parts of ResNet-20.", low=0.05, high=32, many=True),
    Option("pairs", int, 1, "Independent pairs of networks for every width and norm.", low=1, high=20),
    Option("epochs", int, 250, "Epochs of training.", low=1, high=1000),
    _cifar.BATCH,
    _cifar.TRAIN,
    _cifar.TEST,
    _cifar.FILE,
    KEEP,
)
QUICK = {"factors": (0.25,), "epochs": 1, "train_examples": 1000, "test_examples": 500}

NORMS: Mapping[str, tuple[str, Recalibration]] = {"bn": ("BatchNorm", "bn-reset"), "ln": ("LayerNorm", "repair")}
VANILLA, ORDERED, AFTER = "no alignment", "aligned", "aligned, reset or REPAIR"
PUBLISHED: Mapping[tuple[str, float, str], tuple[float, float | None, float | None]] = {
    ("BatchNorm", 1.0, ENDS): (0.9358, None, None),
    ("BatchNorm", 1.0, ORDERED): (0.1265, 2.878, None),
    ("BatchNorm", 1.0, AFTER): (0.6763, 1.220, 0.993),
    ("BatchNorm", 2.0, ENDS): (0.9522, None, None),
    ("BatchNorm", 2.0, ORDERED): (0.1614, 2.587, None),
    ("BatchNorm", 2.0, AFTER): (0.8545, 0.527, 0.337),
    ("LayerNorm", 1.0, ENDS): (0.9236, None, None),
    ("LayerNorm", 1.0, ORDERED): (0.5072, 1.529, 1.276),
    ("LayerNorm", 1.0, AFTER): (0.7350, 1.099, 0.847),
    ("LayerNorm", 2.0, ENDS): (0.9447, None, None),
    ("LayerNorm", 2.0, ORDERED): (0.7945, 0.713, 0.503),
    ("LayerNorm", 2.0, AFTER): (0.8682, 0.608, 0.398),
}
"""Accuracy, test loss and its rise over the mean of the ends: the raw data of the authors' figures, 250 epochs."""

COLUMNS = ("network", *MEASURED[:-1], "count")

ALIGNED: tuple[str, Mapping[str, Any]] = ("activation-matching", {"compare": "correlation"})
EXAMPLES = 10_000


def reproduce(
    *,
    data: str = "cifar10",
    norms: str = "both",
    factors: Sequence[float] = FACTORS,
    pairs: int = 1,
    epochs: int = 250,
    batch: int = 128,
    train_examples: int = 50_000,
    test_examples: int = 10_000,
    file: str = "",
    keep: str = "",
    seed: int = 0,
    device: str = "cpu",
    report: Report = silent,
) -> Experiment:
    """Mean test accuracy and loss at t = ½ over independent pairs, for every norm and width."""
    images = _cifar.examples(data, train_examples, test_examples, file)
    published = PUBLISHED if data == "cifar10" else {}
    seeds = range(2 * pairs * seed, 2 * pairs * (seed + 1))
    rows: list[tuple[Any, ...]] = []
    runs: list[Run] = []
    each: dict[str, dict[str, list[Mapping[str, float]]]] = {}
    for norm in NORMS if norms == "both" else (norms,):
        called, how = NORMS[norm]
        for factor in factors:
            nets = [(resnet(data, factor, epochs, norm, batch), number) for number in seeds]
            work = Work(nets, images, keep=keep, device=device, report=report)
            name = f"{called} ×{factor:g}"
            own = [work.number({"scores": "test"}, [net], alone(images)) for net in nets]
            found: dict[str, list[Mapping[str, float]]] = {ENDS: own}
            for (method, given), titles in (
                (("identity", {}), {"plain": VANILLA}),
                (ALIGNED, {"plain": ORDERED, how: AFTER}),
            ):
                after: list[Recalibration] = [how] if how in titles else []
                what = {"halfway": method, "settings": given, "examples": EXAMPLES, "after": after}
                middle = halfway(method, given, images, examples=EXAMPLES, report=report, after=after)
                for i in range(0, len(nets), 2):
                    scores = work.number(what, nets[i : i + 2], middle)
                    ends = (own[i]["loss"] + own[i + 1]["loss"]) / 2
                    for key, title in titles.items():
                        found.setdefault(title, []).append({**scores[key], "barrier": scores[key]["loss"] - ends})
            for title, scores in found.items():
                accuracy, deviation, count = spread([score["accuracy"] for score in scores])
                loss = spread([score["loss"] for score in scores])[0]
                barrier = None if title == ENDS else spread([score["barrier"] for score in scores])[0]
                known = published.get((called, factor, title), (None, None, None))
                rows.append((name, title, accuracy, deviation, known[0], loss, known[1], barrier, known[2], count))
                pairwise = sets(nets, 1 if title == ENDS else 2)
                runs += work.runs(pairwise, {"network": name, "method": title}, columns(scores))
            each[name] = found
    return Experiment(
        f"ResNet-20 on {data}, half-way",
        COLUMNS,
        tuple(rows),
        (
            f"{pairs} independent pair{'s' * (pairs > 1)}, {epochs} epochs on {train_examples} examples, where the "
            "published values are of one pair, 250 epochs on 50000; aligned by the correlation of activations.",
        ),
        {
            "scores": each,
            "settings": {
                "data": data,
                "factors": list(factors),
                "pairs": pairs,
                "epochs": epochs,
                "batch": batch,
                "train_examples": train_examples,
                "test_examples": test_examples,
            },
            "seed": seed,
        },
        Chart("method", "accuracy", error="± over pairs", panel="network", also="published accuracy"),
        tuple(runs),
    )
