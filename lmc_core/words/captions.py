"""The words around the figures: cards with the numbers, captions that say what to look at."""

from __future__ import annotations

import math
from dataclasses import dataclass

from lmc_core.diagnostics.cloud import Cloud
from lmc_core.paths.profile import Profile
from lmc_core.words import numbers as words
from lmc_core.words.path import Finding

_FADES = 0.75
"""The signal fades if the variance of pre-activations half-way is below this share of the ends'."""
_KEEPS, _STAYS = 0.75, 0.1
"""The cloud keeps its shape from this spread on; the loss stays low up to this share of the naive barrier."""


@dataclass(frozen=True)
class Card:
    """One number of the metric row; `value` in Streamlit markdown, `note` under it, `help` as a tooltip."""

    label: str
    value: str
    note: str
    help: str = ""


def cards(
    naive: Profile,
    aligned: Profile,
    cloud: Cloud | None = None,
    *,
    align_seconds: float | None = None,
    evaluate_seconds: float | None = None,
    device: str = "cpu",
) -> tuple[Card, ...]:
    """The metric row, most important first: barrier in loss, in accuracy, accuracy half-way, spread half-way, time."""
    b0, b1 = naive.barrier(), aligned.barrier()
    row = [
        Card(
            "Barrier, test loss",
            _change(words.loss(b0), words.loss(b1)),
            _lower(b0, b1),
            "How far the path rises above the straight line between its ends.",
        ),
        Card(
            "Barrier, test accuracy",
            _change(*(f"{100 * p.barrier('test', 'accuracy'):.1f}" for p in (naive, aligned))) + " pt",
            "points below the line",
            "How far accuracy falls below the straight line between its ends.",
        ),
        Card(
            "Accuracy half-way",
            _change(*(f"{100 * p.midpoint('test', 'accuracy'):.1f}" for p in (naive, aligned))) + " %",
            f"ends: {_ends(naive)}",
            "Test accuracy of the network whose weights are the mean of A's and B's.",
        ),
    ]
    if cloud is not None:
        row.append(
            Card(
                f"Spread half-way, {cloud.label}",
                _change(*(words.whole(kept) for kept in cloud.halfway)) + " %",
                "50% if unrelated",
                "Share of the spread of the units' weights that their averages keep, over all directions.",
            )
        )
    if align_seconds is not None and evaluate_seconds is not None:
        place = "CPU" if device == "cpu" else device.upper()
        value = f"{align_seconds:.1f} + {evaluate_seconds:.1f} s"
        row.append(Card("Time", value, f"align + evaluate, {place}", "Wall-clock seconds when this run was computed."))
    return tuple(row)


def figure_caption(
    naive: Profile,
    aligned: Profile,
    cloud: Cloud,
    found: Finding,
    *,
    signal: tuple[float, float] | None = None,
    fades: float = _FADES,
) -> str:
    """What to look at in the explore figure, as Streamlit markdown.

    signal   variance of the layer's pre-activations half-way over that at the ends, before and after: the clause about
             the fading signal is printed only when these numbers say so
    """
    parts = ["**What to look at.** Drag *t*, or press ▶."]
    if found.case == "unaligned":
        parts.append("B stays in its trained order, so both panels show the same partners.")
    elif cloud.moved_inputs:
        parts.append(
            "After alignment B is drawn with its inputs re-ordered too, so its cloud differs between the panels."
        )
    else:
        parts.append("Both panels hold the same dots; only the partners differ.")
    before, after = cloud.halfway
    if found.case in ("removes", "strongly") and before < after and cloud.linear:
        faded = signal is not None and signal[0] < fades and signal[0] < signal[1]
        shrinks = ["the cloud shrinks towards its centre"] + ["the signal fades"] * faded
        shape = "keeps its shape" if after >= _KEEPS else "keeps more of its shape"
        stays = "stays low" if aligned.barrier() <= _STAYS * naive.barrier() else "rises less"
        parts.append(
            f":orange[Before], a unit is averaged with a stranger: {', '.join(shrinks)}, and the loss rises by "
            f"{words.loss(naive.barrier())}. :green[After], a unit is averaged with its counterpart: the cloud {shape} "
            f"and the loss {stays}."
        )
    else:
        parts.append(
            f"Half-way the cloud keeps {words.whole(before)}% of its spread :orange[before] and "
            f"{words.whole(after)}% :green[after]; unrelated partners keep 50%."
        )
    parts += [_links(cloud), *_plane(cloud), "Percentages count all directions, not only the two drawn."]
    if cloud.units > len(cloud.drawn):
        sample = f"A sample of {words.count(len(cloud.drawn))} of {words.count(cloud.units)} units is drawn"
        parts.append(f"{sample}; {'densities, ellipses and ' if cloud.linear else ''}percentages use all.")
    return " ".join(parts)


MATCHING_CAPTION = (
    "**What to look at.** A good matching moves the whole histogram left, not only its tail. A diagonal band says that "
    "units next to each other in A have partners next to each other in B; similarity counts all directions; *before* "
    "shows how much of the band the sorting alone makes."
)


def layers_caption(dimensions: tuple[float, ...], ambient: int) -> str:
    """What to look at in the figure of all layers; `dimensions` as the data sees them, `ambient` the widest layer."""
    text = (
        "**What to look at.** Left: 1 means that averaging weights and averaging activations give the same features. "
        "Middle: unrelated units keep 50% (dotted)."
    )
    if dimensions and max(dimensions) < 0.1 * ambient:
        listed = ", ".join(f"{d:.1f}" for d in dimensions)
        text += (
            f" Right: weights live in {words.count(ambient)} dimensions, but the data sees only a handful ({listed}): "
            "that is why partners exist at this width."
        )
    elif dimensions:
        text += " Right: how many directions of the weights the data sees; the fewer, the easier partners are found."
    return text


def _links(cloud: Cloud) -> str:
    linked = len(cloud.links)
    if linked == cloud.units:
        joined = f"Lines join all {linked} pairs"
    else:
        joined = f"Lines join {linked} of {words.count(cloud.units)} pairs, the same units of A in both panels"
    return f"{joined}; dark lines are longer than nine tenths of the aligned pairs."


def _plane(cloud: Cloud) -> list[str]:
    """What the drawn plane is, where it is not the principal one."""
    if cloud.projection == "random":
        return ["The plane is a random one: most of the cloud's shape lies outside of it."]
    if cloud.projection == "sliced" and cloud.apart is not None:
        one, other = (words.loss(float(value)) for value in cloud.apart)
        return [
            "The two directions are those along which the clouds of A and of aligned B differ most (max-sliced "
            f"Wasserstein): there W₂ is {one} and {other}."
        ]
    if cloud.projection == "tsne":
        stops = ", ".join(f"{float(t):g}" for t in cloud.t)
        return [
            "t-SNE keeps neighbours, not distances: sizes and gaps mean nothing here. A, B, aligned B and the averages "
            f"were placed in one fit at t = {stops}, which is where the slider stops."
        ]
    return []


def _change(before: str, after: str) -> str:
    return f":orange[{before}] :gray[→] :green[{after}]"


def _lower(before: float, after: float) -> str:
    if not before > 0 or before == after or not math.isfinite(before):
        return "no change"
    share = 1 - after / before
    return f"{words.most(share)} lower" if share >= 0 else f"{words.most(-share)} higher"


def _ends(profile: Profile) -> str:
    ends = sorted(words.percent(float(profile.accuracy()[end])) for end in (0, -1))
    return ends[0] if ends[0] == ends[1] else " and ".join(ends)
