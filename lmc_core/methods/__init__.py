"""Alignment methods, one file each, and the list of them."""

from lmc_core.alignment.method import Method, Paper
from lmc_core.methods import (
    activation_matching,
    covariance_weight_matching,
    frank_wolfe,
    full_symmetry_matching,
    gromov_wasserstein,
    head_matching,
    identity,
    layerwise_weight_matching,
    learned_matching,
    ot_alignment,
    sinkhorn_rebasin,
    straight_through,
    weight_matching,
)

METHODS: dict[str, Method] = {
    "identity": identity.METHOD,
    "weight-matching": weight_matching.METHOD,
    "layerwise-weight-matching": layerwise_weight_matching.METHOD,
    "covariance-weight-matching": covariance_weight_matching.METHOD,
    "activation-matching": activation_matching.METHOD,
    "frank-wolfe": frank_wolfe.METHOD,
    "ot-alignment": ot_alignment.METHOD,
    "gromov-wasserstein": gromov_wasserstein.METHOD,
    "sinkhorn-rebasin": sinkhorn_rebasin.METHOD,
    "straight-through": straight_through.METHOD,
    "head-matching": head_matching.METHOD,
    "full-symmetry-matching": full_symmetry_matching.METHOD,
    "learned-matching": learned_matching.METHOD,
}
"""name → method, in the order in which forms list them."""

__all__ = ["METHODS", "Method", "Paper"]
