"""Modules that ask numbers what to do next: traced where the answer is a constant, or yes or no."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from lmc_core.errors import DataError, TraceError
from lmc_core.graph.asked import asked
from lmc_core.graph.trace import trace
from lmc_core.graph.untraced import trace_or_whole
from lmc_core.networks.network import network
from lmc_core.networks.outputs import relative_error
from lmc_core.symmetry.infer import ONE_WAY, symmetry


class Asks(nn.Module):
    """Twice or three times its hidden units, as `question` decides of (input, weights, a buffer of zeros)."""

    def __init__(self, question: Callable[[Tensor, Tensor, Tensor], object]) -> None:
        super().__init__()
        self.enter, self.leave = nn.Linear(6, 8), nn.Linear(8, 3)
        self.register_buffer("zeros", torch.zeros(4), persistent=False)
        self.question = question

    def forward(self, x: Tensor) -> Tensor:
        hidden = torch.relu(self.enter(x))
        return self.leave(hidden * (2.0 if self.question(x, self.enter.weight, self.zeros) else 3.0))


def written_into(x: Tensor, weight: Tensor, zeros: Tensor) -> bool:
    made = torch.zeros(4)
    made[1:].select(0, 0).add_(weight.sum().abs())
    return bool((made > 0).any())


CONSTANT = {
    "if of a mask": lambda x, w, z: bool((torch.ones(x.shape[0], 4) > 0).any()),
    "item": lambda x, w, z: torch.arange(5).max().item() > 3,
    "tolist": lambda x, w, z: sum(torch.tensor([2, 3]).cumsum(0).tolist()) > 100,
    "int of a shape": lambda x, w, z: int(torch.tensor(x.shape[1]) // 4) == 1,
    "equal": lambda x, w, z: torch.equal(torch.ones(3), torch.zeros(3)),
}
ASKED = {
    "the input": lambda x, w, z: bool((x > 100).any()),
    "a size of the input": lambda x, w, z: x.shape[0] == 2 and (x.norm() < 100).item(),
    "a weight": lambda x, w, z: torch.allclose(w, torch.ones_like(w) * 100),
    "a buffer": lambda x, w, z: bool(z.any()),
    "a weight written into a view": written_into,
}
NUMBERS = {
    "the input": lambda x, w, z: x.sum().item() > 1e6,
    "a weight": lambda x, w, z: int(w.sum()) > 1e6,
}


@pytest.mark.parametrize("case", CONSTANT)
def test_a_module_that_asks_constants_is_traced(case: str) -> None:
    torch.manual_seed(0)
    net = network(Asks(CONSTANT[case]), torch.randn(2, 6))
    x = torch.randn(2, 6)
    assert relative_error(net(x), trace(net).run(net.state, [x])[0]) < 1e-6
    assert [group.size for group in symmetry(net).groups.values()] == [8]


@pytest.mark.parametrize("case", ASKED)
def test_a_module_that_asks_its_input_or_its_state_is_traced_on_the_way_of_its_example(case: str) -> None:
    torch.manual_seed(0)
    net = network(Asks(ASKED[case]), torch.randn(2, 6))
    x = torch.randn(2, 6)
    traced = trace(net)
    assert traced.chooses
    assert relative_error(net(x), traced.run(net.state, [x])[0]) < 1e-6
    found = symmetry(net)
    assert [group.size for group in found.groups.values()] == [8]
    assert found.notes == (ONE_WAY,)


def test_numbers_that_lead_another_way_than_the_example_are_refused_by_the_trace_and_run_whole() -> None:
    net = network(Asks(ASKED["the input"]), torch.randn(2, 6))
    x = torch.randn(2, 6) * 1000
    with pytest.raises(DataError, match="chooses otherwise"):
        trace(net).run(net.state, [x])
    assert torch.equal(trace_or_whole(net, 2).run(net.state, (x,))[0], net(x))


@pytest.mark.parametrize("case", NUMBERS)
def test_a_module_that_goes_on_with_a_number_of_its_input_or_its_state_is_refused(case: str) -> None:
    net = network(Asks(NUMBERS[case]), torch.randn(2, 6))
    assert not any(constant for constant, _ in asked(net.module, net.example_inputs))
    with pytest.raises(TraceError, match="cannot trace"):
        trace(net)
