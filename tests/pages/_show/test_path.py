"""What the page of a stored path offers: units, projections, other methods, curves, files, and how to do it again."""

import csv
import io
import re
import shlex
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import safetensors.numpy
from asking import path_request, request_of
from bundles import brought
from scripts import ROOT, computed, figure, opened, texts

from lmc_core import runs
from lmc_core.cli import _parser
from lmc_core.commands import spelling
from lmc_core.runs import keep
from lmc_core.runs.keep.units import units
from lmc_core.runs.kinds import KINDS
from lmc_core.runs.kinds.path import PathResult
from lmc_core.runs.kinds.request import Request
from lmc_core.runs.share.bundle import export
from lmc_core.runs.values.facts import FormRow, SymmetryFacts
from lmc_core.runs.work import estimate
from lmc_core.words.path import LATER
from pages._ask import links
from pages._frame.text import escaped
from pages._show import files
from pages._show.path import reproduce, symmetry
from pages._show.path.look import Look
from pages._show.view import Shown, view


@pytest.fixture(scope="module")
def stored(home: Path) -> Request:
    """The default run, really computed and stored."""
    request = runs.default_request()
    assert request is not None
    return computed(request, home / "work")


@pytest.fixture(scope="module")
def shown(stored: Request) -> Shown:
    found = runs.result(stored.id)
    assert isinstance(found, PathResult)
    return view("path").shown(found, stored.id, Look(*next(iter(found.clouds)), "linear", (), 0.5))


def test_the_saved_files_hold_what_the_page_shows(shown: Shown, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pages._jobs.visitor.name", lambda: "ann")
    saved = {file.ending: file.make() for file in files.files(shown)}
    rows = list(csv.DictReader(io.StringIO(saved["-curves.csv"].decode())))
    naive = shown.result.naive
    assert [float(row["naive test loss"]) for row in rows] == naive.loss().tolist()
    arrays = np.load(io.BytesIO(saved[".npz"]))
    np.testing.assert_array_equal(arrays["naive.test.loss"], naive.loss())
    for group, coupling in shown.result.alignment.couplings.items():
        np.testing.assert_array_equal(arrays[f"coupling.{group}"], coupling.perm)
    assert runs.find(Request.parse(saved["-request.json"].decode())) == shown.run
    tensors = safetensors.numpy.load(saved["-B.safetensors"])
    assert set(shown.result.symmetry.groups[0].written[0].split("[")[:1]) <= set(tensors)
    page = saved[".html"].decode()
    assert str(shown.finding).split(";")[0] in page
    assert "Plotly.newPlot" in page


def test_the_command_line_of_a_run_asks_for_the_same_run(shown: Shown) -> None:
    assert shown.listings["Command line"]() == reproduce.command(shown.result)
    words = shlex.split(reproduce.command(shown.result).replace("\\\n", " "))
    assert words[:3] == ["python", "-m", "lmc_core"]
    given = _parser(words[3:]).parse_args(words[3:])
    request = shown.result.request
    again = spelling.asked(given, KINDS["path"])
    assert all((ROOT / again[name]).exists() for name in ("a", "b"))
    assert {name: again[name] for name in again.options if name not in ("a", "b")} == {
        name: request[name] for name in again.options if name not in ("a", "b")
    }


def test_the_python_of_a_run_prints_the_barrier_it_promises(shown: Shown) -> None:
    code = reproduce.python(shown.result)
    promised = code.rsplit("#", 1)[1].strip()
    ran = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert f"{float(ran.stdout):.3f}" == promised


def test_the_symmetry_tab_says_what_may_be_done_to_the_units_of_a_layer(shown: Shown) -> None:
    facts = shown.result.symmetry
    assert {row.kind for row in facts.groups} == {"scaled"}
    assert set(symmetry.groups(facts, {})["may be"]) == {"any order, positive scales"}
    assert facts.moved_error is not None
    assert facts.moved_error < 1e-4


def test_tensors_of_one_module_name_it_once() -> None:
    ranks = {"rnn.weight": 2, "rnn.bias": 1, "conv.weight": 4}
    said = symmetry.sides(("rnn.weight[0]", "rnn.bias[0]", "conv.weight[1]"), ranks)
    assert said == "rnn.weight rows, bias, conv.weight axis 1"


def test_a_unit_that_is_picked_is_shown_as_images_of_one_scale(stored: Request) -> None:
    at = opened()
    before = len(at.get("plotly_chart"))
    at.get_by_key("unit").select("17").run()
    assert not at.exception
    assert at.query_params["unit"] == "17"
    assert len(at.get("plotly_chart")) == before + 1
    said = re.search(r"\*\*Unit 17 of layer 1\.\*\* .*cosine :orange\[(.*?)\].*?:green\[(.*?)\]", texts(at))
    assert said
    kept = units(stored.id, runs.result(stored.id).symmetry.groups[0].name)["data"]
    told = [float(number.replace("−", "-")) for number in said.groups()]
    assert told == pytest.approx(kept.cosine[kept.place(17)], abs=0.006)
    assert kept.cosine[:, 1].mean() > 0.4
    assert kept.cosine[:, 0].mean() < 0.2
    images = [trace for trace in figure(at, 1)["data"] if trace["type"] == "heatmap"]
    assert [trace["coloraxis"] for trace in images] == ["coloraxis"] * 3


def test_the_unit_with_the_worst_match_is_one_click_away(stored: Request) -> None:
    at = opened()
    at.get_by_key("worst-match").click().run()
    assert not at.exception
    kept = units(stored.id, runs.result(stored.id).symmetry.groups[0].name)["weights"]
    assert kept.cosine[kept.place(int(at.get_by_key("unit").value)), 1] == kept.cosine[:, 1].min()


def test_a_link_opens_a_unit_of_a_deeper_layer_in_raw_weights(stored: Request) -> None:
    at = opened(layer="fc2", unit="5", metric="weights")
    assert "Unit 5 of layer 2" in texts(at)
    assert "as the data sees them" not in texts(at)
    assert {trace["type"] for trace in figure(at, 1)["data"]} == {"bar"}


@pytest.mark.parametrize("unit", ["99999", "-1", "x", "<b>"])
def test_a_unit_that_is_not_there_is_none(stored: Request, unit: str) -> None:
    assert opened(unit=unit).get_by_key("unit").value == "none"


@pytest.mark.parametrize(
    ("projection", "axis", "said"),
    [
        ("pca-data", "PC 1", "Percentages count all directions"),
        ("random", "random direction 1", "The plane is a random one"),
        ("sliced", "sliced axis 1", "along which the clouds of A and of aligned B differ most"),
    ],
)
def test_every_stored_projection_is_drawn_and_explained_without_a_new_run(
    stored: Request, projection: str, axis: str, said: str
) -> None:
    at = opened(projection=projection)
    assert said in texts(at)
    notes = [note["text"] for note in figure(at)["layout"]["annotations"]]
    assert any(axis in note for note in notes)


def test_t_sne_is_placed_when_asked_for_and_then_opens_by_its_link(stored: Request, home: Path) -> None:
    at = opened(projection="tsne")
    assert "has not been computed for this layer" in texts(at)
    assert any("PC 1" in note["text"] for note in figure(at)["layout"]["annotations"])
    at.get_by_key("placing-run").click().run()
    assert not at.exception
    asked = request_of("projection", run=stored.id, group=runs.result(stored.id).symmetry.groups[0].name)
    assert runs.status(asked.id).state == "queued"
    assert "Waiting for the worker" in texts(at)
    assert at.get_by_key("go").disabled is False
    assert keep.opened().index.claim("a server") == asked
    computed(asked, home / "tsne")
    keep.opened().index.finish(asked.id, "done")
    at = opened(projection="tsne")
    assert "t-SNE keeps neighbours, not distances" in texts(at)
    assert len(figure(at)["frames"]) == 5
    assert "See it in its run" in [link.proto.label for link in opened("run.py", id=asked.id).get("page_link")]


def test_another_method_is_asked_for_from_its_link_and_drawn_once_it_is_there(stored: Request, home: Path) -> None:
    at = opened(overlay="weight-matching")
    assert "Not computed for this pair yet: Weight matching" in texts(at)
    assert figure(at)["layout"]["showlegend"] is False
    at.get_by_key("overlay-run").click().run()
    assert not at.exception
    options = {name: value for name, value in stored.options.items() if name not in ("fingerprints", "settings")}
    other = path_request(**options | {"method": "weight-matching"})
    assert runs.status(other.id).state == "queued"
    assert "Waiting for the worker" in texts(at)
    assert keep.opened().index.claim("a server") == other
    computed(other, home / "other")
    keep.opened().index.finish(other.id, "done")
    at = opened(overlay="weight-matching")
    drawn = figure(at)
    assert next(t["name"] for t in drawn["data"] if t.get("showlegend")).startswith("Weight matching ")
    assert re.search(r"Of the 2 methods drawn, \w+ matching stays lowest", texts(at))
    assert "overlay-run" not in {button.key for button in at.button}


def test_a_curve_is_asked_for_in_the_form_and_drawn_as_one_more_line(stored: Request, home: Path) -> None:
    at = opened(seed="3", points="3", train_examples="200")
    at.get_by_key("curve").select("bezier").run()
    at.get_by_key("epochs").set_value(2).run()
    assert at.query_params["curve"] == "bezier"
    at.get_by_key("go").click().run()
    same = {name: stored.options[name] for name in ("a", "b", "data", "method", "recalibrate", "device")}
    bent = {"kind": "bezier", "bends": 1, "epochs": 2}
    asked = path_request(**same, points=3, seed=3, train_examples=200, curve=bent)
    assert runs.status(asked.id).state == "queued"
    assert links.query("path", asked.options)["curve"] == "bezier"
    assert keep.opened().index.claim("a server") == asked
    computed(asked, home / "curve")
    keep.opened().index.finish(asked.id, "done")
    found = runs.result(asked.id)
    assert isinstance(found, PathResult)
    assert found.curve is not None
    assert len(found.curve.history) == 2
    np.testing.assert_allclose(found.curve.profile.loss()[[0, -1]], found.aligned.loss()[[0, -1]], atol=1e-5)
    at = opened(**links.query("path", asked.options))
    assert "The curve rises by" in texts(at)
    names = [t["name"] for t in figure(at)["data"] if t.get("showlegend")]
    assert [name.rpartition(" ")[0] for name in names] == ["Bézier curve, 1 free point, 2 epochs"]
    assert "--curve bezier --curve-bends 1 --curve-epochs 2" in reproduce.command(found)


def test_the_notes_of_a_run_stand_under_its_figure(stored: Request) -> None:
    said = "Features were not compared: the graph has a loop"
    options = {name: value for name, value in stored.options.items() if name != "fingerprints"}
    other = path_request(**options | {"seed": 77})
    found = runs.result(stored.id)
    assert isinstance(found, PathResult)
    keep.opened().store.save(other.id, replace(found, notes=(said,)))
    runs.submit(other)
    assert escaped(said) in texts(opened("run.py", id=other.id))
    assert escaped(said) not in texts(opened())


def test_a_damaged_run_says_so_and_is_computed_again_by_one_click(stored: Request, home: Path) -> None:
    run = computed(path_request(stored.options["a"], stored.options["b"], points=3), home / "damaged").id
    (home / "store" / "runs" / run / "run.json").write_bytes(b"{")
    at = opened("run.py", id=run)
    assert "cannot be read" in texts(at)
    assert "damaged" in texts(at)
    at.get_by_key("again").click().run()
    assert not at.exception
    assert runs.status(run).state == "queued"


def test_a_run_that_kept_no_units_offers_neither_the_list_nor_t_sne(stored: Request) -> None:
    options = {name: value for name, value in stored.options.items() if name != "fingerprints"}
    other = path_request(**options | {"seed": 78})
    keep.opened().store.save(other.id, runs.result(stored.id))
    runs.submit(other)
    at = opened("run.py", id=other.id)
    assert "unit" not in {box.key for box in at.selectbox}
    assert "came without its single units" in texts(at)
    assert "t-SNE" not in at.get_by_key("projection").options


def test_a_run_that_came_in_a_bundle_has_its_units_and_can_be_placed_by_t_sne(stored: Request, home: Path) -> None:
    request = runs.request(brought("from afar.zip", export(stored.id)))
    computed(request, home / "afar")
    assert keep.opened().index.claim("a server", ("bundle",)) == request
    keep.opened().index.finish(request.id, "done")
    at = opened("run.py", id=request.id, unit="17")
    assert "Unit 17 of layer 1" in texts(at)
    assert "t-SNE" in at.get_by_key("projection").options
    computed(request_of("projection", run=request.id, group="fc1"), home / "afar-tsne")
    assert "t-SNE keeps neighbours, not distances" in texts(opened("run.py", id=request.id, projection="tsne"))


def test_layers_of_large_networks_are_compared_once_somebody_asks_for_them_in_their_tab(
    stored: Request, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(estimate, "LARGE", 1)
    request = computed(path_request(stored.options["a"], stored.options["b"], points=3, seed=5), home / "large")
    labels = dict.fromkeys(("Matching", "Layers"))
    for tab in labels:
        at = opened("run.py", id=request.id, tab=tab)
        assert "The layers of these networks have not been compared yet" in texts(at)
        assert escaped(LATER) in texts(at)
        assert len(at.get("plotly_chart")) == 1
        assert "t-SNE" not in at.get_by_key("projection").options
        assert "once the layers are compared" in texts(at)
    at.get_by_key("layers-run").click().run()
    assert not at.exception
    asked = request_of("layers", run=request.id)
    assert runs.status(asked.id).state == "queued"
    assert "Waiting for the worker" in texts(at)
    assert keep.opened().index.claim("a server", ("layers",)) == asked
    computed(asked, home / "large-layers")
    keep.opened().index.finish(asked.id, "done")
    at = opened("run.py", id=request.id, tab="Layers")
    assert escaped(LATER) not in texts(at)
    assert "averaging weights and averaging activations" in texts(at)
    assert len(at.get("plotly_chart")) == 2
    assert "as the data sees it" in at.get_by_key("projection").options[0]
    assert {"Layer 1", "Layer 2"} <= set(at.get_by_key("layer").options)
    assert "A good matching moves the whole histogram" in texts(opened("run.py", id=request.id, tab="Matching"))
    assert "Unit 17 of layer 1" in texts(opened("run.py", id=request.id, unit="17"))
    placed = computed(request_of("projection", run=asked.id, group="fc1"), home / "large-tsne")
    assert "t-SNE keeps neighbours" in texts(opened("run.py", id=request.id, projection="tsne"))
    (link,) = opened("run.py", id=placed.id).get("page_link")
    assert request.id in link.proto.query_string
    assert "See them in their run" in [one.proto.label for one in opened("run.py", id=asked.id).get("page_link")]


def test_a_bundle_of_large_networks_says_where_their_layers_can_be_compared_and_takes_them_along_once_they_are(
    stored: Request, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(estimate, "LARGE", 1)
    large = computed(path_request(stored.options["a"], stored.options["b"], points=3, seed=6), home / "large-6")
    request = runs.request(brought("from afar.zip", export(large.id)))
    computed(request, home / "large-afar")
    assert keep.opened().index.claim("a server", ("bundle",)) == request
    keep.opened().index.finish(request.id, "done")
    at = opened("run.py", id=request.id, tab="Layers")
    assert "ask for this path there" in texts(at)
    assert "layers-run" not in {button.key for button in at.button}
    computed(request_of("layers", run=large.id), home / "layers-6")
    request = runs.request(brought("from afar.zip", export(large.id)))
    computed(request, home / "whole-afar")
    assert keep.opened().index.claim("a server", ("bundle",)) == request
    keep.opened().index.finish(request.id, "done")
    at = opened("run.py", id=request.id, tab="Layers", unit="17")
    assert "averaging weights and averaging activations" in texts(at)
    assert "Unit 17 of layer 1" in texts(at)
    assert escaped(LATER) not in texts(at)


def test_the_symmetry_tab_lists_every_step_to_the_canonical_forms():
    rows = (
        FormRow("norm.weight", "gain", True, ("head.weight",), "folded into head.weight", "A, B"),
        FormRow("emb.weight", "gain", False, (), "stays, as head.weight is tied", "B"),
    )
    table = symmetry.form(SymmetryFacts((), (), (), (), (), 0.0, form=rows))
    assert table == {
        "tensor or group": ["norm.weight", "emb.weight"],
        "part": ["gain", "gain"],
        "what became of it": ["folded into head.weight", "stays, as head.weight is tied"],
        "in": ["A, B", "B"],
    }
