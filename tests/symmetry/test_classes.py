"""Classes of symmetry: their lattice, random elements on every architecture, and what an experiment lowers."""

from itertools import product

import numpy as np
import pytest
import torch
from planted import parameters
from torch import Tensor, nn
from zoo import ALL, symmetric

from lmc_core.errors import SettingError
from lmc_core.networks.network import network
from lmc_core.networks.outputs import relative_error, tensors
from lmc_core.symmetry.axis import Fixed, Group, Product
from lmc_core.symmetry.classes import (
    KINDS,
    WITHIN,
    condition,
    draw,
    inverse_transpose,
    meet,
    self_dual,
    stacked,
)
from lmc_core.symmetry.declare import declare
from lmc_core.symmetry.evidence import classified, with_kinds
from lmc_core.symmetry.infer import symmetry
from lmc_core.symmetry.move import move, random_elements
from lmc_core.symmetry.permute import permute, random_permutations
from lmc_core.symmetry.verify import random_inputs

N = 6


def belongs(matrix: np.ndarray, kind: str) -> bool:
    """Whether a matrix is in a class, by the equation that defines the class."""
    there = ~np.isclose(matrix, 0)
    one_each = (there.sum(0) == 1).all() and (there.sum(1) == 1).all()
    orthogonal = np.allclose(matrix @ matrix.T, np.eye(len(matrix)))
    half = len(matrix) // 2
    turns = {"": np.kron([[0, -1], [1, 0]], np.eye(half)), "interleaved-": np.kron(np.eye(half), [[0, -1], [1, 0]])}
    rates = {"": np.kron(np.eye(2), np.diag(range(half))), "interleaved-": np.kron(np.diag(range(half)), np.eye(2))}
    paired = {
        form: all(np.allclose(matrix @ with_it, with_it @ matrix) for with_it in (turn, rates[form]))
        for form, turn in turns.items()
    }
    return {
        **{f"{form}complex": commutes for form, commutes in paired.items()},
        **{f"{form}phase": commutes and orthogonal for form, commutes in paired.items()},
        "general": np.linalg.cond(matrix) < 1e6,
        "orthogonal": orthogonal,
        "centred": orthogonal and np.allclose(matrix.sum(1), 1),
        "scaled": one_each and (matrix[there] > 0).all(),
        "signed": one_each and orthogonal,
        "permutation": one_each and np.allclose(matrix[there], 1),
    }[kind]


def as_matrix(element: np.ndarray) -> np.ndarray:
    return np.eye(len(element))[element] if element.dtype.kind == "i" else element


@pytest.mark.parametrize("kind", KINDS)
def test_random_elements_belong_to_their_class_and_to_those_that_hold_it_only(kind: str) -> None:
    element = as_matrix(draw(kind, N, np.random.default_rng(0)))
    assert {k for k in KINDS if belongs(element, k)} == {k for k in KINDS if kind in WITHIN[k]}
    assert not np.allclose(element, np.eye(N))


@pytest.mark.parametrize(("a", "b"), list(product(KINDS, KINDS)))
def test_what_two_classes_share_is_the_largest_class_within_both(a: str, b: str) -> None:
    assert meet(a, b) == meet(b, a)
    left = meet(a, b)
    assert (WITHIN[left] if left else frozenset()) == WITHIN[a] & WITHIN[b]


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_left_of_a_class_on_both_sides_at_once_is_its_own_dual(kind: str) -> None:
    drawn = draw(self_dual(kind), N, np.random.default_rng(1))
    assert np.allclose(as_matrix(inverse_transpose(drawn)), as_matrix(drawn))
    assert self_dual(kind) in WITHIN[kind]


def test_the_inverse_transposes_of_scales_are_exact_and_those_of_a_stack_are_one_by_one() -> None:
    rng = np.random.default_rng(2)
    scaled = draw("scaled", N, rng)
    assert ((scaled != 0) == (inverse_transpose(scaled) != 0)).all()
    stack = stacked([draw("general", N, rng) for _ in range(3)])
    for matrix, dual in zip(stack, inverse_transpose(stack), strict=True):
        assert np.allclose(dual.T @ matrix, np.eye(N))


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "permutation"])
def test_the_condition_of_an_element_is_that_of_its_matrix(kind: str) -> None:
    element = draw(kind, N, np.random.default_rng(4))
    assert condition(element) == pytest.approx(np.linalg.cond(element).max(), rel=1e-12)
    many = np.stack([draw(kind, N, np.random.default_rng(seed)) for seed in (5, 6)])
    assert condition(many) == pytest.approx(np.linalg.cond(many).max(), rel=1e-12)


@pytest.mark.parametrize("name", ALL)
def test_random_elements_of_all_classes_at_once_keep_the_function(name: str) -> None:
    """In float64, with the classes that the rules say, before any experiment could lower one."""
    net, found = symmetric(name)
    above = tuple(g.name for g in found.groups.values() if g.kind != "permutation")
    inputs = random_inputs(net, np.random.default_rng(4))
    before = tensors(net(*inputs))
    for seed in range(3 if above else 0):
        state = move(net.state, found, random_elements(found, np.random.default_rng(seed)))
        assert any(not torch.equal(state[n], net.state[n]) for n in state)
        assert relative_error(before, net.with_state(state)(*inputs)) <= 1e-12


def test_most_architectures_have_more_than_permutations() -> None:
    above = [name for name in ALL if any(g.kind != "permutation" for g in symmetric(name)[1].groups.values())]
    assert len(above) >= 23


def test_units_within_units_within_units_move_by_matrices_as_by_orders() -> None:
    outer, middle, inner = Group("a", 3), Group("b", 2, within="a"), Group("c", 4, within="b")
    found = parameters({"w": (Product((outer, middle, inner)), Fixed(2))})
    state = {"w": torch.randn(24, 2, dtype=torch.float64)}
    orders = random_permutations(found, np.random.default_rng(0))
    as_matrices = {**orders, "c": np.eye(4)[orders["c"]]}
    assert torch.equal(move(state, found, as_matrices)["w"], permute(state, found, orders)["w"])
    assert not torch.equal(move(state, found, {"b": orders["b"], "c": as_matrices["c"]})["w"], state["w"])


def test_permutations_move_a_state_as_they_always_did() -> None:
    net, found = symmetric("gpt_fused5d")
    perms = random_permutations(found, np.random.default_rng(0))
    moved, permuted = move(net.state, found, perms), permute(net.state, found, perms)
    assert all(torch.equal(moved[name], permuted[name]) for name in net.state)


class Stream(nn.Module):
    """One block on a stream that is normalised before it is read."""

    def __init__(self, norm: nn.Module, tied: bool = False) -> None:
        super().__init__()
        self.enter, self.norm, self.up, self.down = nn.Linear(5, 8), norm, nn.Linear(8, 12), nn.Linear(12, 8)
        self.leave = nn.Linear(8, 3)
        self.tied = tied

    def forward(self, x: Tensor) -> Tensor:
        x = self.enter(x)
        x = x + self.down(torch.nn.functional.gelu(self.up(self.norm(x))))
        x = self.norm(x)
        return x @ self.enter.weight if self.tied else self.leave(x)


class HandRMS(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + 1e-5)


class HandLayerNorm(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        x = x - x.mean(-1, keepdim=True)
        return x / (x * x).mean(-1, keepdim=True).add(1e-5).sqrt()


STREAMS = {
    "no norm": (nn.Identity, "general"),
    "RMSNorm": (lambda: nn.RMSNorm(8, elementwise_affine=False), "orthogonal"),
    "RMSNorm by hand": (HandRMS, "orthogonal"),
    "LayerNorm": (lambda: nn.LayerNorm(8, elementwise_affine=False), "centred"),
    "LayerNorm by hand": (HandLayerNorm, "centred"),
    "tanh": (nn.Tanh, "signed"),
    "ReLU": (nn.ReLU, "scaled"),
    "softmax": (lambda: nn.Softmax(-1), "permutation"),
}


@pytest.mark.parametrize(("make", "kind"), STREAMS.values(), ids=STREAMS)
def test_a_stream_has_the_class_that_its_normalisation_leaves(make, kind: str) -> None:
    found = symmetry(network(Stream(make()).double(), torch.randn(4, 5, dtype=torch.float64)))
    assert {name: group.kind for name, group in found.groups.items()} == {"enter": kind, "up": "permutation"}
    assert found.notes == ()


def test_a_gain_leaves_permutations_and_one_of_equal_entries_is_held() -> None:
    net = network(Stream(nn.LayerNorm(8)).double(), torch.randn(4, 5, dtype=torch.float64))
    apart = net.with_state({**net.state, "norm.weight": torch.linspace(1, 2, 8, dtype=torch.float64)})
    assert symmetry(apart).groups["enter"].kind == "permutation"


def test_a_tensor_that_meets_a_group_from_both_sides_leaves_rotations() -> None:
    found = symmetry(network(Stream(nn.Identity(), tied=True).double(), torch.randn(4, 5, dtype=torch.float64)))
    assert found.groups["enter"].kind == "orthogonal"


def test_a_class_that_an_experiment_refuses_is_lowered_step_by_step_and_says_so() -> None:
    net = network(Stream(nn.LayerNorm(8, elementwise_affine=False)).double(), torch.randn(4, 5, dtype=torch.float64))
    claimed = with_kinds(symmetry(net), {"enter": "general", "up": "scaled"})
    found = classified(net, claimed)
    assert {name: group.kind for name, group in found.groups.items()} == {"enter": "centred", "up": "permutation"}
    assert [note.split(",")[1] for note in found.notes] == [
        " so only orthogonal is used",
        " so only centred is used",
        " so only permutation is used",
    ]
    assert found.element_error is not None
    assert found.element_error <= 1e-12


def test_a_declared_class_is_verified() -> None:
    net = network(nn.Sequential(nn.Linear(4, 6), nn.Tanh(), nn.Linear(6, 3)).double(), torch.randn(2, 4).double())
    text = "0.weight (hidden, 4)\n0.bias (hidden)\n2.weight (3, hidden)\n"
    assert declare(net, f"{text}signed: hid*").groups["hidden"].kind == "signed"
    with pytest.raises(SettingError, match="classes do not hold: hidden: a random scaled map changed"):
        declare(net, f"{text}scaled: hidden")
    with pytest.raises(SettingError, match="no group is called 'units'"):
        declare(net, f"{text}scaled: units")
