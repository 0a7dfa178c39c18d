"""The deep networks on MNIST of Jordan 2022, half-way with their units in order and with REPAIR.

As in the authors' notebook they are trained with BatchNorm, which is then folded into the weights: what is averaged are
plain networks.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import prod
from typing import Any

from lmc_core.data.registry import DATASETS, dataset
from lmc_core.networks.families import architecture, build
from lmc_core.networks.network import Network
from lmc_core.networks.network import network as made
from lmc_core.paths.recalibrate import Recalibration
from lmc_core.report import Report
from lmc_core.training.reproduce._experiment import ENDS, Chart, Experiment, Run, columns, spread
from lmc_core.training.reproduce._mlp import NORMALIZE
from lmc_core.training.reproduce._pairs import alone, halfway
from lmc_core.training.reproduce._work import Work, sets
from lmc_core.training.train import Recipe

EPSILON = 1e-5  # of torch's BatchNorm
VANILLA, ORDERED, REPAIRED = "no alignment", "aligned", "aligned, REPAIR"
ALIGNED: tuple[str, Mapping[str, Any]] = ("activation-matching", {"compare": "correlation"})
WAYS: Sequence[tuple[tuple[str, Mapping[str, Any]], Mapping[str, str], Sequence[Recalibration]]] = (
    (("identity", {}), {"plain": VANILLA}, []),
    (ALIGNED, {"plain": ORDERED, "repair": REPAIRED}, ["repair"]),
)
"""A method and its settings, the names of what is measured after it, and how statistics are put right."""

COLUMNS = (
    "method",
    "accuracy",
    "± over pairs",
    "published accuracy",
    "loss",
    "published loss",
    "barrier",
    "published barrier",
    "pairs",
)

WIDTHS = (32, 64, 128, 256, 512, 1024, 2048)
ACCURACIES = {
    ORDERED: (0.5799, 0.6832, 0.8077, 0.8327, 0.8240, 0.7298, 0.7628),
    REPAIRED: (0.7372, 0.9276, 0.9592, 0.9719, 0.9797, 0.9828, 0.9847),
}
"""Method → published accuracy at each width: the raw data of the authors' figure, one pair each."""

BARRIERS = (0.924, 0.237, 0.138, 0.091, 0.064, 0.055, 0.051)
"""Published test-loss barriers after REPAIR."""

Published = Mapping[tuple[float, str], tuple[float | None, float | None, float | None]]
"""(depth or width, method) → accuracy, test loss, test-loss barrier; None where it is not known."""


def recipe(data: str, layers: int, width: int, epochs: int, *, shift: bool = False) -> Recipe:
    """The training of the authors' notebook, but for half precision: BatchNorm after every hidden layer, SGD at 0.05
    with momentum 0.9 in batches of 1000, five epochs of warm-up, then linear decay.

    shift   images shifted by up to 4 pixels, as in the authors' notebook for other data sets
    """
    shape = DATASETS[data].shape
    return Recipe(
        title=f"{data} MLP with BatchNorm, {layers} × {width}",
        architecture=architecture(
            "mlp",
            widths=(prod(shape), *[width] * layers, 10),
            bias=(*[False] * layers, True),
            norm="bn",
            input_shape=shape,
        ),
        data=data,
        optimiser="sgd",
        rate=0.05,
        epochs=epochs,
        batch=1000,
        warmup=300,
        schedule="linear",
        augment="shift" if shift else "none",
        normalize=NORMALIZE.get(data),
    )


def folded(network: Network) -> Network:
    """The same function without BatchNorm: scales and running statistics become part of weights and biases."""
    assert network.architecture is not None
    options = network.architecture.options
    layers = len(options["widths"]) - 1
    state = {f"fc{layers}.{name}": network.state[f"fc{layers}.{name}"] for name in ("weight", "bias")}
    for i in range(1, layers):
        scale, shift, mean, variance = (
            network.state[f"norm{i}.{name}"] for name in ("weight", "bias", "running_mean", "running_var")
        )
        factor = scale / (variance + EPSILON).sqrt()
        state[f"fc{i}.weight"] = network.state[f"fc{i}.weight"] * factor[:, None]
        state[f"fc{i}.bias"] = shift - mean * factor
    plain = architecture("mlp", widths=options["widths"], input_shape=options["input_shape"])
    module = build(plain).to(network.device)
    module.load_state_dict(state)
    return made(module, network.example_inputs, architecture=plain, normalize=network.normalize, source=network.source)


def compared(
    over: str,
    recipes: Mapping[float, Recipe],
    pairs: int,
    published: Published,
    *,
    title: str,
    notes: Sequence[str],
    settings: Mapping[str, Any],
    keep: str,
    seed: int,
    device: str,
    report: Report,
) -> Experiment:
    """One row per value of what is swept (`over`) and per way: mean test accuracy, loss and rise over the ends."""
    data = dataset(next(iter(recipes.values())).data)
    rows: list[tuple[Any, ...]] = []
    runs: list[Run] = []
    each: dict[str, dict[str, list[Mapping[str, float]]]] = {}
    seeds = range(2 * pairs * seed, 2 * pairs * (seed + 1))
    for value, one in recipes.items():
        nets = [(one, number) for number in seeds]
        work = Work(nets, data, keep=keep, device=device, report=report)
        own = [work.number({"scores": "test"}, [net], alone(data)) for net in nets]
        found: dict[str, list[Mapping[str, float]]] = {ENDS: own, VANILLA: [], ORDERED: [], REPAIRED: []}
        for i in range(0, len(nets), 2):
            for (method, given), titles, after in WAYS:
                middle = halfway(method, given, data, examples=0, report=report, after=after)
                what = {"folded": True, "halfway": method, "settings": given, "examples": 0, "after": after}
                scores = work.number(what, nets[i : i + 2], lambda *pair, middle=middle: middle(*map(folded, pair)))
                for how, name in titles.items():
                    ends = (own[i]["loss"] + own[i + 1]["loss"]) / 2
                    found[name].append({**scores[how], "barrier": scores[how]["loss"] - ends})
        for name, scores in found.items():
            accuracy, deviation, count = spread([score["accuracy"] for score in scores])
            loss = spread([score["loss"] for score in scores])[0]
            barrier = None if name == ENDS else spread([score["barrier"] for score in scores])[0]
            known = published.get((value, name), (None, None, None))
            rows.append((value, name, accuracy, deviation, known[0], loss, known[1], barrier, known[2], count))
            runs += work.runs(sets(nets, 1 if name == ENDS else 2), {over: value, "method": name}, columns(scores))
        each[f"{value:g}"] = found
    return Experiment(
        title,
        (over, *COLUMNS),
        tuple(rows),
        tuple(notes),
        {"scores": each, "settings": dict(settings), "seed": seed},
        Chart(over, "accuracy", "method", "± over pairs", also="published accuracy", powers=True),
        tuple(runs),
    )


def by_width(
    widths: Sequence[int],
    *,
    title: str,
    data: str,
    depth: int,
    shift: bool,
    pairs: int,
    epochs: int,
    known: bool,
    keep: str,
    seed: int,
    device: str,
    report: Report,
) -> Experiment:
    """The same at every width, beside what is published where that is `known` to be of such networks."""
    published = {
        (float(width), name): (accuracy, None, barrier if name == REPAIRED else None)
        for name, values in ACCURACIES.items()
        for width, accuracy, barrier in zip(WIDTHS, values, BARRIERS, strict=True)
    }
    return compared(
        "width",
        {float(width): recipe(data, depth, width, epochs, shift=shift) for width in widths},
        pairs,
        published if known else {},
        title=title,
        notes=(
            f"{pairs} independent pairs for every width, {epochs} epochs, BatchNorm folded in before averaging; "
            "aligned by the correlation of activations on all training examples, REPAIR by 4096 of them.",
            "Published values are of one pair.",
        ),
        settings={
            "data": data,
            "widths": list(widths),
            "depth": depth,
            "pairs": pairs,
            "epochs": epochs,
            "shift": shift,
        },
        keep=keep,
        seed=seed,
        device=device,
        report=report,
    )
