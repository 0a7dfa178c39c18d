"""The benchmark of published architectures, on modules of torch alone."""

import json
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from benchmarks import models
from benchmarks.models.absent import without_torchvision
from benchmarks.models.architecture import Architecture
from benchmarks.models.measure import measured
from benchmarks.models.page import written


class Refuses(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(4, 4)

    def forward(self, x: Tensor) -> Tensor:
        y = self.layer(x)
        return y if float(y.sum()) > 0 else -y


def chain() -> tuple[nn.Module, Tensor]:
    return nn.Sequential(nn.Linear(6, 16), nn.ReLU(), nn.Linear(16, 12), nn.ReLU(), nn.Linear(12, 3)), torch.randn(2, 6)


def sleeps() -> tuple[nn.Module, Tensor]:
    time.sleep(60)
    return chain()


def test_an_architecture_is_traced_verified_and_restored_in_a_process_of_its_own() -> None:
    row = measured(Architecture("numpy", "chain", chain), 60)
    assert row["name"] == "numpy/chain"
    assert (row["traced"], row["groups"], row["dropped"], row["fault"]) == (True, 2, 0, "")
    assert row["error"] <= 1e-12
    assert row["restored"] == 1.0
    assert models.good(row)


def test_an_architecture_that_cannot_be_traced_is_a_row_that_says_why() -> None:
    row = measured(Architecture("numpy", "refuses", lambda: (Refuses(), torch.randn(2, 4))), 60)
    assert not row["traced"]
    assert not models.good(row)
    assert "TraceError" in row["fault"]


def test_an_architecture_that_takes_too_long_is_ended() -> None:
    started = time.monotonic()
    row = measured(Architecture("numpy", "sleeps", sleeps), 1)
    assert time.monotonic() - started < 20
    assert row["fault"] == "it took longer than 1 s"


def test_what_the_record_holds_is_not_measured_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    built: list[str] = []
    record, page = tmp_path / "models.jsonl", tmp_path / "models.md"

    def measure(architecture: Architecture, seconds: float) -> dict[str, Any]:
        built.append(architecture.title)
        return row(architecture.title)

    monkeypatch.setattr("benchmarks.models.measure.measured", measure)
    monkeypatch.setattr(models, "_import", lambda: None)
    monkeypatch.setattr("benchmarks.models.page.PAGE", page)
    monkeypatch.setattr(
        models, "architectures", lambda: iter([Architecture("torch", name, chain) for name in ("first", "second")])
    )
    record.write_text(json.dumps(row("torch/first")) + "\n")
    models.main(["--record", str(record)])
    assert built == ["torch/second"]
    assert list(models.recorded(record)) == ["torch/first", "torch/second"]
    assert "2 architectures: 2 traced, 2 verified, planted copies restored in 2 of 2" in page.read_text()
    assert page.read_text().split("\n\n")[1] in capsys.readouterr().out


def test_the_page_counts_what_did_not_succeed() -> None:
    rows = [
        row("torch/a"),
        row("torch/b", traced=False, error=None, restored=None, fault="TraceError: why"),
        row("torch/c", error=0.5, restored=0.25, seconds=9.0),
    ]
    page = written(rows)
    assert (
        "**3 architectures: 2 traced, 1 verified, planted copies restored in 1 of 2; slowest 9 s (torch/c).**" in page
    )
    assert "| c | yes | **no** | 4 |  | 5e-01 | 25 % | 9.0 |  |" in page
    assert "TraceError: why" in page


def test_the_stored_page_is_that_of_the_stored_record() -> None:
    from benchmarks.models.page import PAGE

    rows = list(models.recorded(models.RECORD).values())
    assert PAGE.read_text() == written(rows, len(list(models.architectures())) - len(rows))


def test_names_are_unique() -> None:
    titles = [architecture.title for architecture in models.architectures()]
    assert len(titles) == len(set(titles)) >= 198


def test_torchvision_can_be_imported_where_there_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "meta_path", list(sys.meta_path))
    before = set(sys.modules)
    try:
        without_torchvision()
        from torchvision.ops.misc import FrozenBatchNorm2d  # type: ignore[import-not-found]

        assert not isinstance(nn.BatchNorm2d(3), FrozenBatchNorm2d)
    finally:
        for name in set(sys.modules) - before:
            if name.startswith("torchvision"):
                del sys.modules[name]


def row(name: str, **changes: Any) -> dict[str, Any]:
    return {
        "name": name,
        "versions": "torch 2.13.0",
        "traced": True,
        "tensors": 6,
        "groups": 4,
        "dropped": 0,
        "error": 1e-15,
        "tolerance": 1e-9,
        "restored": 1.0,
        "seconds": 2.0,
        "fault": "",
    } | changes
