"""What is said of the quantities that the theory bounds, on one pair."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from lmc_core.diagnostics.diagnose import Layer
from lmc_core.diagnostics.dimension import Dimension
from lmc_core.diagnostics.gap import Gap
from lmc_core.diagnostics.matching import Matching
from lmc_core.words import numbers
from lmc_core.words.finding import Card, Finding
from lmc_core.words.marks import Text, formula, marked, say

NOT_COMPUTABLE = say(
    "**What cannot be computed.** The theorems speak of widths from which on a barrier below ε is guaranteed: {n} of "
    "Theorem 3.1, {m} and {t} of Theorem 5.2 (Ferbach 2023). Their constants are not known, the bounds grow "
    "exponentially with the input dimension, and the authors call them far from practice, so no number is shown for "
    "them; nor for the density of Theorem 5.3 or the support of Theorem 5.4, of which the dimensions shown here are "
    "only a hint. The theorems also assume what no checkpoint can prove: weights of a layer that are independent draws "
    "from one distribution, and for Theorem 3.1 two layers, a bounded activation (ReLU is none) and training for the "
    "same time. Shown here is what the files do determine.",
    n=formula("N_{\\min}", "N_min"),
    m=formula("\\tilde m_\\ell", "m̃_l"),
    t=formula("T_\\ell", "T_l"),
)


def theory_finding(naive: Gap, aligned: Gap, layers: Mapping[str, Layer], method_title: str) -> Finding:
    """The certificate of the aligned path, and how few directions the data sees."""
    falls = bool(aligned.gap.max() < 0.95 * naive.gap.max())
    text = say(
        "After {method} the function gap falls from {before} to {after}, which guarantees a barrier below {bound} "
        "(measured: {barrier})."
        if falls
        else "{Method} does not close the function gap: it is {after}, and {before} without.",
        method=numbers.inside(method_title),
        Method=numbers.opening(method_title),
        before=marked("naive", _largest(naive.gap)),
        after=marked("aligned", _largest(aligned.gap)),
        bound=marked("aligned", _largest(aligned.bound)),
        barrier=marked("aligned", _largest(aligned.excess)),
    )
    seen = _seen(layers)
    most = max((min(d.dimension.units, d.dimension.features) for d in layers.values()), default=0)
    if seen and max(seen) < 0.25 * most:
        text += f" The data sees {numbers.spanned(seen)} of up to {numbers.count(most)} directions of the weights."
    return Finding("strongly" if falls else "fails", text)


def theory_cards(
    naive: Gap, aligned: Gap, matching: Mapping[str, Matching], layers: Mapping[str, Layer]
) -> tuple[Card, ...]:
    """The numbers: gap, bound, transport cost, dimension."""
    ratios = [m.cost.after / m.cost.before for m in matching.values() if m.cost.before > 0]
    low = [
        min((float(side.cosine.min()) for side in sides if side is not None), default=float("nan"))
        for sides in ([x.before for x in layers.values()], [x.after for x in layers.values()])
    ]
    seen = _seen(layers)
    cards = [
        Card(
            "Function gap, largest",
            numbers.change(_largest(naive.gap), _largest(aligned.gap)),
            "in logits",
            "max over t of the mean distance between outputs on the path and the mixture of the outputs of A and B.",
        ),
        Card(
            "Barrier and its bound",
            say(
                "{barrier} {grey:≤} {bound}",
                barrier=marked("aligned", _largest(aligned.excess)),
                bound=marked("aligned", _largest(aligned.bound)),
            ),
            "aligned path",
            "Cross-entropy is convex and √2-Lipschitz in the logits, so the barrier is at most √2 times the gap.",
        ),
    ]
    if ratios:
        cards.append(
            Card(
                "Distance to partner",
                marked("aligned", f"{numbers.whole(min(ratios))}–{numbers.whole(max(ratios))}") + " %",
                "of the unaligned one",
                "Mean squared distance of partners after alignment over that before, per layer, as the data sees it.",
            )
        )
    if all(np.isfinite(low)):
        cards.append(
            Card(
                "Lowest feature cosine",
                numbers.change(*(f"{value:.2f}" for value in low)),
                "over all layers",
                "Layer-wise linear feature connectivity: 1 means averaging weights averages features.",
            )
        )
    if seen:
        cards.append(
            Card(
                "Dimension",
                marked("a", numbers.spanned(seen)),
                "as the data sees A",
                "tr(S)² / tr(S²) of S = W Σ Wᵀ, uncentred.",
            )
        )
    return tuple(cards)


def theory_caption(naive: Gap) -> Text:
    """What to look at in the figure."""
    return say(
        "**What to look at.** Left: how far loss rises above the line between the ends (solid), and √2 times the "
        "function gap (dotted), which it can never exceed; the theorems bound this gap. Middle: the mean squared "
        "distance of partners after alignment, and W₂², the least that any partners allow, as shares of the "
        "{naive:trained order}, for the weights W and as the data sees them, W Σ½. Right: how many directions the "
        "weights of A fill, and how many of them the data sees, with the mean of the activations (as published) and "
        "without: near 1–2 the uncentred number mostly says that ReLU activations have a common mean. "
        "Gap and loss are measured on {count} test examples.",
        count=numbers.count(naive.examples),
    )


def theory_alt(naive: Gap, aligned: Gap, matching: Mapping[str, Matching]) -> str:
    """What the figure shows, for who does not see it."""
    costs = "; ".join(
        f"{m.label}: distance of partners {100 * m.cost.after / m.cost.before:.0f} percent of the trained order"
        for m in matching.values()
        if m.cost.before > 0
    )
    return (
        f"The largest function gap is {float(naive.gap.max()):.2f} before and {float(aligned.gap.max()):.2f} after "
        f"alignment; the loss rises by {float(naive.excess.max()):.2f} and {float(aligned.excess.max()):.2f}. {costs}."
    )


def dimension_of(dimension: Dimension) -> tuple[tuple[str, float], ...]:
    """What is drawn of a layer's dimension: of W, as the data sees it, and that centred."""
    named = (("of W", dimension.weights), ("as the data sees it", dimension.seen), ("centred", dimension.centred))
    return tuple((name, spectrum.dimension) for name, spectrum in named if spectrum is not None)


def _seen(layers: Mapping[str, Layer]) -> list[float]:
    """Dimensions of the layers as the data sees them."""
    return [layer.dimension.seen.dimension for layer in layers.values() if layer.dimension.seen is not None]


def _largest(values: NDArray[np.float64]) -> str:
    return numbers.loss(float(values.max()))
