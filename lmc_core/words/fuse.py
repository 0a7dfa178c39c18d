"""What a fusion of networks says: its finding, its numbers, what to look at, and its tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from lmc_core.fusion import FUSIONS
from lmc_core.fusion.outcome import Outcome, Scores
from lmc_core.words import numbers
from lmc_core.words.finding import THRESHOLDS, Card, Finding
from lmc_core.words.marks import Text, marked, say
from lmc_core.words.measures import measures

AVERAGE = "vanilla-average"
LOST = 0.05
"""A fused network this far below its worst parent needs a remedy, which is named."""
SAME = 0.005


def fuse_finding(outcome: Outcome, method: str, classes: int = 10) -> Finding:
    """What the fused network scores, beside its parents and their plain average. `classes`: of the data."""
    alone, fused = outcome.accuracies(), outcome.fused["test"]["accuracy"]
    keeps = fused >= min(alone) - LOST
    text = say(
        "{how}, the {number} networks {keep} {reached} test accuracy (alone: {among})",
        how="Averaged as they are" if method == AVERAGE else f"Fused by {numbers.inside(FUSIONS[method].title)}",
        number=numbers.in_words(len(alone)),
        keep="keep" if keeps else "reach only",
        reached=marked("fused", numbers.percent(fused)),
        among=_range(alone),
    )
    if outcome.average is not None:
        average = outcome.average["test"]["accuracy"]
        verb = "does better: " if average > fused + SAME else "gives the same: " if average > fused - SAME else "gives "
        text += f"; averaging their weights as they are {verb}" + marked("naive", numbers.percent(average))
    text += "."
    if outcome.curve:
        epochs = "one epoch" if outcome.epochs == 1 else f"{numbers.in_words(outcome.epochs)} epochs"
        final = marked("fused", numbers.percent(outcome.final["test"]["accuracy"]))
        text += f" After {epochs} of fine-tuning it is " + final + "."
    elif not keeps:
        remedy = "another method" if method != AVERAGE else "a method that aligns them first"
        text += f" Try {remedy}, or a few epochs of fine-tuning."
    if min(alone) < THRESHOLDS.barely(classes):
        text += " One of them is barely trained, and pulls the others with it."
    return Finding("strongly" if keeps else "fails", measures(outcome.paths).said(text))


def fuse_cards(outcome: Outcome, seconds: Mapping[str, float], device: str) -> tuple[Card, ...]:
    """The numbers: fused, best parent, plain average, the hill on the way, time."""
    alone, final = outcome.accuracies(), outcome.final["test"]["accuracy"]
    best = max(range(len(alone)), key=alone.__getitem__)
    row = [
        Card(
            f"After {numbers.counted(outcome.epochs, 'epoch')}" if outcome.curve else "Fused, test accuracy",
            marked("fused", numbers.percent(final)),
            _points(final - alone[best]),
            "Of the network that can be downloaded below.",
        ),
        Card(
            "Best parent",
            numbers.percent(alone[best]),
            f"{letter(best)}, alone",
            f"Test accuracy of {outcome.names[best]}.",
        ),
    ]
    if outcome.average is not None:
        row.append(
            Card(
                "Plain average",
                marked("naive", numbers.percent(outcome.average["test"]["accuracy"])),
                "nothing aligned",
                "Test accuracy of the network whose weights are the mean of the parents' as they are.",
            )
        )
    if outcome.curve:
        row.append(
            Card(
                "Before fine-tuning",
                marked("fused", numbers.percent(outcome.fused["test"]["accuracy"])),
                f"train {numbers.percent(outcome.fused['train']['accuracy'])}",
                "Test accuracy of the fused network as the method made it.",
            )
        )
    if outcome.barrier is not None:
        row.append(
            Card(
                "Highest barrier",
                marked("fused", numbers.loss(outcome.barrier)),
                "on the paths to it",
                "How far test loss rises above the straight line on the worst path from a parent to the fused network.",
            )
        )
    spent = f"{seconds.get('fuse', 0.0):.1f} s to fuse, {device.upper()}"
    row.append(Card("Time", f"{seconds.get('total', 0.0):.1f} s", spent))
    return tuple(row)


def fuse_caption(outcome: Outcome, method: str) -> Text:
    """What to look at in the figure."""
    end = "fine-tuned" if outcome.curve else "fused"
    text = say(
        "**What to look at.** Left: every network as a dot, filled on test examples and open on training examples"
    )
    text += "; the ensemble keeps all parents and averages what they say. " if outcome.ensemble is not None else ". "
    if any(path is not None for path in outcome.paths):
        text += f"Right: the straight line from each parent to the {end} network"
        if method == AVERAGE:
            text += ". Units are averaged with strangers: the loss rises on the way."
        else:
            text += ", its units re-ordered as the fusion found them; a flat line means that both lie in one basin."
    elif outcome.paths:
        text += "Right: at this width no parent can be expressed exactly, so no path is drawn."
    if outcome.average_paths:
        text += say(" {naive:Dotted}, the lines to the plain average: there, units are averaged with strangers.")
    return text


def fuse_alt(outcome: Outcome) -> str:
    """What the figure shows, for who does not see it."""
    parts = [f"{letter(k)} {numbers.percent(value)}" for k, value in enumerate(outcome.accuracies())]
    more: tuple[tuple[str, Scores | None], ...] = (
        ("ensemble", outcome.ensemble),
        ("plain average", outcome.average),
        ("fused", outcome.fused),
        ("fine-tuned", outcome.final if outcome.curve else None),
    )
    parts += [f"{name} {numbers.percent(scores['test']['accuracy'])}" for name, scores in more if scores is not None]
    text = f"Test accuracy: {', '.join(parts)}."
    if outcome.barrier is not None:
        text += f" On the paths to the result, test loss rises by at most {numbers.loss(outcome.barrier)}."
    return text


def history_alt(history: Sequence[float], curve: Sequence[Scores]) -> str:
    """What the figure of the steps and epochs shows, for who does not see it."""
    parts = []
    if history:
        steps = numbers.counted(len(history), "step")
        parts.append(f"The objective goes from {history[0]:.4g} to {history[-1]:.4g} in {steps}.")
    if curve:
        before, after = (scores["test"]["accuracy"] for scores in (curve[0], curve[-1]))
        parts.append(f"Fine-tuning takes test accuracy from {before:.1%} to {after:.1%}.")
    return " ".join(parts)


def history_caption(history: Sequence[float], converged: bool, method: str) -> str:
    """What is said under that figure; `method` is its title."""
    if not history:
        return ""
    settled = "" if converged else "; it stopped before it had settled"
    steps = f"{numbers.counted(len(history), 'step')} of {method}{settled}"
    return f"{steps}. Each method has its own objective; do not compare values between methods."


NO_HISTORY = "This method takes one step and has no objective to follow; nothing was fine-tuned."
GROUPS_CAPTION = say(
    "A group is a set of hidden units that can be re-ordered without changing the function. *Units of A per fused "
    "unit* is a mean: 1.00 where they were matched one to one."
)


def function_errors(errors: Sequence[float]) -> str:
    """How much of each parent's function is lost."""
    lost = " · ".join(f"{letter(k)} {numbers.power(error)}" for k, error in enumerate(errors))
    return f"How much each parent's outputs change when its units are regrouped, relative to their size: {lost}."


def fuse_scores(outcome: Outcome) -> dict[str, list[Any]]:
    """The table of all networks, one row each."""
    rows: list[tuple[str, Scores | None]] = [
        (f"{letter(k)}, {name}", found)
        for k, (name, found) in enumerate(zip(outcome.names, outcome.parents, strict=True))
    ]
    rows += [("ensemble", outcome.ensemble), ("plain average", outcome.average), ("fused", outcome.fused)]
    rows += [(f"fused, {numbers.counted(epoch, 'epoch')}", found) for epoch, found in enumerate(outcome.curve) if epoch]
    known = [(name, found) for name, found in rows if found is not None]
    columns: dict[str, list[Any]] = {"network": [name for name, _ in known]}
    for split in ("test", "train"):
        columns[f"{split} acc."] = [100 * found[split]["accuracy"] for _, found in known]
        columns[f"{split} loss"] = [found[split]["loss"] for _, found in known]
    return columns


def fuse_paths(outcome: Outcome) -> dict[str, list[Any]]:
    """The table of all paths, one row per point."""
    columns: dict[str, list[Any]] = {"from": [], "to": [], "t": []}
    lines = [(k, "fused", path) for k, path in enumerate(outcome.paths) if path is not None]
    lines += [(k, "plain average", path) for k, path in enumerate(outcome.average_paths)]
    for k, end, path in lines:
        columns["from"] += [letter(k)] * len(path.t)
        columns["to"] += [end] * len(path.t)
        columns["t"] += path.t.tolist()
        for split, metrics in path.values.items():
            for metric, values in metrics.items():
                columns.setdefault(f"{split} {metric}", []).extend(values.tolist())
    return columns


def fuse_groups(
    groups: Mapping[str, int], parents: Sequence[Mapping[str, int]], sources: Sequence[Mapping[str, float]]
) -> dict[str, list[Any]]:
    """The table of widths before and after, and of how many units each fused unit is made, one row per group."""
    columns: dict[str, list[Any]] = {"group": list(groups)}
    for k, sizes in enumerate(parents):
        columns[letter(k)] = [sizes.get(name) for name in groups]
    columns["fused"] = list(groups.values())
    for k, made in enumerate(sources):
        columns[f"units of {letter(k)} per fused unit"] = [made.get(name) for name in groups]
    return columns


def letter(number: int) -> str:
    """What the parents are called: A, B, C …"""
    return chr(ord("A") + number)


def _range(values: tuple[float, ...]) -> str:
    low, high = numbers.percent(min(values)), numbers.percent(max(values))
    return low if low == high else f"{low} to {high}"


def _points(difference: float) -> str:
    points = abs(100 * difference)
    return (
        f"{points:.1f} pt {'over' if difference > 0 else 'under'} the best" if points >= 0.05 else "as the best parent"
    )
