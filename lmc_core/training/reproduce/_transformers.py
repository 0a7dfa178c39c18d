"""What experiments with pairs of transformers have in common: barriers by what of their symmetry is matched."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Any

from lmc_core.alignment.alignment import Alignment
from lmc_core.data.registry import dataset
from lmc_core.diagnostics.null import Votes, shuffled, votes
from lmc_core.methods.align import align
from lmc_core.networks.network import Network
from lmc_core.options import Option
from lmc_core.paths.evaluate import evaluate_many
from lmc_core.paths.layers import Recalibration
from lmc_core.paths.path import LinearPath
from lmc_core.report import Report
from lmc_core.training.recipes import RECIPES
from lmc_core.training.reproduce._experiment import Chart, Experiment, spread
from lmc_core.training.reproduce._trained import by_recipe

STEPS = Option("steps", int, 300, "Gradient steps of learned matching.", low=1, high=100_000)
POINTS = 11


@dataclass(frozen=True)
class Way:
    """One row: a method with its settings, and what is done besides."""

    method: str
    settings: Mapping[str, Any]
    recalibrate: Recalibration | None = None
    null: bool = False


NAIVE, LEARNED, NULL = "no alignment", "learned matching", "learned matching of a shuffled B"


def ways(learning: Mapping[str, int]) -> dict[str, Way]:
    """Title → way, in the order of the table; `learning` are settings of learned matching."""
    return {
        NAIVE: Way("identity", {}),
        "weight matching (orders)": Way("weight-matching", {}),
        "head matching (orders, heads by circuits)": Way("head-matching", {}),
        "full symmetry, by weights": Way("full-symmetry-matching", {"compare": "weights"}),
        "full symmetry, by responses": Way("full-symmetry-matching", {"compare": "responses"}),
        "full symmetry, by responses, REPAIR": Way("full-symmetry-matching", {"compare": "responses"}, "repair"),
        LEARNED: Way("learned-matching", learning),
        NULL: Way("learned-matching", learning, null=True),
    }


def compared(
    recipe: str,
    networks: int,
    learning: Mapping[str, int],
    *,
    examples: int | None = None,
    keep: str,
    seed: int,
    device: str,
    report: Report,
) -> Experiment:
    """A row per way: its barrier in test loss, and what part of the one without alignment that is.

    learning   settings of learned matching
    examples   for training and for testing, drawn by the seed; None: all
    """
    whole = dataset(RECIPES[recipe].data)
    data = whole.drawn(examples, examples, seed=seed)
    nets = by_recipe(recipe, networks, seed, data=whole, keep=keep, device=device, report=report)
    pairs, found = list(combinations(range(networks), 2)), ways(learning)
    barriers: dict[str, list[float]] = {title: [] for title in found}
    losses: dict[str, list[float]] = {title: [] for title in found}
    halves: dict[str, list[float]] = {title: [] for title in found}
    seconds: dict[str, list[float]] = {title: [] for title in found}
    sides: dict[str, list[Votes]] = {LEARNED: [], NULL: []}
    for number, (i, j) in enumerate(pairs):
        for done, (title, way) in enumerate(found.items()):
            report(f"{title}, networks {i} and {j}", number * len(found) + done, len(pairs) * len(found))
            a, b = nets[i], shuffled(nets[j], seed) if way.null else nets[j]
            began = time.perf_counter()
            alignment = align(a, b, way.method, data, seed=seed, **way.settings)
            seconds[title].append(time.perf_counter() - began)
            ends = _ends(alignment, a, b)
            path = LinearPath(*ends)
            (line,) = evaluate_many([path], data, points=POINTS, recalibrate=way.recalibrate, splits=("test",))
            barriers[title].append(line.barrier())
            losses[title].append(line.midpoint())
            halves[title].append(line.midpoint("test", "accuracy"))
            if title in sides:
                middle = path.network.with_state(path(0.5))
                sides[title].append(votes(line.midpoint(), *ends, middle, data, seed)[0])
    naive, _, count = spread(barriers[NAIVE])
    rows: list[tuple[Any, ...]] = []
    for title, way in found.items():
        mean = spread(barriers[title])[0]
        height = (None, None) if way.null else (mean, mean / naive)
        half = (*spread(losses[title])[:2], spread(halves[title])[0])
        rows.append((title, *height, *half, spread(seconds[title])[0], count))
    tested = "all" if len(data.y_test) == len(whole.y_test) else f"{len(data.y_test):,}"
    of = "test examples" if data.y_test.ndim == 1 else "tokens of the test examples"
    return Experiment(
        f"Barriers between networks by what of their symmetry is matched: {RECIPES[recipe].title}",
        (
            *("method", "barrier", "share of no alignment", "loss half-way", "± over pairs", "accuracy half-way"),
            *("seconds", "pairs"),
        ),
        tuple(rows),
        (
            f"{networks} networks, seeds from {seed}, and all their pairs; {POINTS} points, {tested} test examples. A "
            "shuffled B knows nothing, so a line that ends at it has no barrier to speak of: its loss half-way counts.",
            *(_said(title, sides[title], of) for title in sides),
        ),
        {
            "barriers": barriers,
            "losses": losses,
            "accuracy half-way": halves,
            "sides": {
                title: [{"disagreeing": v.disagreeing, "as A": v.as_a, "as B": v.as_b} for v in each]
                for title, each in sides.items()
            },
            "settings": {"recipe": recipe, "networks": networks, **learning, "examples": examples},
            "seed": seed,
        },
        Chart("method", "loss half-way", error="± over pairs", lower=True),
    )


def _ends(alignment: Alignment, a: Network, b: Network) -> tuple[Network, Network]:
    """Of the path, sharing one module."""
    return alignment.reference(a), replace(alignment.transport(b), module=a.module)


def _said(title: str, sides: list[Votes], what: str) -> str:
    of, as_a, as_b = (sum(getattr(v, name) for v in sides) for name in ("disagreeing", "as_a", "as_b"))
    return (
        f"{title[0].upper()}{title[1:]}: on the {of:,} {what} where the ends disagree, the network half-way "
        f"says what A says on {as_a:,} and what B says on {as_b:,}."
    )
