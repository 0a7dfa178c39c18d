"""The words around the plane through A, B and aligned B."""

from __future__ import annotations

import numpy as np

from lmc_core.figures import words
from lmc_core.figures.captions import Card
from lmc_core.figures.finding import THRESHOLDS, Case, Finding, Thresholds
from lmc_core.paths.profile import Profile
from lmc_core.paths.surface import Surface

_A, _B, _C = ":blue[A]", ":violet[B]", "aligned :violet[B]"


def plane_finding(
    surface: Surface, naive: Profile, aligned: Profile, method_title: str, thresholds: Thresholds = THRESHOLDS
) -> Finding:
    """What lies between the three networks, in one sentence."""
    b0, b1, small = naive.barrier(), aligned.barrier(), thresholds.none(naive)
    before, after = f":orange[{words.loss(b0)}]", f":green[{words.loss(b1)}]"
    method = words.inside(method_title)
    if not np.isfinite(aligned.loss()).all():
        return Finding("broken", f"Between {_A} and {_C} the loss is not a number: check the weights of both models.")
    if b0 <= small:
        return Finding("none", f"{_A}, {_B} and {_C} lie in one valley: even unaligned, the barrier is {before}.")
    if b1 <= small:
        return Finding(
            "removes",
            f"{_A} and {_B} are two valleys with a ridge of {before} between them; {method} carries {_B} into the "
            f"valley of {_A}, where only {after} is left.",
        )
    if b1 <= thresholds.reduces * b0:
        case: Case = "strongly" if b1 <= thresholds.strongly * b0 else "reduces"
        return Finding(
            case,
            f"The ridge between {_A} and {_B} rises {before} above its ends; on the way to {_C} only {after} is left "
            f"after {method}.",
        )
    return Finding(
        "fails" if b1 <= thresholds.same * b0 else "worse",
        f"{_A}, {_B} and {_C} are three separate valleys: the ridge towards {_B} is {before} high, after {method} "
        f"{after}.",
    )


def plane_cards(surface: Surface, naive: Profile, aligned: Profile, seconds: float | None = None) -> tuple[Card, ...]:
    """The metric row: barrier, accuracy half-way, distances, grid."""
    far, near = surface.distance("a", "b"), surface.distance("a", "aligned")
    rows, columns = surface.loss().shape
    spent = "" if seconds is None else f" in {seconds:.1f} s"
    return (
        Card(
            "Barrier, test loss",
            f":orange[{words.loss(naive.barrier())}] :gray[→] :green[{words.loss(aligned.barrier())}]",
            "to B, to aligned B",
            "How far each straight path rises above the line between its ends.",
        ),
        Card(
            "Accuracy half-way",
            " :gray[→] ".join(
                f":{colour}[{100 * p.midpoint('test', 'accuracy'):.1f}]"
                for colour, p in (("orange", naive), ("green", aligned))
            )
            + " %",
            "to B, to aligned B",
            "Test accuracy in the middle of each path.",
        ),
        Card(
            "Distance from A",
            f":orange[{far:.1f}] :gray[→] :green[{near:.1f}]",
            f"{_share(far, near)} after alignment",
            "Euclidean distance in weight space, to B and to aligned B.",
        ),
        Card(
            "Networks measured",
            words.count(rows * columns),
            f"{columns} × {rows} cells{spent}",
            "Each cell of the pictures is one network of this plane, evaluated.",
        ),
    )


def plane_caption(surface: Surface) -> str:
    """What to look at in both maps, as Streamlit markdown."""
    used = " and ".join(f"{words.count(n)} {split}" for split, n in surface.examples.items())
    parts = [
        "**What to look at.** Every point is a network: A plus a step towards B (right) plus a step in the direction "
        "that only aligned B adds (up). Where the map fades into the page, networks are good. The :orange[dashed "
        "path] leads to B as it was trained, the :green[solid path] to the same function with its units re-ordered; "
        "a good alignment ends inside the valley around A. Axes are orthonormal, so distances and angles are those of "
        "weight space.",
        f"Measured on {used} examples.",
    ]
    if surface.recalibrate:
        parts.append("The statistics of BatchNorm are recomputed at every point, the corners included.")
    return " ".join(parts)


def plane_alt(surface: Surface, naive: Profile, aligned: Profile) -> str:
    """What the maps show, for who does not see them."""
    return (
        f"Two maps of the plane through A, B and aligned B: test loss and test accuracy. On the straight path to B "
        f"loss reaches {words.loss(float(naive.loss().max()))}, on the path to aligned B "
        f"{words.loss(float(aligned.loss().max()))}; aligned B is {surface.distance('a', 'aligned'):.1f} away from A, "
        f"B {surface.distance('a', 'b'):.1f}."
    )


def _share(before: float, after: float) -> str:
    change = 1 - after / before if before else 0.0
    return f"{abs(100 * change):.0f}% {'closer' if change >= 0 else 'farther'}"
