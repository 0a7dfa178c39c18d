"""What folds into what, and a reason for all that stays."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from canonical_forms import form_of
from torch import Tensor, nn
from zoo.making import rows

from lmc_core.networks.network import network
from lmc_core.symmetry.canonical import canonical as steps
from lmc_core.symmetry.canonical.canonical import canonical
from lmc_core.symmetry.canonical.record import Folded


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


def test_a_norm_in_two_places_keeps_its_gain() -> None:
    assert [str(r) for r in form_of(Shared()).refused if r.part == "gain"] == [
        "norm.weight: gain stays, as norm.weight is used more than once"
    ] * 2


def test_a_gain_that_other_operations_see_stays() -> None:
    for behind, why in ((nn.GELU, "aten.gelu"), (nn.Identity, "the network's output")):
        assert [str(r) for r in form_of(normed(behind)).refused if r.part == "gain"] == [
            f"1.weight: gain stays, as its value is read by {why}, which is no contraction with weights"
        ]


class Gained(nn.Module):
    """A norm whose gain is what a function makes of a vector."""

    def __init__(self, gain: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.enter, self.leave, self.gain = nn.Linear(7, 6), nn.Linear(6, 3), nn.Parameter(torch.randn(6))
        self.of = gain

    def forward(self, x: Tensor) -> Tensor:
        return self.leave(F.rms_norm(self.enter(x), (6,)) * self.of(self.gain))


def test_a_gain_that_is_computed_says_so() -> None:
    form = form_of(Gained(torch.exp))
    assert next(iter(form.symmetry.groups.values())).kind == "permutation"
    assert [(r.part, r.tensor) for r in form.refused] == [("gain", "gain")]
    assert "what aten.exp makes of it" in form.refused[0].why


@pytest.mark.parametrize("gain", [lambda g: 1 + g, lambda g: g + 1.0, lambda g: g + 0.5], ids=["1+g", "g+1", "g+½"])
def test_a_gain_written_as_a_number_plus_a_vector_folds_and_leaves_a_stream_that_rotates(gain: object) -> None:
    form = form_of(Gained(gain))  # type: ignore[arg-type]
    assert [str(r) for r in form.folded] == ["gain: gain folded into leave.weight"]
    assert form.refused == ()
    assert {x.item() for x in (form.network.state["gain"] + gain(torch.zeros(()))).double()} == {1.0}  # type: ignore[operator]
    assert [group.kind for group in form.symmetry.groups.values()] == ["orthogonal"]
    assert form.symmetry.held == {"gain"}


def test_one_plus_a_vector_that_more_than_a_product_reads_only_moves_by_what_leaves_the_one() -> None:
    class Twice(Gained):
        def forward(self, x: Tensor) -> Tensor:
            gain = 1 + self.gain
            return self.leave(F.rms_norm(self.enter(x), (6,)) * gain + gain)

    form = form_of(Twice(torch.exp))
    assert next(iter(form.symmetry.groups.values())).kind == "permutation"
    assert [r.part for r in form.refused] == ["gain"]


def test_a_layer_norm_may_be_given_one_plus_a_vector() -> None:
    class Given(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.enter, self.leave = nn.Linear(7, 6), nn.Linear(6, 3)
            self.gain, self.shift = nn.Parameter(torch.randn(6)), nn.Parameter(torch.randn(6))

        def forward(self, x: Tensor) -> Tensor:
            return self.leave(F.layer_norm(self.enter(x), (6,), 1 + self.gain, self.shift))

    form = form_of(Given())
    assert {(r.part, r.tensor) for r in form.folded} >= {("gain", "gain"), ("shift", "shift")}
    assert not form.network.state["gain"].any()


def group_normed(behind: nn.Module) -> nn.Module:
    """A GroupNorm of four channels in two groups, and what reads it."""
    return nn.Sequential(nn.Conv2d(2, 4, 1), nn.GroupNorm(2, 4), behind, nn.Flatten(), nn.LazyLinear(3))


def test_the_gain_of_a_group_norm_folds_into_convolutions_that_read_it() -> None:
    module = group_normed(nn.Conv2d(4, 5, 1))
    module(torch.zeros(1, 2, 3, 3))
    form = form_of(module, 2, 3, 3)
    assert [str(r) for r in form.folded if r.tensor.startswith("1.")] == [
        "1.bias: shift folded into 2.bias",
        "1.weight: gain folded into 2.weight",
    ]


def test_the_gain_of_a_group_norm_before_other_operations_stays_with_its_reason() -> None:
    module = group_normed(nn.SiLU())
    module(torch.zeros(1, 2, 3, 3))
    form = form_of(module, 2, 3, 3)
    assert [str(r) for r in form.refused] == [
        "1.weight: gain stays, as its value is read by aten.silu, which is no contraction with weights"
    ]


def test_the_gain_behind_a_skip_stays_as_no_weights_stand_before_the_next_norm() -> None:
    class PostNorm(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.enter, self.up, self.down, self.leave = (nn.Linear(n, m) for n, m in ((7, 6), (6, 9), (9, 6), (6, 3)))
            self.first, self.last = nn.LayerNorm(6), nn.LayerNorm(6)

        def forward(self, x: Tensor) -> Tensor:
            x = self.first(self.enter(x))
            return self.leave(self.last(x + self.down(self.up(x).relu())))

    form = form_of(PostNorm())
    assert [(r.tensor, r.part) for r in form.folded if "last" in r.tensor] == [
        ("last.bias", "shift"),
        ("last.weight", "gain"),
    ]
    assert [str(r) for r in form.refused] == [
        "first.weight: gain stays, as its value is added to another one (aten.add), with no weights in between that it "
        "could be folded into"
    ]
    assert form.symmetry.groups["enter"].kind == "permutation"


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
