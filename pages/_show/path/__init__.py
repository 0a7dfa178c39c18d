"""The path between two networks, before and after alignment."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import streamlit as st

from lmc_core.methods import METHODS
from lmc_core.runs.kinds.path import PathResult
from lmc_core.runs.library import layers as library
from lmc_core.runs.summary.path import with_cloud
from lmc_core.words.classes import classes_caption
from lmc_core.words.marks import Text, joined
from lmc_core.words.numbers import inside
from lmc_core.words.path import other_paths
from pages._show import layers
from pages._show.path import clouds, files, inspector, later, matching, others, picture, reproduce, symmetry
from pages._show.path.look import Look, controls
from pages._show.view import Shown, View


def look(result: PathResult, run_id: str) -> Look | None:
    """The row of controls, and what it asks for that has to be computed first."""
    if not result.clouds:
        return None
    _, result = library.whole(run_id, result)
    chosen = controls(result, run_id)
    if clouds.cloud(result, run_id, chosen.group, chosen.projection) is None:
        clouds.offer(run_id, chosen.group, chosen.projection)
        return chosen.stored(result)
    others.offer(result, chosen.overlay)  # one job at a time is watched
    return chosen


def shown(result: PathResult, run_id: str, look: Look | None) -> Shown:
    cloud, more, (_, result) = None, Text(), library.whole(run_id, result)
    if look is not None:
        cloud = clouds.cloud(result, run_id, look.group, look.projection)
        if look.overlay or result.curve:
            beside = {METHODS[name].title: path for name, path in others.paths(result, look.overlay).items()}
            bent = result.curve.profile if result.curve else None
            more = other_paths((result.alignment.title, result.aligned), beside, bent)
    said = with_cloud(result, cloud)
    if look is not None and look.classes and (found := result.preferred.get(look.group)) is not None:
        said = replace(said, caption=joined([classes_caption(found, len(result.data.classes)), said.caption]))
    return Shown.of(
        said,
        run_id,
        look,
        more=more,
        listings={
            "Command line": lambda: reproduce.command(result),
            "Python": lambda: reproduce.python(result),
        },
        files=files.files(result, run_id),
    )


def figure(shown: Shown) -> None:
    if shown.look is not None:
        fragment(shown.run, shown.look)


@st.fragment
def fragment(run_id: str, look: Look) -> None:
    """The figure, and the unit that was clicked in it: a click draws nothing else anew.

    Only the name of the run is kept for that, not the run: there may be many visitors.
    """
    picture.draw(run_id, look)
    if not st.context.is_embedded:
        inspector.draw(run_id, look)


def doing(options: Mapping[str, Any]) -> str:
    """The heading while it is computed."""
    return f"Aligning :violet[B] to :blue[A] by {inside(METHODS[options['method']].title)}"


VIEW = View(
    shown,
    look,
    figure,
    tabs={"Matching": later.tab(matching.body), "Layers": later.tab(layers.body), "Symmetry": symmetry.body},
    height=460,
    brief=4,
    title="Path",
    page="explore",
    doing=doing,
)
