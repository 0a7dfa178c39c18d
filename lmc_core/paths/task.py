"""What a network's output says about the targets, so that every output is scored as logits of classes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor

from lmc_core.networks.network import Network
from lmc_core.networks.outputs import named_tensors

Says = Literal["logits", "probabilities", "one logit", "one probability"]

SEEN = 32
"""Examples whose outputs are looked at."""


@dataclass(frozen=True)
class Task:
    """How the output is read.

    at         which of the tensors that a network returns, in their order, is scored
    says       the logits of all classes, their probabilities, or the logit or probability of the second of two classes
    name       of that tensor, if it has one
    returned   how many tensors there are
    """

    at: int = 0
    says: Says = "logits"
    name: str = ""
    returned: int = 1

    @classmethod
    def of(cls, network: Network, x: Tensor, y: Tensor) -> Task:
        """Read off what a network returns for a few examples.

        x   (n, …) raw examples on the device of the network
        y   (n, …) class numbers

        Of several tensors the one named "logits" is scored; else the first that tells exactly the classes of the
        targets apart; else the first that could. Its rows are probabilities if none is negative and each sums to 1.
        """
        rows = max(1, network.example_inputs[0].shape[0])
        batches = [
            named_tensors(network(network.prepare(_like(network, x[start : start + rows]))))
            for start in range(0, min(SEEN, len(x)) - rows + 1, rows)
        ]
        if not batches or not batches[0]:
            return cls()
        classes = int(y.max()) + 1
        at = _scored(batches[0], y[:rows], classes)
        name = batches[0][at][0]
        found = torch.cat([outputs[at][1].reshape(-1, *outputs[at][1].shape[1:]) for outputs in batches])
        return cls(at, _says(found, y[: len(found)], classes), name, len(batches[0]))

    def output(self, returned: Any) -> Tensor:
        """The tensor that is scored, of all that a network returned."""
        return returned if isinstance(returned, Tensor) else named_tensors(returned)[self.at][1]

    def logits(self, returned: Any) -> Tensor:
        """The same predictions as logits, up to a constant per row: (…, classes), or as the network returned them."""
        y = self.output(returned)
        if self.says == "logits":
            return y
        if self.says == "probabilities":
            return y.clamp_min(torch.finfo(y.dtype).tiny).log()
        y = y.reshape(y.shape[0], *[n for n in y.shape[1:] if n != 1])
        if self.says == "one probability":
            y = torch.logit(y, eps=torch.finfo(y.dtype).eps)
        return torch.stack([torch.zeros_like(y), y], -1)

    @property
    def notes(self) -> tuple[str, ...]:
        """Sentences on what was read off, where it is not the usual."""
        said = []
        if self.returned > 1:
            which = f"the one named {self.name!r}" if self.name and not self.name.isdigit() else f"number {self.at + 1}"
            said.append(f"The network returns {self.returned} tensors; {which} is scored.")
        if self.says == "probabilities":
            said.append("Outputs are taken for probabilities: none is negative and each row sums to 1.")
        if self.says in ("one logit", "one probability"):
            said.append(f"The one output is taken for the {self.says.split()[1]} of the second of two classes.")
        return tuple(said)


LOGITS = Task()
"""One tensor, the logits of all classes."""


def _like(network: Network, x: Tensor) -> Tensor:
    wanted = network.example_inputs[0]
    return x.to(wanted.dtype) if wanted.is_floating_point() else x


def _scored(outputs: list[tuple[str, Tensor]], y: Tensor, classes: int) -> int:
    named = [n for n, (name, _) in enumerate(outputs) if name == "logits"]
    told = [_told(x, y) for _, x in outputs]
    exact = [n for n, count in enumerate(told) if count == classes]
    fitting = [n for n, count in enumerate(told) if count > classes or (count == 1 and classes <= 2)]
    return (named or exact or fitting or [0])[0]


def _told(x: Tensor, y: Tensor) -> int:
    """How many classes an output tells apart; 0 if it does not fit the targets, 1 for one number per target."""
    if not x.is_floating_point():
        return 0
    if x.shape == y.shape or x.shape == (*y.shape, 1):
        return 1
    if x.shape[:-1] == y.shape:
        return x.shape[-1]
    if x.ndim > 2 and (x.shape[0], *x.shape[2:]) == tuple(y.shape):
        return x.shape[1]
    return 0


def _says(x: Tensor, y: Tensor, classes: int) -> Says:
    told = _told(x, y)
    x = x.double()
    inside = bool(((x >= 0) & (x <= 1)).all())
    if told == 1 and classes <= 2:
        return "one probability" if inside else "one logit"
    if told > 1 and inside and bool(((x.sum(-1 if x.shape[:-1] == y.shape else 1) - 1).abs() < 1e-3).all()):
        return "probabilities"
    return "logits"
