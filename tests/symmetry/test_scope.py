"""Under which outer variables a unit may be re-ordered separately, and how long finding that out takes."""

import time

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from lmc_core.networks.network import network
from lmc_core.symmetry._solver.terms import Prod, Sum, Term, Var, bare, concatenation, product, scope
from lmc_core.symmetry.infer import symmetry


def by_definition(var: Var, busy: tuple[Var, ...] = ()) -> frozenset[Var]:
    """Along every chain of claims, without walking in circles: exponential, and right."""
    if not var.claims or var in busy:
        return frozenset()
    reached = [reach(claim, (*busy, var)) for claim in var.claims]
    return frozenset.intersection(*reached) - {var}


def reach(term: Term, busy: tuple[Var, ...]) -> frozenset[Var]:
    match bare(term):
        case Var() as var:
            return frozenset((var,)) | by_definition(var, busy)
        case Prod(factors=factors):
            return frozenset().union(*(reach(factor, busy) for factor in factors))
        case Sum():
            return frozenset()
    raise AssertionError(term)


@pytest.mark.parametrize("seed", range(60))
def test_a_scope_is_what_all_chains_of_claims_have_in_common_in_circles_too(seed: int) -> None:
    rng = np.random.default_rng(seed)
    made = [Var(2) for _ in range(7)]

    def some() -> Term:
        chosen = [made[number] for number in rng.choice(len(made), rng.integers(1, 4), replace=False)]
        return concatenation(chosen) if rng.random() < 0.1 else product(chosen)

    for var in made:
        var.claims = tuple(some() for _ in range(rng.integers(0, 4))) if rng.random() < 0.9 else None
    for var in made:
        assert scope(var) == by_definition(var)


class Branches(nn.Module):
    """Depthwise, in three branches, of which two may double the channels."""

    def __init__(self, channels: int, out: int) -> None:
        super().__init__()
        self.identity = nn.BatchNorm2d(channels) if out == channels else None
        self.scale = nn.Sequential(nn.Conv2d(channels, out, 1, groups=channels), nn.BatchNorm2d(out))
        self.conv = nn.Sequential(nn.Conv2d(channels, out, 3, padding=1, groups=channels), nn.BatchNorm2d(out))

    def forward(self, x: Tensor) -> Tensor:
        y = self.scale(x) + self.conv(x)
        return y if self.identity is None else y + self.identity(x)


class Block(nn.Module):
    """What the branches add, scaled per channel, then mixed over the channels."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.mix, self.norm = Branches(channels, channels), nn.BatchNorm2d(channels)
        self.gain = nn.Parameter(torch.randn(channels, 1, 1))
        self.up, self.down = nn.Conv2d(channels, 2 * channels, 1), nn.Conv2d(2 * channels, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.gain * (self.mix(x) - self.norm(x))
        return x + self.down(torch.relu(self.up(x)))


def stages(count: int) -> nn.Module:
    layers: list[nn.Module] = [nn.Conv2d(3, 4, 1)]
    for number in range(count):
        channels = 4 * 2**number
        layers += [Block(channels), Block(channels), Branches(channels, 2 * channels), nn.GELU()]
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4 * 2**count, 3))


def test_inference_takes_no_longer_per_stage_the_more_stages_there_are() -> None:
    def seconds(count: int) -> float:
        net = network(stages(count), torch.randn(2, 3, 8, 8))
        start = time.process_time()
        assert len(symmetry(net, verify=False).groups) >= count
        return time.process_time() - start

    seconds(1)
    assert seconds(6) <= 6 * 3 * seconds(2)
