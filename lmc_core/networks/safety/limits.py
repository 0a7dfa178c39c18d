"""How large a model file may be, and how errors are worded."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

from lmc_core.errors import CheckpointError, LMCError

FILE_BYTES = int(os.environ.get("LMC_MAX_MODEL_BYTES", 4 * 2**30))
"""Of one file, and of all tensors in it together. A host can set another limit by `LMC_MAX_MODEL_BYTES`."""

TENSORS = 50_000
RANK = 12
NAME_LENGTH = 512
HEADER_BYTES = 64 * 2**20
"""Of a safetensors header, of the pickle that lists the tensors, and of a program's graph."""

ITEM_BYTES = {
    "float64": 8,
    "float32": 4,
    "float16": 2,
    "bfloat16": 2,
    "int64": 8,
    "int32": 4,
    "int16": 2,
    "int8": 1,
    "uint8": 1,
    "bool": 1,
}
"""The number types we read → bytes per number."""


@dataclass(frozen=True)
class Spec:
    """One tensor as a file describes it."""

    dtype: str
    shape: tuple[int, ...]

    @property
    def numbers(self) -> int:
        """How many numbers the tensor holds."""
        return prod(self.shape)

    @property
    def bytes(self) -> int:
        """What it takes in memory."""
        return self.numbers * ITEM_BYTES[self.dtype]


def plain(text: object, length: int = 160) -> str:
    """Text from a file made fit for a sentence: one line, printable, cut at `length`."""
    line = re.sub(r"\s+", " ", "".join(c if c.isprintable() else " " for c in str(text))).strip()
    return line if len(line) <= length else line[: length - 1] + "…"


def size(count: int) -> str:
    """Bytes as a person reads them."""
    value = float(count)
    for unit in ("bytes", "kB", "MB", "GB", "TB"):
        if value < 1000 or unit == "TB":
            return f"{value:.0f} {unit}" if unit == "bytes" else f"{value:.1f} {unit}"
        value /= 1000
    raise AssertionError


@contextmanager
def readable(path: str | os.PathLike[str], what: str = "a network") -> Iterator[None]:
    """Whatever goes wrong while a file is read becomes a CheckpointError of one sentence that names the file."""
    name = Path(path).name
    try:
        yield
    except LMCError:
        raise
    except FileNotFoundError:
        raise CheckpointError(f"there is no file {plain(path)}; check the path") from None
    except IsADirectoryError:
        raise CheckpointError(f"{plain(path)} is a folder; name the file inside it") from None
    except MemoryError:
        raise CheckpointError(f"{plain(name)} needs more memory than is available; use a smaller network") from None
    except Exception as error:
        why = plain(error) or type(error).__name__
        raise CheckpointError(
            f"{plain(name)} cannot be read as {what}: it is damaged or not what it claims to be ({why})"
        ) from error


def check_tensors(name: str, specs: Iterable[tuple[str, Spec]]) -> None:
    """Count, names, shapes and total size of a file's tensors, before any of them is allocated."""
    total = count = 0
    for tensor, spec in specs:
        count += 1
        if not tensor or len(tensor) > NAME_LENGTH or not tensor.isprintable():
            raise CheckpointError(
                f"{name} holds a tensor named {plain(tensor, 60)!r}; names are 1 to {NAME_LENGTH} printable characters"
            )
        if len(spec.shape) > RANK or any(n < 0 for n in spec.shape):
            raise CheckpointError(f"tensor {tensor!r} in {name} has the impossible shape {plain(spec.shape)}")
        total += spec.bytes
        if total > FILE_BYTES:
            raise CheckpointError(
                f"the tensors of {name} need more than {size(FILE_BYTES)}, the limit here; use a smaller network"
            )
    if count > TENSORS:
        raise CheckpointError(f"{name} holds {count} tensors; at most {TENSORS} are read")


def parse_json(data: bytes, what: str) -> Any:
    """JSON without duplicate keys, NaN or endless nesting. Raises CheckpointError."""

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) != len(pairs):
            names = [name for name, _ in pairs]
            twice = next(name for name in names if names.count(name) > 1)
            raise CheckpointError(f"{what} names {plain(twice, 60)!r} twice; every name may appear once")
        return found

    def refuse(constant: str) -> Any:
        raise CheckpointError(f"{what} holds {constant}, which is not JSON")

    if len(data) > HEADER_BYTES:
        raise CheckpointError(f"{what} takes {size(len(data))}; at most {size(HEADER_BYTES)} are read")
    try:
        return json.loads(data.decode("utf-8"), object_pairs_hook=unique, parse_constant=refuse)
    except (ValueError, RecursionError) as error:
        if isinstance(error, CheckpointError):
            raise
        raise CheckpointError(f"{what} is not readable JSON ({plain(error, 80)}); the file is damaged") from None
