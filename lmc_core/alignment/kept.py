"""Whether carrying a network by couplings left its function as it was, in sentences that nobody can miss."""

from __future__ import annotations

from collections.abc import Mapping

from lmc_core.alignment.coupling import Coupling
from lmc_core.networks.network import Network
from lmc_core.networks.outputs import unseen
from lmc_core.symmetry.verify import tolerance


def said(name: str, network: Network, couplings: Mapping[str, Coupling], error: float) -> tuple[str, ...]:
    """What a measured function error means: soft plans change outputs, permutations must not.

    name    of the network that was carried
    error   max |Δ output| / max |output|
    """
    soft = [group for group, coupling in couplings.items() if not coupling.keeps_function]
    notes = []
    if soft:
        plans = f"plans of {len(soft)} of {len(couplings)} groups are soft"
        notes.append(f"{plans}: {name}'s outputs change by {error:.1%} of the largest one")
    elif not error <= tolerance(network):
        notes.append(
            f"re-ordering units changed {name}'s outputs by {error:.1%} of the largest one, where it should change "
            "nothing: the symmetry does not hold for this network"
        )
    elif why := unseen(network(*network.example_inputs)):
        notes.append(f"whether {name}'s function is unchanged was hard to see: {why}")
    return tuple(notes)
