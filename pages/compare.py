"""Methods on pairs of networks."""

import streamlit as st

from lmc_core import runs
from lmc_core.errors import LMCError, SettingError
from lmc_core.methods import METHODS
from lmc_core.runs.kinds.compare import CompareResult, ComparisonResult, expected, pairs_of
from lmc_core.runs.library import models as library
from pages._ask import pair_form
from pages._ask.fields import section
from pages._frame.url import choices
from pages._jobs import job, visitor
from pages._show.analysis import Analysis

WHAT = (
    "Alignment methods differ in what they compare and in how they search. This page runs those you choose on every "
    "pair of the models you choose and overlays the paths they find, with a table of barriers, objectives and times. "
    "Press *Compare the methods*."
)
EARLIER = 5  # comparisons from which the time of the next is guessed


def ask(default: runs.Request) -> runs.Request:
    """The comparison that the controls describe."""
    models, data = pair_form.several(default)
    pairs = len(pairs_of(models))
    st.caption(f"Every two models of one shape are a pair: {pairs} pair{'' if pairs == 1 else 's'}.")
    st.markdown("**Methods**")
    titles = {name: method.title for name, method in METHODS.items()}
    methods = choices("Methods", titles, default.options["methods"], "methods", label_visibility="collapsed")
    if not methods:
        raise SettingError("choose at least one method")
    measured = section("Evaluation", default, ("points", "train_examples", "test_examples", "seed", "device"))
    ids = [card.id for card in models]
    return runs.Request.of("compare", models=ids, data=data, methods=methods, **measured)


def expect(request: runs.Request) -> str:
    """How long it should take, going by what the same methods took here, and which of them takes most of it."""
    sizes = [a.parameters for a, _ in pairs_of([library.card(model) for model in request.options["models"]])]
    seconds = expected(request.options["methods"], sizes, _earlier())
    if not seconds:
        return ""
    total, slowest = sum(seconds.values()), max(seconds, key=lambda name: seconds[name])
    words = f"About {job.seconds(total)} on this machine"
    if len(seconds) > 1 and seconds[slowest] > total / 3:
        words += f"; {METHODS[slowest].title} takes {job.seconds(seconds[slowest])} of it"
    return f"{words}."


def _earlier() -> list[CompareResult]:
    found: list[CompareResult] = []
    for run in runs.recent(EARLIER, kind="compare", state="done", owner=visitor.name()):
        try:
            result = runs.result(run.id)
        except LMCError:  # deleted since, or of another version
            continue
        if isinstance(result, ComparisonResult):
            found += result.pairs
    return found


Analysis("compare", "Compare the methods", "Which method finds the way?", WHAT, ask, expect).draw()
