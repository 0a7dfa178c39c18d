"""Laws of numbers that a network's code holds: they are evaluated, and what they say of axes is used."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from lmc_core.networks.network import network
from lmc_core.symmetry.infer import symmetry
from lmc_core.symmetry.symmetry import Symmetry
from lmc_core.symmetry.verify import verify


class Between(nn.Module):
    """Two layers with something between them."""

    def __init__(self, between: Callable[[Tensor], Tensor], wide: int = 6, after: int = 6) -> None:
        super().__init__()
        self.up, self.down, self.between = nn.Linear(4, wide), nn.Linear(after, 3), between

    def forward(self, x: Tensor) -> Tensor:
        return self.down(torch.tanh(self.between(self.up(x))))  # type: ignore[no-any-return]


def found(between: Callable[[Tensor], Tensor], after: int = 6) -> Symmetry:
    torch.manual_seed(0)
    taken = network(Between(between, 6, after), torch.randn(2, 5, 4)).to(dtype=torch.float64)
    made = symmetry(taken, verify=False)
    assert verify(taken, made, draws=3).holds
    return made


@pytest.mark.parametrize(
    "matrix",
    [
        lambda: torch.eye(6),
        lambda: 2 * torch.eye(6) - 1,
        lambda: torch.diag(torch.full((6,), 3.0)) + 0.5,
        lambda: (torch.arange(6)[:, None] == torch.arange(6)).float(),
        lambda: torch.ones(6, 6),
    ],
)
def test_a_matrix_that_every_order_leaves_alone_pins_nothing(matrix: Callable[[], Tensor]) -> None:
    assert sum(g.size for g in found(lambda x: x @ matrix().to(x)).groups.values()) >= 6


@pytest.mark.parametrize(
    "matrix", [lambda: torch.tril(torch.ones(6, 6)), lambda: torch.eye(6).roll(1, 0), lambda: torch.eye(6).flip(0)]
)
def test_a_matrix_that_orders_positions_pins_them(matrix: Callable[[], Tensor]) -> None:
    assert not found(lambda x: x @ matrix().to(x)).groups


@pytest.mark.parametrize(
    ("chosen", "sizes"),
    [
        ([0, 1, 2, 3, 4, 5], [6]),
        ([3, 4, 5, 0, 1, 2], [3, 3]),
        ([0, 1, 0, 1, 2, 3, 4, 5], [2, 4]),
        ([-2, -1, 0, 1], [2, 2, 2]),  # two are read by nobody
        ([1, 0, 2, 3, 4, 5], [4]),
    ],
)
@pytest.mark.parametrize("how", ["list", "select"])
def test_a_list_of_positions_is_the_slices_it_stands_for(how: str, chosen: list[int], sizes: list[int]) -> None:
    def between(x: Tensor) -> Tensor:
        at = torch.tensor([k % 6 for k in chosen])
        return x[..., chosen] if how == "list" else x.index_select(2, at)

    assert sorted(g.size for g in found(between, len(chosen)).groups.values()) == sizes


@pytest.mark.parametrize(
    "transform",
    [
        lambda x: torch.fft.fft(x, dim=1).abs(),
        lambda x: torch.fft.irfft(torch.fft.rfft(x, dim=1), n=5, dim=1),
        lambda x: torch.fft.rfft(x, dim=1).imag,
    ],
)
def test_a_fourier_transform_pins_only_its_own_axis(transform: Callable[[Tensor], Tensor]) -> None:
    assert [g.size for g in found(transform).groups.values()] == [6]
    assert not found(lambda x: torch.fft.fft(x, dim=2).abs()).groups
