"""The engine of this process: what carries out the queue, started by a server, one for each host's archive."""

from __future__ import annotations

import threading
from typing import Any

from lmc_core.runs.engine.engine import WORK, Engine
from lmc_core.runs.keep import Archive

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
    state = engine.state if engine else {"alive": False, "workers": []}
    return {"status": "ok" if state["alive"] else "no engine", **state}
