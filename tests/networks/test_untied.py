"""Laws of networks whose tied tensors were given copies."""

from pathlib import Path

import torch
from torch import Tensor, nn
from zoo import member
from zoo.transformers import GPT2, TRANSFORMERS

from lmc_core.networks.network import network
from lmc_core.networks.untied import untied


class Twice(nn.Module):
    """One layer in two places, and a head tied to it."""

    def __init__(self) -> None:
        super().__init__()
        self.one = nn.Linear(6, 6)
        self.two = self.one
        self.head = nn.Linear(6, 6)
        self.head.weight = self.one.weight

    def forward(self, x: Tensor) -> Tensor:
        return self.head(torch.relu(self.two(torch.relu(self.one(x)))))


def test_only_what_is_tied_by_name_is_copied() -> None:
    assert untied(member("mlp")) is member("mlp")
    assert untied(member("tied_autoencoder")) is member("tied_autoencoder")
    net = network(Twice(), torch.randn(2, 6))
    free = untied(net)
    assert set(free.state) - set(net.state) == {"head.weight"}
    assert torch.equal(free(*net.example_inputs), net(*net.example_inputs))


def test_the_copy_is_its_own() -> None:
    net = network(*TRANSFORMERS["GPT-2"]())
    free = untied(net)
    assert list(free.state)[-1] == "lm_head.weight"
    assert untied(free) is free
    zero = free.with_state({**free.state, "lm_head.weight": torch.zeros_like(free.state["lm_head.weight"])})
    assert not bool(zero(*free.example_inputs).any())
    assert torch.equal(net.state["wte.weight"], free.state["wte.weight"])
    assert net.module.lm_head.weight is net.module.wte.weight


def test_its_file_loads_into_a_module_that_ties_nothing(tmp_path: Path) -> None:
    wrapped = nn.DataParallel(GPT2())
    net = untied(network(wrapped, torch.randint(0, 11, (2, 7))))
    head = torch.randn_like(net.state["lm_head.weight"])
    net = net.with_state({**net.state, "lm_head.weight": head})
    net.save(tmp_path / "free.pth")
    module = GPT2()
    module.lm_head.weight = nn.Parameter(torch.zeros_like(head))
    outer = nn.DataParallel(module)
    outer.load_state_dict(torch.load(tmp_path / "free.pth", weights_only=True))
    assert torch.equal(module.lm_head.weight, head)
