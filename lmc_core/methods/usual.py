"""Which method to begin with, where nobody chose one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lmc_core.networks.network import Network
    from lmc_core.symmetry.symmetry import Symmetry

ORDERS, CLASSES, RESPONSES = "weight-matching", "full-symmetry-matching", "activation-matching"
WHY: Mapping[str, str] = {
    CLASSES: "networks with attention have rotations beside orders, and orders alone leave most of the barrier",
    RESPONSES: "it looks at what units do with the data, so it also finds partners in convolutional and recurrent "
    "networks, where comparing weights alone can fail",
}
"""Method that is recommended where there is data → the reason."""


def recommended(attends: bool) -> tuple[str, str]:
    """The method to begin with where there is data, and why; `attends`: the networks have attention."""
    name = CLASSES if attends else RESPONSES
    return name, WHY[name]


def usual(network: Network, symmetry: Symmetry) -> str:
    """Full-symmetry matching of networks that attend: orders leave most of their barrier. Weight matching of others."""
    from lmc_core.alignment.heads import attention_groups

    return CLASSES if attention_groups(network, symmetry) else ORDERS
