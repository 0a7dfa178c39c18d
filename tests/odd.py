"""Networks with odd numbers and odd widths."""

from collections.abc import Callable, Mapping
from itertools import pairwise

import torch
from torch import nn

from lmc_core.networks.network import Network, network


def made(*widths: int, dtype: torch.dtype = torch.float32, factor: float = 1.0, seed: int = 0) -> Network:
    """A network of these widths, its weights times a factor."""
    torch.manual_seed(seed)
    layers: list[nn.Module] = []
    for into, out in pairwise(widths):
        layers += [nn.Linear(into, out), nn.ReLU()]
    module = nn.Sequential(*layers[:-1]).to(dtype)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.mul_(factor)
    return network(module, torch.zeros(1, widths[0], dtype=dtype))


ODD: Mapping[str, Callable[[], tuple[Network, Network]]] = {
    "single with double precision": lambda: (made(6, 8, 3), made(6, 8, 3, dtype=torch.float64, seed=1)),
    "double with single precision": lambda: (made(6, 8, 3, dtype=torch.float64), made(6, 8, 3, seed=1)),
    "no hidden layer": lambda: (made(6, 3), made(6, 3, seed=1)),
    "one unit": lambda: (made(6, 1, 3), made(6, 1, 3, seed=1)),
    "one unit, then many": lambda: (made(6, 1, 8, 3), made(6, 1, 8, 3, seed=1)),
    "weights times 1e30": lambda: (made(6, 8, 3, factor=1e30), made(6, 8, 3, factor=1e30, seed=1)),
    "weights times 1e-30": lambda: (made(6, 8, 3, factor=1e-30), made(6, 8, 3, factor=1e-30, seed=1)),
    "weights that are zero": lambda: (made(6, 8, 3, factor=0.0), made(6, 8, 3, factor=0.0)),
    "one much larger than the other": lambda: (made(6, 8, 3), made(6, 8, 3, factor=1e30, seed=1)),
}
