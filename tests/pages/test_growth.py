"""What is done again and again in the process of the pages leaves nothing behind."""

import gc
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from platform import libc_ver

import plotly.graph_objects as go
import pytest
from engine_bench import Bench

from pages._show import chart, run_card

TIMES = 100
BLOCKS = """
import ctypes, app

class Held(ctypes.Structure):
    _fields_ = [(name, ctypes.c_size_t) for name in ("arena", "free", "fast", "mapped", *"abcdef")]

libc = ctypes.CDLL(None)
libc.malloc.restype, libc.mallinfo2.restype = ctypes.c_void_p, Held
before = libc.mallinfo2().mapped
blocks = [libc.malloc(16 * 1024) for _ in range(200)]
print(libc.mallinfo2().mapped - before)
"""


def left(work: Callable[[str], object], before: int) -> float:
    """Blocks of memory that every time leaves behind, after those `before` which fill what is bounded."""
    for k in range(before):
        work(f"{k:016x}")
    gc.collect()
    held = sys.getallocatedblocks()
    for k in range(before, before + TIMES):
        work(f"{k:016x}")
    gc.collect()
    return (sys.getallocatedblocks() - held) / TIMES


def figure(run: str) -> None:
    for theme in ("light", "dark"):
        chart.drawn("path", run, (theme, "wide"), go.Figure)


@pytest.mark.parametrize(
    ("work", "before"),
    [(figure, chart.KEPT), (run_card.thumbnail, run_card.KEPT)],
    ids=["drawing a figure", "drawing a card"],
)
def test_the_runs_of_others_leave_nothing_in_memory(work: Callable[[str], object], before: int, home: Path) -> None:
    assert left(work, before) < 0.5


def test_a_run_that_is_over_leaves_nothing_in_memory(tmp_path: Path) -> None:
    bench = Bench(tmp_path)

    def carried_out(name: str) -> None:
        run = bench.submit(bench.request(name), owner=name)
        assert bench.index.claim("here|1|1") is not None
        bench.index.progress(run, "Aligning", "", 1, 2, {})
        bench.index.finish(run, "done", elapsed=1.0)
        assert bench.status(run).state == "done"
        assert bench.index.expected("nap|a|b") == 1.0

    assert left(carried_out, 100) < 0.5
    bench.index.close()


def test_a_figure_is_drawn_once_for_all_who_ask_for_it() -> None:
    asked: list[str] = []

    def draw() -> go.Figure:
        asked.append("drawn")
        return go.Figure()

    one, other = (chart.drawn("once", "0" * 16, (theme,), draw) for theme in ("light", "light"))
    assert one is other
    assert asked == ["drawn"]


@pytest.mark.skipif(libc_ver()[0] != "glibc", reason="other allocators have other settings")
def test_blocks_of_sixteen_kilobytes_lie_outside_the_heap_where_they_would_leave_gaps() -> None:
    root = str(Path(__file__).parents[2])
    said = subprocess.run([sys.executable, "-c", BLOCKS], cwd=root, capture_output=True, text=True, check=True)
    assert int(said.stdout.split()[-1]) > 100  # of 200: others fill what was free
