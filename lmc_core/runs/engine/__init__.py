"""The engine of this process: what carries out the queue, started by a server, one for each host's archive."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from functools import lru_cache
from typing import Any

from lmc_core.runs.engine.engine import WORK, Engine
from lmc_core.runs.keep import Archive

log = logging.getLogger("lmc_core.runs.engine")

FRESH = 2.0
"""Seconds that one look at index and store answers all who ask: anybody may, as often as they like."""

_engines: dict[Archive, Engine] = {}
_lock = threading.Lock()


def start(archive: Archive, work: str = WORK) -> None:
    """Start the engine of an archive, once.

    work   module whose `run` carries out a request
    """
    with _lock:
        if archive not in _engines:
            _engines[archive] = Engine(archive, work)
            _engines[archive].start()


def stop(archive: Archive) -> None:
    """Stop it; what was running is marked as interrupted, what waits resumes at the next start."""
    with _lock:
        if archive in _engines:
            _engines.pop(archive).stop()


def running(archive: Archive) -> Engine | None:
    """The engine of an archive, while it is started."""
    return _engines.get(archive)


def wake(archive: Archive) -> None:
    """Have the engine, if there is one here, look at the queue now."""
    if (engine := running(archive)) is not None:
        engine.wake()


def health(archive: Archive) -> dict[str, Any]:
    """The engine, for the health check. Everybody may read it, so it is the same whether or not anybody computes."""
    engine = running(archive)
    state = engine.state if engine else {"alive": False, "ready": False, "workers": []}
    troubles = {
        "no engine": not state["alive"],
        "no worker is ready": not state["ready"],
        "the index cannot be written": not _works(archive.index.probe, time.monotonic() // FRESH),
        "the store cannot be written": not _works(archive.store.probe, time.monotonic() // FRESH),
    }
    return {"status": next((what for what, true in troubles.items() if true), "ok"), **state}


@lru_cache(maxsize=8)
def _works(probe: Callable[[], None], _when: float) -> bool:
    try:
        probe()
    except Exception:  # whatever a database, a disk or a remote store raises
        log.exception("the health check finds something that cannot be written")
        return False
    return True
