"""How fast something falls with the width of the networks, with an interval."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from lmc_core.errors import InputError

RESAMPLES = 2_000
LEVEL = 0.95


@dataclass(frozen=True)
class Exponent:
    """A power law through pairs of several widths: log B = a − β log m.

    beta         by least squares
    low, high    of the interval of β at `level`
    pairs        how many pairs of networks it rests on
    constant     a
    """

    beta: float
    low: float
    high: float
    pairs: int
    constant: float
    level: float = LEVEL

    def at(self, width: float) -> float:
        """B of the fitted law at a width."""
        return float(np.exp(self.constant - self.beta * np.log(width)))

    def holds(self, beta: float) -> bool:
        """Whether the interval holds an exponent."""
        return self.low <= beta <= self.high


def exponent(
    widths: Sequence[float],
    values: Sequence[float],
    *,
    rng: np.random.Generator,
    resamples: int = RESAMPLES,
    level: float = LEVEL,
) -> Exponent:
    """The exponent β of log B = a − β log m over pairs of networks, with a bootstrap-t interval over the pairs.

    Every resample gives each pair the residual of a random one, ± r_i / √(1 − h_i) with h the leverage, refits, and
    keeps t* = (β* − β) / se*; the interval is β − t*_(1−α/2) se … β − t*_(α/2) se (Davison 1997, section 6.2.4). Plain
    percentiles of a few pairs cover too seldom: t is studentised, and residuals are smoothed by normal noise of
    n^(−1/5) times their deviation (Davison 1997, section 3.4). Pairs count as independent: those that share a network
    are not quite, and the interval is then too short.

    widths, values   one per pair: its width m, and what was measured of it, B > 0
    rng              draws the resamples

    Raises InputError for fewer than three pairs or two widths, and for values that have no logarithm.
    """
    m, b = np.asarray(widths, np.float64), np.asarray(values, np.float64)
    if m.shape != b.shape or len(m) < 3 or len(np.unique(m)) < 2:
        raise InputError(f"an exponent needs three pairs of two widths or more; given are {len(b)} of widths {list(m)}")
    if not (np.isfinite(b).all() and (b > 0).all()):
        raise InputError(f"only positive values follow a power law; the least of these is {b.min():.3g}")
    x, y = np.log(m) - np.log(m).mean(), np.log(b)
    size, count = float(x @ x), len(m)
    slope = float(x @ y) / size
    left = y - y.mean() - slope * x
    error = np.sqrt(left @ left / (count - 2) / size)
    spare = (1 - 1 / count - x**2 / size).clip(min=1e-9)
    residuals = left / np.sqrt(spare)
    shape = (resamples, count)
    drawn = rng.choice(residuals - residuals.mean(), shape) * rng.choice([-1, 1], shape)
    drawn = drawn + rng.normal(size=shape) * residuals.std() * count**-0.2
    slopes = drawn @ x / size
    others = drawn - drawn.mean(1, keepdims=True) - slopes[:, None] * x
    errors = np.sqrt((others**2).sum(1) / (count - 2) / size)
    t = np.divide(slopes, errors, out=np.zeros(resamples), where=errors > 1e-12 * (error or 1.0))
    low, high = np.quantile(t, [(1 - level) / 2, (1 + level) / 2])
    # the slope is −β: its interval turns round
    return Exponent(
        beta=-slope,
        low=float(-slope + low * error),
        high=float(-slope + high * error),
        pairs=count,
        constant=float(y.mean() - slope * np.log(m).mean()),
        level=level,
    )
