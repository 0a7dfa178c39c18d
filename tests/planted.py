"""Problems whose answer is known: permuted copies, with noise, and parameters whose axes do what few real ones do."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from lmc_core.data.dataset import Dataset
from lmc_core.networks.network import Network, network
from lmc_core.symmetry.axis import Axis, Fixed, Group, Product, Sum
from lmc_core.symmetry.permute import invert, permute, random_permutations
from lmc_core.symmetry.symmetry import Role, Symmetry


@dataclass(frozen=True)
class Planted:
    """`moved` is `reference` with its units re-ordered (and noise); `perms` puts them back."""

    reference: Network
    moved: Network
    symmetry: Symmetry
    perms: Mapping[str, np.ndarray]

    @property
    def put_back(self) -> Network:
        """`moved` in the order of the reference: the noise alone."""
        return self.moved.with_state(permute(self.moved.state, self.symmetry, self.perms))


def planted(reference: Network, symmetry: Symmetry, seed: int = 0, noise: float = 0.0) -> Planted:
    """B = π(A + noise · std(A) · N(0, 1)), tensor by tensor."""
    rng = np.random.default_rng(seed)
    forth = random_permutations(symmetry, rng)
    moved = reference.with_state(permute(noisy(reference, noise, rng).state, symmetry, forth))
    return Planted(reference, moved, symmetry, invert(forth, symmetry))


def noisy(reference: Network, noise: float, rng: np.random.Generator) -> Network:
    """A + noise · std(A) · N(0, 1), tensor by tensor of what was learned: running statistics keep their sign."""
    learned = {name.removeprefix("tensors.") for name, _ in reference.module.named_parameters()}
    return reference.with_state(
        {name: _noisy(tensor, noise, rng) if name in learned else tensor for name, tensor in reference.state.items()}
    )


def _noisy(tensor: Tensor, noise: float, rng: np.random.Generator) -> Tensor:
    if not noise or not tensor.is_floating_point() or tensor.numel() < 2:
        return tensor
    return tensor + noise * tensor.std() * torch.as_tensor(rng.normal(size=tuple(tensor.shape)), dtype=tensor.dtype)


def random_data(net: Network, seed: int = 0, examples: int = 96) -> Dataset:
    """Random inputs of the shape a network reads; tokens where it reads tokens."""
    rng = np.random.default_rng(seed)
    example = net.example_inputs[0]
    shape = (examples, *example.shape[1:])
    if example.is_floating_point():
        x = rng.normal(size=shape).astype(np.float64 if example.dtype == torch.float64 else np.float32)
    else:
        x = rng.integers(0, int(example.max()) + 1, size=shape)
    y = np.zeros(examples, dtype=np.int64)
    return Dataset("random", x, y, x[:8], y[:8], ("one",))  # type: ignore[arg-type]


def own_labels(net: Network, seed: int = 0) -> Dataset:
    """Random inputs with the network's own answers as labels."""
    data = random_data(net, seed)
    x, rows = torch.as_tensor(data.x_train), net.example_inputs[0].shape[0]
    answers = torch.cat([net(x[i : i + rows]) for i in range(0, len(x), rows)]).argmax(-1).numpy()
    return Dataset("own", data.x_train, answers, data.x_test, answers[:8], tuple("abcdefghijkl"))


def difference(a: Mapping[str, Tensor], b: Mapping[str, Tensor]) -> float:
    """Largest difference of two states."""
    return max(float((a[name].double() - b[name].double()).abs().max()) for name in a)


def parameters(axes: Mapping[str, tuple[Axis, ...]], reads: Mapping[str, tuple[int, ...]] | None = None) -> Symmetry:
    """A Symmetry over free-standing tensors: every axis writes, but those listed in `reads`."""
    groups: dict[str, Group] = {}
    roles: dict[tuple[str, int], Role] = {}
    for name, expressions in axes.items():
        for number, axis in enumerate(expressions):
            roles[name, number] = "read" if number in (reads or {}).get(name, ()) else "write"
            stack: list[Axis] = [axis]
            while stack:
                match stack.pop(0):
                    case Group() as group:
                        groups.setdefault(group.name, group)
                    case Product(factors):
                        stack = [*factors, *stack]
                    case Sum(parts):
                        stack = [*parts, *stack]
    return Symmetry(groups, axes, roles)


def holder(symmetry: Symmetry, seed: int = 0) -> Network:
    """A network that only holds random parameters with these axes."""
    torch.manual_seed(seed)
    module = nn.Module()
    module.tensors = nn.ParameterDict(
        {
            name: nn.Parameter(torch.randn([axis.size for axis in axes], dtype=torch.float64))
            for name, axes in symmetry.axes.items()
        }
    )
    bare = network(module, torch.zeros(1))
    state = {name.removeprefix("tensors."): tensor for name, tensor in bare.state.items()}
    return Network(module, state, bare.example_inputs)


def chain() -> Symmetry:
    """Two hidden layers with biases; the second is read through a flattened image of 3 positions."""
    a, b = Group("a", 6), Group("b", 5)
    axes: dict[str, tuple[Axis, ...]] = {
        "w1": (a, Fixed(4)),
        "b1": (a,),
        "w2": (b, a, Fixed(2)),
        "b2": (b,),
        "w3": (Fixed(3), Product((b, Fixed(3)))),
    }
    return parameters(axes, {"w2": (1,), "w3": (1,)})


def recurrent() -> Symmetry:
    """Gates stacked on one axis, the hidden units on the other, two directions read together."""
    h, g = Group("h", 5), Group("g", 4)
    gates = Sum((h, h, h))
    axes: dict[str, tuple[Axis, ...]] = {
        "ih": (gates, Fixed(4)),
        "hh": (gates, h),
        "bias": (gates,),
        "back": (Sum((g, g)), Fixed(3)),
        "both": (Fixed(6), Sum((h, g))),
    }
    return parameters(axes, {"hh": (1,), "both": (1,)})


def heads() -> Symmetry:
    """Attention with stacked q, k, v, a layout with q and v inside each head, and a scale per head."""
    stream, head = Group("stream", 7), Group("head", 3)
    qk, vo = Group("qk", 2, within="head"), Group("vo", 4, within="head")
    axes: dict[str, tuple[Axis, ...]] = {
        "embed": (Fixed(6), stream),
        "q": (Product((head, qk)), stream),
        "k": (Product((head, qk)), stream),
        "v": (Product((head, vo)), stream),
        "fused": (Product((head, Sum((qk, vo)))), stream),
        "scale": (head,),
        "out": (stream, Product((head, vo))),
        "first": (Product((Fixed(2), head, qk)), Fixed(2)),
    }
    return parameters(axes, {"q": (1,), "k": (1,), "v": (1,), "fused": (1,), "out": (1,)})


def grouped() -> Symmetry:
    """A residual stream under group normalisation: nested groups on both axes of one weight."""
    g = Group("g", 3)
    channel = Product((g, Group("c", 2, within="g")))
    axes: dict[str, tuple[Axis, ...]] = {
        "stem": (channel, Fixed(4)),
        "norm": (channel,),
        "block": (channel, channel, Fixed(3)),
    }
    return parameters(axes, {"block": (1,)})


SHAPES = {"chain": chain, "recurrent": recurrent, "heads": heads, "grouped": grouped}
