"""The worker: the only process that imports torch. It does one run at a time, tells how far it is, stops when asked."""

from __future__ import annotations

import errno
import importlib
import json
import logging
import os
import queue
import tempfile
import threading
import time
from collections.abc import Callable, Mapping
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Protocol

from lmc_core.errors import Cancelled, InputError
from lmc_core.runs.keep import pictures
from lmc_core.runs.keep.store import Store
from lmc_core.runs.kinds.request import Request
from lmc_core.runs.settings import Settings
from lmc_core.runs.values.status import EXPECTED

Message = Mapping[str, Any]
TELL_EVERY = 0.25  # seconds between two messages of the same stage

log = logging.getLogger("lmc_core.runs.engine.worker")


class Channel(Protocol):
    """Messages between a worker and the engine, each a JSON object.

    engine → worker   {"run": run id, "request": canonical JSON}, {"cancel": run id}
    worker → engine   {"ready": process id}, {"progress": [stage, part, done, of, partial]},
                      {"end": state, "reason": …, "finding": …, "model": …, "size": bytes stored}
    """

    def send(self, message: Message) -> None:
        """Say something to the engine."""

    def receive(self) -> Message:
        """The next message. Raises EOFError when the other side is gone."""
        ...


class Telling:
    """The report of one run: passes on at most four messages a second, and raises Cancelled when the run is to stop."""

    def __init__(self, channel: Channel, stop: threading.Event):
        self._channel, self._stop = channel, stop
        self._stage, self._told, self._partial = "", 0.0, {}  # type: tuple[str, float, Mapping[str, Any]]
        self._expected: Mapping[str, float] = {}
        self._start = time.monotonic()

    def __call__(self, stage: str, done: int, of: int, /, part: str = "") -> None:
        if self._stop.is_set():
            raise Cancelled("Stopped on request.")
        now = time.monotonic()
        if stage != self._stage or now - self._told >= TELL_EVERY:
            self._stage, self._told = stage, now
            self._channel.send({"progress": [stage, part, done, of, {**self._partial, **self._expected}]})

    def expect(self, rest: float) -> None:
        """Say with every message from now on how many seconds the run should take in all, with `rest` still to go."""
        self._expected = {EXPECTED: round(time.monotonic() - self._start + rest, 2)}
        self._told = 0.0

    def partial(self, values: Mapping[str, Any]) -> None:
        """Show what was measured so far with the next message."""
        self._partial = values


def serve(channel: Channel, host: Settings, device: str, work: str, gone: Callable[[], None] = lambda: None) -> None:
    """Carry out runs until the engine goes away.

    work   module whose `run(request, report, folder, device)` returns a result; files it leaves in `folder` are kept
    gone   called, from another thread, when the engine has gone away
    """
    inbox: queue.SimpleQueue[Message | None] = queue.SimpleQueue()
    stops: dict[str, threading.Event] = {}

    def listen() -> None:
        while True:
            try:
                message = channel.receive()
            except (EOFError, OSError):
                inbox.put(None)
                for stop in list(stops.values()):
                    stop.set()
                return gone()
            if "run" in message:
                stops[message["run"]] = threading.Event()
                inbox.put(message)
            elif message["cancel"] in stops:
                stops[message["cancel"]].set()

    threading.Thread(target=listen, name="lmc-worker-listen", daemon=True).start()
    module = importlib.import_module(work)
    channel.send({"ready": os.getpid()})
    store = Store(host.store)
    while (message := inbox.get()) is not None:
        run = message["run"]
        try:
            ended = _carry_out(module, message["request"], Telling(channel, stops[run]), store, device)
            del stops[run]  # from its end on, the engine may send the same run anew
            channel.send(ended)
        except OSError:
            return


def _carry_out(module: Any, text: str, telling: Telling, store: Store, device: str) -> Message:
    request = Request.stored(text)
    try:
        with tempfile.TemporaryDirectory(prefix="lmc-run-") as name:
            result = module.run(request, telling, Path(name), device)
            telling("Saving", 0, 1)
            pictures.leave(result, Path(name))
            size = store.save(request.id, result, {path.name: path for path in Path(name).iterdir()})
    except Cancelled as error:
        return {"end": "cancelled", "reason": str(error)}
    except InputError as error:
        return {"end": "failed", "reason": str(error)}
    except MemoryError:
        return {"end": "failed", "reason": OUT_OF_MEMORY}
    except OSError as error:
        log.exception("a run of kind %s failed", request.kind)
        return {"end": "failed", "reason": DISK.get(error.errno or 0) or _fault(error)}
    except Exception as error:  # the worker outlives every run; the details belong in the log
        if "out of memory" in str(error).lower():
            return {"end": "failed", "reason": OUT_OF_MEMORY}
        log.exception("a run of kind %s failed", request.kind)
        return {"end": "failed", "reason": _fault(error)}
    model = getattr(result, "model", None)
    return {"end": "done", "finding": result.finding, "model": getattr(model, "id", None), "size": size}


def _fault(error: Exception) -> str:
    return f"A fault of this program ({type(error).__name__}); the server's log has the details."


DISK = {
    errno.ENOSPC: "The disk of this server is full. Nothing of this run was kept; run it again once there is room.",
    errno.EDQUOT: "The disk of this server is full. Nothing of this run was kept; run it again once there is room.",
    errno.EROFS: "The disk of this server cannot be written at the moment. Nothing of this run was kept.",
}
OUT_OF_MEMORY = "There was not enough memory. Try smaller networks, fewer examples or fewer points on the path."


class Pipe:
    """A Channel over an inherited socket. Text only: what comes from a worker that read hostile files is data."""

    def __init__(self, connection: Connection):
        self._connection, self._lock = connection, threading.Lock()

    def send(self, message: Message) -> None:
        """Say something to the other end; any thread may."""
        with self._lock:
            self._connection.send_bytes(json.dumps(message).encode())

    def receive(self) -> Message:
        """The next message of the other end."""
        message: Message = json.loads(self._connection.recv_bytes(maxlength=2**24))
        return message

    def poll(self, seconds: float) -> bool:
        """Whether a message comes within so many seconds."""
        return self._connection.poll(seconds)

    def close(self) -> None:
        """Say and hear nothing any more."""
        self._connection.close()
