"""Copies of a module: what it keeps for itself between calls never reaches another state, nor the user's own module."""

from __future__ import annotations

import copy
import functools
import warnings
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from types import BuiltinFunctionType, FunctionType
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.fx import GraphModule
from torch.nn.parameter import is_lazy
from torch.overrides import TorchFunctionMode
from torch.utils import _pytree as pytree

from lmc_core.errors import TraceError

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


def _clone(x: Tensor) -> Tensor:
    return x.detach().clone()


def _itself(x: Tensor) -> Tensor:
    return x


def copied(module: nn.Module, memo: dict[int, Any] | None = None, *, shared: bool = False) -> nn.Module:
    """A copy of a module with everything its own; its numbers too, unless they are `shared`.

    memo   as of `copy.deepcopy`; receives what stands for what

    Raises TraceError for a module that holds what cannot be copied.
    """
    memo = {} if memo is None else memo
    if shared:
        memo.update({id(x): x for x in (*module.parameters(), *module.buffers())})
    with _Copying(_itself if shared else _clone), warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # torch's own, on copying an exported program
        try:
            made = copy.deepcopy(module, memo)
        except (TypeError, RuntimeError, AttributeError, NotImplementedError) as error:
            raise TraceError(
                f"this module cannot be copied ({error}), and a network is a copy of it; remove what it holds beside "
                "its parameters and buffers, such as open files, locks or generators"
            ) from error
    for name, part in module.named_modules():
        if isinstance(part, GraphModule):  # copies only what its graph reads, and forgets which buffers are constants
            own = made.get_submodule(name)
            own._non_persistent_buffers_set = set(part._non_persistent_buffers_set)
            for table in ("_parameters", "_buffers", "_modules"):
                for key, value in getattr(part, table).items():
                    getattr(own, table).setdefault(key, memo.get(id(value), value))
    return made


_OWN = frozenset(vars(nn.Module()))
_KEEP_NOTHING = ("torch", "lmc_core")
"""Packages whose modules keep nothing between calls but buffers."""


@contextmanager
def unchanged(module: nn.Module, given: Callable[[], Mapping[int, Tensor]], *, shared: bool = False) -> Iterator[None]:
    """While a module runs inside, it writes into copies of what it keeps for itself; then all is as before.

    given    asked for where it matters: identity of one of the module's tensors → what stands for it, wherever the
             module keeps that tensor
    shared   tensors are not copied, only what holds them
    """
    parts = list(module.modules())
    if all(map(_keeps_nothing, parts)):
        yield
        return
    before = [(part, dict(vars(part))) for part in parts]
    each = _itself if shared else _clone
    memo: dict[int, Any] = {}
    if any(_holds(part) for part in parts if not _keeps_nothing(part)):
        memo = {**{id(part): part for part in parts}, **given()}
    try:
        with _Copying(each):
            for part, held in before:
                if not _keeps_nothing(part):
                    vars(part).update(_own_copies(held, memo, each))
        yield
    finally:
        for part, held in before:
            vars(part).clear()
            vars(part).update(held)


def _own_copies(held: Mapping[str, Any], memo: dict[int, Any], each: Callable[[Tensor], Tensor]) -> dict[str, Any]:
    """What a part may write into while it runs: its tables, its buffers, and what else it keeps."""
    made: dict[str, Any] = {"_parameters": dict(held["_parameters"]), "_modules": dict(held["_modules"])}
    made["_buffers"] = dict(held["_buffers"])
    for name, x in held["_buffers"].items():
        if x is not None:
            if id(x) not in memo:
                memo[id(x)] = each(x)  # one copy of a buffer under two names
            made["_buffers"][name] = memo[id(x)]
    for key in held.keys() - _OWN:
        if type(held[key]) not in _PLAIN:
            made[key] = copy.deepcopy(held[key], memo)
    return made


_PLAIN = frozenset({bool, int, float, str, type(None), FunctionType, BuiltinFunctionType, torch.dtype, torch.device})
"""What nobody can write into."""


def _holds(part: nn.Module) -> bool:
    """Whether a part keeps anything of its own that could be written into or hold a tensor."""
    return any(key not in _OWN and type(value) not in _PLAIN for key, value in vars(part).items())


def _keeps_nothing(part: nn.Module) -> bool:
    return type(part).__module__.partition(".")[0] in _KEEP_NOTHING


def called(module: nn.Module, state: Mapping[str, Tensor], inputs: Inputs) -> Any:
    """What a module returns at a state; what it keeps of the call is dropped."""

    def given() -> dict[int, Tensor]:
        own = _tensors(module)
        return {id(own[name]): x for name, x in state.items() if name in own}

    with unchanged(module, given):
        return functional_call(module, dict(state), inputs)


def _tensors(module: nn.Module) -> dict[str, Tensor]:
    return {
        **dict(module.named_parameters(remove_duplicate=False)),
        **dict(module.named_buffers(remove_duplicate=False)),
    }


Run = Callable[..., Any]


def refreshing(module: nn.Module, around: Callable[[Run], Run]) -> nn.Module:
    """A module that keeps nothing of its calls, so that tracing it writes into nothing that stays.

    around   what is made of the forward of a module that is not torch's own
    """
    if all(map(_keeps_nothing, module.modules())) and "forward" not in vars(module):
        return module
    made = copied(module, shared=True)
    before, run = _tensors(made), around(made.forward)

    @functools.wraps(made.forward)
    def forward(*args: Any, **named: Any) -> Any:
        def given() -> dict[int, Tensor]:
            now = _tensors(made)  # a tracer puts its own in their place
            return {id(x): now[name] for name, x in before.items()}

        with unchanged(made, given, shared=True):
            return run(*args, **named)

    vars(made)["forward"] = forward
    return made


@contextmanager
def held_noise(device: torch.device) -> Iterator[None]:
    """Random numbers drawn inside are the same every time, and nobody outside notices."""
    sources = [torch.default_generator]
    if device.type == "cuda":
        torch.cuda.init()
        sources.append(
            torch.cuda.default_generators[torch.cuda.current_device() if device.index is None else device.index]
        )
    before = [source.get_state() for source in sources]
    for source in sources:
        source.manual_seed(SEED)
    try:
        yield
    finally:
        for source, state in zip(sources, before, strict=True):
            source.set_state(state)


def snapshot(module: nn.Module, inputs: Inputs, call: Callable[..., Any] | None = None) -> nn.Module:
    """A copy in eval mode that shares no memory with the module, has its shapes, and keeps nothing it can rebuild.

    inputs   one batch: a module that makes its parameters at its first call is called once
    call     what takes the place of its forward, if anything does

    A tensor that a module keeps beside its parameters and buffers is a constant if the module needs it, and otherwise
    remains of an earlier call: it goes if outputs stay the same without it.
    """
    memo: dict[int, Any] = {}
    made = copied(module, memo)
    if call is not None:
        vars(made)["forward"] = copy.deepcopy(call, memo)
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
    for name, part in module.named_modules():
        for key, value in vars(part).items():
            if key not in _OWN and _holds_tensors(value):
                yield name, key


def _holds_tensors(value: Any) -> bool:
    if isinstance(value, dict):
        return any(map(_holds_tensors, value.values()))
    if isinstance(value, list | tuple | set | deque):
        return any(map(_holds_tensors, value))
    return isinstance(value, Tensor)


def _without(module: nn.Module, place: Place) -> nn.Module:
    """A copy that has forgotten what it keeps there: an empty container, or None."""
    made = copied(module, shared=True)
    part = made.get_submodule(place[0])
    value = vars(part)[place[1]]
    if isinstance(value, dict | list | set | deque):
        value.clear()
    else:
        vars(part)[place[1]] = None
    return made


def _outputs(module: nn.Module, inputs: Inputs) -> list[Any] | None:
    """What the module returns for a batch; None if it fails."""
    try:
        with torch.no_grad(), held_noise(torch.device("cpu")):
            return pytree.tree_leaves(called(module, {}, inputs))
    except Exception:  # noqa: BLE001 - a user's module may raise anything without what it needs
        return None


def _same(before: list[Any], after: list[Any] | None) -> bool:
    return after is not None and len(before) == len(after) and all(map(_equal, before, after))


def _equal(x: Any, y: Any) -> bool:
    if isinstance(x, Tensor) and isinstance(y, Tensor):
        return x.shape == y.shape and torch.allclose(x, y, rtol=1e-5, atol=1e-7, equal_nan=True)
    return type(x) is type(y)
