"""Every row of the table of faults names tests that are there."""

import shlex
from pathlib import Path

import pytest

from benchmarks.faults import FAULTS, ROOT, command


@pytest.mark.parametrize("tests", FAULTS.values())
def test_a_fault_names_tests_that_are_there(tests: str) -> None:
    file, *rest = shlex.split(tests)
    source = (Path(ROOT) / file).read_text()
    assert "def test_" in source
    assert rest[:1] in ([], ["-k"])
    names = [line.split("(")[0] for line in source.splitlines() if line.startswith("def test_")]
    for word in rest[1].split(" or ") if rest else []:
        assert any(word in name for name in names)
    assert file in command(tests)
