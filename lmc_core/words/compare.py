"""The words around a comparison of methods, on one pair or on several."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from lmc_core.methods import METHODS
from lmc_core.paths.profile import Profile
from lmc_core.words import numbers as words
from lmc_core.words.captions import Card
from lmc_core.words.path import Finding

NAIVE = "identity"
Profiles = Mapping[str, Profile]
"""Name of a method → its path on one pair."""

_SAME = (
    "over the same examples; colour, dash and symbol belong to the method. The barrier is how far a path rises above "
    "the straight line between its ends. The objective is the overlap of the weights of A and aligned B, the same "
    "measure for all methods: a method that wins there need not have the lowest barrier. Click a heading of the table "
    "to sort."
)


def compare_caption(pairs: int) -> str:
    """What to look at."""
    if pairs == 1:
        return f"**What to look at.** Every line is a path from A to B aligned by one method, {_SAME}"
    return (
        "**What to look at.** Every panel is one pair of networks, on the same axes; every line is the path between "
        f"them after alignment by one method, {_SAME}"
    )


def compare_finding(pairs: Sequence[Profiles]) -> Finding:
    """Which method leaves the smallest barrier: on the pair, or in the mean over the pairs that it could align."""
    barriers = mean_barriers(pairs)
    if not barriers:
        return Finding("broken", "No method could align these networks.")
    ordered = sorted(barriers, key=lambda name: barriers[name])
    best = ordered[0]
    if best == NAIVE:
        where = "its barrier is" if len(pairs) == 1 else f"over {len(pairs)} pairs its mean barrier is"
        return Finding("fails", f"No method improves on the path without alignment: {where} {_orange(barriers[best])}.")
    if len(pairs) == 1:
        said = f"{words.opening(_title(best))} leaves the smallest barrier: {_green(barriers[best])}"
    else:
        said = (
            f"Over {len(pairs)} pairs, {words.inside(_title(best))} leaves the smallest mean barrier: "
            f"{_green(barriers[best])}"
        )
    if NAIVE in barriers:
        said += f", against {_orange(barriers[NAIVE])} without alignment"
    rest = [name for name in ordered[1:] if name != NAIVE]
    if rest:
        said += f"; next is {words.inside(_title(rest[0]))} with {_green(barriers[rest[0]])}"
    return Finding("strongly", f"{said}.")


def compare_cards(pairs: Sequence[Profiles], seconds: Mapping[str, float]) -> tuple[Card, ...]:
    """The metric row: best and worst barrier, accuracy, time; nothing if no method has a path."""
    barriers = mean_barriers(pairs)
    if not barriers:
        return ()
    accuracies = _means(pairs, lambda profile: profile.midpoint("test", "accuracy"))
    best, worst = (pick(barriers, key=lambda name: barriers[name]) for pick in (min, max))
    accurate = max(accuracies, key=lambda name: accuracies[name])
    many = f", mean of {len(pairs)} pairs" if len(pairs) > 1 else ""
    return (
        Card("Smallest barrier", words.loss(barriers[best]), _title(best), f"Test loss{many}."),
        Card("Largest barrier", words.loss(barriers[worst]), _title(worst), f"Test loss{many}."),
        Card(
            "Best accuracy half-way",
            words.percent(accuracies[accurate]),
            _title(accurate),
            f"Test accuracy of the network whose weights are the mean of A's and aligned B's{many}.",
        ),
        Card(
            "Time",
            f"{seconds.get('total', 0.0):.1f} s",
            words.counted(len(barriers), "method") + (f", {len(pairs)} pairs" if len(pairs) > 1 else ""),
            "Wall-clock seconds, all together.",
        ),
    )


def compare_alt(pairs: Sequence[Profiles]) -> str:
    """What the figure shows, for who does not see it."""
    parts = [f"{_title(name)}: barrier {barrier:.2f}" for name, barrier in mean_barriers(pairs).items()]
    over = f" on {len(pairs)} pairs; means:" if len(pairs) > 1 else "."
    return (
        f"Test loss and accuracy along the paths of {words.counted(len(parts), 'method')}{over} "
        + "; ".join(parts)
        + "."
    )


def mean_barriers(pairs: Sequence[Profiles]) -> dict[str, float]:
    """Method → barrier of the test loss, the mean over the pairs, of methods that have a path on as many as any has."""
    return _means(pairs, lambda profile: profile.barrier())


def _means(pairs: Sequence[Profiles], measure: Callable[[Profile], float]) -> dict[str, float]:
    found: dict[str, list[float]] = {}
    for profiles in pairs:
        for name, profile in profiles.items():
            found.setdefault(name, []).append(measure(profile))
    most = max(map(len, found.values()), default=0)
    return {name: float(np.mean(values)) for name, values in found.items() if len(values) == most}


def _title(name: str) -> str:
    return METHODS[name].title if name in METHODS else name


def _green(barrier: float) -> str:
    return f":green[{words.loss(barrier)}]"


def _orange(barrier: float) -> str:
    return f":orange[{words.loss(barrier)}]"
