"""The verb: align one network with another by a method of the list."""

from __future__ import annotations

import math
import time
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from lmc_core.alignment.alignment import Alignment
from lmc_core.alignment.branches import branch_orders
from lmc_core.alignment.coupling import Perms
from lmc_core.alignment.kept import said
from lmc_core.alignment.method import Method
from lmc_core.alignment.problem import Problem, check_data, constants, learned
from lmc_core.alignment.template import canonical_pair, symmetries
from lmc_core.data.dataset import Dataset
from lmc_core.errors import DataError, MismatchError, SettingError
from lmc_core.methods import METHODS
from lmc_core.methods.usual import usual
from lmc_core.networks.fit import mismatch, of_one_precision
from lmc_core.networks.network import Network
from lmc_core.networks.outputs import relative_error
from lmc_core.report import Report, silent
from lmc_core.symmetry.axis import names_in
from lmc_core.symmetry.evidence import ordered, unbranched
from lmc_core.symmetry.permute import regrouped
from lmc_core.symmetry.symmetry import Symmetry

CHECKED = 32  # training examples on which the function is compared before and after


def align(
    reference: Network,
    moved: Network,
    method: str | None = None,
    data: Dataset | None = None,
    *,
    symmetry: Symmetry | None = None,
    seed: int = 0,
    device: str | None = None,
    report: Report = silent,
    **settings: Any,
) -> Alignment:
    """How the units of `moved` correspond to those of `reference`; `.transport(moved)` puts them in its order.

    method      a name in METHODS; None: full-symmetry-matching of networks that attend, weight-matching of others
    data        needed by methods that look at activations; used by all to check that the function is unchanged
    symmetry    of the reference; inferred if not given, and by methods that compare canonical forms wherever there is a
                graph to infer it from
    settings    parameters of the method

    Raises SettingError for an unknown method or setting, MismatchError if the networks differ or their weights are so
    large that the objective is not a number, DataError if data is missing or of another shape, Cancelled if `report`
    raises it.
    """
    if method is not None and method not in METHODS:
        raise SettingError(f"there is no alignment method {method!r}; there are {', '.join(METHODS)}")
    started = time.perf_counter()
    if why := mismatch(reference, moved):
        raise MismatchError(why)
    reference, moved = of_one_precision(reference, moved)
    if method is None:
        if symmetry is None:
            report("inferring the symmetry", 0, 1)
            symmetry = symmetries([reference, moved])[0]
        method = usual(reference, symmetry)
    chosen = METHODS[method]
    checked = chosen.settings(settings)
    if chosen.needs_data and data is None:
        raise DataError(f"{method} looks at examples and needs data: name a data set, or use weight-matching")
    if data is not None:
        check_data(reference, data)
    if symmetry is None:
        report("inferring the symmetry", 0, 1)
        symmetry = symmetries([reference, moved])[0]
    a, b = (n.to(device=device) if device else n for n in (reference, moved))
    if chosen.canonical:
        report("finding the canonical forms", 0, 1)
        a, b, symmetry = canonical_pair(a, b, symmetry)
    steps = symmetry if chosen.canonical else ordered(symmetry)
    branches, placed_b, said_of_them = _branches(a, b, steps, chosen, seed, report)
    problem = Problem.pair(a, placed_b, unbranched(steps), data, seed, report)
    found = chosen.solve(problem, **checked).with_branches(branches).staying(symmetry)
    if any(map(math.isnan, found.history)):
        raise MismatchError(_no_number(method, reference, moved))
    alignment = Alignment(
        couplings=found.couplings[0],
        symmetry=symmetry,
        method=method,
        settings=chosen.options.brief(checked),
        seed=seed,
        history=found.history,
        spread=found.spread,
        converged=found.converged,
        notes=(*said_of_them, *found.notes),
        seconds=time.perf_counter() - started,
        canonical=chosen.canonical,
    )
    report("checking that the function is unchanged", 0, 1)
    placed = alignment.transport(moved)
    error = function_error(moved, placed, data)
    notes = (*said("B", moved, alignment.couplings, error), *_unjudged(a, b, placed, symmetry))
    return replace(alignment, notes=(*alignment.notes, *notes), function_error=error)


BRANCHED = (
    "whole branches ({}) were put into the order of A's by their weights, before what lies within and outside them was "
    "matched"
)


def _branches(
    a: Network, b: Network, symmetry: Symmetry, method: Method, seed: int, report: Report
) -> tuple[Perms, Network, tuple[str, ...]]:
    """The order of B's branches, B with its branches in that order, and a note where any moves."""
    if not symmetry.branches or method.name == "identity":
        return {}, b, ()
    rng = np.random.default_rng([seed, 4])
    orders = branch_orders(a, b, symmetry, rng, classes=method.canonical, report=report)
    moving = [name for name, perm in orders.items() if (perm != np.arange(len(perm))).any()]
    note = (BRANCHED.format(", ".join(moving)),) if moving else ()
    return orders, b.with_state(regrouped(b.state, symmetry, orders)), note


def _no_number(method: str, *networks: Network) -> str:
    """What to say where what a method minimises is not a number."""
    sizes = [max((float(x.abs().max()) for x in n.state.values() if x.numel()), default=0.0) for n in networks]
    said = " and ".join(f"{letter}'s reach {size:.2g}" for letter, size in zip("AB", sizes, strict=True))
    return f"what {method} minimises is not a number here (the weights of {said}); bring both to one scale"


def _unjudged(reference: Network, moved: Network, placed: Network, symmetry: Symmetry) -> list[str]:
    """Sentences on groups that nothing judges, and on constants that agreed before and do not now."""
    judging = [*learned(reference, symmetry), *constants(reference, moved, symmetry)]
    judged = names_in(*(axis for name in judging for axis in symmetry.axes[name]))
    unseen = [name for name in symmetry.groups if name not in judged and name not in symmetry.branches]
    apart = [
        name
        for name in symmetry.axes
        if name not in learned(reference, symmetry)
        and torch.equal(reference.state[name], moved.state[name].to(reference.device))
        and not torch.equal(reference.state[name], placed.state[name].to(reference.device))
    ]
    notes = []
    if unseen:
        notes.append(f"nothing that the networks share judges the groups {', '.join(unseen)}: their order is arbitrary")
    if apart:
        notes.append(f"{', '.join(apart)}: constants that were equal in both networks and are not after alignment")
    return notes


def function_error(network: Network, other: Network, data: Dataset | None = None) -> float:
    """max |f − f'| / max |f| over the outputs on the example inputs, and on real data if given."""
    batches: list[tuple[Tensor, ...]] = [network.example_inputs]
    if data is not None:
        example = network.example_inputs[0]
        rows = example.shape[0]  # the one batch size that every module accepts
        for start in range(0, min(CHECKED, len(data.x_train) - rows + 1), rows):
            x = torch.as_tensor(data.x_train[start : start + rows]).to(example.device, example.dtype)
            batches.append((network.prepare(x),))
    worst = 0.0
    for inputs in batches:
        worst = max(worst, relative_error(network(*inputs), other(*inputs)))
    return worst
