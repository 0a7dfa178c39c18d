"""A symmetry written as text is the one the trace finds, and a wrong one is refused with a sentence."""

from functools import cache

import pytest
import torch
from torch import Tensor, nn
from zoo import ALL, member, untraceable

from lmc_core.errors import SettingError
from lmc_core.networks.network import network
from lmc_core.symmetry.axis import groups_in
from lmc_core.symmetry.declare import declare
from lmc_core.symmetry.infer import symmetry
from lmc_core.symmetry.symmetry import Symmetry


@cache
def traced_symmetry(name: str) -> Symmetry:
    return symmetry(member(name), verify=False)


def roles(found: Symmetry) -> dict[tuple[str, int], str]:
    """Of the axes that carry a group."""
    return {slot: role for slot, role in found.roles.items() if any(groups_in(found.axes[slot[0]][slot[1]]))}


@pytest.mark.parametrize("name", ALL)
def test_the_table_of_a_traced_symmetry_declares_the_same_symmetry(name: str) -> None:
    net, traced = member(name), traced_symmetry(name)
    declared = declare(net, traced.table())
    assert dict(declared.axes) == dict(traced.axes)
    assert dict(declared.groups) == dict(traced.groups)
    assert roles(declared) == roles(traced)
    assert declared.error is not None
    assert declared.error <= 1e-12


BY_HAND = {
    "mlp": """
        1.weight (layer.1, 48)
        1.bias   (layer.1)
        3.weight (layer.3, layer.1)
        3.bias   (layer.3)
        5.weight (5, layer.3)      # the output does not move
        scaled: layer.*
    """,
    "vgg_bn_flatten": """
        0.weight (layer.0, 3, 3, 3)
        0.bias   (layer.0)
        1.*      (layer.0)
        4.weight (layer.4, layer.0, 3, 3)
        4.bias   (layer.4)
        5.*      (layer.4)
        9.weight (layer.9, layer.4 * 4)
        9.bias   (layer.9)
        12.weight (5, layer.9)
        scaled: layer.9
    """,
    "lstm2": """
        embed.weight (11, write embed)
        rnn.weight_ih_l0 (rnn.l0 + rnn.l0 + rnn.l0 + rnn.l0, embed)
        rnn.weight_hh_l0 (rnn.l0 + rnn.l0 + rnn.l0 + rnn.l0, rnn.l0)
        rnn.bias_*_l0 (rnn.l0 + rnn.l0 + rnn.l0 + rnn.l0)
        rnn.weight_ih_l1 (rnn.l1 + rnn.l1 + rnn.l1 + rnn.l1, rnn.l0)
        rnn.weight_hh_l1 (rnn.l1 + rnn.l1 + rnn.l1 + rnn.l1, rnn.l1)
        rnn.bias_*_l1 (rnn.l1 + rnn.l1 + rnn.l1 + rnn.l1)
        fc.weight (5, rnn.l1)
        general: embed
    """,
    "gpt_tied_sdpa": """
        wte.weight (11, both wte)
        wpe.weight (7, write wte)
        blocks.*.norm1.* (wte)
        blocks.*.norm2.* (wte)
        blocks.*.qkv.weight (blocks.*.head:3·(blocks.*.qk within blocks.*.head) +
    """.rstrip(" +\n")
    + " + blocks.*.head·(blocks.*.qk* within blocks.*.head) + blocks.*.head·(blocks.*.vo within blocks.*.head), wte)"
    + """
        blocks.*.qkv.bias (blocks.*.head·(blocks.*.qk within blocks.*.head) + blocks.*.head·(blocks.*.qk* within """
    + """blocks.*.head) + blocks.*.head·(blocks.*.vo within blocks.*.head))
        blocks.*.proj.weight (wte, blocks.*.head·(blocks.*.vo:4 within blocks.*.head))
        blocks.*.proj.bias (wte)
        blocks.*.up.weight (blocks.*.up, wte)
        blocks.*.up.bias (blocks.*.up)
        blocks.*.down.weight (wte, blocks.*.up)
        blocks.*.down.bias (wte)
        norm.* (wte)
        general: blocks.*.qk, blocks.*.vo
    """,
}


@pytest.mark.parametrize("name", BY_HAND)
def test_a_symmetry_written_by_hand_equals_the_traced_one(name: str) -> None:
    net, traced = member(name), traced_symmetry(name)
    declared = declare(net, BY_HAND[name])
    assert dict(declared.axes) == dict(traced.axes)
    assert dict(declared.groups) == dict(traced.groups)
    assert roles(declared) == roles(traced)


def test_a_module_that_cannot_be_traced_can_be_declared() -> None:
    net = network(*untraceable())
    found = declare(net, "fc1.weight (hidden, 7)\nfc1.bias (hidden)\nfc2.weight (5, hidden)")
    assert {name: group.size for name, group in found.groups.items()} == {"hidden": 9}
    assert found.error is not None
    assert found.error <= 1e-12
    assert {pin.tensor for pin in found.pinned} == {"fc1.weight", "fc2.weight", "fc2.bias"}


WRONG = {
    "fc1.weight (hidden, 7)\nfc1.bias (hidden)": "does not hold: permuting hidden changes the output",
    "fc1.weight hidden, 7": "is not a line such as",
    "fc3.weight (hidden, 7)": "no tensor is called 'fc3.weight'",
    "fc1.weight (hidden)": "is declared with 1 axes",
    "fc1.weight (hidden:8, 7)": "axis 0 of 'fc1.weight' has size 9",
    "fc1.weight (hidden·, 7)": "is incomplete before ','",
    "fc1.weight (hidden, 7": "is not a line such as",
    "fc1.weight ((hidden, 7)": "lack a ')'",
    "fc1.weight (a·b, 7)": "the size of group 'a' does not follow",
    "fc1.weight (a:3·(b within c), 7)": "within 'c', which is not declared",
    "fc1.weight (a:x, 7)": "no whole number after the colon",
    "fc1.weight (a:9², 7)": "no whole number after the colon",
    "fc1.weight (a:9, 7)\nfc1.bias (a:3)": "declared in two ways",
}


@pytest.mark.parametrize(("text", "message"), WRONG.items())
def test_a_wrong_declaration_is_refused_with_a_sentence(text: str, message: str) -> None:
    with pytest.raises(SettingError, match=message.replace("(", r"\(").replace(")", r"\)")):
        declare(network(*untraceable()), text)


def test_sizes_that_do_not_follow_can_be_written_once() -> None:
    class Heads(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.enter, self.leave = nn.Linear(5, 12), nn.Linear(12, 3)

        def forward(self, x: Tensor) -> Tensor:
            return self.leave(self.enter(x).view(-1, 3, 4).softmax(-1).flatten(1))

    net = network(Heads(), torch.randn(2, 5))
    inner = "(unit within head)"
    found = declare(net, f"enter.weight (head:3·{inner}, 5)\nenter.bias (head·{inner})\nleave.weight (3, head·{inner})")
    assert {name: group.size for name, group in found.groups.items()} == {"head": 3, "unit": 4}
