"""VGG11 and ResNet-18 without norms and biases on CIFAR-10, fused and trained on (Akash 2022).

Published: full width, 300 epochs, then 100 or 120 of fine-tuning; the accuracies are not known here. What is checked is
the order of the fusions, and whether fine-tuning from them beats training anew for as long.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import torch

from lmc_core.data.dataset import Dataset
from lmc_core.fusion.fuse import fusion
from lmc_core.networks.families import architecture
from lmc_core.networks.network import Network
from lmc_core.options import Option
from lmc_core.report import Report, silent
from lmc_core.training.finetune import finetune, measure
from lmc_core.training.reproduce import _cifar
from lmc_core.training.reproduce._experiment import ENDS, Chart, Experiment, Run
from lmc_core.training.reproduce._trained import KEEP
from lmc_core.training.reproduce._work import Made, Work, sets
from lmc_core.training.train import Recipe

PARAMETERS = (
    _cifar.DATA,
    Option("networks", str, "both", "Which networks.", choices=("both", "vgg11", "resnet18")),
    Option("width", float, 1.0, "Width, in parts of the published one.", low=0.02, high=1),
    Option("epochs", int, 300, "Epochs of training.", low=1, high=1000),
    Option("tuned", int, 30, "Epochs of fine-tuning.", low=1, high=1000),
    _cifar.TRAIN,
    _cifar.TEST,
    _cifar.FILE,
    KEEP,
)
QUICK = {
    "networks": "vgg11",
    "width": 0.0625,
    "epochs": 2,
    "tuned": 1,
    "train_examples": 2000,
    "test_examples": 1000,
}

WAYS: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    "Wasserstein barycentre": ("wasserstein-barycenter", {}),
    "OT fusion": ("ot-fusion", {}),
    "OT fusion, activations": ("ot-fusion", {"compare": "activations"}),
    "vanilla average": ("vanilla-average", {}),
}
ENSEMBLE, ANEW = "ensemble of both", "trained anew"
SEEDS = (786, 234)
"""Of the paper's two VGG11."""


def recipe(network: str, data: str, width: float, epochs: int) -> Recipe:
    """A network without norms and biases: started at variance 1 / fan-in, warmed up and clipped, as narrow ones do not
    leave the chance level in a short training otherwise, neither at a rate of 0.02 nor at the published 0.05."""

    def channels(*full: int) -> tuple[int, ...]:
        return tuple(max(1, round(width * n)) for n in full)

    shape = _cifar.shape(data)
    if network == "vgg11":
        stages = tuple(channels(*stage) for stage in ((64,), (128,), (256, 256), (512, 512), (512, 512)))
        made = architecture(
            "cnn",
            stages=stages if shape[-1] >= 32 else stages[:3],
            hidden=channels(512, 512),
            bias=False,
            fc_bias=False,
            input_shape=shape,
        )
    else:
        widths = channels(64, 128, 256, 512)
        made = architecture(
            "resnet", blocks=(2, 2, 2, 2), widths=widths, norm="none", bias=False, fc_bias=False, input_shape=shape
        )
    plain = _cifar.recipe(f"{data} {network} ×{width:g}", made, data, epochs, rate=0.02, decay=5e-4)
    return replace(plain, warmup=300, clip=1.0, init="lecun")


def reproduce(
    *,
    data: str = "cifar10",
    networks: str = "both",
    width: float = 1.0,
    epochs: int = 300,
    tuned: int = 30,
    train_examples: int = 50_000,
    test_examples: int = 10_000,
    file: str = "",
    keep: str = "",
    seed: int = 0,
    device: str = "cpu",
    report: Report = silent,
) -> Experiment:
    """Test accuracy after every epoch of fine-tuning, for each fusion; of the parents, their ensemble, and anew."""
    images = _cifar.examples(data, train_examples, test_examples, file)
    rows: list[tuple[Any, ...]] = []
    runs: list[Run] = []
    curves: dict[str, dict[str, list[list[float]]]] = {}
    for network in ("vgg11", "resnet18") if networks == "both" else (networks,):
        one = recipe(network, data, width, epochs)
        parents: list[Made] = [(one, 1000 * seed + number) for number in SEEDS]
        short: Made = (replace(one, epochs=tuned, title=f"{one.title}, {tuned} epochs"), 1000 * seed + SEEDS[0])
        work = Work([*parents, short], images, keep=keep, device=device, report=report)
        own = [work.number({"scores": "test"}, [net], _accuracy(images)) for net in parents]
        both = work.number({"ensemble": "test"}, parents, _ensemble(images))
        anew = work.number({"scores": "test"}, [short], _accuracy(images))
        found = {ENDS: own, ENSEMBLE: [both], ANEW: [anew]}
        for title, (method, settings) in WAYS.items():
            what = {"fused": method, "settings": settings, "tuned": tuned, "seed": seed}
            found[title] = work.number(what, parents, _tuned(method, settings, images, tuned, seed, report))
        called = {"vgg11": "VGG11", "resnet18": "ResNet-18"}[network]
        behind: Mapping[str, Sequence[Sequence[Made]]] = {ENDS: sets(parents, 1), ANEW: [[short]]}
        for title, values in found.items():
            at = {"network": called, "method": title}
            if title in (ENDS, ENSEMBLE, ANEW):
                mean = sum(values) / len(values)
                rows += [(called, float(epoch), title, mean) for epoch in (0, tuned)]
                runs += work.runs(behind.get(title, [parents]), at, {"accuracy": values})
            else:
                for epoch, value in enumerate(values):
                    rows.append((called, float(epoch), title, value))
                    runs += work.runs([parents], {**at, "epochs of fine-tuning": float(epoch)}, {"accuracy": [value]})
        curves[called] = {t: [v] if t == ENDS else [[x] for x in v] for t, v in found.items()}
    return Experiment(
        f"Fusing pairs of {' and '.join(curves)} on {data}, and training on",
        ("network", "epochs of fine-tuning", "method", "accuracy"),
        tuple(rows),
        (
            f"Width ×{width:g}, {epochs} epochs on {train_examples} examples, one pair; fine-tuned by SGD at 0.01, "
            f"momentum 0.9. Trained anew: for {tuned} epochs. The straight lines are of networks that are not tuned.",
        ),
        {
            "curves": curves,
            "settings": {
                "data": data,
                "width": width,
                "epochs": epochs,
                "tuned": tuned,
                "train_examples": train_examples,
                "test_examples": test_examples,
            },
            "seed": seed,
        },
        Chart("epochs of fine-tuning", "accuracy", "method", panel="network", apart=True),
        tuple(runs),
    )


def _accuracy(data: Dataset) -> Any:
    return lambda network: measure(network, data, ("test",))["test"]["accuracy"]


def _ensemble(data: Dataset) -> Any:
    """Accuracy of the mean of the parents' probabilities."""

    def measured(a: Network, b: Network) -> float:
        right = 0
        for start in range(0, len(data.y_test), 500):
            x = torch.from_numpy(data.x_test[start : start + 500]).to(a.device)
            y = torch.from_numpy(data.y_test[start : start + 500]).to(a.device)
            mean = sum(net(net.prepare(x)).softmax(1) for net in (a, b))
            right += int((mean.argmax(1) == y).sum())  # type: ignore[union-attr]
        return right / len(data.y_test)

    return measured


def _tuned(method: str, settings: Mapping[str, Any], data: Dataset, epochs: int, seed: int, report: Report) -> Any:
    """Test accuracies of the fused network, and after every epoch of training on."""

    def measured(a: Network, b: Network) -> list[float]:
        given = data if "compare" in settings else None
        fused = fusion([a, b.to(a.device)], method, data=given, seed=seed, report=report, **settings).network
        done = finetune(fused, data, epochs, rate=0.01, batch=128, weight_decay=5e-4, seed=seed, report=report)
        return [scores["test"]["accuracy"] for scores in done.curve]

    return measured
