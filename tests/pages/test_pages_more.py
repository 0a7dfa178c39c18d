"""The pages beside Explore as scripts, without a browser: what they ask for, and what they show of a stored run."""

import io
import json
import zipfile
from dataclasses import fields, replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image
from results import same
from scripts import heading, opened, texts
from streamlit.testing.v1 import AppTest

from lmc_core import runs
from lmc_core.errors import InputError, SettingError
from lmc_core.figures.compare import compare_figure
from lmc_core.report import silent
from lmc_core.runs import keep
from lmc_core.runs.keep import pictures
from lmc_core.runs.kinds import MORE
from lmc_core.runs.kinds._result import Measured
from lmc_core.runs.kinds.compare import ComparisonResult
from lmc_core.runs.kinds.plane import PlaneResult
from lmc_core.runs.kinds.theory import TheoryResult
from lmc_core.runs.kinds.width import WidthResult
from lmc_core.runs.library import bundle
from lmc_core.runs.share.bundle import export
from lmc_core.runs.values.comparison import expected
from lmc_core.runs.values.request import Request
from pages._show import asked
from pages._show.views import _parts

PAIR = {"a": "digits-mlp-32/seed0", "b": "digits-mlp-32/seed1", "data": "digits", "train_examples": 200}
ASKED = {
    "plane": {**PAIR, "method": "weight-matching", "grid": 5},
    "theory": {**PAIR, "method": "weight-matching"},
    "compare": {
        "models": ["digits-mlp-128/seed0", "digits-mlp-32/seed0", "digits-mlp-32/seed1", "digits-mlp-128/seed2"],
        "methods": ["identity", "weight-matching", "activation-matching"],
        "points": 5,
        "train_examples": 200,
    },
    "width": {"method": "weight-matching", "settings": {"restarts": 1}, "train_examples": 100},
}
PAGES = {"compare": "compare.py", "plane": "landscape.py", "theory": "theory.py"}
SAID = {
    "compare": "Every panel is one pair of networks",
    "plane": "Every point is a network",
    "theory": "which it can never exceed",
    "width": "trained alike but for",
}


@pytest.fixture(scope="module")
def stored(home: Path) -> dict[str, Request]:
    """One small run of every kind, really computed and stored."""
    from lmc_core.runs.work.path import run

    made = {}
    for kind, options in ASKED.items():
        request = Request.of(kind, **options)
        folder = home / "work" / kind
        folder.mkdir(parents=True)
        found = run(request, silent, folder, "cpu")
        keep.opened().store.save(request.id, found, {path.name: path for path in folder.iterdir()})
        runs.submit(request)
        made[kind] = request
    return made


def plotted(at: AppTest) -> int:
    return len(at.get("plotly_chart"))


@pytest.mark.parametrize("kind", ASKED)
def test_a_stored_run_of_every_kind_opens_by_its_link(stored: dict[str, Request], kind: str) -> None:
    at = opened("run.py", id=stored[kind].id)
    assert heading(at).replace("## ", "") not in ("", stored[kind].id)
    assert SAID[kind] in texts(at)
    assert plotted(at)
    assert len(at.metric) >= 3


@pytest.mark.parametrize("kind", ASKED)
def test_a_request_survives_its_own_text_and_says_what_it_is(stored: dict[str, Request], kind: str) -> None:
    request = stored[kind]
    assert Request.parse(request.json).id == request.id
    assert runs.status(request.id).steps == len(MORE[kind].stages)
    assert runs.result(request.id).json["finding"] == runs.status(request.id).finding


@pytest.mark.parametrize("kind", ["plane", "theory", "compare", "width"])
def test_a_first_visit_shows_the_progress_of_the_default_analysis_at_once(
    stored: dict[str, Request], kind: str
) -> None:
    at = opened(PAGES.get(kind, "theory.py"), **({"part": "width"} if kind == "width" else {}))
    assert MORE[kind].doing in heading(at)
    waiting = runs.recent(1, kind=kind, state="queued")
    default = runs.default_request(kind)
    assert default is not None
    assert [now.id for now in waiting] == [default.id]
    assert at.get_by_key("go").disabled
    at.get_by_key("cancel").click().run()
    at.run()
    assert heading(at) == "## Stopped before it was done.", "what a visitor stopped must not start by itself"


@pytest.mark.parametrize("kind", PAGES)
def test_a_page_queues_what_is_asked(stored: dict[str, Request], kind: str) -> None:
    at = opened(PAGES[kind], seed="3")
    assert heading(at).endswith("?"), "nothing of this is known, and no default is stored"
    at.get_by_key("go").click().run()
    assert not at.exception
    (now,) = runs.recent(1, kind=kind, state="queued")
    assert runs.request(now.id).options["seed"] == 3
    assert MORE[kind].doing in heading(at)
    at.get_by_key("cancel").click().run()
    at.run()
    assert heading(at) == "## Stopped before it was done."


def test_the_plane_is_drawn_as_maps_and_as_a_relief(stored: dict[str, Request]) -> None:
    drawn = {shape: opened("run.py", id=stored["plane"].id, shape=shape) for shape in ("maps", "relief", "nonsense")}
    kinds = {shape: at.get("plotly_chart")[0].proto.spec for shape, at in drawn.items()}
    assert '"contour"' in kinds["maps"]
    assert '"surface"' in kinds["relief"]
    assert '"contour"' in kinds["nonsense"]
    heights = [opened("run.py", id=stored["plane"].id, shape="relief", height=name) for name in ("loss", "accuracy")]
    assert len({at.get("plotly_chart")[0].proto.spec for at in heights}) == 2


def test_a_comparison_has_a_row_per_method_and_pair_and_a_panel_per_pair(stored: dict[str, Request]) -> None:
    at = opened("run.py", id=stored["compare"].id)
    table = at.dataframe[0].value
    assert len(table) == 2 * 3
    assert len(set(table["pair"])) == 2, "models of different widths are no pair"
    for _, rows in table.groupby("pair"):
        assert list(rows["barrier, test"]) == sorted(rows["barrier, test"])
    means = table.groupby("method")["barrier, test"].mean()
    assert str(means.idxmin()).lower() in heading(at).lower()
    spec = at.get("plotly_chart")[0].proto.spec
    assert spec.count('"showlegend":true') == 3 + 1, "each method once, and the figure"
    assert '"xaxis2"' in spec
    assert '"xaxis3"' not in spec


def test_the_axes_of_all_pairs_are_the_same(stored: dict[str, Request]) -> None:
    found = runs.result(stored["compare"].id)
    assert isinstance(found, ComparisonResult)
    pairs = {pair.title: pair.profiles for pair in found.pairs}
    for how in ({}, {"axis": "log"}, {"metric": "accuracy"}, {"layout": "narrow", "theme": "dark"}):
        layout = compare_figure(pairs, **how).layout
        assert layout.yaxis.range == layout.yaxis2.range
        assert layout.xaxis.range == layout.xaxis2.range


def test_networks_that_do_not_fit_are_rows_with_the_reason_and_not_a_crash(home: Path) -> None:
    from lmc_core.runs.work.path import run

    pair = ["digits-mlp-32/seed0", "digits-cnn/seed0"]
    request = Request.of("compare", models=pair, methods=["identity", "weight-matching"], points=3)
    found = run(request, silent, home, "cpu")
    keep.opened().store.save(request.id, found)
    runs.submit(request)
    at = opened("run.py", id=request.id)
    assert heading(at) == "## No method could align these networks."
    table = at.dataframe[0].value
    assert len(table) == 2
    assert table["remarks"].str.contains("shape").all()
    assert not plotted(at)


def test_choices_of_compare_are_in_the_address_and_ask_for_every_pair_of_one_shape(stored: dict[str, Request]) -> None:
    names = "digits-mlp-32/seed0,digits-mlp-128/seed1,digits-mlp-32/seed1"
    at = opened("compare.py", networks=names, methods="weight-matching,frank-wolfe")
    assert at.multiselect[0].value == names.split(",")
    assert "1 pair." in texts(at)
    at.get_by_key("go").click().run()
    (now,) = runs.recent(1, kind="compare", state="queued")
    asked = runs.request(now.id).options
    assert asked["models"] == names.split(",")
    assert asked["methods"] == ["weight-matching", "frank-wolfe"]
    runs.cancel(now.id)
    at.multiselect[1].set_value([]).run()
    assert at.error[0].value == "choose at least one method"


def test_models_without_a_pair_and_too_many_pairs_are_refused(home: Path) -> None:
    for models in ([], ["digits-mlp-32/seed0"], ["digits-mlp-32/seed0", "digits-cnn/seed0", "digits-lstm/seed0"]):
        with pytest.raises(SettingError, match="pairs"):
            Request.of("compare", models=models)


def test_progress_of_a_comparison_only_grows(home: Path) -> None:
    from lmc_core.runs.work.path import run

    seen: list[tuple[str, int]] = []
    models = [f"digits-mlp-32/seed{seed}" for seed in (0, 1)] + [f"digits-mlp-128/seed{seed}" for seed in (0, 1)]
    request = Request.of("compare", models=models, methods=["identity", "activation-matching"], points=3)
    run(request, lambda stage, done, total: seen.append((stage, done)), home, "cpu")
    shares = [done for stage, done in seen if stage.startswith("Aligning")]
    assert shares == sorted(shares)
    assert shares[-1] > 900
    assert any("pair 2 of 2" in stage for stage, _ in seen)


def test_the_expected_time_grows_with_pairs_and_size_and_slow_methods(stored: dict[str, Request]) -> None:
    found = runs.result(stored["compare"].id)
    assert isinstance(found, ComparisonResult)

    def total(methods: list[str], sizes: list[int]) -> float:
        return sum(expected(methods, sizes, found.pairs).values())

    size = found.models[0].parameters
    one = total(["weight-matching"], [size])
    assert 0 < one < total(["weight-matching"], [size, size]) == pytest.approx(2 * one)
    assert total(["weight-matching"], [10 * size]) > 10 * one
    assert total(["straight-through"], [size]) == pytest.approx(10 * one), "never run here"
    assert expected(["weight-matching"], [size], []) == {}


def test_the_plane_of_three_models_names_them_all_and_aligns_nothing(stored: dict[str, Request]) -> None:
    three = {"a": "digits-mlp-128/seed0", "b": "digits-mlp-128/seed1", "third": "digits-mlp-128/seed2"}
    request = Request.of("plane", **three, grid=5)
    assert request.options["method"] is None
    assert len(request.options["fingerprints"]) == 3
    assert Request.parse(request.json).id == request.id
    at = opened("landscape.py", third=three["third"])
    assert at.get_by_key("third").value == three["third"]
    assert "Method" not in texts(at)
    at.get_by_key("go").click().run()
    (now,) = runs.recent(1, kind="plane", state="queued")
    assert now.title == "Digits MLP, 3 × 128, seeds 0, 1 and 2"
    runs.cancel(now.id)
    with pytest.raises(SettingError, match="named twice"):
        Request.of("plane", **three | {"third": three["b"]})


@pytest.mark.parametrize("kind", ASKED)
def test_a_stored_run_leads_back_to_the_controls_that_ask_for_it(stored: dict[str, Request], kind: str) -> None:
    page, _ = asked.PAGES[kind]
    at = opened(page, **asked.controls(kind, stored[kind].options))
    assert heading(at) == heading(opened("run.py", id=stored[kind].id)), "the controls describe another run"
    assert not at.get_by_key("go").disabled


@pytest.mark.parametrize("kind", ASKED)
def test_every_kind_has_a_small_picture_of_its_own_and_one_for_previews(stored: dict[str, Request], kind: str) -> None:
    run = stored[kind].id
    drawing = ElementTree.fromstring(runs.picture(run, pictures.THUMBNAIL))
    assert drawing.attrib["aria-label"]
    assert sum(1 for _ in drawing.iter("{http://www.w3.org/2000/svg}path")) >= 2
    assert Image.open(io.BytesIO(runs.picture(run, pictures.PREVIEW))).size == (1200, 630)
    drawn = {runs.picture(request.id, pictures.THUMBNAIL) for request in stored.values()}
    assert len(drawn) == len(stored)


def test_the_gallery_shows_every_kind_and_one_kind_alone(stored: dict[str, Request]) -> None:
    assert len(opened("gallery.py").get("image")) >= len(stored)
    at = opened("gallery.py", kind="width")
    assert len(at.get("image")) == 1
    assert "Widths" in texts(at)
    assert "No finished run matches" in texts(opened("gallery.py", kind="path"))


@pytest.mark.parametrize("kind", ASKED)
def test_an_owner_publishes_a_run_of_every_kind(stored: dict[str, Request], kind: str) -> None:
    request = Request.of(kind, **ASKED[kind] | {"seed": 9})
    found = replace(runs.result(stored[kind].id), request=dict(request.options))
    keep.opened().store.save(request.id, found)
    runs.submit(request, "ann")
    at = opened("run.py", id=request.id)
    assert "publish" not in {button.key for button in at.button}
    at.session_state["visitor"] = "ann"
    at.run()
    at.get_by_key("unpublish").click().run()
    assert not runs.status(request.id).listed
    at.get_by_key("publish").click().run()
    assert runs.status(request.id).listed


@pytest.mark.parametrize("kind", ASKED)
def test_a_bundle_of_every_kind_comes_back_as_the_result_it_was_made_of(
    stored: dict[str, Request], kind: str, tmp_path: Path
) -> None:
    before, path = runs.result(stored[kind].id), tmp_path / "b.zip"
    path.write_bytes(export(stored[kind].id))
    after = bundle.read(path, "b.zip")
    assert type(after) is type(before)
    assert after.finding == before.finding
    assert "nothing of it was computed on this server" in after.notes[0]
    assert all(card.path == "" for card in after.models)
    own = {f.name for f in fields(before)} - {f.name for f in fields(Measured)} - {"pairs"}
    for name in own:
        same(getattr(before, name), getattr(after, name))


def broken(result: Measured) -> dict[str, Measured]:
    """Results that no run of this program ever has."""
    wrong: dict[str, Measured] = {"an unknown method": replace(result, method="Magic")}
    if isinstance(result, PlaneResult):
        surface, naive = result.surface, result.naive
        wrong["a map of another size"] = replace(result, surface=replace(surface, x=surface.x[:-1]))
        wrong["no third corner"] = replace(result, surface=replace(surface, corners={"a": (0.0, 0.0)}))
        wrong["a path that stops"] = replace(result, naive=replace(naive, t=naive.t / 2))
    if isinstance(result, TheoryResult):
        wrong["gaps of another length"] = replace(result, naive=replace(result.naive, gap=np.ones(2)))
        wrong["layers that are missing"] = replace(result, layers={})
    if isinstance(result, WidthResult):
        wrong["one width"] = replace(result, rows=result.rows[:1])
        wrong["widths in no order"] = replace(result, rows=result.rows[::-1])
    if isinstance(result, ComparisonResult):
        row = replace(result.pairs[0].rows[0], method="magic")
        wrong["a method nobody knows"] = replace(result, pairs=(replace(result.pairs[0], rows=(row,)),))
        wrong["no pair"] = replace(result, pairs=())
    return wrong


@pytest.mark.parametrize("kind", ASKED)
def test_a_bundle_whose_numbers_do_not_belong_together_is_refused(
    stored: dict[str, Request], kind: str, tmp_path: Path
) -> None:
    result = runs.result(stored[kind].id)
    assert isinstance(result, Measured)
    for what, wrong in broken(result).items():
        run, path = f"{abs(hash(what)):016x}"[:16], tmp_path / "b.zip"
        keep.opened().store.save(run, wrong)
        with zipfile.ZipFile(path, "w") as archive:
            about = {"format": bundle.FORMAT, "version": bundle.VERSION}
            archive.writestr("bundle.json", json.dumps(about))
            archive.writestr("request.json", json.dumps(dict(wrong.request), default=list))
            for name in ("run.json", "arrays.npz"):
                archive.writestr(name, keep.opened().store.read("runs", run, name))
        with pytest.raises(InputError) as refusal:
            bundle.read(path, "b.zip")
        assert "b.zip" in str(refusal.value), what


@pytest.mark.parametrize("kind", ASKED)
def test_every_kind_is_saved_as_tables_json_report_and_bundle(
    stored: dict[str, Request], kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[Any] = []
    monkeypatch.setattr(_parts, "foot", lambda *told: seen.append(told))
    opened("run.py", id=stored[kind].id)
    told, result, run = seen[0]
    saved = {label: make() for label, _, make in _parts.files(told, result, run)}
    tables = [content for label, content in saved.items() if label.endswith(", CSV")]
    assert all(len(content.splitlines()) > 1 for content in tables)
    assert tables
    assert json.loads(saved["Everything, JSON"])["finding"] == result.finding
    assert json.loads(saved["Request, JSON"])["kind"] == kind
    assert zipfile.is_zipfile(io.BytesIO(saved["Bundle, ZIP"]))
    page = saved["Report, HTML"].decode()
    assert page.count('<div id="figure-') == len(told.pictures()) >= 1
    assert "$" not in page.split("</script>")[-1], "a formula that nothing sets"


def test_a_model_chosen_on_one_page_stays_chosen_on_the_next_and_what_nobody_chose_does_not(
    stored: dict[str, Request],
) -> None:
    def first_model(at: AppTest, page: str) -> str:
        at.query_params.clear()
        at.switch_page(page)
        at.run()
        assert not at.exception
        return str(at.get_by_key("a").value)

    at = opened("landscape.py")
    assert at.get_by_key("a").value == "digits-mlp-128/seed0"
    assert first_model(at, "theory.py") == "digits-mlp-512/seed0", "the default of that page"
    at.get_by_key("a").set_value("digits-cnn/seed0").run()
    for page in ("landscape.py", "explore.py", "theory.py"):
        assert first_model(at, page) == "digits-cnn/seed0"
    at.query_params.clear()
    at.switch_page("compare.py")
    at.run()
    assert at.multiselect[0].value[0] == "digits-cnn/seed0"
