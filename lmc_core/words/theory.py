"""The words around what the theory speaks of: on one pair, and over several widths."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from lmc_core.diagnostics.diagnose import Layer
from lmc_core.diagnostics.dimension import Dimension
from lmc_core.diagnostics.gap import Gap
from lmc_core.diagnostics.matching import Matching
from lmc_core.diagnostics.width import Scaling
from lmc_core.words import numbers as words
from lmc_core.words.captions import Card
from lmc_core.words.path import Finding

NOT_COMPUTABLE = (
    "**What cannot be computed.** The theorems speak of widths from which on a barrier below ε is guaranteed: "
    "$N_{\\min}$ of Theorem 3.1, $\\tilde m_\\ell$ and $T_\\ell$ of Theorem 5.2 (Ferbach 2023). Their constants "
    "are not known, the bounds grow exponentially with the input dimension, and the authors call them far from "
    "practice, so no number is shown for them; nor for the density of Theorem 5.3 or the support of Theorem 5.4, of "
    "which the dimensions shown here are only a hint. The theorems also assume what no checkpoint can prove: weights "
    "of a layer that are independent draws from one distribution, and for Theorem 3.1 two layers, a bounded activation "
    "(ReLU is none) and training for the same time. Shown here is what the files do determine."
)
_SYMBOLS = {"$N_{\\min}$": "N_min", "$\\tilde m_\\ell$": "m̃_l", "$T_\\ell$": "T_l"}


def not_computable() -> str:
    """The same as plain text."""
    text = words.plain(NOT_COMPUTABLE)
    for formula, letters in _SYMBOLS.items():
        text = text.replace(formula, letters)
    return text


def theory_finding(naive: Gap, aligned: Gap, layers: Mapping[str, Layer], method_title: str) -> Finding:
    """The certificate of the aligned path, and how few directions the data sees."""
    before, after = (f":{c}[{words.loss(float(g.gap.max()))}]" for c, g in (("orange", naive), ("green", aligned)))
    said = (
        f"After {words.inside(method_title)} the function gap falls from {before} to {after}, which certifies a "
        f"barrier of at most :green[{words.loss(float(aligned.bound.max()))}]; measured is "
        f":green[{words.loss(float(aligned.excess.max()))}]."
    )
    falls = aligned.gap.max() < 0.95 * naive.gap.max()
    if not falls:
        said = f"{words.opening(method_title)} does not close the function gap: it is {after}, and {before} without."
    seen = [layer.dimension.seen.dimension for layer in layers.values() if layer.dimension.seen is not None]
    most = max((min(d.dimension.units, d.dimension.features) for d in layers.values()), default=0)
    if seen and max(seen) < 0.25 * most:
        said += f" The data sees {_range(seen)} of up to {words.count(most)} directions of the weights."
    return Finding("strongly" if falls else "fails", said)


def theory_cards(
    naive: Gap, aligned: Gap, matching: Mapping[str, Matching], layers: Mapping[str, Layer]
) -> tuple[Card, ...]:
    """The metric row: gap, bound, transport cost, dimension."""
    ratios = [m.cost.after / m.cost.before for m in matching.values() if m.cost.before > 0]
    low = [
        min((float(side.cosine.min()) for side in sides if side is not None), default=float("nan"))
        for sides in ([x.before for x in layers.values()], [x.after for x in layers.values()])
    ]
    seen = [x.dimension.seen.dimension for x in layers.values() if x.dimension.seen is not None]
    cards = [
        Card(
            "Function gap, largest",
            f":orange[{words.loss(float(naive.gap.max()))}] :gray[→] :green[{words.loss(float(aligned.gap.max()))}]",
            "in logits",
            "max over t of the mean distance between outputs on the path and the mixture of the outputs of A and B.",
        ),
        Card(
            "Barrier and its bound",
            f"{_green(float(aligned.excess.max()))} :gray[≤] {_green(float(aligned.bound.max()))}",
            "aligned path",
            "Cross-entropy is convex and √2-Lipschitz in the logits, so the barrier is at most √2 times the gap.",
        ),
    ]
    if ratios:
        cards.append(
            Card(
                "Transport cost kept",
                f":green[{words.whole(min(ratios))}–{words.whole(max(ratios))}] %",
                "of the trained order",
                "Mean squared distance of partners after alignment over that before, per layer, as the data sees it.",
            )
        )
    if all(np.isfinite(low)):
        cards.append(
            Card(
                "Lowest feature cosine",
                f":orange[{low[0]:.2f}] :gray[→] :green[{low[1]:.2f}]",
                "over all layers",
                "Layer-wise linear feature connectivity: 1 means averaging weights averages features.",
            )
        )
    if seen:
        cards.append(
            Card(
                "Dimension", f":blue[{_range(seen)}]", "as the data sees A", "tr(S)² / tr(S²) of S = W Σ Wᵀ, uncentred."
            )
        )
    return tuple(cards)


def theory_caption(naive: Gap) -> str:
    """What to look at in the figure of one pair."""
    return (
        "**What to look at.** Left: how far loss rises above the line between the ends (solid), and √2 times the "
        "function gap (dotted), which it can never exceed; the theorems bound this gap. Middle: the mean squared "
        "distance of partners after alignment, and W₂², the least that any partners allow, as shares of the "
        ":orange[trained order], for the weights W and as the data sees them, W Σ½. Right: how many directions the "
        "weights of A fill, and how many of them the data sees, with the mean of the activations (as published) and "
        "without: near 1–2 the uncentred number mostly says that ReLU activations have a common mean. "
        f"Gap and loss are measured on {words.count(naive.examples)} test examples."
    )


def theory_alt(naive: Gap, aligned: Gap, matching: Mapping[str, Matching]) -> str:
    """What the figure of one pair shows, for who does not see it."""
    costs = "; ".join(
        f"{m.label}: distance of partners {100 * m.cost.after / m.cost.before:.0f} percent of the trained order"
        for m in matching.values()
        if m.cost.before > 0
    )
    return (
        f"The largest function gap is {float(naive.gap.max()):.2f} before and {float(aligned.gap.max()):.2f} after "
        f"alignment; the loss rises by {float(naive.excess.max()):.2f} and {float(aligned.excess.max()):.2f}. {costs}."
    )


def width_finding(
    widths: Sequence[int],
    naive: Sequence[float],
    aligned: Sequence[float],
    scalings: Mapping[str, Scaling],
    method_title: str,
) -> Finding:
    """How the barrier goes with the width, and the dimension that the distances imply."""
    ends = f":green[{words.loss(aligned[0])}] to :green[{words.loss(aligned[-1])}]"
    falls = aligned[-1] < aligned[0]
    said = (
        f"From {widths[0]} to {widths[-1]} units per layer the barrier after {words.inside(method_title)} "
        f"{'falls' if falls else 'does not fall: it goes'} from {ends}; without alignment it is "
        f":orange[{words.loss(naive[0])}] and :orange[{words.loss(naive[-1])}]."
    )
    implied = [s.dimension for s in scalings.values() if s.dimension is not None]
    if implied:
        said += f" The distance of the layers falls as if their weights had dimension {_range(implied)}."
    return Finding("strongly" if falls else "fails", said)


def width_cards(
    widths: Sequence[int], naive: Sequence[float], aligned: Sequence[float], scalings: Mapping[str, Scaling]
) -> tuple[Card, ...]:
    """One card per width, and the implied dimensions."""
    row = [
        Card(
            f"Barrier, width {width}",
            f":orange[{words.loss(before)}] :gray[→] :green[{words.loss(after)}]",
            "test loss",
            "Without and with alignment.",
        )
        for width, before, after in zip(widths, naive, aligned, strict=True)
    ]
    implied = [s.dimension for s in scalings.values() if s.dimension is not None]
    if implied:
        row.append(
            Card("Implied dimension", f":blue[{_range(implied)}]", "−2 / slope, per layer", "An indicator only.")
        )
    return tuple(row)


def width_caption() -> str:
    """What to look at in the figure over widths."""
    return (
        "**What to look at.** Left: entire pairs of networks, trained alike but for their width. The theory says that "
        "enough width removes the barrier modulo permutation. Right: W₂² between the layers of A and aligned B, over "
        "their mean squared size. Independent draws from a d-dimensional distribution approach each other as m to the "
        "power −2/d, so the slope s of the straight line implies the dimension −2/s: an indicator, biased for small d "
        "and for large d at these widths, and from three widths only."
    )


def width_alt(widths: Sequence[int], naive: Sequence[float], aligned: Sequence[float]) -> str:
    """What the figure over widths shows, for who does not see it."""
    parts = [
        f"width {width}: barrier {before:.2f} without and {after:.2f} with alignment"
        for width, before, after in zip(widths, naive, aligned, strict=True)
    ]
    return "; ".join(parts) + "."


def dimension_of(dimension: Dimension) -> tuple[tuple[str, float], ...]:
    """What is drawn of a layer's dimension: of W, as the data sees it, and that centred."""
    named = (("of W", dimension.weights), ("as the data sees it", dimension.seen), ("centred", dimension.centred))
    return tuple((name, spectrum.dimension) for name, spectrum in named if spectrum is not None)


def _green(value: float) -> str:
    return f":green[{words.loss(value)}]"


def _range(values: Sequence[float]) -> str:
    low, high = f"{min(values):.1f}", f"{max(values):.1f}"
    return low if low == high else f"{low}–{high}"
