"""Networks with odd numbers and odd widths: every method answers with finite numbers, or refuses in one sentence."""

import math

import numpy as np
import pytest
import torch
from odd import ODD, made
from planted import own_labels

from lmc_core.alignment.alignment import Alignment
from lmc_core.errors import LMCError
from lmc_core.methods import METHODS
from lmc_core.methods.align import align
from lmc_core.networks.network import Network
from lmc_core.symmetry.infer import symmetry

QUICK = {
    "gromov-wasserstein": {"restarts": 1},
    "sinkhorn-rebasin": {"steps": 3},
    "straight-through": {"steps": 2, "batch": 8},
    "learned-matching": {"steps": 2},
}
"""Settings with which slow methods need little time."""


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
