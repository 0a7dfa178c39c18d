"""The parts behind the web API, made once per process and settings: store, index, and the engine of a server."""

from __future__ import annotations

import threading
from functools import lru_cache

from lmc_core.runs.engine.local import Engine, LocalEngine
from lmc_core.runs.keep.index import Index
from lmc_core.runs.keep.store import Store
from lmc_core.runs.settings import Settings, settings
from lmc_core.runs.values.result import Result

KEPT_RESULTS = 16


class Service:
    """Store and index of one host, and its engine while it is started."""

    def __init__(self, host: Settings):
        self.host = host
        self.store = Store(host.store)
        self.index = Index(host.database)
        self.engine: Engine | None = None
        self._lock = threading.Lock()
        self.result = lru_cache(maxsize=KEPT_RESULTS)(self._load)

    def start(self, work: str = "lmc_core.runs.work.path") -> None:
        """Start the engine, once."""
        with self._lock:
            if self.engine is None:
                self.engine = LocalEngine(self.host, self.store, self.index, work)
                self.engine.start()

    def stop(self) -> None:
        with self._lock:
            if self.engine is not None:
                self.engine.stop()
                self.engine = None

    def wake(self) -> None:
        if self.engine is not None:
            self.engine.wake()

    def _load(self, run: str) -> Result:
        return self.store.load(run)


_services: dict[Settings, Service] = {}
_lock = threading.Lock()


def service() -> Service:
    """The Service of this process for the settings its environment asks for now."""
    host = settings()
    with _lock:
        if host not in _services:
            _services[host] = Service(host)
        return _services[host]
