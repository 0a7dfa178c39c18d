"""All layers side by side: features, spread, dimension; of a run that compared them they are shown where it belongs."""

from functools import partial

import streamlit as st

from lmc_core.figures.path.layers import layers_figure
from lmc_core.runs.kinds.layers import LayersResult
from lmc_core.runs.summary.layers import summary
from lmc_core.words.layers import layers_alt, layers_caption
from pages._frame.navigation import lead
from pages._show import chart, pick
from pages._show.view import Shown, View


def body(shown: Shown) -> None:
    """The tab."""
    found = shown.result.layers
    if not found:
        st.caption("There is no layer whose units could be compared.")
        return
    group = getattr(shown.look, "group", None)
    pick.layer("layers", {name: layer.label for name, layer in found.items()}, group)
    make = partial(layers_figure, found, group)
    chart.chart("layers", shown.run, make, layers_alt(found), look=(group,))
    chart.caption("layers", layers_caption(found))


def shown(result: LayersResult, run_id: str, look: None) -> Shown:
    """What is said of layers that were compared after their run."""
    return Shown.of(summary(result), run_id, look)


def figure(shown: Shown) -> None:
    """The way to the run that they belong to."""
    lead("run", "See them in their run", {"id": shown.result.request["run"], "tab": "Layers"})


VIEW = View(shown, figure=figure, failed="The layers of these networks could not be compared.")
