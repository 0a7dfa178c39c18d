"""Streamed second moments against everything materialised at once."""

import numpy as np
import pytest
import torch
from torch import nn

from lmc_core.alignment.moments import CrossMoment, cross_moments, input_moments, partner_correlations
from lmc_core.alignment.positions import choose, matrix, positions, unmatrix, vector_dims
from lmc_core.networks.network import network
from lmc_core.symmetry.infer import symmetry
from lmc_core.symmetry.symmetry import Contraction


def vectors(value, contraction, weight):
    places = positions(value, contraction, weight)
    return choose(places, vector_dims(contraction, weight), 10**9, np.random.default_rng(0))


CONVOLUTIONS = [
    (nn.Conv1d, {"kernel_size": 3, "padding": 1}),
    (nn.Conv2d, {"kernel_size": 3, "stride": 2, "padding": (1, 0), "dilation": (1, 2)}),
    (nn.Conv2d, {"kernel_size": (4, 3), "padding": "same"}),
    (nn.Conv2d, {"kernel_size": 2, "padding": "valid"}),
    (nn.Conv3d, {"kernel_size": 2, "stride": (1, 2, 1)}),
]
TRANSPOSED = [
    (nn.ConvTranspose1d, {"kernel_size": 3, "stride": 2}),
    (nn.ConvTranspose2d, {"kernel_size": (3, 2), "stride": 2, "padding": 1, "output_padding": 1}),
    (nn.ConvTranspose2d, {"kernel_size": 3, "stride": (1, 3), "padding": (2, 0), "dilation": (2, 1)}),
]


@pytest.mark.parametrize(("layer", "options"), CONVOLUTIONS + TRANSPOSED)
@pytest.mark.filterwarnings("ignore:Using padding='same'")
def test_a_convolution_is_its_matrix_times_the_patches(layer, options):
    torch.manual_seed(0)
    conv = layer(3, 5, bias=False, **options).double()
    transposed = "Transpose" in layer.__name__
    x = torch.randn(2, 3, *[9, 8, 7][: conv.weight.ndim - 2], dtype=torch.float64)
    kind, read, write = ("conv-transpose", 0, 1) if transposed else ("conv", 1, 0)
    contraction = Contraction("w", None, kind, "x", "y", read, write, options)
    weight = conv.weight.detach()
    made = matrix(weight, contraction) @ vectors(x, contraction, weight).T
    expected = conv(x).detach().transpose(0, 1).flatten(1)
    ours, theirs = (y.sort(1).values for y in (made, expected))  # the order of the places does not matter
    assert ours.shape == theirs.shape
    assert torch.allclose(ours, theirs, atol=1e-10)
    assert torch.equal(unmatrix(matrix(weight, contraction), weight, contraction), weight)


def test_the_patches_of_a_grouped_convolution_are_pooled():
    x = torch.randn(2, 6, 5, 5, dtype=torch.float64)
    weight = torch.zeros(9, 2, 3, 3)
    whole = Contraction("w", None, "conv", "x", "y", 1, 0, {"groups": 3})
    parts = [
        vectors(part, Contraction("w", None, "conv", "x", "y", 1, 0), torch.zeros(3, 2, 3, 3)) for part in x.chunk(3, 1)
    ]
    pooled, separate = vectors(x, whole, weight), torch.cat(parts)
    assert torch.allclose(pooled.T @ pooled, separate.T @ separate)


def test_drawn_vectors_are_rows_of_all_vectors_without_repeats():
    places = torch.arange(24.0).reshape(2, 3, 4)
    drawn = choose(places, 1, 4, np.random.default_rng(0))
    everything = places.reshape(6, 4).tolist()
    assert drawn.shape == (4, 4)
    assert all(row in everything for row in drawn.tolist())
    assert len({tuple(row) for row in drawn.tolist()}) == 4


class Tokens(nn.Module):
    def __init__(self, kind):
        super().__init__()
        self.embed = nn.Embedding(7, 5)
        self.cell = {"lstm": nn.LSTM, "gru": nn.GRU}[kind](5, 6, num_layers=2, batch_first=True, bidirectional=True)
        self.head = nn.Linear(12, 3)

    def forward(self, x):
        return self.head(self.cell(self.embed(x))[0][:, -1])


@pytest.mark.parametrize("kind", ["lstm", "gru"])
def test_recurrent_moments_are_those_of_the_states_one_step_earlier(kind):
    torch.manual_seed(0)
    module = Tokens(kind).double()
    x = np.random.default_rng(0).integers(0, 7, size=(12, 4))
    net = network(module, torch.as_tensor(x[:2]))
    found = symmetry(net)
    moments = dict(zip([c.weight for c in found.contractions], input_moments(net, found, x, batch=4), strict=True))
    with torch.no_grad():
        embedded = module.embed(torch.as_tensor(x))
        first = type(module.cell)(5, 6, batch_first=True, bidirectional=True).double()
        first.load_state_dict({k: v for k, v in module.cell.state_dict().items() if "_l0" in k})
        layer, both = first(embedded)[0], module.cell(embedded)[0]
    zero = torch.zeros(12, 1, 6, dtype=torch.float64)
    forward = torch.cat([zero, layer[:, :-1, :6]], 1).reshape(-1, 6)
    backward = torch.cat([layer[:, 1:, 6:], zero], 1).reshape(-1, 6)
    counts = torch.bincount(torch.as_tensor(x).flatten(), minlength=7) / x.size
    for name, rows in {
        "cell.weight_ih_l0": embedded.reshape(-1, 5),
        "cell.weight_hh_l0": forward,
        "cell.weight_hh_l0_reverse": backward,
        "cell.weight_ih_l1": layer.reshape(-1, 12),
        "head.weight": both[:, -1],
    }.items():
        assert torch.allclose(moments[name].second, rows.T @ rows / len(rows), atol=1e-12), name
        assert torch.allclose(moments[name].mean, rows.mean(0), atol=1e-12), name
        assert moments[name].count == len(rows), name
    assert moments["embed.weight"].diagonal
    assert torch.allclose(moments["embed.weight"].second, counts.double())


class Small(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(2, 4, 3, padding=1)
        self.fc = nn.Linear(4 * 9, 6)
        self.out = nn.Linear(6, 3)

    def forward(self, x):
        return self.out(torch.relu(self.fc(torch.relu(self.conv(x)).flatten(1))))


@pytest.fixture(scope="module")
def small():
    torch.manual_seed(1)
    x = np.random.default_rng(1).normal(size=(12, 2, 3, 3))
    nets = [network(Small().double(), torch.as_tensor(x[:2])) for _ in range(2)]
    return nets, symmetry(nets[0]), x


def test_input_moments_of_a_convolution_and_linear_layers_are_those_of_all_data_at_once(small):
    (net, _), found, x = small
    moments = dict(zip([c.weight for c in found.contractions], input_moments(net, found, x, batch=5), strict=True))
    module, seen = net.module, torch.as_tensor(x[:10])  # two full batches of five
    with torch.no_grad():
        conv = torch.relu(module.conv(seen)).flatten(1)
        rows = {
            "conv.weight": nn.functional.unfold(seen, 3, padding=1).transpose(1, 2).reshape(-1, 18),
            "fc.weight": conv,
            "out.weight": torch.relu(module.fc(conv)),
        }
    for name, vectors_ in rows.items():
        assert torch.allclose(moments[name].second, vectors_.T @ vectors_ / len(vectors_)), name
        assert torch.allclose(moments[name].mean, vectors_.mean(0)), name


def test_a_sample_of_the_positions_estimates_the_moment(small):
    (net, _), found, x = small
    full, drawn = (input_moments(net, found, x, batch=12, limit=limit)[0] for limit in (10**6, 60))
    assert drawn.count == full.count == 12 * 9
    assert 0 < float((drawn.second - full.second).norm() / full.second.norm()) < 0.5


def test_cross_moments_are_those_of_all_data_at_once(small):
    (a, b), found, x = small
    moments = cross_moments(a, b, found, x, batch=4)
    seen = torch.as_tensor(x)
    with torch.no_grad():
        conv = [torch.relu(n.module.conv(seen)) for n in (a, b)]
        hidden = [torch.relu(n.module.fc(c.flatten(1))) for n, c in zip((a, b), conv, strict=True)]
    samples = {"conv": [c.transpose(0, 1).flatten(1).T for c in conv], "fc": hidden}
    for group, (p, q) in samples.items():
        (moment,) = moments[group]
        p, q = p.numpy(), q.numpy()
        assert np.allclose(moment.second, p.T @ q / len(p)), group
        assert np.allclose(moment.covariance, (p - p.mean(0)).T @ (q - q.mean(0)) / len(p)), group
        assert np.allclose(moment.correlation, moment.covariance.numpy() / (np.outer(p.std(0), q.std(0)) + 1e-4)), group
        assert moment.count == len(p), group


def test_correlations_of_partners_are_those_of_all_pairs_at_the_pairs(small):
    (a, b), found, x = small
    rng = np.random.default_rng(3)
    orders = {name: rng.permutation(group.size) for name, group in found.groups.items()}
    same = {name: np.arange(group.size) for name, group in found.groups.items()}
    met = partner_correlations(a, b, found, x, {"same": same, "drawn": orders})
    for group, moments in cross_moments(a, b, found, x).items():
        whole = moments[-1].correlation.numpy()
        for name, order in (("same", same[group]), ("drawn", orders[group])):
            assert met[group][name] == pytest.approx(whole[np.arange(len(whole)), order].mean(), rel=1e-6)


def test_units_that_never_change_correlate_with_nothing():
    zero, one = torch.zeros(2, 2), torch.zeros(2)
    moment = CrossMoment(zero, one, one, one, one, 5)
    assert torch.equal(moment.correlation, zero)


def test_a_recurrence_of_one_step_has_seen_only_the_zero_state():
    torch.manual_seed(0)
    x = np.random.default_rng(0).integers(0, 7, size=(4, 1))
    net = network(Tokens("gru").double(), torch.as_tensor(x[:2]))
    found = symmetry(net)
    moments = dict(zip([c.weight for c in found.contractions], input_moments(net, found, x), strict=True))
    assert not moments["cell.weight_hh_l0"].second.any()
    assert moments["cell.weight_hh_l0"].count == 4
