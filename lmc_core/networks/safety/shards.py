"""Networks that were saved in several files: which files belong together."""

from __future__ import annotations

import os
import re
from pathlib import Path

from lmc_core.errors import CheckpointError
from lmc_core.networks.safety.limits import FILE_BYTES, HEADER_BYTES, parse_json, plain, size
from lmc_core.networks.safety.sniff import SUFFIXES

INDEX = ".index.json"
_PART = re.compile(r"^(?P<stem>.+)-(?P<number>\d{5})-of-(?P<count>\d{5})(?P<suffix>\.\w+)$")


def files_of(path: str | os.PathLike[str]) -> tuple[tuple[Path, ...], dict[str, str]]:
    """The files that hold the network at a path, and which tensor lies in which of them, where an index says so.

    path   a file; one of several parts, whose index lies beside it; an index; or a folder with one of these

    Raises CheckpointError for a part whose index or other parts are missing, and for a folder with several networks.
    """
    path = Path(path)
    if path.is_dir():
        path = _inside(path)
    part = _PART.match(path.name)
    if part and int(part["count"]) > 1:
        index = path.with_name(f"{part['stem']}{part['suffix']}{INDEX}")
        if not index.is_file():
            raise CheckpointError(
                f"{plain(path.name)} is part {int(part['number'])} of {int(part['count'])} of a network, and the index "
                f"{plain(index.name)} does not lie beside it; give the folder with all parts and the index"
            )
        path = index
    if not path.name.endswith(INDEX):
        return (path,), {}
    where = _read(path)
    files = tuple(path.with_name(name) for name in dict.fromkeys(where.values()))
    for file in files:
        if not file.is_file():
            raise CheckpointError(
                f"{plain(path.name)} names the part {plain(file.name)}, which is missing; copy it too"
            )
    total = sum(file.stat().st_size for file in files)
    if total > FILE_BYTES:
        raise CheckpointError(f"the parts of {plain(path.name)} have {size(total)}; at most {size(FILE_BYTES)}")
    return files, where


def _inside(folder: Path) -> Path:
    """The network in a folder: its index, or its only file of a network."""
    names = sorted(file.name for file in folder.iterdir() if file.is_file())
    found = [name for name in names if name.endswith(INDEX)] or [
        name for name in names if name.endswith(SUFFIXES) and not _PART.match(name)
    ]
    found = [name for name in found if ".safetensors" in name] or found
    if len(found) != 1:
        held = plain(", ".join(found), 100) if found else "no network"
        raise CheckpointError(f"{plain(folder)} is a folder that holds {held}; name the file inside it")
    return folder / found[0]


def _read(index: Path) -> dict[str, str]:
    if index.stat().st_size > HEADER_BYTES:
        raise CheckpointError(f"{plain(index.name)} has {size(index.stat().st_size)}; that is no index")
    about = parse_json(index.read_bytes(), plain(index.name))
    where = about.get("weight_map") if isinstance(about, dict) else None
    if not isinstance(where, dict) or not where or not all(isinstance(v, str) for v in where.values()):
        raise CheckpointError(
            f"{plain(index.name)} does not say which tensor lies in which file; save the network again"
        )
    outside = next((name for name in where.values() if Path(name).name != name or not name.endswith(SUFFIXES)), None)
    if outside is not None:
        raise CheckpointError(f"{plain(index.name)} names the part {plain(outside, 60)!r}, which is no file beside it")
    return dict(where)
