"""A network's tensors as they are called where it came from: in its file, or in its owner's module."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

ABOUT = ("names", "twins", "types")
"""What a network's metadata say of that: canonical name → name there; further names there of tied tensors → canonical
name; canonical name → floating-point type there, where it was widened."""

_TYPES = {"float16": torch.float16, "bfloat16": torch.bfloat16}


def remembered(module: nn.Module, inner: nn.Module) -> dict[str, dict[str, str]]:
    """Names of a module's state dict that its network does not have: those before a wrapper, and of tied tensors.

    module   as its owner holds it
    inner    what of it becomes the network
    """
    canonical = {id(x): name for name, x in (*inner.named_buffers(), *inner.named_parameters())}
    names: dict[str, str] = {}
    twins: dict[str, str] = {}
    for theirs, x in module.state_dict(keep_vars=True).items():
        ours = canonical.get(id(x))
        if ours in names:
            twins[theirs] = ours
        elif ours is not None:
            names[ours] = theirs
    known = {"twins": twins, "names": names if any(a != b for a, b in names.items()) else {}}
    return {key: value for key, value in known.items() if value}


def widened(tensors: Mapping[str, Tensor]) -> dict[str, str]:
    """Types of those tensors that are read in single precision, and written back in their own."""
    kinds = {name: str(x.dtype).removeprefix("torch.") for name, x in tensors.items()}
    return {name: kind for name, kind in kinds.items() if kind in _TYPES}


def restored(state: Mapping[str, Tensor], about: Mapping[str, Any]) -> dict[str, Tensor]:
    """A state under the names and in the types of where it came from, tied tensors under each of theirs.

    about   metadata of the network
    """
    names, twins, types = (dict(about.get(key) or {}) for key in ABOUT)
    made = {
        names.get(name, name): x.to(_TYPES[types[name]]) if types.get(name) in _TYPES else x
        for name, x in state.items()
    }
    return {**made, **{theirs: made[names.get(ours, ours)] for theirs, ours in twins.items() if ours in state}}
