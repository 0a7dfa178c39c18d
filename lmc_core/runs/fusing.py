"""One fusion with everything a page or a command shows of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

from lmc_core.fusion import FUSIONS
from lmc_core.report import Report, silent

if TYPE_CHECKING:
    from lmc_core.data.dataset import Dataset
    from lmc_core.networks.network import Network

Scores = Mapping[str, Mapping[str, float]]
"""split ("train", "test") → {"loss", "accuracy"}"""


@dataclass(frozen=True)
class FuseResult:
    """parents, fused   what each scores, the parents in order; fused before fine-tuning
    curve            scores before fine-tuning and after every epoch; empty without it
    groups           name → units in the fused network
    parent_groups    the same, of each parent
    function_errors  per parent: how much of its function the couplings lose, relative
    """

    method: str
    settings: Mapping[str, Any]
    models: tuple[str, ...]
    weights: tuple[float, ...]
    data: str
    parents: tuple[Scores, ...]
    fused: Scores
    curve: tuple[Scores, ...]
    groups: Mapping[str, int]
    parent_groups: tuple[Mapping[str, int], ...]
    function_errors: tuple[float, ...]
    history: tuple[float, ...]
    converged: bool
    notes: tuple[str, ...]
    recalibrate: str | None
    temperature: float | None
    fingerprint: str
    device: str
    seed: int
    seconds: Mapping[str, float]

    @property
    def title(self) -> str:
        return FUSIONS[self.method].title

    @property
    def json(self) -> dict[str, Any]:
        """As one JSON object."""
        return {**asdict(self), "accuracy": self.final["test"]["accuracy"]}

    @property
    def final(self) -> Scores:
        """What the network at the end scores, after fine-tuning if there was any."""
        return self.curve[-1] if self.curve else self.fused


def fuse_run(
    networks: Sequence[Network],
    data: Dataset,
    *,
    method: str,
    settings: Mapping[str, Any],
    weights: Sequence[float] | None = None,
    widths: int | Mapping[str, int] | None = None,
    recalibrate: str | None = None,
    temperature: bool = False,
    finetune: int = 0,
    rate: float = 0.01,
    seed: int = 0,
    device: str = "cpu",
    models: Sequence[str] = (),
    report: Report = silent,
) -> tuple[FuseResult, Network]:
    """Fuse, measure the parents and the fused network, fine-tune if asked. Returns the result and the network."""
    from lmc_core.fusion.fuse import fusion
    from lmc_core.fusion.template import sizes
    from lmc_core.runs.bench import Clock
    from lmc_core.symmetry.infer import symmetry
    from lmc_core.training.finetune import finetune as train_on
    from lmc_core.training.finetune import measure

    clock = Clock()
    placed = [net.to(device=device) for net in networks]
    with clock("fuse"):
        found = fusion(
            placed,
            method,
            weights=weights,
            widths=widths,
            data=data,
            seed=seed,
            recalibrate=recalibrate,
            temperature=temperature,
            report=report,
            **settings,
        )
    with clock("measure"):
        parents = []
        for done, net in enumerate(placed):
            report("measuring the networks", done, len(placed) + 1)
            parents.append(measure(net, data))
        fused = measure(found.network, data)
    network = found.network
    curve: tuple[Scores, ...] = ()
    if finetune:
        with clock("finetune"):
            tuned = train_on(network, data, finetune, rate=rate, seed=seed, report=report)
        network, curve = tuned.network, tuned.curve
        about = {**network.metadata["fusion"], "finetune": {"epochs": finetune, "rate": rate}}
        network = replace(network, metadata={**network.metadata, "fusion": about})
    final = curve[-1] if curve else fused
    about = {**network.metadata, "data": data.name, "seed": seed}
    about |= {kind: {split: final[split][kind] for split in final} for kind in ("accuracy", "loss")}
    network = replace(network.to("cpu"), metadata=about)
    result = FuseResult(
        method=method,
        settings=dict(found.settings),
        models=tuple(models) or tuple(net.source for net in networks),
        weights=found.weights,
        data=data.name,
        parents=tuple(parents),
        fused=fused,
        curve=curve,
        groups=sizes(found.symmetry),
        parent_groups=tuple(sizes(symmetry(net, verify=False)) for net in networks),
        function_errors=found.function_errors,
        history=found.history,
        converged=found.converged,
        notes=found.notes,
        recalibrate=recalibrate,
        temperature=found.temperature,
        fingerprint=network.fingerprint,
        device=device,
        seed=seed,
        seconds=clock.seconds,
    )
    return result, network
