"""Sentences about the measurements of the theory say no more than was measured."""

import numpy as np
import pytest

from lmc_core.diagnostics.exponent import Exponent
from lmc_core.diagnostics.gelbrich import Gelbrich
from lmc_core.diagnostics.laws import Law
from lmc_core.diagnostics.ledger import Entry, Ledger
from lmc_core.diagnostics.width import scaling
from lmc_core.figures.measurements import (
    dimension_figure,
    exponent_figure,
    law_figure,
    ledger_figure,
    measurement_height,
    split_figure,
)
from lmc_core.words.measurements import (
    dimension_alt,
    dimension_words,
    exponent_words,
    law_words,
    ledger_alt,
    ledger_words,
    split_words,
)

LINE = scaling("layer 1", [8, 16], [2.0, 1.5])


def law(after: float | None, label: str = "layer 1", **changed: object) -> Law:
    told = {"before": 2.0, "after": after, "subsets": LINE, "neighbours": 7.0, "split": Gelbrich(0.1, 0.1, 0.8)}
    return Law(label=label, **{**told, **changed})  # type: ignore[arg-type]


def ledger(*adds: float, saved: float = -0.01) -> Ledger:
    entries = tuple(Entry(f"fc{k}", value, 0.0, 0.1, 0.1) for k, value in enumerate(adds, 1))
    return Ledger(0.5, entries, saved, 100)


@pytest.mark.parametrize(
    ("after", "said"),
    [(1.04, "does not tell them from two samples"), (1.3, "layer 1 is farther apart"), (0.7, "not independent draws")],
)
def test_a_ratio_near_one_is_no_proof_of_one_law_and_another_is_said_to_be_so(after: float, said: str) -> None:
    assert said in str(law_words({"fc1": law(after)}))


def test_many_layers_that_differ_are_counted() -> None:
    found = {f"fc{k}": law(1.5, f"layer {k}") for k in range(5)}
    assert "5 of 5 layers are farther apart" in str(law_words(found))


def test_what_was_not_measured_is_said_to_be_so() -> None:
    none = {"fc1": law(None, subsets=None, neighbours=None, split=Gelbrich(0.0, 0.0, 0.0))}
    assert "nothing to compare" in str(law_words(none))
    assert "too few units" in str(dimension_words(none))
    assert "no distance to split" in str(split_words(none))
    assert "not measured" in dimension_alt(none)
    assert "no power" in str(exponent_words({}, {}))


def test_the_share_of_two_moments_is_that_of_the_layers() -> None:
    assert "explain 20 % of" in str(split_words({"fc1": law(1.0)}))


def test_the_layer_to_blame_is_the_one_that_adds_most() -> None:
    said = str(ledger_words(ledger(0.5, 0.9), ledger(0.3, 0.1)))
    assert "stands 0.39 above the chord: fc1 adds most, 0.30" in said
    assert "fc2 adds 0.90 of 1.39" in said


def test_nobody_is_to_blame_where_there_is_no_barrier() -> None:
    said = str(ledger_words(ledger(0.5, 0.9), ledger(0.001, -0.005, saved=-0.002)))
    assert "None: the loss of the aligned path lies below the chord" in said
    assert "−0.006" in ledger_alt(ledger(0.001, -0.005, saved=-0.002))


def test_an_exponent_is_said_with_its_interval_and_with_what_has_none() -> None:
    gap = Exponent(0.19, -0.04, 0.35, 3, 1.0)
    said = str(exponent_words({"gap": gap}, {"layer 1": LINE}))
    assert "β = 0.19 for the function gap (95 % interval −0.04 to 0.35)" in said
    assert "the barrier is zero at one of the widths and has none" in said
    assert "inside the interval of none; three pairs" in said
    assert "interval of the function gap" in str(exponent_words({"gap": Exponent(0.4, 0.1, 0.6, 3, 1.0)}, {}))


@pytest.mark.parametrize("layout", ["wide", "narrow"])
def test_every_picture_has_a_row_per_layer_also_where_little_was_measured(layout: str) -> None:
    found = {"fc1": law(1.0), "fc2": law(None, "layer 2", subsets=None, neighbours=None)}
    exponents = {"gap": Exponent(0.2, 0.0, 0.4, 3, 1.0)}
    for figure in (
        law_figure(found, layout=layout),  # type: ignore[arg-type]
        dimension_figure(found, layout=layout),  # type: ignore[arg-type]
        split_figure(found, layout=layout),  # type: ignore[arg-type]
        ledger_figure(ledger(0.2), layout=layout),  # type: ignore[arg-type]
        exponent_figure(exponents, {"layer 1": LINE}, layout=layout),  # type: ignore[arg-type]
    ):
        assert len(figure.layout.yaxis.ticktext) == 2
        assert figure.layout.height == measurement_height(2)


def test_the_bars_of_the_parts_end_at_the_whole() -> None:
    figure = split_figure({"fc1": law(1.0), "fc2": law(1.0, "layer 2", split=Gelbrich(0.0, 0.5, 1.5))})
    ends = np.array([np.asarray(bar.x, float) + np.asarray(bar.base, float) for bar in figure.data])
    np.testing.assert_allclose(ends, [[0.1, 0.0], [0.2, 0.25], [1.0, 1.0]], rtol=1e-6)
