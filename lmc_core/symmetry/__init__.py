"""Permutation symmetry: inferred from the traced graph, verified by experiment.

The package is also the verb: `lmc_core.symmetry(network)` returns the Symmetry of a network.
"""

import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lmc_core.networks.network import Network
    from lmc_core.symmetry.symmetry import Symmetry


class _Verb(ModuleType):
    def __call__(self, network: "Network", **settings: Any) -> "Symmetry":
        """The Symmetry of a network; see `lmc_core.symmetry.infer.symmetry`."""
        from lmc_core.symmetry.infer import symmetry

        return symmetry(network, **settings)


sys.modules[__name__].__class__ = _Verb
