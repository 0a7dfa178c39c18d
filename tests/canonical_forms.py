"""Canonical forms that several tests look at, and how far two networks lie apart."""

from __future__ import annotations

from functools import cache

import torch
from torch import nn
from zoo import ALL, symmetric
from zoo.making import rows
from zoo.transformers import TRANSFORMERS

from lmc_core.networks.network import Network, network
from lmc_core.networks.outputs import relative_error, tensors
from lmc_core.symmetry.canonical.canonical import Canonical, canonical
from lmc_core.symmetry.infer import symmetry
from lmc_core.symmetry.symmetry import Symmetry

EVERYWHERE = [*ALL, *TRANSFORMERS]


@cache
def made(name: str) -> tuple[Network, Symmetry]:
    if name in ALL:
        return symmetric(name)
    net = network(*TRANSFORMERS[name]())
    return net, symmetry(net, verify=False)


@cache
def formed(name: str) -> Canonical:
    return canonical(*made(name))


def apart(one: Network, other: Network) -> float:
    """The largest change of a tensor, relative to its largest number."""
    return max(
        float((x - other.state[name]).abs().max()) / (float(x.abs().max()) or 1.0)
        for name, x in one.state.items()
        if x.is_floating_point() and x.numel()
    )


def changed(before: Network, after: Network) -> float:
    """How far a function was changed, on other inputs than its examples."""
    torch.manual_seed(5)
    inputs = tuple(torch.randn_like(x) if x.is_floating_point() else x.flip(-1) for x in before.example_inputs)
    return relative_error(tensors(before(*inputs)), after(*inputs))


def form_of(module: nn.Module, *shape: int) -> Canonical:
    torch.manual_seed(3)
    for name, x in module.named_parameters():
        if x.ndim == 1:
            x.data = torch.randn_like(x) * 0.3 + ("1.weight" in name or "norm.weight" in name)
    net = network(module.double(), rows(*(shape or (7,))))
    form = canonical(net)
    assert changed(net, form.network) <= 1e-12
    return form


def above(found: Symmetry, *kinds: str) -> tuple[str, ...]:
    return tuple(name for name, group in found.groups.items() if group.kind in kinds)


CLASSES = {
    "pre-norm": "centred",
    "no biases": "centred",
    "shift without bias behind": "centred",
    "LayerNorm by hand": "centred",
    "tied": "permutation",
    "RMSNorm": "orthogonal",
    "RMSNorm, no biases": "orthogonal",
    "RMSNorm, one plus": "orthogonal",
    "RMSNorm, tied": "permutation",
    "multi-query": "orthogonal",
    "multi-query, fused": "centred",
    "fused": "centred",
    "post-norm": "permutation",
    "MultiheadAttention": "centred",
    "MultiheadAttention, post-norm": "permutation",
    "GPT-2": "permutation",
    "Llama": "orthogonal",
    "Llama, tied": "permutation",
    "Qwen2": "orthogonal",
    "BERT": "permutation",
    "ViT": "centred",
}
"""Transformer → the class of its stream once gains are folded."""
