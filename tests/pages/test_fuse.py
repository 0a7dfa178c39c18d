"""The Fuse page as a script, without a browser: what it shows, what it asks for, and how its address says so."""

import json
from pathlib import Path
from typing import Any

import pytest
from asking import request_of
from scripts import computed, heading, opened, texts
from streamlit.testing.v1 import AppTest

from lmc_core import runs
from lmc_core.runs import keep
from lmc_core.runs.kinds.fuse import FuseResult
from lmc_core.runs.kinds.request import Request
from lmc_core.words.fuse import fuse_groups, fuse_paths, fuse_scores
from pages._ask import links
from pages._show import files
from pages._show.fuse import shelf
from pages._show.view import view

SMALL = ["digits-mlp-32/seed0", "digits-mlp-32/seed1"]
TABS = {
    "Groups": "is a mean: 1.00 where they were matched one to one",
    "History": "Each method has its own objective",
    "Data": "mean cross-entropy",
    "Reproduce": "Command line",
}


@pytest.fixture(scope="module")
def stored(home: Path) -> Request:
    """What the page shows at the first visit, really computed and stored."""
    request = runs.default_request("fuse")
    assert request is not None
    return computed(request, home / "work")


def found(stored: Request) -> FuseResult:
    result = runs.result(stored.id)
    assert isinstance(result, FuseResult)
    return result


def asked(at: AppTest) -> dict[str, Any]:
    """What the button asks for; it is taken back."""
    at.get_by_key("go").click().run()
    assert not at.exception
    (now,) = runs.recent(1, kind="fuse", state="queued", owner=at.session_state["visitor"])
    runs.cancel(now.id)
    return dict(runs.request(now.id).options)


def test_the_first_visit_shows_three_networks_fused(stored: Request) -> None:
    at = opened("fuse.py")
    said = heading(at)
    assert "the three networks keep" in said
    assert "averaging their weights as they are gives :orange[10" in said
    assert len(at.metric) == 5
    assert len(at.get("plotly_chart")) == 1
    assert "Shares (sum to 1): A 33.3% · B 33.3% · C 33.3%" in texts(at)
    assert not at.query_params


def test_a_link_shows_the_stored_fusion_and_leads_back_to_its_controls(stored: Request) -> None:
    at = opened("run.py", id=stored.id)
    assert "the three networks keep" in heading(at)
    assert "Change something in Fuse" in [link.proto.label for link in at.get("page_link")]


@pytest.mark.parametrize("tab", TABS)
def test_every_tab_opens_from_its_link(stored: Request, tab: str) -> None:
    assert TABS[tab] in texts(opened("fuse.py", tab=tab))


def test_a_slider_changes_the_shares_the_address_and_the_request(stored: Request) -> None:
    at = opened("fuse.py")
    at.slider(key="weight:digits-mlp-128/seed0").set_value(100).run()
    assert "A 50.0% · B 25.0% · C 25.0%" in texts(at)
    assert at.query_params["weights"] in ("100,50,50", ["100,50,50"])
    assert "The controls have changed" in texts(at)
    assert asked(at)["weights"] == [0.5, 0.25, 0.25]


def test_a_second_slider_that_knows_no_new_address_leaves_the_first_where_it_is(stored: Request) -> None:
    at = opened("fuse.py")
    for seed, share in ((0, 100), (1, 0), (0, 50), (2, 0)):
        at.query_params.clear()
        if (seed, share) == (2, 0):
            at.query_params["weights"] = "100,0,50"  # of two clicks before
        at.slider(key=f"weight:digits-mlp-128/seed{seed}").set_value(share).run()
    assert at.query_params["weights"] in ("50,0,0", ["50,0,0"])


@pytest.mark.parametrize(
    "wanted",
    [
        {"models": SMALL, "weights": [1, 3], "widths": 48, "method": "ot-fusion", "settings": {"solver": "sinkhorn"}},
        {
            "models": SMALL[::-1],
            "weights": [0, 2],
            "widths": {"fc2": 40},
            "finetune": 3,
            "rate": 0.05,
            "temperature": True,
        },
        {"models": [*SMALL, "digits-mlp-128/seed1"], "recalibrate": "repair", "points": 7, "seed": 5, "device": "cpu"},
        {"models": SMALL, "method": "c2m3", "settings": {"polish": 2}, "recalibrate": None, "train_examples": 400},
    ],
)
def test_the_controls_of_a_fusion_ask_for_it_again(stored: Request, wanted: dict[str, Any]) -> None:
    request = request_of("fuse", **wanted)
    query = links.query("fuse", request.options)
    assert asked(opened("fuse.py", **query)) == dict(request.options)


def test_networks_that_do_not_fit_are_explained_and_cannot_be_asked_for(stored: Request) -> None:
    at = opened("fuse.py", models="digits-mlp-128/seed0,digits-cnn/seed0")
    assert "two architectures" in at.warning[0].value
    assert not [button for button in at.button if button.key == "go"]
    at.multiselect(key="models").set_value(SMALL).run()
    assert not at.warning
    assert asked(at)["models"] == SMALL


def test_a_method_that_keeps_the_widths_offers_no_others(stored: Request) -> None:
    at = opened("fuse.py", models=",".join(SMALL), widths="one", width="96", fusion="merge-many")
    assert "MergeMany keeps the widths: fc1 32, fc2 32, fc3 32." in texts(at)
    assert asked(at)["widths"] is None


def test_nonsense_in_the_address_falls_back(stored: Request) -> None:
    at = opened("fuse.py", models="nothing,digits-mlp-32/seed0,../../x", weights="9,x", widths="wide", fusion="magic")
    assert "there is one" in at.warning[0].value
    at = opened("fuse.py", weights="-1,2,3")
    assert "the three networks keep" in heading(at)


def test_the_fused_network_is_sent_to_the_library_of_who_asked(stored: Request) -> None:
    at = opened("fuse.py")
    at.get_by_key("send").click().run()
    assert not at.exception
    (now,) = runs.recent(1, kind="inspect", state="queued", owner=at.session_state["visitor"])
    assert now.title == shelf.filename(found(stored), "fused.safetensors")
    assert not now.listed


def test_files_hold_every_network_and_every_path(stored: Request, monkeypatch: pytest.MonkeyPatch) -> None:
    result = found(stored)
    scores, paths = fuse_scores(result.outcome), fuse_paths(result.outcome)
    assert [name.split(",")[0] for name in scores["network"]] == ["A", "B", "C", "ensemble", "plain average", "fused"]
    assert scores["test acc."][-1] == pytest.approx(100 * result.outcome.final["test"]["accuracy"])
    assert {len(column) for column in paths.values()} == {2 * 3 * 11}
    assert set(fuse_groups(result.groups, result.parent_groups, result.sources)) == {
        "group",
        "A",
        "B",
        "C",
        "fused",
        *(f"units of {k} per fused unit" for k in "ABC"),
    }
    monkeypatch.setattr("pages._jobs.visitor.name", lambda: "ann")
    saved = {file.label: file.make() for file in files.files(view("fuse").shown(result, stored.id, None))}
    page = saved["Report, HTML"].decode()
    for part in (result.finding, "python -m lmc_core fuse", "Groups of hidden units"):
        assert part in page
    assert json.loads(saved["Everything, JSON"])["fingerprint"] == result.fingerprint


def test_a_fusion_that_failed_says_so_in_its_own_words(stored: Request) -> None:
    request = request_of("fuse", models=SMALL, seed=99)
    runs.submit(request)
    while (claimed := keep.opened().index.claim("a server")) is not None and claimed.id != request.id:
        keep.opened().index.finish(claimed.id, "cancelled")
    keep.opened().index.finish(request.id, "failed", reason="tensor 'x' has another shape")
    at = opened("run.py", id=request.id)
    assert heading(at) == "## These networks could not be fused."
    assert "Tensor 'x' has another shape" in texts(at).replace("\\", "")


@pytest.mark.parametrize(
    ("version", "given", "meant"),
    [
        ("1", None, 1000.0),
        ("2", None, 64.0),
        (None, None, 64.0),
        ("1", "3.0", 3.0),
        ("2", "1000.0", 1000.0),
        ("3", None, 64.0),
    ],
)
def test_a_link_of_an_earlier_version_means_the_defaults_of_its_time(
    stored: Request, version: str | None, given: str | None, meant: float
) -> None:
    asked = {"v": version, "gromov-wasserstein-barycenter.alpha": given}
    at = opened("fuse.py", fusion="gromov-wasserstein-barycenter", **{k: v for k, v in asked.items() if v is not None})
    assert at.number_input("gromov-wasserstein-barycenter.alpha").value == meant
    assert not at.exception
