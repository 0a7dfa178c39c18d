"""Laws of tensors that nobody learned: they are given to both networks, so they say which unit is which."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from lmc_core.fusion.fuse import fusion
from lmc_core.methods.align import align
from lmc_core.networks.network import Network, network
from lmc_core.networks.outputs import unseen
from lmc_core.symmetry.infer import symmetry
from lmc_core.symmetry.permute import permute, random_permutations


def _drawn(*shape: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(3))


class Features(nn.Module):
    """Random features of the input: their units are told apart by the constants alone, or by a learned scale too."""

    def __init__(self, scaled: bool = False) -> None:
        super().__init__()
        self.register_buffer("features", _drawn(6, 12))
        self.scale, self.o = nn.Parameter(torch.rand(12 if scaled else 1) + 0.5), nn.Linear(12, 4)

    def forward(self, x: Tensor) -> Tensor:
        return self.o(torch.tanh(x @ self.features * self.scale))  # type: ignore[no-any-return]


class Partitioned(nn.Module):
    """Graph convolution over three fixed neighbourhoods of the nodes: y = Σ_p A_p x W_p."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("near", (_drawn(3, 6, 8) > 0.3).float())
        self.a, self.b = nn.Linear(6, 3 * 10), nn.Linear(10, 4)

    def forward(self, x: Tensor) -> Tensor:
        y = self.a(x).unflatten(-1, (3, 10))
        return self.b(torch.relu(torch.einsum("nvkc,kvw->nwc", y, self.near)).mean(1))  # type: ignore[no-any-return]


class Closed(nn.Module):
    """Units between two constants, which nothing learned touches."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("opening", _drawn(6, 9))
        self.register_buffer("closing", _drawn(9, 6))
        self.o = nn.Linear(6, 4)

    def forward(self, x: Tensor) -> Tensor:
        return self.o(torch.tanh(x @ self.opening) @ self.closing)  # type: ignore[no-any-return]


MAKE: dict[str, tuple[Callable[[], nn.Module], tuple[int, ...]]] = {
    "random features": (Features, (2, 6)),
    "scaled random features": (lambda: Features(True), (2, 6)),
    "neighbourhoods": (Partitioned, (2, 6, 6)),
    "units between constants": (Closed, (2, 6)),
}


def _pair(name: str) -> tuple[Network, Network]:
    make, shape = MAKE[name]
    made = []
    for seed in (0, 1):
        torch.manual_seed(seed)
        made.append(network(make(), torch.randn(shape)))
    return made[0], made[1]


@pytest.mark.parametrize("name", MAKE)
def test_a_planted_copy_comes_back_and_equal_constants_stay_equal(name: str) -> None:
    a, b = _pair(name)
    found = symmetry(a)
    assert found.groups
    perms = random_permutations(found, np.random.default_rng(1))
    back = align(a, a.with_state(permute(a.state, found, perms)), symmetry=found).transport(
        a.with_state(permute(a.state, found, perms))
    )
    assert all(torch.equal(back.state[key], x) for key, x in a.state.items())
    aligned = align(a, b, symmetry=found)
    constants = [key for key, _ in a.module.named_buffers()]
    assert all(torch.equal(aligned.transport(b).state[key], a.state[key]) for key in constants)
    assert not aligned.notes


def test_constants_that_differ_judge_nothing_and_the_group_is_named() -> None:
    a, b = _pair("units between constants")
    other = b.with_state({**b.state, "opening": b.state["opening"] * 2, "closing": b.state["closing"] * 2})
    found = align(a, other)
    assert any("their order is arbitrary" in note for note in found.notes)


class Whole(nn.Module):
    """Returns class numbers, zeros, or whether a number is positive."""

    def __init__(self, what: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.a, self.b, self.what = nn.Linear(6, 8), nn.Linear(8, 4), what

    def forward(self, x: Tensor) -> Tensor:
        return self.what(self.b(torch.relu(self.a(x))))


@pytest.mark.parametrize(
    ("what", "why"),
    [
        (lambda y: y.argmax(1), "whole numbers"),
        (lambda y: y * 0, "zero"),
        (lambda y: (y * 1e6).softmax(1), "0 or 1"),
        (lambda y: y, ""),
        (lambda y: torch.complex(y * 0, y), ""),
    ],
)
def test_a_measurement_that_cannot_see_says_so(what: Callable[[Tensor], Tensor], why: str) -> None:
    torch.manual_seed(0)
    a, b = (network(Whole(what), torch.randn(8, 6)) for _ in range(2))
    assert (why in unseen(a(*a.example_inputs))) if why else not unseen(a(*a.example_inputs))
    said = [align(a, b).notes, fusion([a, b], "ot-fusion").notes] if why == "" else [align(a, b).notes]
    for notes in said:
        assert any("hard to see" in note for note in notes) == bool(why)
