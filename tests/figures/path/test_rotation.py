"""The figure of the angles that a group was rotated by."""

from dataclasses import replace

import numpy as np
import pytest

from lmc_core.alignment.coupling import Coupling
from lmc_core.diagnostics.matching import match
from lmc_core.errors import InputError
from lmc_core.figures.path.rotation import BINS, rotation_figure
from lmc_core.symmetry.classes import draw
from lmc_core.words.matching import matching_rows, rotation_alt


def rotated(element):
    """Units before and after a map, with its angles."""
    rng = np.random.default_rng(0)
    a = rng.normal(size=(len(element), 20))
    found = match([a, rng.normal(size=a.shape), a], None, group="stream", label="stream of the blocks")
    return replace(found, angles=Coupling("stream", map=element).angles)


def test_a_random_rotation_lies_on_the_dashed_line():
    one = rotated(draw("orthogonal", 360, np.random.default_rng(1)))
    bars, line = rotation_figure(one).data[:2]
    counts = np.asarray(bars.y)[1:-1:2]
    assert counts.sum() == pytest.approx(360)
    assert np.asarray(line.y).tolist() == [20, 20]
    assert np.abs(counts - 20).max() < 8
    assert "half of them lie below 9" in rotation_alt(one) or "half of them lie below 8" in rotation_alt(one)


def test_units_that_stay_are_one_bar_at_zero():
    bars = rotation_figure(rotated(np.eye(8)), layout="narrow", theme="dark").data[0]
    assert np.asarray(bars.y)[1:-1:2].tolist() == [8] + [0] * (BINS - 1)


def test_a_group_that_was_re_ordered_has_no_angles():
    one = replace(rotated(np.eye(3)), angles=None)
    with pytest.raises(InputError, match="was not rotated"):
        rotation_figure(one)
    assert matching_rows({"stream": one})[0]["median rotation"] is None
