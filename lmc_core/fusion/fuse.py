"""The verbs: fuse networks by a method of the list."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from lmc_core.alignment.blocks import blocks
from lmc_core.alignment.branches import branch_orders
from lmc_core.alignment.coupling import Couplings
from lmc_core.alignment.kept import said
from lmc_core.alignment.problem import Model, Problem, check_data
from lmc_core.alignment.result import Result
from lmc_core.alignment.template import canonical_forms, sizes, symmetries
from lmc_core.data.dataset import Dataset
from lmc_core.errors import DataError, MismatchError, SettingError
from lmc_core.fusion import FUSIONS
from lmc_core.fusion.after import calibrate, repair, reset
from lmc_core.fusion.barycenter import moved
from lmc_core.fusion.template import Widths, template
from lmc_core.fusion.widen import widened
from lmc_core.networks.fit import of_one_precision
from lmc_core.networks.network import Network
from lmc_core.networks.original import ABOUT
from lmc_core.networks.outputs import relative_error
from lmc_core.report import Report, silent
from lmc_core.symmetry.canonical.canonical import Canonical
from lmc_core.symmetry.evidence import ordered, unbranched
from lmc_core.symmetry.permute import regrouped
from lmc_core.symmetry.symmetry import Symmetry

TURNED = "their streams and the insides of their heads were turned into one frame by full-symmetry merge beforehand"
NOT_TURNED = (
    "their streams were not turned into one frame, as rotations are square: full-symmetry merge carries narrower "
    "networks into wider ones first"
)
WIDENED = "narrower networks were carried into the widths of the fused one, the same functions: {}"
RECALIBRATIONS = ("bn-reset", "repair")


@dataclass(frozen=True, eq=False)
class FusionResult:
    """A fused network, and how it was found.

    network          with the fingerprints of its parents, the method and its settings in its metadata
    couplings        per model, group → Coupling, fused × model
    symmetry         of the fused network
    history          the method's own objective, step after step
    notes            sentences for the user
    parents          the models as the method was given them: as they are, or in canonical form, narrower ones in the
                     widths of the fused network
    widths           group → how many units it has in each model itself
    carried          the models in the frame of the fused network, moved there by their couplings; of a partial zip
                     the trunk with the head of each model
    function_errors  per model: max |f − f carried| / max |f|, measured; 0 when nothing is lost
    temperature      the logits were divided by it; None if they were not
    seconds          wall-clock time
    """

    network: Network
    couplings: tuple[Couplings, ...]
    symmetry: Symmetry
    method: str
    settings: Mapping[str, Any]
    weights: tuple[float, ...]
    seed: int = 0
    history: tuple[float, ...] = ()
    converged: bool = True
    notes: tuple[str, ...] = ()
    parents: tuple[Network, ...] = ()
    widths: tuple[Mapping[str, int], ...] = ()
    carried: tuple[Network, ...] = ()
    function_errors: tuple[float, ...] = ()
    temperature: float | None = None
    seconds: float = 0.0


def fuse(
    networks: Sequence[Network],
    method: str = "wasserstein-barycenter",
    *,
    weights: Sequence[float] | None = None,
    widths: Widths = None,
    data: Dataset | None = None,
    **more: Any,
) -> Network:
    """One network from two or more: the arguments are those of `fusion`, which also returns how it was found.

    weights   λ per network, ≥ 0 and of sum 1; None: equal
    widths    of the fused network: one number for all hidden layers, or group name → size; None: as the first one
    data      for methods that compare activations
    more      recalibrate=, temperature=, canonical=, seed=, device=, report=, and parameters of the method

    Raises SettingError, MismatchError and DataError as `fusion` does.
    """
    return fusion(networks, method, weights=weights, widths=widths, data=data, **more).network


def fusion(
    networks: Sequence[Network],
    method: str = "wasserstein-barycenter",
    *,
    weights: Sequence[float] | None = None,
    widths: Widths = None,
    data: Dataset | None = None,
    seed: int = 0,
    device: str | None = None,
    recalibrate: str | None = None,
    temperature: bool = False,
    canonical: bool = False,
    report: Report = silent,
    **settings: Any,
) -> FusionResult:
    """Fuse networks of the same layers, of equal or different widths.

    method        a name in FUSIONS
    weights       λ per network, ≥ 0 and of sum 1; None: equal
    widths        of the fused network: one number for all hidden layers, or group name → size; None: as the first one
    data          for methods that compare activations, for recalibration and temperature (training examples only)
    recalibrate   "bn-reset", "repair" or None
    temperature   divide the logits by the temperature that fits training examples
    canonical     fuse the canonical forms of the networks: the same functions in other numbers of the same tensors,
                  where gains and scales do not stand between what is compared; some methods always do
    settings      parameters of the method

    Raises SettingError for wrong arguments, MismatchError naming the first tensor that does not fit, DataError if
    data is missing or of another shape, Cancelled if `report` raises it.
    """
    if method not in FUSIONS:
        raise SettingError(f"there is no fusion method {method!r}; there are {', '.join(FUSIONS)}")
    chosen = FUSIONS[method]
    checked = chosen.settings(settings)
    shares = _weights(weights, len(networks))
    _check_data(networks, data, chosen.needs_data, recalibrate, temperature)
    started = time.perf_counter()
    given = networks
    originals = networks = [net.to(device=device) if device else net for net in of_one_precision(*networks)]
    formed: tuple[str, ...] = ()
    if canonical or chosen.canonical:
        report("finding the canonical forms", 0, 1)
        forms, found_symmetries = canonical_forms(networks)
        networks, formed = [form.network for form in forms], _formed(forms)
    else:
        report("inferring the symmetry", 0, 1)
        found_symmetries = [ordered(each) for each in symmetries(networks)]
    moving = method != "vanilla-average"
    networks, found_symmetries, of_branches = _branches(
        networks, found_symmetries, seed, classes=canonical or chosen.canonical, moving=moving
    )
    formed += of_branches
    frame = template(networks, found_symmetries, widths)
    own = tuple(sizes(each) for each in found_symmetries)
    if chosen.canonical:
        wider = tuple(
            name for name, size in frame.sizes.items() if any(sizes(s)[name] != size for s in found_symmetries)
        )
        networks = [widened(net, s, frame) for net, s in zip(networks, found_symmetries, strict=True)]
        found_symmetries = [frame.symmetry] * len(networks)
        formed += (WIDENED.format(", ".join(wider)),) if wider else ()
    if chosen.equal_widths and (odd := next((s for s in found_symmetries if sizes(s) != frame.sizes), None)):
        group = next(n for n, size in sizes(odd).items() if size != frame.sizes[n])
        raise MismatchError(
            f"{method} needs equal widths; group {group!r} has {sizes(odd)[group]} units in one network and "
            f"{frame.sizes[group]} in the fused one: use wasserstein-barycenter"
        )
    models = tuple(Model.of(net, s, frame) for net, s in zip(networks, found_symmetries, strict=True))
    problem = Problem(models, shares, frame, data, seed, report)
    if canonical and not chosen.canonical:
        problem, about_frame = _turned(problem)
        problem, formed = problem.ordered, formed + about_frame
    found = chosen.solve(problem, **checked)
    models = problem.models
    made, degrees, notes = _afterwards(problem, found, recalibrate, temperature)
    about = {
        "title": f"{chosen.title} of {len(networks)} networks",
        "fusion": {
            "method": method,
            "settings": checked,
            "weights": list(shares),
            "parents": [net.fingerprint for net in given],
            "widths": frame.sizes,
            "seed": seed,
            "recalibrate": recalibrate,
            "temperature": degrees,
            **({"canonical": True} if canonical else {}),
        },
    }
    about |= {key: frame.frame.metadata[key] for key in ABOUT if key in frame.frame.metadata}
    report("measuring what the couplings keep", 0, 1)
    carried = found.alone or tuple(_carried(problem, m, c) for m, c in zip(models, found.couplings, strict=True))
    errors = tuple(_error(net, there) for net, there in zip(originals, carried, strict=True))
    kept = [
        note
        for number, (net, plans, error) in enumerate(zip(originals, found.couplings, errors, strict=True), 1)
        if all(plan.keeps_function for plan in plans.values())
        for note in said(f"network {number}", net, plans, error)
    ]
    return FusionResult(
        network=replace(made, metadata=about, source=f"fusion of {len(networks)} networks"),
        couplings=found.couplings,
        symmetry=frame.symmetry,
        method=method,
        settings=checked,
        weights=shares,
        seed=seed,
        history=found.history,
        converged=found.converged,
        notes=(*formed, *found.notes, *notes, *kept),
        parents=tuple(model.network for model in problem.models),
        widths=own,
        carried=carried,
        function_errors=errors,
        temperature=degrees,
        seconds=time.perf_counter() - started,
    )


BRANCHED = "whole branches ({}) were put into the order of those of the first network by their weights, before fusing"
NOT_BRANCHED = "whole branches ({}) were left in their order: it is sought in networks of equal widths only"


def _branches(
    networks: Sequence[Network], symmetries: Sequence[Symmetry], seed: int, *, classes: bool, moving: bool
) -> tuple[list[Network], list[Symmetry], tuple[str, ...]]:
    """Networks with their branches in the order of the first one's, the groups that are left, and a note.

    classes   the networks are canonical forms, and units move by elements of their classes
    moving    whether anything may move
    """
    first, names = symmetries[0], ", ".join(symmetries[0].branches)
    if not names or not moving:
        return list(networks), [unbranched(each) for each in symmetries], ()
    alike = all(sizes(each) == sizes(first) for each in symmetries)
    placed = [networks[0]]
    for number, net in enumerate(networks[1:], 1):
        if alike:
            orders = branch_orders(networks[0], net, first, np.random.default_rng([seed, 4, number]), classes=classes)
            net = net.with_state(regrouped(net.state, first, orders))
        placed.append(net)
    note = BRANCHED if alike else NOT_BRANCHED
    return placed, [unbranched(each) for each in symmetries], (note.format(names),)


def _turned(problem: Problem) -> tuple[Problem, tuple[str, ...]]:
    """Models turned into one frame by full-symmetry merge, so that methods that only re-order units find them alike,
    and a note; as they are where nothing but orders is free, or where widths differ."""
    symmetry, widths = problem.symmetry, problem.template.sizes
    steps = [group for block in blocks(symmetry, classes=True) for group in (block.outer, *block.inner)]
    if {group.kind for group in steps} <= {"permutation"}:
        return problem, ()
    if any(sizes(model.symmetry) != widths for model in problem.models):
        return problem, (NOT_TURNED,)
    chosen = FUSIONS["full-symmetry-merge"]
    found = chosen.solve(problem, **chosen.settings({}))
    models = [
        Model.of(_carried(problem, model, couplings), model.symmetry, problem.template)
        for model, couplings in zip(problem.models, found.couplings, strict=True)
    ]
    return replace(problem, models=tuple(models)), (TURNED,)


def _formed(forms: Sequence[Canonical]) -> tuple[str, ...]:
    """What the canonical forms settled, and what stays open."""
    folded = dict.fromkeys(record.part for form in forms for record in form.folded)
    refused = dict.fromkeys(f"{record.part} ({record.why})" for form in forms for record in form.refused)
    done = f"settled: {', '.join(folded)}" if folded else "nothing in them was open"
    stays = f"; left as they are: {', '.join(refused)}" if refused else ""
    error = max(form.error for form in forms)
    return (f"the networks were fused in canonical form, the same functions to {error:.0e}; {done}{stays}",)


def _weights(given: Sequence[float] | None, count: int) -> tuple[float, ...]:
    if count < 2:
        raise SettingError(f"fusing takes two networks or more, not {count}")
    if given is None:
        return (1 / count,) * count
    if len(given) != count:
        raise SettingError(f"there are {len(given)} weights for {count} networks; give one each")
    values = tuple(float(w) for w in given)
    if not all(0 <= w <= 1 for w in values) or abs(sum(values) - 1) > 1e-6:
        raise SettingError(f"weights {', '.join(f'{w:g}' for w in values)} must lie in 0…1 and sum to 1")
    return values


def _check_data(
    networks: Sequence[Network], data: Dataset | None, needed: bool, recalibrate: str | None, temperature: bool
) -> None:
    if recalibrate not in (None, *RECALIBRATIONS):
        raise SettingError(f"recalibrate={recalibrate!r} is not one of {', '.join(RECALIBRATIONS)}")
    if data is None and (needed or recalibrate or temperature):
        what = "recalibration" if recalibrate else "a temperature" if temperature else "this method"
        raise DataError(f"{what} needs data: name a data set")
    if data is not None:
        for net in networks:
            check_data(net, data)


def _afterwards(
    problem: Problem, found: Result, recalibrate: str | None, temperature: bool
) -> tuple[Network, float | None, tuple[str, ...]]:
    made = found.network or problem.template.network(found.state)
    notes: tuple[str, ...] = ()
    degrees = None
    if recalibrate == "bn-reset":
        assert problem.data is not None
        made, notes = reset(made, problem.data, seed=problem.seed, report=problem.report)
    elif recalibrate == "repair":
        assert problem.data is not None
        if found.network is not None:
            raise SettingError("REPAIR is for networks without heads of their own: zip all layers, or leave it out")
        made, notes = repair(problem, found, made, problem.data)
    if temperature:
        assert problem.data is not None
        made, degrees, more = calibrate(made, problem.data)
        notes += more
    return made, degrees, notes


def _carried(problem: Problem, model: Model, couplings: Couplings) -> Network:
    """A model in the frame of the fused network."""
    state = {name: moved(model, name, couplings) for name in model.state}
    return replace(problem.template.network(state), source=model.network.source)


def _error(network: Network, carried: Network) -> float:
    """How much of a model's function its couplings lose, on the example inputs."""
    return relative_error(network(*network.example_inputs), carried(*network.example_inputs))
