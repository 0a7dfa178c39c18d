"""Viewers and submitters for as long as one likes: failures, how late pages come, and whether memory grows.

    python -m benchmarks soak --minutes 60 --viewers 50 --submitters 5

Starts a server of its own, on loopback only. Every viewer opens one page after the other and rests between them as
people do; every submitter asks for a run, waits until it is done, and asks for the next. Memory grows by the slope of a
straight line through what the web process held, after a first fifth in which caches fill.
"""

from __future__ import annotations

import argparse
import os
import random
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np

from benchmarks.load import Server, Visitor, spread, timed
from benchmarks.timing import table

PAGES = ("", "fuse", "compare", "landscape", "theory", "library", "gallery", "run")
REST = (2.0, 6.0)  # seconds between two pages of one viewer
WARM = 0.2  # share of the time in which caches fill
SAMPLE = 2.0  # seconds between two looks at the memory


class Soak:
    """What happened so far."""

    def __init__(self, server: Server, run: str, seconds: float):
        self.server, self.run = server, run
        self.start, self.end = time.monotonic(), time.monotonic() + seconds
        self.views: list[float] = []
        self.jobs: list[float] = []
        self.memory: list[tuple[float, float]] = []
        self.wrong: list[str] = []

    @property
    def going(self) -> bool:
        """Whether there is time left."""
        return time.monotonic() < self.end

    def view(self, number: int) -> None:
        """One viewer."""
        rng = random.Random(number)
        time.sleep(rng.uniform(0, REST[1]))
        visitor = Visitor(self.server)
        while self.going:
            page = rng.choice(PAGES)
            query = {"id": self.run} if page == "run" else {}
            self.views.append(timed(partial(visitor.open, page, **query)))
            if rng.random() < 0.1:  # a new visitor takes the place
                visitor.close()
                visitor = Visitor(self.server)
            time.sleep(rng.uniform(*REST))
        visitor.close()

    def submit(self, number: int) -> None:
        """One submitter."""
        from lmc_core import runs

        visitor, seed = Visitor(self.server), 1_000_000 * (number + 1)
        while self.going:
            seed += 1
            asked = {"seed": str(seed), "points": "5", "method": "weight-matching", "train_examples": "500"}
            began = time.monotonic()
            visitor.open("", press=visitor.open("", **asked)["Align and compare"], **asked)
            options = {"method": "weight-matching", "seed": seed, "points": 5, "train_examples": 500}
            default = runs.request(self.run).options
            run = runs.find(runs.Request.of("path", a=default["a"], b=default["b"], data=default["data"], **options))
            while (now := self.server.json(f"/api/runs/{run}"))["state"] in ("queued", "running"):
                time.sleep(0.5)
            if now["state"] != "done":
                raise RuntimeError(f"run {run} ended as {now['state']}: {now['reason']}")
            self.jobs.append(time.monotonic() - began)
        visitor.close()

    def sample(self, _: int) -> None:
        """The memory of the web process."""
        while self.going:
            self.memory.append((time.monotonic() - self.start, self.server.memory()))
            time.sleep(SAMPLE)

    def growth(self) -> float:
        """Megabytes per minute."""
        warm = WARM * (self.end - self.start)
        later = np.array([point for point in self.memory if point[0] > warm])
        return float(60 * np.polyfit(later[:, 0], later[:, 1], 1)[0]) if len(later) > 2 else float("nan")


def soak(server: Server, *, minutes: float, viewers: int, submitters: int) -> str:
    """All of it, as a table."""
    from lmc_core import runs

    default = runs.default_request()
    assert default is not None, "no network is shipped"
    server.wait(lambda: server.json(f"/api/runs/{default.id}")["state"] == "done", 60, "the default run")
    state = Soak(server, default.id, 60 * minutes)

    def guarded(work: Callable[[int], None], number: int) -> None:
        try:
            work(number)
        except Exception as error:  # noqa: BLE001 one visitor's failure is a number of this benchmark
            state.wrong.append(f"{type(error).__name__}: {str(error)[:160]}")

    works = [*[state.view] * viewers, *[state.submit] * submitters, state.sample]
    threads = [threading.Thread(target=guarded, args=(work, number), daemon=True) for number, work in enumerate(works)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60 * minutes + 180)
    late = sorted(state.views)[int(0.95 * len(state.views))] if state.views else float("nan")
    rows = [
        ("", "", "median", "90 %", "largest"),
        ("pages", len(state.views), *spread(state.views)),
        ("runs", len(state.jobs), *spread(state.jobs)),
        ("pages, 95 %, s", f"{late:.2f}", "", "", ""),
        ("failed", len(state.wrong), "", "", ""),
        ("memory, MB", f"{state.memory[0][1]:.0f} to {state.memory[-1][1]:.0f}", "", "", ""),
        ("growth, MB/min", f"{state.growth():.2f}", "", "", ""),
    ]
    return table(rows) + "".join(f"\n{text}" for text in state.wrong[:10])


def main(words: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks soak", description=__doc__.split("\n")[0])  # type: ignore[union-attr]
    parser.add_argument("--minutes", type=float, default=5.0)
    parser.add_argument("--viewers", type=int, default=50)
    parser.add_argument("--submitters", type=int, default=5)
    asked = parser.parse_args(words)
    with tempfile.TemporaryDirectory() as home:
        os.environ["LMC_HOME"] = home
        os.environ.pop("LMC_DATA", None)
        server = Server(Path(home))
        try:
            server.wait(lambda: bool(server.json("/api/healthz")), 60, "the start of the server")
            print(soak(server, minutes=asked.minutes, viewers=asked.viewers, submitters=asked.submitters))
        finally:
            server.stop()


if __name__ == "__main__":
    main(sys.argv[1:])
