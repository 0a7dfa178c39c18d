"""Viewers and submitters for as long as one likes: failures, how late pages come, and whether memory grows.

    python -m benchmarks soak --minutes 60 --viewers 50 --submitters 5
    python -m benchmarks soak --minutes 60 --record docs/soak.md

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
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from functools import partial
from pathlib import Path
from urllib.error import HTTPError

import numpy as np

from benchmarks.load import Server, Visitor, timed
from benchmarks.timing import processor, table

PAGES = ("", "fuse", "compare", "landscape", "theory", "library", "gallery", "run")
REST = (2.0, 6.0)  # seconds between two pages of one viewer
WARM = 0.2  # share of the time in which caches fill
SAMPLE = 2.0  # seconds between two looks at the memory
LATE, IN_TIME = 0.95, 1.0  # share of the pages that come within so many seconds
GROWTH = 0.1  # megabytes per minute that the web process may grow by


View = tuple[float, str, float]
"""Seconds since the start, the page, the seconds that it took."""


class Soak:
    """What happened so far."""

    def __init__(self, server: Server, run: str, seconds: float):
        self.server, self.run = server, run
        self.start, self.end = time.monotonic(), time.monotonic() + seconds
        self.views: list[View] = []
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
            took = timed(partial(visitor.open, page, **query))
            self.views.append((time.monotonic() - self.start, page or "explore", took))
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

    def course(self) -> list[float]:
        """Megabytes in every tenth of the time, medians."""
        return [float(np.median(part)) for part in self._tenths(self.memory) if part]

    def lateness(self) -> list[float]:
        """Seconds within which 95 % of the pages of every tenth of the time came."""
        return [share(part, LATE) for part in self._tenths([(at, took) for at, _, took in self.views]) if part]

    def _tenths(self, values: Sequence[tuple[float, float]]) -> list[list[float]]:
        tenth = (self.end - self.start) / 10
        return [[value for at, value in values if int(at / tenth) == k] for k in range(10)]

    def growth(self) -> float:
        """Megabytes per minute."""
        warm = WARM * (self.end - self.start)
        later = np.array([point for point in self.memory if point[0] > warm])
        return float(60 * np.polyfit(later[:, 0], later[:, 1], 1)[0]) if len(later) > 2 else float("nan")


@dataclass(frozen=True)
class Figures:
    """What a soak came to.

    views    every page that was opened
    jobs     seconds of every run, from the click to its result
    memory   megabytes of the web process at the start and at the end, and megabytes per minute between
    course   megabytes in every tenth of the time
    lateness seconds within which 95 % of the pages came, in every tenth of the time
    wrong    what went wrong, a sentence per visitor
    """

    views: Sequence[View]
    jobs: Sequence[float]
    memory: tuple[float, float, float]
    course: Sequence[float]
    lateness: Sequence[float]
    wrong: Sequence[str]

    @property
    def late(self) -> float:
        """Seconds within which 95 % of the pages were drawn."""
        return share([seconds for _, _, seconds in self.views], LATE)

    @property
    def holds(self) -> bool:
        """True if nothing failed, pages came in time, and memory stayed."""
        return not self.wrong and self.late <= IN_TIME and self.memory[2] <= GROWTH

    def rows(self) -> list[tuple[str, ...]]:
        """The table, its heading first."""
        first, last, growth = self.memory
        named: dict[str, list[float]] = {}
        for _, page, seconds in self.views:
            named.setdefault(page, []).append(seconds)
        each = [("pages", [seconds for _, _, seconds in self.views]), *sorted(named.items()), ("runs", list(self.jobs))]
        return [
            ("", "number", "median, s", "95 %, s", "largest, s"),
            *((name, f"{len(all)}", *(f"{share(all, part):.2f}" for part in (0.5, LATE, 1.0))) for name, all in each),
            ("95 % of the pages by tenths, s", " ".join(f"{late:.2f}" for late in self.lateness), "", "", ""),
            ("failed", f"{len(self.wrong)}", "", "", ""),
            ("memory, MB", f"{first:.0f} to {last:.0f}", "", "", ""),
            ("memory by tenths, MB", " ".join(f"{held:.0f}" for held in self.course), "", "", ""),
            ("growth, MB/min", f"{growth:.2f}", "", "", ""),
        ]

    def __str__(self) -> str:
        return table(list[tuple[object, ...]](self.rows())) + "".join(f"\n{text}" for text in self.wrong[:10])


def share(seconds: list[float], part: float) -> float:
    """The time within which this part of them came."""
    return sorted(seconds)[min(len(seconds) - 1, int(part * len(seconds)))] if seconds else float("nan")


def soak(server: Server, *, minutes: float, viewers: int, submitters: int) -> Figures:
    """All of it."""
    from lmc_core import runs

    default = runs.default_request()
    assert default is not None, "no network is shipped"
    server.wait(lambda: server.json(f"/api/runs/{default.id}")["state"] == "done", 60, "the default run")
    state = Soak(server, default.id, 60 * minutes)

    def guarded(work: Callable[[int], None], number: int) -> None:
        try:
            work(number)
        except Exception as error:  # noqa: BLE001 one visitor's failure is a number of this benchmark
            text = f"after {time.monotonic() - state.start:.0f} s, {work.__name__} {number}: "
            answer = error.read().decode()[-400:] if isinstance(error, HTTPError) else ""
            state.wrong.append(f"{text}{type(error).__name__}: {str(error)[:160]} {answer}".rstrip())

    works = [*[state.view] * viewers, *[state.submit] * submitters, state.sample]
    threads = [threading.Thread(target=guarded, args=(work, number), daemon=True) for number, work in enumerate(works)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60 * minutes + 180)
    memory = (state.memory[0][1], state.memory[-1][1], state.growth())
    return Figures(state.views, state.jobs, memory, state.course(), state.lateness(), state.wrong)


def recorded(figures: Figures, minutes: float, viewers: int, submitters: int) -> str:
    """The table as a page."""
    heading, *rows = (f"| {' | '.join(row)} |" for row in figures.rows())
    where = f"on {os.cpu_count()} cores of {processor()}, on {date.today():%-d %B %Y}"
    about = (
        f"{viewers} viewers who open one page after the other, and {submitters} submitters who ask for one run after "
        f"the other, for {minutes:g} minutes: `python -m benchmarks soak --minutes {minutes:g} --viewers {viewers} "
        f"--submitters {submitters}` {where}. Server, worker and visitors share the machine. Every "
        f"viewer rests {REST[0]:g} to {REST[1]:g} seconds between two pages; memory is that of the web process, its "
        f"growth the slope of a straight line after the first fifth of the time."
    )
    wrong = [f"- {text}" for text in figures.wrong]
    return "\n".join(["# Soak", "", about, "", heading, "|---|--:|--:|--:|--:|", *rows, "", *wrong])


def main(words: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks soak", description=__doc__.split("\n")[0])  # type: ignore[union-attr]
    parser.add_argument("--minutes", type=float, default=5.0)
    parser.add_argument("--viewers", type=int, default=50)
    parser.add_argument("--submitters", type=int, default=5)
    parser.add_argument("--record", type=Path, metavar="FILE", help="write the table as Markdown")
    asked = parser.parse_args(words)
    how = {"minutes": asked.minutes, "viewers": asked.viewers, "submitters": asked.submitters}
    with tempfile.TemporaryDirectory() as home:
        os.environ["LMC_HOME"] = home
        os.environ.pop("LMC_DATA", None)
        server = Server(Path(home))
        try:
            server.wait(lambda: bool(server.json("/api/healthz")), 60, "the start of the server")
            figures = soak(server, **how)
        finally:
            server.stop()
    print(figures)
    if asked.record:
        asked.record.write_text(recorded(figures, **how))
    sys.exit(0 if figures.holds else 1)


if __name__ == "__main__":
    main(sys.argv[1:])
