"""Full-symmetry and learned matching: planted elements of all classes come back, and trained transformers connect."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from canonical_forms import formed
from planted import difference, noisy, random_data
from torch import nn
from zoo.transformers import TRANSFORMERS

from lmc_core.alignment.wiring import Wiring
from lmc_core.data.registry import dataset
from lmc_core.errors import TraceError
from lmc_core.methods.align import align
from lmc_core.networks.network import Network, network
from lmc_core.paths.evaluate import evaluate
from lmc_core.paths.path import LinearPath
from lmc_core.symmetry.canonical.canonical import canonical
from lmc_core.symmetry.classes import as_matrix, as_numbers
from lmc_core.symmetry.declare import declare
from lmc_core.symmetry.move import composed, move, random_elements
from lmc_core.symmetry.permute import identity

NOISE = 0.1


def size(state):
    """Euclidean norm of all numbers."""
    return sum(float(x.double().square().sum()) for x in state.values() if x.is_floating_point()) ** 0.5


def apart(one, other):
    """Euclidean distance of two states."""
    return size({name: x - other[name] for name, x in one.items() if x.is_floating_point()})


def moved_at_random(net, found, seed, noise=0.0):
    """The network with noise on its numbers, and the same with its units moved by random elements of all classes."""
    rng = np.random.default_rng(seed)
    near = noisy(net, noise, rng)
    return near, near.with_state(move(near.state, found, random_elements(found, rng)))


@pytest.mark.parametrize("compare", ["weights", "responses"])
@pytest.mark.parametrize("name", TRANSFORMERS)
def test_planted_elements_of_all_classes_come_back(name, compare):
    """What is left between A and the aligned B is the noise, and nothing without noise."""
    form, data = formed(name), random_data(formed(name).network)
    for seed, noise in ((1, 0.0), (2, NOISE)):
        near, b = moved_at_random(form.network, form.symmetry, seed, noise)
        alignment = align(form.network, b, "full-symmetry-matching", data, compare=compare)
        a, back = alignment.reference(form.network).state, alignment.transport(b).state
        assert alignment.function_error < 1e-12
        assert apart(a, back) <= 1.4 * apart(a, alignment.reference(near).state) + 1e-3 * size(a)


class Patches(nn.Module):
    """A vision transformer of digits: patches of 2 × 2, two pre-norm blocks, the mean over patches."""

    def __init__(self, norm=nn.LayerNorm, width=32):
        super().__init__()
        self.patch, self.place = nn.Conv2d(1, width, 2, 2), nn.Parameter(0.02 * torch.randn(1, 16, width))
        self.attend = nn.ModuleList([nn.MultiheadAttention(width, 4, batch_first=True) for _ in range(2)])
        self.up = nn.ModuleList([nn.Linear(width, 64) for _ in range(2)])
        self.down = nn.ModuleList([nn.Linear(64, width) for _ in range(2)])
        self.norms, self.head = nn.ModuleList([norm(width) for _ in range(5)]), nn.Linear(width, 10)

    def forward(self, x):
        x = self.patch(x.view(-1, 1, 8, 8)).flatten(2).mT + self.place
        for i, attend in enumerate(self.attend):
            y = self.norms[2 * i](x)
            x = x + attend(y, y, y, need_weights=False)[0]
            x = x + self.down[i](nn.functional.gelu(self.up[i](self.norms[2 * i + 1](x))))
        return self.head(self.norms[4](x).mean(1))


def trained(seed, norm=nn.LayerNorm, kind=Patches):
    """A network of digits, right on nine in ten of the test examples."""
    torch.manual_seed(seed)
    module, data = kind(norm), dataset("digits")
    x, y = torch.as_tensor(data.x_train), torch.as_tensor(data.y_train)
    steps = 240
    adam = torch.optim.AdamW(module.parameters(), 4e-3, betas=(0.9, 0.99), weight_decay=0.01)
    slower = torch.optim.lr_scheduler.OneCycleLR(adam, 4e-3, total_steps=steps)
    for _ in range(steps):
        rows = torch.randint(len(x), (64,))
        adam.zero_grad()
        nn.functional.cross_entropy(module(x[rows]), y[rows]).backward()
        adam.step()
        slower.step()
    return network(module, (x[:2],))


@pytest.fixture(scope="module")
def pair():
    return trained(0), trained(1), dataset("digits")


def barrier(a: Network, b: Network, data) -> float:
    return evaluate(LinearPath(a, b), data, points=11).barrier()


def test_a_trained_transformer_moved_by_elements_of_all_classes_is_connected_again(pair):
    net, _, data = pair
    form = canonical(net)
    assert evaluate(LinearPath(net, net), data, points=2).accuracy()[0] > 0.9
    _, b = moved_at_random(form.network, form.symmetry, 3, NOISE)
    assert barrier(net, b, data) > 1
    for compare in ("weights", "responses"):
        alignment = align(net, b, "full-symmetry-matching", data, compare=compare)
        assert alignment.function_error < 1e-5
        assert barrier(alignment.reference(net), alignment.transport(b), data) <= 1e-3


def test_the_classes_of_a_transformer_take_down_what_orders_leave_standing(pair):
    a, b, data = pair
    heights = {"naive": barrier(a, b, data)}
    for method, settings in {
        "weight-matching": {},
        "head-matching": {},
        "full-symmetry-matching": {"compare": "weights"},
        "learned-matching": {"steps": 150},
    }.items():
        alignment = align(a, b, method, data, **settings)
        heights[method] = barrier(alignment.reference(a), alignment.transport(b), data)
    assert heights["full-symmetry-matching"] < 0.5 * heights["weight-matching"]
    assert heights["learned-matching"] < 0.1 * heights["naive"]


@pytest.mark.parametrize("compare", ["weights", "responses"])
def test_where_rotations_decide_all_else_every_start_ends_at_the_same_place(pair, compare, monkeypatch):
    a, b, data = pair
    one = align(a, b, "full-symmetry-matching", data, compare=compare)
    assert len(one.spread) == 1
    known = Wiring.of

    def undecided(*given, **how):
        found = known(*given, **how)
        return replace(found, neighbours={name: seen | {"not rotated"} for name, seen in found.neighbours.items()})

    monkeypatch.setattr(Wiring, "of", undecided)
    more = align(a, b, "full-symmetry-matching", data, compare=compare, restarts=4)
    np.testing.assert_allclose(more.spread, one.spread * 4, rtol=1e-9)


def test_both_networks_of_an_alignment_in_canonical_form_keep_their_names_shapes_and_functions(pair):
    a, b, data = pair
    alignment = align(a, b, "full-symmetry-matching", data)
    assert alignment.canonical
    x = torch.as_tensor(data.x_test[:64])
    for before, after in ((a, alignment.reference(a)), (b, alignment.transport(b))):
        assert {name: x.shape for name, x in before.state.items()} == {name: x.shape for name, x in after.state.items()}
        torch.testing.assert_close(after(x), before(x), rtol=1e-4, atol=1e-4)
    assert difference(a.state, alignment.reference(a).state) > 1e-3


def test_the_same_seed_gives_the_same_elements(pair):
    a, b, data = pair
    first, second = (align(a, b, "full-symmetry-matching", data, seed=4).couplings for _ in range(2))
    for name, coupling in first.items():
        np.testing.assert_array_equal(coupling.element, second[name].element)


class Rotary(nn.Module):
    """Digits read row by row: two blocks, RMSNorm, rotary positions, four query heads on two for keys and values."""

    def __init__(self, norm=nn.RMSNorm, width=32):
        super().__init__()
        angles = torch.outer(torch.arange(8.0), torch.tensor([1.0, 0.5, 0.2, 0.1])).repeat(1, 2)
        self.register_buffer("cos", angles.cos(), persistent=False)
        self.register_buffer("sin", angles.sin(), persistent=False)
        self.enter, self.head = nn.Linear(8, width), nn.Linear(width, 10)
        made = {"q": (width, 32), "k": (width, 16), "v": (width, 16), "o": (32, width), "up": (width, 64)}
        for name, (n, m) in {**made, "down": (64, width)}.items():
            setattr(self, name, nn.ModuleList([nn.Linear(n, m, bias=name in ("q", "k")) for _ in range(2)]))
        self.norms = nn.ModuleList([norm(width) for _ in range(5)])

    def turned(self, x):
        first, second = x.chunk(2, -1)
        return x * self.cos + torch.cat([-second, first], -1) * self.sin

    def forward(self, x):
        x = self.enter(x.view(-1, 8, 8))
        for i in range(2):
            y = self.norms[2 * i](x)
            q, k, v = (f[i](y).view(*y.shape[:2], -1, 8).transpose(1, 2) for f in (self.q, self.k, self.v))
            k, v = (z.repeat_interleave(2, dim=1) for z in (self.turned(k), v))
            a = nn.functional.scaled_dot_product_attention(self.turned(q), k, v)
            x = x + self.o[i](a.transpose(1, 2).flatten(2))
            x = x + self.down[i](nn.functional.gelu(self.up[i](self.norms[2 * i + 1](x))))
        return self.head(self.norms[4](x).mean(1))


@pytest.mark.parametrize("compare", ["weights", "responses"])
def test_planted_complex_numbers_of_rotary_pairs_come_back(compare):
    """Every head and hidden unit finds its place, every pair its angle to within what noise moves it."""
    data = dataset("digits")
    net = trained(0, nn.RMSNorm, Rotary)
    form = canonical(net)
    paired = [name for name, group in form.symmetry.groups.items() if group.kind == "complex"]
    assert len(paired) == 2
    rng = np.random.default_rng(3)
    near, elements = noisy(form.network, NOISE, rng), random_elements(form.symmetry, rng)
    b = near.with_state(move(near.state, form.symmetry, elements))
    assert barrier(net, b, data) > 1
    alignment = align(net, b, "full-symmetry-matching", data, compare=compare)
    a, back = alignment.reference(net), alignment.transport(b)
    assert alignment.function_error < 1e-5
    assert barrier(a, back, data) <= 1e-3
    alone = apart(a.state, alignment.reference(near).state)
    assert apart(a.state, back.state) <= (1.2 if compare == "weights" else 1.6) * alone
    found = {name: coupling.element for name, coupling in alignment.couplings.items()}
    left = composed({**identity(alignment.symmetry), **elements}, found, alignment.symmetry)
    for name, group in alignment.symmetry.groups.items():
        if group.kind == "permutation" and not name.startswith("enter"):
            np.testing.assert_array_equal(left[name], identity(alignment.symmetry)[name])
        if name in paired:
            numbers = as_numbers("complex", as_matrix(left[name]))
            assert float(np.abs(np.angle(numbers)).max()) < 0.15


class Untraced(nn.Module):
    """One layer of attention with three heads of four units; a number of the data decides what follows it: no graph."""

    def __init__(self):
        super().__init__()
        self.q, self.k, self.v = (nn.Linear(7, 12) for _ in range(3))
        self.o, self.head = nn.Linear(12, 7), nn.Linear(7, 5)

    def forward(self, x):
        q, k, v = (f(x).unflatten(-1, (3, 4)).transpose(1, 2) for f in (self.q, self.k, self.v))
        y = x + self.o(nn.functional.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2))
        return self.head((torch.relu(y) if float(y.sum()) > 0 else torch.tanh(y)).mean(1))


DECLARED = """
    q.weight (heads:3·(qk within heads), 7)
    q.bias (heads·(qk within heads))
    k.weight (heads·(qk* within heads), 7)
    k.bias (heads·(qk* within heads))
    v.weight (heads·(vo within heads), 7)
    v.bias (heads·(vo within heads))
    o.weight (7, heads·(vo within heads))
    general: qk, vo
"""


def test_a_module_without_a_graph_is_matched_by_the_classes_declared_for_it():
    torch.manual_seed(0)
    net = network(Untraced().double(), torch.randn(6, 5, 7, dtype=torch.float64))
    with pytest.raises(TraceError):
        align(net, net, "full-symmetry-matching")
    found = declare(net, DECLARED)
    assert {group.kind for group in found.groups.values()} == {"permutation", "general"}
    _, b = moved_at_random(net, found, seed=3)
    alignment = align(net, b, "full-symmetry-matching", symmetry=found)
    assert alignment.function_error < 1e-12
    a, back = alignment.reference(net), alignment.transport(b)
    assert apart(a.state, back.state) <= 1e-9 * size(a.state)
    assert apart(net.state, b.state) > 0.1 * size(a.state)
