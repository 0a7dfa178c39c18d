from dataclasses import dataclass
from lmc_core.networks.network import Network
from lmc_core.symmetry.symmetry import Symmetry
from lmc_core.symmetry.infer import symmetry as infer


@dataclass(frozen=True, eq=False)
class Canonical:
    network: Network
    symmetry: Symmetry
    folded: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()
    error: float = 0.0


def canonical(network: Network, symmetry: Symmetry | None = None) -> Canonical:
    return Canonical(network, symmetry or infer(network))
