"""What is said of all layers of a network side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from lmc_core.diagnostics.diagnose import Layer
from lmc_core.diagnostics.dimension import Spectrum
from lmc_core.words import numbers
from lmc_core.words.marks import Text, say

LISTED = 5  # layers whose numbers are all said


def layers_caption(layers: Mapping[str, Layer]) -> Text:
    """What to look at in the figure of all layers."""
    measured = [layer.dimension for layer in layers.values()]
    seen = [dimension.seen.dimension for dimension in measured if dimension.seen is not None]
    widest = max(dimension.units for dimension in measured)
    text = say(
        "**What to look at.** Left: 1 means that averaging weights and averaging activations give the same features. "
        "Middle: unrelated units keep 50% (dotted)."
    )
    if seen and max(seen) < 0.1 * widest:
        text += (
            f" Right: weights live in {numbers.count(widest)} dimensions, but the data sees only a handful "
            f"({_listed(seen)}): that is why partners exist at this width."
        )
    elif seen:
        text += " Right: how many directions of the weights the data sees; the fewer, the easier partners are found."
    return text


def _listed(dimensions: Sequence[float]) -> str:
    """The dimensions of few layers one by one, of many from least to most."""
    if len(dimensions) <= LISTED:
        return ", ".join(f"{d:.1f}" for d in dimensions)
    return f"{min(dimensions):.1f} to {max(dimensions):.1f}"


def layers_alt(layers: Mapping[str, Layer]) -> str:
    """What the figure shows, for who does not see it."""
    parts = []
    for layer in layers.values():
        before, after = map(numbers.whole, layer.spread)
        part = f"{layer.label} keeps {before} percent of its spread before, {after} after"
        if layer.before is not None and layer.after is not None:
            lows = (float(side.cosine.min()) for side in (layer.before, layer.after))
            part += ", lowest feature cosine {:.2f} before, {:.2f} after".format(*lows)
        parts.append(f"{part}, dimension {spectrum_of(layer).dimension:.1f}")
    return "Per layer: " + "; ".join(parts) + "."


def spectrum_of(layer: Layer) -> Spectrum:
    """The spectrum that stands for a layer: as the data sees it where that was measured."""
    return layer.dimension.seen or layer.dimension.weights
