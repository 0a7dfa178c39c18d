"""Hard couplings permute, soft ones write and read; errors name what does not fit."""

import numpy as np
import pytest
import torch
from planted import SHAPES, chain, difference, heads, holder, parameters

from lmc_core.alignment.coupling import Coupling
from lmc_core.alignment.transport import carry, roles, transport
from lmc_core.errors import MismatchError
from lmc_core.symmetry.axis import Fixed, Group
from lmc_core.symmetry.permute import permute, random_permutations


def hard(perms):
    return {name: Coupling(name, perm=perm) for name, perm in perms.items()}


def soft(perms, sizes):
    """The same couplings as plans of total mass 1; nested ones for every pair of outer units."""
    plans = {}
    for name, perm in perms.items():
        plan = np.eye(sizes[name])[perm] / sizes[name]
        plans[name] = Coupling(name, plan=plan if perm.ndim == 1 else np.repeat(plan[:, None], len(perm), axis=1))
    return plans


@pytest.mark.parametrize("shape", SHAPES)
def test_hard_couplings_permute(shape):
    symmetry = SHAPES[shape]()
    network = holder(symmetry)
    perms = random_permutations(symmetry, np.random.default_rng(0))
    moved = transport(network, symmetry, hard(perms))
    assert difference(moved.state, permute(network.state, symmetry, perms)) == 0
    assert difference(moved.state, network.state) > 0.1


@pytest.mark.parametrize("shape", SHAPES)
def test_a_plan_that_is_a_permutation_moves_like_the_permutation(shape):
    symmetry = SHAPES[shape]()
    network = holder(symmetry)
    perms = random_permutations(symmetry, np.random.default_rng(1))
    sizes = {name: group.size for name, group in symmetry.groups.items()}
    softly = transport(network, symmetry, soft(perms, sizes))
    assert difference(softly.state, permute(network.state, symmetry, perms)) < 1e-12


def test_hard_and_soft_couplings_mix():
    symmetry = heads()
    network = holder(symmetry)
    perms = random_permutations(symmetry, np.random.default_rng(2))
    sizes = {name: group.size for name, group in symmetry.groups.items()}
    mixed = {**hard(perms), "vo": soft(perms, sizes)["vo"]}
    moved = transport(network, symmetry, mixed)
    assert difference(moved.state, permute(network.state, symmetry, perms)) < 1e-12


def test_merging_duplicated_units_keeps_the_function():
    """Every unit twice, outgoing weights halved: writing means and reading sums gives the small network back."""
    half = Group("h", 6)
    axes = {"w1": (half, Fixed(4)), "w2": (Fixed(3), half)}
    symmetry = parameters(axes, {"w2": (1,)})
    small = holder(symmetry).state
    wide = {"w1": small["w1"].repeat_interleave(2, 0), "w2": small["w2"].repeat_interleave(2, 1) / 2}
    plan = np.eye(6).repeat(2, 1) / 12
    write, read = (torch.as_tensor(m) for m in Coupling("h", plan=plan).matrices)
    maps = {("h", "write"): write, ("h", "read"): read}
    back = {name: carry(wide[name], axes[name], roles(symmetry, name), maps) for name in wide}
    assert difference(back, small) < 1e-12
    wrong = {**maps, ("h", "read"): write}
    assert (
        difference({"w2": carry(wide["w2"], axes["w2"], roles(symmetry, "w2"), wrong)}, {"w2": small["w2"] / 2}) < 1e-12
    )


def test_write_matrices_average_and_read_matrices_hand_on_everything():
    plan = np.random.default_rng(0).random((3, 5))
    write, read = Coupling("g", plan=plan / plan.sum()).matrices
    assert np.allclose(write.sum(1), 1)
    assert np.allclose(read.sum(0), 1)


def test_a_missing_coupling_is_named():
    symmetry = chain()
    perms = random_permutations(symmetry, np.random.default_rng(0))
    perms.pop("b")
    with pytest.raises(MismatchError, match="no coupling for group 'b'"):
        transport(holder(symmetry), symmetry, hard(perms))


def test_a_coupling_of_no_group_is_named():
    symmetry = chain()
    perms = {**random_permutations(symmetry, np.random.default_rng(0)), "c": np.arange(3)}
    with pytest.raises(MismatchError, match="'c', which is no group"):
        transport(holder(symmetry), symmetry, hard(perms))


def test_a_coupling_of_another_size_is_refused():
    symmetry = chain()
    perms = {**random_permutations(symmetry, np.random.default_rng(0)), "b": np.arange(3)}
    with pytest.raises(MismatchError, match="'b' is for 3 units; the group has 5"):
        transport(holder(symmetry), symmetry, hard(perms))
