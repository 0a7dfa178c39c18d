"""What a server of this program bears: bytes per run, runs per core-hour, viewers per core, and what breaks first.

    python -m benchmarks scaling
    python -m benchmarks scaling --largest 1000000 --record docs/scaling.md

Measured on this machine: the size of the shipped analyses and how long they took, the index with up to `--largest`
runs in it, and the processor time of a page in a server of its own. A simulation of queues goes from there to viewers
and runs that this machine does not have.
"""

from __future__ import annotations

import argparse
import heapq
import itertools
import math
import os
import random
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import sqlalchemy as sql

from benchmarks.load import Server, Visitor

ROOT = Path(__file__).resolve().parents[1]
SIZES = (1_000, 10_000, 100_000, 1_000_000)
TURNS = 15
REST = 30.0  # seconds between two pages of one viewer
ASKS = 0.02  # of the pages that are opened, how many ask for a run
BUSY = 0.7  # of a core, so that who comes does not wait long
LATE, LONG = 3.0, 60.0  # seconds: what 95 of 100 pages, and runs in the queue, may wait
DISK, MEMORY = 100e9, 8e9  # bytes of a small server
SLOW = 1000.0  # milliseconds after which a person notices that a page waits for the index
VIEWERS = (100, 1_000, 10_000)

SEEDS = itertools.count()

Times = dict[str, float]


@dataclass(frozen=True)
class Analysis:
    """A shipped analysis: its kind, its bytes in the store, and the seconds it was computed in."""

    kind: str
    bytes: int
    seconds: float


def analyses() -> list[Analysis]:
    """All that are shipped."""
    from lmc_core.runs.keep.store import Store

    store, found = Store(str(ROOT / "checkpoints" / "results")), []
    for run in sorted(store.names("runs")):
        result = store.load(run)
        files = store.names("runs", run)
        spent = getattr(result, "seconds", None)
        seconds = sum(spent.values()) if isinstance(spent, Mapping) else float("nan")
        found.append(Analysis(result.request["kind"], sum(store.size("runs", run, each) for each in files), seconds))
    return found


def rows(count: int) -> Iterator[dict[str, Any]]:
    """Runs as a year of visitors would leave them: of all shipped kinds, of many owners, half of them listed."""
    from lmc_core.runs.keep.store import Store
    from lmc_core.runs.kinds.request import Request

    store = Store(str(ROOT / "checkpoints" / "results"))
    shipped = [store.load(run) for run in sorted(store.names("runs"))]
    texts = [
        (Request.of(**dict(each.request)).json, each.request["kind"], each.title, each.finding) for each in shipped
    ]
    start, rng = time.time() - 365 * 86_400, random.Random(0)
    for number in range(count):
        text, kind, title, finding = texts[number % len(texts)]
        began, took = start + number * 365 * 86_400 / count, rng.expovariate(0.1)
        yield {
            "id": f"{number:016x}",
            "kind": kind,
            "request": text,
            "likeness": f"{kind}|digits|mlp 2^{rng.randrange(8, 25)}|weight-matching|{rng.randrange(4)}",
            "title": f"{title} · {number}",
            "state": "done",
            "stage": "",
            "part": "",
            "done": 0,
            "total": 0,
            "partial": "{}",
            "reason": "",
            "finding": finding,
            "owner": f"{rng.randrange(max(1, count // 20)):032x}",
            "listed": number % 2 == 0,
            "created": began,
            "queued": began,
            "started": began + 1,
            "finished": began + 1 + took,
            "elapsed": took,
            "lost": 0,
            "cancel": False,
            "server": "",
            "beat": began,
        }


def filled(index: Any, count: int, known: int = 0) -> None:
    """Bring the index from `known` runs to `count`."""
    from lmc_core.runs.keep.tables import RUNS

    several: list[dict[str, Any]] = []
    with index.database.begin() as connection:
        for number, row in enumerate(rows(count)):
            if number < known:
                continue
            several.append(row)
            if len(several) == 5_000:
                connection.execute(RUNS.insert(), several)
                several = []
        if several:
            connection.execute(RUNS.insert(), several)
    with index.database.connect() as connection:
        connection.execute(sql.text("ANALYZE"))
        connection.commit()


def questions(index: Any, count: int) -> dict[str, Callable[[], object]]:
    """What pages and workers ask an index with so many runs in it."""
    from lmc_core import runs

    rng, owner = random.Random(1), f"{1:032x}"
    pair = {"a": "digits-mlp-32/seed0", "b": "digits-mlp-32/seed1"}

    def ask() -> None:
        request = runs.bind(runs.Request.of("path", **pair, seed=next(SEEDS)))
        index.enqueue(request, title="asked", likeness="path|digits|mlp 2^17|x", listed=False, owner=owner)

    def take() -> None:
        request = index.claim("server")
        index.finish(request.id, "done", finding="it fell")

    shown: dict[str, Any] = {"kind": None, "state": "done", "owner": owner}
    return {
        "open a run": lambda: index.status(f"{rng.randrange(count):016x}"),
        "first page of the gallery": lambda: index.recent(24, **shown),
        "the gallery by a word": lambda: index.recent(24, **shown, words="matching"),
        "the gallery by a word that is nowhere": lambda: index.recent(24, **shown, words="zebra"),
        "the gallery by title": lambda: index.recent(24, **shown, order="title"),
        "my runs": lambda: index.recent(24, **shown, mine=True),
        "how long a run will take": lambda: index.expected("path|digits|mlp 2^17|weight-matching|9"),
        "ask for a run": ask,
        "take it and end it": take,
        "how many wait": index.waiting,
    }


def answered(index: Any, count: int) -> Times:
    """Milliseconds of the questions, the median of several."""
    ways = questions(index, count)
    return {name: 1000 * statistics.median(_timed(way) for _ in range(TURNS)) for name, way in ways.items()}


def _timed(way: Callable[[], object]) -> float:
    start = time.perf_counter()
    way()
    return time.perf_counter() - start


def exponent(sizes: Sequence[float], values: Sequence[float]) -> float:
    """p of values ~ sizes^p, by least squares on logarithms."""
    x, y = [math.log(size) for size in sizes], [math.log(max(value, 1e-9)) for value in values]
    mx, my = statistics.mean(x), statistics.mean(y)
    return sum((a - mx) * (b - my) for a, b in zip(x, y, strict=True)) / sum((a - mx) ** 2 for a in x)


def pages(views: int = 12) -> dict[str, float]:
    """Processor seconds of the web process for a first page of a session and for a later one, and MB of a session."""
    from lmc_core import runs

    with tempfile.TemporaryDirectory() as home:
        os.environ["LMC_HOME"] = home
        os.environ.pop("LMC_DATA", None)
        server = Server(Path(home))
        try:
            server.wait(lambda: bool(server.json("/api/healthz")), 60, "the start of the server")
            default = runs.default_request()
            assert default is not None, "no network is shipped"
            visitors = [Visitor(server) for _ in range(2)]
            for visitor in visitors:  # what the first visitor of a server waits for is not counted
                visitor.open("run", id=default.id)
            before, held = _cpu(server.process.pid), server.memory()
            new = [Visitor(server) for _ in range(views)]
            for visitor in new:
                visitor.open("run", id=default.id)
            first, held = (_cpu(server.process.pid) - before) / views, (server.memory() - held) / views
            before = _cpu(server.process.pid)
            for visitor in new:
                visitor.open("run", id=default.id)
            again = (_cpu(server.process.pid) - before) / views
            sent = statistics.mean(visitor.bytes for visitor in new) / 2
            for visitor in (*visitors, *new):
                visitor.close()
            return {"first": first, "again": again, "memory": held, "sent": sent}
        finally:
            server.stop()


def _cpu(process: int) -> float:
    """Processor seconds of a process so far."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def waits(
    rate: float, service: Callable[[random.Random], float], servers: int, *, count: int = 40_000, seed: int = 0
) -> list[float]:
    """Seconds that each of `count` waits who come at random, `rate` a second, and are served in turn by `servers`.

    The first tenth, in which the queue fills, is left out.
    """
    rng = random.Random(seed)
    free = [0.0] * servers
    now, found = 0.0, []
    for _ in range(count):
        now += rng.expovariate(rate)
        begins = max(now, heapq.heappop(free))
        found.append(begins - now)
        heapq.heappush(free, begins + service(rng))
    return found[count // 10 :]


def late(found: Sequence[float]) -> float:
    """What 95 of 100 wait at most."""
    return sorted(found)[int(0.95 * len(found))]


def needed(rate: float, service: Callable[[random.Random], float], mean: float, most: float) -> int:
    """The fewest servers with which 95 of 100 wait at most `most` seconds."""
    servers = max(1, math.ceil(rate * mean))
    while late(waits(rate, service, servers, count=10_000)) > most:
        servers += max(1, servers // 50)
    return servers


def simulated(page: float, seconds: Sequence[float]) -> list[tuple[str, ...]]:
    """For numbers of viewers: pages and runs per hour, cores for pages, cores for runs."""

    def drawn(rng: random.Random) -> float:
        return rng.choice(seconds)

    def drawing(rng: random.Random) -> float:
        return page * rng.uniform(0.8, 1.5)

    found = []
    for viewers in VIEWERS:
        rate = viewers / REST
        web = needed(rate, drawing, 1.15 * page, LATE)
        workers = needed(ASKS * rate, drawn, statistics.mean(seconds), LONG)
        found.append((f"{viewers:,}", f"{3600 * rate:,.0f}", f"{web}", f"{3600 * ASKS * rate:,.0f}", f"{workers}"))
    return found


def size(count: float) -> str:
    """Bytes as people say them."""
    for unit in ("bytes", "kB", "MB", "GB", "TB"):
        if count < 1000 or unit == "TB":
            return f"{count:.0f} {unit}" if unit == "bytes" else f"{count:.3g} {unit}"
        count /= 1000
    raise AssertionError


def table(head: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    """A table of Markdown, numbers to the right."""
    marks = "|".join(["---", *["--:"] * (len(head) - 1)])
    return "\n".join([f"| {' | '.join(head)} |", f"|{marks}|", *(f"| {' | '.join(line)} |" for line in lines)])


def indexed(sizes: Sequence[int]) -> tuple[dict[int, Times], dict[int, int]]:
    """The questions' times and the bytes of the index, for every size."""
    from lmc_core.runs.keep.index import Index

    found: dict[int, Times] = {}
    held: dict[int, int] = {}
    with tempfile.TemporaryDirectory() as folder:
        file, known = Path(folder) / "runs.db", 0
        index = Index(f"sqlite:///{file}")
        for count in sizes:
            filled(index, count, known)
            known = count
            found[count] = answered(index, count)
            with index.database.connect() as connection:
                connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
            held[count] = file.stat().st_size
            print(
                f"{count:>10,} runs: {size(held[count])}", {k: round(v, 2) for k, v in found[count].items()}, flush=True
            )
        index.close()
    return found, held


@dataclass(frozen=True)
class Measured:
    """What was found: the analyses, the index at every size, its bytes, and what a page costs."""

    shipped: Sequence[Analysis]
    times: Mapping[int, Times]
    held: Mapping[int, int]
    page: Mapping[str, float]

    @property
    def stored(self) -> float:
        """Bytes of a run in the store, the mean over the shipped ones."""
        return statistics.mean(each.bytes for each in self.shipped)

    @property
    def row(self) -> float:
        """Bytes of a run in the index."""
        largest = max(self.held)
        return self.held[largest] / largest

    @property
    def seconds(self) -> list[float]:
        """Of the analyses that say how long they took."""
        return [each.seconds for each in self.shipped if each.seconds > 0]

    @property
    def growth(self) -> Times:
        """Question → p where its time grows as n^p, from the last three sizes."""
        last = sorted(self.times)[-3:]
        return {name: exponent(last, [self.times[n][name] for n in last]) for name in self.times[last[-1]]}

    def milliseconds(self, question: str, count: float) -> float:
        """With so many runs: beyond the largest index by the growth."""
        largest = max(self.times)
        return self.times[largest][question] * (count / largest) ** max(0.0, self.growth[question])


def report(sizes: Sequence[int]) -> str:
    """The page."""
    times, held = indexed(sizes)
    found = Measured(analyses(), times, held, pages())
    parts = [
        "# How far it goes",
        "Measured on one machine by `python -m benchmarks scaling --record docs/scaling.md`; what goes beyond it is "
        "said to be extrapolated or simulated.",
        *(part for section in (_run, _index, _viewer, _viewers, _breaks) for part in section(found)),
    ]
    return "\n\n".join(parts) + "\n"


def _run(found: Measured) -> Iterator[str]:
    yield "## A run"
    head = ("kind", "analyses", "bytes in the store", "seconds on one core", "runs per core-hour")
    lines = []
    for kind in sorted({each.kind for each in found.shipped}):
        of = [each for each in found.shipped if each.kind == kind]
        spent = [each.seconds for each in of if each.seconds > 0]
        lines.append((kind, f"{len(of)}", size(statistics.mean(each.bytes for each in of)), *_speed(spent)))
    yield table(head, lines)
    whole = found.stored + found.row
    yield (
        f"A run takes {size(found.stored)} in the store on average, and {size(found.row)} in the index. 10³ runs are "
        f"{size(1e3 * whole)}, 10⁵ are {size(1e5 * whole)}, 10⁷ are {size(1e7 * whole)}. These are the shipped "
        "analyses with their default settings."
    )


def _index(found: Measured) -> Iterator[str]:
    yield "## The index"
    yield (
        "Milliseconds for what pages and workers ask it (SQLite, one process), with so many runs in it; how they grow "
        "with the number n of runs, and what that comes to at 10⁷, extrapolated."
    )
    yield table(
        ("question", *(f"{count:,}" for count in found.times), "grows as", "10⁷"),
        [
            (
                name,
                *(f"{times[name]:.2f}" for times in found.times.values()),
                f"n^{power:.2f}",
                f"{found.milliseconds(name, 1e7):.3g}",
            )
            for name, power in found.growth.items()
        ],
    )


def _viewer(found: Measured) -> Iterator[str]:
    page = found.page
    yield "## A viewer"
    yield (
        f"A page with its figure takes {page['first']:.3f} processor seconds for a session's first view and "
        f"{page['again']:.3f} for a later one; it sends {size(page['sent'])} and keeps {page['memory']:.1f} MB of "
        f"memory while its tab is open. With a page every {REST:.0f} s, a core that is busy for {BUSY:.0%} of "
        f"the time serves {BUSY * REST / page['again']:.0f} viewers."
    )


def _viewers(found: Measured) -> Iterator[str]:
    yield "## Many viewers (simulated)"
    yield (
        f"Everybody opens a page every {REST:.0f} s at random moments, and {ASKS:.0%} of the pages ask for a run that "
        "nobody asked for before, as long as one of the shipped analyses. Cores so that 95 of 100 wait at most "
        f"{LATE:.0f} s for a page to be begun, and {LONG:.0f} s in the queue."
    )
    head = ("viewers", "pages an hour", "cores for pages", "runs an hour", "cores for runs")
    yield table(head, simulated(found.page["again"], found.seconds))
    yield (
        "One web process uses one core, so these are replicas behind a balancer with sticky sessions; see "
        "[deploy.md](deploy.md). Postgres takes the place of SQLite as soon as there are two."
    )


def _breaks(found: Measured) -> Iterator[str]:
    from lmc_core.runs.settings import settings

    yield "## What breaks first"
    quota = settings({}).results_bytes
    yield (
        f"What is beyond a disk of {size(DISK)}, a memory of {size(MEMORY)} or {SLOW / 1000:.0f} s for a question, the "
        "farthest first. A server with its default settings never fills the disk: from about "
        f"{quota / found.stored:,.0f} runs on, `LMC_RESULTS_MB` removes the results that were not opened for longest."
    )
    lines = []
    for runs in (1e3, 1e5, 1e7):
        beyond = {f"the store, {size(runs * found.stored)}": runs * found.stored / DISK}
        for name in found.growth:
            late = found.milliseconds(name, runs)
            beyond[f"*{name}*, {late / 1000:.2g} s"] = late / SLOW
        lines.append((f"{runs:,.0f} runs", _first(beyond)))
    for viewers in VIEWERS:
        needs = viewers * found.page["memory"] * 1e6
        lines.append((f"{viewers:,} viewers", _first({f"memory of the web processes, {size(needs)}": needs / MEMORY})))
    yield table(("with", "what breaks"), lines)


def _first(beyond: Mapping[str, float]) -> str:
    """What is past its limit, the farthest first."""
    return (
        "; ".join(sorted((what for what, share in beyond.items() if share > 1), key=lambda w: -beyond[w])) or "nothing"
    )


def _speed(seconds: Sequence[float]) -> tuple[str, str]:
    if not seconds:
        return "not kept", "–"
    return f"{statistics.mean(seconds):.1f}", f"{3600 / statistics.mean(seconds):.0f}"


def main(words: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks scaling", description=__doc__.split("\n")[0])  # type: ignore[union-attr]
    parser.add_argument("--largest", type=int, default=100_000, help="runs in the largest index (default: 100000)")
    parser.add_argument("--record", metavar="FILE", help="write the page there")
    asked = parser.parse_args(words)
    made = report([count for count in SIZES if count <= asked.largest])
    if asked.record is None:
        print(made)
    else:
        Path(asked.record).write_text(made)
