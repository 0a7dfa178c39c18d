"""Copies of a module: what it keeps for itself between calls never reaches another state, nor the user's own module."""

from __future__ import annotations

import copy
import functools
import warnings
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy
from torch.overrides import TorchFunctionMode
from torch.utils import _pytree as pytree

Inputs = tuple[Tensor, ...]

SEED = 0
"""Of the numbers a module draws while it is evaluated."""


class _Copying(TorchFunctionMode):
    """Under `copy.deepcopy`, tensors outside the module's own tables are handled by one function."""

    def __init__(self, each: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.each = each

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func is Tensor.__deepcopy__:
            return args[1].setdefault(id(args[0]), self.each(args[0]))
        return func(*args, **(kwargs or {}))


def afresh(module: nn.Module, *, shared: bool = False) -> nn.Module:
    """A module with the same parameters and with everything else its own: for one call, then to be dropped.

    shared   buffers and other tensors too are those of the module, not copies
    """
    memo: dict[int, Any] = {id(x): x for x in module.parameters()}
    if shared:
        memo.update({id(x): x for x in module.buffers()})
    return _copied(module, memo, lambda x: x if shared else x.detach().clone())


def _copied(module: nn.Module, memo: dict[int, Any], each: Callable[[Tensor], Tensor]) -> nn.Module:
    with _Copying(each), warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # torch's own, on copying an exported program
        return copy.deepcopy(module, memo)


def refreshing(module: nn.Module) -> nn.Module:
    """A copy whose every call runs on another copy, so that tracing it writes into nothing that stays."""
    made = afresh(module, shared=True)

    @functools.wraps(made.forward)
    def forward(*args: Any, **named: Any) -> Any:
        vars(made).pop("forward")
        try:
            inner = afresh(made, shared=True)
        finally:
            vars(made)["forward"] = forward
        return inner.forward(*args, **named)

    vars(made)["forward"] = forward
    return made


@contextmanager
def held_noise(device: torch.device) -> Iterator[None]:
    """Random numbers drawn inside are the same every time, and nobody outside notices."""
    with torch.random.fork_rng([device] if device.type == "cuda" else []):
        torch.manual_seed(SEED)
        yield


def snapshot(module: nn.Module, inputs: Inputs) -> nn.Module:
    """A copy in eval mode that shares no memory with the module, has its shapes, and keeps nothing it can rebuild.

    inputs   one batch: a module that makes its parameters at its first call is called once

    A tensor that a module keeps beside its parameters and buffers is a constant if the module needs it, and otherwise
    remains of an earlier call: it goes if outputs stay the same without it.
    """
    module = unwrapped(module)
    made = _copied(module, {}, lambda x: x.detach().clone())
    made.eval()
    if any(is_lazy(x) for x in (*made.parameters(), *made.buffers())):
        with torch.no_grad():
            made(*inputs)
    kept = list(_kept(made))
    if kept:
        before = _outputs(made, inputs)
        for path in kept:
            if before is not None and _same(before, _outputs(_without(made, path), inputs)):
                made = _without(made, path)
    return made


def unwrapped(module: nn.Module) -> nn.Module:
    """What a data-parallel or compiled module runs."""
    while True:
        if isinstance(module, nn.DataParallel | nn.parallel.DistributedDataParallel):
            module = module.module
        elif "_orig_mod" in module._modules:  # torch.compile
            module = module.get_submodule("_orig_mod")
        else:
            return module


Place = tuple[str, str]
"""Of something a module keeps: the name of the part, the name of its attribute."""


def _kept(module: nn.Module) -> Iterator[Place]:
    """Attributes that hold tensors and are neither parameters, buffers nor modules."""
    tables = {"_parameters", "_buffers", "_modules"}
    for name, part in module.named_modules():
        for key, value in vars(part).items():
            if key not in tables and not key.endswith("_hooks") and _holds_tensors(value):
                yield name, key


def _holds_tensors(value: Any) -> bool:
    if isinstance(value, dict):
        return any(map(_holds_tensors, value.values()))
    if isinstance(value, list | tuple | set | deque):
        return any(map(_holds_tensors, value))
    return isinstance(value, Tensor)


def _without(module: nn.Module, place: Place) -> nn.Module:
    """A copy that has forgotten what it keeps there: an empty container, or None."""
    made = afresh(module, shared=True)
    part = made.get_submodule(place[0])
    value = vars(part)[place[1]]
    if isinstance(value, dict | list | set | deque):
        value.clear()
    else:
        vars(part)[place[1]] = None
    return made


def _outputs(module: nn.Module, inputs: Inputs) -> list[Any] | None:
    """What the module returns for a batch; None if it fails."""
    one = afresh(module)
    try:
        with torch.no_grad(), held_noise(torch.device("cpu")):
            return pytree.tree_leaves(one(*inputs))
    except Exception:  # noqa: BLE001 - a user's module may raise anything without what it needs
        return None


def _same(before: list[Any], after: list[Any] | None) -> bool:
    return after is not None and len(before) == len(after) and all(map(_equal, before, after))


def _equal(x: Any, y: Any) -> bool:
    if isinstance(x, Tensor) and isinstance(y, Tensor):
        return x.shape == y.shape and torch.allclose(x, y, rtol=1e-5, atol=1e-7, equal_nan=True)
    return type(x) is type(y)
