"""The canonical form: the same function, the same form from wherever one starts, and a reason for all that stays."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from zoo import ALL, symmetric
from zoo.making import rows
from zoo.transformers import TRANSFORMERS

from lmc_core.errors import TraceError
from lmc_core.networks.checkpoint import load
from lmc_core.networks.network import Network, network
from lmc_core.networks.outputs import relative_error, tensors
from lmc_core.networks.untied import untied
from lmc_core.symmetry.canonical import canonical as steps
from lmc_core.symmetry.canonical.balance import balanced
from lmc_core.symmetry.canonical.canonical import Canonical, canonical
from lmc_core.symmetry.canonical.frames import sides
from lmc_core.symmetry.canonical.record import Folded
from lmc_core.symmetry.declare import declare
from lmc_core.symmetry.infer import symmetry
from lmc_core.symmetry.move import move, random_elements
from lmc_core.symmetry.symmetry import Symmetry

EVERYWHERE = [*ALL, *TRANSFORMERS]


@cache
def made(name: str) -> tuple[Network, Symmetry]:
    if name in ALL:
        return symmetric(name)
    net = network(*TRANSFORMERS[name]())
    return net, symmetry(net, verify=False)


@cache
def formed(name: str) -> Canonical:
    return canonical(*made(name))


def apart(one: Network, other: Network) -> float:
    """The largest change of a tensor, relative to its largest number."""
    return max(
        float((x - other.state[name]).abs().max()) / (float(x.abs().max()) or 1.0)
        for name, x in one.state.items()
        if x.is_floating_point() and x.numel()
    )


def changed(before: Network, after: Network) -> float:
    """How far a function was changed, on other inputs than its examples."""
    torch.manual_seed(5)
    inputs = tuple(torch.randn_like(x) if x.is_floating_point() else x.flip(-1) for x in before.example_inputs)
    return relative_error(tensors(before(*inputs)), after(*inputs))


@pytest.mark.parametrize("name", EVERYWHERE)
def test_the_canonical_form_is_the_same_function_with_classes_that_hold_and_its_own_canonical_form(name: str) -> None:
    net, _ = made(name)
    form = formed(name)
    assert form.error <= 1e-12
    assert changed(net, form.network) <= 1e-12
    assert form.network.module is net.module
    assert form.symmetry.notes == ()
    state = move(form.network.state, form.symmetry, random_elements(form.symmetry, np.random.default_rng(0)))
    assert changed(net, form.network.with_state(state)) <= 1e-11
    again = canonical(form.network, form.symmetry)
    assert again.folded == ()
    assert apart(form.network, again.network) <= 1e-9


@pytest.mark.parametrize("name", [name for name in EVERYWHERE if name != "complex_rotary"])
def test_in_single_precision_the_function_is_kept_to_rounding(name: str) -> None:
    net, found = made(name)
    form = canonical(net.to(dtype=torch.float32), found)
    assert {x.dtype for x in form.network.state.values()} == {
        x.dtype for x in net.to(dtype=torch.float32).state.values()
    }
    assert form.error <= 1e-5
    assert changed(net.to(dtype=torch.float32), form.network) <= 1e-5


CLASSES = {
    "pre-norm": "centred",
    "no biases": "centred",
    "shift without bias behind": "centred",
    "LayerNorm by hand": "centred",
    "tied": "permutation",
    "RMSNorm": "orthogonal",
    "RMSNorm, no biases": "orthogonal",
    "RMSNorm, tied": "permutation",
    "multi-query": "orthogonal",
    "multi-query, fused": "centred",
    "fused": "centred",
    "post-norm": "permutation",
    "MultiheadAttention": "centred",
    "MultiheadAttention, post-norm": "permutation",
    "GPT-2": "permutation",
    "Llama": "orthogonal",
    "Llama, tied": "permutation",
    "Qwen2": "orthogonal",
    "BERT": "permutation",
    "ViT": "centred",
}
"""Transformer → the class of its stream once gains are folded."""


@pytest.mark.parametrize(("name", "kind"), CLASSES.items(), ids=CLASSES)
def test_streams_rise_where_all_gains_fold_and_else_a_gain_says_why_not(name: str, kind: str) -> None:
    _, found = made(name)
    stream = next(iter(found.groups))
    assert found.groups[stream].kind == "permutation"
    form = formed(name)
    assert form.symmetry.groups[stream].kind == kind
    stays = [r for r in form.refused if r.part == "gain"]
    assert bool(stays) == (kind == "permutation")
    assert all("is tied: aten.embedding" in r.why or "read by aten.add" in r.why for r in stays)


@pytest.mark.parametrize("name", ["tied", "RMSNorm, tied", "GPT-2", "Llama, tied"])
def test_a_head_with_a_copy_of_its_own_lets_the_last_gain_fold(name: str) -> None:
    net, _ = made(name)
    free = untied(net)
    assert changed(net, free) == 0
    form = canonical(free)
    assert next(iter(form.symmetry.groups.values())).kind in ("centred", "orthogonal")
    assert not form.refused
    assert changed(net, form.network) <= 1e-12


@pytest.mark.parametrize("name", [n for n in CLASSES if n not in ("Llama", "Llama, tied", "Qwen2")])
def test_attention_ignores_its_bias_of_keys_and_hands_on_that_of_its_values(name: str) -> None:
    form = formed(name)
    parts = [r.part for r in form.folded]
    biased = name not in ("no biases", "shift without bias behind", "RMSNorm, no biases", "RMSNorm, tied")
    assert parts.count("key bias") == parts.count("value bias") == (2 if biased else 0)


def test_a_key_that_is_rotated_by_its_place_keeps_its_bias() -> None:
    before, after = (n.state["layers.0.k_proj.bias"] for n in (made("Qwen2")[0], formed("Qwen2").network))
    assert torch.equal(before, after)


@pytest.mark.parametrize("name", ["pre-norm", "RMSNorm", "GPT-2", "ViT"])
def test_a_program_of_elementary_operations_folds_like_its_module(name: str, tmp_path: Path) -> None:
    module, inputs = TRANSFORMERS[name]()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch's own, on decomposing
        program = torch.export.export(module, inputs).run_decompositions()
        torch.export.save(program, tmp_path / "it.pt2")
    form = canonical(load(tmp_path / "it.pt2"))
    assert form.error <= 1e-12
    kinds = [sorted(group.kind for group in each.symmetry.groups.values()) for each in (form, formed(name))]
    assert kinds[0] == kinds[1]


def above(found: Symmetry, *kinds: str) -> tuple[str, ...]:
    return tuple(name for name, group in found.groups.items() if group.kind in kinds)


SCALED = [
    "mlp",
    "vgg_bn_flatten",
    "densenet_cat",
    "depthwise_grouped",
    "unet_cat_skip",
    "shufflenet",
    "decoder",
    "fused",
]
GENERAL = [
    "gru2",
    "gpt_fused5d",
    "llama_gqa_rope",
    "cross_attention",
    "masked_attention",
    "mixed_heads",
    "low_rank",
    "two_inputs",
    *CLASSES,
]


@pytest.mark.parametrize("name", SCALED)
def test_the_scales_of_units_leave_no_trace(name: str) -> None:
    net, found = made(name)
    groups = above(found, "scaled")
    elements = random_elements(found, np.random.default_rng(1), groups)
    moved = net.with_state(move(net.state, found, elements))
    assert apart(net, moved) > 1e-3
    orders = {name: np.abs(element).argmax(-1) for name, element in elements.items()}
    expected = move(balanced(net, found).state, found, orders)
    assert apart(net.with_state(expected), balanced(moved, found)) <= 1e-9


@pytest.mark.parametrize("name", GENERAL)
def test_the_frames_of_general_groups_leave_rotations_only(name: str) -> None:
    net, found = made(name)
    groups = above(found, "general")
    moved = net.with_state(move(net.state, found, random_elements(found, np.random.default_rng(2), groups)))
    assert apart(net, moved) > 1e-3
    one, other = formed(name), canonical(moved, found)
    assert not [r for r in one.refused if r.part == "frame"]
    for group in groups:
        lengths = []
        for form in (one, other):
            writes, reads = sides(form.network.state, form.symmetry, group)
            assert torch.allclose(writes @ writes.mT, reads @ reads.mT, atol=1e-8 * float(writes.abs().max()) ** 2)
            lengths.append(torch.linalg.svdvals(writes))
        assert torch.allclose(*lengths, rtol=1e-7)


@pytest.mark.parametrize("name", ["pre-norm", "multi-query", "fused", "MultiheadAttention", "ViT"])
def test_one_rotation_of_each_head_makes_two_canonical_forms_of_one_function_the_same(name: str) -> None:
    net, found = made(name)
    groups = above(found, "general")
    moved = net.with_state(move(net.state, found, random_elements(found, np.random.default_rng(3), groups)))
    one, other = formed(name), canonical(moved, found)
    turns = {}
    for group in groups:
        (a, _), (b, _) = (sides(form.network.state, form.symmetry, group) for form in (one, other))
        u, _, vt = torch.linalg.svd(a @ b.mT)
        turn = (u @ vt).numpy()
        turns[group] = turn if found.groups[group].within else turn[0]
    assert apart(one.network, one.network.with_state(move(other.network.state, one.symmetry, turns))) <= 1e-9


def normed(behind: Callable[[], nn.Module], norm: nn.Module | None = None) -> nn.Module:
    return nn.Sequential(nn.Linear(7, 6), norm or nn.LayerNorm(6), behind())


class Shared(nn.Module):
    """One norm in two places."""

    def __init__(self) -> None:
        super().__init__()
        self.enter, self.norm = nn.Linear(7, 6), nn.LayerNorm(6)
        self.one, self.two = nn.Linear(6, 6), nn.Linear(6, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.two(self.norm(self.one(self.norm(self.enter(x)))))


class Attends(nn.Module):
    """Attention after a linear layer."""

    def __init__(self, *, drop: float = 0.0, **settings: object) -> None:
        super().__init__()
        self.enter, self.attend = nn.Linear(7, 6), nn.MultiheadAttention(6, 2, batch_first=True, **settings)
        self.leave, self.drop = nn.Linear(6, 3), drop

    def forward(self, x: Tensor) -> Tensor:
        y = self.enter(x)
        if self.drop:
            q, k, v = F.linear(y, self.attend.in_proj_weight, self.attend.in_proj_bias).chunk(3, -1)
            y = F.scaled_dot_product_attention(q, k, v, dropout_p=self.drop)
            return self.leave(self.attend.out_proj(y))
        return self.leave(self.attend(y, y, y)[0])


class Masked(nn.Module):
    """Attention that puts one score in the place of some."""

    def __init__(self, score: float) -> None:
        super().__init__()
        self.q, self.k, self.leave, self.score = nn.Linear(7, 6), nn.Linear(7, 6), nn.Linear(7, 3), score

    def forward(self, x: Tensor) -> Tensor:
        seen = torch.ones(x.shape[1], x.shape[1], dtype=torch.bool).tril()
        scores = self.q(x) @ self.k(x).mT
        return self.leave(torch.where(seen, scores, self.score).softmax(-1) @ x)


class NoOutput(nn.Module):
    """Attention whose values are projected by a layer without bias."""

    def __init__(self) -> None:
        super().__init__()
        self.v, self.o = nn.Linear(7, 6), nn.Linear(6, 3, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        return self.o((x @ x.mT).softmax(-1) @ self.v(x))


def form_of(module: nn.Module, *shape: int) -> Canonical:
    torch.manual_seed(3)
    for name, x in module.named_parameters():
        if x.ndim == 1:
            x.data = torch.randn_like(x) * 0.3 + ("1.weight" in name or "norm.weight" in name)
    net = network(module.double(), rows(*(shape or (7,))))
    form = canonical(net)
    assert changed(net, form.network) <= 1e-12
    return form


def test_a_norm_in_two_places_keeps_its_gain() -> None:
    assert [str(r) for r in form_of(Shared()).refused if r.part == "gain"] == [
        "norm.weight: gain stays, as norm.weight is used more than once"
    ] * 2


def test_a_gain_that_other_operations_see_stays() -> None:
    for behind, why in ((nn.GELU, "aten.gelu"), (nn.Identity, "the network's output")):
        assert [str(r) for r in form_of(normed(behind)).refused if r.part == "gain"] == [
            f"1.weight: gain stays, as its value is read by {why}, which is no contraction with weights"
        ]


class OnePlus(nn.Module):
    """A norm whose gain is written as one plus a vector."""

    def __init__(self) -> None:
        super().__init__()
        self.enter, self.leave, self.gain = nn.Linear(7, 6), nn.Linear(6, 3), nn.Parameter(torch.randn(6))

    def forward(self, x: Tensor) -> Tensor:
        return self.leave(F.rms_norm(self.enter(x), (6,)) * (1 + self.gain))


def test_a_gain_that_is_computed_says_so() -> None:
    form = form_of(OnePlus())
    assert next(iter(form.symmetry.groups.values())).kind == "permutation"
    assert [(r.part, r.tensor) for r in form.refused] == [("gain", "gain")]
    assert "what aten.add makes of it" in form.refused[0].why


def test_a_step_that_would_change_the_function_is_undone_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    def wrong(numbers: Tensor, uses: object) -> list[Folded]:
        numbers *= 2
        return [Folded("gain", "1.weight", ("2.weight",))]

    monkeypatch.setattr(steps, "STEPS", (("doubling", wrong),))
    module = normed(lambda: nn.Linear(6, 3)).double()
    form = canonical(network(module, rows(7)))
    assert torch.equal(form.network.state["1.weight"], module[1].weight)
    assert form.folded == ()
    assert str(form.refused[0]).startswith("1.weight: gain stays, as the step (doubling) changed the output by")


def test_a_shift_is_not_divided_by_a_gain_near_zero() -> None:
    torch.manual_seed(0)
    module = normed(lambda: nn.Linear(6, 3, bias=False)).double()
    for gone, folds in ((0.0, False), (0.5, True)):
        module[1].weight.data = torch.tensor([1, 2, 1, 1, gone, 1]).double()
        module[1].bias.data = torch.ones(6).double()
        form = canonical(network(module, rows(7)))
        assert form.error <= 1e-12
        assert [r.part for r in form.folded if r.part == "gain"] == (["gain"] if folds else [])
        assert bool([r for r in form.refused if "divided by entries near zero" in r.why]) is not folds


def test_a_gain_of_zero_folds_where_the_shift_goes_into_a_bias() -> None:
    module = normed(lambda: nn.Linear(6, 3)).double()
    module[1].weight.data[2], module[1].bias.data[2] = 0.0, 5.0
    form = canonical(network(module, rows(7)))
    assert form.error <= 1e-12
    assert bool((form.network.state["1.weight"] == 1).all())
    assert bool((form.network.state["1.bias"] == 0).all())


def test_a_gain_reaches_weights_through_flattened_positions_and_convolutions() -> None:
    class Deep(nn.Module):
        def __init__(self, behind: nn.Module) -> None:
            super().__init__()
            self.enter, self.norm, self.behind = nn.Linear(7, 6), nn.LayerNorm(6), behind

        def forward(self, x: Tensor) -> Tensor:
            return self.behind(self.norm(self.enter(x)).transpose(1, 2))

    for behind in (
        nn.Sequential(nn.Flatten(), nn.Linear(24, 3)),
        nn.Conv1d(6, 4, 1),
        nn.Conv1d(6, 4, 3),
        nn.Conv1d(6, 4, 3, padding=1),
        nn.Conv1d(6, 12, 2, groups=3),
    ):
        form = form_of(Deep(behind), 4, 7)
        assert [r.tensor for r in form.folded if r.part == "gain"] == ["norm.weight"]
        assert not form.refused


def test_the_scale_of_a_branch_folds_into_the_layer_that_writes_it() -> None:
    class Branch(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.enter, self.up, self.down, self.leave = (nn.Linear(a, b) for a, b in ((7, 6), (6, 9), (9, 6), (6, 3)))
            self.scale = nn.Parameter(torch.randn(6))

        def forward(self, x: Tensor) -> Tensor:
            x = self.enter(x)
            return self.leave(x + self.scale * self.down(F.gelu(self.up(x))))

    form = form_of(Branch())
    assert [str(r) for r in form.folded if r.part == "gain"] == ["scale: gain folded into down.weight"]
    assert form.symmetry.groups["enter"].kind == "general"


def test_attention_that_is_not_plain_keeps_its_biases_and_says_why() -> None:
    for settings, why in (
        ({"drop": 0.2}, "attention drops weights at random there"),
        ({"add_bias_kv": True}, "at some times its attention reads keys or values of another origin"),
        ({"add_zero_attn": True}, "at some times its attention reads keys or values of another origin"),
    ):
        form = form_of(Attends(**settings), 4, 7)
        assert {(r.part, r.why) for r in form.refused if "bias" in r.part} == {("key bias", why), ("value bias", why)}


def test_a_bias_of_keys_counts_where_scores_are_replaced_by_others_that_count() -> None:
    for score, ignored in ((-torch.inf, True), (-1e9, True), (0.5, False)):
        form = form_of(Masked(score), 4, 7)
        assert [r.tensor for r in form.folded if r.part == "key bias"] == (["k.bias"] if ignored else [])


def test_a_bias_of_values_stays_where_the_layer_behind_has_none() -> None:
    (only,) = (r for r in form_of(NoOutput(), 4, 7).refused if r.part != "frame")
    assert (only.part, only.tensor) == ("value bias", "v.bias")
    assert only.why.endswith("has no bias of its own")


def test_directions_that_nothing_reads_are_left_out() -> None:
    form = form_of(nn.Sequential(nn.Linear(7, 6), nn.Linear(6, 3)))
    assert not form.refused
    (group,) = form.symmetry.groups
    writes, reads = sides(form.network.state, form.symmetry, group)
    assert torch.allclose(writes @ writes.mT, reads @ reads.mT)
    assert int(torch.linalg.matrix_rank(writes[0])) == 3


def test_units_that_nothing_reads_stay() -> None:
    module = nn.Sequential(nn.Linear(7, 6), nn.Linear(6, 5), nn.Linear(5, 3)).double()
    module[2].weight.data[:] = 0.0
    form = canonical(network(module, rows(7)))
    assert [(r.part, "do not meet" in r.why) for r in form.refused] == [("frame", True)]
    assert form.error == 0


class Loop(nn.Module):
    """A linear layer that reads and writes one stream, which nothing normalises."""

    def __init__(self) -> None:
        super().__init__()
        self.enter, self.turn, self.leave = nn.Linear(7, 4), nn.Linear(4, 4), nn.Linear(4, 6)

    def forward(self, x: Tensor) -> Tensor:
        x = self.enter(x)
        return self.leave(x + self.turn(x + self.turn(x)))


def test_a_frame_is_balanced_where_one_tensor_makes_and_uses_the_units() -> None:
    torch.manual_seed(0)
    net = network(Loop().double(), rows(7))
    found = symmetry(net)
    assert {g.kind for g in found.groups.values()} == {"general"}
    lengths = []
    for seed in range(3):
        state = move(net.state, found, random_elements(found, np.random.default_rng(seed)))
        form = canonical(net.with_state(state), found)
        assert form.error <= 1e-12
        writes, reads = sides(form.network.state, found, "enter")
        assert torch.allclose(writes @ writes.mT, reads @ reads.mT, rtol=1e-8)
        lengths.append(torch.linalg.svdvals(writes))
    assert torch.allclose(lengths[0], lengths[1])
    assert torch.allclose(lengths[0], lengths[2])


def test_units_that_nothing_makes_or_uses_stay_and_do_not_disturb_the_others() -> None:
    torch.manual_seed(0)
    module = nn.Sequential(nn.Linear(7, 6), nn.ReLU(), nn.Linear(6, 5), nn.ReLU(), nn.Linear(5, 3)).double()
    module[0].weight.data[0], module[0].bias.data[0] = 0.0, 0.0
    module[4].weight.data[:, 1] = 0.0
    net = network(module, rows(7))
    even = balanced(net, symmetry(net))
    assert changed(net, even) <= 1e-12
    assert torch.equal(even.state["0.weight"][0], net.state["0.weight"][0])
    norms = even.state["0.weight"].square().sum(1) + even.state["0.bias"].square()
    assert torch.allclose(norms[1:], even.state["2.weight"].square().sum(0)[1:])


class Gated(nn.Module):
    """Units multiplied by others: both, either, or none of them may be scaled."""

    def __init__(self, gate: Callable[[Tensor], Tensor], normed: bool = True) -> None:
        super().__init__()
        self.enter, self.gate, self.up, self.down = (nn.Linear(a, b) for a, b in ((7, 6), (6, 9), (6, 9), (9, 6)))
        self.leave, self.act = nn.Linear(6, 6), gate
        self.norm = nn.LayerNorm(6, elementwise_affine=False) if normed else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        y = self.norm(self.enter(x))
        return self.leave(y + self.down(self.act(self.gate(y)) * self.up(y)))


@pytest.mark.parametrize("normed", [True, False])
@pytest.mark.parametrize(("gate", "free"), [(F.silu, ("up",)), (torch.relu, ("gate", "up"))])
def test_the_scales_of_gated_units_leave_no_trace(
    gate: Callable[[Tensor], Tensor], free: tuple[str, ...], normed: bool
) -> None:
    torch.manual_seed(0)
    net = network(Gated(gate, normed).double(), rows(7))
    state = dict(net.state)
    for name in free:
        scale = torch.randn(9).double().mul(2).exp()
        state[f"{name}.weight"] = state[f"{name}.weight"] * scale[:, None]
        state[f"{name}.bias"] = state[f"{name}.bias"] * scale
        state["down.weight"] = state["down.weight"] / scale
    moved = net.with_state(state)
    assert changed(net, moved) <= 1e-12
    one, other = canonical(net), canonical(moved)
    assert changed(net, other.network) <= 1e-12
    if normed:
        assert apart(one.network, other.network) <= 1e-9
    else:  # a stream that nothing normalises may be turned
        sizes = [form.network.state["up.weight"].norm(dim=1) for form in (one, other)]
        assert torch.allclose(*sizes, rtol=1e-5)
    assert {r.tensor for r in other.folded if r.part == "scales"} == {f"{name}.weight" for name in free}
    again = canonical(one.network, one.symmetry)
    assert again.folded == ()
    assert apart(one.network, again.network) <= (1e-9 if normed else 1e-4)


def test_badly_scaled_units_of_a_deep_network_are_balanced_wherever_they_started() -> None:
    torch.manual_seed(0)
    layers = [part for _ in range(12) for part in (nn.Linear(24, 24), nn.ReLU())]
    net = network(nn.Sequential(nn.Linear(7, 24), nn.ReLU(), *layers, nn.Linear(24, 3)).double(), rows(7))
    found = symmetry(net)
    rng = np.random.default_rng(0)
    scales = {name: np.diag(np.exp(2 * rng.standard_normal(group.size))) for name, group in found.groups.items()}
    moved = net.with_state(move(net.state, found, scales))
    even = balanced(moved, found)
    assert apart(balanced(net, found), even) <= 1e-9
    for group in found.groups:
        writes, reads = sides(even.state, found, group)
        assert torch.allclose(writes.square().sum(2), reads.square().sum(2), rtol=1e-8)


class DependsOnData(nn.Module):
    """A graph that no trace can tell, though units are only passed through ReLU."""

    def __init__(self) -> None:
        super().__init__()
        self.one, self.two = nn.Linear(7, 9), nn.Linear(9, 5)

    def forward(self, x: Tensor) -> Tensor:
        y = torch.relu(self.one(x))
        return self.two(y) if bool(x.sum() > 0) else self.two(2 * y)


def test_a_declared_class_is_balanced_without_a_trace() -> None:
    torch.manual_seed(0)
    net = network(DependsOnData().double(), rows(7))
    with pytest.raises(TraceError):
        canonical(net)
    form = canonical(net, declare(net, "one.weight (unit, 7)\none.bias (unit)\ntwo.weight (5, unit)\nscaled: unit\n"))
    assert form.error <= 1e-12
    assert [str(r) for r in form.folded] == ["unit: scales balanced between one.weight, one.bias, two.weight"]


def test_a_canonical_form_says_line_by_line_what_was_done_and_what_not() -> None:
    head, *lines = repr(formed("GPT-2")).splitlines()
    assert head.startswith("The same function to ")
    assert head.endswith("(relative); groups: 5 permutation, 4 general")
    assert "  h.0.ln_1.weight: gain folded into h.0.c_attn.weight" in lines
    assert "  h.0.c_attn.bias: key bias taken out, as softmax ignores it" in lines
    assert "  h.0.c_attn.bias: value bias folded into h.0.c_proj.bias" in lines
    assert lines[-2].startswith("  ln_f.weight: gain stays, as wte.weight, which reads it, is tied: aten.embedding")
