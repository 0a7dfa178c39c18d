"""A cloud placed by t-SNE: neighbours stay neighbours, distances mean nothing."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lmc_core.diagnostics.cloud import Cloud, Side
from lmc_core.diagnostics.inspector import Units
from lmc_core.diagnostics.projection import picture, spread_kept

SAMPLE = 128
"""Units of A that are placed: with B's and those at t there are nine times as many points."""
TIMES = (0.0, 0.25, 0.5, 0.75, 1.0)
PERPLEXITY = 30.0
_STEPS = 750


def tsne_cloud(units: Units, *, seed: int = 0) -> Cloud:
    """The cloud of one group by t-SNE (van der Maaten 2008), in the metric of `units`.

    t-SNE has no place for a point it was not fitted on, so A, B, aligned B and the averages at `TIMES` are placed in
    one fit; there are no others. Spread is that of all kept units, over all directions. One seed gives one cloud.
    """
    known = len(units.numbers)
    chosen = np.arange(known)
    if known > SAMPLE:
        chosen = np.sort(np.random.default_rng(seed).choice(known, SAMPLE, replace=False))
    whole = tuple(np.asarray(rows, dtype=np.float64) for rows in (units.a, units.b, units.match))
    a, *others = (rows[chosen] for rows in whole)
    between = [(1 - t) * a + t * b for b in others for t in TIMES[1:-1]]
    placed = np.split(embed(np.concatenate([a, *others, *between]), seed), 3 + len(between))
    ends, inner = placed[:3], placed[3:]
    half = len(TIMES) - 2
    along = tuple(np.stack([ends[0], *inner[k * half : (k + 1) * half], end]) for k, end in enumerate(ends[1:]))
    found = picture(
        (a, others[0], others[1]),
        (ends[0], ends[1], ends[2]),
        t=np.array(TIMES),
        group=units.group,
        label=units.label,
        projection="tsne",
        metric=units.metric,
        moved_inputs=units.moved,
        partner=units.partner[chosen].astype(np.int64),
        between=(along[0], along[1]),
        seed=seed,
    )

    def told(side: Side, b: NDArray[np.float64]) -> Side:
        return replace(side, spread=spread_kept(whole[0], b, np.array(TIMES)).astype(np.float32))

    drawn = units.numbers[chosen][found.drawn]
    before, after = told(found.before, whole[1]), told(found.after, whole[2])
    return replace(found, drawn=drawn, units=units.total, before=before, after=after)


def embed(rows: NDArray[np.float64], seed: int = 0) -> NDArray[np.float64]:
    """Places (n, 2) of rows (n, d), around the origin; as t-SNE starts from principal components, any n from 4 on."""
    from sklearn.manifold import TSNE

    count = len(rows)
    spread = rows.std(0).max()
    if spread == 0:
        return np.zeros((count, 2))
    how: dict[str, Any] = {"perplexity": min(PERPLEXITY, (count - 1) / 3), "init": "pca", "random_state": seed}
    if rows.shape[1] < 2:
        how["init"] = "random"
    found = TSNE(2, max_iter=_STEPS, **how).fit_transform((rows / spread).astype(np.float32))
    return np.asarray(found - found.mean(0), dtype=np.float64)
