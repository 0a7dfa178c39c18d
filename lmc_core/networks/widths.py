"""Which widths a family can be rebuilt with, so that forms offer no others."""

from collections.abc import Mapping
from typing import Literal

Freedom = Literal["one", "each"]
"""One number for all hidden layers, or a number for each group of units."""

FREEDOMS: Mapping[str, tuple[Freedom, ...]] = {
    "mlp": ("one", "each"),
    "recurrent": ("one", "each"),
    "cnn": ("each",),
    "resnet": ("one",),
}
"""Family → what can be chosen; nothing for families that are not named."""
