"""The result of aligning one network with another."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from lmc_core.alignment.coupling import Coupling
from lmc_core.alignment.transport import orders_of_branches, transport
from lmc_core.networks.network import Network
from lmc_core.shown import drawn, page
from lmc_core.symmetry.canonical.canonical import form
from lmc_core.symmetry.evidence import unbranched
from lmc_core.symmetry.permute import regrouped
from lmc_core.symmetry.symmetry import Symmetry


@dataclass(frozen=True, eq=False)
class Alignment:
    """A coupling per group, and how it was found.

    couplings        group name → Coupling, every group of the symmetry
    symmetry         of the reference (and so of the moved network)
    method, settings, seed
    history          the method's own objective after each step of the kept restart; first entry = naive (identity)
    spread           final objective of every restart
    converged        False if a limit of sweeps or iterations stopped it
    notes            sentences for the user ("did not converge in 100 sweeps", …)
    seconds          wall-clock time of the alignment
    function_error   max |f_B − f_transported B| / max |f_B| on the example inputs, measured
    canonical        the couplings are between the canonical forms of both networks: the same functions in other numbers
    """

    couplings: Mapping[str, Coupling]
    symmetry: Symmetry
    method: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    seed: int = 0
    history: tuple[float, ...] = ()
    spread: tuple[float, ...] = ()
    converged: bool = True
    notes: tuple[str, ...] = ()
    seconds: float = 0.0
    function_error: float | None = None
    canonical: bool = False

    def _repr_html_(self) -> str:
        """What a notebook shows."""
        return page(self)

    def plot(self) -> Any:
        """A plotly figure: how many units of every group move."""
        return drawn(self)

    def reference(self, network: Network) -> Network:
        """`network` (the reference) as the path starts at it: itself, or its canonical form."""
        return form(network, self.symmetry).network if self.canonical else network

    @property
    def within(self) -> Symmetry:
        """The symmetry of what is left when whole branches, such as experts, are in order."""
        return unbranched(self.symmetry)

    def branched(self, network: Network) -> Network:
        """`network` (the moved one, as `transport` takes it up) with its branches in the order of the reference's and
        all units within and outside them where they are: itself where no branch moves."""
        orders = orders_of_branches(self.symmetry, self.couplings)
        return network.with_state(regrouped(network.state, self.symmetry, orders)) if orders else network

    def transport(self, network: Network) -> Network:
        """`network` (the moved one) in the order of the reference: the same function unless a coupling is soft."""
        return transport(self.reference(network), self.symmetry, self.couplings)
