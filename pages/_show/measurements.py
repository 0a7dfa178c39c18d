"""Measurements of the theory on one pair: each a picture with its sentence."""

from functools import partial

import streamlit as st

from lmc_core.figures.measurements import measurement_height
from lmc_core.runs.kinds.theory import TheoryResult
from lmc_core.runs.summary.theory import measured
from pages._show.chart import caption, chart, same_height
from pages._show.view import Shown


def body(shown: Shown) -> None:
    """Two beside each other, or on a phone one under the other."""
    result: TheoryResult = shown.result
    every = measured(result)
    if not every:
        st.caption("The laws of the layers were not measured in this run: measure the pair again to see them.")
        return
    for start in range(0, len(every), 2):
        for place, one in zip(st.columns(2, gap="large"), every[start : start + 2], strict=False):
            with place:
                height = partial(same_height, measurement_height(one.rows))
                chart(one.name, shown.run, one.make, one.alt, height=height)
                caption(one.name, one.words)
