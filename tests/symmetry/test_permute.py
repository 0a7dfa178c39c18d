"""Moving states by permutations: a group action, tensor by tensor."""

from functools import cache

import numpy as np
import pytest
import torch
import zoo

from lmc_core.networks.network import Network
from lmc_core.symmetry.axis import Fixed, Group, Product, Sum
from lmc_core.symmetry.infer import symmetry
from lmc_core.symmetry.permute import compose, identity, index, invert, permute, random_permutations
from lmc_core.symmetry.symmetry import Symmetry

NAMES = ["mlp", "vgg_bn_flatten", "bilstm2", "gpt_fused5d", "resnet_groupnorm", "interleaved_qkv", "decoder"]

H, D = Group("h", 3), Group("d", 2, within="h")


@cache
def member(name: str) -> tuple[Network, Symmetry]:
    net = zoo.member(name)
    return net, symmetry(net, verify=False)


def same(a: dict[str, torch.Tensor], b: dict[str, torch.Tensor]) -> bool:
    return all(torch.equal(a[name], b[name]) for name in b)


@pytest.mark.parametrize("name", NAMES)
def test_the_identity_moves_nothing_and_copies_nothing(name: str) -> None:
    net, found = member(name)
    moved = permute(net.state, found, identity(found))
    assert all(moved[key] is net.state[key] for key in net.state)


@pytest.mark.parametrize("name", NAMES)
def test_inverse_permutations_undo(name: str) -> None:
    net, found = member(name)
    perms = random_permutations(found, np.random.default_rng(0))
    there = permute(net.state, found, perms)
    assert not same(there, dict(net.state))
    assert same(permute(there, found, invert(perms, found)), dict(net.state))


@pytest.mark.parametrize("name", NAMES)
def test_inverse_permutations_of_some_groups_undo(name: str) -> None:
    net, found = member(name)
    for group in found.groups:
        perms = random_permutations(found, np.random.default_rng(1), (group,))
        back = permute(permute(net.state, found, perms), found, invert(perms, found))
        assert same(back, dict(net.state))


@pytest.mark.parametrize("name", NAMES)
def test_two_steps_are_one(name: str) -> None:
    net, found = member(name)
    rng = np.random.default_rng(2)
    first, second = random_permutations(found, rng), random_permutations(found, rng)
    twice = permute(permute(net.state, found, first), found, second)
    assert same(permute(net.state, found, compose(first, second, found)), twice)


@pytest.mark.parametrize("name", NAMES)
def test_drawn_permutations_are_permutations_and_never_the_identity(name: str) -> None:
    _, found = member(name)
    for seed in range(20):
        for group, perm in random_permutations(found, np.random.default_rng(seed)).items():
            rows = perm if perm.ndim == 2 else perm[None]
            size = found.groups[group].size
            assert (np.sort(rows, axis=1) == np.arange(size)).all()
            assert (rows != np.arange(size)).any(axis=1).all()


def test_the_same_seed_draws_the_same() -> None:
    _, found = member("mlp")
    a, b = (random_permutations(found, np.random.default_rng(5)) for _ in range(2))
    assert all((a[group] == b[group]).all() for group in a)


def test_a_position_takes_the_unit_its_permutation_names() -> None:
    net, found = member("mlp")
    perm = np.random.default_rng(0).permutation(24)
    moved = permute(net.state, found, {"layer.1": perm})
    assert torch.equal(moved["1.weight"], net.state["1.weight"][perm])
    assert torch.equal(moved["1.bias"], net.state["1.bias"][perm])
    assert torch.equal(moved["3.weight"], net.state["3.weight"][:, perm])
    assert moved["5.weight"] is net.state["5.weight"]


def test_the_outer_factor_of_a_product_varies_slowest() -> None:
    axis = Product((Group("c", 3), Fixed(2)))
    assert index(axis, {"c": np.array([2, 0, 1])}).tolist() == [4, 5, 0, 1, 2, 3]


def test_a_sum_moves_part_by_part() -> None:
    axis = Sum((Group("a", 2), Fixed(1), Group("a", 2)))
    assert index(axis, {"a": np.array([1, 0])}).tolist() == [1, 0, 2, 4, 3]


def test_row_i_of_nested_permutations_belongs_to_the_outer_unit_that_ends_at_i() -> None:
    perms = {"h": np.array([2, 0, 1]), "d": np.array([[1, 0], [0, 1], [1, 0]])}
    assert index(Product((H, D)), perms).tolist() == [5, 4, 0, 1, 3, 2]


def test_groups_nested_twice_count_their_rows_through_all_outer_groups() -> None:
    e = Group("e", 2, within="d")
    found = Symmetry({"h": H, "d": D, "e": e}, {"w": (Product((H, D, e)),)}, {})
    state = {"w": torch.arange(12)}
    rng = np.random.default_rng(3)
    first, second = random_permutations(found, rng), random_permutations(found, rng)
    assert first["e"].shape == (6, 2)
    moved = permute(state, found, first)
    pairs = moved["w"].view(3, 2, 2)
    assert {tuple(sorted(p.tolist())) for p in pairs.flatten(0, 1)} == {(k, k + 1) for k in range(0, 12, 2)}
    assert {tuple(sorted(q.flatten().tolist())) for q in pairs} == {tuple(range(k, k + 4)) for k in (0, 4, 8)}
    assert same(permute(moved, found, invert(first, found)), state)
    assert same(permute(moved, found, second), permute(state, found, compose(first, second, found)))
