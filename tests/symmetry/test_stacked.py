"""Parameters stacked along an axis of their own: units of every expert or head have an order of their own."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from planted import random_data
from torch import Tensor, nn

from lmc_core.alignment.coupling import Coupling
from lmc_core.alignment.transport import transport
from lmc_core.diagnostics.units import units_of
from lmc_core.methods.align import align
from lmc_core.networks.network import Network, network
from lmc_core.networks.outputs import relative_error, tensors
from lmc_core.symmetry.axis import held_by, holders, names_in
from lmc_core.symmetry.canonical.canonical import canonical
from lmc_core.symmetry.declare import declare
from lmc_core.symmetry.infer import symmetry
from lmc_core.symmetry.move import composed, inverted, move, random_elements
from lmc_core.symmetry.permute import compose, identity, invert, outer_units, permute, random_permutations
from lmc_core.symmetry.verify import random_inputs, verify

WIDTH, EXPERTS, HIDDEN = 10, 4, 6


def _weights(*shape: int) -> nn.Parameter:
    return nn.Parameter(torch.randn(*shape) * 0.4)


class Stacked(nn.Module):
    """Layers before and after, and a router."""

    def __init__(self) -> None:
        super().__init__()
        self.enter, self.router, self.leave = nn.Linear(7, WIDTH), nn.Linear(WIDTH, EXPERTS), nn.Linear(WIDTH, 5)

    def forward(self, x: Tensor) -> Tensor:
        x = torch.relu(self.enter(x))
        shares = self.router(x).softmax(-1)
        return self.leave(x + (shares[..., None] * self.experts(x)).sum(-2))

    def experts(self, x: Tensor) -> Tensor:
        raise NotImplementedError


class Experts(Stacked):
    """(experts, in, hidden) and (experts, hidden, out), with biases (experts, hidden)."""

    def __init__(self) -> None:
        super().__init__()
        self.up, self.bias = _weights(EXPERTS, WIDTH, HIDDEN), _weights(EXPERTS, HIDDEN)
        self.down = _weights(EXPERTS, HIDDEN, WIDTH)

    def experts(self, x: Tensor) -> Tensor:
        y = torch.relu(torch.einsum("bi,eij->bej", x, self.up) + self.bias)
        return torch.einsum("bej,ejo->beo", y, self.down)


class Gated(Stacked):
    """Gate and value side by side on one axis, by batched products."""

    def __init__(self) -> None:
        super().__init__()
        self.up, self.down = _weights(EXPERTS, WIDTH, 2 * HIDDEN), _weights(EXPERTS, HIDDEN, WIDTH)

    def experts(self, x: Tensor) -> Tensor:
        gate, value = (x.expand(EXPERTS, -1, -1) @ self.up).chunk(2, -1)
        return (nn.functional.silu(gate) * value @ self.down).movedim(0, -2)


class Deep(Stacked):
    """Two hidden layers: one tensor reads units within experts and makes others within them."""

    def __init__(self) -> None:
        super().__init__()
        self.up, self.mid = _weights(EXPERTS, WIDTH, HIDDEN), _weights(EXPERTS, HIDDEN, HIDDEN + 1)
        self.down = _weights(EXPERTS, HIDDEN + 1, WIDTH)

    def experts(self, x: Tensor) -> Tensor:
        y = torch.tanh(torch.einsum("bi,eij->bej", x, self.up))
        y = torch.tanh(torch.einsum("bei,eij->bej", y, self.mid))
        return torch.einsum("bei,eij->bej", y, self.down)


class Last(Stacked):
    """The axis of the experts comes last, and second."""

    def __init__(self) -> None:
        super().__init__()
        self.up, self.down = _weights(WIDTH, HIDDEN, EXPERTS), _weights(HIDDEN, EXPERTS, WIDTH)

    def experts(self, x: Tensor) -> Tensor:
        y = torch.sigmoid(torch.einsum("bi,ije->bej", x, self.up))
        return torch.einsum("bej,jeo->beo", y, self.down)


class Flat(Stacked):
    """Stacked on the way in, side by side on one axis on the way out."""

    def __init__(self) -> None:
        super().__init__()
        self.up, self.down = _weights(EXPERTS, WIDTH, HIDDEN), _weights(EXPERTS * HIDDEN, WIDTH)

    def experts(self, x: Tensor) -> Tensor:
        y = torch.relu(torch.einsum("bi,eij->bej", x, self.up))
        return torch.einsum("bej,ejo->beo", y, self.down.unflatten(0, (EXPERTS, HIDDEN)))


class Heads(nn.Module):
    """Attention with queries, keys, values and outputs of shape (heads, width, units)."""

    def __init__(self) -> None:
        super().__init__()
        self.enter, self.leave = nn.Linear(7, WIDTH), nn.Linear(WIDTH, 5)
        self.q, self.k, self.v = (_weights(3, WIDTH, HIDDEN) for _ in range(3))
        self.bias, self.out = _weights(3, 1, HIDDEN), _weights(3, HIDDEN, WIDTH)

    def forward(self, x: Tensor) -> Tensor:
        x = torch.relu(self.enter(x))
        q, k, v = (torch.einsum("btd,hdu->bhtu", x, w) for w in (self.q, self.k, self.v))
        seen = ((q + self.bias) @ k.mT / 2).softmax(-1) @ v
        return self.leave((x + torch.einsum("bhtu,hud->btd", seen, self.out)).mean(1))


FREE = (Experts, Gated, Deep, Last, Flat, Heads)


def of(make: type[nn.Module]) -> Network:
    torch.manual_seed(0)
    example = torch.randn(2, 5, 7) if make is Heads else torch.randn(2, 7)
    return network(make(), example).to(dtype=torch.float64)


def change(net: Network, other: Network) -> float:
    (x,) = random_inputs(net, np.random.default_rng(3))
    return relative_error(tensors(net(x)), other(x))


@pytest.mark.parametrize("make", FREE)
def test_units_of_every_member_are_a_group_within_the_members(make: type[nn.Module]) -> None:
    found = symmetry(of(make))
    members = "head" if make is Heads else "router"
    inner = [found.groups[name] for name in found.children(members)]
    assert [g.size for g in inner] == {Deep: [HIDDEN, HIDDEN + 1], Heads: [HIDDEN, HIDDEN]}.get(make, [HIDDEN])
    for axes in found.axes.values():
        for number, axis in enumerate(axes):
            if names_in(axis) & {g.name for g in inner} and members not in names_in(axis):
                assert [names_in(axes[k]) for k in holders(axes, number)] == [{members}]
                assert all(number in held_by(axes, k) for k in holders(axes, number))


@pytest.mark.parametrize("make", FREE)
def test_random_elements_keep_the_function_and_can_be_undone(make: type[nn.Module]) -> None:
    net, rng = of(make), np.random.default_rng(1)
    found = symmetry(net)
    first, second = random_elements(found, rng), random_elements(found, rng)
    moved = net.with_state(move(net.state, found, first))
    assert any(not torch.equal(x, net.state[name]) for name, x in moved.state.items())
    assert change(net, moved) <= 1e-12
    back = move(moved.state, found, inverted(first, found))
    twice = move(moved.state, found, second)
    once = move(net.state, found, composed(first, second, found))
    for name, x in net.state.items():
        torch.testing.assert_close(back[name], x, atol=1e-10, rtol=1e-10)
        torch.testing.assert_close(once[name], twice[name], atol=1e-10, rtol=1e-10)


@pytest.mark.parametrize("make", FREE)
def test_every_member_moves_by_a_row_of_its_own(make: type[nn.Module]) -> None:
    net, rng = of(make), np.random.default_rng(2)
    found = symmetry(net)
    first, second = random_permutations(found, rng), random_permutations(found, rng)
    assert all(len(np.unique(first[name], axis=0)) > 1 for name, g in found.groups.items() if g.within)
    once = permute(permute(net.state, found, first), found, second)
    together = permute(net.state, found, compose(first, second, found))
    undone = permute(permute(net.state, found, first), found, invert(first, found))
    for name, x in net.state.items():
        assert torch.equal(once[name], together[name])
        assert torch.equal(undone[name], x)


@pytest.mark.parametrize("make", FREE)
def test_plans_at_the_corners_carry_a_state_as_permutations_do(make: type[nn.Module]) -> None:
    net, rng = of(make), np.random.default_rng(4)
    found = symmetry(net)
    perms = random_permutations(found, rng)
    plans = {}
    for name, group in found.groups.items():
        matrix = np.eye(group.size)
        if group.within is None:
            plans[name] = Coupling(name, plan=matrix[perms[name]] / group.size)
        else:
            n = found.groups[group.within].size
            inside = np.full((n, n, group.size, group.size), group.size**-2)
            for i, j in enumerate(perms[group.within]):
                inside[i, j] = matrix[perms[name][i]] / group.size
            plans[name] = Coupling(name, plan=inside)
    carried = transport(net, found, plans).state
    for name, x in permute(net.state, found, perms).items():
        torch.testing.assert_close(carried[name], x)


@pytest.mark.parametrize("method", ["weight-matching", "activation-matching", "frank-wolfe", "ot-alignment"])
@pytest.mark.parametrize("make", FREE)
def test_a_planted_copy_is_restored(make: type[nn.Module], method: str) -> None:
    net, rng = of(make), np.random.default_rng(5)
    found = symmetry(net)
    moved = net.with_state(permute(net.state, found, random_permutations(found, rng)))
    data = random_data(net) if method == "activation-matching" else None
    alignment = align(net, moved, method, data=data)
    restored = alignment.transport(moved)
    for name, x in net.state.items():
        assert torch.equal(restored.state[name], x)


@pytest.mark.parametrize("make", FREE)
def test_the_canonical_form_is_the_same_function_and_does_not_see_the_scales(make: type[nn.Module]) -> None:
    net = of(make)
    found = symmetry(net)
    moved = net.with_state(move(net.state, found, random_elements(found, np.random.default_rng(6))))
    one, other = canonical(net).network, canonical(moved).network
    assert max(change(net, one), change(net, other)) <= 1e-12
    for name, x in one.state.items():
        assert float(other.state[name].norm()) == pytest.approx(float(x.norm()), rel=1e-6)


@pytest.mark.parametrize("make", FREE)
def test_the_table_declares_the_same_symmetry(make: type[nn.Module]) -> None:
    net = of(make)
    found = symmetry(net)
    again = declare(net, found.table())
    assert again.axes == found.axes
    assert {**again.groups} == {**found.groups}
    assert again.error is not None
    assert again.error <= 1e-12
    assert identity(again).keys() == identity(found).keys()


CHAINS: tuple[Callable[[Tensor, Tensor, Tensor, int], Tensor], ...] = (
    lambda y, _v, _u, axis: y.softmax(axis),
    lambda y, _v, _u, axis: y.transpose(axis, axis - 1),
    lambda y, _v, _u, _axis: torch.relu(y),
    lambda y, v, _u, _axis: y * v,
    lambda y, _v, u, _axis: y + u,
    lambda y, v, _u, _axis: torch.einsum("eij,ejk->eik", y, v),
    lambda y, _v, u, _axis: torch.einsum("eij,jk->eik", y, u),
    lambda y, _v, _u, axis: y.cumsum(axis),
    lambda y, _v, _u, axis: nn.functional.normalize(y, dim=axis),
    lambda y, _v, _u, _axis: nn.functional.layer_norm(y, (4,)),
    lambda y, _v, _u, axis: torch.stack([y[k] * (k + 1.0) for k in range(4)], axis),
    lambda y, _v, _u, axis: y.amax(axis, keepdim=True) + y,
    lambda y, _v, _u, _axis: y[[1, 0, 3, 2]] * y,
    lambda y, _v, _u, axis: torch.stack(y.unbind(axis), axis - 1),
    lambda y, _v, u, _axis: (y.reshape(16, 4) @ u).reshape(4, 4, 4),
    lambda y, v, _u, axis: y * v[axis],
    lambda y, v, _u, _axis: torch.einsum("eij,fij->ef", y, v)[..., None] * y,
)
READERS: tuple[Callable[[Tensor, Tensor, Tensor], Tensor], ...] = (
    lambda h, y, _v: torch.einsum("bi,eij->bj", h, y),
    lambda h, y, _v: torch.einsum("be,eij->bij", h, y).relu().sum(1),
    lambda h, y, _v: (torch.einsum("bi,eij->bej", h, y).tanh() * h[..., None]).sum(1),
    lambda h, y, v: torch.einsum("bej,ejk->bk", torch.einsum("bi,eij->bej", h, y).relu(), v),
)


class Chain(nn.Module):
    """A stacked weight through operations drawn at random, each with axes of four."""

    def __init__(self, seed: int) -> None:
        super().__init__()
        rng = np.random.default_rng(seed)
        torch.manual_seed(seed)
        self.w, self.v, self.u = _weights(4, 4, 4), _weights(4, 4, 4), _weights(4, 4)
        self.enter, self.leave = nn.Linear(5, 4), nn.Linear(4, 3)
        drawn = rng.integers(0, len(CHAINS), rng.integers(1, 6))
        self.steps = [(CHAINS[number], int(rng.integers(0, 3))) for number in drawn]
        self.reader = READERS[rng.integers(0, len(READERS))]

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.w
        for step, axis in self.steps:
            y = step(y, self.v, self.u, axis)
        return self.leave(self.reader(torch.tanh(self.enter(x)), y, self.v))


@pytest.mark.parametrize("seed", range(60))
def test_what_is_found_of_stacked_weights_in_any_chain_keeps_the_function(seed: int) -> None:
    net = network(Chain(seed), torch.randn(3, 5)).to(dtype=torch.float64)
    found = symmetry(net, verify=False)
    assert verify(net, found, draws=3).holds, found.table()


@pytest.mark.parametrize("make", FREE)
def test_the_weights_of_a_unit_are_shown_where_it_goes(make: type[nn.Module]) -> None:
    net = of(make)
    found = symmetry(net)
    moved = net.with_state(permute(net.state, found, random_permutations(found, np.random.default_rng(7))))
    for name, group in found.groups.items():
        rows, others = units_of([net, moved], found, name)
        assert len(rows) == group.size * outer_units(found, name)
        np.testing.assert_allclose(np.sort((rows**2).sum(1)), np.sort((others**2).sum(1)))
