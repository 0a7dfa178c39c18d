"""The pages as scripts, without a browser: what they show of a real stored run, and of everything that can go wrong."""

import csv
import io
import json
import shlex
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import safetensors.numpy
from scripts import ROOT, heading, opened, texts

from lmc_core import runs
from lmc_core.cli import _parser
from lmc_core.methods import METHODS
from lmc_core.report import silent
from lmc_core.runs import keep
from lmc_core.runs.values.card import ModelCard
from lmc_core.runs.values.request import Request
from lmc_core.runs.values.result import PathResult
from pages._ask import model_picker
from pages._frame.text import escaped
from pages._jobs import jobs
from pages._show import downloads, share
from pages._show.shown import Shown, sentence
from pages._show.tabs import symmetry

TABS = {
    "Matching": "A good matching moves the whole histogram left",
    "Layers": "averaging weights and averaging activations",
    "Symmetry": "groups of interchangeable units were found and verified",
    "Data": "Loss is the mean cross-entropy",
    "Reproduce": "Link to this result",
}


@pytest.fixture(scope="module")
def stored(home: Path) -> Request:
    """The default run, really computed and stored."""
    from lmc_core.runs.work.path import run

    request = runs.default_request()
    assert request is not None
    folder = home / "work"
    folder.mkdir()
    found = run(request, silent, folder, "cpu")
    keep.opened().store.save(request.id, found, {path.name: path for path in folder.iterdir()})
    runs.submit(request)
    return request


@pytest.fixture
def no_models(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LMC_CHECKPOINTS", str(tmp_path))


@pytest.fixture(scope="module")
def shown(stored: Request) -> Shown:
    found = runs.result(stored.id)
    assert isinstance(found, PathResult)
    return Shown(stored.id, found, sentence(found), next(iter(found.clouds.values())))


def similar(stored: Request, **changes: object) -> Request:
    """The default request with another seed or number of points."""
    return Request.path(**{name: value for name, value in stored.options.items() if name != "fingerprints"} | changes)


def in_state(request: Request, state: str, reason: str = "") -> str:
    """A run that ended in some way without a result."""
    runs.submit(request)
    assert keep.opened().index.claim("a server") is not None
    keep.opened().index.finish(request.id, state, reason=reason)
    assert runs.status(request.id).state == state
    return request.id


def test_the_first_page_is_a_finished_analysis(stored: Request) -> None:
    at = opened()
    assert "activation matching" in heading(at)
    assert len(at.metric) == 5
    assert at.get("plotly_chart")[0].proto.spec.count("slider")
    assert "Align and compare" in [button.label for button in at.button if not button.disabled]


@pytest.mark.parametrize("tab", TABS)
def test_every_tab_has_a_body_that_is_drawn_only_when_open(stored: Request, tab: str) -> None:
    at = opened(tab=tab)
    assert [name for name, said in TABS.items() if said in texts(at)] == [tab]


def test_a_stored_run_opens_by_its_link_with_the_same_words(stored: Request) -> None:
    at = opened("run.py", id=stored.id)
    assert heading(at) == heading(opened())
    assert "Stored run" in texts(at)


@pytest.mark.parametrize("name", METHODS)
def test_the_form_of_a_method_has_a_control_for_everything_it_declares(stored: Request, name: str) -> None:
    at = opened(method=name)
    for parameter in METHODS[name].parameters:
        control = at.get_by_key(f"{name}.{parameter.name}")
        assert control.value == parameter.default
        assert control.help == parameter.help
    assert METHODS[name].paper.url in texts(at)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("method", "<script>alert(1)</script>"),
        ("a", "../../etc/passwd"),
        ("data", "nonsense"),
        ("points", "1e9"),
        ("seed", "-1"),
        ("layer", "no such layer"),
        ("projection", "t-sne"),
        ("tab", "Nowhere"),
        ("t", "7"),
        ("layout", "round"),
        ("recalibrate", "thrice"),
    ],
)
def test_a_value_that_makes_no_sense_in_a_link_is_the_default(stored: Request, name: str, value: str) -> None:
    at = opened(**{name: value})
    assert heading(at) == heading(opened())


def test_the_controls_of_a_link_ask_for_exactly_the_run_they_were_made_from(stored: Request) -> None:
    parameters = METHODS["weight-matching"].parameters
    numbers = {p.name: p.default + 1 for p in parameters if p.kind is int and (p.high or 1e9) > p.default}
    assert numbers, "weight matching has no whole number to set"
    wanted = similar(
        stored,
        method="weight-matching",
        settings=numbers,
        a="digits-mlp-128/seed2",
        b="digits-mlp-128/seed0",
        points=11,
        seed=5,
        recalibrate="repair",
        train_examples=300,
        device="cpu",
    )
    at = opened(**share.controls(wanted.options))
    assert heading(at) == "## This pair has not been compared yet."
    at.get_by_key("go").click().run()
    assert runs.status(wanted.id).state == "queued"
    assert "Waiting for the worker" in texts(at)
    assert at.get_by_key("go").disabled
    at.get_by_key("cancel").click().run()
    at.run()
    assert heading(at) == "## Stopped before it was done."
    at.get_by_key("again").click().run()
    assert runs.status(wanted.id).state == "queued"
    assert runs.cancel(wanted.id)


def test_other_controls_leave_the_last_result_in_view_and_say_so(stored: Request) -> None:
    at = opened()
    before = heading(at)
    at.get_by_key("method").select("weight-matching").run()
    assert not at.exception
    assert heading(at) == before
    assert "The controls have changed" in texts(at)
    assert at.query_params["method"] == "weight-matching"


def test_model_b_and_the_data_follow_model_a(stored: Request) -> None:
    at = opened()
    at.get_by_key("a").select("mnist-mlp-512/seed1").run()
    assert at.get_by_key("b").value == "mnist-mlp-512/seed0"
    assert at.get_by_key("data").value == "mnist"
    at.get_by_key("a").select("digits-cnn/seed0").run()
    assert at.get_by_key("b").value == "digits-cnn/seed1"
    assert at.get_by_key("data").value == "digits"


@pytest.mark.parametrize("state", ["failed", "cancelled", "interrupted"])
@pytest.mark.parametrize("page", ["", "run.py"])
def test_a_run_without_a_result_says_why_and_can_be_run_again(stored: Request, state: str, page: str) -> None:
    reason = "" if state == "cancelled" else "fc1.weight of __main__ has shape (3, 4), B has [5](6)"
    request = similar(stored, seed=100 + len(state) + 50 * len(page))
    run = in_state(request, state, reason)
    at = opened(page, **({"id": run} if page else share.controls(request.options)))
    assert escaped(reason) in texts(at)
    assert "Traceback" not in texts(at)
    assert at.get_by_key("again").label == ("Retry" if state == "interrupted" else "Run again")
    at.get_by_key("again").click().run()
    assert runs.status(run).state == "queued"
    assert runs.cancel(run)


@pytest.mark.parametrize("run", ["0123456789abcdef", "", "../../etc/passwd", "<b>x</b>"])
def test_a_link_to_nothing_says_so(stored: Request, run: str) -> None:
    at = opened("run.py", id=run)
    assert heading(at) == "## There is no such run on this server."


def test_a_machine_without_models_asks_for_two_files(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LMC_CHECKPOINTS", str(tmp_path))
    at = opened()
    assert "Drop two checkpoints" in heading(at)
    assert len(at.get("file_uploader")) == 2


def test_a_file_of_no_known_kind_is_refused_in_words(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LMC_CHECKPOINTS", str(tmp_path))
    at = opened()
    at.get("file_uploader")[0].upload("empty.safetensors", b"", "application/octet-stream").run()
    at.run()
    assert [error.value for error in at.error] == [escaped("'empty.safetensors' is empty")]


def test_a_narrow_screen_gets_four_numbers_and_a_tall_figure(stored: Request) -> None:
    at = opened(layout="narrow")
    assert len(at.metric) == 4
    assert json.loads(at.get("plotly_chart")[0].proto.spec)["layout"]["height"] == 960


def test_a_position_of_the_slider_can_be_shared(stored: Request) -> None:
    for t, place in (("0.0", 0), ("1.0", 24)):
        figure = json.loads(opened(t=t).get("plotly_chart")[0].proto.spec)
        assert figure["layout"]["sliders"][0]["active"] == place


def test_the_saved_files_hold_what_the_page_shows(shown: Shown) -> None:
    files = {Path(file.name).suffix: file.make() for file in downloads.downloads(shown)}
    rows = list(csv.DictReader(io.StringIO(files[".csv"].decode())))
    naive = shown.result.naive
    assert [float(row["naive test loss"]) for row in rows] == naive.loss().tolist()
    arrays = np.load(io.BytesIO(files[".npz"]))
    np.testing.assert_array_equal(arrays["naive.test.loss"], naive.loss())
    for group, coupling in shown.result.alignment.couplings.items():
        np.testing.assert_array_equal(arrays[f"coupling.{group}"], coupling.perm)
    assert Request.parse(files[".json"].decode()).id == shown.run_id
    tensors = safetensors.numpy.load(files[".safetensors"])
    assert set(shown.result.symmetry.groups[0].written[0].split("[")[:1]) <= set(tensors)
    page = files[".html"].decode()
    assert shown.found.text.split(";")[0] in page
    assert "Plotly.newPlot" in page


def test_the_command_line_of_a_run_asks_for_the_same_run(shown: Shown) -> None:
    words = shlex.split(share.command(shown.result).replace("\\\n", " "))
    assert words[:3] == ["python", "-m", "lmc_core"]
    asked = _parser(words[3:]).parse_args(words[3:])
    request = shown.result.request
    assert (asked.data, asked.method, asked.points) == (request["data"], request["method"], request["points"])
    assert (asked.seed, asked.train_examples, asked.recalibrate) == (
        0,
        request["train_examples"],
        request["recalibrate"],
    )
    assert all((ROOT / file).exists() for file in (asked.a, asked.b))


def test_the_python_of_a_run_prints_the_barrier_it_promises(shown: Shown) -> None:
    code = share.python(shown.result)
    promised = code.rsplit("#", 1)[1].strip()
    ran = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert f"{float(ran.stdout):.3f}" == promised


@pytest.mark.parametrize(
    ("seconds", "said"), [(0.04, "0.0 s"), (9.94, "9.9 s"), (42.4, "42 s"), (59.9, "1 min 00 s"), (185, "3 min 05 s")]
)
def test_durations_are_read_at_a_glance(seconds: float, said: str) -> None:
    assert jobs.seconds(seconds) == said


def test_models_of_one_title_are_told_apart_in_the_picker() -> None:
    cards = {f"x/{k}": ModelCard(f"x/{k}", "A title that is longer than the picker can show", seed=k) for k in (0, 1)}
    cards |= {name: ModelCard(name, "mine", uploaded=True) for name in ("aaaa111111", "bbbb222222")}
    named = model_picker.titles(cards)
    assert len({title[: model_picker.ROOM] for title in named.values()}) == 4


def test_tensors_of_one_module_name_it_once() -> None:
    ranks = {"rnn.weight": 2, "rnn.bias": 1, "conv.weight": 4}
    said = symmetry.sides(("rnn.weight[0]", "rnn.bias[0]", "conv.weight[1]"), ranks)
    assert said == "rnn.weight rows, bias, conv.weight axis 1"


def test_no_name_from_a_file_becomes_markdown() -> None:
    hostile = "![x](http://evil/p.png) <img src=x> **b** __init__ :red[r] $x$ `c` | # 1. ~s~"
    assert all(f"\\{sign}" in escaped(hostile) for sign in "![]()<>*_:$`|#.~")
    assert escaped(hostile).replace("\\", "") == hostile
