"""Networks with odd numbers and odd widths: every method answers with finite numbers, or refuses in one sentence."""

import math
from collections.abc import Callable, Mapping
from itertools import pairwise

import numpy as np
import pytest
import torch
from planted import own_labels
from torch import nn

from lmc_core.alignment.alignment import Alignment
from lmc_core.errors import LMCError
from lmc_core.methods import METHODS
from lmc_core.methods.align import align
from lmc_core.networks.network import Network, network
from lmc_core.symmetry.infer import symmetry

QUICK = {
    "gromov-wasserstein": {"restarts": 1},
    "sinkhorn-rebasin": {"steps": 3},
    "straight-through": {"steps": 2, "batch": 8},
    "learned-matching": {"steps": 2},
}
"""Settings with which slow methods need little time."""


def made(*widths: int, dtype: torch.dtype = torch.float32, factor: float = 1.0, seed: int = 0) -> Network:
    """A network of these widths, its weights times a factor."""
    torch.manual_seed(seed)
    layers: list[nn.Module] = []
    for into, out in pairwise(widths):
        layers += [nn.Linear(into, out), nn.ReLU()]
    module = nn.Sequential(*layers[:-1]).to(dtype)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.mul_(factor)
    return network(module, torch.zeros(1, widths[0], dtype=dtype))


ODD: Mapping[str, Callable[[], tuple[Network, Network]]] = {
    "single with double precision": lambda: (made(6, 8, 3), made(6, 8, 3, dtype=torch.float64, seed=1)),
    "double with single precision": lambda: (made(6, 8, 3, dtype=torch.float64), made(6, 8, 3, seed=1)),
    "no hidden layer": lambda: (made(6, 3), made(6, 3, seed=1)),
    "one unit": lambda: (made(6, 1, 3), made(6, 1, 3, seed=1)),
    "one unit, then many": lambda: (made(6, 1, 8, 3), made(6, 1, 8, 3, seed=1)),
    "weights times 1e30": lambda: (made(6, 8, 3, factor=1e30), made(6, 8, 3, factor=1e30, seed=1)),
    "weights times 1e-30": lambda: (made(6, 8, 3, factor=1e-30), made(6, 8, 3, factor=1e-30, seed=1)),
    "weights that are zero": lambda: (made(6, 8, 3, factor=0.0), made(6, 8, 3, factor=0.0)),
    "one much larger than the other": lambda: (made(6, 8, 3), made(6, 8, 3, factor=1e30, seed=1)),
}


def answer(method: str, odd: str) -> tuple[Network, Alignment | str]:
    """B, and what aligning it gives: an alignment, or the sentence that refuses it."""
    a, b = ODD[odd]()
    try:
        return b, align(a, b, method, own_labels(a), symmetry=symmetry(a), **QUICK.get(method, {}))
    except LMCError as error:
        return b, str(error)


@pytest.mark.parametrize("odd", ODD)
@pytest.mark.parametrize("method", METHODS)
def test_a_method_answers_with_finite_numbers_or_refuses_in_one_sentence(method: str, odd: str) -> None:
    b, found = answer(method, odd)
    if isinstance(found, str):
        assert 0 < len(found) < 300
        assert "\n" not in found
        return
    assert all(map(math.isfinite, found.history))
    assert all(tensor.isfinite().all() for tensor in found.transport(b).state.values())


@pytest.mark.parametrize("method", ["identity", "weight-matching", "activation-matching", "sinkhorn-rebasin"])
def test_a_network_in_double_precision_is_aligned_as_the_same_one_in_single_precision(method: str) -> None:
    a, b = made(6, 8, 3), made(6, 8, 3, seed=1)
    pairs = [(a, b), (a.to(dtype=torch.float64), b), (a, b.to(dtype=torch.float64))]
    found = [align(*pair, method, own_labels(a), symmetry=symmetry(a), **QUICK.get(method, {})) for pair in pairs]
    for other in found[1:]:
        for group, coupling in found[0].couplings.items():
            np.testing.assert_array_equal(other.couplings[group].perm, coupling.perm)
