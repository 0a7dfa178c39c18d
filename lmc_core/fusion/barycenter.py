"""The barycentre of several models, and the loop of the methods that alternate between it and couplings."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import partial

from torch import Tensor

from lmc_core.alignment.coupling import Couplings
from lmc_core.alignment.passes import Couple, layer_by_layer
from lmc_core.alignment.problem import Model, Problem, State
from lmc_core.alignment.result import Result
from lmc_core.alignment.transport import to_template
from lmc_core.symmetry.axis import Fixed, held_by
from lmc_core.symmetry.move import move


def alternate(problem: Problem, couple: Couple, start: State, *, iterations: int, passes: int = 1) -> Result:
    """Wasserstein barycentre layer by layer (Akash 2022): for every group, from input to output, repeat couplings of
    all models with the template and the barycentre of the weights that make the group, until neither changes."""
    update = partial(barycenter, problem)
    return averaged(
        problem, layer_by_layer(problem, couple, start, update=update, iterations=iterations, passes=passes)
    )


def averaged(problem: Problem, found: Result) -> Result:
    """The couplings of all models with the barycentre that they make."""
    return replace(found, state=barycenter(problem, found.couplings, problem.models[0].state))


def barycenter(problem: Problem, couplings: Sequence[Couplings], names: Iterable[str]) -> dict[str, Tensor]:
    """W = Σ_i λ_i (k π_i) W_i (k' π'_i)ᵀ for the tensors named: the exact minimiser of the transport costs over W for
    uniform marginals (Akash 2022), permute-then-average for permutations.

    Written as the heaviest model plus differences: exact where there are none.
    """
    made = {}
    first = max(range(len(problem.weights)), key=lambda i: problem.weights[i])
    for name in names:
        parts = [moved(m, name, found) for m, found in zip(problem.models, couplings, strict=True)]
        total = parts[first]
        if total.is_floating_point():
            for i, part in enumerate(parts):
                if i != first and problem.weights[i]:
                    total = total + problem.weights[i] * (part - parts[first])
        made[name] = total
    return made


def moved(model: Model, name: str, couplings: Couplings, *, keep: int | None = None) -> Tensor:
    """One tensor of a model, carried to the template; axis number `keep` stays as it is."""
    if keep is None and any(coupling.map is not None for coupling in couplings.values()):
        elements = {group: coupling.element for group, coupling in couplings.items()}
        return move({name: model.state[name]}, model.symmetry, elements)[name]
    every = model.symmetry.axes.get(name, ())
    kept = () if keep is None else (keep, *held_by(every, keep))
    axes = [Fixed(a.size) if n in kept else a for n, a in enumerate(every)]
    return to_template(model.state[name], axes, model.symmetry, couplings)
