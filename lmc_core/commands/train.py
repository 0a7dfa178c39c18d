"""`train NAME`: train a network by a shipped recipe, or any architecture family by settings of your own."""

from __future__ import annotations

import argparse
from dataclasses import fields, replace
from typing import TYPE_CHECKING, Any

from lmc_core.commands.arguments import Answer, check_output, pairs, write
from lmc_core.errors import SettingError
from lmc_core.networks.families import FAMILIES
from lmc_core.options import REQUIRED, Option
from lmc_core.report import Report

if TYPE_CHECKING:
    from lmc_core.data.dataset import Dataset
    from lmc_core.training.train import Recipe


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "name", metavar="FAMILY", help=f"a family ({', '.join(FAMILIES)}) or a recipe (digits-mlp-128, …)"
    )
    parser.add_argument("--data", help="digits, mnist, fashion-mnist, cifar10, text, or an .npz or .txt file")
    parser.add_argument("--arch", action="append", default=[], metavar="KEY=VALUE", help="an option of the family")
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="of the recipe: optimiser, rate, epochs, batch, weight_decay, momentum, warmup, schedule, augment, …",
    )
    parser.add_argument("--normalize", metavar="MEAN/STD", help="input normalisation, such as 0.1307/0.3081")
    parser.add_argument("--out", required=True, metavar="FILE", help="the network: .safetensors, .pth or .pt2")


def run(args: argparse.Namespace, report: Report) -> Answer:
    check_output(args.out, ".safetensors", ".pth", ".pt2")
    report("reading the data", 0, 0)
    from lmc_core.data.registry import dataset
    from lmc_core.runs.work.device import pick_device
    from lmc_core.training.recipes import RECIPES
    from lmc_core.training.train import train

    device = pick_device(args.device)
    known = RECIPES.get(args.name)
    data = dataset(args.data or (known.data if known else "digits"))
    recipe = _changed(known or _recipe(args.name, args.arch, data), args, data)
    network = train(recipe, args.seed, name=args.name, data=data, device=device, report=report)
    write(network, args.out)
    about = network.metadata
    answer = {
        "out": args.out,
        "recipe": about["recipe"],
        "accuracy": dict(about["accuracy"]),
        "loss": dict(about["loss"]),
        "fingerprint": network.fingerprint,
        "parameters": network.parameters,
        "data": data.name,
        "device": device,
        "seed": args.seed,
    }
    scores = ", ".join(f"{split} {value:.2%}" for split, value in about["accuracy"].items())
    return Answer(answer, f"{recipe.title}, seed {args.seed}: accuracy {scores}\nwritten to {args.out}")


def _recipe(name: str, words: list[str], data: Dataset) -> Recipe:
    """A recipe for a family: Adam, with what the data tell (shape of an example, number of classes) filled in."""
    from lmc_core.networks.families import architecture
    from lmc_core.training.recipes import RECIPES
    from lmc_core.training.train import Recipe

    if name not in FAMILIES:
        raise SettingError(f"{name!r} is neither a family ({', '.join(FAMILIES)}) nor a recipe ({', '.join(RECIPES)})")
    options: dict[str, Any] = {**_told_by(data, FAMILIES[name].options), **pairs(words, "--arch")}
    made = architecture(name, **options)
    return Recipe(f"{FAMILIES[name].title} on {data.name}", made, data.name, "adam", rate=1e-3, epochs=20, batch=64)


def _told_by(data: Dataset, options: type) -> dict[str, Any]:
    """The options of a family that follow from the data."""
    import numpy as np

    known = {f.name: f.default for f in fields(options)}
    told: dict[str, Any] = {}
    if "classes" in known:
        told["classes"] = len(data.classes)
    if "vocabulary" in known and np.issubdtype(data.x_train.dtype, np.integer):
        told["vocabulary"] = max(len(data.classes), 1 + int(data.x_train.max()), 1 + int(data.x_test.max()))
    if "input_shape" in known:
        wanted = len(known["input_shape"]) if isinstance(known["input_shape"], tuple) else 0
        told["input_shape"] = (*(1,) * (wanted - len(data.shape)), *data.shape)
    if "features" in known and "steps" in known and len(data.shape) >= 2:
        told |= {"steps": data.shape[-2], "features": data.shape[-1]}
    return told


def _changed(recipe: Recipe, args: argparse.Namespace, data: Dataset) -> Recipe:
    """The recipe with the settings of the command line."""
    from lmc_core.networks.families import architecture
    from lmc_core.networks.values import read_normalize

    kinds = {"train_examples": int, "clip": float}
    kinds |= {f.name: type(getattr(recipe, f.name)) for f in fields(recipe) if f.name not in kinds}
    fixed = ("architecture", "data", "normalize")
    changes: dict[str, Any] = {"data": data.name}
    for key, value in pairs(args.set, "--set").items():
        if key not in kinds or key in fixed:
            known = ", ".join(sorted(kinds.keys() - set(fixed)))
            raise SettingError(f"a recipe has no setting {key!r}; it has {known}")
        changes[key] = Option(key, kinds[key], REQUIRED, "").check(value)
    if args.arch:
        options = {**recipe.architecture.options, **pairs(args.arch, "--arch")}
        changes["architecture"] = architecture(recipe.architecture.family, **options)
    if args.normalize:
        changes["normalize"] = read_normalize(args.normalize)
    return replace(recipe, **changes)
