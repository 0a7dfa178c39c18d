"""What one layer contributes to an objective."""

import pytest
import torch

from lmc_core.alignment.moments import Moment, pooled
from lmc_core.alignment.terms import inner, weighed
from lmc_core.symmetry.symmetry import Contraction

CONTRACTION = Contraction("w", "b", "linear", "x", "y", read=1, write=0)


@pytest.fixture
def layers():
    """Two layers (5 units, 4 inputs) and 50 input vectors with their exact moments."""
    generator = torch.Generator().manual_seed(0)

    def draw(*shape):
        return torch.randn(*shape, generator=generator, dtype=torch.float64)

    phi = draw(50, 4) + 1
    a, b = ({"w": draw(5, 4), "b": draw(5)} for _ in range(2))
    return a, b, phi, Moment(phi.T @ phi / 50, phi.mean(0), 50)


def test_weighted_weights_give_the_mean_agreement_of_pre_activations(layers):
    a, b, phi, moment = layers
    target = weighed(CONTRACTION, moment, a, bias=False)
    assert set(target) == {"w"}
    expected = ((phi @ a["w"].T) * (phi @ b["w"].T)).sum(1).mean()
    assert inner(target["w"], b["w"]) == pytest.approx(float(expected))


def test_with_the_bias_they_give_the_agreement_of_whole_pre_activations(layers):
    a, b, phi, moment = layers
    target = weighed(CONTRACTION, moment, a, bias=True)
    expected = ((phi @ a["w"].T + a["b"]) * (phi @ b["w"].T + b["b"])).sum(1).mean()
    assert sum(inner(target[name], b[name]) for name in target) == pytest.approx(float(expected))


def test_the_largest_weighted_agreement_is_the_smallest_weighted_distance(layers):
    """max W^A Σ W^Bᵀ and min ‖W^A_j − W^B_k‖²_Σ are one assignment."""
    from lmc_core.alignment.solve import assignment

    a, b, phi, moment = layers
    agreement = weighed(CONTRACTION, moment, a, bias=False)["w"] @ b["w"].T
    responses = [phi @ layer["w"].T for layer in (a, b)]
    distance = torch.cdist(responses[0].T, responses[1].T) ** 2
    assert (assignment(agreement.numpy()) == assignment(-distance.numpy())).all()


def test_a_diagonal_moment_weighs_like_the_diagonal_matrix(layers):
    a, _, _, moment = layers
    diagonal = Moment(moment.second.diagonal(), moment.mean, 50)
    full = Moment(torch.diag(moment.second.diagonal()), moment.mean, 50)
    assert torch.equal(diagonal.weigh(a["w"]), full.weigh(a["w"]))
    assert diagonal.diagonal
    assert not full.diagonal


def test_the_isotropic_moment_keeps_the_power_and_knows_no_order(layers):
    *_, moment = layers
    white = moment.isotropic()
    assert float(white.second.sum()) == pytest.approx(float(moment.second.trace()))
    assert len(set(white.second.tolist())) == 1
    assert not white.mean.any()


def test_pooled_moments_are_those_of_all_vectors_together(layers):
    _, _, phi, moment = layers
    parts = [Moment(p.T @ p / len(p), p.mean(0), len(p)) for p in (phi[:20], phi[20:])]
    together = pooled(parts)
    assert torch.allclose(together.second, moment.second)
    assert torch.allclose(together.mean, moment.mean)
    assert together.count == 50


def test_inner_products_of_single_precision_are_summed_in_double():
    x = torch.full((3_000_000,), 0.1, dtype=torch.float32)
    assert inner(x, x) == pytest.approx(3_000_000 * float(x[0]) ** 2, rel=1e-10)
