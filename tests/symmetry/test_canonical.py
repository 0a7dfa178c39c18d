"""The canonical form of every architecture: the same function, in classes that hold, and its own canonical form."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pytest
import torch
from canonical_forms import CLASSES, EVERYWHERE, apart, changed, formed, made
from zoo.transformers import TRANSFORMERS

from lmc_core.networks.checkpoint import load
from lmc_core.networks.untied import untied
from lmc_core.symmetry.canonical.canonical import canonical
from lmc_core.symmetry.move import move, random_elements


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


def test_the_form_of_a_network_is_found_once_and_anew_when_its_numbers_are_written_to_in_place() -> None:
    net = made("post-norm")[0]
    net = net.with_state({name: x.clone() for name, x in net.state.items()})
    once = canonical(net)
    assert canonical(net) is once
    net.state[next(iter(net.state))].mul_(2)
    again = canonical(net)
    assert again is not once
    assert changed(net, again.network) <= 1e-12


@pytest.mark.parametrize("name", [name for name in EVERYWHERE if name != "complex_rotary"])
def test_in_single_precision_the_function_is_kept_to_rounding(name: str) -> None:
    net, found = made(name)
    form = canonical(net.to(dtype=torch.float32), found)
    assert {x.dtype for x in form.network.state.values()} == {
        x.dtype for x in net.to(dtype=torch.float32).state.values()
    }
    assert form.error <= 1e-5
    assert changed(net.to(dtype=torch.float32), form.network) <= 1e-5


@pytest.mark.parametrize(("name", "kind"), CLASSES.items(), ids=CLASSES)
def test_streams_rise_where_all_gains_fold_and_else_a_gain_says_why_not(name: str, kind: str) -> None:
    _, found = made(name)
    stream = next(iter(found.groups))
    assert found.groups[stream].kind == "permutation"
    form = formed(name)
    assert form.symmetry.groups[stream].kind == kind
    stays = [r for r in form.refused if r.part == "gain"]
    assert bool(stays) == (kind == "permutation")
    assert all("is tied: aten.embedding" in r.why or "added to another one (aten.add)" in r.why for r in stays)


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
    without = ("no biases", "shift without bias behind", "RMSNorm, no biases", "RMSNorm, one plus", "RMSNorm, tied")
    biased = name not in without
    assert parts.count("key bias") == parts.count("value bias") == (2 if biased else 0)


def test_a_key_that_is_rotated_by_its_place_keeps_its_bias() -> None:
    before, after = (n.state["layers.0.k_proj.bias"] for n in (made("Qwen2")[0], formed("Qwen2").network))
    ratio = (after / before).unflatten(0, (2, -1))  # pairs are balanced, and nothing is taken out
    torch.testing.assert_close(ratio[0], ratio[1])
    assert bool((ratio > 0).all())


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


def test_a_canonical_form_says_line_by_line_what_was_done_and_what_not() -> None:
    head, *lines = repr(formed("GPT-2")).splitlines()
    assert head.startswith("The same function to ")
    assert head.endswith("(relative); groups: 5 permutation, 4 general")
    assert "  h.0.ln_1.weight: gain folded into h.0.c_attn.weight" in lines
    assert "  h.0.c_attn.bias: key bias taken out, as softmax ignores it" in lines
    assert "  h.0.c_attn.bias: value bias folded into h.0.c_proj.bias" in lines
    assert lines[-2].startswith("  ln_f.weight: gain stays, as wte.weight, which reads it, is tied: aten.embedding")
