"""The path as a small picture."""

from __future__ import annotations

from lmc_core.figures.sketch import ENDS, INK, Curve, Dot, Sketch, axis_top, before_and_after, shares
from lmc_core.paths.profile import Profile
from lmc_core.words import numbers


def path_sketch(naive: Profile, aligned: Profile) -> Sketch:
    """Test loss from A to B, before and after alignment."""
    top = axis_top(naive.loss(), aligned.loss())
    before, after = (shares(profile.loss(), top) for profile in (naive, aligned))
    b0, b1 = (numbers.loss(profile.barrier()) for profile in (naive, aligned))
    peak, low = int(naive.excess().argmax()), int(aligned.excess().argmax())
    return Sketch(
        alt=f"Test loss from A to B: the barrier is {b0} without alignment and {b1} after it.",
        curves=(
            Curve([0, 1], [before[0], before[-1]], INK.grey.mark, 1.0, "2 3"),
            Curve(naive.t, before, INK.naive.mark, area=0.1),
            Curve(aligned.t, after, INK.aligned.mark, 3.0),
        ),
        dots=(
            Dot(float(naive.t[peak]), float(before[peak]), INK.naive, turned=True),
            Dot(float(aligned.t[low]), float(after[low]), INK.aligned, 4.5),
            Dot(0, float(before[0]), INK.a),
            Dot(1, float(before[-1]), INK.b),
        ),
        below=ENDS,
        numbers=before_and_after("barrier", naive.barrier(), aligned.barrier()),
    )
