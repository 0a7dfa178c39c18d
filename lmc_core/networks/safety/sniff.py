"""What a file is, from its first bytes; names and extensions are hints for people."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Literal

from lmc_core.errors import CheckpointError
from lmc_core.networks.safety.archive import inside, open_archive
from lmc_core.networks.safety.limits import FILE_BYTES, plain, size
from lmc_core.networks.safety.reasons import is_script, of_script

Kind = Literal["safetensors", "torch-zip", "torch-legacy", "program"]

SUFFIXES = (".safetensors", ".pt", ".pth", ".ckpt", ".th", ".bin", ".pt2")
"""Extensions of files that may hold a network."""

_OTHERS = {
    b"\x89HDF": "an HDF5 file (Keras?); convert it to PyTorch first",
    b"GGUF": "a GGUF file; use the original safetensors checkpoint",
    b"\x93NUM": "a NumPy array; a network is a set of named tensors",
    b"\x1f\x8b": "compressed with gzip; unpack it first",
    b"BZh": "compressed with bzip2; unpack it first",
    b"\xfd7zXZ": "compressed with xz; unpack it first",
    b"\x28\xb5\x2f\xfd": "compressed with zstd; unpack it first",
    b"7z\xbc\xaf": "a 7z archive; unpack it first",
    b"%PDF": "a PDF document",
    b"\x89PNG": "a picture",
    b"\xff\xd8\xff": "a picture",
    b"\x7fELF": "a program for this machine, not a network",
}


def sniff(path: str | os.PathLike[str]) -> Kind:
    """The format of a model file. Raises CheckpointError that says what the file is instead."""
    path = Path(path)
    name = plain(path.name)
    if not path.is_file():
        raise CheckpointError(
            f"{plain(path)} is a folder; name the file inside it"
            if path.is_dir()
            else f"there is no file {plain(path)}; check the path"
        )
    length = path.stat().st_size
    if length > FILE_BYTES:
        raise CheckpointError(f"{name} has {size(length)}; at most {size(FILE_BYTES)} are read here")
    with path.open("rb") as file:
        head = file.read(512)
    if not head:
        raise CheckpointError(f"{name} is empty; copy or save it again")
    if head.startswith(b"PK\x03\x04"):
        return _zip(path, name)
    if len(head) > 8 and head[8:9] == b"{" and int.from_bytes(head[:8], "little") < 2**40:
        return "safetensors"
    if head[:1] == b"\x80" and len(head) > 1 and head[1] in range(6):
        return "torch-legacy"
    for magic, what in _OTHERS.items():
        if head.startswith(magic):
            raise CheckpointError(f"{name} is {what}")
    if head[257:262] == b"ustar":
        raise CheckpointError(f"{name} is a tar archive; unpack it, or save it again with torch.save")
    if all(byte >= 32 or byte in b"\t\r\n\f" for byte in head):
        raise CheckpointError(f"{name} is a text file ({plain(head[:40].decode('utf-8', 'replace'))!r}), not a network")
    raise CheckpointError(f"{name} is not a model file; give .safetensors, .pt, .pth, .ckpt or .pt2")


def _zip(path: Path, name: str) -> Kind:
    entries = open_archive(path).entries
    if "archive_format" in entries or "models/model.json" in entries:
        return "program"
    if "serialized_exported_program.json" in entries:
        raise CheckpointError(f"{name} was exported by an old torch; export it again with torch 2.9 or newer")
    if is_script(list(entries)):
        raise CheckpointError(of_script(name))
    if "data.pkl" in entries:
        return "torch-zip"
    if any(entry.endswith(".npy") for entry in entries):
        raise CheckpointError(f"{name} holds NumPy arrays: that is data, not a network")
    if why := inside(name, entries):
        raise CheckpointError(why)
    raise CheckpointError(f"{name} is a zip archive that holds no network; unpack it and give the file inside")
