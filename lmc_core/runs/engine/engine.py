"""The engine: takes runs from the queue, one per device at a time, watches them, and survives whatever they do."""

from __future__ import annotations

import logging
import os
import socket
import threading
import time
import uuid
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, TypeVar

from sqlalchemy.exc import DBAPIError

from lmc_core.runs.engine.process import Worker, WorkerProcess, WorkerThread
from lmc_core.runs.engine.ray import WorkerActor
from lmc_core.runs.engine.worker import Message
from lmc_core.runs.keep import Archive, entries
from lmc_core.runs.keep.store import sweep
from lmc_core.runs.kinds.request import Request
from lmc_core.runs.library import uploads
from lmc_core.runs.settings import Settings

log = logging.getLogger("lmc_core.runs.engine.engine")

LISTEN = 0.1  # seconds between two looks at a running worker
IDLE = 0.5  # seconds between two looks at the queue, which another server may have filled
BEAT = 2.0  # seconds between two signs of life
SILENT = 30.0  # seconds without one after which another machine's server counts as gone
BACK_OFF = 5.0  # seconds before starting a worker again after it died without a run
RETRY = 1.0  # seconds before asking again an index that could not be read or written
TIDY = 60.0  # seconds between two looks at how much room the results take
WATCH = 1.0  # seconds between two looks at whether the index is still what was opened
READY = 60.0  # seconds that a worker may take to be ready

CANCELLED = "Stopped on request."
STOPPED = "The server was stopped while this run was running."
RESTARTED = "The server was restarted while this run was running."
TWICE = "So did the one before it, after which this run was begun anew; it is not tried a third time by itself."
LOST = "The server lost hold of this run. Run it again."
FAULT = "A fault of this program; the server's log has the details."

T = TypeVar("T")

WORK = "lmc_core.runs.work.run"
"""The module whose `run` carries out a request."""

WORKERS: Mapping[str, Callable[[Settings, str, str], Worker]] = {
    "local": WorkerProcess,
    "thread": WorkerThread,
    "ray": WorkerActor,
}
"""Engine of the settings → what makes a worker of (settings, device, work)."""


class Engine:
    """One worker per device of the settings, each watched by a thread of this process."""

    def __init__(self, archive: Archive, work: str = WORK):
        self._archive = archive
        self._host, self._store, self._index = archive.host, archive.store, archive.index
        self.server = f"{socket.gethostname()}|{os.getpid()}|{uuid.uuid4().hex}"
        self.stopping, self.awake, self.claiming = threading.Event(), threading.Event(), threading.Lock()
        self._lanes = [_Lane(self, archive, device, work) for device in archive.host.devices]

    def start(self) -> None:
        """Settle what an earlier server left behind, then start the workers."""
        self._store.sweep()
        sweep(self._host.scratch)
        self.settle()
        for lane in self._lanes:
            lane.start()
        threading.Thread(target=self._watch, name="lmc-engine-watch", daemon=True).start()

    def _watch(self) -> None:
        """Keep the index whole and the results within their limits.

        What runs lack beside their results is written, a lost index is made again, old results are removed.
        """
        with suppress(DBAPIError, OSError):
            entries.backfill(self._store, self._index)
        tidied = -TIDY
        while not self.stopping.wait(WATCH):
            try:
                self._archive.mend()
                if time.monotonic() - tidied >= TIDY:
                    tidied = time.monotonic()
                    self._archive.tidy()
            except Exception:  # whatever a database, a disk or a remote store raises: the next look tries again
                log.exception("the index could not be made again, or results not be removed")

    def stop(self) -> None:
        """End every worker; what they were doing is marked as interrupted, what waits stays in the queue."""
        self.stopping.set()
        self.awake.set()
        for lane in self._lanes:
            if lane.is_alive():
                lane.join(timeout=10)
        try:
            self._index.interrupt([self.server], STOPPED)
        except DBAPIError:
            log.exception("what was running is marked as interrupted by the next server that starts")

    def wake(self) -> None:
        """Look at the queue at once."""
        self.awake.set()

    @property
    def state(self) -> dict[str, Any]:
        """For the health check, which everybody may read: which workers are alive, and nothing of what they do."""
        return {
            "alive": all(lane.is_alive() for lane in self._lanes),
            "ready": any(lane.ready for lane in self._lanes),
            "workers": [{"device": lane.device, "worker": lane.process} for lane in self._lanes],
        }

    def settle(self) -> None:
        """Mark as interrupted what servers ran that are gone, and what no lane of this one runs any more."""
        gone = [name for name, beat in self._index.servers().items() if name != self.server and _is_gone(name, beat)]
        if gone:
            self._index.interrupt(gone, RESTARTED)
        with self.claiming:
            held = [lane.held for lane in self._lanes if lane.held is not None]
            self._index.interrupt([self.server], LOST, but=held)


class _Lane(threading.Thread):
    """The thread that feeds and watches one worker.

    process   number of the worker's process, once it is ready
    held      the run in its hands, until the index knows how that ended
    """

    def __init__(self, engine: Engine, archive: Archive, device: str, work: str):
        super().__init__(name=f"lmc-engine-{device}", daemon=True)
        self.device, self._work = device, work
        self._engine, self._archive = engine, archive
        self._host, self._index = archive.host, archive.index
        self._worker: Worker | None = None
        self.process: int | None = None
        self.held: str | None = None
        self._since = self._begun = time.monotonic()  # without a worker that is ready; with the run in its hands
        self._deaf = 0.0  # until when the index is left alone

    @property
    def ready(self) -> bool:
        """True if its worker is ready, or may still become so."""
        return self.process is not None or time.monotonic() - self._since < READY

    def run(self) -> None:
        looked = time.monotonic()
        while not self._engine.stopping.is_set():
            try:
                self._one_round()
                if time.monotonic() - looked > SILENT / 3:
                    looked = time.monotonic()
                    self._engine.settle()
            except Exception:  # a database that is away for a minute must not end the service
                log.exception("the engine's lane for %s stumbled", self.device)
                self._drop()
                self._engine.stopping.wait(BACK_OFF)
        self._drop()

    def _one_round(self) -> None:
        """Carry out the next run; if there is none, wait a little."""
        if self._worker is None:
            self._worker = WORKERS[self._host.engine](self._host, self.device, self._work)
        unplaced = self.process is None and self._worker.replaceable  # its cluster may have no machine for a long time
        with self._engine.claiming:
            request = None if unplaced else self._index.claim(self._engine.server)
            self.held = request.id if request is not None else None
        self._begun = time.monotonic()
        if request is not None:
            try:
                self._carry_out(request, self._worker)
            except Exception:
                log.exception("the engine's lane for %s stumbled over a run", self.device)
                self._kill(request.id, "failed", FAULT)
            self.held = None
            return
        try:
            self._hear(self._worker.poll(0))
        except EOFError:
            log.warning("the worker for %s died while idle: %s", self.device, self._worker.death)
            self._drop()
            self._engine.stopping.wait(BACK_OFF)
            return
        self._engine.awake.wait(IDLE)
        self._engine.awake.clear()

    def _carry_out(self, request: Request, worker: Worker) -> None:
        """One run, from sending it to its end, whatever end that is."""
        run = request.id
        started = beaten = self._begun
        asked: float | None = None  # when it was told to stop
        try:
            worker.send({"run": run, "request": request.json})
            while True:
                message = worker.poll(LISTEN) or {}
                self._hear(message)
                if "progress" in message:
                    self._noted(self._index.progress, run, *message["progress"], time.monotonic() - started)
                if "end" in message:
                    return self._ended(run, message, asked is not None)
                now = time.monotonic()
                if self._engine.stopping.is_set():
                    return self._kill(run, "interrupted", STOPPED)
                if now - started > self._host.run_seconds:
                    limit = f"{self._host.run_seconds:g} s, the longest this server lets a run take"
                    return self._kill(run, "failed", f"Stopped after {limit}. Try fewer points or examples.")
                if asked is None and self._noted(self._index.cancelling, run):
                    asked = now
                    worker.send({"cancel": run})
                if asked is not None and now - asked > self._host.grace_seconds:
                    return self._kill(run, "cancelled", CANCELLED)
                if now - beaten > BEAT:
                    beaten = now
                    self._noted(self._index.beat, run, now - started)
        except EOFError:
            if asked is not None or self._noted(self._index.cancelling, run):
                return self._kill(run, "cancelled", CANCELLED)
            if not worker.replaceable:
                return self._kill(run, "failed", worker.death)
            self._drop()
            if not self._put_back(run):
                return self._finish(run, "failed", reason=f"{worker.death} {TWICE}")
            log.warning("run %s goes back into the queue, its worker was lost: %s", run, worker.death)

    def _ended(self, run: str, message: Message, cancelled: bool) -> None:
        """What the worker says of its run; a cancel wins over an error that it caused."""
        state, reason = message["end"], message.get("reason", "")
        if cancelled and state != "done":
            state, reason = "cancelled", CANCELLED
        facts = {name: message[name] for name in ("finding", "model", "size") if name in message}
        self._finish(run, state, reason=reason, **facts)

    def _kill(self, run: str, state: str, reason: str) -> None:
        """End the worker first, so that the run is over when its state says so."""
        self._drop()
        self._finish(run, state, reason=reason)

    def _finish(self, run: str, state: str, **facts: Any) -> None:
        """Write down how a run ended, however long that cannot be written: nothing else is begun before.

        A server that is stopped meanwhile leaves it to the next one, which marks it as interrupted.
        """
        elapsed = time.monotonic() - self._begun
        while True:
            try:
                self._index.finish(run, state, elapsed=elapsed, **facts)
                if state == "done":
                    self._archive.note(run)
                return uploads.ended(self._archive, run)
            except DBAPIError:
                log.exception("the end of a run cannot be written to the index yet")
            if self._engine.stopping.wait(RETRY):
                return None

    def _put_back(self, run: str) -> bool:
        """Let another worker carry out a run whose own was lost. False if it has been lost before."""
        while True:
            try:
                return self._index.again(run)
            except DBAPIError:
                log.exception("a run whose worker was lost cannot be put back yet")
            if self._engine.stopping.wait(RETRY):
                return True

    def _noted(self, write: Callable[..., T], *values: Any) -> T | None:
        """What the index answers; None for a while after it could not, for that must end no run."""
        if time.monotonic() < self._deaf:
            return None
        try:
            return write(*values)
        except DBAPIError:
            log.exception("the index can be neither read nor written")
            self._deaf = time.monotonic() + RETRY
            return None

    def _hear(self, message: Message | None) -> None:
        if message and "ready" in message:
            self.process = message["ready"]

    def _drop(self) -> None:
        worker, self._worker, self.process = self._worker, None, None
        self._since = time.monotonic()
        try:
            if worker is not None:
                worker.kill()
        except Exception:  # whatever a cluster says that has lost it: the lane needs another one all the same
            log.exception("the worker for %s could not be ended", self.device)


def _is_gone(server: str, beat: float) -> bool:
    """True if a server can no longer be running: its process here is dead, or it has been silent for long."""
    host, process, _ = server.split("|")
    if host == socket.gethostname():
        if int(process) == os.getpid():  # an earlier server that had the number this one has: usual in containers
            return True
        try:
            os.kill(int(process), 0)
        except ProcessLookupError:
            return True
        except PermissionError:
            pass
    return time.time() - beat > SILENT
