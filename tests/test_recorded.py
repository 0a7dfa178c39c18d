"""The comparison of two recordings finds every change, and nothing else."""

import copy

import pytest

from benchmarks.recorded import differences, timeless

ANSWER = {"status": 0, "json": {"t": [0.0, 0.5, 1.0], "groups": {"fc1": 32}, "finding": "It falls.", "out": None}}


def changed(*place: str | int, to: object) -> dict:
    other = copy.deepcopy(ANSWER)
    inner: object = other
    for step in place[:-1]:
        inner = inner[step]  # type: ignore[index]
    inner[place[-1]] = to  # type: ignore[index]
    return other


def test_an_answer_does_not_differ_from_itself() -> None:
    assert list(differences(ANSWER, copy.deepcopy(ANSWER), 0.0)) == []


@pytest.mark.parametrize(
    ("other", "where", "new"),
    [
        (changed("status", to=2), "status", 2),
        (changed("json", "t", 1, to=0.5001), "json › t[1]", 0.5001),
        (changed("json", "t", 0, to=1e-9), "json › t[0]", 1e-9),
        (changed("json", "t", to=[0.0, 1.0]), "json › t", [0.0, 1.0]),
        (changed("json", "groups", "fc1", to=32.0), "json › groups › fc1", 32.0),
        (changed("json", "groups", "fc2", to=8), "json › groups › fc2", 8),
        (changed("json", "finding", to="It rises."), "json › finding", "It rises."),
        (changed("json", "out", to=False), "json › out", False),
    ],
)
def test_every_change_is_told_with_its_place(other: dict, where: str, new: object) -> None:
    found = list(differences(ANSWER, other, 1e-6))
    assert [(place, after) for place, _, after in found] == [(where, new)]
    assert [(place, before) for place, before, _ in differences(other, ANSWER, 1e-6)] == [(where, new)]


def test_floats_may_differ_by_the_tolerance_and_whole_numbers_may_not() -> None:
    assert list(differences({"x": 1.0}, {"x": 1.0 + 1e-7}, 1e-6)) == []
    assert list(differences({"x": 1.0}, {"x": 1.0 + 1e-5}, 1e-6)) != []
    assert list(differences({"x": 10**9}, {"x": 10**9 + 1}, 1e-6)) != []


def test_times_and_versions_are_left_out_wherever_they_are() -> None:
    assert timeless({"a": [{"seconds": 1.0, "b": 2}], "versions": {"torch": "2"}}) == {"a": [{"b": 2}]}
