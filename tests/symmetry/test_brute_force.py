"""The law of laws: the groups that are inferred are exactly the re-orderings that leave the function alone."""

import itertools
from collections.abc import Callable
from math import factorial, prod

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from lmc_core.networks.network import network
from lmc_core.symmetry.infer import symmetry
from lmc_core.symmetry.permute import outer_units

ROWS, INPUTS = 8, 5
SIZES = {"part": 2, "head": 2, "unit": 2}
Rest = Callable[[Tensor], Tensor]
"""Rows of a fused projection (n, 8) → outputs (n, …)."""


def chain(seed: int, order: tuple[str, ...] | None = None, meetings: int = 4) -> Rest:
    """A random way to lay out two parts of two heads of two units along one axis, to take them apart again, and to let
    them meet: views, permutations, and every form of taking parts; heads, units or nothing pinned by numbers.

    order      of part, head and unit along the axis; None: any
    meetings   how many ways of meeting there are to choose from; in the last, heads of one part meet all of the other
    """
    rng = np.random.default_rng(seed)
    order = [list(SIZES)[k] for k in rng.permutation(3)] if order is None else list(order)
    other = [list(SIZES)[k] for k in rng.permutation(3)]
    form, step, pinned, meet, close = (int(rng.integers(n)) for n in (4, 4, 4, meetings, 2))

    def rest(z: Tensor) -> Tensor:
        n = z.shape[0]
        y = z.reshape(n, *(SIZES[name] for name in order))
        y = y.permute(0, *(1 + order.index(name) for name in other))
        if step == 1:  # two axes joined and parted again
            y = y.flatten(1, 2).unflatten(1, (2, 2))
        elif step == 2:
            y = y.flatten(2, 3).tanh().unflatten(2, (2, 2))
        elif step == 3:
            y = y.transpose(1, 3).transpose(1, 3).contiguous()
        at = 1 + other.index("part")
        if form == 0:
            q, k = y.unbind(at)
        elif form == 1:
            q, k = y.select(at, 0), y.select(at, 1)
        elif form == 2:
            q, k = (part.squeeze(at) for part in y.chunk(2, at))
        else:
            q, k = y.narrow(at, 0, 1).squeeze(at), y.index_select(at, torch.tensor([1])).squeeze(at)
        if other.index("head") > other.index("unit"):
            q, k = q.transpose(1, 2), k.transpose(1, 2)
        slopes = torch.tensor([1.0, 0.5]).to(z)
        if pinned == 1:
            q = q * slopes[:, None]
        elif pinned == 2:
            q = q * slopes
        k = torch.sin(k) + k**2  # the two parts are not alike
        if meet == 0:
            met = (q * k).sum(2)
        elif meet == 1:
            met = torch.einsum("nhu,nhu->nh", q, k.softmax(-1))
        elif meet == 2:
            met = (q.reshape(n * 2, 1, 2) @ k.reshape(n * 2, 2, 1)).reshape(n, 2)
        else:
            met = (torch.einsum("nhu,ngu->nhg", q, k) * 0.5).tanh().sum(2)
        return torch.tanh(met).prod(1) if close else torch.tanh(met).sum(1)

    return rest


class Fused(nn.Module):
    """A fused projection and what becomes of it."""

    def __init__(self, rest: Rest) -> None:
        super().__init__()
        self.fused, self.rest = nn.Linear(INPUTS, ROWS), rest

    def forward(self, x: Tensor) -> Tensor:
        return self.rest(self.fused(x))


def searched(rest: Rest) -> int:
    """How many of the 8! orders of the rows leave the outputs alone."""
    z = torch.randn(3, ROWS, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    orders = torch.tensor(list(itertools.permutations(range(ROWS))))
    moved = z[:, orders].reshape(-1, ROWS)
    before, after = rest(z), rest(moved)
    same = (after.reshape(3, len(orders), -1) - before.reshape(3, 1, -1)).abs() < 1e-9
    return int(same.all(2).all(0).sum())


def inferred(rest: Rest) -> int:
    """How many orders the inferred groups have together."""
    torch.manual_seed(0)
    taken = network(Fused(rest), torch.randn(3, INPUTS)).to(dtype=torch.float64)
    found = symmetry(taken, verify=False)
    return prod(factorial(g.size) ** outer_units(found, name) for name, g in found.groups.items())


@pytest.mark.parametrize("seeds", [range(k, k + 5) for k in range(0, 20, 5)], ids=str)
@pytest.mark.parametrize(("order", "meetings"), [(("part", "head", "unit"), 4), (("head", "part", "unit"), 3)])
def test_where_outer_units_stand_first_the_inferred_groups_are_all_that_a_search_finds(
    order: tuple[str, ...], meetings: int, seeds: range
) -> None:
    for seed in seeds:
        rest = chain(seed, order, meetings)
        assert inferred(rest) == searched(rest), seed


@pytest.mark.parametrize("seeds", [range(k, k + 5) for k in range(100, 120, 5)], ids=str)
def test_in_no_order_of_axes_do_groups_hold_more_than_a_search_finds(seeds: range) -> None:
    for seed in seeds:
        rest = chain(seed)
        assert searched(rest) % inferred(rest) == 0, seed
