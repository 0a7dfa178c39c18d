"""Planted orders in a residual block: how often each way of matching weights finds them.

A block x + down(relu(up(x))) of width 30 on a stream of 50, iid weights, nothing fixed at either end: both orders are
to be found from two matrices alone. A user of the Git Re-Basin code planted 100 orders and got 10 back
(github.com/samuela/git-re-basin, issue 8).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from lmc_core.alignment.coupling import Perms
from lmc_core.alignment.objective import weight_objective
from lmc_core.alignment.problem import Problem
from lmc_core.alignment.result import Result
from lmc_core.alignment.sweeps import sweep
from lmc_core.methods import METHODS
from lmc_core.networks.network import Network, network
from lmc_core.options import Option
from lmc_core.report import Report, silent
from lmc_core.symmetry.axis import Group
from lmc_core.symmetry.permute import invert, permute, random_permutations
from lmc_core.symmetry.symmetry import Symmetry
from lmc_core.training.reproduce._experiment import Chart, Experiment

PARAMETERS = (
    Option("draws", int, 100, "Planted orders.", low=1, high=10_000),
    Option("width", int, 30, "Hidden units of the block.", low=1, high=1000),
    Option("stream", int, 50, "Units of the residual stream.", low=1, high=1000),
    Option("noise", float, 0.0, "Noise on the weights, in standard deviations of them.", low=0, high=10),
)
QUICK = {"draws": 5, "width": 20, "stream": 40}


def _one_sweep(problem: Problem) -> Result:
    return sweep(weight_objective(problem.reference, problem.moved, problem.symmetry), problem.rng(1))


def _method(name: str, **settings: Any) -> Callable[[Problem], Result]:
    declared = METHODS[name]
    return lambda problem: declared.solve(problem, **declared.settings(settings))


WAYS: Mapping[str, Callable[[Problem], Result]] = {
    "one coordinate sweep": _one_sweep,
    "weight matching, 3 starts": _method("weight-matching", restarts=3),
    "weight matching, 30 starts": _method("weight-matching", restarts=30),
    "Frank–Wolfe": _method("frank-wolfe", restarts=1),
}
"""What is compared: coordinate ascent from where B is, the same from several starts, and all groups at once."""


class Block(nn.Module):
    """One residual block without biases."""

    def __init__(self, width: int, stream: int) -> None:
        super().__init__()
        self.up, self.down = nn.Linear(stream, width, bias=False), nn.Linear(width, stream, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.down(torch.relu(self.up(x)))


def planted(seed: int, width: int, stream: int, noise: float) -> tuple[Problem, Perms]:
    """A block, the same with its units in another order, and the order that puts them back."""
    generator = torch.Generator().manual_seed(seed)
    block = network(Block(width, stream).double(), torch.zeros(2, stream, dtype=torch.float64))
    draw = {name: torch.randn(x.shape, generator=generator, dtype=x.dtype) for name, x in block.state.items()}
    noisy = {name: x + noise * torch.randn(x.shape, generator=generator, dtype=x.dtype) for name, x in draw.items()}
    found = _symmetry(width, stream)
    a: Network = block.with_state(draw)
    problem = Problem.pair(a, a, found, seed=seed)
    forth = random_permutations(found, problem.rng(2))
    return Problem.pair(a, a.with_state(permute(noisy, found, forth)), found, seed=seed), invert(forth, found)


def _symmetry(width: int, stream: int) -> Symmetry:
    """That of a block inside a network, whose stream has no fixed end."""
    hidden, units = Group("hidden", width), Group("stream", stream)
    return Symmetry(
        groups={"hidden": hidden, "stream": units},
        axes={"up.weight": (hidden, units), "down.weight": (units, hidden)},
        roles={(f"{name}.weight", axis): ("write", "read")[axis] for name in ("up", "down") for axis in (0, 1)},
    )


def recovered(
    *, draws: int = 100, width: int = 30, stream: int = 50, noise: float = 0.0, seed: int = 0, report: Report = silent
) -> dict[str, int]:
    """Way of matching → how many of the planted orders it found exactly."""
    counts = dict.fromkeys(WAYS, 0)
    for draw in range(draws):
        problem, wanted = planted(seed + draw, width, stream, noise)
        for name, way in WAYS.items():
            report("matching planted orders", draw, draws)
            perms = way(problem).perms
            counts[name] += all(bool((perms[group] == order).all()) for group, order in wanted.items())
    return counts


def reproduce(*, seed: int = 0, device: str = "cpu", report: Report = silent, **settings: Any) -> Experiment:
    """The table of the experiment; computed on the CPU, whatever the device."""
    counts = recovered(seed=seed, report=report, **settings)
    draws, width, stream = (settings.get(p.name, p.default) for p in PARAMETERS[:3])
    return Experiment(
        f"Planted orders in a residual block of width {width} on a stream of {stream}",
        ("method", "recovered", "of"),
        tuple((name, count, draws) for name, count in counts.items()),
        ("A user of the Git Re-Basin code reports 10 of 100 for coordinate descent at width 30 and stream 50.",),
        {"settings": dict(settings), "seed": seed},
        Chart("method", "recovered"),
    )
