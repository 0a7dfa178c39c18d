"""How well the units fit, before and after."""

from functools import partial

import streamlit as st

from lmc_core.figures.path.matching import matching_figure
from lmc_core.figures.path.rotation import rotation_figure
from lmc_core.words.matching import MATCHING_CAPTION, ROTATION_CAPTION, matching_alt, matching_rows, rotation_alt
from pages._show import chart, pick, table
from pages._show.view import Shown


def body(shown: Shown) -> None:
    """The tab."""
    found, look = shown.result.matching, shown.look
    if look is None or look.group not in found:
        st.caption("There is nothing to match in this network.")
        return
    pick.layer("matching", {name: one.label for name, one in found.items()}, look.group)
    make = partial(matching_figure, found, look.group)
    chart.chart("matching", shown.run, make, matching_alt(found, look.group), look=(look.group,))
    chart.caption("matching", MATCHING_CAPTION)
    if (chosen := found[look.group]).angles is not None:
        chart.chart("rotation", shown.run, partial(rotation_figure, chosen), rotation_alt(chosen), look=(look.group,))
        chart.caption("rotation", ROTATION_CAPTION)
    rows = matching_rows(found)
    columns = {name: [row[name] for row in rows] for name in rows[0] if any(row[name] is not None for row in rows)}
    table.show(columns, "Each group: units moved or rotated, cost before and after")
