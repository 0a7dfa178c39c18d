"""ZipIt!: features that respond alike are merged, across models and within them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lmc_core.alignment.method import Paper
from lmc_core.fusion._fusion import Fusion
from lmc_core.options import Option

if TYPE_CHECKING:
    from lmc_core.alignment.problem import Problem
    from lmc_core.alignment.result import Result


def solve(problem: Problem, *, examples: int, remerge: float, within: float, after: str, heads: str) -> Result:
    """W = Σ_i λ_i M_i W_i U_iᵀ (Stoica 2023): U (0/1) says which feature goes into which, M = U over the λ-mass of
    its row. Attention heads and other nested units are matched instead.

    A partial zip stops after a group: the layers behind it stay those of each model, one head beside the other.
    """
    import numpy as np

    from lmc_core.alignment.blocks import blocks
    from lmc_core.alignment.coupling import Coupling
    from lmc_core.alignment.distance import unsolved
    from lmc_core.alignment.responses import responses
    from lmc_core.alignment.result import Result
    from lmc_core.fusion.partial import parted, trunk_of
    from lmc_core.fusion.zipping import correlations, like_weights, matched_plans, zip_features, zipped

    x = problem.examples(examples)
    found: list[dict[str, Coupling]] = [{} for _ in problem.models]
    kept = trunk_of(problem.symmetry, after)
    order = [block for block in blocks(problem.symmetry) if block.name in kept]
    history, matched = [], []
    for done, block in enumerate(order):
        problem.report("zipping", done, len(order))
        each = [responses(model.network, model.symmetry, x, block.names) for model in problem.models]
        if block.inner or not any(each[0].values()):
            matched.append(block.name)
            for known, plans in zip(found, matched_plans(problem, block, each, found), strict=True):
                known.update(plans)
            continue
        sizes = [model.symmetry.groups[block.name].size for model in problem.models]
        owners = np.repeat(np.arange(len(sizes)), sizes)
        alike = correlations([theirs[block.name] for theirs in each])
        alike -= like_weights(problem, block, found, owners)
        clusters = zip_features(alike, owners, block.outer.size, remerge=remerge, within=within)
        history.append(float(np.mean(alike[clusters[:, None] == clusters])))
        for i, known in enumerate(found):
            unmerge = np.eye(block.outer.size)[clusters[owners == i]].T
            known[block.name] = Coupling(block.name, plan=unmerge / sizes[i])
    notes = (f"matched, not zipped, as other units are nested in them: {', '.join(matched)}",) if matched else ()
    couplings = tuple({**unsolved(problem, m, known), **known} for m, known in zip(problem.models, found, strict=True))
    whole = Result(couplings, tuple(history), notes=notes, state=zipped(problem, couplings))
    return parted(problem, whole, found, after, heads) if after else whole


FUSION = Fusion(
    name="zipit",
    title="ZipIt!",
    summary="Features that respond alike are merged, across models and within them.",
    paper=Paper(
        "Stoica 2023",
        "ZipIt! Merging Models from Different Tasks without Training",
        "https://arxiv.org/abs/2305.03053",
    ),
    solve=solve,
    parameters=(
        Option("examples", int, 1000, "Training examples whose responses are compared.", low=2),
        Option("remerge", float, 0.3, "Likeness a merged feature keeps; 0 forbids merging it again.", low=0, high=1),
        Option("after", str, "", "Part after this group, or after the input; empty: zip all layers."),
        Option(
            "heads",
            str,
            "mean",
            "What a partial zip returns: the mean of its heads, or all of them.",
            choices=("mean", "apart"),
        ),
        Option("within", float, 0.125, "Part of the merges that may be within one model.", low=0, high=1),
    ),
    needs_data=True,
)
