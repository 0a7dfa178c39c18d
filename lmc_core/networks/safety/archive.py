"""Zip archives as torch writes them, checked before any entry is opened."""

from __future__ import annotations

import os
import re
import struct
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

from lmc_core.errors import CheckpointError
from lmc_core.networks.safety.limits import FILE_BYTES, HEADER_BYTES, NAME_LENGTH, TENSORS, plain, size
from lmc_core.networks.safety.reasons import is_script, of_script

_FILES = (".safetensors", ".pt", ".pth", ".ckpt", ".th", ".bin", ".pt2")
_LOCAL = struct.Struct("<4sHHHHHIIIHH")
_END = struct.Struct("<4sHHHHIIH")
_END64 = struct.Struct("<4sQHHIIQQQQ")
_LOCATOR = struct.Struct("<4sIQI")


@dataclass(frozen=True)
class Entry:
    """Where the bytes of one entry lie in the file."""

    start: int
    size: int


@dataclass(frozen=True)
class Archive:
    """A zip archive whose entries are stored side by side, uncompressed.

    source    the file, or its bytes when it lies inside another archive
    entries   name below the folder all entries share → place of its bytes
    """

    name: str
    source: Path | bytes
    entries: dict[str, Entry]

    def read(self, name: str) -> bytes:
        """The bytes of an entry. Raises CheckpointError if there is none."""
        if name not in self.entries:
            raise CheckpointError(f"{self.name} lacks the entry {plain(name, 80)!r}; save it again")
        entry = self.entries[name]
        with _open(self.source) as file:
            file.seek(entry.start)
            data = file.read(entry.size)
        if len(data) != entry.size:
            raise CheckpointError(f"{self.name} ends before its entry {name!r} does; copy or save it again")
        return data


def open_archive(source: str | os.PathLike[str] | bytes, name: str | None = None) -> Archive:
    """The entries of a zip archive. Raises CheckpointError for anything torch would not have written.

    Refused: compression (a small entry could unpack to any size), encryption, two entries of one name, entries
    that share bytes, names that leave the archive, bytes before, between directory and end, or after it.
    """
    source = source if isinstance(source, bytes) else Path(source)
    name = name or plain(source.name if isinstance(source, Path) else "the archive")
    with _open(source) as file:
        directory = _directory(file, name)
        try:
            with zipfile.ZipFile(file) as archive:
                infos = archive.infolist()
                begin = archive.start_dir
        except (zipfile.BadZipFile, ValueError, NotImplementedError, struct.error) as error:
            raise CheckpointError(f"{name} is a damaged zip archive ({plain(error, 80)}); save it again") from None
        if begin != directory or not infos:
            raise CheckpointError(f"{name} has other bytes before its first entry; save it again with torch.save")
        if any(info.compress_type != zipfile.ZIP_STORED or info.compress_size != info.file_size for info in infos):
            if why := inside(name, [info.filename for info in infos]):
                raise CheckpointError(why)
            if is_script([info.filename for info in infos]):
                raise CheckpointError(of_script(name))
            packed, unpacked = (size(sum(getattr(i, part) for i in infos)) for part in ("compress_size", "file_size"))
            raise CheckpointError(
                f"{name} is compressed ({packed} would unpack to {unpacked}); torch writes archives uncompressed, "
                "so save it again with torch"
            )
        entries: dict[str, Entry] = {}
        spans = []
        for info in infos:
            _check_entry(name, info)
            if info.filename in entries:
                raise CheckpointError(f"{name} holds the entry {plain(info.filename, 80)!r} twice; save it again")
            start = _start(file, name, info)
            entries[info.filename] = Entry(start, info.file_size)
            spans.append((info.header_offset, start + info.file_size, info.filename))
    spans.sort()
    if spans[0][0] != 0:
        raise CheckpointError(f"{name} has other bytes before its first entry; save it again with torch.save")
    for (_, end, _), (start, _, second) in zip(spans, [*spans[1:], (directory, 0, "directory")], strict=True):
        if end > start:
            raise CheckpointError(f"two entries of {name} share bytes ({plain(second, 80)!r}); save it again")
    if sum(info.file_size for info in infos) > FILE_BYTES:
        raise CheckpointError(f"{name} unpacks to more than {size(FILE_BYTES)}, the limit here")
    root = infos[0].filename.split("/")[0]
    if any(not full.startswith(root + "/") for full in entries):
        root = ""
    prefix = len(root) + 1 if root else 0
    return Archive(name, source, {full[prefix:]: entry for full, entry in entries.items()})


def inside(name: str, entries: Iterable[str]) -> str:
    """The sentence for an archive of whole checkpoint files; empty where it holds none."""
    files = [entry for entry in entries if entry.lower().endswith(_FILES)]
    if not files:
        return ""
    count = "a checkpoint file" if len(files) == 1 else f"{len(files)} checkpoint files"
    some = ", ".join(repr(plain(entry, 60)) for entry in files[:3]) + (", …" if len(files) > 3 else "")
    return f"{name} is a zip archive of {count} ({some}); unpack it and give one of them at a time"


def _directory(file: BinaryIO, name: str) -> int:
    """Where the list of entries begins, told by the end of the file; both forms of the end must say the same."""
    length = file.seek(0, os.SEEK_END)
    file.seek(max(0, length - _END.size))
    end = file.read(_END.size)
    if len(end) < _END.size or not end.startswith(b"PK\x05\x06") or end[-2:] != b"\0\0":
        raise CheckpointError(f"{name} does not end as a zip archive does: it is truncated; copy or save it again")
    _, disk, first_disk, here, *told, _ = _END.unpack(end)
    file.seek(max(0, length - _END.size - _LOCATOR.size))
    signature, _, place, _ = _LOCATOR.unpack(file.read(_LOCATOR.size).ljust(_LOCATOR.size))
    if signature == b"PK\x06\x07":
        file.seek(min(place, length))
        signature, *_, here, count, extent, begin = _END64.unpack(file.read(_END64.size).ljust(_END64.size))
        large = (count, extent, begin)
        if signature != b"PK\x06\x06" or any(
            t not in (v, 2**16 - 1, 2**32 - 1) for t, v in zip(told, large, strict=True)
        ):
            raise CheckpointError(f"{name} ends in two ways that contradict each other; save it again")
    else:
        count, extent, begin = told
    if disk not in (0, 2**16 - 1) or first_disk not in (0, 2**16 - 1) or here != count:
        raise CheckpointError(f"{name} is one part of a split archive; torch.save writes one file")
    if count > 2 * TENSORS or extent > HEADER_BYTES:
        raise CheckpointError(f"{name} holds {count} entries; at most {2 * TENSORS} are read")
    return int(begin)


def _open(source: Path | bytes) -> BinaryIO:
    return BytesIO(source) if isinstance(source, bytes) else source.open("rb")


def _check_entry(name: str, info: zipfile.ZipInfo) -> None:
    full = info.filename
    parts = full.split("/")
    if re.match(r"/|[A-Za-z]:", full) or "\\" in full or ".." in parts or not full.isprintable():
        raise CheckpointError(f"{name} holds an entry that would leave the archive ({plain(full, 80)!r}); refused")
    if len(full) > NAME_LENGTH:
        raise CheckpointError(f"{name} holds an entry whose name has {len(full)} characters; refused")
    if info.flag_bits & 1:
        raise CheckpointError(f"{name} is encrypted; save the network without a password")


def _start(file: BinaryIO, name: str, info: zipfile.ZipInfo) -> int:
    """Where the bytes of an entry begin; its own header must agree with the directory."""
    file.seek(info.header_offset)
    header = file.read(_LOCAL.size)
    if len(header) < _LOCAL.size:
        raise CheckpointError(f"{name} ends inside an entry; copy or save it again")
    signature, _, flags, method, _, _, _, _, _, name_length, extra_length = _LOCAL.unpack(header)
    local = file.read(name_length)
    written = local.decode("utf-8" if flags & 0x800 else "cp437", "replace")
    if signature != b"PK\x03\x04" or method != info.compress_type or written != info.orig_filename:
        raise CheckpointError(f"{name} describes its entry {plain(info.filename, 80)!r} in two ways; save it again")
    return int(info.header_offset + _LOCAL.size + name_length + extra_length)
