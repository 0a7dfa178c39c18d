"""Align and fuse neural networks by optimal transport, and see the path between them.

The public names load what they need on first use, so that `import lmc_core` costs nothing and needs no torch.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

_HOMES = {
    "Alignment": "lmc_core.alignment.alignment",
    "Coupling": "lmc_core.alignment.coupling",
    "FUSIONS": "lmc_core.fusion",
    "LinearPath": "lmc_core.paths.path",
    "METHODS": "lmc_core.methods",
    "Network": "lmc_core.networks.network",
    "Profile": "lmc_core.paths.profile",
    "Symmetry": "lmc_core.symmetry.symmetry",
    "align": "lmc_core.methods.align",
    "canonical": "lmc_core.symmetry.canonical.canonical",
    "dataset": "lmc_core.data.registry",
    "evaluate": "lmc_core.paths.evaluate",
    "fuse": "lmc_core.fusion.fuse",
    "load": "lmc_core.networks.checkpoint",
    "network": "lmc_core.networks.network",
    "untied": "lmc_core.networks.untied",
}

if TYPE_CHECKING:
    from lmc_core import symmetry as symmetry
    from lmc_core.alignment.alignment import Alignment
    from lmc_core.alignment.coupling import Coupling
    from lmc_core.data.registry import dataset
    from lmc_core.fusion import FUSIONS
    from lmc_core.fusion.fuse import fuse
    from lmc_core.methods import METHODS
    from lmc_core.methods.align import align
    from lmc_core.networks.checkpoint import load
    from lmc_core.networks.network import Network, network
    from lmc_core.networks.untied import untied
    from lmc_core.paths.evaluate import evaluate
    from lmc_core.paths.path import LinearPath
    from lmc_core.paths.profile import Profile
    from lmc_core.symmetry.canonical.canonical import canonical
    from lmc_core.symmetry.symmetry import Symmetry

__all__ = [
    "FUSIONS",
    "METHODS",
    "Alignment",
    "Coupling",
    "LinearPath",
    "Network",
    "Profile",
    "Symmetry",
    "align",
    "canonical",
    "dataset",
    "evaluate",
    "fuse",
    "load",
    "network",
    "symmetry",
    "untied",
]


def __getattr__(name: str) -> Any:
    if name == "symmetry":  # a package that is also the verb
        return import_module("lmc_core.symmetry")
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'lmc_core' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
