"""The picture of a symmetry: every tensor has its row, every group its line."""

import json
import re

import pytest
from zoo import ZOO

from lmc_core.figures.inspect import WIDTHS, groups_figure, groups_lanes, groups_steps
from lmc_core.networks.network import network
from lmc_core.runs.work.facts import symmetry_facts
from lmc_core.symmetry.infer import symmetry
from lmc_core.words.inspect import groups_alt


def facts(name):
    return symmetry_facts(symmetry(network(*ZOO[name]()), verify=False))


@pytest.mark.parametrize("name", ZOO)
def test_every_tensor_has_one_row_and_every_group_a_line_through_all_that_carry_it(name):
    found = facts(name)
    steps = groups_steps(found)
    drawn = [tensor for step in steps for tensor in step.tensors]
    assert sorted(drawn) == sorted(row.name for row in found.tensors if row.shape)
    lanes = {lane.group: lane for lane in groups_lanes(found, steps)}
    assert list(lanes) == [row.name for row in found.groups]
    for row in found.groups:
        touched = {place.rpartition("[")[0] for place in (*row.written, *row.read)}
        lane = lanes[row.name]
        assert {t for k in lane.marks for t in steps[k].tensors if t in touched} == touched
        assert (lane.first, lane.last) == (min(lane.marks), max(lane.marks))
        wrote = {k for k, mark in lane.marks.items() if mark in ("write", "both")}
        assert all(set(steps[k].tensors) & {p.rpartition("[")[0] for p in row.written} for k in wrote)


@pytest.mark.parametrize("name", ZOO)
def test_two_lines_side_by_side_never_share_a_place(name):
    found = facts(name)
    taken = set()
    for lane in groups_lanes(found, groups_steps(found)):
        cells = {(lane.place, row) for row in range(lane.first, lane.last + 1)}
        assert not cells & taken
        taken |= cells


def test_a_chain_needs_two_lines_and_a_recurrent_weight_does_both():
    found = facts("mlp")
    assert max(lane.place for lane in groups_lanes(found, groups_steps(found))) <= 1
    assert groups_steps(found)[0].pinned == ((48, "the network's input"),)
    found = facts("lstm2")
    steps = groups_steps(found)
    marks = [mark for lane in groups_lanes(found, steps) for mark in lane.marks.values()]
    assert "both" in marks


@pytest.mark.parametrize("layout", WIDTHS)
def test_nothing_is_drawn_outside_of_the_figure(layout):
    found = facts("vit_nn_encoder")
    figure = json.loads(groups_figure(found, layout=layout).to_json())
    low, high = figure["layout"]["xaxis"]["range"]
    for trace in figure["data"]:
        places = trace["x"] if isinstance(trace["x"], list) else []
        assert all(low <= x < high for x in places if x is not None)
    assert all(name in groups_alt(found) for name in (row.name for row in found.groups))


def test_groups_of_a_deep_network_are_named_in_full():
    found = facts("resnet_bn")
    named = {row.name: f"stage 2 · block {k} · conv1" for k, row in enumerate(found.groups, 1)}
    said = [text for trace in groups_figure(found, labels=named).data for text in trace.text or () if "stage" in text]
    assert len(said) == len(found.groups)
    assert not [text for text in said if "…" in text], said


@pytest.mark.parametrize("name", ZOO)
@pytest.mark.parametrize("layout", WIDTHS)
def test_every_name_stands_in_full_on_a_phone_too(name, layout):
    found = facts(name)
    figure = groups_figure(found, layout=layout)
    said = [text for trace in figure.data if trace.mode == "text" for text in trace.text or () if text]
    whole = " ".join(re.sub(r"<br>|</?b>", "", text) for text in said)
    for step in groups_steps(found):
        assert step.title in whole
    notes = " ".join(note.text for note in figure.layout.annotations)
    assert "…" not in whole + notes
    for row in found.groups:
        assert f"<b>{row.name}" in " ".join(said) or f"</span> {row.name} · {row.size} units" in notes
