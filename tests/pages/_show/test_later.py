"""Layers of a pair that is really large, asked for on its page and compared by the engine."""

import time
from collections.abc import Iterator

import pytest
from asking import path_request, request_of
from machine import machine
from scripts import opened, texts

from lmc_core import runs
from lmc_core.runs.kinds.path import PathResult
from lmc_core.words.path import LATER
from pages._frame.text import escaped

A, B = "digits-mlp-512/seed0", "digits-mlp-512/seed1"


@pytest.fixture(scope="module", autouse=True)
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with machine(tmp_path_factory.mktemp("engine"), LMC_ENGINE="thread", LMC_DEVICE="cpu"):
        yield


def done(run: str) -> None:
    end = time.monotonic() + 240
    while not (status := runs.status(run)).finished:
        assert time.monotonic() < end, status
        time.sleep(0.05)
    assert status.state == "done", status.reason


def test_a_click_in_the_tab_has_the_layers_compared_and_the_page_then_shows_them() -> None:
    settings = {"method": "weight-matching", "settings": {"restarts": 1}, "points": 5}
    run = runs.submit(path_request(A, B, **settings), "ann")
    done(run)
    found = runs.result(run)
    assert isinstance(found, PathResult)
    assert found.later
    at = opened("run.py", id=run, tab="Layers")
    assert escaped(LATER) in texts(at)
    at.get_by_key("layers-run").click().run()
    assert not at.exception
    done(request_of("layers", run=run).id)
    at = opened("run.py", id=run, tab="Layers")
    assert escaped(LATER) not in texts(at)
    assert "averaging weights and averaging activations" in texts(at)
    assert len(at.get_by_key("layer").options) == len(found.symmetry.groups)
    assert "Unit 17 of layer 1" in texts(opened("run.py", id=run, unit="17"))
