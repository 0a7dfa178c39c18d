"""Symmetry inference on every architecture of the zoo: what it finds, that it is right, and that nothing is missed."""

import time
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch
from zoo import ALL, member, symmetric, untraceable

from lmc_core.errors import TraceError
from lmc_core.graph.export import TooSlow
from lmc_core.graph.trace import trace
from lmc_core.networks.network import Network, network
from lmc_core.networks.outputs import relative_error
from lmc_core.symmetry import infer
from lmc_core.symmetry._solver.freeze import expanded, freeze, written
from lmc_core.symmetry._solver.terms import leaves
from lmc_core.symmetry.axis import Fixed, Group, groups_in
from lmc_core.symmetry.evidence import ordered
from lmc_core.symmetry.infer import symmetry, verified
from lmc_core.symmetry.permute import permute, random_permutations
from lmc_core.symmetry.symmetry import Symmetry
from lmc_core.symmetry.verify import random_inputs, verify
from lmc_core.symmetry.walk import read

GOLDEN = Path(__file__).parent / "golden"
COUNTS = {
    "mlp": 2,
    "vgg_bn_flatten": 3,
    "resnet_bn": 9,
    "resnet_groupnorm": 18,
    "densenet_cat": 3,
    "depthwise_grouped": 4,
    "unet_cat_skip": 4,
    "glu": 1,
    "lstm2": 3,
    "bilstm2": 5,
    "gru2": 3,
    "hand_lstm": 1,
    "gpt_tied_sdpa": 9,
    "gpt_untied_manual": 9,
    "gpt_fused5d": 9,
    "vit_nn_encoder": 9,
    "llama_gqa_rope": 6,
    "mixer": 3,
}


@cache
def inferred(name: str) -> Symmetry:
    return symmetry(member(name))


def described(found: Symmetry) -> str:
    """Everything a user reads about a symmetry, as text."""
    pins = [f"{p.tensor} axis {p.axis}, {p.size}: {p.why}" for p in found.pinned]
    return "\n".join(
        [
            f"groups: {', '.join(found.groups)}",
            "",
            found.table(),
            "",
            *[f"pinned {pin}" for pin in pins],
            *[f"unknown {op}" for op in found.unknown_ops],
            *[f"unused {name}" for name in found.unused],
            "",
        ]
    )


def outputs(net: Network, inputs: tuple[torch.Tensor, ...]) -> list[torch.Tensor]:
    result = net(*inputs)
    return list(result) if isinstance(result, tuple) else [result]


@pytest.mark.parametrize("name", ALL)
def test_the_axes_are_those_on_record(name: str) -> None:
    assert described(inferred(name)) == (GOLDEN / f"{name}.txt").read_text()


@pytest.mark.parametrize(("name", "count"), COUNTS.items())
def test_the_reference_architectures_have_as_many_groups_as_they_should(name: str, count: int) -> None:
    assert len(inferred(name).groups) == count


@pytest.mark.parametrize("name", ALL)
def test_permuting_groups_alone_and_together_moves_parameters_and_keeps_the_function(name: str) -> None:
    report = verify(member(name), inferred(name), draws=5)
    assert report.moved
    assert report.groups.keys() == ordered(inferred(name)).groups.keys()
    assert max([report.error, *report.groups.values()]) <= 1e-12


@pytest.mark.parametrize("name", ALL)
def test_no_pinned_axis_could_have_moved(name: str) -> None:
    """Each pinned variable shifted by one, and its first two positions swapped: both must change the output.

    A variable whose two moves change some parameter and yet leave the output alone is a missed symmetry.
    """
    net = member(name)
    reading = read(trace(net, 2), {n: tuple(x.shape) for n, x in net.state.items()})
    freeze(reading)
    inputs = random_inputs(net, np.random.default_rng(1))
    before = outputs(net, inputs)
    pinned = {v for ts in reading.tensors.values() for t in ts for v in leaves(expanded(t)) if v.why and v.size > 1}
    for var in pinned:
        axes = {
            tensor: tuple(written(expanded(term), {var: Group("probe", var.size)}) for term in terms)
            for tensor, terms in reading.tensors.items()
        }
        probe = Symmetry({"probe": Group("probe", var.size)}, axes, {})
        free = []
        for perm in (np.roll(np.arange(var.size), 1), np.r_[1, 0, 2 : var.size]):
            state = permute(net.state, probe, {"probe": perm})
            moved = any(not torch.equal(state[n], net.state[n]) for n in state)
            error = relative_error(before, outputs(net.with_state(state), inputs))
            free.append(moved and error < 1e-9)
        seats = [f"{tensor} {i}" for tensor, some in axes.items() for i, a in enumerate(some) if any(groups_in(a))]
        assert not all(free), f"{seats} pinned because {var.why}"


@pytest.mark.parametrize("name", ALL)
def test_the_symmetry_does_not_depend_on_the_batch_size(name: str) -> None:
    tables = [symmetry(member(name), verify=False, batch=batch).table() for batch in (2, 1, 5)]
    assert tables[0] == tables[1] == tables[2]


@pytest.mark.parametrize("name", ALL)
def test_values_are_labelled_with_the_groups_they_carry(name: str) -> None:
    """Permute one group: every labelled activation is the old one, re-ordered along exactly the labelled axes."""
    net, found = member(name), inferred(name)
    run = trace(net, 2)
    rng = np.random.default_rng(2)
    inputs = random_inputs(net, rng)
    names = [n for n, axes in found.values.items() if len(axes) and n not in run.constants]
    _, before = run.run(net.state, inputs, watch=names)
    flat = {n: g for n, g in found.groups.items() if g.within is None and not found.children(n)}
    for group in flat:
        perms = random_permutations(found, rng, (group,))
        _, after = run.run(permute(net.state, found, perms), inputs, watch=names)
        shown = {n: x for n, x in before.items() if isinstance(x, torch.Tensor) and x.dtype.is_floating_point}
        axes = Symmetry(found.groups, {n: found.values[n] for n in shown}, {})
        for value, expected in permute(shown, axes, perms).items():
            assert torch.allclose(expected, after[value], rtol=1e-9, atol=1e-12), (group, value)


@pytest.mark.parametrize("name", ALL)
def test_every_group_is_written_somewhere_and_its_reads_carry_it(name: str) -> None:
    found = inferred(name)
    for group in found.groups:
        roles = {found.roles[slot] for slot in found.slots(group)}
        assert roles & {"write", "both"}
        for value, axis in found.reads[group]:
            assert group in {g.name for g in groups_in(found.values[value][axis])}


def test_contractions_tell_what_each_weight_reads_and_makes() -> None:
    found = inferred("vgg_bn_flatten")
    told = [(c.weight, c.bias, c.kind, c.read, c.write) for c in found.contractions]
    assert told == [
        ("0.weight", "0.bias", "conv", 1, 0),
        ("4.weight", "4.bias", "conv", 1, 0),
        ("9.weight", "9.bias", "linear", 1, 0),
        ("12.weight", "12.bias", "linear", 1, 0),
    ]
    assert found.reads["layer.4"] == ((found.contractions[2].input, 1),)


def test_a_recurrent_layer_reads_its_own_hidden_sequence() -> None:
    found = inferred("bilstm2")
    hidden = [c for c in found.contractions if c.kind == "recurrent-hidden"]
    assert [c.weight for c in hidden] == [f"rnn.weight_hh_l{k}{d}" for k in (0, 1) for d in ("", "_reverse")]
    assert all(c.input == c.output for c in hidden)
    assert str(found.values[hidden[0].input][2]) == "rnn.l0"


def test_a_contraction_reproduces_its_pre_activation() -> None:
    """The recorded input, weight and bias give the recorded output."""
    net, found = member("mlp"), inferred("mlp")
    names = [n for c in found.contractions for n in (c.input, c.output)]
    _, seen = trace(net, 2).run(net.state, net.example_inputs, watch=names)
    for c in found.contractions:
        assert c.bias is not None
        made = seen[c.input] @ net.state[c.weight].T + net.state[c.bias]
        assert torch.allclose(made, seen[c.output])


def test_the_mask_of_attention_moves_with_the_heads_and_not_in_time() -> None:
    axes = inferred("masked_attention").axes["bias"]
    assert [str(axis) for axis in axes] == ["1", "head", "4", "4"]


def test_contracting_the_outer_axis_leaves_one_shared_inner_group() -> None:
    found = inferred("mixed_heads")
    assert all(group.within is None for group in found.groups.values())
    assert sorted(g.size for g in found.groups.values()) == [2, 3, 4]


def test_a_stream_normalised_in_groups_twice_keeps_its_groups() -> None:
    assert {str(g): g.size for g in inferred("preact_groupnorm").groups.values()} == {
        "stem.group": 4,
        "(stem.channel within stem.group)": 2,
    }


def test_unused_parameters_are_reported_and_not_groups() -> None:
    found = inferred("unused_layer")
    assert found.unused == ("spare.weight", "spare.bias")
    assert found.axes["spare.weight"] == (Fixed(9), Fixed(9))


def test_positions_the_trace_never_reads_do_not_move() -> None:
    found = inferred("long_positions")
    assert [str(axis) for axis in found.axes["pos"]] == ["1", "16", "embed"]
    assert any("no operation reads these positions" in pin.why for pin in found.pinned)


def test_a_running_sum_pins_its_own_axis_only_and_says_so() -> None:
    found = inferred("running_sum")
    assert list(found.groups) == ["fc2"]
    assert any(pin.tensor == "fc1.weight" and "cumsum" in pin.why for pin in found.pinned)


def test_a_choice_that_depends_on_the_data_ends_in_a_sentence_that_names_the_way_out() -> None:
    with pytest.raises(TraceError, match=r"cannot trace this module .*declare"):
        symmetry(network(*untraceable()))


def test_a_group_that_does_not_hold_is_dropped_and_reported() -> None:
    """A symmetry with a false group added: only that one goes."""
    net, found = member("mlp"), inferred("mlp")
    axes = {**found.axes, "5.weight": (Group("false", 5), found.axes["5.weight"][1])}
    claimed = Symmetry({**found.groups, "false": Group("false", 5)}, axes, found.roles)
    kept = verified(net, claimed)
    assert list(kept.groups) == list(found.groups)
    assert kept.axes["5.weight"] == found.axes["5.weight"]
    assert any(pin.tensor == "5.weight" and "changed the output" in pin.why for pin in kept.pinned)
    assert kept.error is not None
    assert kept.error <= 1e-12


def test_groups_that_hold_alone_and_not_together_are_reduced_to_some_that_do() -> None:
    """Two groups that must move together, declared as two: neither is wrong in every draw, both together are."""
    net, found = member("lstm2"), inferred("lstm2")
    claimed = Symmetry(
        {**found.groups, "other": Group("other", 8)},
        {**found.axes, "fc.weight": (found.axes["fc.weight"][0], Group("other", 8))},
        found.roles,
    )
    kept = verified(net, claimed)
    assert "other" not in kept.groups
    assert "rnn.l1" not in kept.groups
    assert {"embed", "rnn.l0"} <= set(kept.groups)


def test_a_symmetry_can_be_verified_again_on_another_state() -> None:
    net, found = member("gpt_fused5d"), inferred("gpt_fused5d")
    other = net.with_state({name: torch.randn_like(x) for name, x in net.state.items()})
    assert found.verify(other) <= 1e-12


def test_rounding_in_float32_is_not_mistaken_for_a_broken_group() -> None:
    net = member("resnet_bn").to(dtype=torch.float32)
    found = symmetry(net)
    assert list(found.groups) == list(inferred("resnet_bn").groups)
    assert found.error is not None
    assert 0 < found.error < 1e-4


if __name__ == "__main__":  # write the record anew, after looking at what changed
    GOLDEN.mkdir(exist_ok=True)
    for each in ALL:
        (GOLDEN / f"{each}.txt").write_text(described(inferred(each)))


def test_inferring_has_a_limit_of_time_with_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    taken, _ = symmetric("mlp")
    monkeypatch.setattr(infer, "read", lambda *_: time.sleep(0.5))
    with pytest.raises(TooSlow, match="operations took longer than"):
        infer.symmetry(taken, verify=False, seconds=0.05)
