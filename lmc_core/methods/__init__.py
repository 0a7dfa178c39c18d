"""Alignment methods, one file each, and the list of them."""

from lmc_core.methods import (
    activation_matching,
    covariance_weight_matching,
    frank_wolfe,
    identity,
    layerwise_weight_matching,
    weight_matching,
)
from lmc_core.methods._method import Method, Paper, Parameter

METHODS: dict[str, Method] = {
    "identity": identity.METHOD,
    "weight-matching": weight_matching.METHOD,
    "layerwise-weight-matching": layerwise_weight_matching.METHOD,
    "covariance-weight-matching": covariance_weight_matching.METHOD,
    "activation-matching": activation_matching.METHOD,
    "frank-wolfe": frank_wolfe.METHOD,
}
"""name → method, in the order in which forms list them."""

__all__ = ["METHODS", "Method", "Paper", "Parameter"]
