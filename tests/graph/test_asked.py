"""Modules that ask numbers what to do next: traced where constants answer, refused where anything else has a part."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from lmc_core.errors import TraceError
from lmc_core.graph.asked import asked
from lmc_core.graph.trace import trace
from lmc_core.networks.network import network
from lmc_core.networks.outputs import relative_error
from lmc_core.symmetry.infer import symmetry


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
OTHERS = {
    "the input": lambda x, w, z: bool((x > 100).any()),
    "a weight": lambda x, w, z: w.sum().item() > 1e6,
    "a buffer": lambda x, w, z: bool(z.any()),
    "a weight written into a view": written_into,
}


@pytest.mark.parametrize("case", CONSTANT)
def test_a_module_that_asks_constants_is_traced(case: str) -> None:
    torch.manual_seed(0)
    net = network(Asks(CONSTANT[case]), torch.randn(2, 6))
    x = torch.randn(2, 6)
    assert relative_error(net(x), trace(net).run(net.state, [x])[0]) < 1e-6
    assert [group.size for group in symmetry(net).groups.values()] == [8]


@pytest.mark.parametrize("case", OTHERS)
def test_a_module_that_asks_its_input_or_its_state_is_refused(case: str) -> None:
    net = network(Asks(OTHERS[case]), torch.randn(2, 6))
    assert not any(constant for constant, _ in asked(net.module, net.example_inputs))
    with pytest.raises(TraceError, match="cannot trace"):
        trace(net)
