"""The words around a comparison of methods."""

from __future__ import annotations

from collections.abc import Mapping

from lmc_core.figures import words
from lmc_core.figures.captions import Card
from lmc_core.figures.finding import Finding
from lmc_core.methods import METHODS
from lmc_core.paths.profile import Profile

NAIVE = METHODS["identity"].title
COMPARE_CAPTION = (
    "**What to look at.** Every line is a path from A to B aligned by one method, over the same examples; colour, dash "
    "and symbol belong to the method. The barrier is how far a path rises above the straight line between its ends. "
    "The objective is the overlap of the weights of A and aligned B, the same measure for all methods: a method that "
    "wins there need not have the lowest barrier. Click a heading of the table to sort."
)


def compare_finding(profiles: Mapping[str, Profile]) -> Finding:
    """Which method leaves the smallest barrier. `profiles`: title of the method → path."""
    if not profiles:
        return Finding("broken", "No method could align these networks.")
    ordered = sorted(profiles.items(), key=lambda item: item[1].barrier())
    best, least = ordered[0]
    naive = profiles.get(NAIVE)
    said = f"{words.opening(best)} leaves the smallest barrier: {_green(least)}"
    if best == NAIVE:
        return Finding("fails", f"No method improves on the path without alignment: its barrier is {_orange(least)}.")
    if naive is not None:
        said += f", against {_orange(naive)} without alignment"
    rest = [item for item in ordered[1:] if item[0] != NAIVE]
    if rest:
        said += f"; next is {words.inside(rest[0][0])} with {_green(rest[0][1])}"
    return Finding("strongly", f"{said}.")


def compare_cards(profiles: Mapping[str, Profile], seconds: Mapping[str, float]) -> tuple[Card, ...]:
    """The metric row: best and worst barrier, accuracy, time."""
    ordered = sorted(profiles.items(), key=lambda item: item[1].barrier())
    best, least = ordered[0]
    worst, most = ordered[-1]
    accurate = max(profiles.items(), key=lambda item: item[1].midpoint("test", "accuracy"))
    return (
        Card("Smallest barrier", words.loss(least.barrier()), best, "Test loss."),
        Card("Largest barrier", words.loss(most.barrier()), worst, "Test loss."),
        Card(
            "Best accuracy half-way",
            words.percent(accurate[1].midpoint("test", "accuracy")),
            accurate[0],
            "Test accuracy of the network whose weights are the mean of A's and aligned B's.",
        ),
        Card(
            "Time",
            f"{seconds.get('total', 0.0):.1f} s",
            f"{len(profiles)} methods",
            "Wall-clock seconds, all together.",
        ),
    )


def compare_alt(profiles: Mapping[str, Profile]) -> str:
    """What the figure shows, for who does not see it."""
    parts = [f"{title}: barrier {profile.barrier():.2f}" for title, profile in profiles.items()]
    return f"Test loss and accuracy along the paths of {len(parts)} methods. " + "; ".join(parts) + "."


def _green(profile: Profile) -> str:
    return f":green[{words.loss(profile.barrier())}]"


def _orange(profile: Profile) -> str:
    return f":orange[{words.loss(profile.barrier())}]"
