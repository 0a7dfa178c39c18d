"""What is recorded of the command line: every method and fusion on every shipped pair, small, and refusals.

A case is a name and the words of one command, run in a folder that `prepare` has filled.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import combinations
from pathlib import Path

import numpy as np
import torch
from torch import nn

from lmc_core import FUSIONS, METHODS, dataset

Case = tuple[str, list[str]]

CHECKPOINTS = Path(__file__).parents[1] / "checkpoints"
SMALL = ["--points", "3", "--train-examples", "100"]
PARTS = {"mnist": 100, "cifar10": 40}
"""Examples of each split that are left of the large data sets."""
FEWER_STEPS = {
    "frank-wolfe": ["--set", "restarts=1", "--set", "iterations=20"],
    "sinkhorn-rebasin": ["--set", "steps=10"],
    "straight-through": ["--set", "steps=5"],
}
"""Settings of the methods that would take minutes."""
FEWER_ROUNDS = {"gromov-wasserstein-barycenter": ["--set", "iterations=5"], "c2m3": ["--set", "iterations=20"]}
"""Settings of the fusions that would take minutes."""

M32, M128, M512 = ([f"digits-mlp-{width}/seed{seed}" for seed in (0, 1)] for width in (32, 128, 512))
THREE = [*M128, "digits-mlp-128/seed2"]
CNN, RESNET = ([f"{name}/seed{seed}" for seed in (0, 1)] for name in ("digits-cnn", "cifar10-resnet8"))


def prepare(folder: Path) -> None:
    """Files that the cases name: a part of the large data sets, data of another shape, and files that are no network.

    The command line has no option for fewer test examples, so the parts are files of their own.
    """
    for name, count in PARTS.items():
        whole = dataset(name)
        parts = {part: getattr(whole, part)[:count] for part in ("x_train", "y_train", "x_test", "y_test")}
        np.savez(folder / f"{name}.npz", classes=np.array(whole.classes), **parts)  # type: ignore[arg-type]
    x, y = np.zeros((5, 3, 3), np.float32), np.zeros(5, np.int64)
    np.savez(folder / "small.npz", x_train=x, y_train=y, x_test=x, y_test=y)
    (folder / "notes.txt").write_text("not a network\n")
    (folder / "text.pt").write_text("not a network\n")
    (folder / "empty.safetensors").write_bytes(b"")
    (folder / "folder").mkdir()
    torch.save({"a": torch.zeros(2)}, folder / "other.pt")
    (folder / "sweep.json").write_text(json.dumps({"pairs": [M32], "methods": ["no-such-method"]}))
    (folder / "broken.json").write_text("{")


def small() -> nn.Module:
    """A module for `export`."""
    return nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(144, 10))


def cases() -> list[Case]:
    """Everything that computes."""
    return [*_paths(), *_path_options(), *_fusions(), *_fusion_options(), *_others(), *_transformers(), *_texts()]


def _families() -> dict[str, tuple[list[str], str]]:
    """Folder of shipped networks → their ids, and the data they read."""
    found: dict[str, tuple[list[str], str]] = {}
    for entry in json.loads((CHECKPOINTS / "index.json").read_text()):
        data = "digits" if entry["data"] == "digits" else f"{entry['data']}.npz"
        found.setdefault(entry["id"].partition("/")[0], ([], data))[0].append(entry["id"])
    return found


def _path(name: str, pair: list[str], method: str, *words: str, data: str = "digits") -> Case:
    more = [] if "--set" in words else FEWER_STEPS.get(method, [])
    given = ["path", *pair, "--data", data, "--method", method, *more, *SMALL, *words]
    return f"path {name}", [*given, "--out", "out.safetensors", "--json"]


def _paths() -> Iterator[Case]:
    """Every method on the first pair of every family; the other pairs by weight matching."""
    for family, (ids, data) in _families().items():
        for number, pair in enumerate(combinations(ids, 2)):
            for method in METHODS if number == 0 else ("weight-matching",):
                seeds = "-".join(model.rpartition("seed")[2] for model in pair)
                yield _path(f"{family} {seeds} {method}", list(pair), method, data=data)


def _path_options() -> Iterator[Case]:
    """Every choice of every method, and every option of the command."""
    for method in METHODS.values():
        for parameter in method.parameters:
            others = [c for c in parameter.choices if c != parameter.default]
            others = [str(not parameter.default)] if parameter.kind is bool else others
            if parameter.kind is int and parameter.name == "examples":
                others = ["50"]
            for value in others:
                word = f"{parameter.name}={value}"
                few = FEWER_STEPS.get(method.name, [])
                yield _path(f"32 {method.name} {word}", M32, method.name, *few, "--set", word)
    for pair, data in ((RESNET, "cifar10.npz"), (CNN, "digits")):
        for how in ("auto", "none", "bn-reset", "repair"):
            name = f"{pair[0].partition('/')[0]} recalibrate {how}"
            yield _path(name, pair, "weight-matching", "--recalibrate", how, data=data)
    curve = ["--curve-epochs", "2", "--curve-bends", "2"]
    yield _path("32 bezier", M32, "weight-matching", "--curve", "bezier", *curve)
    yield _path("32 chain", M32, "identity", "--curve", "chain", *curve)
    yield _path("cnn bezier", CNN, "activation-matching", "--curve", "bezier", "--curve-epochs", "1")
    yield _path("resnet chain", RESNET, "identity", "--curve", "chain", "--curve-epochs", "1", data="cifar10.npz")
    yield _path("through", THREE[:2], "weight-matching", "--through", THREE[2])
    yield _path("seed", M32, "weight-matching", "--seed", "7")
    yield _path("normalize", M32, "weight-matching", "--normalize", "0.5/0.25")
    yield _path("arch", M32, "weight-matching", "--arch", "activation=tanh")
    yield _path("itself", [M32[0], M32[0]], "weight-matching")
    yield _path("all examples", M32, "activation-matching", "--train-examples", "0")
    yield "path whole mnist", ["path", *(f"mnist-mlp-512/seed{n}" for n in (0, 1)), "--data", "mnist", *SMALL, "--json"]


def _fuse(name: str, models: list[str], method: str, *words: str, data: str = "digits") -> Case:
    given = ["fuse", *models, "--data", data, "--method", method, *FEWER_ROUNDS.get(method, []), *SMALL, *words]
    return f"fuse {name}", [*given, "--out", "out.safetensors", "--json"]


def _fusions() -> Iterator[Case]:
    """Every fusion of every first pair, of three networks, and of different widths."""
    for method in FUSIONS:
        for family, (ids, data) in _families().items():
            yield _fuse(f"{family} 0-1 {method}", ids[:2], method, data=data)
        yield _fuse(f"three {method}", THREE, method)
        yield _fuse(f"two widths {method}", [M32[0], M128[1]], method)
        yield _fuse(f"three widths to a fourth {method}", [M32[0], M128[1], M512[0]], method, "--widths", "64")


def _fusion_options() -> Iterator[Case]:
    """Every choice of every fusion, and every option of the command."""
    for method in FUSIONS.values():
        for parameter in method.parameters:
            others = [c for c in parameter.choices if c != parameter.default]
            others = [str(not parameter.default)] if parameter.kind is bool else others
            for value in others:
                word = f"{parameter.name}={value}"
                yield _fuse(f"32 {method.name} {word}", M32, method.name, "--set", word)
    usual = "wasserstein-barycenter"
    yield _fuse("weights", M32, usual, "--weights", ".8,.2")
    yield _fuse("weights of three", THREE, "ot-fusion", "--weights", ".5,.25,.25")
    yield _fuse("widths by group", M32, usual, "--widths", "fc1=40,fc2=24")
    yield _fuse("cnn widths", CNN, "ot-fusion", "--widths", "24")
    yield _fuse("temperature", M32, "ot-fusion", "--temperature")
    yield _fuse("finetune", M32, usual, "--finetune", "2", "--rate", "0.02")
    yield _fuse("base", M32, "ot-fusion", "--set", "base=1")
    yield _fuse("zip a part", M32, "zipit", "--set", "after=fc1")
    part = ["--method", "zipit", "--set", "after=fc1", *SMALL, "--json"]
    yield "fuse and zip a part, kept in no file", ["fuse", *M32, *part]
    yield _fuse("cnn width of a group", CNN, "ot-fusion", "--widths", "conv1=24")
    for how in ("none", "bn-reset", "repair"):
        yield _fuse(f"resnet recalibrate {how}", RESNET, "ot-fusion", "--recalibrate", how, data="cifar10.npz")


def _others() -> Iterator[Case]:
    """The other commands."""
    quick = "identity,weight-matching,activation-matching,head-matching"
    yield "compare two", ["compare", *M32, "--methods", quick, *SMALL, "--json"]
    yield "compare three", ["compare", *THREE, "--methods", quick, *SMALL, "--set", "restarts=1", "--json"]
    yield "compare misfits", ["compare", M32[0], *THREE, "--methods", "weight-matching", *SMALL, "--json"]
    for family, (ids, data) in _families().items():
        yield f"inspect {family}", ["inspect", ids[0], "--json"]
        yield f"inspect {family} on data", ["inspect", ids[1], "--data", data, "--json"]
    train = ["--set", "epochs=1", "--out", "trained.safetensors", "--json"]
    yield "train recipe", ["train", "digits-mlp-32", *train]
    for family, arch in (("mlp", "widths=64,16,10"), ("cnn", "stages=[[4],[8]]"), ("recurrent", "hidden=8")):
        yield f"train {family}", ["train", family, "--arch", arch, *train]
    export = ["benchmarks.cases:small", "--input", "1x8x8", "--normalize", "0.5/0.25", "--out", "small.pt2"]
    yield "export", ["export", *export, "--json"]
    yield "inspect on data it cannot read", ["inspect", M32[0], "--data", "small.npz", "--json"]
    yield "inspect a program", ["inspect", "small.pt2", "--json"]


def _transformers() -> Iterator[Case]:
    """None is shipped, so two are trained, and matched head by head."""
    arch = [word for key in ("width=16", "depth=2", "heads=2") for word in ("--arch", key)]
    pair = [f"transformer{seed}.safetensors" for seed in (0, 1)]
    for seed, out in enumerate(pair):
        train = ["train", "transformer", *arch, "--set", "epochs=2", "--seed", str(seed), "--out", out]
        yield f"transformer, trained with seed {seed}", [*train, "--json"]
    yield "transformer, inspected", ["inspect", pair[0], "--data", "digits", "--json"]
    for method in METHODS:
        name, words = _path("", pair, method)
        yield f"transformer, {name}{method}", words
    held = _path("", pair, "head-matching", "--set", "residual=identity")[1]
    yield "transformer, its residual stream held", held
    for method in ("wasserstein-barycenter", "ot-fusion", "merge-many", "zipit"):
        yield f"transformer, fuse {method}", _fuse("", pair, method)[1]


def _texts() -> Iterator[Case]:
    """What a person reads."""
    yield "text of path", ["path", *M32, *SMALL]
    yield "text of a path with a curve", ["path", *M32, *SMALL, "--curve", "bezier", "--curve-epochs", "2"]
    yield "text of fuse", ["fuse", *THREE, *SMALL, "--finetune", "1", "--temperature"]
    yield "text of compare", ["compare", *M32, "--methods", "identity,weight-matching", *SMALL]
    yield "text of compare of three", ["compare", *THREE, "--methods", "identity,weight-matching", *SMALL]
    yield "text of inspect", ["inspect", CNN[0], "--data", "digits"]
    yield "text of inspect of a ResNet", ["inspect", RESNET[0]]


PATH = ["path", *M32, "--points", "2", "--train-examples", "50"]
FUSE = ["fuse", *M32, "--points", "2", "--train-examples", "50"]
REFUSED: tuple[list[str], ...] = (
    [],
    ["merge"],
    ["path", M32[0]],
    ["path", M32[0], "missing.pt"],
    ["path", M32[0], "notes.txt"],
    ["path", M32[0], "text.pt"],
    ["path", M32[0], "other.pt"],
    ["path", M32[0], "empty.safetensors"],
    ["path", M32[0], "folder"],
    ["path", M32[0], CNN[0]],
    ["path", M32[0], M128[0]],
    [*PATH, "--method", "magic"],
    [*PATH, "--method", "head-matching"],
    [*PATH, "--data", "imagenet"],
    [*PATH, "--data", "missing.npz"],
    [*PATH, "--data", "small.npz"],
    [*PATH, "--restarts", "0"],
    [*PATH, "--set", "restarts"],
    [*PATH, "--set", "colour=red"],
    [*PATH, "--passes", "3"],
    [*PATH, "--points", "1"],
    [*PATH, "--points", "many"],
    [*PATH, "--train-examples", "-5"],
    [*PATH, "--recalibrate", "always"],
    [*PATH, "--device", "abacus"],
    [*PATH, "--arch", "activation"],
    [*PATH, "--arch", "activation=loud"],
    [*PATH, "--normalize", "0.5"],
    [*PATH, "--out", "aligned.png"],
    [*PATH, "--out", "nowhere/aligned.pt2"],
    [*PATH, "--curve", "bezier", "--curve-epochs", "0"],
    [*PATH, "--curve-bends", "2"],
    [*PATH, "--curve", "chain", "--through", M32[0]],
    [*PATH, "--colour", "red"],
    ["fuse", M32[0]],
    ["fuse", M32[0], CNN[0]],
    [*FUSE, "--method", "magic"],
    [*FUSE, "--weights", ".5"],
    [*FUSE, "--weights", "a,b"],
    [*FUSE, "--weights=-1,2"],
    [*FUSE, "--widths", "wide"],
    [*FUSE, "--widths", "fc9=3"],
    [*FUSE, "--widths", "0"],
    [*FUSE, "--method", "c2m3", "--widths", "16"],
    [*FUSE, "--finetune", "-1"],
    [*FUSE, "--set", "base=5", "--method", "ot-fusion"],
    ["compare", M32[0]],
    ["compare", *M32, "--methods", "magic"],
    ["compare", *M32, "--set", "colour=red"],
    ["compare", M32[0], CNN[0]],
    ["compare", M32[0], M128[0], M512[0]],
    ["inspect"],
    ["inspect", "no-such/model"],
    ["reproduce", "magic"],
    ["reproduce", "residual-toy", "--set", "colour=red"],
    ["sweep", "missing.json"],
    ["sweep", "broken.json"],
    ["sweep", "sweep.json"],
    ["sweep", "sweep.json", "--engine", "magic"],
    ["train", "mlp", "--data", "digits", "--out", "m.safetensors"],
    ["train", "poem", "--out", "m.safetensors"],
    ["train", "digits-mlp-32", "--set", "speed=9", "--out", "m.safetensors"],
    ["train", "digits-mlp-32"],
    ["export", "benchmarks", "--input", "1x8x8", "--out", "a.pt2"],
    ["export", "no_such_module:Net", "--input", "1x8x8", "--out", "a.pt2"],
    ["export", "benchmarks.cases:Nothing", "--input", "1x8x8", "--out", "a.pt2"],
    ["export", "benchmarks.cases:small", "--input", "1xtwo", "--out", "a.pt2"],
    ["export", "benchmarks.cases:small", "--input", "1x8x8", "--out", "a.safetensors"],
    ["export", "benchmarks.cases:small", "--input", "1x8x8", "--weights", "other.pt", "--out", "a.pt2"],
)
"""Words that the command line refuses, each with one sentence."""
