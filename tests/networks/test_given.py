"""Laws of what people hand over: every form of a module and its example is the same network, or one true sentence."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from lmc_core.errors import TraceError
from lmc_core.networks.network import Network, network
from lmc_core.symmetry.infer import symmetry


class Two(nn.Module):
    """Reads two tensors in any of several ways; the second after an argument that is no tensor."""

    def __init__(self, read: Callable[..., tuple[Tensor, Tensor]] | None = None) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.a, self.b, self.o, self.read = nn.Linear(6, 8), nn.Linear(5, 8), nn.Linear(8, 3), read

    def forward(self, x: Any, scale: float = 2.0, y: Any = None) -> Tensor:
        x, y = self.read(x) if self.read else (x, y)
        return self.o(torch.relu(self.a(x) + scale * self.b(y)))  # type: ignore[no-any-return]


X, Y = torch.randn(2, 6, generator=torch.Generator().manual_seed(1)), torch.ones(2, 5)

FORMS: dict[str, tuple[nn.Module, Any]] = {
    "a tuple": (Two(), (X, 2.0, Y)),
    "a list": (Two(), [X, 2.0, Y]),
    "names": (Two(), {"y": Y, "x": X}),
    "names with a number": (Two(), {"x": X, "y": Y, "scale": 2.0}),
    "arrays": (Two(), (X.numpy(), 2.0, Y.numpy())),
    "a mapping as the one argument": (Two(lambda batch: (batch["left"], batch["right"])), {"left": X, "right": Y}),
    "nested": (Two(lambda batch: (batch[0], batch[1]["deep"])), ([X, {"deep": Y}],)),
    "double numbers": (Two(), (X.double(), 2.0, Y.double())),
}


@pytest.mark.parametrize("form", FORMS)
def test_an_example_in_any_form_is_the_same_network(form: str) -> None:
    module, example = FORMS[form]
    taken = network(module, example)
    assert len(taken.example_inputs) == 2
    expected = Two()(X, y=Y)
    for same in (taken, taken.to("cpu"), taken.with_state(dict(taken.state))):
        torch.testing.assert_close(same(*taken.example_inputs), expected)
    found = symmetry(taken)
    assert {group.size for group in found.groups.values()} == {8}
    assert "forward" not in vars(module)


def _small(first: nn.Module | None = None) -> nn.Module:
    return nn.Sequential(first or nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 3))


def _sparse() -> nn.Module:
    module = _small()
    module.register_buffer("held", torch.eye(3).to_sparse())
    return module


def _uncopyable() -> nn.Module:
    module = _small()
    module.held = (number for number in range(3))  # type: ignore[assignment]
    return module


REFUSED: dict[str, tuple[Callable[[], nn.Module], Any, str]] = {
    "meta": (lambda: _small().to("meta"), X, "meta device"),
    "quantised": (lambda: _small(torch.ao.nn.quantized.dynamic.Linear(6, 8)), X, "quantised"),
    "eight bits": (lambda: _small().to(torch.float8_e4m3fn), X, "float8_e4m3fn"),
    "sparse": (_sparse, X, "sparse"),
    "a generator inside": (_uncopyable, X, "cannot be copied"),
    "no tensor": (_small, {"x": 3}, "holds no tensor"),
}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("case", REFUSED)
def test_what_is_no_network_is_refused_with_its_own_reason(case: str) -> None:
    make, example, reason = REFUSED[case]
    with pytest.raises(TraceError, match=reason):
        network(make(), example)


@pytest.mark.filterwarnings("ignore")
def test_a_scripted_module_is_refused_by_name_wherever_it_stands() -> None:
    for module in (torch.jit.script(_small()), _small(torch.jit.script(nn.Linear(6, 8)))):
        with pytest.raises(TraceError, match="TorchScript"):
            network(module, X)


def test_a_network_is_told_in_a_few_lines() -> None:
    for depth in (1, 40):
        told = repr(network(nn.Sequential(*[nn.Linear(6, 6) for _ in range(depth)]), X))
        assert len(told.splitlines()) <= 4
        assert len(told) < 400
        assert f"{depth * 42:,} numbers" in told
    taken: Network = network(_small(), X)
    assert all(name in repr(taken) for name in taken.state)
