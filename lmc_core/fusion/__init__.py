"""Fusion methods, one file each, and the list of them."""

from lmc_core.fusion import (
    cycle_consistent,
    full_symmetry_merge,
    gromov_wasserstein_barycenter,
    merge_many,
    ot_fusion,
    vanilla_average,
    wasserstein_barycenter,
    zipit,
)
from lmc_core.fusion._fusion import Fusion

FUSIONS: dict[str, Fusion] = {
    "wasserstein-barycenter": wasserstein_barycenter.FUSION,
    "gromov-wasserstein-barycenter": gromov_wasserstein_barycenter.FUSION,
    "ot-fusion": ot_fusion.FUSION,
    "vanilla-average": vanilla_average.FUSION,
    "merge-many": merge_many.FUSION,
    "c2m3": cycle_consistent.FUSION,
    "full-symmetry-merge": full_symmetry_merge.FUSION,
    "zipit": zipit.FUSION,
}
"""name → method, in the order in which forms list them."""

__all__ = ["FUSIONS", "Fusion"]
