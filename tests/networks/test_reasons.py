"""Laws of refusals: the reason is the true one, and the mend it names makes the file readable."""

import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import lmc_core as lmc
from lmc_core.errors import CheckpointError, TraceError
from lmc_core.symmetry.infer import symmetry

State = dict[str, Tensor]


def _module() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 10))


def _saved(value: Any) -> Callable[[Path], None]:
    return lambda path: torch.save(value, path)


def _pickled(value: Any) -> Callable[[Path], None]:
    return lambda path: path.write_bytes(pickle.dumps(value, 4)) and None


def _state(change: Callable[[str, Tensor], Tensor] = lambda _, x: x, **more: Tensor) -> State:
    return {**{name: change(name, x.detach()) for name, x in _module().state_dict().items()}, **more}


MASK = torch.zeros(5, 5).masked_fill(torch.ones(5, 5).triu(1).bool(), float("-inf"))


def _quantised(path: Path) -> None:
    torch.save(_state(scale=torch.quantize_per_tensor(torch.ones(3), 0.1, 0, torch.qint8)), path)


REFUSED: dict[str, tuple[Callable[[Path], Any], str, Callable[[Path], Any] | None]] = {
    "complex": (_saved(_state(scale=torch.ones(4, dtype=torch.complex64))), "complex", None),
    "sparse": (
        _saved(_state(lambda name, x: x.to_sparse() if name == "0.weight" else x)),
        r"\.to_dense\(\)",
        _saved(_state()),
    ),
    "eight bits": (
        _saved(_state(lambda _, x: x.to(torch.float8_e4m3fn))),
        r"float8; save them with \.to\(torch\.bfloat16\)",
        _saved(_state(lambda _, x: x.to(torch.float8_e4m3fn).to(torch.bfloat16))),
    ),
    "quantised": (_quantised, "quantised", _saved(_state())),
    "a mask": (_saved(_state(mask=MASK)), r"a mask of 0 and −∞.*del state_dict\['mask'\]", _saved(_state())),
    "diverged": (_saved(_state(lambda _, x: x * float("nan"))), "the training diverged", None),
    "a pickle": (_pickled({"a": [1.0]}), "that torch.save did not write; opening it could run code", _saved(_state())),
    "a module": (_saved(_module()), r"torch\.save\(model\.state_dict\(\)", _saved(_state())),
    "a script": (
        lambda path: torch.jit.script(_module()).save(path),
        "TorchScript program",
        lambda path: torch.save(torch.jit.script(_module()).state_dict(), path),
    ),
}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("case", REFUSED)
def test_a_file_is_refused_for_the_true_reason_and_the_mend_works(case: str, tmp_path: Path) -> None:
    write, reason, mend = REFUSED[case]
    path = tmp_path / "model.pt"
    write(path)
    with pytest.raises(CheckpointError, match=reason):
        lmc.load(path)
    if mend is not None:
        mend(path)
        assert lmc.load(path).parameters == 2410


def test_a_complex_network_is_used_in_python_as_its_refusal_says() -> None:
    class Complex(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.a, self.b = nn.Parameter(torch.randn(9, 6) + 0j), nn.Parameter(torch.randn(4, 9) + 0j)

        def forward(self, x: Tensor) -> Tensor:
            h = x.to(self.a.dtype) @ self.a.t()
            return (torch.complex(h.real.relu(), h.imag.relu()) @ self.b.t()).abs()

    torch.manual_seed(0)
    assert {g.size for g in symmetry(lmc.network(Complex(), torch.randn(2, 6))).groups.values()} == {9}


def test_who_has_only_a_pickled_module_is_told_how_to_get_at_its_numbers(tmp_path) -> None:
    """Nothing of it is imported or called; the way that is named gives a file that opens."""
    file = tmp_path / "whole.pth"
    torch.save(torch.nn.Sequential(torch.nn.Linear(4, 3)), file)
    with pytest.raises(CheckpointError, match=r"nothing of it was run.*who has only this file.*weights_only=False"):
        lmc.load(file)
    torch.save(torch.load(file, weights_only=False).state_dict(), tmp_path / "numbers.pt")
    assert lmc.load(tmp_path / "numbers.pt").parameters == 15


class _Packing(nn.Module):
    """Sequences of two lengths, of which a recurrent layer reads only as many steps as there are."""

    def __init__(self, *, packs: bool = True) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.cells, self.leave, self.packs = nn.LSTM(4, 6, batch_first=True), nn.Linear(6, 3), packs

    def forward(self, x: Tensor) -> Tensor:
        given = nn.utils.rnn.pack_padded_sequence(x, torch.tensor([5, 3]), batch_first=True) if self.packs else x
        return self.leave(self.cells(given)[1][0][-1])


def test_packed_sequences_are_named_and_padded_ones_have_the_same_weights() -> None:
    x = torch.randn(2, 5, 4)
    with pytest.raises(TraceError, match=r"the module packs sequences of several lengths .*padded") as caught:
        symmetry(lmc.network(_Packing(), x))
    assert "FakeTensor" not in str(caught.value)
    packed = nn.utils.rnn.pack_padded_sequence(x, torch.tensor([5, 3]), batch_first=True)
    with pytest.raises(TraceError, match=r"the example packs sequences of several lengths .*padded"):
        lmc.network(nn.LSTM(4, 6, batch_first=True), (packed,))
    found = symmetry(lmc.network(_Packing(packs=False), x))
    assert found.groups.keys() == {"cells.l0"}
    assert _Packing().state_dict().keys() == _Packing(packs=False).state_dict().keys()
