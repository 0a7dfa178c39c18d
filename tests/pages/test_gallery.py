"""The gallery: who sees which run, cards and their pictures, publishing by the owner, reports and old databases."""

import io
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit
from xml.etree import ElementTree

import numpy as np
import pytest
from asking import path_request
from PIL import Image
from results import a_result
from scripts import heading, opened, texts

from lmc_core import runs
from lmc_core.errors import InputError, SettingError
from lmc_core.figures.path.sketch import path_sketch
from lmc_core.figures.report import Report, Table, report_html
from lmc_core.figures.sketch import card_png, thumbnail_svg
from lmc_core.runs import keep
from lmc_core.runs.keep import pictures
from lmc_core.runs.keep.index import ORDERS
from lmc_core.runs.kinds.request import Request
from lmc_core.runs.library import models as library
from lmc_core.runs.values.names import tidy_tags
from pages._jobs import deleting
from pages._show import reproductions

ROOT = Path(__file__).parents[2]
A, B = "digits-mlp-128/seed0", "digits-mlp-128/seed1"
OWNER = "ann"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        for name in ("LMC_STORE", "LMC_DATABASE_URL", "LMC_CHECKPOINTS", "LMC_LOGIN"):
            patch.delenv(name, raising=False)
        patch.setenv("LMC_HOME", str(folder))
        yield folder
        keep.opened().index.close()


def stored(seed: int, finding: str, owner: str = OWNER) -> str:
    """A run of `owner` that is done."""
    request = path_request(A, B, method="weight-matching", seed=seed)
    keep.opened().store.save(request.id, replace(a_result(seed), finding=finding))
    runs.submit(request, owner)
    assert runs.status(request.id).state == "done"
    return request.id


@pytest.fixture(scope="module")
def falls(home: Path) -> str:
    run = stored(1, "It falls.")
    assert runs.publish(run, OWNER)
    return run


@pytest.fixture(scope="module")
def private(home: Path) -> str:
    run = stored(2, "It is nobody's business, 100% of it.")
    assert runs.publish(run, OWNER, listed=False)
    return run


def test_the_gallery_shows_published_runs_with_picture_and_finding(falls: str, private: str) -> None:
    at = opened("gallery.py", "a stranger")
    assert "It falls" in texts(at)
    assert "business" not in texts(at)
    assert len(at.get("image")) == 1


def test_an_owner_finds_private_runs_under_mine(falls: str, private: str) -> None:
    assert "business" in texts(opened("gallery.py", OWNER, whose="mine"))
    assert "business" not in texts(opened("gallery.py", "a stranger", whose="mine"))


def test_runs_of_others_and_uploads_do_not_crowd_out_ones_own(falls: str, private: str) -> None:
    for number in range(3):
        runs.submit(Request.of("inspect", upload=f"{number:064x}", filename=f"{number}.pt"), OWNER)
        stored(10 + number, "Somebody else's.", owner="bob")
    mine = runs.recent(2, kind=("path", "plane"), state="done", owner=OWNER, mine=True)
    assert {now.id for now in mine} == {falls, private}


@pytest.mark.parametrize(("words", "there"), [("falls digits", True), ("FALLS", True), ("rises", False), ("%", False)])
def test_a_search_finds_runs_that_hold_every_word(falls: str, private: str, words: str, there: bool) -> None:
    assert ("It falls" in texts(opened("gallery.py", "a stranger", q=words))) == there
    assert bool(runs.recent(words=words)) == there


def test_an_owner_publishes_with_tags_and_takes_the_run_out_again(private: str) -> None:
    at = opened("run.py", OWNER, id=private)
    at.get_by_key("tags").input("Width, batch-norm , width")
    at.get_by_key("publish").click().run()
    assert not at.exception
    assert runs.status(private).listed
    assert runs.status(private).tags == ("width", "batch-norm")
    at = opened("gallery.py", "a stranger", q="batch-norm")
    assert "business" in texts(at)
    at = opened("run.py", OWNER, id=private)
    at.get_by_key("unpublish").click().run()
    assert not runs.status(private).listed
    assert "business" not in texts(opened("gallery.py", "a stranger"))


def test_a_stranger_has_no_form_and_no_way_to_publish(private: str) -> None:
    at = opened("run.py", "a stranger", id=private)
    assert "publish" not in {button.key for button in at.button}
    assert not runs.publish(private, "a stranger")
    assert not runs.status(private).listed


@pytest.mark.parametrize("tags", [["<b>"], ["a" * 25], list("abcdefg"), ["x,y"]])
def test_tags_that_are_no_words_are_refused(tags: list[str]) -> None:
    with pytest.raises(SettingError):
        tidy_tags(tags)


def test_who_owns_a_run_is_not_told(private: str) -> None:
    assert OWNER not in str(runs.status(private).json)


def test_a_thumbnail_is_an_svg_of_both_curves_that_ends_in_a_and_b() -> None:
    result = a_result()
    root = ElementTree.fromstring(thumbnail_svg(path_sketch(result.naive, result.aligned)))
    curves = [e.attrib["d"] for e in root.iter("{http://www.w3.org/2000/svg}path") if e.attrib["fill"] == "none"][1:]
    assert [len(re.findall(r"[ML]", d)) for d in curves] == [len(result.naive.t)] * 2
    assert [e.text for e in root.iter("{http://www.w3.org/2000/svg}text")] == ["A", "B"]
    assert "barrier" in root.attrib["aria-label"]


def test_a_thumbnail_of_losses_that_are_not_finite_stays_inside_its_frame() -> None:
    result = a_result()
    broken = dict(result.naive.values) | {
        "test": {"loss": np.array([1, np.inf, np.nan, 2, 1.0]), "accuracy": np.zeros(5)}
    }
    svg = thumbnail_svg(path_sketch(replace(result.naive, values=broken), result.aligned))
    (curve,) = re.findall(r'd="([^"Z]*)" fill="none" stroke="#D55E00"', svg)
    heights = [float(point.split()[1]) for point in curve[1:].split("L")]
    assert "nan" not in svg
    assert "inf" not in svg
    assert min(heights) >= 0
    assert max(heights) <= 132


def test_the_picture_of_a_preview_has_the_size_networks_expect_and_shows_the_curves() -> None:
    sketch = path_sketch(a_result().naive, a_result().aligned)
    picture = Image.open(io.BytesIO(card_png("A → B, 3 × 128", "It falls. " * 40, sketch)))
    assert picture.size == (1200, 630)
    colours = {colour for _, colour in picture.convert("RGB").getcolors(1_000_000)}
    assert {(0xD5, 0x5E, 0x00), (0x00, 0x9E, 0x73)} <= colours


def test_a_run_keeps_its_pictures_and_an_older_one_gets_them_when_asked(falls: str, tmp_path: Path) -> None:
    pictures.leave(a_result(), tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == set(pictures.PICTURES)
    assert not keep.opened().store.exists("runs", falls, pictures.PREVIEW)
    assert runs.picture(falls, pictures.PREVIEW).startswith(b"\x89PNG")
    with pytest.raises(InputError, match="no picture"):
        runs.picture(falls, "../run.json")


def test_a_report_is_one_file_without_addresses_to_fetch_and_escapes_what_it_is_given() -> None:
    evil = '<script>alert("x")</script>'
    table = Table(evil, {evil: [1.23456, evil]})
    page = report_html(Report(evil, evil, evil, numbers=((evil,) * 3,), tables=(table,), listings=((evil, evil),)))
    assert evil not in page
    assert "&lt;script&gt;" in page
    assert "1.235" in page
    assert not re.findall(r'(?:src|href)="http', page)


def test_the_report_of_a_run_holds_its_figures_tables_and_the_way_to_compute_it_again(falls: str) -> None:
    from pages._show.files import files
    from pages._show.path.look import Look
    from pages._show.view import view

    result = a_result(1)
    result = replace(
        result,
        request={"kind": "path", **runs.request(falls).options},
        data=replace(result.data, name="digits"),
        models=(replace(result.models[0], id=A), replace(result.models[1], id=B)),
    )
    shown = view("path").shown(result, falls, Look(*next(iter(result.clouds)), "linear", (), 0.5))
    page = next(file for file in files(shown) if file.label == "Report, HTML").make().decode()
    figures = re.findall(r'<div id="(figure-\d+)"', page)
    assert page.count("Plotly.newPlot(") == len(figures) == len(set(figures)) >= 1
    assert "fc1.weight[0]" in page
    assert "python -m lmc_core path" in page
    assert str(shown.finding).split(".")[0][:30] in page


def test_cards_say_when_a_run_was_asked_for_and_what_was_measured(falls: str) -> None:
    at = opened("gallery.py", whose="mine", visitor=OWNER)
    day = f"{datetime.now(UTC):%-d %b %Y}"
    assert any(caption.value.startswith(f"{day} · Digits · 25 points") for caption in at.caption)


def test_two_picked_runs_stand_side_by_side_with_only_what_differs(falls: str, private: str) -> None:
    at = opened("gallery.py", whose="mine", visitor=OWNER)
    assert "### Side by side" not in texts(at)
    at.get_by_key(f"pick-{falls}").check().run()
    at.get_by_key(f"pick-{private}").check().run()
    assert at.query_params["with"] == f"{falls},{private}"
    assert "### Side by side" in texts(at)
    shown = at.dataframe[0].value
    asked = {name: (one, other) for name, one, other in zip(shown["what"], shown["1"], shown["2"], strict=True)}
    assert asked["seed"] == ("1", "2")
    assert not {"a", "b", "data", "method", "points"} & set(asked)
    again = opened("gallery.py", visitor=OWNER, **{"with": f"{falls},{private}"})
    assert "### Side by side" in texts(again)
    again.get_by_key("side-by-side-close").click().run()
    assert "### Side by side" not in texts(again)


def test_a_click_that_knows_no_new_address_picks_among_the_runs_that_were_picked_before(
    falls: str, private: str
) -> None:
    at = opened("gallery.py", whose="mine", visitor=OWNER)
    at.get_by_key(f"pick-{falls}").check().run()
    at.get_by_key(f"pick-{private}").check().run()
    at.query_params["with"] = falls  # of one click before
    at.get_by_key(f"pick-{falls}").uncheck().run()
    assert at.query_params["with"] in (private, [private])


def test_runs_are_listed_in_the_order_that_was_asked_for(falls: str, private: str) -> None:
    found = {order: [run.id for run in runs.recent(9, owner=OWNER, mine=True, order=order)] for order in ORDERS}
    assert found["newest"] == found["oldest"][::-1]
    assert len(found["newest"]) > 1


def test_the_shelf_of_reproductions_shows_an_experiment_with_figure_table_and_command(home: Path) -> None:
    at = opened("gallery.py", "a stranger", whose="papers", experiment="residual-toy")
    assert not at.exception
    assert "Reproductions" in texts(at)
    assert [code.value for code in at.code] == [reproductions.result("residual-toy")["command"]]
    assert len(at.dataframe) == 1
    assert len(at.get("plotly_chart")) == 1
    assert not at.get("download_button")  # a count over random draws has no runs
    assert set(reproductions.recorded()) == {file.stem for file in (ROOT / "docs" / "experiments").glob("*.json")}


@pytest.mark.parametrize("name", ["recurrent-mnist", "vit-mnist"])
def test_a_reproduction_lists_the_runs_behind_its_table_for_download(home: Path, name: str) -> None:
    at = opened("gallery.py", "a stranger", whose="papers", experiment=name)
    assert not at.exception
    found = reproductions.result(name)["runs"]
    listed = at.dataframe[1].value
    assert len(listed) == len(found) > len(at.dataframe[0].value)
    assert f"**Runs behind this table** · {len(found)}" in texts(at)
    assert [", ".join(map(str, run["seeds"])) for run in found] == list(listed["seeds"])
    (button,) = at.get("download_button")
    assert button.proto.label == "Runs as CSV"


def test_a_run_of_shipped_networks_opens_with_its_pair_and_its_method(home: Path) -> None:
    at = opened("gallery.py", "a stranger", whose="papers", experiment="vit-mnist")
    listed = at.dataframe[1].value
    learned = listed[listed["method"] == "learned matching"].iloc[0]
    asked = dict(parse_qsl(urlsplit(learned["opens"]).query))
    wanted = {"a": "mnist-vit/seed0", "b": "mnist-vit/seed1", "method": "learned-matching"}
    assert wanted.items() <= asked.items()
    explored = opened("explore.py", "a stranger", **asked)
    assert {key: explored.session_state[key] for key in wanted} == wanted
    shuffled = listed[listed["method"] == "learned matching of a shuffled B"]
    assert len(shuffled) == 3
    assert shuffled["opens"].isna().all()


def test_every_recorded_run_that_opens_asks_for_what_can_be_asked(home: Path) -> None:
    known = {card.id for card in library.shipped()}
    asked = [
        dict(run["opens"])
        for name in reproductions.recorded()
        for run in reproductions.result(name).get("runs", ())
        if run["opens"]
    ]
    assert len(asked) > 50
    for opens in asked:
        assert reproductions.networks(opens) <= known
        Request.of(opens.pop("kind"), **opens)


def test_who_deletes_a_run_is_told_what_goes_and_nobody_finds_it_any_more(home: Path) -> None:
    run = stored(77, "It is soon gone.")
    at = opened("gallery.py", whose="mine", visitor=OWNER)
    assert deleting.RUN in texts(at)
    assert f"delete-{run}" not in {button.key for button in opened("run.py", id=run, visitor="a stranger").button}
    assert not runs.delete(run, "a stranger")
    at.get_by_key(f"delete-{run}").click().run()
    assert not at.exception
    assert f"pick-{run}" not in {box.key for box in at.checkbox}
    assert "There is no such run" in heading(opened("run.py", id=run, visitor=OWNER))


def test_a_disk_that_lets_nothing_go_is_told_and_the_run_stays(falls: str, monkeypatch: pytest.MonkeyPatch) -> None:
    at = opened("run.py", id=falls, visitor=OWNER)

    def refused(*_: str) -> bool:
        raise PermissionError("read-only")

    monkeypatch.setattr(runs, "delete", refused)
    at.get_by_key(f"delete-{falls}").click().run()
    assert not at.exception
    assert "could not be deleted" in at.toast[0].value


def test_who_has_no_runs_is_told_so(home: Path) -> None:
    assert "None of your runs is finished yet." in texts(opened("gallery.py", whose="mine", visitor="nobody's name"))
