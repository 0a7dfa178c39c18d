"""The Compare page as a script, and what it shows of a stored comparison."""

import json
from pathlib import Path

import numpy as np
import pytest
from asking import request_of
from scripts import heading, opened, texts

from lmc_core import runs
from lmc_core.errors import SettingError
from lmc_core.figures.compare import compare_figure, separating
from lmc_core.paths.profile import Profile
from lmc_core.report import silent
from lmc_core.runs import keep
from lmc_core.runs.kinds.compare import ComparisonResult, expected
from lmc_core.runs.kinds.request import Request
from pages._frame.text import escaped


def test_a_comparison_has_a_row_per_method_and_pair_and_a_panel_per_pair(analyses: dict[str, Request]) -> None:
    at = opened("run.py", id=analyses["compare"].id)
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


def test_the_axes_of_all_pairs_are_the_same(analyses: dict[str, Request]) -> None:
    found = runs.result(analyses["compare"].id)
    assert isinstance(found, ComparisonResult)
    pairs = {pair.title: pair.profiles for pair in found.pairs}
    for how in ({}, {"axis": "log"}, {"metric": "accuracy"}, {"layout": "narrow", "theme": "dark"}):
        layout = compare_figure(pairs, **how).layout
        assert layout.yaxis.range == layout.yaxis2.range
        assert layout.xaxis.range == layout.xaxis2.range


def flat(height: float, bump: float) -> Profile:
    t = np.linspace(0, 1, 9)
    loss = height + bump * np.sin(np.pi * t)
    return Profile(t, {"test": {"loss": loss, "accuracy": 1 - loss / 10}}, {"test": 100})


def test_curves_are_drawn_on_the_axis_that_separates_them() -> None:
    aligned = {f"method {k}": flat(0.08, 0.002 * 2**k) for k in range(5)}
    assert separating({"pair": {"identity": flat(0.08, 1.1), **aligned}}) == "log"
    assert separating({"pair": {"identity": flat(0.08, 1.1), "method 0": aligned["method 0"]}}) == "linear"
    assert separating({"pair": {f"method {k}": flat(1.0, 0.2 * k) for k in range(5)}}) == "linear"
    assert separating({"pair": {}}) == separating({}) == "linear"
    nothing = {f"method {k}": flat(0.0, 0.0) for k in range(3)}
    assert separating({"pair": nothing}) == "linear"
    compare_figure({"pair": {"identity": flat(0.0, 1.0), **nothing}})


def test_compare_opens_on_that_axis_and_another_is_kept_in_the_address(analyses: dict[str, Request]) -> None:
    found = runs.result(analyses["compare"].id)
    assert isinstance(found, ComparisonResult)
    best = separating({pair.title: pair.profiles for pair in found.pairs})
    other = next(kind for kind in ("linear", "log") if kind != best)
    for asked, drawn in ((None, best), (best, best), (other, other)):
        at = opened("run.py", id=analyses["compare"].id, **({} if asked is None else {"axis": asked}))
        assert at.get_by_key("axis").value == drawn
        layout = json.loads(at.get("plotly_chart")[0].proto.spec)["layout"]
        assert (layout["yaxis"].get("type") == "log") == (drawn == "log")
        assert ("axis" in at.query_params) == (drawn != best)


def test_networks_that_do_not_fit_are_rows_with_the_reason_and_not_a_crash(home: Path) -> None:
    from lmc_core.runs.work.run import run

    pair = ["digits-mlp-32/seed0", "digits-cnn/seed0"]
    request = request_of("compare", models=pair, methods=["identity", "weight-matching"], points=3)
    found = run(request, silent, home, "cpu")
    keep.opened().store.save(request.id, found)
    runs.submit(request)
    at = opened("run.py", id=request.id)
    assert heading(at) == "## No method could align these networks."
    table = at.dataframe[0].value
    assert len(table) == 2
    said = [caption.value for caption in at.caption if "shape" in caption.value]
    assert [words.partition(":")[0] for words in said] == [f"**{escaped(title)}**" for title in table["method"]]
    assert not at.get("plotly_chart")


def test_choices_of_compare_are_in_the_address_and_ask_for_every_pair_of_one_shape(
    analyses: dict[str, Request],
) -> None:
    names = "digits-mlp-32/seed0,digits-mlp-128/seed1,digits-mlp-32/seed1"
    at = opened("compare.py", networks=names, methods="weight-matching,frank-wolfe")
    assert at.multiselect[0].value == names.split(",")
    assert "1 pair." in texts(at)
    at.get_by_key("go").click().run()
    (now,) = runs.recent(1, kind="compare", state="queued", owner=at.session_state["visitor"])
    asked = runs.request(now.id).options
    assert asked["models"] == names.split(",")
    assert asked["methods"] == ["weight-matching", "frank-wolfe"]
    runs.cancel(now.id)
    at.multiselect[1].set_value([]).run()
    assert at.error[0].value == "choose at least one method"


def test_models_without_a_pair_and_too_many_pairs_are_refused(home: Path) -> None:
    for models in ([], ["digits-mlp-32/seed0"], ["digits-mlp-32/seed0", "digits-cnn/seed0", "digits-lstm/seed0"]):
        with pytest.raises(SettingError, match="pairs"):
            request_of("compare", models=models)


def test_progress_of_a_comparison_only_grows(home: Path) -> None:
    from lmc_core.runs.work.run import run

    seen: list[tuple[str, int, str]] = []
    models = [f"digits-mlp-32/seed{seed}" for seed in (0, 1)] + [f"digits-mlp-128/seed{seed}" for seed in (0, 1)]
    request = request_of("compare", models=models, methods=["identity", "activation-matching"], points=3)
    run(request, lambda stage, done, total, part="": seen.append((stage, done, part)), home, "cpu")
    shares = [done for stage, done, _ in seen if stage.startswith("Aligning")]
    assert shares == sorted(shares)
    assert shares[-1] > 900
    assert any("pair 2 of 2" in part for _, _, part in seen)


def test_the_expected_time_grows_with_pairs_and_size_and_slow_methods(analyses: dict[str, Request]) -> None:
    found = runs.result(analyses["compare"].id)
    assert isinstance(found, ComparisonResult)

    def total(methods: list[str], sizes: list[int]) -> float:
        return sum(expected(methods, sizes, found.pairs).values())

    size = found.models[0].parameters
    one = total(["weight-matching"], [size])
    assert 0 < one < total(["weight-matching"], [size, size]) == pytest.approx(2 * one)
    assert total(["weight-matching"], [10 * size]) > 10 * one
    assert total(["straight-through"], [size]) == pytest.approx(10 * one), "never run here"
    assert expected(["weight-matching"], [size], []) == {}
