"""Small jobs that a real worker process carries out in the engine's tests."""

import errno
import os
import signal
import time
from pathlib import Path

from lmc_core.errors import DataError
from lmc_core.report import Report
from lmc_core.runs.kinds.inspect import InspectResult
from lmc_core.runs.kinds.request import Request
from lmc_core.runs.values.card import ModelCard
from lmc_core.runs.values.facts import SymmetryFacts


def run(request: Request, report: Report, folder: Path, device: str) -> InspectResult:
    """Behave as the request says, leave a mark in its log file, and return a small result."""
    options = request.options
    with open(options["log"], "a") as log:
        log.write(f"{options['name']} {os.getpid()}\n")
    match options["behaviour"]:
        case "work":
            for step in range(int(options["steps"])):
                report("Working", step, options["steps"])
                time.sleep(0.02)
        case "deaf":
            time.sleep(60)
        case "die":
            os.kill(os.getpid(), signal.SIGKILL)
        case "run out of memory":
            raise MemoryError
        case "find bad data":
            raise DataError("this data has 3 columns; the network reads 4")
        case "fill the disk":
            raise OSError(errno.ENOSPC, "No space left on device", "/a/path/nobody/should/see")
        case "find the disk read-only":
            raise OSError(errno.EROFS, "Read-only file system", "/a/path/nobody/should/see")
        case "stumble":
            raise KeyError("/a/path/nobody/should/see")
    (folder / "aligned.safetensors").write_bytes(b"weights of " + options["name"].encode())
    symmetry = SymmetryFacts((), (), (), (), (), 0.0)
    return InspectResult(
        request=dict(options),
        model=ModelCard("m", "M"),
        symmetry=symmetry,
        device=device,
        finding=f"{options['name']} is done",
    )
