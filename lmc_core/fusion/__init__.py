"""Fusion methods, one file each, and the list of them."""

from lmc_core.fusion import (
    ot_fusion,
    vanilla_average,
    wasserstein_barycenter,
)
from lmc_core.fusion._fusion import Fusion

FUSIONS: dict[str, Fusion] = {
    "wasserstein-barycenter": wasserstein_barycenter.FUSION,
    "ot-fusion": ot_fusion.FUSION,
    "vanilla-average": vanilla_average.FUSION,
}
"""name → method, in the order in which forms list them."""

__all__ = ["FUSIONS", "Fusion"]
