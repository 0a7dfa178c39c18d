"""Symmetries with their measured error, which stay known for the next run."""

from __future__ import annotations

from lmc_core.networks.network import Network
from lmc_core.report import Report
from lmc_core.symmetry.infer import symmetry
from lmc_core.symmetry.symmetry import Symmetry
from lmc_core.symmetry.verify import verify

KEPT = 8  # symmetries that a worker remembers
VERIFY_SECONDS = 5.0  # for re-ordering single groups, after all of them were re-ordered at once

_symmetries: dict[str, tuple[Symmetry, dict[str, float]]] = {}


def verified_symmetry(network: Network, report: Report) -> tuple[Symmetry, dict[str, float]]:
    """The symmetry of a network with its measured error, and the error of each group alone."""
    key = f"{network.fingerprint} {network.device}"
    if key not in _symmetries:
        report("tracing", 0, 2)
        found = symmetry(network)
        report("verifying", 1, 2)
        errors = dict(verify(network, found, budget=VERIFY_SECONDS).groups)
        while len(_symmetries) >= KEPT:
            _symmetries.pop(next(iter(_symmetries)))
        _symmetries[key] = found, errors
    return _symmetries[key]
