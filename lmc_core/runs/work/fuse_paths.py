"""The straight lines from the parents of a fusion to the fused network, and to their plain average."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from lmc_core.alignment.coupling import Coupling
from lmc_core.alignment.solve import assignment
from lmc_core.alignment.transport import transport
from lmc_core.data.dataset import Dataset
from lmc_core.fusion.fuse import FusionResult
from lmc_core.networks.network import Network
from lmc_core.paths.evaluate import evaluate_many
from lmc_core.paths.path import LinearPath
from lmc_core.paths.profile import Profile
from lmc_core.report import Report
from lmc_core.words.numbers import in_words, listed

KEPT = 0.01
"""A path starts at a parent carried to the fused frame only if that changes its outputs by less, relative."""


@dataclass(frozen=True, eq=False)
class Starts:
    """Where the paths to the fused network start: the parents as they are found there; None where there is no such.

    notes   sentences about those that are re-ordered by a stand-in, or left out
    """

    networks: tuple[Network | None, ...]
    notes: tuple[str, ...]


def starts(found: FusionResult, names: Sequence[str]) -> Starts:
    """Every parent carried by its couplings, where that keeps its function; else, where no width changes, re-ordered
    by the permutations closest to its couplings, which always does."""
    kept: list[Network | None] = []
    hard, lost = [], []
    for parent, carried, couplings, error, name in zip(
        found.parents, found.carried, found.couplings, found.function_errors, names, strict=True
    ):
        start = carried if error <= KEPT else None
        if start is None and (start := _reordered(parent, found, couplings)) is not None:
            hard.append(name)
        if start is None:
            lost.append((name, error))
        kept.append(start)
    notes = []
    if hard:
        notes.append(f"The fusion mixes units of {listed(hard)}: paths start at the closest re-ordering instead.")
    if lost:
        errors = listed([f"{100 * error:.0f}%" for _, error in lost])
        which = "path" if len(lost) == 1 else f"{in_words(len(lost))} paths"
        notes.append(
            f"The {which} from {listed([name for name, _ in lost])} {'is' if len(lost) == 1 else 'are'} left out: "
            f"carried to the units of the fused network, outputs change by {errors}, so no line would start there."
        )
    return Starts(tuple(kept), tuple(notes))


def lines(
    begins: Sequence[Network | None], end: Network, data: Dataset, how: Mapping[str, Any], report: Report
) -> tuple[Profile | None, ...]:
    """The profile of the line from each network to one, all of its computation."""
    paths = [LinearPath(replace(net, module=end.module), end) for net in begins if net is not None]
    profiles = iter(evaluate_many(paths, data, report=report, **how) if paths else ())
    return tuple(None if net is None else next(profiles) for net in begins)


def _reordered(parent: Network, found: FusionResult, couplings: Mapping[str, Coupling]) -> Network | None:
    """A parent by permutations that put every unit where most of it goes; None if units are nested or widths change."""
    end = found.network.state
    if {n: x.shape for n, x in parent.state.items()} != {n: x.shape for n, x in end.items()}:
        return None
    perms = {}
    for name, coupling in couplings.items():
        if coupling.is_hard:
            perms[name] = coupling
        elif coupling.matrix.ndim == 2 and coupling.matrix.shape[0] == coupling.matrix.shape[1]:
            perms[name] = Coupling(name, perm=assignment(coupling.matrix))
        else:
            return None
    return transport(parent, found.symmetry, perms) if perms.keys() == found.symmetry.groups.keys() else None
