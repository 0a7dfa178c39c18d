"""What strangers send is read, or refused in a sentence: hundreds of damaged inputs for every reader."""

from pathlib import Path

import pytest

from benchmarks import fuzz as module
from benchmarks.fuzz import READERS, RECORDED, fuzz

COUNT = {"bundle": 300, "checkpoint": 1_000, "tensors": 1_000, "program": 1_000}
UNREFUSED = {"cookie"}  # one that is not ours is as good as none


@pytest.mark.parametrize("name", READERS)
def test_damaged_input_is_read_or_refused(name: str) -> None:
    tally = fuzz(name, seed=0, inputs=COUNT.get(name, 2_000))
    assert not tally.faults, tally.examples
    assert tally.refused or name in UNREFUSED
    assert tally.read
    assert tally.inputs == COUNT.get(name, 2_000)


def test_a_fault_is_found_and_said_how_to_make_it_again(monkeypatch: pytest.MonkeyPatch) -> None:
    def careless(content: bytes) -> None:
        if b"\xff" in content:
            raise KeyError("careless")

    monkeypatch.setitem(READERS, "npz", READERS["npz"].__class__(careless, READERS["npz"].seeds, "data"))  # type: ignore[arg-type]
    tally = fuzz("npz", seed=0, inputs=300)
    assert set(tally.faults) == {"KeyError: 'careless'"}
    assert "--only npz --seed 0, input" in next(iter(tally.examples.values()))
    again = fuzz("npz", seed=0, inputs=300)
    assert again.examples == tally.examples


def test_the_recorded_run_has_a_million_inputs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert sum(RECORDED.values()) == 1_000_000
    assert RECORDED.keys() == READERS.keys()
    monkeypatch.setattr(module, "RECORDED", dict.fromkeys(("option", "cookie"), 30))
    assert module.record(tmp_path / "page.md", 0) == 0
    assert "60 inputs with seed 0" in (tmp_path / "page.md").read_text()
