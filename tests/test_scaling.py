"""How far a server goes: what the index is asked takes no longer with more runs, and queues behave as theory says."""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sql

from benchmarks import scaling
from lmc_core.runs.keep.index import Index

FEW, MANY = 2_500, 20_000
FLAT = ("open a run", "first page of the gallery", "the gallery by a word", "my runs", "how long a run will take",
        "ask for a run", "take it and end it", "how many wait")  # fmt: skip


def steps(index: Index) -> Callable[[Callable[[], object]], int]:
    """What counts the steps of SQLite's machine, in tens, that some work takes."""
    counted = [0]

    def count() -> int:
        counted[0] += 1
        return 0

    def connected(connection: Any, _: Any) -> None:
        connection.set_progress_handler(count, 10)

    sql.event.listen(index.database, "connect", connected)
    index.database.dispose()

    def taken(work: Callable[[], object]) -> int:
        work()
        counted[0] = 0
        work()
        return counted[0]

    return taken


def test_what_pages_and_workers_ask_takes_as_many_steps_with_eight_times_the_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LMC_HOME", str(tmp_path / "home"))
    index = Index(f"sqlite:///{tmp_path}/runs.db")
    scaling.filled(index, FEW)
    taken = steps(index)

    def each(count: int) -> dict[str, int]:
        return {name: taken(way) for name, way in scaling.questions(index, count).items()}

    few = each(FEW)
    scaling.filled(index, MANY, FEW)
    many = each(MANY)
    index.close()
    assert {name: (few[name], many[name]) for name in FLAT if many[name] > 2 * few[name]} == {}
    assert many["the gallery by a word that is nowhere"] > 4 * few["the gallery by a word that is nowhere"]


@pytest.mark.parametrize(("servers", "load"), [(1, 0.5), (1, 0.8), (4, 0.7), (20, 0.9)])
def test_the_simulation_waits_as_long_as_erlang_says(servers: int, load: float) -> None:
    """M/M/c: P(wait) by Erlang C, mean wait P / (c μ − λ), with μ = 1."""
    rate = load * servers
    offered = [rate**k / math.factorial(k) for k in range(servers)]
    last = rate**servers / math.factorial(servers) / (1 - load)
    waiting = last / (sum(offered) + last)
    found = scaling.waits(rate, lambda rng: rng.expovariate(1.0), servers, count=200_000)
    assert sum(found) / len(found) == pytest.approx(waiting / (servers - rate), rel=0.15)
    assert sum(wait > 0 for wait in found) / len(found) == pytest.approx(waiting, abs=0.03)


def test_as_few_servers_as_possible_are_asked_for() -> None:
    count = scaling.needed(5.0, lambda rng: rng.expovariate(1.0), 1.0, 2.0)
    enough, fewer = (
        scaling.late(scaling.waits(5.0, lambda rng: rng.expovariate(1.0), n, count=10_000)) for n in (count, count - 1)
    )
    assert enough <= 2.0 < fewer


@pytest.mark.parametrize("power", [0.0, 0.5, 1.0, 2.0])
def test_a_planted_growth_comes_back(power: float) -> None:
    sizes = (1e3, 1e4, 1e5)
    assert scaling.exponent(sizes, [3 * size**power for size in sizes]) == pytest.approx(power)


def test_the_page_holds_what_the_command_measures() -> None:
    page = (scaling.ROOT / "docs" / "scaling.md").read_text()
    kinds = {each.kind for each in scaling.analyses()}
    for part in (*kinds, *FLAT, *(f"{viewers:,} viewers" for viewers in scaling.VIEWERS), "## What breaks first"):
        assert part in page


@pytest.mark.parametrize(
    ("bytes_", "late", "said"), [(1_000, 0.1, "nothing"), (10**9, 0.1, "the store"), (10, 5e3, "ask")]
)
def test_what_breaks_first_is_what_is_farthest_beyond_its_limit(bytes_: int, late: float, said: str) -> None:
    times = {n: {"ask": late} for n in (1_000, 10_000, 100_000)}
    page = {"memory": 1e-6, "first": 0.1, "again": 0.1, "sent": 1.0}
    found = scaling.Measured([scaling.Analysis("path", bytes_, 1.0)], times, {1_000: 10}, page)
    row = next(line for part in scaling._breaks(found) for line in part.splitlines() if line.startswith("| 1,000 runs"))
    assert said in row
    assert found.growth["ask"] == pytest.approx(0)
