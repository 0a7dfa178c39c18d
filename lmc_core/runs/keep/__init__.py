"""What a host keeps: results and models in a store, runs in an index. Both are opened once per process and settings."""

from __future__ import annotations

import threading
from contextlib import suppress
from functools import lru_cache

from lmc_core.errors import DamagedError, InputError, RunError
from lmc_core.runs.keep import pictures
from lmc_core.runs.keep.index import Index
from lmc_core.runs.keep.store import Store
from lmc_core.runs.kinds.request import Request
from lmc_core.runs.settings import Settings, settings
from lmc_core.runs.values.names import is_run_id
from lmc_core.runs.values.record import Result
from lmc_core.runs.values.status import RunStatus

REMEMBERED = 16
"""Results that a process keeps in memory."""


class Archive:
    """Store and index of one host, and what both know of a run."""

    def __init__(self, host: Settings):
        self.host = host
        self.store = Store(host.store)
        self.index = Index(host.database)
        self._load = lru_cache(maxsize=REMEMBERED)(self.store.load)

    def status(self, run: str) -> RunStatus:
        """How a run is doing. Raises InputError if there is no such run."""
        found = self.index.status(run) if is_run_id(run) else None
        if found is None:
            raise InputError(f"there is no run {str(run)[:40]!r} on this server")
        return found

    def request(self, run: str) -> Request:
        """What a run was asked to compute. Raises InputError if there is no such run."""
        found = self.index.request(run) if is_run_id(run) else None
        if found is None:
            raise InputError(f"there is no run {str(run)[:40]!r} on this server")
        return found

    def result(self, run: str) -> Result:
        """What a run found. Raises RunError if it is not done, with the reason if it failed.

        DamagedError if it is no longer what was stored: from then on the run has failed, and can be asked for again.
        """
        now = self.status(run)
        if now.state != "done":
            raise RunError(now.reason or f"run {run} is {now.state}")
        try:
            return self._load(run)
        except DamagedError as error:
            self.index.spoil(run, str(error))
            raise

    def artifact(self, run: str, name: str) -> bytes:
        """A file kept with a run: "aligned.safetensors". Raises InputError if there is none."""
        self.status(run)
        return self.store.artifact(run, name)

    def picture(self, run: str, name: str) -> bytes:
        """A picture of a finished run. Raises LMCError if there is none."""
        if name in pictures.PICTURES and self.store.exists("runs", run, name):
            with suppress(DamagedError):
                if pictures.whole(name, kept := self.artifact(run, name)):
                    return kept
        return pictures.draw(self.result(run), name)


_opened: dict[Settings, Archive] = {}
_lock = threading.Lock()


def opened(host: Settings | None = None) -> Archive:
    """The Archive of this process for some settings; by default those that its environment asks for now."""
    host = host or settings()
    with _lock:
        if host not in _opened:
            _opened[host] = Archive(host)
        return _opened[host]
