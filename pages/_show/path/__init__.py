"""The path between two networks, before and after alignment."""

from collections.abc import Mapping
from typing import Any

import streamlit as st

from lmc_core.methods import METHODS
from lmc_core.runs.kinds.path import PathResult
from lmc_core.runs.library import data as datasets
from lmc_core.words.marks import Text
from lmc_core.words.models import models_line
from lmc_core.words.numbers import inside, percent
from lmc_core.words.path import NOTHING_TO_ALIGN, other_paths, path_caption, path_cards, path_finding
from pages._show import layers
from pages._show.path import clouds, files, inspector, matching, others, picture, reproduce, symmetry
from pages._show.path.look import Look, controls
from pages._show.view import Shown, View


def look(result: PathResult, run_id: str) -> Look | None:
    """The row of controls, and what it asks for that has to be computed first."""
    if not result.clouds:
        return None
    chosen = controls(result, run_id)
    if clouds.cloud(result, run_id, chosen.group, chosen.projection) is None:
        clouds.offer(run_id, chosen.group, chosen.projection)
        return chosen.stored(result)
    others.offer(result, chosen.overlay)  # one job at a time is watched
    return chosen


def shown(result: PathResult, run_id: str, look: Look | None) -> Shown:
    found = path_finding(result.naive, result.aligned, result.alignment.method, max(len(result.data.classes), 2))
    spent, cloud, more = result.seconds, None, Text()
    caption = NOTHING_TO_ALIGN
    if look is not None:
        cloud = clouds.cloud(result, run_id, look.group, look.projection)
        if cloud is not None:
            layer = result.layers.get(cloud.group)
            signal = None if layer is None else layer.signal
            caption = path_caption(result.naive, result.aligned, cloud, found.case, signal=signal)
        if look.overlay or result.curve:
            beside = {METHODS[name].title: path for name, path in others.paths(result, look.overlay).items()}
            bent = result.curve.profile if result.curve else None
            more = other_paths((result.alignment.title, result.aligned), beside, bent)
    ends = [percent(float(result.naive.accuracy()[end])) for end in (0, -1)]
    details = [f"test accuracy {ends[0]}", ends[1]]
    return Shown(
        run_id,
        result,
        look,
        found.sentence,
        more,
        about=models_line(result.models, datasets.title(result.data.name), result.naive.examples, details=details),
        cards=path_cards(
            result.naive,
            result.aligned,
            cloud,
            align_seconds=spent.get("align"),
            evaluate_seconds=spent.get("evaluate"),
            device=result.device,
        ),
        caption=caption,
        notes=(*result.alignment.notes, *result.notes),
        tables=files.tables(result),
        pictures=lambda: files.pictures(result, cloud, caption),
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
    tabs={"Matching": matching.body, "Layers": layers.body, "Symmetry": symmetry.body},
    height=460,
    brief=4,
    title="Path",
    page="explore",
    doing=doing,
)
