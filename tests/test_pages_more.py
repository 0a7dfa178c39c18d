"""The pages beside Explore as scripts, without a browser: what they ask for, and what they show of a stored run."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest
from test_pages import heading, opened, texts

from lmc_core import runs
from lmc_core.errors import SettingError
from lmc_core.report import silent
from lmc_core.runs.kinds import MORE
from lmc_core.runs.request import Request
from lmc_core.runs.service import service

PAIR = {"a": "digits-mlp-32/seed0", "b": "digits-mlp-32/seed1", "data": "digits", "train_examples": 200}
ASKED = {
    "plane": {**PAIR, "method": "weight-matching", "grid": 5},
    "theory": {**PAIR, "method": "weight-matching"},
    "compare": {**PAIR, "methods": ["identity", "weight-matching", "activation-matching"], "points": 5},
    "width": {"method": "weight-matching", "settings": {"restarts": 1}, "train_examples": 100},
}
PAGES = {"compare": "compare.py", "plane": "landscape.py", "theory": "theory.py"}
SAID = {
    "compare": "one method, over the same examples",
    "plane": "Every point is a network",
    "theory": "which it can never exceed",
    "width": "trained alike but for",
}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A machine of its own, without an engine: what is asked for stays in the queue."""
    folder = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        for name in ("LMC_DATA", "LMC_CHECKPOINTS", "LMC_STORE", "LMC_DATABASE_URL"):
            patch.delenv(name, raising=False)
        patch.setenv("LMC_HOME", str(folder))
        yield folder


@pytest.fixture(scope="module")
def stored(home: Path) -> dict[str, Request]:
    """One small run of every kind, really computed and stored."""
    from lmc_core.runs.work import run

    made = {}
    for kind, options in ASKED.items():
        request = Request.of(kind, **options)
        folder = home / "work" / kind
        folder.mkdir(parents=True)
        found = run(request, silent, folder, "cpu")
        service().store.save(request.id, found, {path.name: path for path in folder.iterdir()})
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


def test_a_comparison_has_a_row_and_a_curve_per_method_and_the_best_is_in_the_finding(
    stored: dict[str, Request],
) -> None:
    at = opened("run.py", id=stored["compare"].id)
    table = at.dataframe[0].value
    assert len(table) == 3
    barriers = list(table["barrier, test"])
    assert barriers == sorted(barriers)
    assert str(table["method"].iloc[0]).lower() in heading(at).lower()
    assert at.get("plotly_chart")[0].proto.spec.count('"showlegend":true') >= 3


def test_every_method_looks_different() -> None:
    from lmc_core.figures.compare import style
    from lmc_core.methods import METHODS

    looks = [tuple(style(name).values()) for name in METHODS]
    assert len(set(looks)) == len(looks)
    assert len({look["symbol"] for look in map(style, METHODS)}) == len(METHODS)


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
