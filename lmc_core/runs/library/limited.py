"""Strangers' model files read in a process of their own, with bounds on time, memory and disk."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lmc_core import errors
from lmc_core.errors import CheckpointError, LMCError
from lmc_core.networks.safety.limits import FILE_BYTES, plain, size
from lmc_core.networks.safety.sniff import sniff

if TYPE_CHECKING:
    from lmc_core.networks.network import Network

SECONDS = 120.0
"""For importing torch, reading, recognising and writing; processor time and, twice over, time on the clock."""

_INHERITED = ("PATH", "LANG", "LC_ALL", "LD_LIBRARY_PATH", "SYSTEMROOT", "LMC_ALLOW_PT2", "LMC_MAX_MODEL_BYTES")


def load_limited(
    path: str | os.PathLike[str],
    *,
    arch: Mapping[str, Any] | None = None,
    normalize: Any = None,
    seconds: float = SECONDS,
    memory: int | None = None,
) -> Network:
    """The network in a file nobody vouches for: `load`, but what reads the file cannot harm this process.

    A fresh process with bounded processor time, memory and file size, without the environment of this one, reads the
    file and writes it anew (see `convert`); only that new file is opened here.

    seconds   processor time of the process; it is ended after twice as much on the clock
    memory    bytes it may use beyond what torch itself takes; by default six times the file and 2 GB more

    Raises what `load` raises, with the same sentence, and CheckpointError when a bound is reached.
    """
    from lmc_core.networks.checkpoint import load

    with tempfile.TemporaryDirectory(prefix="lmc-") as folder:
        found = load(convert(path, folder, arch=arch, normalize=normalize, seconds=seconds, memory=memory))
    return replace(found, source=str(path))


def convert(
    path: str | os.PathLike[str],
    folder: str | os.PathLike[str],
    *,
    arch: Mapping[str, Any] | None = None,
    normalize: Any = None,
    seconds: float = SECONDS,
    memory: int | None = None,
) -> Path:
    """A safe copy of a model file in `folder`, made by a limited process: network.safetensors that describes itself,
    or network.pt2 with only what was understood of a program. Arguments and errors as in `load_limited`."""
    source = Path(path).resolve()
    sniff(source)
    request = {
        "path": str(source),
        "arch": dict(arch or {}),
        "normalize": _as_json(normalize),
        "folder": str(Path(folder).resolve()),
        "seconds": seconds,
        "memory": memory if memory is not None else 6 * source.stat().st_size + 2 * 2**30,
    }
    environment = {name: os.environ[name] for name in _INHERITED if name in os.environ}
    environment |= {"HOME": request["folder"], "TMPDIR": request["folder"], "OMP_NUM_THREADS": "1"}
    environment["PYTHONPATH"] = os.pathsep.join([str(Path(__file__).resolve().parents[3]), *filter(None, sys.path)])
    try:
        done = subprocess.run(
            [sys.executable, "-m", "lmc_core.runs.library.limited"],
            input=json.dumps(request),
            capture_output=True,
            text=True,
            cwd=request["folder"],
            env=environment,
            timeout=2 * seconds,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise CheckpointError(
            f"reading {plain(source.name)} took longer than {2 * seconds:.0f} seconds; give a smaller network"
        ) from None
    try:
        answer = json.loads(done.stdout.splitlines()[-1])
    except (IndexError, ValueError):
        raise CheckpointError(
            f"reading {plain(source.name)} needed more time or memory than an upload may use "
            f"({seconds:.0f} s, {size(request['memory'])}); give a smaller network"
        ) from None
    if "error" in answer:
        kind = getattr(errors, str(answer["error"]), CheckpointError)
        raise (kind if issubclass(kind, LMCError) else CheckpointError)(answer["text"])
    return Path(folder) / answer["file"]


def _as_json(normalize: Any) -> Any:
    """(mean, std) or a Normalize as lists."""
    if normalize is None:
        return None
    pair = (normalize.mean, normalize.std) if hasattr(normalize, "mean") else normalize
    return [list(part) if isinstance(part, (list, tuple)) else part for part in pair]


def _bound(seconds: float, memory: int) -> None:
    """From here on this process may use so much; what torch has mapped already is not counted."""
    import resource

    mapped = 0
    with contextlib.suppress(OSError):
        mapped = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    limits = {
        resource.RLIMIT_CPU: int(seconds) + 1,
        resource.RLIMIT_FSIZE: 2 * FILE_BYTES,
        resource.RLIMIT_CORE: 0,
    }
    if mapped:
        limits[resource.RLIMIT_AS] = mapped + memory
    for limit, value in limits.items():
        hard = resource.getrlimit(limit)[1]
        value = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(limit, (value, value))


def _main() -> dict[str, str]:
    """The work of the limited process: one request on standard input, one line of JSON as answer."""
    request = json.load(sys.stdin)
    import torch

    from lmc_core.networks.checkpoint import load
    from lmc_core.networks.program import write_program
    from lmc_core.networks.safety.programfile import read_program

    torch.set_num_threads(1)
    _bound(request["seconds"], request["memory"])
    try:
        found = load(request["path"], arch=request["arch"], normalize=request["normalize"])
        name = "network.safetensors" if found.architecture is not None else "network.pt2"
        target = os.path.join(request["folder"], name)
        if found.architecture is not None:
            found.save(target, names="ours")
        else:
            write_program(replace(read_program(request["path"]), notes=found.notes), found.example_inputs, target)
    except LMCError as error:
        return {"error": type(error).__name__, "text": str(error)}
    except MemoryError:
        name = plain(Path(request["path"]).name)
        return {"error": "CheckpointError", "text": f"{name} needs more memory than an upload may use"}
    return {"file": name}


if __name__ == "__main__":
    sys.stdout.write("\n" + json.dumps(_main()) + "\n")
