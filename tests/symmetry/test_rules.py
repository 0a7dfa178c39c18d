"""Every operation's rule: which units stay free across it, and that the core operations are all accounted for."""

import sys
from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lmc_core.networks.network import Network, network
from lmc_core.operators import OPERATORS, Kind
from lmc_core.symmetry.axis import groups_in
from lmc_core.symmetry.infer import symmetry
from lmc_core.symmetry.rules import RULES
from lmc_core.symmetry.symmetry import Symmetry
from lmc_core.symmetry.verify import verify

UNITS = 12
Operation = Callable[[Tensor, nn.ParameterList], Tensor]


class Between(nn.Module):
    """Twelve units per step, an operation, a linear layer that reads what comes out."""

    def __init__(self, operation: Callable[[Tensor, nn.ParameterList], Tensor], shapes: tuple[tuple[int, ...], ...]):
        super().__init__()
        self.enter = nn.Linear(5, UNITS)
        self.own = nn.ParameterList([nn.Parameter(torch.randn(*shape)) for shape in shapes])
        self.operation = operation
        self.leave = nn.Linear(self.middle(torch.randn(2, 4, 5)).shape[-1], 3)

    def middle(self, x: Tensor) -> Tensor:
        return self.operation(self.enter(x), self.own)

    def forward(self, x: Tensor) -> Tensor:
        return self.leave(self.middle(x))


def between(operation: Callable[[Tensor, nn.ParameterList], Tensor], *shapes: tuple[int, ...]) -> Network:
    torch.manual_seed(3)
    return network(Between(operation, shapes).double(), torch.randn(2, 4, 5, dtype=torch.float64))


def inferred(operation: Callable[[Tensor, nn.ParameterList], Tensor], *shapes: tuple[int, ...]) -> Symmetry:
    """The symmetry of the network around an operation, after checking that it holds."""
    net = between(operation, *shapes)
    found = symmetry(net, verify=False)
    report = verify(net, found, draws=3)
    assert max([report.error, *report.groups.values()]) <= 1e-10
    return found


def image(x: Tensor) -> Tensor:
    """(2, 4, 12) as channels: (2, 12, 2, 2)."""
    return x.transpose(1, 2).reshape(2, UNITS, 2, 2)


def vector(y: Tensor) -> Tensor:
    """Channels of an image as the last axis."""
    return y.flatten(2).transpose(1, 2)


FREE = "free"
"""The twelve units stay one free group."""

CASES: dict[str, tuple[Callable[[Tensor, nn.ParameterList], Tensor], tuple[tuple[int, ...], ...], str]] = {
    "relu": (lambda x, w: torch.relu(x), (), FREE),
    "gelu tanh": (lambda x, w: F.gelu(x, approximate="tanh"), (), FREE),
    "silu, mish, hardswish": (lambda x, w: F.silu(x) + F.mish(x) * F.hardswish(x), (), FREE),
    "elu, selu, celu, softplus": (lambda x, w: F.elu(x) + F.selu(x) - F.celu(x) + F.softplus(x), (), FREE),
    "clamp, abs, square, sign": (lambda x, w: x.clamp(-1, 1) + x.abs() + x.square() * x.sign(), (), FREE),
    "where, comparison": (lambda x, w: torch.where(x > 0, x, 0.1 * x), (), FREE),
    "masked_fill, logical": (lambda x, w: x.masked_fill((x > 1) | (x < -1), 0.0), (), FREE),
    "lerp, addcmul": (lambda x, w: torch.lerp(x, x.sin(), 0.3).addcmul(x, x, value=0.1), (), FREE),
    "atan2, pow, fmod": (lambda x, w: torch.atan2(x, x + 2) + x.pow(2) + x.fmod(0.7), (), FREE),
    "maximum of two": (lambda x, w: torch.maximum(x, x.cos()), (), FREE),
    "an empty part": (
        lambda x, w: torch.cat([x, x[..., :0]], -1) + torch.cat([x[..., :0], x.tanh()], -1).split([0, UNITS, 0], -1)[1],
        (),
        FREE,
    ),
    "an empty part of the steps": (
        lambda x, w: torch.cat([w[0], w[1], x], 1) * torch.cat([w[0], x.new_zeros(2, 0, UNITS), x], 1),
        ((2, 1, UNITS), (2, 0, UNITS)),
        FREE,
    ),
    "cast there and back": (lambda x, w: x.float().double().contiguous().clone(), (), FREE),
    "dropout at rest": (lambda x, w: F.dropout(x, 0.5, training=False), (), FREE),
    "a parameter added": (lambda x, w: x + w[0], ((UNITS,),), FREE),
    "a parameter per step": (lambda x, w: x * w[0], ((4, UNITS),), FREE),
    "a constant per unit": (lambda x, w: x * torch.arange(float(UNITS)), (), "12"),
    "one constant": (lambda x, w: x * torch.full((UNITS,), 2.0), (), FREE),
    "prelu per channel": (lambda x, w: vector(F.prelu(image(x), w[0])), ((UNITS,),), FREE),
    "glu": (lambda x, w: F.glu(x, -1), (), "enter:6 + enter"),
    "softmax": (lambda x, w: x.softmax(-1), (), FREE),
    "log_softmax": (lambda x, w: x.log_softmax(-1), (), FREE),
    "layer_norm": (lambda x, w: F.layer_norm(x, (UNITS,), w[0], w[1]), ((UNITS,), (UNITS,)), FREE),
    "rms_norm": (lambda x, w: F.rms_norm(x, (UNITS,), w[0]), ((UNITS,),), FREE),
    "normalize": (lambda x, w: F.normalize(x, dim=-1), (), FREE),
    "batch_norm": (
        lambda x, w: vector(F.batch_norm(image(x), w[0].detach(), w[1].detach().abs() + 1, w[0], w[1])),
        ((UNITS,), (UNITS,)),
        FREE,
    ),
    "batch_norm in training": (
        lambda x, w: vector(F.batch_norm(image(x), None, None, w[0], w[1], training=True)),
        ((UNITS,), (UNITS,)),
        FREE,
    ),
    "instance_norm": (lambda x, w: vector(F.instance_norm(image(x), weight=w[0])), ((UNITS,),), FREE),
    "group_norm": (
        lambda x, w: vector(F.group_norm(image(x), 3, w[0])),
        ((UNITS,),),
        "enter.group:3·(enter.channel:4 within enter.group)",
    ),
    "group_norm of one group": (lambda x, w: vector(F.group_norm(image(x), 1, w[0])), ((UNITS,),), FREE),
    "group_norm of single channels": (lambda x, w: vector(F.group_norm(image(x), 12, w[0])), ((UNITS,),), FREE),
    "local_response_norm": (lambda x, w: vector(F.local_response_norm(image(x), 3)), (), "12"),
    "conv2d": (lambda x, w: vector(F.conv2d(image(x), w[0], padding=1)), ((6, UNITS, 3, 3),), FREE),
    "conv2d depthwise": (
        lambda x, w: vector(F.conv2d(image(x), w[0], padding=1, groups=UNITS)),
        ((UNITS, 1, 3, 3),),
        FREE,
    ),
    "conv2d depthwise, two per channel": (
        lambda x, w: vector(F.conv2d(image(x), w[0], groups=UNITS)),
        ((2 * UNITS, 1, 1, 1),),
        FREE,
    ),
    "conv2d grouped": (
        lambda x, w: vector(F.conv2d(image(x), w[0], groups=3)),
        ((6, 4, 1, 1),),
        "enter.group:3·enter.channel:4",
    ),
    "conv1d over steps": (lambda x, w: F.conv1d(x, w[0], padding=1), ((4, 4, 3),), "12"),
    "conv1d of one position": (lambda x, w: F.conv1d(x, w[0]), ((4, 4, 1),), FREE),
    "conv3d": (
        lambda x, w: F.conv3d(image(x)[..., None], w[0]).flatten(2).transpose(1, 2),
        ((6, UNITS, 2, 2, 1),),
        FREE,
    ),
    "conv_transpose2d": (lambda x, w: vector(F.conv_transpose2d(image(x), w[0], w[1])), ((UNITS, 6, 2, 2), (6,)), FREE),
    "max_pool2d": (lambda x, w: vector(F.max_pool2d(image(x), 2)), (), FREE),
    "max_pool over units": (lambda x, w: F.max_pool1d(x, 2), (), "12"),
    "avg_pool2d": (lambda x, w: vector(F.avg_pool2d(image(x), 2)), (), FREE),
    "adaptive_avg_pool2d": (lambda x, w: vector(F.adaptive_avg_pool2d(image(x), 1)), (), FREE),
    "adaptive average over units": (lambda x, w: F.adaptive_avg_pool1d(x, 1), (), FREE),
    "adaptive_max_pool2d": (lambda x, w: vector(F.adaptive_max_pool2d(image(x), 1)), (), FREE),
    "lp_pool2d": (lambda x, w: vector(F.lp_pool2d(image(x).abs() + 1, 2, 2)), (), FREE),
    "interpolate nearest": (lambda x, w: vector(F.interpolate(image(x), scale_factor=2)), (), FREE),
    "interpolate bilinear": (
        lambda x, w: vector(F.interpolate(image(x), scale_factor=2, mode="bilinear", align_corners=True)),
        (),
        FREE,
    ),
    "reflection_pad2d": (lambda x, w: vector(F.pad(image(x), (1, 1, 1, 1), mode="reflect")), (), FREE),
    "pad with zeros in space": (lambda x, w: vector(F.pad(image(x), (1, 1, 1, 1))), (), FREE),
    "pad with zeros over units": (lambda x, w: F.pad(x, (2, 3)), (), FREE),
    "zeros beside units, added to units": (
        lambda x, w: F.pad(x, (3, 2)) + torch.cat([x[..., :3].tanh() @ w[0], x @ w[1], x[..., 3:5] @ w[2]], -1),
        ((3, 3), (UNITS, UNITS), (2, 2)),
        "enter:3 + enter.2:2 + enter.3:7",
    ),
    "pad that crops": (lambda x, w: F.pad(x, (-2, 0)), (), "enter:2 + enter.2:10"),
    "pixel_shuffle": (lambda x, w: vector(F.pixel_shuffle(image(x), 2)), (), "enter:3·4"),
    "pixel_unshuffle": (lambda x, w: vector(F.pixel_unshuffle(image(x), 2)), (), FREE),
    "channel_shuffle": (lambda x, w: vector(F.channel_shuffle(image(x), 3)), (), "enter:3·enter.2:4"),
    "unfold to patches": (lambda x, w: F.unfold(image(x), 2).transpose(1, 2), (), FREE),
    "grid_sample": (
        lambda x, w: vector(F.grid_sample(image(x), w[0].expand(2, -1, -1, -1), align_corners=False)),
        ((1, 3, 3, 2),),
        FREE,
    ),
    "unfold a window over units": (lambda x, w: x.unfold(-1, 3, 3).flatten(2), (), "12"),
    "mean of steps": (lambda x, w: x.mean(1, keepdim=True), (), FREE),
    "mean of units": (lambda x, w: x.mean(-1, keepdim=True), (), FREE),
    "var, std, norm": (lambda x, w: torch.stack([x.var(1), x.std(1), x.norm(dim=1)], 1), (), FREE),
    "amax, amin, logsumexp": (lambda x, w: x.amax(1) + x.amin(1) + x.logsumexp(1), (), FREE),
    "max with unused index": (lambda x, w: x.max(-1, keepdim=True)[0], (), FREE),
    "max with used index": (lambda x, w: x.max(-1, keepdim=True)[1].double(), (), "12"),
    "argmax over units": (lambda x, w: x.argmax(-1, keepdim=True).double(), (), "12"),
    "argmax over steps": (lambda x, w: x.argmax(1, keepdim=True).double(), (), FREE),
    "median of units": (lambda x, w: x.median(-1, keepdim=True)[0], (), FREE),
    "cumsum over units": (lambda x, w: x.cumsum(-1), (), "12"),
    "cumsum over steps": (lambda x, w: x.cumsum(1), (), FREE),
    "flip of units": (lambda x, w: x.flip(-1), (), "12"),
    "roll of units": (lambda x, w: x.roll(1, -1), (), "12"),
    "roll of steps": (lambda x, w: x.roll(1, 1), (), FREE),
    "sort of units": (lambda x, w: x.sort(-1)[0], (), FREE),
    "topk of units": (lambda x, w: x.topk(3, -1)[0], (), FREE),
    "tril": (lambda x, w: (x @ x.transpose(1, 2)).tril() @ x, (), FREE),
    "index of units": (lambda x, w: x[..., [0, 3, 5]], (), "1 + enter:2 + 3 + enter.2:6"),
    "index of steps": (lambda x, w: x[:, [2, 0]], (), FREE),
    "index_select of steps": (lambda x, w: x.index_select(1, torch.tensor([2, 0])), (), FREE),
    "index_add of steps": (
        lambda x, w: torch.zeros_like(x).index_add(1, torch.tensor([2, 0, 2, 1]), torch.tanh(x)),
        (),
        FREE,
    ),
    "index_copy of steps": (lambda x, w: x.index_copy(1, torch.tensor([3, 1]), w[0]), ((2, 2, UNITS),), FREE),
    "index_fill of steps": (lambda x, w: x.index_fill(1, torch.tensor([3]), 0.0), (), FREE),
    "index_add over units": (lambda x, w: x.index_add(-1, torch.tensor([0, 5]), x[..., :2] * 2), (), "12"),
    "written where a mask says, steps": (lambda x, w: replaced(x, x.sum(-1) > 0, w[0]), ((UNITS,),), FREE),
    "written at numbered steps": (
        lambda x, w: replaced(x, (slice(None), torch.tensor([0, 2])), w[0]),
        ((2, UNITS),),
        FREE,
    ),
    "written at numbered units": (
        lambda x, w: replaced(x, (..., torch.tensor([0, 2])), w[0]),
        ((4, 2),),
        "12",
    ),
    "scatter_add of steps": (
        lambda x, w: x.scatter_add(1, torch.tensor([2, 0, 2, 1])[None, :, None].expand(2, -1, UNITS), x.tanh()),
        (),
        FREE,
    ),
    "rows that a mask lets pass": (lambda x, w: let_pass(x), (), FREE),
    "units that a mask lets pass": (lambda x, w: x * x[0, 0][x[0, 0] > 0].sum(), (), "12"),
    "overlapping windows of steps in memory": (
        lambda x, w: x.as_strided((2, 3, 2, UNITS), (4 * UNITS, UNITS, UNITS, 1)).mean(2),
        (),
        FREE,
    ),
    "overlapping windows of units in memory": (
        lambda x, w: x.as_strided((2, 4, 5, 8), (4 * UNITS, UNITS, 1, 1)).flatten(2),
        (),
        "12",
    ),
    "memory of a transposed value": (
        lambda x, w: x.transpose(1, 2).contiguous().as_strided((2, 4, UNITS), (4 * UNITS, 1, 4)),
        (),
        FREE,
    ),
    "memory in which units run on": (
        lambda x, w: x.as_strided((2, 2, 2 * UNITS), (4 * UNITS, 2 * UNITS, 1)),
        (),
        "12",
    ),
    "gather over units": (lambda x, w: x.gather(-1, torch.tensor([[[0, 5]]]).expand(2, 4, 2)), (), "12"),
    "view and back": (lambda x, w: x.view(2, 4, 3, 4).relu().flatten(2), (), "enter:3·(enter.2:4 within enter)"),
    "view per head": (
        lambda x, w: x.view(2, 4, 3, 4).softmax(-1).flatten(2),
        (),
        "enter:3·(enter.2:4 within enter)",
    ),
    "view exchanged": (lambda x, w: x.view(2, 4, 3, 4).transpose(2, 3).flatten(2), (), "enter:3·enter.2:4"),
    "unflatten, movedim": (lambda x, w: x.unflatten(-1, (3, 4)).movedim(-1, 2).flatten(2), (), "enter:3·enter.2:4"),
    "squeeze, unsqueeze": (lambda x, w: x.unsqueeze(2).squeeze(2), (), FREE),
    "expand": (lambda x, w: x.unsqueeze(-1).expand(-1, -1, -1, 2).flatten(2), (), FREE),
    "repeat": (lambda x, w: x.repeat(1, 1, 2), (), FREE),
    "repeat_interleave": (lambda x, w: x.repeat_interleave(2, -1), (), FREE),
    "cat": (lambda x, w: torch.cat([x, x.relu()], -1), (), FREE),
    "cat of steps": (lambda x, w: torch.cat([x, w[0].expand(2, 1, UNITS)], 1), ((1, 1, UNITS),), FREE),
    "stack": (lambda x, w: torch.stack([x, x.tanh()], 2).sum(2), (), FREE),
    "chunk": (lambda x, w: x.chunk(3, -1)[0] * x.chunk(3, -1)[2], (), "enter:4 + enter.2:4 + enter"),
    "split of unequal sizes": (lambda x, w: x.split([5, 7], -1)[1], (), "enter:5 + enter.2:7"),
    "slice": (lambda x, w: x[..., 2:8], (), "enter:2 + enter.2:6 + enter.3:4"),
    "slice with a step": (lambda x, w: x[..., ::2], (), "12"),
    "select a unit": (lambda x, w: x[..., 3:4] + x[..., 5].unsqueeze(-1), (), "enter:3 + 9"),
    "unbind per head": (
        lambda x, w: torch.tanh(x.view(2, 4, 3, 4).unbind(2)[0]),
        (),
        "enter:4 + enter.2:4 + enter.3:4",
    ),
    "diagonal": (
        lambda x, w: (x[:, 0, :4, None] * x[:, 1, None, :4]).diagonal(dim1=1, dim2=2)[:, None],
        (),
        "4 + enter:8",
    ),
    "slice replaced": (lambda x, w: torch.slice_scatter(x, x[..., :6] * 2, -1, 6, 12), (), "enter:6 + enter"),
    "select replaced": (lambda x, w: torch.select_scatter(x, x[:, 0], 1, 2), (), FREE),
    "assignment in place": (lambda x, w: assigned(x), (), FREE),
    "matmul": (lambda x, w: x @ w[0], ((UNITS, 6),), FREE),
    "matmul from the left": (lambda x, w: w[0] @ x, ((6, 4),), FREE),
    "Gram matrix": (lambda x, w: x @ x.transpose(1, 2), (), FREE),
    "Gram matrix of units": (lambda x, w: x.transpose(1, 2) @ x, (), "12"),
    "Gram matrix of heads": (lambda x, w: gram_of_heads(x), (), "enter:3·enter.2:4"),
    "heads times heads": (lambda x, w: pairs_of_heads(x), (), "enter:3·enter.2:4"),
    "addmm": (lambda x, w: torch.addmm(w[1], x.flatten(0, 1), w[0]).view(2, 4, 6), ((UNITS, 6), (6,)), FREE),
    "baddbmm": (
        lambda x, w: torch.baddbmm(x[:, :, :6] * 0, x, w[0].expand(2, -1, -1)),
        ((UNITS, 6),),
        "enter:6 + enter.2:6",
    ),
    "einsum": (lambda x, w: torch.einsum("b t i, o i -> b t o", x, w[0]), ((6, UNITS),), FREE),
    "einsum with dots": (lambda x, w: torch.einsum("...i,io->...o", x, w[0]), ((UNITS, 6),), FREE),
    "einsum without arrow": (lambda x, w: torch.einsum("oi,bti", w[0], x), ((6, UNITS),), FREE),
    "bilinear": (lambda x, w: F.bilinear(x, x.tanh(), w[0], w[1]), ((6, UNITS, UNITS), (6,)), FREE),
    "tensordot": (lambda x, w: torch.tensordot(x, w[0], dims=([2], [1])), ((6, UNITS),), FREE),
    "inner": (lambda x, w: torch.inner(x, w[0]), ((6, UNITS),), FREE),
    "outer by kron": (lambda x, w: torch.stack([torch.kron(v, w[0]) for v in x[:, 0]])[:, None], ((2,),), FREE),
    "cdist": (lambda x, w: torch.cdist(x, w[0].expand(2, -1, -1)), ((6, UNITS),), FREE),
    "cosine_similarity": (lambda x, w: F.cosine_similarity(x, w[0], dim=-1)[..., None], ((UNITS,),), FREE),
    "attention": (
        lambda x, w: heads(F.scaled_dot_product_attention(parted(x @ w[0]), parted(x @ w[1]), parted(x))),
        ((UNITS, UNITS), (UNITS, UNITS)),
        "head:3·(vo:4 within head)",
    ),
    "a weight times a weight": (lambda x, w: x @ (w[0] @ w[1]), ((UNITS, 3), (3, 6)), FREE),
    "a parameter's softmax": (lambda x, w: x * w[0].softmax(0), ((UNITS,),), FREE),
    "a row of a table": (lambda x, w: x + w[0][1], ((3, UNITS),), FREE),
    "Fourier transform of units": (lambda x, w: torch.fft.rfft(x).abs(), (), "12"),
    "complex numbers": (
        lambda x, w: torch.view_as_real(torch.view_as_complex(x.view(2, 4, 6, 2)) * 1j).flatten(2),
        (),
        "enter:6·2",
    ),
    "one_hot": (lambda x, w: x + F.one_hot(torch.tensor([1, 2, 0, 1]), UNITS), (), "12"),
    "matrix inverse": (lambda x, w: torch.linalg.inv(x @ x.transpose(1, 2) + torch.eye(4)) @ x, (), FREE),
}


def assigned(x: Tensor) -> Tensor:
    y = torch.zeros_like(x)
    y[:, 0] = x[:, 1]
    y[:, 1:] = torch.relu(x[:, 1:])
    return y


def zeros(dtype: torch.dtype) -> Tensor:
    return torch.zeros(2, 4, UNITS, dtype=dtype)


def replaced(x: Tensor, where: Any, values: Tensor) -> Tensor:
    y = x.clone()
    y[where] = values
    return y


def let_pass(x: Tensor) -> Tensor:
    """Rows that are fed to a part of their own and put back, as those of an expert are."""
    rows = x.flatten(0, 1)
    chosen = rows.sum(-1).abs() > 0.5
    made = torch.zeros_like(rows)
    made[chosen] = torch.tanh(rows[chosen] * 2)
    return made.view_as(x)


def parted(x: Tensor) -> Tensor:
    return x.view(2, 4, 3, 4).transpose(1, 2)


def heads(x: Tensor) -> Tensor:
    return x.transpose(1, 2).reshape(2, 4, UNITS)


def gram_of_heads(x: Tensor) -> Tensor:
    """Every head against every head: their units can only move together."""
    y = x.view(2, 4, 3, 4)
    return torch.tanh(y @ y.transpose(2, 3)).flatten(2)


def pairs_of_heads(x: Tensor) -> Tensor:
    y = x.view(2, 4, 3, 4)
    return torch.tanh(y.unsqueeze(2) * y.unsqueeze(3)).flatten(2)


@pytest.mark.parametrize("case", CASES)
def test_units_stay_free_across_an_operation_exactly_as_far_as_they_can(case: str) -> None:
    operation, shapes, expected = CASES[case]
    found = inferred(operation, *shapes)
    text = found.table().splitlines()
    axis = next(line for line in text if line.startswith("enter.weight")).split("(", 1)[1].rsplit(",", 1)[0]
    if expected == FREE:
        assert axis == "enter:12"
    else:
        assert axis == expected


WRITTEN: dict[str, tuple[Operation, Kind]] = {
    "slices added": (lambda x, w: zeros(x.dtype).index_add(1, torch.tensor([2, 0, 2, 1]), x), "general"),
    "slices replaced": (lambda x, w: x.index_copy(1, torch.tensor([3, 1]), x[:, :2] * 2), "general"),
    "zeros": (lambda x, w: x.index_fill(1, torch.tensor([3]), 0.0), "general"),
    "one number for all units": (lambda x, w: x.index_fill(1, torch.tensor([3]), 2.0), "centred"),
    "steps by number": (lambda x, w: replaced(x, (slice(None), torch.tensor([0, 2])), x[:, 1:3]), "general"),
    "one number by assignment": (
        lambda x, w: replaced(x, (slice(None), torch.tensor([0])), torch.full((), 3.0, dtype=x.dtype)),
        "centred",
    ),
    "windows in memory": (
        lambda x, w: x.as_strided((2, 3, 2, UNITS), (4 * UNITS, UNITS, UNITS, 1)).mean(2),
        "general",
    ),
}


@pytest.mark.parametrize("case", WRITTEN)
def test_what_is_written_at_numbered_steps_leaves_the_class_that_an_experiment_confirms(case: str) -> None:
    operation, kind = WRITTEN[case]
    found = symmetry(between(operation))
    assert {group.kind for group in found.groups.values()} == {kind}
    assert found.notes == ()


def test_an_operation_nobody_knows_pins_its_arguments_and_is_listed() -> None:
    found = inferred(lambda x, w: torch.linalg.matrix_exp(x @ x.transpose(1, 2) * 0.01) @ torch.relu(x @ w[0]), (12, 6))
    assert found.unknown_ops == ("linalg_matrix_exp",)
    assert any("linalg_matrix_exp" in pin.why for pin in found.pinned) or any(groups_in(found.axes["own.0"][1]))


def test_an_operation_from_elsewhere_pins_its_arguments_and_is_listed() -> None:
    @torch.library.custom_op("tests_of_symmetry::weighed", mutates_args=())
    def weighed(x: Tensor) -> Tensor:
        return x * torch.arange(x.shape[-1], dtype=x.dtype)

    weighed.register_fake(torch.empty_like)
    found = inferred(lambda x, w: weighed(x) @ w[0], (UNITS, 6))
    assert found.unknown_ops == ("tests_of_symmetry::weighed",)
    assert [str(axis) for axis in found.axes["enter.weight"]] == ["12", "5"]
    assert [str(axis) for axis in found.axes["own.0"]] == ["12", "own.0"]


def test_a_tensor_argument_that_no_rule_reads_is_pinned(monkeypatch: pytest.MonkeyPatch) -> None:
    """A rule that forgets its mask cannot free the mask's axes."""
    whole = RULES["scaled_dot_product_attention"]

    def forgetful(call):  # type: ignore[no-untyped-def]
        call.args["attn_bias"] = call.args.pop("attn_mask")
        hidden, call.args["attn_bias"] = call.args["attn_bias"], None
        result = whole(call)
        call.args["attn_mask"] = hidden
        return result

    monkeypatch.setitem(RULES, "scaled_dot_product_attention", forgetful)

    def attend(x: Tensor, w: nn.ParameterList) -> Tensor:
        return heads(F.scaled_dot_product_attention(parted(x), parted(x), parted(x), attn_mask=w[0]))

    found = symmetry(between(attend, (1, 3, 4, 4)), verify=False)
    assert [str(axis) for axis in found.axes["own.0"]] == ["1", "3", "4", "4"]
    assert any("does not read" in pin.why for pin in found.pinned)


def test_every_core_operation_is_covered_or_pinned_on_purpose(capsys: pytest.CaptureFixture[str]) -> None:
    names = {n.removeprefix("aten::").split(".")[0] for n in torch._C._dispatch_get_all_op_names() if "aten::" in n}
    packets = {name: getattr(torch.ops.aten, name) for name in names if hasattr(torch.ops.aten, name)}
    core = {
        name.rstrip("_")
        for name, packet in packets.items()
        if any(torch.Tag.core in getattr(packet, overload).tags for overload in packet.overloads())
    }
    composite = {
        "linear", "scaled_dot_product_attention", "lstm", "gru", "rnn_tanh", "rnn_relu", "conv1d", "conv2d", "conv3d",
        "conv_transpose2d", "batch_norm", "group_norm", "layer_norm", "rms_norm", "instance_norm", "einsum", "chunk",
        "unflatten", "silu", "prelu", "stack", "pad", "roll", "pixel_shuffle", "upsample_bilinear2d", "softmax",
        "max_pool2d", "adaptive_avg_pool2d", "dropout", "contiguous", "reshape", "flatten", "matmul", "split",
        "unbind", "masked_fill", "repeat_interleave", "log_softmax", "to", "narrow", "glu", "hardswish", "t",
    }  # fmt: skip
    wanted = core | composite
    covered = sorted(n for n in wanted if n in RULES and not OPERATORS[n].why)
    pinned = sorted(n for n in wanted if n in OPERATORS and OPERATORS[n].why)
    unknown = sorted(n for n in wanted if n not in RULES)
    with capsys.disabled():
        for title, some in (("covered", covered), ("pinned on purpose", pinned), ("unknown", unknown)):
            sys.stdout.write(f"\n{len(some)} operations {title}: {' '.join(some)}")
    assert len(core) > 150
    assert not unknown
