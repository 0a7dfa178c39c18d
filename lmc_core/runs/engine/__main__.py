"""A worker process: `python -m lmc_core.runs.engine SOCKET DEVICE MODULE`, started by the engine."""

from __future__ import annotations

import logging
import os
import signal
import sys
import time
from multiprocessing.connection import Connection
from pathlib import Path

from lmc_core.runs.engine.worker import Pipe, serve
from lmc_core.runs.settings import settings


def main() -> None:
    """Serve the engine at the other end of an inherited socket."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s worker %(levelname)s %(message)s")
    socket, device, work = int(sys.argv[1]), sys.argv[2], sys.argv[3]
    _be_modest()
    serve(Pipe(Connection(socket)), settings(), device, work, gone=_leave)
    os._exit(0)


def _leave() -> None:
    """End this process soon after the engine has gone, even in the middle of a long call."""
    time.sleep(2)
    os.killpg(os.getpgrp(), signal.SIGKILL)


def _be_modest() -> None:
    """Let the pages answer first, and let the kernel end this process before any other when memory runs out."""
    if hasattr(os, "nice"):
        os.nice(15)
    adjust = Path("/proc/self/oom_score_adj")
    if adjust.exists():
        adjust.write_text("800")


if __name__ == "__main__":
    main()
