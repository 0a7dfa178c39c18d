"""Templates: sizes of groups change everywhere at once, modules are found for them, networks are held to one shape."""

from itertools import pairwise

import pytest
import torch
from torch import nn
from zoo import ZOO

from lmc_core.alignment.template import common, resized, sizes
from lmc_core.errors import MismatchError, SettingError
from lmc_core.fusion.template import template
from lmc_core.networks.families import architecture, build, example_inputs
from lmc_core.networks.network import network
from lmc_core.symmetry.infer import symmetry


def made(family, **options):
    torch.manual_seed(0)
    found = architecture(family, **options)
    return network(build(found), example_inputs(found), architecture=found)


def sequence(*widths):
    layers = []
    for n, m in pairwise(widths):
        layers += [nn.Linear(n, m), nn.ReLU()]
    return network(nn.Sequential(*layers[:-1]), torch.randn(2, widths[0]))


def test_resizing_a_group_changes_every_axis_it_is_on():
    module, inputs = ZOO["lstm2"]()
    found = symmetry(network(module, inputs), verify=False)
    other = resized(found, {"rnn.l0": 5})
    assert [axis.size for axis in other.axes["rnn.weight_hh_l0"]] == [20, 5]
    assert [axis.size for axis in other.axes["rnn.weight_ih_l1"]] == [32, 5]
    assert sizes(other) == {**sizes(found), "rnn.l0": 5}


@pytest.mark.parametrize(
    ("net", "widths", "shapes"),
    [
        (("mlp", {"widths": (6, 5, 4, 3), "activation": "tanh"}), 7, {"fc2.weight": (7, 7), "fc3.weight": (3, 7)}),
        (
            ("cnn", {"stages": ((4,), (6,)), "hidden": (8,), "input_shape": (1, 8, 8)}),
            {"conv2": 5},
            {"conv2.weight": (5, 4, 3, 3), "fc1.weight": (8, 20)},
        ),
        (
            ("recurrent", {"features": 3, "steps": 4, "hidden": 5, "classes": 2, "cell": "gru"}),
            9,
            {"rnn.weight_hh_l0": (27, 9)},
        ),
    ],
)
def test_a_known_family_is_built_in_other_widths_and_keeps_its_options(net, widths, shapes):
    first = made(net[0], **net[1])
    found = template([first], [symmetry(first, verify=False)], widths)
    for name, shape in shapes.items():
        assert tuple(found.frame.state[name].shape) == shape
    assert found.frame.architecture.options.get("activation") == first.architecture.options.get("activation")
    assert {n: tuple(a.size for a in axes) for n, axes in found.symmetry.axes.items()} == {
        n: tuple(x.shape) for n, x in found.frame.state.items()
    }


def test_a_module_of_unknown_code_takes_the_widths_of_any_of_the_networks_only():
    a, b = sequence(4, 6, 3), sequence(4, 9, 3)
    both = [symmetry(net, verify=False) for net in (a, b)]
    group = next(iter(both[0].groups))
    assert template([a, b], both, 9).frame is b
    with pytest.raises(SettingError, match=f"no module is known with the widths {group} 7"):
        template([a, b], both, 7)


def test_widths_that_no_member_of_the_family_has_are_refused():
    first = made("recurrent", features=3, steps=4, hidden=5, layers=2, classes=2, cell="lstm")
    with pytest.raises(SettingError, match="no recurrent has the widths"):
        template([first], [symmetry(first, verify=False)], {"rnn.l0": 6})


@pytest.mark.parametrize("widths", [0, -3, {"no-such-group": 4}])
def test_impossible_widths_are_refused(widths):
    first = made("mlp", widths=(6, 5, 3))
    with pytest.raises(SettingError, match="width"):
        template([first], [symmetry(first, verify=False)], widths)


def test_networks_of_other_widths_share_group_names_by_where_the_groups_sit():
    a, b = sequence(4, 6, 5, 3), sequence(4, 9, 2, 3)
    first, second = (symmetry(net, verify=False) for net in (a, b))
    renamed = resized(second, {}, {name: f"other-{name}" for name in second.groups})
    assert list(common(a, b, first, renamed).groups) == list(first.groups)


def test_a_deeper_network_is_refused_by_the_name_of_the_first_tensor_that_is_missing():
    a, b = sequence(4, 6, 3), sequence(4, 6, 6, 3)
    with pytest.raises(MismatchError, match=r"'4\.weight'"):
        common(a, b, symmetry(a, verify=False), symmetry(b, verify=False))


def test_other_inputs_or_outputs_are_refused():
    a, b = sequence(4, 6, 3), sequence(5, 6, 3)
    with pytest.raises(MismatchError, match=r"'0\.weight' is used differently"):
        common(a, b, symmetry(a, verify=False), symmetry(b, verify=False))
