"""Named tensors out of a file of any torch format, with the names and numbers put in order, and into a file."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import safetensors.torch
import torch
from torch import Tensor

from lmc_core.errors import CheckpointError
from lmc_core.networks.safety.limits import plain, readable
from lmc_core.networks.safety.sniff import Kind
from lmc_core.networks.safety.tensorfile import read_header
from lmc_core.networks.safety.torchfile import read_contents
from lmc_core.networks.values import Assumption

PREFIXES = ("module.", "_orig_mod.", "_forward_module.", "model.", "net.", "network.")
"""What data-parallel training, compilation and wrapping modules put before every name."""


@dataclass(frozen=True)
class StateDict:
    """The tensors of one file.

    tensors      name in the file, without prefixes all names share → numbers
    prefix       those prefixes
    metadata     text pairs of a .safetensors file
    assumptions  what had to be chosen
    """

    tensors: dict[str, Tensor]
    prefix: str
    metadata: Mapping[str, str]
    assumptions: tuple[Assumption, ...]


def read(path: str | os.PathLike[str], kind: Kind, *, entry: str | None = None) -> StateDict:
    """The tensors of a .safetensors or torch.save file; everything is checked before it is allocated.

    entry   key of the state dict in a file that holds several

    Raises CheckpointError, also for NaN and infinite numbers.
    """
    name = plain(Path(path).name)
    entries: tuple[str, ...] = ()
    others: tuple[str, ...] = ()
    metadata: Mapping[str, str] = {}
    with readable(path):
        if kind == "safetensors":
            header = read_header(path)
            described, metadata = header.tensors, header.metadata
            numbers = safetensors.torch.load_file(path)
        else:
            contents = read_contents(path, kind, entry=entry)
            described, entries, others = contents.tensors, contents.entry, contents.others
            numbers = torch.load(path, map_location="cpu", weights_only=True)
            for key in entries:
                numbers = numbers[key]
        tensors = {key: numbers[key].detach() for key in described}
    for key, spec in described.items():
        if tuple(tensors[key].shape) != spec.shape or str(tensors[key].dtype) != f"torch.{spec.dtype}":
            raise CheckpointError(f"{name} describes tensor {plain(key, 80)!r} in two ways; save it again")
    check_finite(name, tensors)
    prefix = shared_prefix(list(tensors))
    kept = {key.removeprefix(prefix): tensor for key, tensor in tensors.items()}
    chosen: tuple[Assumption, ...] = ()
    if others and not entry:
        also = plain(", ".join(map(repr, others)), 80)
        chosen = (Assumption("entry", entries[0], f"the file also holds tensors under {also}"),)
    return StateDict(kept, prefix, metadata, chosen)


def joined(parts: Sequence[StateDict], where: Mapping[str, str], name: str) -> StateDict:
    """The tensors of several files as those of one, which an index says they are.

    where   tensor → file that holds it

    Raises CheckpointError for a tensor that is missing, or that the index does not name.
    """
    tensors = {part.prefix + key: tensor for part in parts for key, tensor in part.tensors.items()}
    for key in (*where, *tensors):
        if key not in tensors or key not in where:
            lacks = "the parts of the network do not hold" if key not in tensors else "its index does not name"
            raise CheckpointError(f"{plain(name)}: {lacks} the tensor {plain(key, 80)!r}; copy all files of it again")
    prefix = shared_prefix(list(tensors))
    kept = {key.removeprefix(prefix): tensor for key, tensor in tensors.items()}
    return StateDict(kept, prefix, {}, tuple(a for part in parts for a in part.assumptions))


def write(path: str | os.PathLike[str], tensors: Mapping[str, Tensor], metadata: Mapping[str, str]) -> None:
    """A .safetensors file with text pairs beside its tensors; it is whole or not there."""
    target = Path(path)
    temporary = target.with_name(target.name + ".part")
    kept = {name: tensor.detach().cpu().contiguous().clone() for name, tensor in tensors.items()}
    safetensors.torch.save_file(kept, temporary, dict(metadata))
    os.replace(temporary, target)


def write_torch(path: str | os.PathLike[str], tensors: Mapping[str, Tensor]) -> None:
    """A state dict as torch.save writes it; it is whole or not there."""
    target = Path(path)
    temporary = target.with_name(target.name + ".part")
    moved: dict[int, Tensor] = {}
    for tensor in tensors.values():
        moved.setdefault(id(tensor), tensor.detach().cpu().contiguous().clone())
    torch.save({name: moved[id(tensor)] for name, tensor in tensors.items()}, temporary)
    os.replace(temporary, target)


def shared_prefix(names: list[str]) -> str:
    """The longest chain of known prefixes that every name begins with."""
    prefix = ""
    while found := [p for p in PREFIXES if names and all(name.startswith(prefix + p) for name in names)]:
        prefix += found[0]
    return prefix


def check_finite(name: str, tensors: Mapping[str, Tensor]) -> None:
    """Raises CheckpointError naming the first tensor with NaN or infinite numbers."""
    for key, tensor in tensors.items():
        if tensor.is_floating_point() and not bool(torch.isfinite(tensor).all()):
            if bool(((tensor == 0) | torch.isneginf(tensor)).all()):
                raise CheckpointError(
                    f"tensor {plain(key, 80)!r} in {name} is a mask of 0 and −∞, which is no weight: leave it out of "
                    f"the file (del state_dict[{plain(key, 80)!r}])"
                )
            count = int((~torch.isfinite(tensor)).sum())
            raise CheckpointError(
                f"tensor {plain(key, 80)!r} in {name} has {count} of {tensor.numel()} numbers NaN or infinite: "
                "the training diverged; use an earlier checkpoint"
            )
