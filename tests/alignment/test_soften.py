"""Soft permutations: doubly stochastic, differentiable, and permutations where they are sharp."""

import numpy as np
import pytest
import torch
from planted import difference
from zoo import symmetric

from lmc_core.alignment.blocks import blocks
from lmc_core.alignment.soften import ImplicitSinkhorn, near_identity, projected, sinkhorn_operator, softly
from lmc_core.symmetry.permute import permute, random_permutations


def test_the_sinkhorn_operator_is_doubly_stochastic_and_sharpens_to_a_permutation():
    rng = torch.Generator().manual_seed(0)
    logits = torch.randn(3, 7, 7, generator=rng, dtype=torch.float64)
    soft = sinkhorn_operator(logits, 200)
    for axis in (-1, -2):
        assert torch.allclose(soft.sum(axis), torch.ones(3, 7, dtype=torch.float64), atol=1e-6)
    sharp = sinkhorn_operator(500 * logits, 2000)
    assert float((sharp.max(-1).values).min()) > 0.99


def test_the_gradient_through_the_sinkhorn_operator_and_the_state_is_that_of_finite_differences():
    net, found = symmetric("glu")
    free = near_identity(blocks(found), np.random.default_rng(0), net.device)
    (name,) = free

    def loss(x):
        moved = softly(net.state, found, {name: sinkhorn_operator(x, 20)})
        return sum(((moved[n] - y) ** 2).sum() for n, y in net.state.items())

    assert torch.autograd.gradcheck(loss, (free[name].requires_grad_(),))


@pytest.mark.parametrize("shape", [(9, 9), (2, 2, 6, 6)])
def test_the_implicit_gradient_is_the_unrolled_one_where_the_iterations_have_converged(shape):
    generator = torch.Generator().manual_seed(0)
    logits, weight = (torch.randn(shape, generator=generator, dtype=torch.float64) for _ in range(2))
    found = []
    for operator in (sinkhorn_operator, ImplicitSinkhorn.apply):
        leaf = logits.clone().requires_grad_()
        plan = operator(leaf, 300)
        (weight * plan + plan**2).sum().backward()
        found.append((plan.detach(), leaf.grad))
    for implicit, unrolled in zip(*found, strict=True):
        assert torch.allclose(implicit, unrolled, atol=1e-7)
    assert float(found[0][1].abs().max()) > 0.01


def test_plans_that_are_all_but_hard_have_a_finite_gradient():
    logits = (200 * torch.eye(6)).requires_grad_()
    plan = ImplicitSinkhorn.apply(logits, 20)
    (plan * torch.randn(6, 6)).sum().backward()
    assert torch.isfinite(plan).all()
    assert torch.isfinite(logits.grad).all()


@pytest.mark.parametrize("name", ["mlp", "gpt_tied_sdpa", "lstm2"])
def test_carrying_by_permutation_matrices_is_permuting_and_projecting_gives_them_back(name):
    net, found = symmetric(name)
    perms = random_permutations(found, np.random.default_rng(1))
    plans = {}
    for block in blocks(found):
        n = block.outer.size
        plans[block.name] = torch.eye(n, dtype=torch.float64)[torch.as_tensor(perms[block.name])]
        for group in block.inner:
            inside = torch.eye(group.size, dtype=torch.float64)[torch.as_tensor(perms[group.name])]
            plans[group.name] = inside[:, None].repeat(1, n, 1, 1)
    assert difference(softly(net.state, found, plans), permute(net.state, found, perms)) < 1e-12
    back = projected(blocks(found), found, plans)
    assert all((back[g] == perm).all() for g, perm in perms.items())
