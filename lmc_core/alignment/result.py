"""What a method found: the couplings of one model or of many, and how they were found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from lmc_core.alignment.coupling import Couplings, Elements, Perms, hard, of_elements, permutations
from lmc_core.symmetry.classes import Element
from lmc_core.symmetry.permute import identity

if TYPE_CHECKING:
    from torch import Tensor

    from lmc_core.networks.network import Network
    from lmc_core.symmetry.symmetry import Symmetry


@dataclass(frozen=True, eq=False)
class Result:
    """What a method found, for a pair or for many models.

    couplings   one mapping per model, group → Coupling with the template; for a pair that of B alone
    history     the method's own objective, step after step; of alignments the first entry is that of the identity
    spread      final objective of every restart
    converged   False if a limit of steps stopped it
    notes       sentences for the user
    state       numbers of the template, where the method makes them
    network     where what is made is no network of the template: one with a head per model
    alone       and then every model as the trunk and its own head
    """

    couplings: tuple[Couplings, ...]
    history: tuple[float, ...] = ()
    spread: tuple[float, ...] = ()
    converged: bool = True
    notes: tuple[str, ...] = ()
    state: Mapping[str, Tensor] = field(default_factory=dict)
    network: Network | None = None
    alone: tuple[Network, ...] = ()

    @classmethod
    def of_elements(cls, elements: Mapping[str, Element], history: Sequence[float], **more: Any) -> Result:
        """Of a pair, from the elements of the classes of its groups that were reached."""
        return cls((of_elements(elements),), tuple(history), (history[-1],), **more)

    @property
    def elements(self) -> Elements:
        """What moves the units of a pair, where all couplings keep the function."""
        return {name: coupling.element for name, coupling in self.couplings[0].items()}

    @property
    def perms(self) -> Perms:
        """The permutations of a pair."""
        return self.orders[0]

    @property
    def orders(self) -> tuple[Perms, ...]:
        """The permutations of every model."""
        return tuple(map(permutations, self.couplings))

    def staying(self, symmetry: Symmetry) -> Result:
        """The same with every group of a symmetry, those that the method did not see where they are."""
        still = of_elements(identity(symmetry))
        if all(still.keys() == found.keys() for found in self.couplings):
            return self
        return replace(self, couplings=tuple({**still, **found} for found in self.couplings))

    def with_branches(self, orders: Perms) -> Result:
        """Of a pair whose moved network had its branches put into an order before: the same from where they were."""
        return replace(self, couplings=tuple({**found, **hard(orders)} for found in self.couplings)) if orders else self

    def noting(self, late: Sequence[str]) -> Result:
        """The same with sentences about what did not converge, if there are any."""
        return replace(self, converged=self.converged and not late, notes=(*self.notes, *late))


def best_of(results: Sequence[Result]) -> Result:
    """The restart with the largest objective (the first of equals), with the final objectives of all."""
    best = max(results, key=lambda found: found.history[-1])
    return replace(best, spread=tuple(found.history[-1] for found in results))


def still_changing(changed: int, steps: int) -> tuple[str, ...]:
    """The sentence about a descent whose permutations last changed at step `changed` of `steps`; none if it settled,
    as it has once they have stayed for a tenth of the steps, and ten at least."""
    if steps - changed >= max(10, steps // 10):
        return ()
    count = "1 step" if steps == 1 else f"{steps} steps"
    return (f"had not settled after {count}; the best order seen is kept",)
