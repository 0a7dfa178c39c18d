"""Whole branches that compute alike are one group: experts kept as modules with the rows of their router, and heads."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from mixed import EXPERTS, HIDDEN, NETS, ROUTED, WIDTH, Expert, Mixture, added, net_of, stacked
from torch import Tensor, nn

from lmc_core.networks.outputs import relative_error, tensors
from lmc_core.symmetry.declare import declare
from lmc_core.symmetry.evidence import evened, held_still
from lmc_core.symmetry.infer import symmetry
from lmc_core.symmetry.move import composed, inverted, move, random_elements
from lmc_core.symmetry.permute import compose, invert, permute, random_permutations
from lmc_core.symmetry.symmetry import Symmetry
from lmc_core.symmetry.verify import random_inputs


def distance(x: dict[str, Tensor], y: dict[str, Tensor]) -> float:
    return max(relative_error([x[name]], y[name]) for name in y)


@pytest.mark.parametrize("mix", ROUTED)
def test_experts_kept_as_modules_and_the_rows_of_their_router_are_one_group(mix: str) -> None:
    found = symmetry(net_of(Mixture(ROUTED[mix])))
    assert found.groups["experts"].size == EXPERTS
    assert [str(found.axes[name][0]) for name in ("router.weight", "router.bias")] == ["experts", "experts"]
    branches = found.branches["experts"]
    assert set(branches.tensors) == {
        tuple(f"experts.{k}.{name}" for k in range(EXPERTS))
        for name in ("up.weight", "up.bias", "down.weight", "down.bias")
    }
    assert branches.groups == (tuple(f"experts.{k}.up" for k in range(EXPERTS)),)


@pytest.mark.parametrize("name", NETS)
def test_random_elements_of_branches_and_all_within_them_leave_the_outputs_alone(name: str) -> None:
    net = NETS[name]()
    found, rng = symmetry(net), np.random.default_rng(0)
    assert found.branches
    inputs = random_inputs(net, rng)
    before = tensors(net(*inputs))
    for _ in range(3):
        orders = random_permutations(found, rng)
        assert relative_error(before, net.with_state(permute(net.state, found, orders))(*inputs)) <= 1e-12
        elements = random_elements(found, rng)
        assert relative_error(before, net.with_state(move(net.state, found, elements))(*inputs)) <= 1e-12
    alone = permute(net.state, found, {name: orders[name] for name in found.branches})
    assert relative_error(before, net.with_state(alone)(*inputs)) <= 1e-12
    assert any(not torch.equal(alone[name], x) for name, x in net.state.items())


@pytest.mark.parametrize("name", NETS)
def test_elements_of_branches_are_a_group(name: str) -> None:
    """One step for two, and the step back, with whole branches and what is within them at once."""
    net = NETS[name]()
    found, rng = symmetry(net), np.random.default_rng(1)
    p, q = random_permutations(found, rng), random_permutations(found, rng)
    once = permute(net.state, found, p)
    assert distance(permute(once, found, q), permute(net.state, found, compose(p, q, found))) == 0
    assert distance(permute(once, found, invert(p, found)), net.state) == 0
    g, h = random_elements(found, rng), random_elements(found, rng)
    once = move(net.state, found, g)
    assert distance(move(once, found, h), move(net.state, found, composed(g, h, found))) < 1e-12
    assert distance(move(once, found, inverted(g, found)), net.state) < 1e-12
    part = {name: p[name] for name in found.branches}
    assert distance(permute(permute(net.state, found, part), found, invert(part, found)), net.state) == 0


@pytest.mark.parametrize("name", NETS)
def test_branches_are_declared_in_the_words_of_the_table(name: str) -> None:
    net = NETS[name]()
    found = symmetry(net)
    declared = declare(net, found.table())
    assert declared.groups == found.groups
    assert declared.axes == found.axes
    assert declared.branches == found.branches


def test_two_layers_of_experts_are_two_groups() -> None:
    class Two(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.one, self.two = Mixture(added, 3), Mixture(stacked, 3)
            self.between = nn.Linear(3, 7)

        def forward(self, x: Tensor) -> Tensor:
            return self.two(torch.tanh(self.between(self.one(x))))

    net = net_of(Two())
    found = symmetry(net)
    assert {name: group.size for name, group in found.groups.items() if name in found.branches} == {
        "one.experts": 3,
        "two.experts": 3,
    }
    assert found.error is not None
    assert found.error <= 1e-12


def test_an_expert_of_another_shape_or_that_is_used_in_another_way_stays_where_it_is() -> None:
    class Shared(Mixture):
        def __init__(self) -> None:
            super().__init__(added)
            self.shared, self.odd = Expert(), Expert(HIDDEN + 1)

        def forward(self, x: Tensor) -> Tensor:
            x = torch.tanh(self.enter(x))
            return self.leave(x + self.mix(self, x) + self.shared(x) + self.odd(x))

    found = symmetry(net_of(Shared()))
    (branches,) = found.branches.values()
    assert all(len(family) == EXPERTS for family in branches.tensors)
    moving = {name for family in branches.tensors for name in family}
    assert moving == {name for name in found.axes if name.startswith("experts.")}


class Outputs(nn.Module):
    """One branch per output: its number has a meaning."""

    def __init__(self) -> None:
        super().__init__()
        self.enter, self.heads = nn.Linear(7, WIDTH), nn.ModuleList([nn.Linear(WIDTH, 1) for _ in range(4)])

    def forward(self, x: Tensor) -> Tensor:
        x = torch.tanh(self.enter(x))
        return torch.cat([head(x) for head in self.heads], -1)


class Inputs(nn.Module):
    """One branch per part of the input."""

    def __init__(self) -> None:
        super().__init__()
        self.readers, self.leave = nn.ModuleList([nn.Linear(2, WIDTH) for _ in range(3)]), nn.Linear(WIDTH, 3)

    def forward(self, x: Tensor) -> Tensor:
        parts = x[..., :6].chunk(3, -1)
        return self.leave(sum(r(part) for r, part in zip(self.readers, parts, strict=True)).tanh())


class Weighted(nn.Module):
    """Branches that known numbers tell apart."""

    def __init__(self) -> None:
        super().__init__()
        self.enter, self.leave = nn.Linear(7, WIDTH), nn.Linear(WIDTH, 3)
        self.experts = nn.ModuleList([Expert() for _ in range(3)])

    def forward(self, x: Tensor) -> Tensor:
        x = self.enter(x).tanh()
        return self.leave(sum((k + 1) * expert(x) for k, expert in enumerate(self.experts)))


@pytest.mark.parametrize("module", [Outputs, Inputs, Weighted])
def test_branches_whose_number_has_a_meaning_are_no_group(module: type[nn.Module]) -> None:
    assert not symmetry(net_of(module())).branches


def test_experts_that_a_question_leaves_out_are_no_group_and_the_reason_is_said() -> None:
    """Which experts run is asked of numbers: a trace holds those of its example alone."""

    def asked(m: Mixture, x: Tensor) -> Tensor:
        shares, chosen = m.best(x)
        y = torch.zeros_like(x)
        for k, expert in enumerate(m.experts):
            if (chosen == k).any():
                y = y + ((chosen == k) * shares).sum(-1, keepdim=True) * expert(x)
        return y

    found: Symmetry = symmetry(net_of(Mixture(asked, 12)))
    assert not found.branches
    assert any("chooses by its numbers" in note for note in found.notes)


def test_units_that_do_not_move_in_one_branch_move_in_none() -> None:
    """What is within a branch goes where the branch goes."""
    found = symmetry(net_of(Mixture(added)))
    assert evened(found) is found
    left = evened(held_still(found, {"experts.1.up": "for a reason"}))
    assert set(left.groups) == {"enter", "experts"}
    assert left.branches["experts"].groups == ()
    assert {pin.why for pin in left.pinned if pin.tensor == "experts.0.up.bias"} == {
        "the same units of another branch do not move"
    }
