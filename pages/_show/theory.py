"""What the theory speaks of, measured on one pair."""

from functools import partial

from lmc_core.figures.theory import theory_figure, theory_height
from lmc_core.runs.kinds.theory import TheoryResult
from lmc_core.runs.summary.theory import drawn_from, summary
from lmc_core.words.theory import theory_alt
from pages._show import layers, measurements
from pages._show.chart import chart
from pages._show.view import Shown, View


def shown(result: TheoryResult, run_id: str, look: None) -> Shown:
    return Shown.of(summary(result), run_id, look)


def figure(shown: Shown) -> None:
    result = shown.result
    make = partial(theory_figure, *drawn_from(result))
    alt = theory_alt(result.naive, result.aligned, result.matching)
    chart("theory", shown.run, make, alt, height=partial(theory_height, len(result.layers)))


VIEW = View(
    shown,
    figure=figure,
    under=measurements.body,
    tabs={"Layers": layers.body},
    height=460,
    title="Theory",
    page="theory",
)
