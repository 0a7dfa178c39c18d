"""What the library does with one architecture: trace, find its symmetry, keep its function, restore a planted copy."""

from __future__ import annotations

import os
import resource
import time
import traceback
import warnings
from dataclasses import asdict, dataclass
from importlib.metadata import version
from multiprocessing import get_context
from multiprocessing.connection import Connection
from typing import Any

from benchmarks.models.architecture import Architecture

GIGABYTES = 8
TOLERANCE = 1e-5


@dataclass(frozen=True)
class Row:
    """One architecture.

    versions   of the package it comes from, and of torch
    tensors    of its state
    groups     of interchangeable units found; dropped: those that the experiment then refused
    error      relative change of the outputs when all groups are permuted at once, at a random state, by a draw that
               the inference has not seen; tolerance: what rounding may do
    restored   fraction of the numbers of a permuted copy that weight matching puts back; None without groups
    seconds    of tracing, inferring and verifying
    fault      why there is no more
    """

    name: str
    versions: str = ""
    traced: bool = False
    tensors: int = 0
    groups: int = 0
    dropped: int = 0
    error: float | None = None
    tolerance: float = 0.0
    restored: float | None = None
    seconds: float = 0.0
    fault: str = ""

    @property
    def verified(self) -> bool:
        """Whether permuting every group leaves the function alone."""
        return self.error is not None and self.error <= self.tolerance


def measured(architecture: Architecture, seconds: float) -> dict[str, Any]:
    """The Row of an architecture as a dict, from a process of its own with limited memory and time."""
    context = get_context("fork")
    here, there = context.Pipe(duplex=False)
    child = context.Process(target=_child, args=(architecture, there, seconds))
    started = time.monotonic()
    child.start()
    there.close()
    rows: list[dict[str, Any]] = []
    try:
        while here.poll(max(0.0, started + seconds - time.monotonic())):
            rows.append(here.recv())
    except EOFError:
        pass
    late = child.is_alive() and time.monotonic() - started >= seconds
    if late:
        child.kill()
    child.join()
    row = rows[-1] if rows else asdict(Row(architecture.title, versions(architecture)))
    if late:
        row["fault"] = row["fault"] or f"it took longer than {seconds:g} s"
    elif child.exitcode:
        row["fault"] = row["fault"] or f"its process ended with {child.exitcode}"
    return row


def versions(architecture: Architecture) -> str:
    """Of the package it comes from, and of torch."""
    return ", ".join(f"{package} {version(package)}" for package in (architecture.package, "torch"))


def _child(architecture: Architecture, pipe: Connection, seconds: float) -> None:
    """Send what is known after each step, so that a step that never ends leaves those before it."""
    limit = GIGABYTES * 2**30
    resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
    os.environ["HF_HUB_OFFLINE"] = "1"
    warnings.simplefilter("ignore")
    row: dict[str, Any] = asdict(Row(architecture.title, versions(architecture)))
    try:
        for found in _steps(architecture, seconds):
            row |= found
            pipe.send(row)
    except Exception as error:  # noqa: BLE001 what is measured
        where = traceback.extract_tb(error.__traceback__)[-1]
        sentence = " ".join(str(error).split()) or f"{where.filename.rsplit('/', 1)[-1]}:{where.lineno}"
        pipe.send(row | {"fault": f"{type(error).__name__}: {sentence[:300]}"})
    pipe.close()


def _steps(architecture: Architecture, seconds: float) -> Any:
    import numpy as np
    import torch

    import lmc_core as lmc
    from lmc_core.symmetry.permute import permute, random_permutations
    from lmc_core.symmetry.verify import elsewhere, tolerance, verify

    torch.manual_seed(0)
    module, example = architecture.build()
    network = lmc.network(module.eval(), example)
    yield {"tensors": len(network.state)}
    started = time.perf_counter()
    symmetry = lmc.symmetry(network, seconds=seconds)
    taken = time.perf_counter() - started
    dropped = len({pin.why for pin in symmetry.pinned if pin.why.startswith("moving it changed")})
    yield {"traced": True, "groups": len(symmetry.groups), "dropped": dropped, "seconds": taken}
    rng = np.random.default_rng(7)
    # Statistics and gains of a new network are all alike, which would hide units that cannot be told apart.
    anywhere = elsewhere(network, rng)
    report = _exactly(anywhere, symmetry, rng) or verify(anywhere, symmetry, rng=rng, groups=False)
    if report.blind:
        report = verify(network, symmetry, rng=rng, groups=False)
    # Of the network's own type, since many modules compute in float32 whatever they are given.
    yield {"error": report.error, "tolerance": tolerance(network)}
    if symmetry.groups:
        moved = anywhere.with_state(permute(anywhere.state, symmetry, random_permutations(symmetry, rng)))
        found = lmc.align(anywhere, moved, "weight-matching", symmetry=symmetry)
        back = found.transport(moved).state
        pairs = [(a, back[name]) for name, a in anywhere.state.items() if a.is_floating_point()]
        same = sum(int(torch.isclose(a, b, rtol=TOLERANCE, atol=TOLERANCE).sum()) for a, b in pairs)
        yield {"restored": same / sum(a.numel() for a, _ in pairs)}


def _exactly(network: Any, symmetry: Any, rng: Any) -> Any:
    """The report in float64; None where the module refuses that type or computes no numbers in it."""
    import torch

    from lmc_core.symmetry.verify import verify

    try:
        report = verify(network.to(dtype=torch.float64), symmetry, rng=rng, groups=False)
    except RuntimeError:
        return None
    return report if report.error < float("inf") and not report.blind else None
