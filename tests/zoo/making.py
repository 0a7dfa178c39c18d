"""What every member of the zoo is made with: example inputs, and numbers that leave nothing invariant by accident."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

Member = Callable[[], tuple[nn.Module, tuple[Tensor, ...]]]
Images = (2, 3, 8, 8)
TOKENS, WIDTH, STEPS = 11, 12, 7


def images(*shape: int) -> Tensor:
    return torch.randn(*(shape or Images), dtype=torch.float64)


def tokens() -> Tensor:
    return torch.randint(0, TOKENS, (2, STEPS))


def rows(*shape: int) -> Tensor:
    return images(2, *shape)


def ready(make: Callable[[], nn.Module], *examples: Callable[[], Tensor]) -> Member:
    """A member in float64 and eval mode, every parameter and running statistic random, so that nothing is invariant
    by accident."""

    def member() -> tuple[nn.Module, tuple[Tensor, ...]]:
        torch.manual_seed(7)
        module = make().double().eval()
        with torch.no_grad():
            for name, tensor in [*module.named_parameters(), *module.named_buffers()]:
                if name.endswith("running_var"):
                    tensor.uniform_(0.5, 2.0)
                elif tensor.is_floating_point() and tensor.ndim == 1:
                    tensor.copy_(torch.randn_like(tensor) * 0.3 + (1.0 if "norm" in name else 0.0))
                elif name.endswith(("pos", "cls")):
                    tensor.normal_()
        return module, tuple(example() for example in examples)

    return member
