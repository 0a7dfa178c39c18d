"""Barriers between pairs of networks against their width."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from lmc_core.data.dataset import Dataset
from lmc_core.report import Report
from lmc_core.training.reproduce._experiment import Chart, Experiment, spread
from lmc_core.training.reproduce._pairs import alone, along
from lmc_core.training.reproduce._work import Work
from lmc_core.training.train import Recipe

ENDS = "the networks themselves"
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
            for name, (method, given) in ways.items():
                what = {"along": method, "settings": given, "examples": examples, "points": points}
                line = along(method, given, data, examples=examples, report=report, points=points)
                found[name] = [work.number(what, nets[i : i + 2], line)["test"] for i in range(0, len(nets), 2)]
                worst = spread([min(curve["accuracy"]) for curve in found[name]])[0]
                mean, deviation, count = spread([curve["barrier"] for curve in found[name]])
                rows.append((kind, width, name, mean, deviation, worst, ends, count))
            each[kind][f"{width:g}"] = found
    return Experiment(
        title,
        COLUMNS,
        tuple(rows),
        tuple(notes),
        {"curves": each, "settings": dict(settings), "seed": seed},
        Chart("width", "barrier", "method", "± over pairs", "network", powers=True, apart=True),
    )
