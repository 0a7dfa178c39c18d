"""What a comparison of methods says, on one pair or on several."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from lmc_core.methods import METHODS
from lmc_core.paths.profile import Profile
from lmc_core.words import numbers
from lmc_core.words.finding import Card, Finding
from lmc_core.words.marks import Text, marked, say

NAIVE = "identity"
Profiles = Mapping[str, Profile]
"""Name of a method → its path on one pair."""


def compare_caption(pairs: int) -> Text:
    """What to look at."""
    drawn = "Every line is a path from A to B aligned by one method"
    if pairs > 1:
        drawn = (
            "Every panel is one pair of networks, on the same axes; every line is the path between them after "
            "alignment by one method"
        )
    return say(
        "**What to look at.** {drawn}, over the same examples; colour, dash and symbol belong to the method. The "
        "barrier is how far a path rises above the straight line between its ends. The objective is the overlap of the "
        "weights of A and aligned B, the same measure for all methods: a method that wins there need not have the "
        "lowest barrier. Click a heading of the table to sort.",
        drawn=drawn,
    )


def barriers_alt(pairs: Sequence[Profiles]) -> str:
    """What the chart of barriers shows, for who does not see it."""
    means = mean_barriers(pairs)
    ordered = sorted(means, key=lambda name: means[name])
    each = (f"{numbers.inside(method_title(name))} {numbers.loss(means[name])}" for name in ordered)
    return "Test-loss barrier per method, the smallest first: " + "; ".join(each) + "."


def compare_finding(pairs: Sequence[Profiles]) -> Finding:
    """Which method leaves the smallest barrier: on the pair, or in the mean over the pairs that it could align."""
    barriers = mean_barriers(pairs)
    if not barriers:
        return Finding("broken", say("No method could align these networks."))
    ordered = sorted(barriers, key=lambda name: barriers[name])
    best = ordered[0]
    least = marked("naive" if best == NAIVE else "aligned", numbers.loss(barriers[best]))
    if best == NAIVE:
        where = "its barrier is " if len(pairs) == 1 else f"over {_measured(pairs)} its mean barrier is "
        return Finding("fails", f"No method improves on the path without alignment: {where}" + least + ".")
    if len(pairs) == 1:
        text = f"{numbers.opening(method_title(best))} leaves the smallest barrier: " + least
    else:
        text = (
            f"Over {_measured(pairs)}, {numbers.inside(method_title(best))} leaves the smallest mean barrier: " + least
        )
    if NAIVE in barriers:
        text += ", against " + marked("naive", numbers.loss(barriers[NAIVE])) + " without alignment"
    rest = [name for name in ordered[1:] if name != NAIVE]
    if rest:
        text += f"; next is {numbers.inside(method_title(rest[0]))} with "
        text += marked("aligned", numbers.loss(barriers[rest[0]]))
    return Finding("strongly", text + ".")


def compare_cards(pairs: Sequence[Profiles], seconds: Mapping[str, float]) -> tuple[Card, ...]:
    """The numbers: best and worst barrier, accuracy, time; nothing if no method has a path."""
    barriers = mean_barriers(pairs)
    if not barriers:
        return ()
    accuracies = _means(pairs, lambda profile: profile.midpoint("test", "accuracy"))
    best, worst = (pick(barriers, key=lambda name: barriers[name]) for pick in (min, max))
    accurate = max(accuracies, key=lambda name: accuracies[name])
    many = f", mean of {_measured(pairs)}" if len(pairs) > 1 else ""
    return (
        Card("Smallest barrier", numbers.loss(barriers[best]), method_title(best), f"Test loss{many}."),
        Card("Largest barrier", numbers.loss(barriers[worst]), method_title(worst), f"Test loss{many}."),
        Card(
            "Best accuracy half-way",
            numbers.percent(accuracies[accurate]),
            method_title(accurate),
            f"Test accuracy of the network whose weights are the mean of A's and aligned B's{many}.",
        ),
        Card(
            "Time",
            f"{seconds.get('total', 0.0):.1f} s",
            numbers.counted(len(barriers), "method") + (f", {_measured(pairs)}" if len(pairs) > 1 else ""),
            "Wall-clock seconds, all together.",
        ),
    )


def compare_alt(pairs: Sequence[Profiles]) -> str:
    """What the figure shows, for who does not see it."""
    parts = [f"{method_title(name)}: barrier {barrier:.2f}" for name, barrier in mean_barriers(pairs).items()]
    over = f" on {_measured(pairs)}; means:" if len(pairs) > 1 else "."
    lines = f"Test loss and accuracy along the paths of {numbers.counted(len(parts), 'method')}{over} "
    return lines + "; ".join(parts) + "."


def rows_so_far(rows: Sequence[Mapping[str, Any]], pair: str = "") -> Text:
    """What is known of a comparison under way.

    rows   as a run's status has them: of every method that has aligned, its barrier and how far off it may be
    pair   which is compared, of several
    """
    best = min(rows, key=lambda row: float(row["barrier"]))
    begun = [f"{numbers.inside(method_title(row['method']))} ({_part(row['begun'])})" for row in rows if "begun" in row]
    return say(
        "{pair}After {count}, {method} leaves the smallest test-loss barrier so far, {barrier}, from {seen} of {every} "
        "test examples; ± holds with 95%.{begun}",
        pair=f"{pair}: " if pair else "",
        count=numbers.counted(len(rows), "method"),
        method=numbers.inside(method_title(best["method"])),
        barrier=marked("aligned", numbers.within(float(best["barrier"]), float(best["within"]))),
        seen=numbers.count(best["examples"]),
        every=numbers.count(best["of"]),
        begun=f" A first look, to be replaced: {numbers.listed(begun)}." if begun else "",
    )


COUNTED = {"restarts": "start", "steps": "step"}
"""Setting of a method → what one of it is called."""


def _part(begun: Mapping[str, Sequence[int]]) -> str:
    """How much of a method was done: "20 of 200 steps"."""
    return ", ".join(
        f"{few} of {numbers.counted(many, COUNTED.get(name, name))}" for name, (few, many) in begun.items()
    )


def profiles_so_far(rows: Sequence[Mapping[str, Any]]) -> dict[str, Profile]:
    """The same rows as paths; a loss that is no number is not drawn."""
    found = {}
    for row in rows:
        loss = np.array([np.nan if value is None else value for value in row["loss"]])
        values = {"test": {"loss": loss, "accuracy": np.array(row["accuracy"])}}
        found[row["method"]] = Profile(np.array(row["t"]), values, {"test": row["examples"]})
    return found


def mean_barriers(pairs: Sequence[Profiles]) -> dict[str, float]:
    """Method → barrier of the test loss, the mean over the pairs, of methods that have a path on as many as any has."""
    return _means(pairs, lambda profile: profile.barrier())


def _means(pairs: Sequence[Profiles], measure: Callable[[Profile], float]) -> dict[str, float]:
    measured: dict[str, list[float]] = {}
    for profiles in pairs:
        for name, profile in profiles.items():
            measured.setdefault(name, []).append(measure(profile))
    most = max(map(len, measured.values()), default=0)
    return {name: float(np.mean(values)) for name, values in measured.items() if len(values) == most}


def _measured(pairs: Sequence[Profiles]) -> str:
    """The pairs that the means are over: as many as any method has a path on."""
    counts = Counter(name for profiles in pairs for name in profiles)
    most = max(counts.values(), default=0)
    return f"{len(pairs)} pairs" if most == len(pairs) else f"{most} of {len(pairs)} pairs"


def method_title(name: str) -> str:
    """The title of a method, or its name where this program does not know it."""
    return METHODS[name].title if name in METHODS else name
