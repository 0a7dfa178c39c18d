"""A theory run keeps the law of every layer and ledgers that close."""

from functools import cache
from pathlib import Path

import pytest

from lmc_core.report import silent
from lmc_core.runs.kinds.request import Request
from lmc_core.runs.kinds.theory import TheoryResult, ledger_rows, theory_rows
from lmc_core.runs.kinds.width import WidthResult
from lmc_core.runs.library.entry import bind
from lmc_core.runs.summary.theory import measured
from lmc_core.runs.work.run import run


@cache
def theory(data: str = "digits") -> TheoryResult:
    pair = {"a": "digits-mlp-32/seed0", "b": "digits-mlp-32/seed1", "data": data}
    return run(bind(Request.of("theory", **pair, method="activation-matching")), silent, Path(), "cpu")  # type: ignore[no-any-return, return-value]


def test_both_ledgers_sum_to_the_largest_loss_above_the_chord() -> None:
    found = theory()
    assert found.ledgers is not None
    for booked, gap in zip(found.ledgers, (found.naive, found.aligned), strict=True):
        assert booked.total == pytest.approx(gap.excess[1:-1].max(), abs=1e-5)
        assert booked.examples == gap.examples
    assert [row["layer"] for row in ledger_rows(found)] == ["fc1", "fc2", "fc3", "fc4"]
    assert found.json["ledger"]["aligned"]["entries"][0]["layer"] == "fc1"


def test_every_layer_has_its_law_and_the_first_does_not_depend_on_the_order_of_units() -> None:
    found = theory()
    assert list(found.laws) == list(found.matching)
    first, *later = found.laws.values()
    assert first.before == pytest.approx(first.after, rel=0.25)
    for law in later:
        assert law.before is not None
        assert law.after is not None
        assert law.before > law.after
    assert all(0 < (law.split.share or 0) < 1 for law in found.laws.values())
    assert {"R, aligned", "dimension from subsets"} <= theory_rows(found)[0].keys()
    assert [one.name for one in measured(found)] == ["law", "dimension", "split", "ledger", "removed"]
    assert 0 < found.removed["orders"] < 1
    assert found.json["removed"] == found.removed


def test_three_widths_have_an_exponent_of_what_is_positive_at_all_of_them() -> None:
    found = run(bind(Request.of("width", method="activation-matching")), silent, Path(), "cpu")
    assert isinstance(found, WidthResult)
    gap = found.exponents["gap"]
    assert gap.low < gap.beta < gap.high
    assert gap.pairs == 3
    positive = min(row.aligned.barrier() for row in found.rows) > 0
    assert ("barrier" in found.exponents) == positive
    assert found.json["exponents"]["gap"]["beta"] == gap.beta
