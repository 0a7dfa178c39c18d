"""A worker that is an actor of a Ray cluster."""

from __future__ import annotations

import json
import os
import queue
import threading
from collections import deque
from pathlib import Path
from typing import Any

from lmc_core.runs.engine.worker import Message, serve
from lmc_core.runs.settings import Settings, settings

ROOT = Path(__file__).resolve().parents[3]
WAIT = 1.0  # seconds an actor waits for news before it answers that there are none


class Actor:
    """What runs on the cluster: the same loop as a worker process, its messages fetched and sent as text."""

    def __init__(self, device: str, work: str):
        self._there: queue.SimpleQueue[Message] = queue.SimpleQueue()
        self._back: queue.SimpleQueue[str] = queue.SimpleQueue()
        threading.Thread(target=serve, args=(self, settings(), device, work), name="lmc-worker", daemon=True).start()

    def put(self, text: str) -> None:
        """A message of the engine."""
        self._there.put(json.loads(text))

    def take(self) -> list[str]:
        """What the worker has said since it was last asked, waiting a moment for the first of it."""
        said = []
        try:
            said.append(self._back.get(timeout=WAIT))
            while True:
                said.append(self._back.get_nowait())
        except queue.Empty:
            return said

    def send(self, message: Message) -> None:
        """Say something to the engine."""
        self._back.put(json.dumps(message))

    def receive(self) -> Message:
        """The next message of the engine."""
        return self._there.get()


class WorkerActor:
    """One actor with the processors, and for CUDA the card, that a worker process would have.

    The cluster is that of RAY_ADDRESS, or one on this machine. Its machines need the requirements of this program, and
    see the same store, checkpoints and data.
    """

    def __init__(self, host: Settings, device: str, work: str):
        self._ray = _connected()
        threads = str(host.threads)
        caps = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), threads)
        paths = os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
        passed = {name: value for name, value in os.environ.items() if name.startswith("LMC_")}
        there = {**passed, **host.environment, **caps, "OMP_WAIT_POLICY": "PASSIVE", "PYTHONPATH": paths}
        cards = 1 if device.startswith("cuda") or (device == "auto" and self._ray.cluster_resources().get("GPU")) else 0
        actor = self._ray.remote(Actor).options(
            num_cpus=host.threads, num_gpus=cards, max_restarts=0, max_concurrency=2, runtime_env={"env_vars": there}
        )
        self._actor = actor.remote("cuda" if device.startswith("cuda") else device, work)
        self._news = self._actor.take.remote()
        self._heard: deque[Message] = deque()
        self._death = ""

    @property
    def replaceable(self) -> bool:
        """True if its machine may have been lost; not where the run took all its memory, as it would another's."""
        return "OutOfMemory" not in self._death

    def send(self, message: Message) -> None:
        """Give it a message."""
        self._actor.put.remote(json.dumps(message))

    def poll(self, seconds: float) -> Message | None:
        """What it says within so many seconds. Raises EOFError where it is gone."""
        if not self._heard:
            ready, _ = self._ray.wait([self._news], timeout=seconds)
            if not ready:
                return None
            try:
                self._heard.extend(json.loads(text) for text in self._ray.get(self._news))
            except self._ray.exceptions.RayError as error:
                self._death = type(error).__name__
                raise EOFError from None
            self._news = self._actor.take.remote()
        return self._heard.popleft() if self._heard else None

    def kill(self) -> None:
        """End it."""
        self._ray.kill(self._actor, no_restart=True)

    @property
    def death(self) -> str:
        """Why it is gone, as a sentence."""
        if "OutOfMemory" in self._death:
            return "The worker was killed because memory ran out. Try smaller networks or fewer examples."
        return f"The worker on the Ray cluster died ({self._death or 'no reason given'})."


_lock = threading.Lock()


def _connected() -> Any:
    """Ray, connected once per process."""
    import ray

    with _lock:
        if not ray.is_initialized():
            ray.init(include_dashboard=False, log_to_driver=False, configure_logging=False)
    return ray
