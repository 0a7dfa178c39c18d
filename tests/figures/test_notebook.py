"""What a notebook shows of the public values: read in a real Jupyter kernel, and safe whatever names hold."""

import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

import lmc_core as lmc

ROOT = Path(__file__).parents[2]
CELLS = (
    "import torch, lmc_core as lmc\n"
    "from torch import nn\n"
    "def made(seed):\n"
    "    torch.manual_seed(seed)\n"
    "    return lmc.network(nn.Sequential(nn.Flatten(), nn.Linear(64, 12), nn.ReLU(), nn.Linear(12, 10)), "
    "torch.zeros(2, 1, 8, 8))\n"
    "a, b = made(0), made(1)",
    "a",
    "found = lmc.symmetry(a)\nfound",
    "alignment = lmc.align(a, b)\nalignment",
    "alignment.plot()",
    "data = lmc.dataset('digits')\n"
    "profile = lmc.evaluate(lmc.LinearPath(a, alignment.transport(b)), data, points=5, train_examples=100)\n"
    "profile",
    "profile.plot()",
)
SHOWN = {1: "Network of Sequential", 2: "1 groups of interchangeable units", 3: "Alignment by", 5: "Path of 5 points"}
"""Cell → what its HTML says."""


def test_a_real_kernel_shows_tables_and_figures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("ipykernel")
    nbformat, nbclient = pytest.importorskip("nbformat"), pytest.importorskip("nbclient")
    kernels = tmp_path / "kernels" / "here"
    kernels.mkdir(parents=True)
    start = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    (kernels / "kernel.json").write_text(json.dumps({"argv": start, "display_name": "here", "language": "python"}))
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path))
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path))
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(ROOT), *sys.path]))
    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in CELLS])
    nbclient.NotebookClient(book, timeout=120, kernel_name="here").execute()
    given = {number: _results(cell) for number, cell in enumerate(book.cells)}
    for number, words in SHOWN.items():
        assert words in given[number]["text/html"]
        assert "<table>" in given[number]["text/html"]
    assert "<svg" in given[5]["text/html"]
    for number in (4, 6):
        assert given[number]["application/vnd.plotly.v1+json"]["data"]


def _results(cell: Any) -> dict[str, Any]:
    return {kind: x for output in cell.outputs if "data" in output for kind, x in output["data"].items()}


class Named(nn.Module):
    def __init__(self, name: str) -> None:
        super().__init__()
        self.part = name
        self.add_module(name, nn.Linear(4, 3))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.get_submodule(self.part)(x)  # type: ignore[no-any-return]


def test_names_from_files_are_text_and_never_markup() -> None:
    network = lmc.network(Named("<script>alert(1)</script>"), torch.zeros(2, 4))
    assert "<script>" not in network._repr_html_()
    assert "&lt;script&gt;" in network._repr_html_()


def test_a_large_network_is_shown_in_part_and_says_so() -> None:
    network = lmc.network(nn.Sequential(*[nn.Linear(3, 3) for _ in range(50)]), torch.zeros(2, 3))
    assert "and 60 more" in network._repr_html_()


@pytest.mark.parametrize("method", ["weight-matching", "ot-alignment"])
def test_the_figure_of_an_alignment_says_how_many_units_move(method: str) -> None:
    torch.manual_seed(0)
    network = lmc.network(nn.Sequential(nn.Linear(4, 6), nn.ReLU(), nn.Linear(6, 3)), torch.zeros(2, 4))
    order = torch.tensor([1, 0, 2, 3, 4, 5])
    state = dict(network.state)
    state |= {"0.weight": state["0.weight"][order], "0.bias": state["0.bias"][order]}
    moved = network.with_state(state | {"2.weight": state["2.weight"][:, order]})
    (bars,) = lmc.align(network, moved, method).plot().data
    assert bars.x[0] == pytest.approx(2 / 6, abs=0.02)
    assert bars.text[0].endswith("of 6")
