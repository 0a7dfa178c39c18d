"""What strangers send is read, or refused in a sentence: hundreds of damaged inputs for every reader."""

import pytest

from benchmarks.fuzz import READERS, fuzz

COUNT = {"bundle": 120, "checkpoint": 1_000}


@pytest.mark.parametrize("name", READERS)
def test_damaged_input_is_read_or_refused(name: str) -> None:
    tally = fuzz(name, seed=0, inputs=COUNT.get(name, 2_000))
    assert not tally.faults, tally.examples
    assert tally.refused
    assert tally.read
    assert tally.inputs == COUNT.get(name, 2_000)


def test_a_fault_is_found_and_said_how_to_make_it_again(monkeypatch: pytest.MonkeyPatch) -> None:
    def careless(content: bytes) -> None:
        if b"\xff" in content:
            raise KeyError("careless")

    monkeypatch.setitem(READERS, "npz", READERS["npz"].__class__(careless, READERS["npz"].seeds))  # type: ignore[arg-type]
    tally = fuzz("npz", seed=0, inputs=300)
    assert set(tally.faults) == {"KeyError: 'careless'"}
    assert "--only npz --seed 0, input" in next(iter(tally.examples.values()))
    again = fuzz("npz", seed=0, inputs=300)
    assert again.examples == tally.examples
