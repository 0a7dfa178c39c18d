"""Laws of nested units under several pinned factors, and of evidence that nothing in the state can hide."""

from collections import Counter
from dataclasses import replace
from itertools import permutations

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from lmc_core.methods.align import align
from lmc_core.networks.network import network
from lmc_core.networks.outputs import relative_error
from lmc_core.symmetry.axis import Fixed
from lmc_core.symmetry.infer import symmetry, verified
from lmc_core.symmetry.permute import permute, random_permutations
from lmc_core.symmetry.verify import elsewhere, verify

HEADS, UNITS, WIDTH = 2, 3, 5


class Attention(nn.Module):
    """Attention over a fused projection whose three axes, q|k|v, head and unit, lie in any order.

    pinned   a slope of its own per head, so that heads cannot be exchanged
    folded   heads are folded into the batch before they are multiplied
    """

    def __init__(self, order: tuple[str, ...], pinned: bool, folded: bool) -> None:
        super().__init__()
        self.order, self.folded = order, folded
        self.slopes = [1.0, 0.5] if pinned else [1.0, 1.0]
        self.qkv, self.out = nn.Linear(WIDTH, 3 * HEADS * UNITS), nn.Linear(HEADS * UNITS, 4)

    def forward(self, x: Tensor) -> Tensor:
        b, n, _ = x.shape
        sizes = {"part": 3, "head": HEADS, "unit": UNITS}
        y = self.qkv(x).view(b, n, *(sizes[name] for name in self.order))
        at = {name: 2 + k for k, name in enumerate(self.order)}
        q, k, v = y.permute(at["part"], 0, at["head"], 1, at["unit"]).unbind(0)
        slope = torch.tensor(self.slopes).to(x)[:, None, None]
        if self.folded:
            q, k, v = (t.reshape(b * HEADS, n, UNITS) for t in (q, k, v))
            slope = slope.repeat(b, 1, 1)
        z = (q @ k.transpose(-1, -2) * slope).softmax(-1) @ v
        return self.out(z.reshape(b, HEADS, n, UNITS).transpose(1, 2).reshape(b, n, HEADS * UNITS))  # type: ignore[no-any-return]


@pytest.mark.parametrize("folded", [False, True])
@pytest.mark.parametrize("pinned", [False, True])
@pytest.mark.parametrize("order", list(permutations(("part", "head", "unit"))))
def test_units_of_a_head_keep_their_ties_in_any_order_of_axes(
    order: tuple[str, ...], pinned: bool, folded: bool
) -> None:
    torch.manual_seed(0)
    taken = network(Attention(order, pinned, folded), torch.randn(2, 4, WIDTH)).to(dtype=torch.float64)
    raw = symmetry(taken, verify=False)
    assert verify(taken, raw, draws=3).holds, raw.table()
    if order[-1] == "unit" and not folded:
        sizes = sorted(group.size for group in raw.groups.values())
        assert sizes == ([UNITS] * 2 * HEADS if pinned else sorted([HEADS, UNITS, UNITS])), raw.table()


class Gated(nn.Module):
    """A branch of two layers behind a gate."""

    def __init__(self, gate: float) -> None:
        super().__init__()
        self.a, self.b, self.o = nn.Linear(6, 8), nn.Linear(8, 4), nn.Linear(6, 4)
        self.gate = nn.Parameter(torch.full((1,), gate))

    def forward(self, x: Tensor) -> Tensor:
        return self.o(x) + self.gate * self.b(torch.relu(self.a(x)))  # type: ignore[no-any-return]


def test_a_gate_that_is_zero_hides_no_wrong_group() -> None:
    torch.manual_seed(0)
    for gate in (0.0, 1.0):
        taken = network(Gated(gate), torch.randn(2, 6))
        right = symmetry(taken)
        assert len(right.groups) == 1
        wrong = replace(right, axes={**right.axes, "b.weight": (Fixed(4), Fixed(8))})
        assert not verified(taken, wrong).groups
        assert verified(taken, right).groups == right.groups


def test_a_random_state_keeps_what_cannot_be_drawn() -> None:
    torch.manual_seed(0)
    module = nn.Sequential(nn.Linear(6, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Linear(8, 3))
    module.register_buffer("mask", torch.tensor([0.0, float("-inf")]))
    taken = network(module, torch.randn(4, 6))
    there = elsewhere(taken, np.random.default_rng(0))
    assert bool((there.state["1.running_var"] > 0).all())
    assert torch.equal(there.state["mask"], taken.state["mask"])
    assert torch.equal(there.state["1.num_batches_tracked"], taken.state["1.num_batches_tracked"])
    assert not torch.equal(there.state["1.running_mean"], taken.state["1.running_mean"])


def test_a_hard_plan_that_changes_the_function_is_noted() -> None:
    torch.manual_seed(0)
    a, b = (network(Gated(1.0), torch.randn(2, 6)) for _ in range(2))
    right = symmetry(a)
    moved = b.with_state(permute(b.state, right, random_permutations(right, np.random.default_rng(0))))
    wrong = replace(right, axes={**right.axes, "b.weight": (Fixed(4), Fixed(8))})
    assert not [note for note in align(a, moved, symmetry=right).notes if "does not hold" in note]
    assert [note for note in align(a, moved, symmetry=wrong).notes if "does not hold" in note]


class Returned:
    """An output object that torch knows nothing of."""

    def __init__(self, logits: Tensor) -> None:
        self.logits = logits


def test_every_kind_of_output_is_measured() -> None:
    x = torch.randn(4, 3)
    other = x.clone()
    other[0, 0] += 1
    zero = torch.zeros_like(x)
    kinds = [
        lambda t: torch.complex(zero, t),
        lambda t: torch.complex(t, zero),
        lambda t: (t * 10).long(),
        lambda t: t > float(x[0, 0]) + 0.5,
        lambda t: (zero, {"deep": [t]}),
        Returned,
        lambda t: [Returned(t)],
    ]
    for kind in kinds:
        assert relative_error(kind(x), kind(x)) == 0
        assert relative_error(kind(x), kind(other)) > 0.05


class Joined(nn.Module):
    """Two branches, one perhaps with a GroupNorm of its own, side by side under another whose groups have seams
    anywhere."""

    def __init__(self, first: int, second: int, own: int, groups: int) -> None:
        super().__init__()
        self.a, self.b, self.o = nn.Conv1d(3, first, 1), nn.Conv1d(3, second, 1), nn.Conv1d(first + second, 4, 1)
        self.own = nn.GroupNorm(own, first) if own else nn.Identity()
        self.both = nn.GroupNorm(groups, first + second)

    def forward(self, x: Tensor) -> Tensor:
        side = torch.cat([torch.relu(self.own(self.a(x))), torch.tanh(self.b(x))], 1)
        return self.o(torch.relu(self.both(side))).mean(2)  # type: ignore[no-any-return]


@pytest.mark.parametrize(
    ("first", "second", "own", "groups"),
    [
        (16, 8, 2, 2),
        (16, 8, 4, 2),
        (16, 8, 0, 2),
        (12, 8, 2, 5),
        (12, 8, 3, 4),
        (18, 6, 3, 4),
        (8, 4, 8, 3),
        (8, 4, 1, 2),
    ],
)
def test_units_that_share_all_their_norms_are_interchangeable_wherever_the_seams_lie(
    first: int, second: int, own: int, groups: int
) -> None:
    torch.manual_seed(0)
    taken = network(Joined(first, second, own, groups), torch.randn(2, 3, 5)).to(dtype=torch.float64)
    taken = elsewhere(taken, np.random.default_rng(0))
    found = symmetry(taken, verify=False)
    assert verify(taken, found, draws=3).holds, found.table()
    wide, narrow = (first + second) // groups, first // own if own else first
    together = Counter((unit // wide, unit // narrow) for unit in range(first))
    alone = sum(1 for count in together.values() if count == 1)
    stuck = sum(pin.size for pin in found.pinned if (pin.tensor, pin.axis) == ("a.weight", 0))
    assert stuck <= alone
