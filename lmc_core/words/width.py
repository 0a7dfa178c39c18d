"""What is said of how barrier and distance go with the width."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from lmc_core.diagnostics.width import Scaling
from lmc_core.words import numbers
from lmc_core.words.finding import Card, Finding
from lmc_core.words.marks import Text, marked, say


def width_finding(
    widths: Sequence[int],
    naive: Sequence[float],
    aligned: Sequence[float],
    scalings: Mapping[str, Scaling],
    method_title: str,
) -> Finding:
    """How the barrier goes with the width, and the dimension that the distances imply."""
    falls = aligned[-1] < aligned[0]
    text = say(
        "From {first} to {last} units per layer the barrier after {method} {goes} from {a0} to {a1}; without alignment "
        "it is {n0} and {n1}.",
        first=str(widths[0]),
        last=str(widths[-1]),
        method=numbers.inside(method_title),
        goes="falls" if falls else "does not fall: it goes",
        a0=marked("aligned", numbers.loss(aligned[0])),
        a1=marked("aligned", numbers.loss(aligned[-1])),
        n0=marked("naive", numbers.loss(naive[0])),
        n1=marked("naive", numbers.loss(naive[-1])),
    )
    if implied := _implied(scalings):
        text += f" The distance of the layers falls as if their weights had dimension {numbers.spanned(implied)}."
    return Finding("strongly" if falls else "fails", text)


def width_cards(
    widths: Sequence[int], naive: Sequence[float], aligned: Sequence[float], scalings: Mapping[str, Scaling]
) -> tuple[Card, ...]:
    """One card per width, and the implied dimensions."""
    row = [
        Card(
            f"Barrier, width {width}",
            numbers.change(numbers.loss(before), numbers.loss(after)),
            "test loss",
            "Without and with alignment.",
        )
        for width, before, after in zip(widths, naive, aligned, strict=True)
    ]
    if implied := _implied(scalings):
        dimension = marked("a", numbers.spanned(implied))
        row.append(Card("Implied dimension", dimension, "−2 / slope, per layer", "An indicator only."))
    return tuple(row)


def width_caption() -> Text:
    """What to look at in the figure."""
    return say(
        "**What to look at.** Left: entire pairs of networks, trained alike but for their width. The theory says that "
        "enough width removes the barrier modulo permutation. Right: W₂² between the layers of A and aligned B, over "
        "their mean squared size. Independent draws from a d-dimensional distribution approach each other as m to the "
        "power −2/d, so the slope s of the straight line implies the dimension −2/s: an indicator, biased for small d "
        "and for large d at these widths, and from three widths only."
    )


def width_alt(widths: Sequence[int], naive: Sequence[float], aligned: Sequence[float]) -> str:
    """What the figure shows, for who does not see it."""
    parts = [
        f"width {width}: barrier {before:.2f} without and {after:.2f} with alignment"
        for width, before, after in zip(widths, naive, aligned, strict=True)
    ]
    return "; ".join(parts) + "."


def _implied(scalings: Mapping[str, Scaling]) -> list[float]:
    """Dimensions that the distances of the layers imply."""
    return [line.dimension for line in scalings.values() if line.dimension is not None]
