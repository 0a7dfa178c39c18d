"""Classes that units respond to most: planted permutations, planted classes, colours and words."""

import numpy as np
import pytest
import torch
from planted import planted
from torch import nn
from zoo import ZOO

from lmc_core.data.dataset import Dataset
from lmc_core.diagnostics.inspector import inspect
from lmc_core.diagnostics.preferred import Preferred, coloured, preferred
from lmc_core.diagnostics.units import units_of
from lmc_core.figures.palette import THEMES
from lmc_core.figures.path.classes import Classes
from lmc_core.networks.network import network
from lmc_core.symmetry.infer import symmetry
from lmc_core.words.classes import class_word, classes_caption
from lmc_core.words.units import units_rows

NAMES = tuple("abc")


def examples(net, classes=3, count=64, seed=0):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(count, *net.example_inputs[0].shape[1:])).astype(np.float32)
    y = np.arange(count) % classes
    return Dataset("planted", x, y, x, y, tuple("abcdefghijkl"[:classes]))


@pytest.mark.parametrize(
    "name", ["mlp", "vgg_bn_flatten", "resnet_bn", "depthwise_grouped", "hand_lstm", "vit_nn_encoder"]
)
def test_a_shuffled_copy_prefers_unit_by_unit_what_the_original_does(name):
    torch.manual_seed(0)
    net = network(*ZOO[name]())
    found = symmetry(net, verify=False)
    problem = planted(net, found, seed=1)
    shares = preferred(net, problem.moved, net, found, examples(net))
    assert shares, "some group is read example by example"
    for group, one in shares.items():
        assert one.best.shape == (found.groups[group].size, 3) or found.groups[group].within
        assert one.agreement[1] == 1
        a, moved, _ = (np.sort(column) for column in one.best.T)
        np.testing.assert_array_equal(a, moved)
        perm = problem.perms[group]
        if perm.ndim == 1:
            np.testing.assert_array_equal(one.best[:, 1][perm], one.best[:, 0])


def test_a_unit_that_sees_one_class_prefers_it_and_a_dead_one_prefers_none():
    module = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 3))
    with torch.no_grad():
        module[0].weight.copy_(torch.cat([torch.eye(3), torch.zeros(1, 3)]))
        module[0].bias.zero_()
    net = network(module, (torch.zeros(2, 3),))
    found = symmetry(net, verify=False)
    y = np.arange(60) % 3
    data = Dataset("planted", np.eye(3, dtype=np.float32)[y], y, np.eye(3, dtype=np.float32)[y], y, NAMES)
    (one,) = preferred(net, net, net, found, data).values()
    assert one.best[:, 0].tolist() == [0, 1, 2, -1]
    np.testing.assert_allclose(one.above[:3, 0], np.sqrt(2), rtol=1e-5)  # a third is 1: (1 − 1/3) / √(2/9)
    assert one.agreement == (1, 1)


@pytest.mark.parametrize("targets", [np.zeros(64, np.float32), np.zeros((64, 5), np.int64)])
def test_targets_without_one_class_per_example_give_no_classes(targets):
    torch.manual_seed(0)
    net = network(nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 3)), (torch.zeros(2, 3),))
    x = np.zeros((64, 3), np.float32)
    assert preferred(net, net, net, symmetry(net, verify=False), Dataset("x", x, targets, x, targets, NAMES)) == {}


def of(*classes):
    best = np.array(classes, np.int16)[:, None].repeat(3, 1)
    return Preferred(best, np.ones(best.shape, np.float32))


def test_colours_belong_to_classes_not_to_layers_and_only_ten_have_their_own():
    layers = of(*range(12), *range(10)), of(3, 4)
    shown = coloured(layers)
    assert shown == tuple(range(10))
    names = tuple(f"class {k}" for k in range(12))
    for theme in THEMES.values():
        one, other = (Classes(layer, names, shown).colours(layer.best[:, 0], theme) for layer in layers)
        assert [one[3], one[4]] == other
        assert len(set(one[:10])) == 10
        assert one[10] == one[11] == theme.grey.mark
    assert "others" in " ".join(Classes(layers[0], names, shown).key(THEMES["light"], "narrow"))
    assert "others" not in " ".join(Classes(layers[1], names, shown).key(THEMES["light"], "narrow"))


def test_words_say_the_class_and_how_many_partners_share_it():
    best = np.array([[0, 1, 0], [1, 0, 1], [2, 2, 0], [2, 0, 2]], np.int16)
    found = Preferred(best, np.full(best.shape, 1.5, np.float32))
    assert found.agreement == (0.25, 0.75)
    assert "25% of pairs before and 75% after" in str(classes_caption(found, 3))
    assert class_word(NAMES, 1, 1.5) == "responds most to class b, 1.5σ above its mean"
    assert class_word(NAMES, -1, 0.0) == "responds alike to all examples"


def test_the_list_of_units_starts_with_the_worst_match():
    torch.manual_seed(0)
    module = nn.Sequential(nn.Linear(3, 5), nn.ReLU(), nn.Linear(5, 3))
    net, other = (network(nn.Sequential(*module), (torch.zeros(2, 3),)) for _ in range(2))
    found = symmetry(net, verify=False)
    rows = units_of((net, other, other), found, "layer.0")
    rows[2] = rows[2].copy()
    rows[2][3] *= -1
    kept = inspect(rows, found, "layer.0", partner=np.arange(5))
    listed = units_rows(kept, of(0, 1, 2, 0, 1), NAMES)
    assert listed[0]["unit of A"] == 3
    assert listed[0]["cosine"] == pytest.approx(-1)
    assert [row["cosine"] for row in listed] == sorted(row["cosine"] for row in listed)
    assert listed[0]["A responds to"] == "a"
