"""Which method to begin with, where nobody chose one."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lmc_core.networks.network import Network
    from lmc_core.symmetry.symmetry import Symmetry

ORDERS, CLASSES = "weight-matching", "full-symmetry-matching"


def usual(network: Network, symmetry: Symmetry) -> str:
    """Full-symmetry matching of networks that attend: orders leave most of their barrier. Weight matching of others."""
    from lmc_core.alignment.heads import attention_groups

    return CLASSES if attention_groups(network, symmetry) else ORDERS
