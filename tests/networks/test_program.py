"""Exported programs: any architecture out and in again, with nothing but what was understood."""

from __future__ import annotations

import copy
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from zoo import ZOO

import lmc_core as lmc
from lmc_core.errors import CheckpointError, SettingError, TraceError
from lmc_core.networks.network import Network, network
from lmc_core.networks.program import open_program
from lmc_core.networks.safety.expressions import check_expression
from lmc_core.networks.safety.operators import ATEN, check_operator
from lmc_core.networks.safety.programfile import read_program
from lmc_core.networks.values import Normalize
from lmc_core.symmetry.infer import symmetry


class Vision(nn.Module):
    """Convolutions with BatchNorm, an in-place activation, a skip, and pooling."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU(inplace=True))
        self.block = nn.Sequential(nn.Conv2d(8, 8, 3, padding=1, groups=2), nn.GroupNorm(2, 8), nn.GELU())
        self.head = nn.Linear(8, 5)

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        return self.head(F.adaptive_avg_pool2d(x + self.block(x), 1).flatten(1))


class Language(nn.Module):
    """Tied embeddings, causal attention with rotary positions kept as constants, and a part without gradient."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding, self.qkv, self.proj = nn.Embedding(11, 8), nn.Linear(8, 24), nn.Linear(8, 8)
        self.norm, self.unembed = nn.LayerNorm(8), nn.Linear(8, 11, bias=False)
        self.unembed.weight = self.embedding.weight
        angle = torch.arange(6.0)[:, None] / 10 ** torch.arange(0, 2.0)
        self.register_buffer("cos", angle.cos(), persistent=False)
        self.register_buffer("sin", angle.sin(), persistent=False)

    def turn(self, x: Tensor) -> Tensor:
        a, b = x.chunk(2, -1)
        return torch.cat([a * self.cos - b * self.sin, a * self.sin + b * self.cos], -1)

    def forward(self, tokens: Tensor) -> Tensor:
        x = self.embedding(tokens)
        q, k, v = (p.unflatten(-1, (2, 4)).transpose(1, 2) for p in self.qkv(self.norm(x)).split(8, -1))
        y = F.scaled_dot_product_attention(self.turn(q), self.turn(k), v, is_causal=True)
        x = x + self.proj(y.transpose(1, 2).reshape(x.shape))
        with torch.no_grad():
            x = x * 0.5
        return self.unembed(x)[:, -1]


class Sequence(nn.Module):
    """A bidirectional LSTM over a convolution, and a constant made on the way."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.lstm = nn.Conv1d(4, 6, 3), nn.LSTM(6, 5, 2, batch_first=True, bidirectional=True)
        self.fc = nn.Linear(10, 3)

    def forward(self, x: Tensor) -> Tensor:
        y, _ = self.lstm(self.conv(x.transpose(1, 2)).transpose(1, 2))
        return self.fc(y.mean(1)) + torch.arange(3.0)


class TwoInputs(nn.Module):
    """Two inputs by position."""

    def __init__(self) -> None:
        super().__init__()
        self.left, self.right = nn.Linear(3, 4), nn.Linear(2, 4)

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        return self.left(x) + self.right(y).tanh()


class OneBatchSize(nn.Module):
    """A module that insists on three examples."""

    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(4, 2)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(x.view(3, 4))


def encoder() -> nn.Module:
    return nn.Sequential(
        nn.TransformerEncoder(nn.TransformerEncoderLayer(8, 2, 16, batch_first=True), 2, enable_nested_tensor=False),
        nn.Flatten(),
        nn.Linear(40, 3),
    )


ANY: dict[str, tuple[Callable[[], nn.Module], Callable[[int], tuple[Tensor, ...]]]] = {
    "vision": (Vision, lambda b: (torch.randn(b, 3, 8, 8),)),
    "language": (Language, lambda b: (torch.randint(11, (b, 6)),)),
    "sequence": (Sequence, lambda b: (torch.randn(b, 7, 4),)),
    "two-inputs": (TwoInputs, lambda b: (torch.randn(b, 3), torch.randn(b, 2))),
    "encoder": (encoder, lambda b: (torch.randn(b, 5, 8),)),
}


def made(name: str, batch: int = 2) -> Network:
    torch.manual_seed(3)
    make, inputs = ANY[name]
    module = make().eval()
    for buffer in module.state_dict().values():
        if buffer.is_floating_point():
            buffer.add_(torch.rand_like(buffer) * 0.5)
    return network(module, inputs(batch), normalize=Normalize((0.2,), (0.7,)), metadata={"title": name, "seed": 4})


@pytest.mark.parametrize("name", ANY)
def test_a_program_computes_the_same_on_every_batch_size(name: str, tmp_path: Path) -> None:
    one = made(name)
    one.export(str(tmp_path / "one.pt2"))
    found = lmc.load(str(tmp_path / "one.pt2"))
    assert list(found.state) == list(one.state)
    assert found.fingerprint == one.fingerprint
    assert found.normalize == one.normalize
    assert dict(found.metadata) == dict(one.metadata)
    for batch in (1, 2, 5):
        inputs = ANY[name][1](batch)
        torch.testing.assert_close(found(*inputs), one(*inputs), rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("name", ANY)
def test_a_program_follows_the_numbers_it_is_given(name: str, tmp_path: Path) -> None:
    one = made(name)
    one.export(str(tmp_path / "one.pt2"))
    found = lmc.load(str(tmp_path / "one.pt2"))
    other = {k: v * 0.7 if v.is_floating_point() else v for k, v in one.state.items()}
    inputs = ANY[name][1](3)
    wanted = one.with_state(other)(*inputs)
    torch.testing.assert_close(found.with_state(other)(*inputs), wanted, rtol=1e-6, atol=1e-6)
    assert not torch.allclose(wanted, one(*inputs))


@pytest.mark.parametrize("name", ANY)
def test_a_loaded_program_is_a_module_like_any_other(name: str, tmp_path: Path) -> None:
    """It can be put in eval mode, copied, traced again, and exported again without changing."""
    one = made(name)
    one.export(str(tmp_path / "one.pt2"))
    found = lmc.load(str(tmp_path / "one.pt2"))
    copied = found.to("cpu")
    copied.module.eval()
    inputs = ANY[name][1](4)
    torch.testing.assert_close(copied(*inputs), one(*inputs), rtol=1e-6, atol=1e-6)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.export.export(copy.deepcopy(found.module), inputs, strict=False)
    copied.export(str(tmp_path / "two.pt2"))
    assert lmc.load(str(tmp_path / "two.pt2")).fingerprint == one.fingerprint


@pytest.mark.parametrize("name", ANY)
def test_a_program_follows_to_another_number_type(name: str, tmp_path: Path) -> None:
    one = made(name)
    one.export(str(tmp_path / "one.pt2"))
    double = lmc.load(str(tmp_path / "one.pt2")).to(dtype=torch.float64)
    inputs = tuple(x.double() if x.is_floating_point() else x for x in ANY[name][1](3))
    wanted = one.to(dtype=torch.float64)(*inputs)
    assert wanted.dtype == torch.float64
    torch.testing.assert_close(double(*inputs), wanted, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("name", ANY)
def test_a_program_follows_to_another_device(name: str, tmp_path: Path) -> None:
    made(name).export(str(tmp_path / "one.pt2"))
    moved = lmc.load(str(tmp_path / "one.pt2")).to("meta")
    assert moved(*(x.to("meta") for x in ANY[name][1](3))).device.type == "meta"


@pytest.mark.parametrize("name", ["resnet_bn", "lstm2", "gpt_tied_sdpa", "vit_nn_encoder", "llama_gqa_rope"])
def test_a_program_has_the_symmetry_of_its_network(name: str, tmp_path: Path) -> None:
    torch.manual_seed(0)
    module, inputs = ZOO[name]()
    one = network(module.eval(), inputs)
    one.export(str(tmp_path / "one.pt2"))
    found = lmc.load(str(tmp_path / "one.pt2"))
    assert found.fingerprint == one.fingerprint
    assert symmetry(found, verify=False).axes == symmetry(one, verify=False).axes


def test_torch_opens_our_programs_too(tmp_path: Path) -> None:
    one = made("vision")
    one.export(str(tmp_path / "one.pt2"))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        module = torch.export.load(tmp_path / "one.pt2").module()
    x = torch.randn(4, 3, 8, 8)
    torch.testing.assert_close(module(x).detach(), one(x))


@pytest.mark.parametrize("name", ["vision", "language"])
def test_a_program_of_another_project_is_read(name: str, tmp_path: Path) -> None:
    one = made(name)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        shapes = ({0: torch.export.Dim("batch", min=2, max=64)},)
        program = torch.export.export(one.module, one.example_inputs, dynamic_shapes=shapes, strict=False)
        torch.export.save(program, tmp_path / "one.pt2")
    found = lmc.load(str(tmp_path / "one.pt2"))
    inputs = ANY[name][1](5)
    torch.testing.assert_close(found(*inputs), one(*inputs))
    assert torch.equal(found.example_inputs[0], one.example_inputs[0])
    assert found.normalize is None
    assert lmc.load(str(tmp_path / "one.pt2"), normalize=(0.5, 2)).normalize == Normalize((0.5,), (2.0,))


def test_without_sample_inputs_inputs_of_the_right_shape_are_made(tmp_path: Path) -> None:
    made("language").export(str(tmp_path / "one.pt2"))
    (tmp_path / "two.pt2").write_bytes(read_program(tmp_path / "one.pt2").rebuilt().getvalue())
    found = lmc.load(str(tmp_path / "two.pt2"))
    assert found.example_inputs[0].shape == (2, 6)
    assert found.example_inputs[0].dtype == torch.int64
    assert found(*found.example_inputs).shape == (2, 11)


def test_a_module_that_fixes_its_batch_is_exported_with_it(tmp_path: Path) -> None:
    torch.manual_seed(0)
    one = network(OneBatchSize().eval(), torch.randn(3, 4))
    one.export(str(tmp_path / "one.pt2"))
    found = lmc.load(str(tmp_path / "one.pt2"))
    x = torch.randn(3, 4)
    torch.testing.assert_close(found(x), one(x))
    assert found.example_inputs[0].shape == (3, 4)


def test_tied_weights_stay_tied(tmp_path: Path) -> None:
    one = made("language")
    one.export(str(tmp_path / "one.pt2"))
    found = lmc.load(str(tmp_path / "one.pt2"))
    assert "unembed.weight" not in found.state
    assert found.module.get_submodule("unembed").weight is found.module.get_submodule("embedding").weight


def test_constants_are_no_part_of_the_state(tmp_path: Path) -> None:
    made("language").export(str(tmp_path / "one.pt2"))
    found = lmc.load(str(tmp_path / "one.pt2"))
    assert not {"cos", "sin"} & {*found.state, *found.module.state_dict()}


def test_a_program_carries_no_trace_of_the_machine_that_made_it(tmp_path: Path) -> None:
    made("vision").export(str(tmp_path / "one.pt2"))
    with zipfile.ZipFile(tmp_path / "one.pt2") as archive:
        text = b"".join(archive.read(name) for name in archive.namelist())
    assert b".py" not in text
    assert b"stack_trace" not in text


def test_a_network_that_was_moved_by_permutations_exports_its_own_numbers(tmp_path: Path) -> None:
    one = made("vision")
    moved = one.with_state({k: v.flip(0) if v.ndim else v for k, v in one.state.items()})
    moved.export(str(tmp_path / "one.pt2"))
    found = lmc.load(str(tmp_path / "one.pt2"))
    assert found.fingerprint == moved.fingerprint != one.fingerprint


def test_a_program_cannot_be_given_another_architecture(tmp_path: Path) -> None:
    made("vision").export(str(tmp_path / "one.pt2"))
    with pytest.raises(SettingError, match="fixes its architecture"):
        lmc.load(str(tmp_path / "one.pt2"), arch={"activation": "tanh"})


def test_a_network_that_cannot_be_traced_says_so(tmp_path: Path) -> None:
    class Branching(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return x if float(x.detach().numpy().sum()) > 0 else -x

    with pytest.raises(TraceError, match="cannot trace"):
        network(Branching(), torch.randn(2, 3)).export(str(tmp_path / "one.pt2"))
    assert list(tmp_path.iterdir()) == []


def test_a_network_that_returns_two_tensors_is_refused_with_the_reason(tmp_path: Path) -> None:
    class Two(nn.Module):
        def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
            return x + 1, x * 2

    with pytest.raises(CheckpointError, match="returns"):
        network(Two(), torch.randn(2, 3)).export(str(tmp_path / "one.pt2"))
    assert list(tmp_path.iterdir()) == []


def test_a_program_in_training_mode_is_refused_with_the_reason(tmp_path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        program = torch.export.export(Vision().train(), (torch.randn(2, 3, 8, 8),), strict=False)
        torch.export.save(program, tmp_path / "one.pt2")
    with pytest.raises(CheckpointError, match=r"model\.eval\(\)"):
        open_program(tmp_path / "one.pt2")


def test_programs_need_their_ending(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"\.pt2"):
        made("vision").export(str(tmp_path / "one.onnx"))


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("Symbol('s77', positive=True, integer=True)", 7),
        ("Mul(Integer(8), Symbol('s77', positive=True, integer=True))", 56),
        ("Add(Symbol('s77', integer=True), Mul(Integer(-1), FloorDiv(Symbol('s77', integer=True), Integer(2))))", 4),
        ("Pow(Symbol('s77', integer=True), Integer(2))", 49),
        ("8*s77 - 3", 53),
        ("(s77 // 2) % 2", 1),
    ],
)
def test_sizes_as_torch_writes_them_are_understood_and_kept(text: str, value: int) -> None:
    import sympy
    from torch.utils._sympy.functions import FloorDiv

    kept = sympy.sympify(check_expression(text, "f"), locals={"FloorDiv": FloorDiv})
    assert kept.xreplace({s: sympy.Integer(7) for s in kept.free_symbols}).doit() == value


@pytest.mark.parametrize(
    "text",
    [
        "__import__('os')",
        "x",
        "s77.func",
        "s77[0]",
        "lambda: 1",
        "[s for s in (1,)]",
        "Symbol('x')",
        "Symbol(s77)",
        "Symbol('s77', commutative=True)",
        "Integer(Symbol('s77'))",
        "s77 ** 9",
        "9**9**9",
        "Pow(2, 100)",
        "1e9",
        "'s77'",
        "s77 if s77 else s77",
        "s77; s78",
        "f'{s77}'",
        "eval('1')",
        "Add(*s77)",
        "S",
        "",
        "(" * 500 + ")" * 500,
        "-" * 3000 + "1",
        12,
        None,
    ],
)
def test_other_text_where_a_size_belongs_is_refused(text: object) -> None:
    with pytest.raises(CheckpointError, match="plain arithmetic"):
        check_expression(text, "f")


def test_every_listed_operation_exists() -> None:
    assert [name for name in sorted(ATEN) if not hasattr(torch.ops.aten, name)] == []


@pytest.mark.parametrize(
    "target",
    [
        "torch.ops.aten.from_file.default",
        "torch.ops.aten.set_.source_Tensor",
        "torch.ops.aten.resize_.default",
        "torch.ops.aten.empty.memory_format",
        "torch.ops.prim.device.default",
        "torch.ops.aten.add",
        "torch.ops.aten.add.Tensor.__globals__",
        "torch.ops.higher_order.cond",
        "torch.ops.load_library",
        "torch.load",
        "_operator.pow",
        "_operator.methodcaller",
        "math.factorial",
        "builtins.eval",
        "torch.ops.aten.add.Tensor\n",
        "",
        None,
    ],
)
def test_operations_that_are_not_listed_are_refused(target: object) -> None:
    with pytest.raises(CheckpointError, match="nothing was run"):
        check_operator(target, "f")


def test_no_listed_operation_writes_outside_its_tensors() -> None:
    """What opens files, moves storages or reads unwritten memory must never be added to the list."""
    never = {"from_file", "set_", "set_data", "resize_", "resize_as_", "empty", "empty_strided", "_reshape_alias"}
    assert not never & ATEN
