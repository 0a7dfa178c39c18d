"""What groups are called in pictures."""

from __future__ import annotations

from lmc_core.symmetry.axis import groups_in
from lmc_core.symmetry.symmetry import Symmetry


def labels(symmetry: Symmetry) -> dict[str, str]:
    """group → "layer 1", "layer 2", … in a plain chain of layers; its own name where that would say too little.

    A chain has no nested groups, and every group is written by one module alone.
    """
    writers: dict[str, set[str]] = {name: set() for name in symmetry.groups}
    for contraction in symmetry.contractions:
        for group in groups_in(symmetry.axes[contraction.weight][contraction.write]):
            writers[group.name].add(contraction.weight.rpartition(".")[0])
    chain = all(group.within is None for group in symmetry.groups.values())
    if chain and all(len(modules) == 1 for modules in writers.values()):
        return {name: f"layer {number}" for number, name in enumerate(symmetry.groups, 1)}
    return {name: name for name in symmetry.groups}
