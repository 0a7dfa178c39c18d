"""A network in more units, the same function: its streams are carried by an isometry, all else is beside zeros.

A stream x of n units becomes s G x of m > n units, GᵀG = 1 and s = √(m/n), so that what reads it by G/s reads x, and

    RMSNorm:    ‖sGx‖²/m = ‖x‖²/n                                     for every isometry G
    LayerNorm:  mean(sGx) = mean(x) and the same variance             where s G 1ₙ = 1ₘ besides

The units of other groups keep their numbers, and those beside them are made and used by zeros, whatever is done to a
zero on the way. Where scores of attention are divided by √m for heads of m units, queries and keys are both made longer
by (m/n)^¼. Nothing else is exact: gains of a LayerNorm that differ from unit to unit, a norm that is a length, no mean,
or rotary positions in heads of another size. The experiment says so, and the network is refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from lmc_core.alignment.template import Template, sizes
from lmc_core.errors import MismatchError
from lmc_core.networks.network import Network
from lmc_core.networks.outputs import relative_error, tensors
from lmc_core.symmetry.axis import Axis, Fixed, Group, Product, Sum, groups_in, names_in
from lmc_core.symmetry.classes import Element
from lmc_core.symmetry.move import move
from lmc_core.symmetry.symmetry import Symmetry
from lmc_core.symmetry.verify import random_inputs

EXACT = 1e-6
"""Relative change of the outputs in float64 below which nothing but rounding has changed them."""


def widened(network: Network, symmetry: Symmetry, template: Template) -> Network:
    """The network in the widths of a template.

    network    in canonical form, no group of it larger than the template's
    symmetry   of the network, in the template's group names

    Raises MismatchError if a group is larger there, or if the function cannot be kept.
    """
    ours, theirs = sizes(symmetry), template.sizes
    if ours == theirs:
        return network
    if larger := next((name for name in ours if ours[name] > theirs[name]), None):
        raise MismatchError(
            f"group {larger!r} has {ours[larger]} units in one network and {theirs[larger]} in the fused one, and only "
            "narrower networks can be carried into wider ones; put the widest first, or give widths"
        )
    turns: dict[str, Element] = {
        name: _onto_ones(ours[name], theirs[name])
        for name, group in symmetry.groups.items()
        if group.kind == "centred" and ours[name] != theirs[name]
    }
    error = np.inf
    for longer in dict.fromkeys((frozenset(), _scored(symmetry, template))):
        state = _padded(network.state, symmetry, template, longer)
        moved = move(state, template.symmetry, turns) if turns else state
        error = _change(network, template.network(moved))
        if error <= EXACT:
            break
    else:
        wider = ", ".join(f"{name} {ours[name]} → {theirs[name]}" for name in ours if ours[name] != theirs[name])
        raise MismatchError(
            f"{network.source} cannot be carried into wider layers ({wider}) without another function: its outputs "
            f"change by {error:.1e}; choose networks of equal widths there, or wasserstein-barycenter"
        )
    kept = {name: x.to(network.state[name].dtype) for name, x in moved.items()}
    return replace(template.network(kept), source=network.source, normalize=network.normalize)


def _scored(symmetry: Symmetry, template: Template) -> frozenset[str]:
    """Groups of another size in the template whose units meet one another, as those of queries and keys."""
    met = {g.name for axes in symmetry.axes.values() for axis in axes for g in groups_in(axis) if g.dual}
    return frozenset(name for name in met if symmetry.groups[name].size != template.sizes[name])


def _change(network: Network, made: Network) -> float:
    """Relative, in float64, where nothing but a change of the function shows."""
    inputs = random_inputs(network, np.random.default_rng(6))
    try:
        one, other = (net.to(dtype=torch.float64) for net in (network, made))
        exact = tuple(x.double() if x.is_floating_point() else x for x in inputs)
        return relative_error(tensors(one(*exact)), other(*exact))
    except RuntimeError:  # a module with another type written into its code
        return relative_error(tensors(network(*inputs)), made(*inputs))


def _padded(
    state: Mapping[str, Tensor], symmetry: Symmetry, template: Template, longer: frozenset[str]
) -> dict[str, Tensor]:
    """Every tensor beside zeros, in float64, with streams scaled; what is held has the same entries everywhere.

    longer   groups whose units are made longer on both sides
    """
    made = {}
    for name, x in state.items():
        axes, wide = symmetry.axes.get(name, ()), template.symmetry.axes.get(name, ())
        shape = tuple(axis.size for axis in wide)
        if shape == tuple(x.shape) or not x.is_floating_point():
            made[name] = x
            continue
        if name in symmetry.held:
            made[name] = x.flatten()[0].expand(template.frame.state[name].shape).double().clone()
            continue
        y = x.double()
        for number, (axis, wider) in enumerate(zip(axes, wide, strict=True)):
            if not names_in(axis):
                continue
            places, factors = _places(axis, wider, symmetry.roles.get((name, number)) == "read", longer)
            y = y * factors.to(y).reshape([-1 if k == number else 1 for k in range(y.ndim)])
            grown = torch.zeros([wider.size if k == number else n for k, n in enumerate(y.shape)], dtype=y.dtype)
            y = grown.to(y.device).index_copy(number, places.to(y.device), y)
        made[name] = y
    return made


def _places(axis: Axis, wider: Axis, reads: bool, longer: frozenset[str]) -> tuple[Tensor, Tensor]:
    """Where each position of an axis is in the wider one, and what it is multiplied by."""
    match axis, wider:
        case Fixed(size), _ if wider.size == size:
            return torch.arange(size), torch.ones(size, dtype=torch.float64)
        case Group(name, n), Group(size=m) if name in longer:
            return torch.arange(n), torch.full((n,), (m / n) ** 0.25, dtype=torch.float64)
        case Group(kind=kind, size=n), Group(size=m):
            scale = (m / n) ** 0.5 if kind in ("orthogonal", "centred") else 1.0
            return torch.arange(n), torch.full((n,), 1 / scale if reads != axis.dual else scale, dtype=torch.float64)
        case Sum(parts), Sum(others) if len(parts) == len(others):
            found = [_places(part, other, reads, longer) for part, other in zip(parts, others, strict=True)]
            starts = np.cumsum([0, *(other.size for other in others)])
            moved = [int(start) + place for start, (place, _) in zip(starts, found, strict=False)]
            return torch.cat(moved), torch.cat([factors for _, factors in found])
        case Product(factors), Product(others) if len(factors) == len(others):
            places, scales = torch.zeros(1, dtype=torch.int64), torch.ones(1, dtype=torch.float64)
            for factor, other in zip(factors, others, strict=True):
                inside, sizes_of = _places(factor, other, reads, longer)
                places = (places[:, None] * other.size + inside).flatten()
                scales = (scales[:, None] * sizes_of).flatten()
            return places, scales
    raise MismatchError(f"an axis {axis} is {wider} in the fused network: they are not built alike")


def _onto_ones(n: int, m: int) -> Element:
    """The reflection of m units that takes the mean of the first n to the mean of all."""
    ours = np.concatenate([np.full(n, n**-0.5), np.zeros(m - n)])
    apart = ours - np.full(m, m**-0.5)
    return np.asarray(np.eye(m) - 2 * np.outer(apart, apart) / (apart @ apart))
