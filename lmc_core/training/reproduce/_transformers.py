"""What experiments with pairs of transformers have in common: barriers by what of their symmetry is matched."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import combinations
from typing import Any

from lmc_core.alignment.alignment import Alignment
from lmc_core.data.dataset import Dataset
from lmc_core.data.registry import dataset
from lmc_core.diagnostics.null import shuffled, votes
from lmc_core.methods.align import align
from lmc_core.networks.network import Network
from lmc_core.options import Option
from lmc_core.paths.evaluate import evaluate_many
from lmc_core.paths.layers import Recalibration
from lmc_core.paths.path import LinearPath
from lmc_core.report import Report
from lmc_core.training.recipes import RECIPES
from lmc_core.training.reproduce._experiment import Chart, Experiment, Run, spread
from lmc_core.training.reproduce._work import Work

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
SIDES = (LEARNED, NULL)


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
    nets = [(RECIPES[recipe], number) for number in range(seed, seed + networks)]
    work = Work(nets, whole, keep=keep, device=device, report=report)
    pairs, found = list(combinations(nets, 2)), ways(learning)
    each: dict[str, list[Any]] = {title: [] for title in found}
    for number, pair in enumerate(pairs):
        for done, (title, way) in enumerate(found.items()):
            report(f"{title}, pair {number + 1}", number * len(found) + done, len(pairs) * len(found))
            what = {"way": asdict(way), "points": POINTS, "examples": examples, "sides": title in SIDES, "seed": seed}
            each[title].append(work.number(what, pair, measured(way, data, title in SIDES, seed)))
    barriers, losses, halves, seconds = (
        {title: [one[key] for one in values] for title, values in each.items()}
        for key in ("barrier", "loss", "accuracy", "seconds")
    )
    sides = {title: [one["sides"] for one in each[title]] for title in SIDES}
    naive, _, count = spread(barriers[NAIVE])
    rows: list[tuple[Any, ...]] = []
    runs: list[Run] = []
    for title, way in found.items():
        mean = spread(barriers[title])[0]
        height = (None, None) if way.null else (mean, mean / naive)
        half = (*spread(losses[title])[:2], spread(halves[title])[0])
        rows.append((title, *height, *half, spread(seconds[title])[0], count))
        numbers: dict[str, Sequence[float | None]] = {
            "barrier": [None] * count if way.null else barriers[title],
            "loss half-way": losses[title],
            "accuracy half-way": halves[title],
        }
        asked = {"kind": "path", "method": way.method, "settings": way.settings, "recalibrate": way.recalibrate}
        runs += work.runs(pairs, {"method": title}, numbers, None if way.null else asked)
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
            "sides": sides,
            "settings": {"recipe": recipe, "networks": networks, **learning, "examples": examples},
            "seed": seed,
        },
        Chart("method", "loss half-way", error="± over pairs", lower=True),
        tuple(runs),
    )


def measured(way: Way, data: Dataset, sides: bool, seed: int) -> Callable[[Network, Network], dict[str, Any]]:
    """Barrier, loss and accuracy half-way, seconds of the matching, and where asked the sides of the middle."""

    def of(a: Network, b: Network) -> dict[str, Any]:
        b = replace(shuffled(b, seed) if way.null else b, module=a.module)
        began = time.perf_counter()
        alignment = align(a, b, way.method, data, seed=seed, **way.settings)
        seconds = time.perf_counter() - began
        ends = _ends(alignment, a, b)
        path = LinearPath(*ends)
        (line,) = evaluate_many([path], data, points=POINTS, recalibrate=way.recalibrate, splits=("test",))
        found: dict[str, Any] = {
            "barrier": line.barrier(),
            "loss": line.midpoint(),
            "accuracy": line.midpoint("test", "accuracy"),
            "seconds": seconds,
        }
        if sides:
            middle = path.network.with_state(path(0.5))
            told = votes(line.midpoint(), *ends, middle, data, seed)[0]
            found["sides"] = {"disagreeing": told.disagreeing, "as A": told.as_a, "as B": told.as_b}
        return found

    return of


def _ends(alignment: Alignment, a: Network, b: Network) -> tuple[Network, Network]:
    """Of the path, sharing one module."""
    return alignment.reference(a), replace(alignment.transport(b), module=a.module)


def _said(title: str, sides: Sequence[Mapping[str, int]], what: str) -> str:
    of, as_a, as_b = (sum(side[key] for side in sides) for key in ("disagreeing", "as A", "as B"))
    return (
        f"{title[0].upper()}{title[1:]}: on the {of:,} {what} where the ends disagree, the network half-way "
        f"says what A says on {as_a:,} and what B says on {as_b:,}."
    )
