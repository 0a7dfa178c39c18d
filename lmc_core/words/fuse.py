"""The words around a fusion: the finding, the numbers, what to look at."""

from __future__ import annotations

from collections.abc import Mapping

from lmc_core.fusion import FUSIONS
from lmc_core.fusion.outcome import Outcome
from lmc_core.words import numbers as words
from lmc_core.words.captions import Card
from lmc_core.words.path import Finding

PLAIN = "vanilla-average"
LOST = 0.05
"""A fused network this far below its worst parent needs a remedy, which is named."""
SAME = 0.005
NUMBERS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")


def fuse_finding(outcome: Outcome, method: str, classes: int = 10) -> Finding:
    """What the fused network scores, beside its parents and their plain average. `classes`: of the data."""
    alone, fused = outcome.accuracies(), outcome.fused["test"]["accuracy"]
    reached = _gold(words.percent(fused))
    number = in_words(len(alone))
    among = _range(alone)
    how = "Averaged as they are" if method == PLAIN else f"Fused by {words.inside(FUSIONS[method].title)}"
    keep = "keep" if fused >= min(alone) - LOST else "reach only"
    said = f"{how}, the {number} networks {keep} {reached} test accuracy (alone: {among})"
    if outcome.average is not None:
        average = outcome.average["test"]["accuracy"]
        verb = "does better: " if average > fused + SAME else "gives the same: " if average > fused - SAME else "gives "
        said += f"; averaging their weights as they are {verb}{_orange(words.percent(average))}"
    said += "."
    if outcome.curve:
        epochs = "one epoch" if outcome.epochs == 1 else f"{in_words(outcome.epochs)} epochs"
        said += f" After {epochs} of fine-tuning it is {_gold(words.percent(outcome.final['test']['accuracy']))}."
    elif fused < min(alone) - LOST:
        remedy = "another method" if method != PLAIN else "a method that aligns them first"
        said += f" Try {remedy}, or a few epochs of fine-tuning."
    if min(alone) < 1 / classes + 0.1 * (1 - 1 / classes):
        said += " One of them is barely trained, and pulls the others with it."
    return Finding("strongly" if fused >= min(alone) - LOST else "fails", said)


def fuse_cards(outcome: Outcome, seconds: Mapping[str, float], device: str) -> tuple[Card, ...]:
    """The metric row: fused, best parent, plain average, the hill on the way, time."""
    alone, final = outcome.accuracies(), outcome.final["test"]["accuracy"]
    best = max(range(len(alone)), key=alone.__getitem__)
    row = [
        Card(
            "Fused, test accuracy" if not outcome.curve else f"After {_epochs(outcome.epochs)}",
            _gold(words.percent(final)),
            _points(final - alone[best]),
            "Of the network that can be downloaded below.",
        ),
        Card(
            "Best parent",
            words.percent(alone[best]),
            f"{letter(best)}, alone",
            f"Test accuracy of {outcome.names[best]}.",
        ),
    ]
    if outcome.average is not None:
        row.append(
            Card(
                "Plain average",
                _orange(words.percent(outcome.average["test"]["accuracy"])),
                "nothing aligned",
                "Test accuracy of the network whose weights are the mean of the parents' as they are.",
            )
        )
    if outcome.curve:
        row.append(
            Card(
                "Before fine-tuning",
                _gold(words.percent(outcome.fused["test"]["accuracy"])),
                f"train {words.percent(outcome.fused['train']['accuracy'])}",
                "Test accuracy of the fused network as the method made it.",
            )
        )
    if outcome.barrier is not None:
        row.append(
            Card(
                "Highest barrier",
                _gold(words.loss(outcome.barrier)),
                "on the paths to it",
                "How far test loss rises above the straight line on the worst path from a parent to the fused network.",
            )
        )
    row.append(
        Card(
            "Time",
            f"{seconds.get('total', 0.0):.1f} s",
            f"{seconds.get('fuse', 0.0):.1f} s to fuse, {device.upper()}",
            "",
        )
    )
    return tuple(row)


def fuse_caption(outcome: Outcome, method: str) -> str:
    """What to look at in the figure."""
    end = "fine-tuned" if outcome.curve else "fused"
    said = "**What to look at.** Left: every network as a dot, filled on test examples and open on training examples"
    said += "; the ensemble keeps all parents and averages what they say. " if outcome.ensemble is not None else ". "
    if any(path is not None for path in outcome.paths):
        said += f"Right: the straight line from each parent to the {end} network"
        if method == PLAIN:
            said += ". Units are averaged with strangers: the loss rises on the way."
        else:
            said += ", its units re-ordered as the fusion found them; a flat line means that both lie in one basin."
    else:
        said += "Right: no line to the fused network, because no parent keeps its function in the units of that one."
    if outcome.average_paths:
        said += " :orange[Dotted], the lines to the plain average: there, units are averaged with strangers."
    return said


def fuse_alt(outcome: Outcome) -> str:
    """What the figure shows, for who does not see it."""
    parts = [f"{letter(k)} {words.percent(value)}" for k, value in enumerate(outcome.accuracies())]
    if outcome.ensemble is not None:
        parts.append(f"ensemble {words.percent(outcome.ensemble['test']['accuracy'])}")
    if outcome.average is not None:
        parts.append(f"plain average {words.percent(outcome.average['test']['accuracy'])}")
    parts.append(f"fused {words.percent(outcome.fused['test']['accuracy'])}")
    if outcome.curve:
        parts.append(f"fine-tuned {words.percent(outcome.final['test']['accuracy'])}")
    said = f"Test accuracy: {', '.join(parts)}."
    if outcome.barrier is not None:
        said += f" On the paths to the result, test loss rises by at most {words.loss(outcome.barrier)}."
    return said


def letter(number: int) -> str:
    """What the parents are called: A, B, C …"""
    return chr(ord("A") + number)


def in_words(number: int) -> str:
    return NUMBERS[number] if number < len(NUMBERS) else str(number)


def _epochs(number: int) -> str:
    return words.counted(number, "epoch")


def _range(values: tuple[float, ...]) -> str:
    low, high = words.percent(min(values)), words.percent(max(values))
    return low if low == high else f"{low} to {high}"


def _points(difference: float) -> str:
    points = abs(100 * difference)
    return (
        f"{points:.1f} pt {'over' if difference > 0 else 'under'} the best" if points >= 0.05 else "as the best parent"
    )


def _gold(text: str) -> str:
    return f":yellow[{text}]"


def _orange(text: str) -> str:
    return f":orange[{text}]"
