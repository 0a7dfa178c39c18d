"""The header of a .safetensors file, checked before any tensor is read."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from lmc_core.errors import CheckpointError
from lmc_core.networks.safety.limits import HEADER_BYTES, Spec, check_tensors, parse_json, plain, size

_DTYPES = {
    "F64": "float64",
    "F32": "float32",
    "F16": "float16",
    "BF16": "bfloat16",
    "I64": "int64",
    "I32": "int32",
    "I16": "int16",
    "I8": "int8",
    "U8": "uint8",
    "BOOL": "bool",
}


@dataclass(frozen=True)
class Header:
    """Tensors in the order of the header, and the text pairs kept beside them."""

    tensors: dict[str, Spec]
    metadata: dict[str, str]


def read_header(path: str | os.PathLike[str]) -> Header:
    """The header of a .safetensors file.

    Raises CheckpointError: header longer than the file, unknown number types, tensors whose bytes do not match their
    shape, overlap, leave holes, or do not end with the file.
    """
    path = Path(path)
    name = plain(path.name)
    length = path.stat().st_size
    with path.open("rb") as file:
        wanted = int.from_bytes(file.read(8), "little")
        if wanted > HEADER_BYTES:
            raise CheckpointError(f"{name} has a header of {size(wanted)}; at most {size(HEADER_BYTES)} are read")
        if length < 8 + wanted:
            raise CheckpointError(f"{name} ends inside its header; it is truncated, copy or save it again")
        header = parse_json(file.read(wanted), f"the header of {name}")
    if not isinstance(header, dict):
        raise CheckpointError(f"the header of {name} is not a list of named tensors; save it again")
    metadata = header.pop("__metadata__", None) or {}
    if not isinstance(metadata, dict) or not all(isinstance(v, str) for v in metadata.values()):
        raise CheckpointError(f"the header of {name} holds notes that are not text; save it again")
    tensors = {}
    spans = []
    for tensor, about in header.items():
        spec, begin, end = _entry(about, tensor, name)
        tensors[tensor] = spec
        spans.append((begin, end, tensor))
    if not tensors:
        raise CheckpointError(f"{name} holds no tensors; save the network again")
    check_tensors(name, tensors.items())
    spans.sort()
    position = 0
    for begin, end, tensor in spans:
        if begin != position:
            raise CheckpointError(
                f"the numbers of tensor {plain(tensor, 80)!r} in {name} begin at byte {begin}, not {position}: "
                "tensors overlap or leave holes; save it again"
            )
        position = end
    if 8 + wanted + position != length:
        raise CheckpointError(
            f"{name} holds {size(length)} and its header describes {size(8 + wanted + position)}; "
            "it is truncated or padded, copy or save it again"
        )
    return Header(tensors, metadata)


def _entry(about: object, tensor: str, name: str) -> tuple[Spec, int, int]:
    if not isinstance(about, dict) or set(about) != {"dtype", "shape", "data_offsets"}:
        raise CheckpointError(f"tensor {plain(tensor, 80)!r} in {name} is not described by type, shape and place")
    dtype, shape, offsets = about["dtype"], about["shape"], about["data_offsets"]
    if dtype not in _DTYPES:
        raise CheckpointError(
            f"tensor {plain(tensor, 80)!r} in {name} has numbers of type {plain(dtype, 20)}; "
            f"only {', '.join(_DTYPES)} are read: convert it, with .to(torch.bfloat16) for example, and save again"
        )
    numbers = [*shape, *offsets] if isinstance(shape, list) and isinstance(offsets, list) else [None]
    if len(offsets) != 2 or not all(type(n) is int and 0 <= n < 2**63 for n in numbers):
        raise CheckpointError(f"tensor {plain(tensor, 80)!r} in {name} has an impossible shape {plain(shape, 60)}")
    spec = Spec(_DTYPES[dtype], tuple(shape))
    if offsets[1] - offsets[0] != spec.bytes:
        raise CheckpointError(
            f"tensor {plain(tensor, 80)!r} in {name} has shape {plain(spec.shape, 60)} of {dtype}, "
            f"{spec.bytes} bytes, but {offsets[1] - offsets[0]} are kept; it is damaged, save it again"
        )
    return spec, offsets[0], offsets[1]
