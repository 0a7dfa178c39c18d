"""What a module asks of numbers while it runs.

Code such as `if mask.any():` reads a number, which a trace does not have. Where the number comes from constants alone,
it is the same in every call with these shapes, and the trace goes on with it. Where the state or the inputs have a part
in it, a trace can follow one way only: that of the example. It goes on with a yes or no, and holds a condition that is
looked at whenever it runs; numbers it cannot go on with.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode
from torch.utils import _pytree as pytree
from torch.utils._python_dispatch import TorchDispatchMode

from lmc_core.networks.copies import called, held_noise

Answer = tuple[bool, Any]
"""Whether it comes from constants alone, and what it is."""

_ASKING = (
    *(Tensor.item, Tensor.__bool__, Tensor.__int__, Tensor.__float__, Tensor.__index__),
    *(torch.equal, Tensor.equal, torch.allclose, Tensor.allclose),
)


WAY = "the way of the example"
"""Marks the conditions that a trace holds."""


class _Flow(TorchDispatchMode):
    """Which memory holds anything that was computed from given tensors."""

    def __init__(self, sources: Iterable[Tensor]) -> None:
        super().__init__()
        self.kept: list[Tensor] = []  # as long as it is alive, no other tensor is given its memory
        self.reached: set[int] = set()
        for x in sources:
            self.reach(x)

    def reach(self, x: Tensor) -> None:
        self.kept.append(x)
        self.reached.add(x.untyped_storage()._cdata)

    def holds(self, values: Any) -> bool:
        return any(x.untyped_storage()._cdata in self.reached for x in pytree.tree_leaves(values) if _is_tensor(x))

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        made = func(*args, **kwargs)
        if self.holds((args, kwargs)):
            written = args[:1] if func._schema.is_mutable else ()
            for x in pytree.tree_leaves((made, written, kwargs.get("out"))):
                if _is_tensor(x):
                    self.reach(x)
        else:
            self.kept.extend(x for x in pytree.tree_leaves(made) if _is_tensor(x))
        return made


class _Listening(TorchFunctionMode):
    def __init__(self, flow: _Flow) -> None:
        super().__init__()
        self.flow = flow
        self.answers: list[Answer] = []

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        made = func(*args, **(kwargs or {}))
        if func in _ASKING or func is Tensor.tolist:
            constant = not self.flow.holds((args, kwargs))
            self.answers.extend((constant, answer) for answer in _one_by_one(made))
        return made


class _Telling(TorchFunctionMode):
    def __init__(self, answers: Iterator[Answer]) -> None:
        super().__init__()
        self.answers = answers

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func in _ASKING:
            constant, answer = next(self.answers, (False, None))
            if constant:
                return answer
            if isinstance(answer, bool):
                torch._assert_async(_is_so(func, args, answer), WAY)
                return answer
        return func(*args, **(kwargs or {}))


def asked(module: nn.Module, inputs: tuple[Tensor, ...]) -> tuple[Answer, ...]:
    """What a module asks of numbers during one call, in order."""
    own = [*module.parameters(), *module.buffers()]
    flow = _Flow([*own, *inputs])
    listening = _Listening(flow)
    with torch.no_grad(), held_noise(inputs[0].device), flow, listening:
        called(module, {}, inputs)
    return tuple(listening.answers)


def told(run: Callable[..., Any], answers: tuple[Answer, ...]) -> Callable[..., Any]:
    """A function that is given these answers when it asks: the constant ones, and what it asks with a yes or no."""

    def answered(*args: Any, **named: Any) -> Any:
        with _Telling(iter(answers)):
            return run(*args, **named)

    return answered


def _is_so(func: Any, args: tuple[Any, ...], answer: bool) -> Tensor:
    """Whether a question of given numbers is answered so."""
    if len(args) == 1:
        said = args[0].flatten().ne(0).all()
    else:
        said = (torch.isclose(*args) if func in (torch.allclose, Tensor.allclose) else args[0] == args[1]).all()
    return said if answer else said.logical_not()


def _one_by_one(answer: Any) -> Iterator[Any]:
    """A list is asked for by its numbers while it is traced."""
    if isinstance(answer, list):
        for part in answer:
            yield from _one_by_one(part)
    else:
        yield answer


def _is_tensor(x: Any) -> bool:
    return isinstance(x, Tensor) and x.layout is torch.strided
