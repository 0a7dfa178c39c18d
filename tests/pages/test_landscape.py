"""The Landscape page as a script, and what it shows of a stored plane."""

import pytest
from asking import request_of
from scripts import opened, texts

from lmc_core import runs
from lmc_core.errors import SettingError
from lmc_core.runs.kinds.request import Request
from pages._show import plane


def test_the_plane_is_drawn_as_maps_and_as_a_relief(analyses: dict[str, Request]) -> None:
    drawn = {shape: opened("run.py", id=analyses["plane"].id, shape=shape) for shape in ("maps", "relief", "nonsense")}
    kinds = {shape: at.get("plotly_chart")[0].proto.spec for shape, at in drawn.items()}
    assert '"contour"' in kinds["maps"]
    assert '"surface"' in kinds["relief"]
    assert '"contour"' in kinds["nonsense"]
    heights = [opened("run.py", id=analyses["plane"].id, shape="relief", height=name) for name in ("loss", "accuracy")]
    assert len({at.get("plotly_chart")[0].proto.spec for at in heights}) == 2


def test_the_plane_of_three_models_names_them_all_and_aligns_nothing(analyses: dict[str, Request]) -> None:
    three = {"a": "digits-mlp-128/seed0", "b": "digits-mlp-128/seed1", "third": "digits-mlp-128/seed2"}
    request = request_of("plane", **three, grid=5)
    assert request.options["method"] is None
    assert len(request.options["fingerprints"]) == 3
    assert runs.find(Request.parse(request.json)) == request.id
    at = opened("landscape.py", third=three["third"])
    assert at.get_by_key("third").value == three["third"]
    assert "Method" not in texts(at)
    at.get_by_key("go").click().run()
    (now,) = runs.recent(1, kind="plane", state="queued", owner=at.session_state["visitor"])
    assert now.title == "Digits MLP, 3 × 128, seeds 0, 1 and 2"
    runs.cancel(now.id)
    with pytest.raises(SettingError, match="named twice"):
        request_of("plane", **three | {"third": three["b"]})


@pytest.mark.parametrize("asked", ["1,2", "nan,1,1", "0,0,0", "99,1,1", "<b>", None])
def test_an_address_that_names_no_place_for_the_camera_leaves_it_where_it_is(asked: str | None) -> None:
    assert plane.eye(asked) is None
    assert plane.eye("1,-2.5,0.75") == (1.0, -2.5, 0.75)
