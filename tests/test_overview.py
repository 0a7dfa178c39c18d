"""The one table of speed: every row has one benchmark, and writing it leaves what people wrote."""

from dataclasses import asdict
from importlib import import_module
from pathlib import Path

from benchmarks.overview import BEGIN, END, KEPT, MODULES, Known, all_rows, cells, read, written
from benchmarks.row import Goal

ROOT = Path(__file__).parents[1]
KNOWN = Known(0.654, "half of it waits", "2026-11-28", "a machine", 1.0)


def test_no_two_benchmarks_measure_the_same_row() -> None:
    keys = [key for module in MODULES for key in import_module(f"benchmarks.{module}").ROWS]
    assert len(keys) == len(set(keys))


def test_a_goal_is_met_by_what_is_printed() -> None:
    assert Goal("≤", 0.65).met(0.654)
    assert not Goal("≤", 0.65).met(0.656)
    assert Goal("≥", 3).met(3.0)
    assert not Goal("≥", 3).met(2.9)


def test_what_was_written_by_hand_stays_around_the_table() -> None:
    rows = all_rows()
    page = "# Speed\n\nBy hand.\n"
    once = written(page, rows, {"path-mlp": KNOWN})
    assert once.startswith("# Speed\n")
    assert once.endswith("By hand.\n")
    assert "half of it waits" in once
    assert written(once, rows, {"path-mlp": KNOWN}) == once
    assert "half of it waits" not in written(once, rows, {})
    assert once.count(BEGIN) == once.count(END) == 1


def test_a_row_that_was_never_measured_says_what_measures_it() -> None:
    key, row = next(iter(all_rows().items()))
    assert cells(key, row, None)[-1] == f"--only {key}"


def test_the_page_of_speed_holds_what_was_recorded() -> None:
    page, known = (ROOT / "docs" / "speed.md").read_text(), read(KEPT)
    assert known.keys() <= all_rows().keys()
    assert written(page, all_rows(), known) == page
    assert all(set(asdict(one)) == set(asdict(KNOWN)) for one in known.values())
