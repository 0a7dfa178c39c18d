"""Barriers between pairs of networks against their width."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from lmc_core.data.dataset import Dataset
from lmc_core.diagnostics.exponent import exponent
from lmc_core.report import Report
from lmc_core.training.reproduce._experiment import ENDS, Chart, Experiment, Run, spread
from lmc_core.training.reproduce._pairs import alone, along
from lmc_core.training.reproduce._work import Work, sets
from lmc_core.training.train import Recipe

COLUMNS = (
    "network",
    "width",
    "method",
    "barrier",
    "± over pairs",
    "accuracy at the worst t",
    "accuracy of the ends",
    "pairs",
)
Ways = Mapping[str, tuple[str, Mapping[str, Any]]]


def swept(
    kinds: Mapping[str, tuple[Dataset, Mapping[float, Recipe], int]],
    ways: Ways,
    *,
    points: int,
    examples: int,
    title: str,
    notes: Sequence[str],
    settings: Mapping[str, Any],
    keep: str,
    seed: int,
    device: str,
    report: Report,
) -> Experiment:
    """Mean test-loss barrier over independent pairs, for every kind of network, width and method.

    kinds   name → its examples, width → recipe, and how many pairs of every width
    """
    rows: list[tuple[Any, ...]] = []
    runs: list[Run] = []
    each: dict[str, dict[str, Any]] = {}
    for kind, (data, recipes, pairs) in kinds.items():
        each[kind] = {}
        seeds = range(2 * pairs * seed, 2 * pairs * (seed + 1))
        for width, recipe in recipes.items():
            nets = [(recipe, number) for number in seeds]
            work = Work(nets, data, keep=keep, device=device, report=report)
            own = [work.number({"scores": "test"}, [net], alone(data)) for net in nets]
            ends = spread([score["accuracy"] for score in own])[0]
            found: dict[str, Any] = {ENDS: own}
            at = {"network": kind, "width": width}
            runs += work.runs(
                sets(nets, 1), {**at, "method": ENDS}, {"accuracy of the ends": [score["accuracy"] for score in own]}
            )
            for name, (method, given) in ways.items():
                what = {"along": method, "settings": given, "examples": examples, "points": points}
                line = along(method, given, data, examples=examples, report=report, points=points)
                found[name] = [work.number(what, nets[i : i + 2], line)["test"] for i in range(0, len(nets), 2)]
                lowest = [min(curve["accuracy"]) for curve in found[name]]
                worst = spread(lowest)[0]
                mean, deviation, count = spread([curve["barrier"] for curve in found[name]])
                rows.append((kind, width, name, mean, deviation, worst, ends, count))
                heights = {"barrier": [curve["barrier"] for curve in found[name]], "accuracy at the worst t": lowest}
                runs += work.runs(sets(nets, 2), {**at, "method": name}, heights)
            each[kind][f"{width:g}"] = found
    falls = [note for kind, found in each.items() for note in _falls(kind, found, ways, seed)]
    return Experiment(
        title,
        COLUMNS,
        tuple(rows),
        (*notes, *falls),
        {"curves": each, "settings": dict(settings), "seed": seed},
        Chart("width", "barrier", "method", "± over pairs", "network", powers=True, apart=True),
        tuple(runs),
    )


def _falls(kind: str, found: Mapping[str, Mapping[str, Any]], ways: Ways, seed: int) -> Iterator[str]:
    """How the barrier of each method falls with the width, where it is positive in every pair."""
    for name in ways:
        points = [(float(width), curve["barrier"]) for width, own in found.items() for curve in own[name]]
        if len(points) < 3 or len(found) < 2 or min(barrier for _, barrier in points) <= 0:
            continue
        widths, barriers = zip(*points, strict=True)
        law = exponent(widths, barriers, rng=np.random.default_rng([seed, 29]))
        yield (
            (
                f"{kind}, {name}: the barrier goes as width to the power {-law.beta:.2f}, 95 % interval "
                f"{-law.high:.2f} to {-law.low:.2f}, from {law.pairs} independent pairs."
            )
            .replace("-0", "−0")
            .replace("-1", "−1")
        )
