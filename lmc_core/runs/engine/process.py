"""A worker as the engine sees it: a process, or a thread for tests and systems that cannot inherit sockets."""

from __future__ import annotations

import contextlib
import os
import queue
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from multiprocessing import Pipe as sockets
from pathlib import Path
from typing import Protocol

from lmc_core.runs.engine.worker import Message, Pipe, serve
from lmc_core.runs.settings import Settings


class Worker(Protocol):
    """One worker, alive from construction on."""

    @property
    def replaceable(self) -> bool:
        """Whether its death tells nothing of its run, which another one may carry out as well."""
        ...

    def send(self, message: Message) -> None:
        """Give it a message. Raises EOFError where it is gone."""

    def poll(self, seconds: float) -> Message | None:
        """The next message, waiting for it; None if there was none. Raises EOFError if the worker has died."""
        ...

    def kill(self) -> None:
        """End it now, whatever it does."""
        ...

    @property
    def death(self) -> str:
        """Why it died, as a sentence for the user."""
        ...


class WorkerProcess:
    """A worker process: started afresh (never forked), with as many threads as the settings allow."""

    replaceable = False

    def __init__(self, host: Settings, device: str, work: str):
        ours, theirs = sockets(duplex=True)
        threads = str(host.threads)
        root = str(Path(__file__).resolve().parents[3])
        path = os.pathsep.join([root, *filter(None, [os.environ.get("PYTHONPATH")])])
        caps = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), threads)
        caps["OMP_WAIT_POLICY"] = "PASSIVE"  # threads that spin while waiting made runs ten times slower on busy hosts
        host.scratch.mkdir(parents=True, exist_ok=True)
        self._scratch = tempfile.mkdtemp(dir=host.scratch)
        self._process = subprocess.Popen(
            [sys.executable, "-m", "lmc_core.runs.engine", str(theirs.fileno()), device, work],
            env={**os.environ, **host.environment, **caps, "PYTHONPATH": path, "TMPDIR": self._scratch},
            pass_fds=[theirs.fileno()],
            stdin=subprocess.DEVNULL,
            start_new_session=True,  # Ctrl-C in a terminal reaches the server, which then decides
        )
        theirs.close()
        self._pipe = Pipe(ours)

    @property
    def pid(self) -> int:
        """The number of the process."""
        return self._process.pid

    def send(self, message: Message) -> None:
        """Give it a message. Raises EOFError where it is gone."""
        try:
            self._pipe.send(message)
        except OSError:
            raise EOFError from None

    def poll(self, seconds: float) -> Message | None:
        """What it says within so many seconds. Raises EOFError where it is gone."""
        try:
            return self._pipe.receive() if self._pipe.poll(seconds) else None
        except OSError:
            raise EOFError from None

    def kill(self) -> None:
        """End it with everything it has started."""
        with contextlib.suppress(ProcessLookupError):  # its whole group: it may have started a reader of uploads
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        self._pipe.close()
        shutil.rmtree(self._scratch, ignore_errors=True)

    @property
    def death(self) -> str:
        """Why it is gone, as a sentence."""
        try:
            code = self._process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            return "The worker closed its connection."
        if code == -signal.SIGKILL:
            return "The worker was killed, most likely because memory ran out. Try smaller networks or fewer examples."
        if code < 0:
            return f"The worker crashed ({signal.Signals(-code).name}). Run it again; if it crashes again, report it."
        return f"The worker ended with exit status {code}. The server's log has the details."


class WorkerThread:
    """A worker that is a thread of this process. Killing it means asking it to stop and no longer listening."""

    replaceable = False

    def __init__(self, host: Settings, device: str, work: str):
        self._there: queue.SimpleQueue[Message | None] = queue.SimpleQueue()
        self._back: queue.SimpleQueue[Message] = queue.SimpleQueue()
        channel = _Queues(self._there, self._back)
        threading.Thread(target=serve, args=(channel, host, device, work), name="lmc-worker", daemon=True).start()

    def send(self, message: Message) -> None:
        """Give it a message."""
        self._there.put(message)

    def poll(self, seconds: float) -> Message | None:
        """What it says within so many seconds."""
        try:
            return self._back.get(timeout=seconds)
        except queue.Empty:
            return None

    def kill(self) -> None:
        """Ask it to end."""
        self._there.put(None)

    @property
    def death(self) -> str:
        """Why it is gone, as a sentence."""
        return "The worker thread ended."


class _Queues:
    def __init__(self, inbox: queue.SimpleQueue[Message | None], outbox: queue.SimpleQueue[Message]):
        self._inbox, self._outbox = inbox, outbox

    def send(self, message: Message) -> None:
        self._outbox.put(message)

    def receive(self) -> Message:
        message = self._inbox.get()
        if message is None:
            raise EOFError
        return message
