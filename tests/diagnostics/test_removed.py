"""What each class of symmetry removes of the distance between two networks: planted elements whole, and never less than
orders alone."""

import numpy as np
import pytest
from canonical_forms import formed
from zoo import member

from lmc_core.diagnostics.removed import ALL, ORDERS, removed
from lmc_core.networks.checkpoint import load
from lmc_core.symmetry.infer import symmetry
from lmc_core.symmetry.move import move, random_elements
from lmc_core.symmetry.permute import permute, random_permutations


def test_orders_remove_the_whole_distance_between_a_network_and_itself_re_ordered() -> None:
    a = load("checkpoints/digits-mlp-32/seed0.safetensors")
    found = symmetry(a)
    b = a.with_state(permute(a.state, found, random_permutations(found, np.random.default_rng(0))))
    shares = removed(a, b)
    assert shares == {ORDERS: pytest.approx(1, abs=1e-9)}
    assert removed(a, a) == {}


@pytest.mark.parametrize("name", ["pre-norm", "RMSNorm"])
def test_a_planted_element_of_all_classes_is_removed_whole_by_all_of_them_and_not_by_orders(name: str) -> None:
    form = formed(name)
    a, rng = form.network, np.random.default_rng(1)
    shares = removed(a, a.with_state(move(a.state, form.symmetry, random_elements(form.symmetry, rng))))
    assert shares[ALL] == pytest.approx(1, abs=1e-6)
    assert 0 <= shares[ORDERS] < 0.9


@pytest.mark.parametrize("name", ["digits-mlp-128", "digits-vit"])
def test_of_networks_trained_apart_orders_remove_some_and_all_classes_no_less(name: str) -> None:
    a, b = (load(f"checkpoints/{name}/seed{seed}.safetensors") for seed in (0, 1))
    shares = removed(a, b)
    assert set(shares) == ({ORDERS, ALL} if name == "digits-vit" else {ORDERS})
    assert 0 < shares[ORDERS] <= max(shares.values()) < 1


def test_a_network_without_groups_that_move_keeps_its_distance() -> None:
    a = member("mlp")
    halved = removed(a, a.with_state({name: x * 0.5 for name, x in a.state.items()}))
    assert all(0 <= share < 1 for share in halved.values())
