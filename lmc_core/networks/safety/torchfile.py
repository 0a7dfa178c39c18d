"""What torch.save wrote: which tensors, where their numbers lie, and whether they fit, before torch opens the file."""

from __future__ import annotations

import os
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO

from lmc_core.errors import CheckpointError
from lmc_core.networks.safety.archive import Archive, open_archive
from lmc_core.networks.safety.limits import HEADER_BYTES, ITEM_BYTES, Spec, check_tensors, plain, size
from lmc_core.networks.safety.pickles import Call, Storage, read_pickle

_MAGIC = 0x1950A86A20F9469CFC6C
_PROTOCOL = 1001
_WRAPPERS = (
    "state_dict",
    "model_state_dict",
    "model",
    "net",
    "network",
    "params",
    "module",
    "weights",
    "ema",
    "ema_state_dict",
    "state_dict_ema",
    "model_ema",
)
"""Where training scripts put the state dict, the likeliest first."""


@dataclass(frozen=True)
class Contents:
    """The state dict inside a file.

    entry    the keys that lead to it, () when the file is the state dict
    tensors  name → what the file says of it, in the file's order
    others   other entries that hold tensors too: an average, an optimiser
    """

    entry: tuple[str, ...]
    tensors: dict[str, Spec]
    others: tuple[str, ...]


def read_contents(path: str | os.PathLike[str], kind: str, *, entry: str | None = None) -> Contents:
    """The state dict a torch file holds, read as data.

    kind   "torch-zip" or "torch-legacy", from `sniff`
    entry  the key of the state dict, where a file holds several

    Raises CheckpointError: code instead of numbers, numbers missing or too many, tensors that reach outside them.
    """
    path = Path(path)
    name = plain(path.name)
    value = read_value(open_archive(path)) if kind == "torch-zip" else _legacy(path, name)
    keys, found, others = _find(value, name, entry)
    tensors = {}
    for tensor, call in found.items():
        if not isinstance(tensor, str):
            raise CheckpointError(f"{name} names a tensor {plain(tensor, 60)!r}; names must be text")
        tensors[tensor] = spec_of(call, tensor, name)
    check_tensors(name, tensors.items())
    return Contents(keys, tensors, others)


def tensor_calls(value: Any) -> list[Call]:
    """Every tensor in a pickle's value, in order, once for each time it is referred to; containers once."""
    found: list[Call] = []
    seen: set[int] = set()
    todo = [value]
    while todo:
        item = todo.pop()
        if _is_tensor(item):
            found.append(item)
        elif isinstance(item, (dict, list, tuple)) and id(item) not in seen:
            seen.add(id(item))
            todo.extend(reversed(list(item.values()) if isinstance(item, dict) else list(item)))
    return found


def read_value(archive: Archive) -> Any:
    """What a torch.save archive holds, as data: containers, plain values, and a `Call` for every tensor.

    Raises CheckpointError when it refers to code, or when its numbers are not where it says.
    """
    name = archive.name
    if "data.pkl" not in archive.entries:
        raise CheckpointError(f"{name} is not an archive that torch.save wrote; save it again")
    if archive.entries["data.pkl"].size > HEADER_BYTES:
        raise CheckpointError(
            f"{name} lists its tensors in {size(archive.entries['data.pkl'].size)}; that is no network"
        )
    if "byteorder" in archive.entries and archive.read("byteorder").strip() != b"little":
        raise CheckpointError(f"{name} was written on a big-endian machine; save it again on a common one")
    pickle = read_pickle(BytesIO(archive.read("data.pkl")), name)
    for storage in pickle.storages:
        entry = archive.entries.get(f"data/{storage.key}")
        if entry is None or entry.size != storage.count * ITEM_BYTES[storage.dtype]:
            have = "none" if entry is None else size(entry.size)
            raise CheckpointError(
                f"{name} promises {size(storage.count * ITEM_BYTES[storage.dtype])} of numbers in part "
                f"{plain(storage.key, 40)!r} and holds {have}; it is damaged, save it again"
            )
    return pickle.value


def _legacy(path: Path, name: str) -> Any:
    with path.open("rb") as file:
        head = BytesIO(file.read(HEADER_BYTES))
        if read_pickle(head, name).value != _MAGIC or read_pickle(head, name).value != _PROTOCOL:
            raise CheckpointError(f"{name} is a pickle that torch.save did not write; save it with torch.save")
        read_pickle(head, name)
        pickle = read_pickle(head, name)
        keys = read_pickle(head, name).value
        file.seek(head.tell())
        _check_numbers(file, name, pickle.storages, keys)
    return pickle.value


def _check_numbers(file: BinaryIO, name: str, storages: tuple[Storage, ...], keys: Any) -> None:
    """The old format: after the pickles, for every storage its count (8 bytes) and its numbers."""
    promised: dict[str, Storage] = {}
    for storage in storages:
        first = promised.setdefault(storage.key, storage)
        if (first.dtype, first.count) != (storage.dtype, storage.count):
            raise CheckpointError(f"{name} describes its part {plain(storage.key, 40)!r} in two ways; save it again")
    told = isinstance(keys, list) and all(isinstance(key, str) for key in keys)
    if not told or sorted(keys) != sorted(promised):
        raise CheckpointError(f"{name} lists other parts than its tensors use; it is damaged, save it again")
    position = file.tell()
    length = file.seek(0, os.SEEK_END)
    for key in keys:
        file.seek(position)
        count = int.from_bytes(file.read(8), "little")
        position += 8 + promised[key].count * ITEM_BYTES[promised[key].dtype]
        if count != promised[key].count or position > length:
            raise CheckpointError(f"{name} ends before its numbers do; it is truncated, copy or save it again")
    if position != length:
        raise CheckpointError(f"{name} goes on after its numbers end; save it again with torch.save")


def _is_tensor(value: Any) -> bool:
    return isinstance(value, Call) and value.function.startswith("torch._utils._rebuild_")


def spec_of(call: Call, tensor: str, name: str) -> Spec:
    """Shape and type of one tensor, whose every element must lie inside its storage."""
    if call.function == "torch._utils._rebuild_parameter":
        call = call.arguments[0]
    storage, offset, shape, stride, *_ = call.arguments
    if not isinstance(storage, Storage):
        raise CheckpointError(f"tensor {plain(tensor, 80)!r} in {name} has no numbers; it is damaged, save it again")
    if isinstance(shape, Call) and shape.function == "torch.Size":
        shape = shape.arguments[0]
    whole = all(type(n) is int and n >= 0 for part in (shape, stride, (offset,)) for n in part)
    if not whole or len(shape) != len(stride):
        raise CheckpointError(f"tensor {plain(tensor, 80)!r} in {name} has an impossible shape; save it again")
    spec = Spec(storage.dtype, tuple(shape))
    available = storage.view[2] if storage.view else storage.count
    last = offset + sum((n - 1) * step for n, step in zip(shape, stride, strict=True)) if spec.numbers else -1
    if last >= available or spec.numbers > available:
        raise CheckpointError(
            f"tensor {plain(tensor, 80)!r} in {name} has shape {plain(spec.shape, 60)} but only {available} numbers; "
            "it is damaged, save it again"
        )
    return spec


def _find(value: Any, name: str, entry: str | None) -> tuple[tuple[str, ...], dict[Any, Call], tuple[str, ...]]:
    """The state dict within nested wrappers, and the names of what else holds tensors beside it."""
    keys: tuple[str, ...] = ()
    others: tuple[str, ...] = ()
    for _ in range(5):
        if not isinstance(value, dict):
            raise CheckpointError(
                f"{name} holds {_spoken(value)}, not named tensors; save torch.save(model.state_dict(), 'model.pt')"
            )
        own = {k: v for k, v in value.items() if _is_tensor(v)}
        holders = [k for k, v in value.items() if isinstance(k, str) and isinstance(v, dict) and tensor_calls(v)]
        if entry is None and own and not any(_larger(k, value[k], own) for k in holders):
            return keys, own, others
        if entry is not None and entry not in holders:
            offer = f"it holds {', '.join(map(repr, holders))}" if holders else "it holds no such entries"
            raise CheckpointError(f"{name} has no entry {plain(entry, 60)!r} with tensors; {plain(offer)}")
        known = [entry] if entry else [k for k in _WRAPPERS if k in holders]
        known = known or [k for k in holders if "optim" not in k.lower()]
        if not known:
            raise CheckpointError(f"{name} holds no tensors; save torch.save(model.state_dict(), 'model.pt')")
        if len(known) > 1 and known[0] not in _WRAPPERS:
            raise CheckpointError(
                f"{name} holds several networks ({plain(', '.join(map(repr, known)), 100)}); "
                "choose one with --arch entry=NAME"
            )
        others = others or tuple(k for k in holders if k != known[0])
        keys, value, entry = (*keys, known[0]), value[known[0]], None
    raise CheckpointError(f"{name} nests its tensors too deeply; save torch.save(model.state_dict(), 'model.pt')")


def _larger(key: str, inner: dict[Any, Any], own: dict[Any, Call]) -> bool:
    """Whether the network is rather within an entry, and the tensors beside it are a score or a random state."""
    return key in _WRAPPERS or ("optim" not in key.lower() and len(tensor_calls(inner)) > len(own))


def _spoken(value: Any) -> str:
    if _is_tensor(value):
        return "one tensor"
    return {list: "a list", tuple: "a tuple", type(None): "nothing", str: "a text"}.get(type(value), "a single value")
