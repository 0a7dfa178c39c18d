"""Every kind of analysis as its page and its link show it, on real stored runs; what it is saved and published as."""

import io
import json
import re
import zipfile
from dataclasses import fields, replace
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from asking import request_of
from PIL import Image
from results import same
from scripts import ANALYSES, heading, opened, script, texts
from streamlit.testing.v1 import AppTest

from lmc_core import runs
from lmc_core.errors import InputError
from lmc_core.figures.palette import THEMES
from lmc_core.runs import keep
from lmc_core.runs.keep import pictures
from lmc_core.runs.kinds import KINDS
from lmc_core.runs.kinds.compare import ComparisonResult
from lmc_core.runs.kinds.plane import PlaneResult
from lmc_core.runs.kinds.request import Request
from lmc_core.runs.kinds.theory import TheoryResult
from lmc_core.runs.kinds.width import WidthResult
from lmc_core.runs.library import bundle
from lmc_core.runs.share.bundle import export
from lmc_core.runs.share.shipped import adopt
from lmc_core.runs.values.record import Measured
from pages._ask import links
from pages._frame import viewport
from pages._show import analysis, files, table
from pages._show.view import Shown, view

PAGES = {"compare": "compare.py", "plane": "landscape.py", "theory": "theory.py"}
SAID = {
    "compare": "Every panel is one pair of networks",
    "plane": "Every point is a network",
    "theory": "which it can never exceed",
    "width": "trained alike but for",
}


@pytest.mark.parametrize("kind", ANALYSES)
def test_a_stored_run_of_every_kind_opens_by_its_link(analyses: dict[str, Request], kind: str) -> None:
    at = opened("run.py", id=analyses[kind].id)
    assert heading(at).replace("## ", "") not in ("", analyses[kind].id)
    assert SAID[kind] in texts(at)
    assert at.get("plotly_chart")
    assert len(at.metric) >= 3


@pytest.mark.parametrize("kind", ANALYSES)
def test_a_request_survives_its_own_text_and_says_what_it_is(analyses: dict[str, Request], kind: str) -> None:
    request = analyses[kind]
    assert runs.find(Request.parse(request.json)) == request.id
    assert runs.status(request.id).steps == len(KINDS[kind].stages)
    assert runs.result(request.id).json["finding"] == runs.status(request.id).finding


@pytest.mark.parametrize("kind", ["plane", "theory", "compare", "width"])
def test_a_first_visit_shows_the_progress_of_the_default_analysis_at_once(
    analyses: dict[str, Request], kind: str
) -> None:
    at = opened(PAGES.get(kind, "theory.py"), **({"part": "width"} if kind == "width" else {}))
    assert KINDS[kind].doing in heading(at)
    waiting = runs.recent(1, kind=kind, state="queued")
    default = runs.default_request(kind)
    assert default is not None
    assert [now.id for now in waiting] == [default.id]
    assert at.get_by_key("go").disabled
    at.get_by_key("cancel").click().run()
    at.run()
    assert heading(at) == "## Stopped before it was done.", "what a visitor stopped must not start by itself"


@pytest.mark.parametrize("kind", PAGES)
def test_a_page_queues_what_is_asked(analyses: dict[str, Request], kind: str) -> None:
    at = opened(PAGES[kind], seed="3")
    assert heading(at).endswith("?"), "nothing of this is known, and no default is stored"
    at.get_by_key("go").click().run()
    assert not at.exception
    (now,) = runs.recent(1, kind=kind, state="queued", owner=at.session_state["visitor"])
    assert runs.request(now.id).options["seed"] == 3
    assert KINDS[kind].doing in heading(at)
    at.get_by_key("cancel").click().run()
    at.run()
    assert heading(at) == "## Stopped before it was done."


@pytest.mark.parametrize("kind", ANALYSES)
def test_a_stored_run_leads_back_to_the_controls_that_ask_for_it(analyses: dict[str, Request], kind: str) -> None:
    at = opened(f"{view(kind).page}.py", **links.query(kind, analyses[kind].options))
    assert heading(at) == heading(opened("run.py", id=analyses[kind].id)), "the controls describe another run"
    assert not at.get_by_key("go").disabled


@pytest.mark.parametrize("kind", ANALYSES)
def test_every_kind_has_a_small_picture_of_its_own_and_one_for_previews(
    analyses: dict[str, Request], kind: str
) -> None:
    run = analyses[kind].id
    drawing = ElementTree.fromstring(runs.picture(run, pictures.THUMBNAIL))
    assert drawing.attrib["aria-label"]
    assert sum(1 for _ in drawing.iter("{http://www.w3.org/2000/svg}path")) >= 2
    assert Image.open(io.BytesIO(runs.picture(run, pictures.PREVIEW))).size == (1200, 630)
    drawn = {runs.picture(request.id, pictures.THUMBNAIL) for request in analyses.values()}
    assert len(drawn) == len(analyses)


def test_the_gallery_shows_every_kind_and_one_kind_alone(analyses: dict[str, Request]) -> None:
    assert len(opened("gallery.py").get("image")) >= len(analyses)
    at = opened("gallery.py", kind="width")
    assert len(at.get("image")) == 1
    assert "Widths" in texts(at)
    assert "No finished run matches" in texts(opened("gallery.py", kind="path"))


@pytest.mark.parametrize("kind", ANALYSES)
def test_an_owner_publishes_a_run_of_every_kind(analyses: dict[str, Request], kind: str) -> None:
    request = request_of(kind, **ANALYSES[kind] | {"seed": 9})
    found = replace(runs.result(analyses[kind].id), request=dict(request.options))
    keep.opened().store.save(request.id, found)
    runs.submit(request, "ann")
    at = opened("run.py", id=request.id)
    assert "publish" not in {button.key for button in at.button}
    at.session_state["visitor"] = "ann"
    at.run()
    assert not runs.status(request.id).listed, "published is what its owner published"
    at.get_by_key("publish").click().run()
    assert runs.status(request.id).listed
    at.get_by_key("unpublish").click().run()
    assert not runs.status(request.id).listed


@pytest.mark.parametrize("kind", ANALYSES)
def test_a_bundle_of_every_kind_comes_back_as_the_result_it_was_made_of(
    analyses: dict[str, Request], kind: str, tmp_path: Path
) -> None:
    before, path = runs.result(analyses[kind].id), tmp_path / "b.zip"
    path.write_bytes(export(analyses[kind].id))
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


@pytest.mark.parametrize("kind", ANALYSES)
def test_a_bundle_whose_numbers_do_not_belong_together_is_refused(
    analyses: dict[str, Request], kind: str, tmp_path: Path
) -> None:
    result = runs.result(analyses[kind].id)
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


def on_page(run: str, monkeypatch: pytest.MonkeyPatch) -> Shown:
    """What the Data tab of a run has to offer."""
    seen: list[Shown] = []
    monkeypatch.setattr(files, "body", seen.append)
    opened("run.py", id=run, tab="Data")
    (shown,) = seen
    return shown


@pytest.mark.parametrize("kind", ANALYSES)
def test_every_kind_is_saved_as_tables_json_report_and_bundle(
    analyses: dict[str, Request], kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown = on_page(analyses[kind].id, monkeypatch)
    result = shown.result
    saved = {file.label: file.make() for file in files.files(shown)}
    tables = [content for label, content in saved.items() if label.endswith(", CSV")]
    assert all(len(content.splitlines()) > 1 for content in tables)
    assert tables
    assert json.loads(saved["Everything, JSON"])["finding"] == result.finding
    assert json.loads(saved["Request, JSON"])["kind"] == kind
    assert zipfile.is_zipfile(io.BytesIO(saved["Bundle, ZIP"]))
    page = saved["Report, HTML"].decode()
    assert page.count('<div id="figure-') == len(shown.pictures()) >= 1
    assert "$" not in page.split("</script>")[-1], "a formula that nothing sets"


@pytest.mark.parametrize("kind", ANALYSES)
def test_a_report_has_the_theme_of_the_page_that_it_is_saved_from_and_so_has_every_figure_in_it(
    analyses: dict[str, Request], kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown = on_page(analyses[kind].id, monkeypatch)
    pages = {}
    for look in THEMES:
        monkeypatch.setattr(viewport, "theme", lambda look=look: look)
        (made,) = (file.make for file in files.files(shown) if file.label == "Report, HTML")
        pages[look] = made().decode()
    for look, page in pages.items():
        assert f"--page: {THEMES[look].page}" in page
        assert page.count(f'"paper_bgcolor":"{THEMES[look].page}"') == len(shown.pictures())


def test_a_model_chosen_on_one_page_stays_chosen_on_the_next_and_what_nobody_chose_does_not(
    analyses: dict[str, Request],
) -> None:
    def first_model(at: AppTest, page: str) -> str:
        at.query_params.clear()
        at.switch_page(script(page))
        at.run()
        assert not at.exception
        return str(at.get_by_key("a").value)

    at = opened("landscape.py")
    assert at.get_by_key("a").value == "digits-mlp-128/seed0"
    assert first_model(at, "theory.py") == "digits-mlp-128/seed0", "the default of every page"
    at.get_by_key("a").set_value("digits-cnn/seed0").run()
    for page in ("landscape.py", "explore.py", "theory.py"):
        assert first_model(at, page) == "digits-cnn/seed0"
    at.query_params.clear()
    at.switch_page(script("compare.py"))
    at.run()
    assert at.multiselect[0].value[0] == "digits-cnn/seed0"


def test_a_table_for_a_paper_has_a_row_per_row_and_no_letter_that_latex_reads_otherwise() -> None:
    columns = {"method_1": ["a & b", "50 % {x}", None], "loss": [0.12345, -1.5, None], "units": [3, 4, 5]}
    written = table.as_latex(columns, "Loss of A and B").decode()
    lines = written.splitlines()
    assert r"\caption{Loss of A and B}" in lines
    assert r"\begin{tabular}{lrr}" in lines
    rows = lines[lines.index(r"\midrule") + 1 : lines.index(r"\bottomrule")]
    assert rows == [r"a \& b & 0.123 & 3 \\", r"50 \% \{x\} & -1.500 & 4 \\", r"-- & -- & 5 \\"]


@pytest.mark.parametrize(
    ("family", "said"),
    [
        ("digits-mlp-128", "these networks are about as large."),
        ("digits-mlp-512", "these networks have 13 times as many parameters."),
        ("digits-mlp-32", "its networks have 9 times as many parameters."),
    ],
)
def test_before_anything_like_it_was_run_the_size_of_a_pair_is_told_beside_the_time_of_the_example(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, family: str, said: str
) -> None:
    monkeypatch.setenv("LMC_HOME", str(tmp_path))
    shipped = runs.default_request()
    assert shipped is not None
    assert adopt(shipped, keep.opened())
    runs.submit(shipped)
    request = runs.bind(Request.of("path", a=f"{family}/seed0", b=f"{family}/seed1", data="digits", points=7))
    assert re.fullmatch(rf"The example of this page took [\d.]+ s; {said}", analysis.usual(request))
