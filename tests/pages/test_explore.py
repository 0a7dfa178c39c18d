"""The Explore page as a script, without a browser: a real stored run, and everything that can go wrong."""

import json
from pathlib import Path

import pytest
from asking import path_request
from scripts import computed, heading, opened, texts

from lmc_core import runs
from lmc_core.methods import METHODS
from lmc_core.runs import keep
from lmc_core.runs.kinds.request import Request
from pages._ask import links
from pages._frame.text import escaped

TABS = {
    "Matching": "A good matching moves the whole histogram left",
    "Layers": "averaging weights and averaging activations",
    "Symmetry": "groups of units were found and verified",
    "Data": "Loss is the mean cross-entropy",
    "Reproduce": "Link to this result",
}


@pytest.fixture(scope="module")
def stored(home: Path) -> Request:
    """The default run, really computed and stored."""
    request = runs.default_request()
    assert request is not None
    return computed(request, home / "work")


@pytest.fixture
def no_models(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LMC_CHECKPOINTS", str(tmp_path))


def similar(stored: Request, **changes: object) -> Request:
    """The default request with another seed or number of points."""
    return path_request(**{name: value for name, value in stored.options.items() if name != "fingerprints"} | changes)


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


@pytest.mark.parametrize(("version", "meant"), [("1", 1), ("2", 1), ("3", 3), (None, 3)])
def test_a_link_of_an_earlier_version_means_the_starts_of_its_time(
    stored: Request, version: str | None, meant: int
) -> None:
    at = opened(method="full-symmetry-matching", **({} if version is None else {"v": version}))
    assert at.get_by_key("full-symmetry-matching.restarts").value == meant


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
    at = opened(**links.query("path", wanted.options))
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
    at = opened(page, **({"id": run} if page else links.query("path", request.options)))
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


def test_a_method_is_recommended_for_the_networks_with_its_reason(stored: Request) -> None:
    assert "**Recommended for these networks**: it looks at what units do with the data" in texts(opened())
    assert "**Recommended for these networks** is activation matching" in texts(opened(method="weight-matching"))
    attending = texts(opened(a="digits-vit/seed0", b="digits-vit/seed1"))
    assert "**Recommended for these networks**: networks with attention" in attending


def test_a_position_of_the_slider_can_be_shared(stored: Request) -> None:
    for t, place in (("0.0", 0), ("1.0", 24)):
        figure = json.loads(opened(t=t).get("plotly_chart")[0].proto.spec)
        assert figure["layout"]["sliders"][0]["active"] == place
