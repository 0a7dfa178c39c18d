"""What a network says about its own units without naming those of another layer: distances, and recurrent weights."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from lmc_core.alignment.blocks import Block, blocks
from lmc_core.alignment.meetings import gram, met
from lmc_core.alignment.objective import Objective
from lmc_core.alignment.problem import State
from lmc_core.alignment.terms import Term, entering_terms
from lmc_core.networks.network import Network
from lmc_core.symmetry.axis import Axis, Group, Product
from lmc_core.symmetry.symmetry import Symmetry


def structural(reference: Network, moved: Network, symmetry: Symmetry, *, alpha: float) -> Objective:
    """(1 − α) Σ <A, T(B, P)> over entering weights + α Σ_g <D^A, P D^B Pᵀ> (Peyré 2016; Vayer 2020).

    For plans with fixed marginals the square-loss Gromov–Wasserstein distance is a constant less 2 <D^A, P D^B Pᵀ>.
    D of a group is its recurrent weights where it has some, each gate a matrix of its own; else the distances between
    the incoming weights of its units, which do not depend on the order of any other group. Both parts of a group
    are scaled to norm 1.
    """
    axes = dict(symmetry.axes)
    a, b = dict(reference.state), dict(moved.state)
    terms: list[Term] = []
    for block in blocks(symmetry):
        own, recurrent = _entering(reference, symmetry, block)
        if not recurrent:
            for group in (block.outer, *block.inner):
                name = f"{group.name}: distances"
                x, y = (_distances(net.state, symmetry, block, group, own) for net in (reference, moved))
                if x is not None and y is not None:
                    a[name], b[name] = x, y
                    axis: Axis = group if group.within is None else Product((block.outer, group))
                    axes[name] = (axis, axis)
                    recurrent = [*recurrent, name]
        owners = frozenset(block.names)
        for share, names in ((1 - alpha, own), (alpha, recurrent)):
            size = sum(float(a[n].norm()) * float(b[n].norm()) for n in names)
            if share > 0 and size > 0:
                terms += [Term({n: a[n].double() * (share / size)}, owners) for n in names]
    seen = replace(symmetry, axes=axes)
    used = {name for term in terms for name in term.targets}
    state = {name: x.double() if name in used else x for name, x in b.items()}
    return Objective(replace(moved, state=state), seen, tuple(terms))


def _entering(reference: Network, symmetry: Symmetry, block: Block) -> tuple[list[str], list[str]]:
    """Names of the tensors that enter a block, and of those that meet it on both sides."""
    terms = [term for term in entering_terms(reference, symmetry) if set(block.names) & term.owners]
    names = [name for term in terms for name in term.targets]
    twice = [name for name in names if len(symmetry.places(name, block.name)) > 1]
    return [name for name in names if name not in twice], twice


def _distances(state: State, symmetry: Symmetry, block: Block, group: Group, names: list[str]) -> Tensor | None:
    """(n, n) between the incoming weights of the units of one network; of a nested group between all its units."""
    units = group.size if group.within is None else group.size * block.outer.size
    total, found = torch.zeros(units, units, dtype=torch.float64, device=next(iter(state.values())).device), False
    for name in names:
        axes, number = symmetry.axes[name], symmetry.places(name, block.name)[0]
        for (x,), meeting in met((state[name].double(),), (axes,), [number], block.name):
            outer = [meeting.dims[0]] if group == block.outer else None
            if keep := next((keep for nested, keep in meeting.kept if nested == group.name), outer):
                total += gram(x, x, keep).reshape(units, units)
                found = True
    if not found:
        return None
    square = total.diagonal()
    return (square[:, None] + square - 2 * total).clamp(min=0).sqrt()
