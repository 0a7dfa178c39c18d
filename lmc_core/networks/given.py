"""A module and its example in the forms in which people hold them."""

from __future__ import annotations

import copy
import inspect
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy
from torch.nn.utils.rnn import PackedSequence
from torch.utils import _pytree as pytree

from lmc_core.errors import TraceError

Inputs = tuple[Tensor, ...]


@dataclass(frozen=True)
class _Arranged:
    """A module's forward for the tensors of its example in order, wherever they stand in its arguments."""

    run: Any
    leaves: tuple[Any, ...]
    structure: pytree.TreeSpec

    def __call__(self, *inputs: Tensor) -> Any:
        given = iter(inputs)
        leaves = [next(given) if leaf is Tensor else leaf for leaf in self.leaves]
        args, named = pytree.tree_unflatten(leaves, self.structure)
        return self.run(*args, **named)

    def __deepcopy__(self, memo: dict[int, Any]) -> _Arranged:
        """The same for a copy of the module; what is no tensor is shared."""
        return replace(self, run=copy.deepcopy(self.run, memo))


def arranged(module: nn.Module, example: Any) -> tuple[Any, Inputs]:
    """What to call with the tensors of an example in order, and these tensors; None where that is the module itself.

    example   a tensor or array; a tuple or list of arguments; a mapping from names of arguments to arguments, or, for a
              module without arguments of these names, its one argument. Arguments may be nested; those that are no
              tensors stay as they are

    Raises TraceError for an example without a tensor, or with a packed sequence.
    """
    args, named = _arguments(module, example)
    if any(isinstance(leaf, PackedSequence) for leaf in pytree.tree_leaves((example,), is_leaf=_packed)):
        raise TraceError(f"the example {PACKED}")
    leaves, structure = pytree.tree_flatten((args, named))
    leaves = [torch.from_numpy(leaf) if isinstance(leaf, np.ndarray) else leaf for leaf in leaves]
    inputs = tuple(leaf.detach().clone() for leaf in leaves if isinstance(leaf, Tensor))
    if not inputs:
        raise TraceError(
            f"the example ({type(example).__name__}) holds no tensor; give one batch as the module reads it"
        )
    inputs = _cast(module, inputs)
    if not named and len(inputs) == len(args) == len(leaves):
        return None, inputs
    kept = tuple(Tensor if isinstance(leaf, Tensor) else leaf for leaf in leaves)
    return _Arranged(module.forward, kept, structure), inputs


PACKED = (
    "packs sequences of several lengths (torch.nn.utils.rnn.PackedSequence): how many steps there are of each depends "
    "on numbers, which no graph holds; give it the padded sequences and let its recurrent layers read those, with the "
    "same weights"
)


def _packed(x: Any) -> bool:
    return isinstance(x, PackedSequence)


def _arguments(module: nn.Module, example: Any) -> tuple[tuple[Any, ...], dict[str, Any]]:
    if isinstance(example, Mapping):
        named = {str(name): value for name, value in example.items()}
        try:
            inspect.signature(module.forward).bind(**named)
        except TypeError:
            return (dict(example),), {}
        return (), named
    if isinstance(example, tuple | list):
        return tuple(example), {}
    return (example,), {}


def _cast(module: nn.Module, inputs: Inputs) -> Inputs:
    """Inputs in the floating-point type of a module that has only one, and would have to mix them with its own."""
    own = {x.dtype for x in module.parameters() if x.is_floating_point() and not is_lazy(x)}
    floats = {x.dtype for x in inputs if x.is_floating_point()}
    if len(own) != 1 or own == floats or own & {torch.float16, torch.bfloat16}:
        return inputs
    dtype = own.pop()
    return tuple(x.to(dtype) if x.is_floating_point() else x for x in inputs)


def check(module: nn.Module) -> None:
    """Raises TraceError for a module that no state can be given to, with the reason and the way out."""
    for name, part in module.named_modules():
        where = f"its part {name!r}" if name else "the module"
        if isinstance(part, torch.jit.ScriptModule):
            raise TraceError(
                f"{where} is TorchScript, a program of its own that cannot be traced; give the module it was made "
                "from, with load_state_dict(scripted.state_dict())"
            )
        if ".quantized." in f"{type(part).__module__}.":
            raise TraceError(
                f"{where} is quantised ({type(part).__name__}): its weights are packed whole numbers that no rule can "
                "re-order; give the module as it was before quantisation"
            )
    for name, x in [*module.named_parameters(), *module.named_buffers()]:
        if is_lazy(x):
            continue
        if x.is_meta:
            raise TraceError(
                f"tensor {name!r} is on the meta device and holds no numbers; make the module on the CPU "
                "(module.to_empty(device='cpu')) and load its state dict"
            )
        if x.layout is not torch.strided:
            raise TraceError(f"tensor {name!r} is sparse ({x.layout}); make it dense with .to_dense()")
        if x.dtype in _EIGHT_BITS:
            raise TraceError(
                f"tensor {name!r} is {str(x.dtype).removeprefix('torch.')}, in which torch stores numbers and does not "
                "compute; convert the module with .to(torch.bfloat16)"
            )


_EIGHT_BITS = frozenset(
    getattr(torch, name) for name in dir(torch) if name.startswith("float8_") and not name.endswith("_")
)
