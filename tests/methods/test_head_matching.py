"""Attention heads matched by their circuits: which groups they are, what is compared, and planted orders."""

import numpy as np
import pytest
import torch
from planted import Planted, difference, planted
from zoo import symmetric

from lmc_core.alignment.blocks import blocks
from lmc_core.alignment.heads import attention_groups, head_cost, streams
from lmc_core.alignment.objective import Objective
from lmc_core.alignment.terms import weight_terms
from lmc_core.errors import InputError
from lmc_core.methods.align import align
from lmc_core.symmetry.permute import identity, invert, permute, random_permutations

TRANSFORMERS = ["gpt_tied_sdpa", "gpt_untied_manual", "gpt_fused5d", "vit_nn_encoder", "llama_gqa_rope"]


@pytest.mark.parametrize("name", TRANSFORMERS)
@pytest.mark.parametrize("noise", [0.0, 0.5])
def test_planted_orders_of_transformers_are_found(name, noise):
    net, found = symmetric(name)
    problem = planted(net, found, seed=1, noise=noise)
    alignment = align(net, problem.moved, "head-matching", symmetry=found)
    for group, perm in problem.perms.items():
        assert (alignment.couplings[group].perm == perm).all(), group
    assert alignment.function_error < 1e-12


@pytest.mark.parametrize("name", TRANSFORMERS)
def test_never_worse_than_naive_and_the_same_for_the_same_seed(name):
    net, found = symmetric(name)
    torch.manual_seed(7)
    other = net.with_state({k: torch.rand_like(x) + 0.1 if x.is_floating_point() else x for k, x in net.state.items()})
    first, second = (align(net, other, "head-matching", symmetry=found, seed=2) for _ in range(2))
    assert list(first.history) == sorted(first.history)
    assert first.history == second.history


@pytest.mark.parametrize("name", ["mlp", "resnet_groupnorm", "lstm2", "mixer"])
def test_networks_without_heads_are_told_so(name):
    net, found = symmetric(name)
    with pytest.raises(InputError, match="no attention heads"):
        align(net, net, "head-matching", symmetry=found)


def test_heads_and_streams_are_told_by_what_the_graph_does():
    net, found = symmetric("gpt_untied_manual")
    heads = attention_groups(net, found)
    assert len(heads) == 2
    assert all(found.children(name) for name in heads)
    (stream,) = streams(net, found)
    assert stream not in heads
    resnet, groups = symmetric("resnet_bn")
    assert len(streams(resnet, groups)) == 3
    assert attention_groups(resnet, groups) == frozenset()


def with_stream_held(name):
    """B is A with every group but the stream re-ordered."""
    net, found = symmetric(name)
    rng = np.random.default_rng(3)
    held = streams(net, found)
    forth = {g: p for g, p in random_permutations(found, rng).items() if g not in held}
    forth = {**identity(found), **forth}
    return Planted(net, net.with_state(permute(net.state, found, forth)), found, invert(forth, found)), held


@pytest.mark.parametrize("name", TRANSFORMERS)
def test_the_residual_stream_stays_where_it_is_when_told_to(name):
    problem, held = with_stream_held(name)
    assert held
    alignment = align(problem.reference, problem.moved, "head-matching", symmetry=problem.symmetry, residual="identity")
    assert all(alignment.couplings[group].is_identity for group in held)
    assert difference(alignment.transport(problem.moved).state, problem.reference.state) == 0


def test_the_cost_of_heads_is_the_product_of_their_circuits():
    """QK = [W_Q b_Q]ᵀ [W_K b_K] and OV = W_O [W_V b_V], written out for one layer of nn.TransformerEncoder."""
    net, found = symmetric("vit_nn_encoder")
    torch.manual_seed(3)
    other = net.with_state({k: torch.randn_like(x) if x.is_floating_point() else x for k, x in net.state.items()})
    objective = Objective(other, found, weight_terms(net, found))
    block = next(b for b in blocks(found) if b.name in attention_groups(net, found))
    prefix = next(n for n in net.state if n.endswith("in_proj_weight")).removesuffix("in_proj_weight")
    heads = block.outer.size

    def circuits(state):
        weight, bias = state[f"{prefix}in_proj_weight"], state[f"{prefix}in_proj_bias"]
        d = weight.shape[1]
        q, k, v = torch.cat([weight, bias[:, None]], 1).reshape(3, heads, d // heads, d + 1)
        out = state[f"{prefix}out_proj.weight"].reshape(d, heads, d // heads).movedim(1, 0)
        return q.transpose(1, 2) @ k, out @ v

    (qk, ov), (qk_b, ov_b) = circuits(net.state), circuits(other.state)
    wanted = torch.einsum("iab,jab->ij", qk, qk_b) + torch.einsum("iab,jab->ij", ov, ov_b)
    assert np.allclose(head_cost(objective, block, identity(found)), wanted.numpy())


@pytest.mark.parametrize("name", TRANSFORMERS)
def test_the_cost_of_heads_does_not_depend_on_the_order_inside_them(name):
    net, found = symmetric(name)
    torch.manual_seed(3)
    other = net.with_state({k: torch.randn_like(x) if x.is_floating_point() else x for k, x in net.state.items()})
    for block in blocks(found):
        if block.name not in attention_groups(net, found):
            continue
        inside = random_permutations(found, np.random.default_rng(1), tuple(g.name for g in block.inner))
        shuffled = other.with_state(permute(other.state, found, inside))
        first, second = (
            head_cost(Objective(b, found, weight_terms(net, found)), block, identity(found)) for b in (other, shuffled)
        )
        assert np.abs(first).max() > 0.1
        assert np.allclose(first, second)
