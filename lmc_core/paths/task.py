"""What a network's output says about the targets: how both are read, and what loss and score follow."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Literal

import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy

from lmc_core.data.dataset import Asked
from lmc_core.errors import DataError
from lmc_core.networks.network import Network
from lmc_core.networks.outputs import named_tensors

Says = Literal["logits", "probabilities", "one logit", "one probability", "numbers"]
Kind = Literal["classification", "positions", "tokens", "labels", "regression"]
"""One class per example; one per position of it; the next token at every position; yes or no for each of several
labels; numbers."""

SEEN = 32
"""Examples whose outputs are looked at."""


@dataclass(frozen=True)
class Task:
    """How the output is read.

    at         which of the tensors that a network returns, in their order, is scored
    says       the logits of all classes, their probabilities, the logit or probability of the second of two classes
               (of a label: that it holds), or the numbers themselves
    name       of that tensor, if it has one
    returned   how many tensors there are
    kind       what the targets are
    deviation  of numbers: the standard deviation of each over all targets, the unit of loss and score
    """

    at: int = 0
    says: Says = "logits"
    name: str = ""
    returned: int = 1
    kind: Kind = "classification"
    deviation: tuple[float, ...] = ()

    @classmethod
    def of(cls, network: Network, x: Tensor, y: Tensor, asked: Asked = "auto") -> Task:
        """Read off what a network returns for a few examples.

        x       (n, …) raw examples on the device of the network; the first few are enough
        y       (n, …) class numbers, or numbers
        asked   what the targets are, where somebody says it

        Of several tensors the one named "logits" is scored; else the first that tells exactly the classes of the
        targets apart; else the first that could. Its rows are probabilities if none is negative and each sums to 1.
        Whole numbers are classes, unless zeros and ones have the shape of the output: then they are labels.

        Raises DataError where targets cannot be what they are said to be.
        """
        rows = max(1, network.example_inputs[0].shape[0])
        batches = [
            named_tensors(network(network.prepare(_like(network, x[start : start + rows]))))
            for start in range(0, min(SEEN, len(x)) - rows + 1, rows)
        ]
        if not batches or not batches[0]:
            return cls()
        if asked == "regression" or y.is_floating_point():
            return _numbers(batches[0], y, rows, asked)
        classes = int(y.max()) + 1
        at = _scored(batches[0], y[:rows], classes)
        name = batches[0][at][0]
        found = torch.cat([outputs[at][1].reshape(-1, *outputs[at][1].shape[1:]) for outputs in batches])
        seen = y[: len(found)]
        alike = y.ndim > 1 and found.shape == seen.shape
        if asked == "labels" or (asked == "auto" and alike and classes <= 2):
            return _labels(cls(at, name=name, returned=len(batches[0])), found, seen, classes)
        if asked == "auto" and classes > 2 and _told(found, seen) == 1:
            raise DataError(
                f"the targets name {classes} classes, of which the network's one number tells two apart; if they are "
                "numbers to be predicted, say task=regression"
            )
        kind: Kind = "classification" if y.ndim == 1 else "positions"
        if kind == "positions" and not x.is_floating_point() and x.shape[1:] == y.shape[1:]:
            kind = "tokens"
        return cls(at, _says(found, seen, classes), name, len(batches[0]), kind)

    def output(self, returned: Any) -> Tensor:
        """The tensor that is scored, of all that a network returned."""
        return returned if isinstance(returned, Tensor) else named_tensors(returned)[self.at][1]

    def logits(self, returned: Any) -> Tensor:
        """The same predictions as logits, up to a constant per row: (…, classes), or as the network returned them."""
        y = self.output(returned)
        if self.says in ("logits", "numbers"):
            return y
        if self.says == "probabilities":
            return y.clamp_min(torch.finfo(y.dtype).tiny).log()
        if self.says == "one probability":
            y = torch.logit(y, eps=torch.finfo(y.dtype).eps)
        if self.kind == "labels":
            return y
        y = y.reshape(y.shape[0], *[n for n in y.shape[1:] if n != 1])
        return torch.stack([torch.zeros_like(y), y], -1)

    def rows(self, logits: Tensor, y: Tensor) -> Tensor:
        """Logits with one row for every target: (targets, classes); of labels and numbers (targets,).

        logits   of classes (n, classes), or per step (n, steps, classes) or (n, classes, …), to match targets (n, …);
                 of labels, and numbers: of the shape of the targets

        Raises DataError if the shapes do not fit.
        """
        logits = logits.float() if logits.dtype.itemsize < 4 else logits
        if self.kind in ("labels", "regression"):
            if logits.numel() != y.numel() or len(logits) != len(y):
                raise _unlike(logits, y)
            return logits.reshape(-1)
        if logits.shape == y.shape:
            logits = logits[..., None]
        if logits.shape[:-1] == y.shape:
            return logits.reshape(-1, logits.shape[-1])
        if logits.ndim > 2 and (logits.shape[0], *logits.shape[2:]) == tuple(y.shape):
            return logits.movedim(1, -1).reshape(-1, logits.shape[1])
        raise _unlike(logits, y)

    def scores(self, rows: Tensor, y: Tensor, classes: int = 0) -> tuple[Tensor, Tensor]:
        """Loss of every target, and whether it was told right: (targets,) each, from `rows`.

        classes   how many the targets name at least

        Of classes and labels the cross-entropy in nats. Of numbers the squared error over the variance of all targets:
        1 is what their mean gives; told right is what lies within half a standard deviation.

        Raises DataError if a target names a class the logits do not have.
        """
        if self.kind == "labels":
            y = y.reshape(-1)
            return binary_cross_entropy_with_logits(rows, y.to(rows.dtype), reduction="none"), (rows > 0) == (y > 0)
        if self.kind == "regression":
            unit = rows.new_tensor(self.deviation)
            error = ((rows.reshape(y.shape) - y.to(rows.dtype)).reshape(-1, len(unit)) / unit).reshape(-1)
            return error.square(), error.abs() <= 0.5
        if rows.shape[-1] < classes:
            raise DataError(f"the targets name {classes} classes; the network tells {rows.shape[-1]} apart")
        return cross_entropy(rows, y.reshape(-1), reduction="none"), rows.argmax(-1) == y.reshape(-1)

    def loss(self, rows: Tensor, y: Tensor) -> Tensor:
        """The mean of `scores`' losses, (), to descend on."""
        if self.kind in ("labels", "regression"):
            return self.scores(rows, y)[0].mean()
        return cross_entropy(rows, y.reshape(-1))

    def beliefs(self, rows: Tensor) -> Tensor:
        """What is averaged where several networks answer together: probabilities, or the numbers."""
        if self.kind == "regression":
            return rows
        return rows.sigmoid() if self.kind == "labels" else rows.softmax(-1)

    def from_beliefs(self, beliefs: Tensor) -> Tensor:
        """Rows whose `beliefs` these are."""
        if self.kind == "regression":
            return beliefs
        tiny = torch.finfo(beliefs.dtype).tiny
        return torch.logit(beliefs, eps=1e-15) if self.kind == "labels" else beliefs.clamp_min(tiny).log()

    @property
    def notes(self) -> tuple[str, ...]:
        """Sentences on what was read off, where it is not the usual."""
        said = []
        if self.returned > 1:
            which = f"the one named {self.name!r}" if self.name and not self.name.isdigit() else f"number {self.at + 1}"
            said.append(f"The network returns {self.returned} tensors; {which} is scored.")
        if self.says == "probabilities":
            said.append("Outputs are taken for probabilities: none is negative and each row sums to 1.")
        if self.kind == "labels":
            what = "probability" if self.says == "one probability" else "logit"
            said.append(f"Every output is taken for the {what} of a label of its own: several may hold at once.")
        elif self.says in ("one logit", "one probability"):
            said.append(f"The one output is taken for the {self.says.split()[1]} of the second of two classes.")
        if self.kind == "regression":
            said.append(
                "Targets are numbers: the loss is the squared error over their variance (1 is what their mean gives), "
                "and the score counts answers within half a standard deviation."
            )
        return tuple(said)


LOGITS = Task()
"""One tensor, the logits of all classes."""


def _numbers(outputs: list[tuple[str, Tensor]], y: Tensor, rows: int, asked: Asked) -> Task:
    """Of a regression; each column of the targets has a deviation of its own."""
    if asked not in ("auto", "regression"):
        raise DataError(f"task={asked}: the targets are numbers that are not whole; leave it out, or say regression")
    fitting = [n for n, (_, x) in enumerate(outputs) if x.is_floating_point() and x[:rows].numel() == y[:rows].numel()]
    if not fitting:
        raise _unlike(outputs[0][1], y[:rows])
    at = fitting[0]
    spread = y.double().std(0, correction=0).clamp_min(1e-12)
    deviation = tuple(float(each) for each in spread.reshape(-1))
    return Task(at, "numbers", outputs[at][0], len(outputs), "regression", deviation if y.ndim > 1 else deviation[:1])


def _labels(task: Task, found: Tensor, y: Tensor, classes: int) -> Task:
    if classes > 2:
        raise DataError(f"task=labels: targets are 0 and 1 for each label; they go up to {classes - 1}")
    if found.numel() != y.numel():
        raise _unlike(found, y)
    inside = bool(((found >= 0) & (found <= 1)).all())
    return replace(task, says="one probability" if inside else "one logit", kind="labels")


def _unlike(output: Tensor, y: Tensor) -> DataError:
    return DataError(f"the network's output {tuple(output.shape)} does not fit targets of shape {tuple(y.shape)}")


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
