"""An engine with a store and an index of its own."""

import time
from collections.abc import Callable
from pathlib import Path
from types import MappingProxyType

from lmc_core.runs.engine.engine import Engine
from lmc_core.runs.keep import Archive
from lmc_core.runs.kinds.request import Request
from lmc_core.runs.settings import settings
from lmc_core.runs.values.status import RunStatus

TESTS = Path(__file__).parent


class Bench:
    """A store, an index and an engine that carries out the jobs of `engine_jobs`, or other work."""

    def __init__(self, home: Path, work: str = "engine_jobs", **environment: str):
        self.archive = Archive(settings({"LMC_HOME": str(home), "LMC_WORKER_THREADS": "1", **environment}))
        self.host, self.store, self.index = self.archive.host, self.archive.store, self.archive.index
        self.log, self.work = home / "log.txt", work
        self.engine = self.new_engine()

    def new_engine(self) -> Engine:
        return Engine(self.archive, work=self.work)

    def request(self, name: str, behaviour: str = "work", steps: int = 3) -> Request:
        options = {"name": name, "behaviour": behaviour, "steps": steps, "log": str(self.log)}
        return Request("nap", MappingProxyType(options), 2, True)

    def submit(self, request: Request, owner: str | None = None) -> str:
        self.index.enqueue(request, title=request.options["name"], likeness="nap|a|b", listed=True, owner=owner)
        self.engine.wake()
        return request.id

    def status(self, run: str) -> RunStatus:
        status = self.index.status(run)
        assert status is not None
        return status

    def wait(
        self, run: str, until: Callable[[RunStatus], bool] = lambda s: s.finished, seconds: float = 20
    ) -> RunStatus:
        end = time.monotonic() + seconds
        while not until(status := self.status(run)):
            assert time.monotonic() < end, f"still {status}"
            time.sleep(0.01)
        return status

    @property
    def computed(self) -> list[str]:
        return [line.split()[0] for line in self.log.read_text().splitlines()] if self.log.exists() else []

    @property
    def worker(self) -> int:
        """The number of the first worker's process, as soon as the engine has heard it."""
        end = time.monotonic() + 20
        while (number := self.engine.state["workers"][0]["worker"]) is None:
            assert time.monotonic() < end, "no worker is ready"
            time.sleep(0.01)
        return number
